"""What is sent: requests by weight, filled in from rows of data, the same calls to both sides."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import quote

_FIELD = re.compile(r"\{(\w+)\}")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One kind of request, and what its answer must be; `{field}` is replaced by a value of the row or of the login."""

    name: str
    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    json_body: str = ""
    """JSON; a text that is nothing but `{field}` becomes the value itself."""
    weight: float = 1.0
    status: tuple[int, ...] = ()
    """Statuses that are right; none: all below 400."""
    contains: str = ""
    """What the body must hold."""
    expect_headers: tuple[tuple[str, str], ...] = ()
    """Headers that the answer must have; an empty value is any."""
    expect_json: tuple[tuple[str, str], ...] = ()
    """Path in the answer's JSON (`items.0.id`) to the value there, as JSON."""

    @property
    def fields(self) -> frozenset[str]:
        """The names that must be filled in."""
        texts = (self.path, self.body, self.json_body, *(value for _, value in self.headers))
        return frozenset(name for text in texts for name in _FIELD.findall(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request filled in."""

    request: int
    """Its place among the requests."""
    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


def draw(requests: Sequence[Request], rows: Sequence[Row], count: int, *, seed: int) -> list[tuple[int, int]]:
    """Draw `count` calls: (request, row); -1 means no row."""
    rng = Random(seed)
    kinds = rng.choices(range(len(requests)), weights=[request.weight for request in requests], k=count)
    return [(kind, rng.randrange(len(rows)) if rows else -1) for kind in kinds]


def fill(request: Request, place: int, values: Row) -> Call:
    """Return `request`, the `place`-th, with its fields filled in from `values`.

    Raises: ValueError for a field without a value.
    """
    if missing := sorted(request.fields - values.keys()):
        raise ValueError(f"request {request.name!r} wants {{{missing[0]}}}, which neither data nor login gives")
    headers = tuple((name, _plain(text, values)) for name, text in request.headers)
    body = _plain(request.body, values).encode()
    if request.json_body:
        body = json.dumps(_inside(json.loads(request.json_body), values)).encode()
        headers = (*headers, ("Content-Type", "application/json"))
    path = _FIELD.sub(lambda match: quote(str(values[match[1]]), safe=""), request.path)
    return Call(request=place, method=request.method, path=path, headers=headers, body=body)


def fault(request: Request, status: int, headers: Mapping[str, str], body: bytes) -> str:
    """Return what is wrong with an answer, in a few words; empty where nothing is."""
    if (status not in request.status) if request.status else (status >= 400):
        return f"status {status}"
    if request.contains and request.contains.encode() not in body:
        return f"the body does not contain {request.contains!r}"
    for name, value in request.expect_headers:
        if name not in headers or (value and headers[name] != value):
            return f"header {name} is {headers.get(name)!r}"
    if request.expect_json:
        return _json_fault(request.expect_json, body)
    return ""


def at(document: Any, path: str) -> Any:
    """Return what `path` (`items.0.id`) leads to in a JSON document.

    Raises: LookupError where it leads nowhere.
    """
    for part in path.split("."):
        if isinstance(document, list):
            document = document[int(part)] if part.isdigit() else _nothing(part)
        else:
            document = document[part] if isinstance(document, dict) else _nothing(part)
    return document


def _nothing(part: str) -> Any:
    raise LookupError(part)


def _json_fault(expected: Sequence[tuple[str, str]], body: bytes) -> str:
    try:
        document = json.loads(body)
    except ValueError:
        return "the body is not JSON"
    for path, value in expected:
        try:
            found = at(document, path)
        except LookupError:
            return f"the JSON has nothing at {path}"
        if found != json.loads(value):
            return f"{path} is {json.dumps(found)[:80]}, not {value}"
    return ""


def _plain(text: str, values: Row) -> str:
    return _FIELD.sub(lambda match: str(values[match[1]]), text)


def _inside(document: Any, values: Row) -> Any:
    if isinstance(document, dict):
        return {key: _inside(value, values) for key, value in document.items()}
    if isinstance(document, list):
        return [_inside(value, values) for value in document]
    if isinstance(document, str):
        whole = _FIELD.fullmatch(document)
        return values[whole[1]] if whole else _plain(document, values)
    return document
