"""The text of Go's testing.B, with the metadata of units that benchstat knows."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from perfgate.core.model import METRICS, TIME, Direction, Kind, Metric, Reason, Run
from perfgate.core.units import Unit
from perfgate.errors import FileError
from perfgate.formats.document import NUMBER, Document, Says, Table
from perfgate.formats.readings import Read, Readings, slug, unit_named, with_parameters

says = Says(
    title="Go testing.B",
    made_by="go test -bench . -count N | tee FILE, or go test -json",
    processes="one a package",
    values="one a count",
    metrics="time, allocated-bytes, allocations, and those that a benchmark reports itself",
    environment="goos, goarch, cpu, GOMAXPROCS",
)
_LINE = re.compile(rf"(Benchmark\S*)\s+({NUMBER})\s+(\S.*)")
_RESULT = re.compile(r"Benchmark([^a-z\s]\S*)?\s+\d+(\s+[\d.eE+-]+\s+[^\s\d]\S*)+\s*")
_KEY = re.compile(r"(?!panic:|signal:)([a-z][^\sA-Z:]*):(?:\s+(.*))?")
_FACTS = ("goos", "goarch", "cpu")
_UNIT = re.compile(r"Unit (\S+) (.+)")
_FAILED = re.compile(r"\s*--- (FAIL|SKIP): (Benchmark\S*)")
_REST = re.compile(rf"\s+{NUMBER}\s+(\S+ \S+/op.*)")  # behind what the benchmark itself printed
_STARTED = re.compile(r"(Benchmark[^a-z\s]\S*)(?:\s|$)")  # what the benchmark itself prints may follow
_PROCS = re.compile(r"-(\d+)$")
_KNOWN = {
    "B/op": Read(metric=Metric(name="allocated-bytes", unit=Unit.BYTE, diagnostic=True), factor=1.0),
    "allocs/op": Read(metric=METRICS["allocations"], factor=1.0),
}

Configuration = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """A line of results, or why there is none."""

    configuration: Configuration
    name: str
    """As it is printed: with the number of CPUs at its end."""
    words: Sequence[str] = ()
    where: str = ""
    failed: tuple[Reason, str] | None = None


def recognises(document: Document) -> bool:
    """Return whether a line of its beginning is a benchmark's result, or an event of `go test -json`."""
    lines = document.beginning.splitlines()
    if any(_RESULT.fullmatch(line) or (_LINE.match(line) and "/op" in line) for line in lines):
        return True
    return {"goos", "goarch"} <= {line.partition(":")[0] for line in lines} or _is_events(document)


def _is_events(document: Document) -> bool:
    first = document.rows[0] if document.beginning.startswith("{") and document.rows else None
    return isinstance(first, dict) and {"Action", "Package"} <= first.keys()


def read(document: Document) -> Run:
    """Return its benchmarks by package and name; what failed or never ended has no number.

    Results of several configurations (`note: before`, then `note: after`) stay apart, as benchstat has it. The number
    of CPUs behind a name is a fact of the run, unless the file has results with several of them.
    """
    lines = _printed(document) if _is_events(document) else document.lines
    units: dict[str, Read] = {}
    results = list(_results(document, lines, units))
    said: dict[str, set[str]] = {}
    for result in results:
        for key, value in result.configuration:
            said.setdefault(key, set()).add(value)
    procs = {_procs(result.name) for result in results if not result.failed}
    facts: dict[str, object] = {key: next(iter(said[key])) for key in _FACTS if len(said.get(key, ())) == 1}
    if len(procs) == 1 and (many := procs.pop()) != "1":
        facts["gomaxprocs"] = many
    found, apart = Readings(document, "go", facts=facts), _apart(results)
    for result in results:
        name = _named(result, apart, bare="gomaxprocs" in facts)
        if result.failed:
            found.fail(name, *result.failed)
        else:
            _add(found, name, result.words, units, where=result.where)
    return found.run()


def _apart(results: Sequence[_Result]) -> frozenset[str]:
    """Return the keys of which some benchmark has results under more than one value."""
    seen: dict[tuple[str, str, str], set[str]] = {}
    for result in results:
        known = dict(result.configuration)
        package = known.pop("pkg", "")
        for key, value in known.items():
            seen.setdefault((package, result.name, key), set()).add(value)
    return frozenset(key for (*_, key), values in seen.items() if len(values) > 1)


