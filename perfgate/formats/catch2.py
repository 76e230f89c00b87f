"""Catch2's XML, or what it prints."""

import re
from collections.abc import Iterator

from perfgate.core.model import TIME, Reason, Run
from perfgate.errors import FileError
from perfgate.formats.document import NUMBER, Document, Says, number
from perfgate.formats.readings import Readings, unit_named

says = Says(
    title="Catch2",
    made_by="./tests '[benchmark]' --reporter xml::out=FILE, or what it prints",
    processes="one",
    values="the mean",
    metrics="time",
)
_HEAD = re.compile(r"^benchmark name\s+samples\s+iterations\s+est(imated|\. run time)?", re.MULTILINE)
_RULE = re.compile(r"[-.=~]{70,}")
_PLAN = re.compile(rf"(?:(\S.*?)\s+)?({NUMBER})\s+({NUMBER})\s+{NUMBER} (?:ns|us|ms|s|m|h)\s*")
_MEAN = re.compile(rf"\s+({NUMBER}) (ns|us|ms|s|m|h)\s+{NUMBER} (?:ns|us|ms|s|m|h)\s+{NUMBER} (?:ns|us|ms|s|m|h)\s*")


def recognises(document: Document) -> bool:
    """Return whether it begins as a Catch2 report does, or holds the head of its table of benchmarks."""
    text = document.beginning
    printed = bool(_HEAD.search(text)) or bool(re.search(r" is a Catch2? v[\d.]+ ", text))
    return printed or document.is_xml("Catch2TestRun", "Catch")


def read(document: Document) -> Run:
    """Return its benchmarks, each behind the name of its test case; one that failed has no number."""
    if not document.is_xml("Catch2TestRun", "Catch"):
        return _printed(document)
    root = document.xml
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


def _printed(document: Document) -> Run:
    found, seen = Readings(document, "catch2"), set[str]()
    for case, name, seconds in _results(document):
        full = f"{case}/{name}"
        found.once(full, seen)
        found.add(full, TIME, [seconds])
    return found.run()


def _results(document: Document) -> Iterator[tuple[str, str, float]]:
    """Yield (test case, benchmark, seconds) of what it printed: the mean stands below the plan of a benchmark."""
    case, lines = "", document.lines
    words: list[str] = []  # a long name takes several lines
    waiting = ""
    for place, line in enumerate(lines):
        around = {lines[place - 1][:3], lines[place + 1][:3]} if 0 < place < len(lines) - 1 else set()
        if around == {"---"} and line.strip():
            case, words = line.strip(), []
        elif mean := _MEAN.fullmatch(line):
            if waiting:
                yield case, waiting, unit_named(mean[2]).factor * number(document, mean[1])
            waiting, words = "", []
        elif plan := _PLAN.fullmatch(line):
            waiting = " ".join([*words, *([plan[1]] if plan[1] else [])])
            words = []
        elif not line.strip() or _RULE.fullmatch(line.strip()) or line[:1].isspace() or _HEAD.match(line):
            words = []
        else:
            words.append(line.strip())


def _nanoseconds(document: Document, name: str, text: str | None) -> float:
    try:
        return 1e-9 * float(text or "")
    except ValueError as exc:
        raise FileError(f"{document.name}: the mean of {name!r} is {str(text)[:60]!r}") from exc
