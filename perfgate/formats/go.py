"""The text of Go's testing.B, with the metadata of units that benchstat knows."""

import re
from dataclasses import replace

from perfgate.core.model import METRICS, TIME, Direction, Kind, Metric, Reason, Run
from perfgate.core.units import Unit
from perfgate.errors import FileError
from perfgate.formats.document import Document, Says
from perfgate.formats.readings import Read, Readings, slug, unit_named

says = Says(
    title="Go testing.B",
    made_by="go test -bench . -count N | tee FILE",
    processes="one a package",
    values="one a count",
    metrics="time, allocated-bytes, allocations, and those that a benchmark reports itself",
    environment="goos, goarch, cpu",
)
_LINE = re.compile(r"(Benchmark\S*)\s+(\d+)\s+(\S.*)")
_FACT = re.compile(r"(goos|goarch|cpu|pkg): (.+)")
_UNIT = re.compile(r"Unit (\S+) (.+)")
_FAILED = re.compile(r"\s*--- (FAIL|SKIP): (Benchmark\S*)")
_REST = re.compile(r"\s+\d+\s+(\S+ \S+/op.*)")  # behind what the benchmark itself printed
_STARTED = re.compile(r"(Benchmark[^a-z\s]\S*)(?:\s|$)")  # what the benchmark itself prints may follow
_KNOWN = {
    "B/op": Read(metric=Metric(name="allocated-bytes", unit=Unit.BYTE, diagnostic=True), factor=1.0),
    "allocs/op": Read(metric=METRICS["allocations"], factor=1.0),
}


def recognises(document: Document) -> bool:
    """Return whether a line of its beginning is a benchmark's result."""
    lines = document.beginning.splitlines()
    named = any(_LINE.match(line) and "/op" in line for line in lines)
    return named or {"goos", "goarch"} <= {line.partition(":")[0] for line in lines}


def read(document: Document) -> Run:
    """Return its benchmarks by package and name; what failed or never ended has no number."""
    found = Readings(document, "go")
    facts: dict[str, object] = {}
    units: dict[str, Read] = {}
    package, waiting = "", ""
    for number, line in enumerate(document.lines, start=1):
        if fact := _FACT.match(line):
            package = fact[2] if fact[1] == "pkg" else package
            facts |= {} if fact[1] == "pkg" else {fact[1]: fact[2]}
        elif told := _UNIT.match(line):
            units[told[1]] = _told(units.get(told[1], unit_of(told[1])), told[2])
        elif failed := _FAILED.match(line):
            reason = Reason.RAISED if failed[1] == "FAIL" else Reason.SKIPPED
            found.fail(_name(package, failed[2]), reason, f"go test said {failed[1]}")
            waiting = ""
        elif waiting and (rest := _REST.match(line)):
            _add(found, waiting, rest[1].split(), units, where=f"{document.name}, line {number}")
            waiting = ""
        elif result := _LINE.match(line):
            name = _name(package, result[1])
            _lost(found, waiting, name)
            _add(found, name, result[3].split(), units, where=f"{document.name}, line {number}")
            waiting = ""
        elif started := _STARTED.match(line):
            _lost(found, waiting, _name(package, started[1]))
            waiting = _name(package, started[1])
        elif waiting and (line.startswith(("panic:", "FAIL", "exit status", "signal:"))):
            found.fail(waiting, Reason.DIED, line.strip())
            waiting = ""
    if waiting:
        found.fail(waiting, Reason.DIED, "the output ends before its result")
    found.facts = facts
    return found.run()


def _lost(found: Readings, waiting: str, following: str) -> None:
    """Fail a benchmark that began and gave no result before the next one did: unless it is that, or a part."""
    before, after = (re.sub(r"-\d+$", "", name) for name in (waiting, following))
    if waiting and after != before and not after.startswith(f"{before}/"):
        found.fail(waiting, Reason.NOTHING, "the next one begins before its result")


def unit_of(text: str) -> Read:
    """Return what a unit of Go's measures."""
    found = _KNOWN.get(text) or unit_named(text)
    if found.metric == TIME and text != "ns/op":  # a time that the benchmark reports itself is not that of an iteration
        return replace(found, metric=Metric(name=slug(text), unit=Unit.SECOND))
    return found


def _name(package: str, name: str) -> str:
    return f"{package}.{name}" if package else name


def _told(unit: Read, words: str) -> Read:
    """Return the unit with what `Unit NAME better=higher assume=exact` says of it."""
    known = dict(word.partition("=")[::2] for word in words.split())
    metric = unit.metric
    if known.get("better") in ("higher", "lower"):
        metric = replace(metric, direction=Direction(known["better"]))
    if known.get("assume") == "exact":
        metric = replace(metric, kind=Kind.EXACT)
    return replace(unit, metric=metric)


def _add(found: Readings, name: str, words: list[str], units: dict[str, Read], *, where: str) -> None:
    if len(words) % 2 or not words:
        raise FileError(f"{where}: {' '.join(words)[:60]!r} are no values with their units")
    for value, text in zip(words[::2], words[1::2], strict=True):
        unit = units.get(text) or unit_of(text)
        try:
            number = float(value)
        except ValueError as exc:
            raise FileError(f"{where}: {value[:60]!r} is no number") from exc
        found.add(name, unit.metric, [unit.factor * number])
