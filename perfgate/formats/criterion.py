"""Criterion.rs: cargo-criterion's messages, what it prints, or the sample.json and estimates.json that it leaves."""

import re
from collections.abc import Iterator
from pathlib import PurePath

from perfgate.core.model import TIME, Run
from perfgate.errors import FileError
from perfgate.formats.document import NUMBER, Document, Says, Table, number
from perfgate.formats.readings import Readings, unit_named

says = Says(
    title="Criterion.rs",
    made_by="cargo criterion --message-format=json > FILE, cargo bench > FILE, or target/criterion/…/new/sample.json",
    processes="one",
    values="every sample; of the text and of estimates.json the estimate",
    metrics="time",
)
_COMPLETE = "benchmark-complete"


_TIME = re.compile(
    rf"^(\S.*?)?[ \t]+time:[ \t]+\[{NUMBER} \S+ ({NUMBER}) (ps|ns|us|µs|ms|s) {NUMBER} \S+\][ \t]*$", re.MULTILINE
)


class _Estimate(Table):
    point_estimate: float


class _Estimates(Table):
    mean: _Estimate
    slope: _Estimate | None = None


class _Sample(Table):
    iters: list[float]
    times: list[float]


class _Message(Table):
    id: str
    iteration_count: list[float]
    measured_values: list[float]
    unit: str


def recognises(document: Document) -> bool:
    """Return whether it is a sample or its estimates, messages of which one is a finished benchmark's, or the text."""
    if document.keys() >= {"sampling_mode", "iters", "times"} or document.keys() >= {"mean", "median", "std_dev"}:
        return True
    if _TIME.search(document.beginning):
        return True
    return any(isinstance(row, dict) and row.get("reason") == _COMPLETE for row in document.rows)


def read(document: Document) -> Run:
    """Return its benchmarks; a sample.json does not say its name, so that is what the path says."""
    found = Readings(document, "criterion")
    if {"iters"} <= document.keys():
        sample = document.shaped(_Sample)
        found.add(_name(document.name), TIME, _each(document, sample.times, sample.iters, 1e-9))
        return found.run()
    if {"mean", "median", "std_dev"} <= document.keys():
        estimates = document.shaped(_Estimates)
        found.add(_name(document.name), TIME, [1e-9 * (estimates.slope or estimates.mean).point_estimate])
        return found.run()
    seen: set[str] = set()
    if not document.rows:
        for name, seconds in _printed(document):
            found.once(name, seen)
            found.add(name, TIME, [seconds])
        return found.run()
    for row in document.rows:
        if isinstance(row, dict) and row.get("reason") == _COMPLETE:
            message = document.shaped(_Message, row)
            found.once(message.id, seen)
            unit = unit_named(message.unit)
            values = _each(document, message.measured_values, message.iteration_count, unit.factor)
            found.add(message.id, unit.metric, values)
    return found.run()


def _printed(document: Document) -> Iterator[tuple[str, float]]:
    """Yield (name, seconds) of the text: a long name has a line of its own above the times."""
    before = ""
    for line in document.lines:
        if match := _TIME.fullmatch(line):
            name = (match[1] or "").strip() or before
            yield name, unit_named(match[3]).factor * number(document, match[2])
        if line.strip():
            before = line.strip()


def _each(document: Document, totals: list[float], iterations: list[float], factor: float) -> list[float]:
    """Return what one iteration took, of each sample."""
    if len(totals) != len(iterations) or not all(count >= 1 for count in iterations):
        raise FileError(f"{document.name}: {len(totals)} samples of {len(iterations)} counts of iterations")
    return [factor * total / count for total, count in zip(totals, iterations, strict=True)]


def _name(path: str) -> str:
    """Return "group/benchmark" of ".../criterion/group/benchmark/new/sample.json"."""
    parts = PurePath(path).parts
    if "criterion" in parts:
        parts = parts[len(parts) - parts[::-1].index("criterion") :]
    return "/".join(part for part in parts[:-1] if part not in ("new", "base")) or path
