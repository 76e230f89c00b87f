"""A result file as the readers see it, and what a reader is."""

import csv
import io
import json
import re
import zlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeVar

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from perfgate.core.model import Run, Sli
from perfgate.errors import FileError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

LARGEST = 256 * 2**20  # bytes, unpacked
LOOKED_AT = 4096  # bytes from which a text format is told
CSV_COLUMNS = ("benchmark", "metric", "unit", "better", "process", "value")
CSV_HINT = f"a CSV names its columns in the first line: benchmark and value, and of {', '.join(CSV_COLUMNS[1:5])} any"
NUMBER = r"[-+]?(?i:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?(?:e[-+]?\d+)?|nan|inf(?:inity)?)"
"""A number in a text, with what tools print in place of one: it fails its metric, and is not overlooked."""
NO_SHARES = "it is a share of a number of requests, and the format has no place for that number"
_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_GZIP = b"\x1f\x8b"

Shape = TypeVar("Shape")
Count = Annotated[int, Field(ge=0, lt=2**53)]
"""How many: what is larger than any tool can have counted is no count."""


def _spelled(value: object) -> object:
    """Return the number that a text such as "NaN" means: Java's and Go's JSON has no other way to write it."""
    return (
        float(value) if isinstance(value, str) and value.lstrip("+-").lower() in ("nan", "inf", "infinity") else value
    )


Number = Annotated[float, BeforeValidator(_spelled)]
"""A number, also one that is not finite and so written in quotes: it fails its metric, not the file."""


class Table(BaseModel):
    """A JSON object of which some keys are known; no text is taken for a number."""

    model_config = ConfigDict(strict=True, extra="ignore", populate_by_name=True)


