"""Catch2's XML."""

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from perfgate.core.model import TIME, Reason, Run
from perfgate.errors import FileError
from perfgate.formats.document import Document, Says
from perfgate.formats.readings import Readings

says = Says(
    title="Catch2",
    made_by="./tests '[benchmark]' --reporter xml::out=FILE",
    processes="one",
    values="the mean",
    metrics="time",
)


def recognises(document: Document) -> bool:
    """Return whether it begins as a Catch2 report does."""
    text = document.beginning.lstrip("\ufeff \r\n\t")
    return text.startswith("<") and ("<Catch2TestRun" in text or "<Catch " in text)


def read(document: Document) -> Run:
    """Return its benchmarks, each behind the name of its test case; one that failed has no number."""
    try:
        root = fromstring(document.data)
    except DefusedXmlException as exc:
        raise FileError(f"{document.name} declares entities or a document type, which no Catch2 report does") from exc
    except (ParseError, ValueError, LookupError) as exc:
        raise FileError(f"{document.name} is no whole XML file: {exc}") from exc
    found = Readings(document, "catch2", facts={"catch2": root.get("catch2-version")})
    seen: set[str] = set()
    for case in root.iter("TestCase"):
        for result in case.iter("BenchmarkResults"):
            name = f"{case.get('name', '')}/{result.get('name', '')}"
            found.once(name, seen)
            mean = result.find("mean")
            found.add(name, TIME, [_nanoseconds(document, name, None if mean is None else mean.get("value"))])
        for failed in case.iter("failed"):  # inside of a benchmark
            message = failed.get("message") or failed.text or "failed"
            found.fail(f"{case.get('name', '')}/failed", Reason.RAISED, message)
    return found.run()


def _nanoseconds(document: Document, name: str, text: str | None) -> float:
    try:
        return 1e-9 * float(text or "")
    except ValueError as exc:
        raise FileError(f"{document.name}: the mean of {name!r} is {str(text)[:60]!r}") from exc