def _printed(document: Document) -> list[str]:
    """Return the lines that `go test` printed, from its events: each package's together."""
    packages: dict[str, list[str]] = {}
    for row in document.rows:
        event = document.shaped(_Event, row)
        if event.Action == "output":
            packages.setdefault(event.Package, []).append(event.Output)
    return [line for parts in packages.values() for line in "".join(parts).splitlines()]


class _Event(Table):
    Action: str
    Package: str = ""
    Output: str = ""


def _results(document: Document, lines: Sequence[str], units: dict[str, Read]) -> Iterator[_Result]:
    """Yield each result, and each failure; fill in what the file says of its units."""
    configuration: dict[str, str] = {}
    waiting = ""
    for number, line in enumerate(lines, start=1):
        now, where = tuple(configuration.items()), f"{document.name}, line {number}"
        if key := _KEY.fullmatch(line):
            configuration[key[1]] = (key[2] or "").strip()
        elif told := _UNIT.match(line):
            units[told[1]] = _told(units.get(told[1], unit_of(told[1])), told[2])
        elif failed := _FAILED.match(line):
            reason = Reason.RAISED if failed[1] == "FAIL" else Reason.SKIPPED
            yield _Result(configuration=now, name=failed[2], failed=(reason, f"go test said {failed[1]}"))
            waiting = ""
        elif waiting and (rest := _REST.match(line)):
            yield _Result(configuration=now, name=waiting, words=rest[1].split(), where=where)
            waiting = ""
        elif result := _LINE.match(line):
            yield from _lost(waiting, result[1], now)
            yield _Result(configuration=now, name=result[1], words=result[3].split(), where=where)
            waiting = ""
        elif started := _STARTED.match(line):
            yield from _lost(waiting, started[1], now)
            waiting = started[1]
        elif waiting and (line.startswith(("panic:", "FAIL", "exit status", "signal:"))):
            yield _Result(configuration=now, name=waiting, failed=(Reason.DIED, line.strip()))
            waiting = ""
    if waiting:
        text = "the output ends before its result"
        yield _Result(configuration=tuple(configuration.items()), name=waiting, failed=(Reason.DIED, text))


def _lost(waiting: str, following: str, configuration: Configuration) -> Iterator[_Result]:
    """Fail a benchmark that began and gave no result before the next one did: unless it is that, or a part."""
    before, after = (_PROCS.sub("", name) for name in (waiting, following))
    if waiting and after != before and not after.startswith(f"{before}/"):
        text = "the next one begins before its result"
        yield _Result(configuration=configuration, name=waiting, failed=(Reason.NOTHING, text))


def _procs(name: str) -> str:
    found = _PROCS.search(name)
    return found[1] if found else "1"


def _named(result: _Result, apart: Collection[str], *, bare: bool) -> str:
    """Return "package.Benchmark[key=value]": with those keys that the file has more than one value of."""
    known = dict(result.configuration)
    package = known.get("pkg", "")
    name = _PROCS.sub("", result.name) if bare else result.name
    return (f"{package}.{name}" if package else name) + with_parameters(
        {key: known[key] for key in apart if key in known}
    )


def unit_of(text: str) -> Read:
    """Return what a unit of Go's measures."""
    found = _KNOWN.get(text) or unit_named(text)
    if found.metric == TIME and text != "ns/op":  # a time that the benchmark reports itself is not that of an iteration
        return replace(found, metric=Metric(name=slug(text), unit=Unit.SECOND))
    return found


def _told(unit: Read, words: str) -> Read:
    """Return the unit with what `Unit NAME better=higher assume=exact` says of it."""
    known = dict(word.partition("=")[::2] for word in words.split())
    metric = unit.metric
    if known.get("better") in ("higher", "lower"):
        metric = replace(metric, direction=Direction(known["better"]), guessed=False)
    if known.get("assume") == "exact":
        metric = replace(metric, kind=Kind.EXACT)
    return replace(unit, metric=metric)


def _add(found: Readings, name: str, words: Sequence[str], units: dict[str, Read], *, where: str) -> None:
    if len(words) % 2 or not words:
        raise FileError(f"{where}: {' '.join(words)[:60]!r} is not a list of values with their units")
    for value, text in zip(words[::2], words[1::2], strict=True):
        unit = units.get(text) or unit_of(text)
        try:
            number = float(value)
        except ValueError as exc:
            raise FileError(f"{where}: {value[:60]!r} is not a number") from exc
        found.add(name, unit.metric, [unit.factor * number])