class Document:
    """One file: its name and its bytes, each way of looking at them worked out once."""

    def __init__(self, name: str, data: bytes) -> None:
        self.name = name
        self.data = _unpacked(name, data) if data.startswith(_GZIP) else data

    @cached_property
    def text(self) -> str:
        """The whole as text: UTF-8, or UTF-16 where a byte order mark says so.

        Raises: FileError with the place of the first byte that is neither.
        """
        encoding = next((each for mark, each in _MARKS.items() if self.data.startswith(mark)), "utf-8")
        try:
            return self.data.decode(encoding)
        except UnicodeDecodeError as exc:
            raise FileError(f"{self.name} is not {encoding} text: byte {exc.start:,}", hint="save it as UTF-8") from exc

    @cached_property
    def lines(self) -> list[str]:
        """Its lines, without their ends."""
        return self.text.splitlines()

    @cached_property
    def json(self) -> Any:
        """What it says as JSON; None where it is none, which no format consists of."""
        try:
            return from_json(self._json_bytes)
        except (ValueError, FileError):
            return None

    @property
    def _json_bytes(self) -> bytes:
        marked = self.data.startswith(tuple(_MARKS))
        return self.text.removeprefix("\ufeff").encode() if marked else self.data

    @property
    def why_not_json(self) -> str:
        """What is wrong with it as JSON, where it begins as such; empty otherwise."""
        if self.beginning.lstrip("\ufeff \t\r\n")[:1] not in ("{", "["):
            return ": it is empty" if not self.data.strip() else ""
        try:
            from_json(self._json_bytes)
        except (ValueError, FileError) as exc:
            return f": its JSON is damaged, {exc}"
        return ""

    @property
    def is_table(self) -> bool:
        """Whether its first line looks like the names of columns."""
        first = self.beginning.partition("\n")[0]
        return first[:1] not in ("{", "[", "<") and max(first.count(mark) for mark in ",;\t") > 0

    @cached_property
    def rows(self) -> list[Any]:
        """What each of its lines says as JSON; empty where the first of them is no JSON object.

        Raises: FileError with the number of a later line that is none.
        """
        if self.json is not None:
            return [self.json] if isinstance(self.json, dict) else []
        found: list[Any] = []
        for number, line in enumerate(self.lines, start=1):
            if not line.strip():
                continue
            try:
                found.append(json.loads(line))
            except (ValueError, RecursionError) as exc:
                if not found:
                    return []
                raise FileError(f"{self.name}, line {number}: not JSON, as the lines before it are") from exc
            if not isinstance(found[0], dict):
                return []
        return found

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """What its first line names the columns of a CSV, in lower case; empty where it names no two."""
        first = self.beginning.lstrip("\ufeff").partition("\n")[0]
        if not self.is_table:
            return ()
        try:
            cells = next(csv.reader([first], delimiter=delimiter(first), skipinitialspace=True), [])
        except csv.Error:
            return ()
        return tuple(cell.strip().lower() for cell in cells)

    def needs(self, columns: Collection[str]) -> None:
        """Refuse a CSV that lacks one of these columns.

        Raises: FileError.
        """
        if missing := sorted(set(columns) - set(self.columns)):
            there = ", ".join(self.columns)[:200]
            raise FileError(f"{self.name}: its first line names no column {missing[0]!r}, only {there}")

    def cells(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the cells of each line of a CSV behind the first, with its number: one a column at least.

        Raises: FileError where it is no CSV.
        """
        text = self.text.removeprefix("\ufeff")
        rows = csv.reader(io.StringIO(text), delimiter=delimiter(text.partition("\n")[0]), skipinitialspace=True)
        try:
            next(rows, None)
            for row in rows:
                if row:
                    yield rows.line_num, row + [""] * (len(self.columns) - len(row))
        except csv.Error as exc:
            raise FileError(f"{self.name}, line {rows.line_num}: {exc}") from exc

    def records(self) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield each line of a CSV behind the first by `columns`, with what messages call it."""
        for number, row in self.cells():
            yield f"{self.name}, line {number}", dict(zip(self.columns, row, strict=False))

    @cached_property
    def xml(self) -> "Element":
        """What it says as XML.

        Raises: FileError where it is none, or declares entities or a document type.
        """
        try:
            root: Element = fromstring(self.data)
        except DefusedXmlException as exc:
            raise FileError(f"{self.name} declares entities or a document type, which no report does") from exc
        except (ParseError, ValueError, LookupError) as exc:
            raise FileError(f"{self.name} is not a complete XML file: {exc}") from exc
        return root

    def is_xml(self, *roots: str) -> bool:
        """Return whether it begins as an XML file with one of these elements outermost."""
        text = self.beginning.lstrip("\ufeff \r\n\t")
        return text.startswith("<") and any(re.search(rf"<{root}[\s>]", text) for root in roots)

    @cached_property
    def beginning(self) -> str:
        """Its first characters, whatever else it holds."""
        encoding = next((each for mark, each in _MARKS.items() if self.data.startswith(mark)), "utf-8")
        return self.data[:LOOKED_AT].decode(encoding, errors="ignore")

    def keys(self, *path: str) -> frozenset[str]:
        """Return the keys of the JSON object at `path`, or of the first one in a list there; none where none is."""
        found = self.json
        for key in path:
            found = found.get(key) if isinstance(found, dict) else None
        if isinstance(found, list):
            found = next(iter(found), None)
        return frozenset(found) if isinstance(found, dict) else frozenset()

    def shaped(self, shape: type[Shape], value: Any = ...) -> Shape:
        """Return `value`, or all that it says as JSON, as `shape`.

        Raises: FileError with the place and the value of the first fault.
        """
        try:
            return TypeAdapter(shape).validate_python(self.json if value is ... else value)
        except ValidationError as exc:
            faults = exc.errors(include_url=False)
            where = ".".join(str(part) for part in faults[0]["loc"])
            given = "" if faults[0]["type"] == "missing" else f" (it is {_short(faults[0]['input'])})"
            more = f"; {len(faults) - 1} more faults" if len(faults) > 1 else ""
            raise FileError(f"{self.name}, {where}: {faults[0]['msg']}{given}{more}") from exc


@dataclass(frozen=True, slots=True, kw_only=True)
class Says:
    """What a format can say, for the table in docs/formats.md."""

    title: str
    made_by: str
    """The command that makes such a file."""
    processes: str
    """What it says of the processes that the values come from."""
    values: str
    """Whether every measured value is there, or a summary only."""
    metrics: str
    environment: str = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A run in another tool's format."""

    text: str
    left_out: tuple[tuple[Sli, str], ...] = ()
    """SLIs that the format cannot hold, with the reason."""
    reduced: str = ""
    """What is kept of the values of each SLI; empty where all of them are."""


class Reader(Protocol):
    """Reads the files of one tool."""

    @property
    def says(self) -> Says:
        """What its files can say."""
        ...

    def recognises(self, document: Document) -> bool:
        """Return whether this is its file, by its shape and not by its name; whether it is whole is not asked."""
        ...

    def read(self, document: Document) -> Run:
        """Return what it says.

        Raises: FileError where it is not whole, or not of a version that is understood.
        """
        ...


def whole(document: Document, what: str, amount: float) -> int:
    """Return a count that is written as any number.

    Raises: FileError where it is none.
    """
    if not 0 <= amount < 2**53 or amount != int(amount):
        raise FileError(f"{document.name}: {what} is {amount:g}")
    return int(amount)


def number(document: Document, text: str) -> float:
    """Return the number that a text is.

    Raises: FileError where it is none.
    """
    try:
        return float(text)
    except ValueError as exc:
        raise FileError(f"{document.name}: {text[:60]!r} is not a number") from exc


def delimiter(first: str) -> str:
    """Return what separates the columns of a CSV, as its first line shows."""
    return max(",;\t", key=first.count)


def newest(document: Document, what: str, version: object, known: Iterable[object]) -> None:
    """Refuse an unknown version of a format.

    Raises: FileError.
    """
    if version not in (known := list(known)):
        read = ", ".join(str(each) for each in known)
        raise FileError(
            f"{document.name} is {what} of version {_short(version)}; this perfgate reads {read}",
            hint="a newer perfgate may read it",
        )


def _unpacked(name: str, data: bytes) -> bytes:
    found = b""
    while data:  # several may follow each other, as log files that were put together do
        unpacking = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        try:
            found += unpacking.decompress(data, LARGEST + 1 - len(found))
        except zlib.error as exc:
            raise FileError(f"{name} is a damaged gzip file: {exc}") from exc
        if len(found) > LARGEST:
            raise FileError(f"{name} has more than {LARGEST:,} bytes when unpacked")
        if not unpacking.eof:
            raise FileError(f"{name} is a damaged gzip file: it ends too early")
        data = unpacking.unused_data
    return found


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
