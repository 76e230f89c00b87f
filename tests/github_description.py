"""GitHub's own description of its API: what a request and an answer must look like, and answers filled to fit it.

`tests/data/github-openapi-subset.json` is the part that perfgate needs of GitHub's OpenAPI description 23.0.2
(npm @octokit/openapi, MIT).
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters
from werkzeug.datastructures import Headers, ImmutableMultiDict

API = "https://api.github.com"
SLASHED = re.compile(r"(?P<before>/(?:contents|compare|git/ref|git/refs)/)(?P<rest>.+)")


def _corrected() -> dict[str, Any]:
    """Return the description as GitHub lives it."""
    text = (Path(__file__).parent / "data" / "github-openapi-subset.json").read_text(encoding="utf-8")
    description: dict[str, Any] = json.loads(text)
    _allow_null(description)
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/basic-error"}}}
    for path in description["paths"].values():
        for verb in ("get", "post", "patch", "delete"):
            if verb in path:  # refusals that the description leaves out
                for status in ("401", "403", "404", "422", "429", "502"):
                    path[verb]["responses"].setdefault(status, {"description": "", "content": error})
    contents = description["paths"]["/repos/{owner}/{repo}/contents/{path}"]["get"]
    contents["responses"]["200"]["content"]["application/vnd.github.raw+json"] = {}
    return description


def _allow_null(node: Any) -> None:
    """An enum that is nullable lists null too."""
    if isinstance(node, dict):
        if node.get("nullable") and "enum" in node and None not in node["enum"]:
            node["enum"] = [*node["enum"], None]
        for child in node.values():
            _allow_null(child)
    elif isinstance(node, list):
        for child in node:
            _allow_null(child)


DESCRIPTION = _corrected()
OPENAPI = OpenAPI.from_dict(DESCRIPTION)


@dataclass(kw_only=True)
class Asked:
    """A request as the validator wants it."""

    method: str
    path: str
    parameters: RequestParameters
    content_type: str
    body: bytes | None
    host_url: str = API


@dataclass(kw_only=True)
class Answered:
    """An answer as the validator wants it."""

    status_code: int
    headers: Headers
    content_type: str
    data: bytes


def asked(method: str, path: str, query: dict[str, str], headers: dict[str, str], body: bytes) -> Asked:
    """Return a request; what has slashes in life is one part of the path for the validator."""
    path = SLASHED.sub(lambda match: match["before"] + quote(match["rest"], safe=""), path)
    return Asked(
        method=method.lower(),
        path=path,
        parameters=RequestParameters(query=ImmutableMultiDict(query), header=Headers(headers)),
        content_type=headers.get("Content-Type", ""),
        body=body or None,
    )


def check(request: Asked, status: int, headers: dict[str, str], data: bytes, *, valid: bool = True) -> None:
    """Raise unless GitHub would take this request and answer so.

    Args:
        valid: False for a request that is meant to be refused: only the answer is looked at.
    """
    if valid:
        found = OPENAPI.unmarshal_request(request)
        found.raise_for_errors()
        listed = _operation(request)["parameters"]
        names = {part.get("name") or _resolve(part["$ref"])["name"] for part in listed}
        strange = set(request.parameters.query) - names
        assert not strange, f"{request.path} takes no {strange}"
    answer = Answered(
        status_code=status, headers=Headers(headers), content_type=headers.get("Content-Type", ""), data=data
    )
    OPENAPI.validate_response(request, answer)


def _operation(request: Asked) -> Any:
    for pattern, path in DESCRIPTION["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", pattern), request.path) and request.method in path:
            return path[request.method]
    raise AssertionError(f"GitHub describes no {request.method} {request.path}")


def _resolve(reference: str) -> Any:
    found: Any = DESCRIPTION
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def filled(schema: str, /, **known: Any) -> dict[str, Any]:
    """Return an object of `schema` with all that it must have; `known` is what matters."""
    found = _fill({"$ref": f"#/components/schemas/{schema}"}, known)
    assert isinstance(found, dict)
    return found


def _fill(schema: dict[str, Any], known: Any) -> Any:
    if "$ref" in schema:
        schema = _resolve(schema["$ref"])
    for choice in ("allOf", "anyOf", "oneOf"):
        if choice in schema:  # the first will do; null is none of them
            return _fill(schema[choice][0], known)
    if schema.get("type") == "object" and (known is None or isinstance(known, dict)):
        if known is None and schema.get("nullable"):
            return None
        known = known or {}
        properties = schema.get("properties", {})
        required = [key for key in schema.get("required", ()) if key in properties]
        needed = {key: _fill(properties[key], known.get(key)) for key in required}
        extra = {key: _fill(properties[key], value) if key in properties else value for key, value in known.items()}
        return {**needed, **extra}
    if known is not None or schema.get("nullable"):
        return known
    formats = {"uri": f"{API}/x", "date-time": "2026-01-02T03:04:05Z", "timestamp": 1}
    plain = {"string": "x", "integer": 1, "number": 1.0, "boolean": False, "array": []}
    return (
        schema["enum"][0]
        if "enum" in schema
        else formats.get(schema.get("format", ""), plain.get(schema.get("type", "string"), {}))
    )
