"""Criterion's samples: cargo-criterion's messages, or the sample.json that Criterion.rs leaves."""

from pathlib import PurePath

from perfgate.core.model import TIME, Run
from perfgate.errors import FileError
from perfgate.formats.document import Document, Says, Table
from perfgate.formats.readings import Readings, unit_named

says = Says(
    title="Criterion.rs",
    made_by="cargo criterion --message-format=json > FILE, or target/criterion/…/new/sample.json",
    processes="one",
    values="every sample",
    metrics="time",
)
_COMPLETE = "benchmark-complete"


class _Sample(Table):
    iters: list[float]
    times: list[float]


class _Message(Table):
    id: str
    iteration_count: list[float]
    measured_values: list[float]
    unit: str


def recognises(document: Document) -> bool:
    """Return whether it is a sample, or messages of which one is a finished benchmark's."""
    if document.keys() >= {"sampling_mode", "iters", "times"}:
        return True
    return any(isinstance(row, dict) and row.get("reason") == _COMPLETE for row in document.rows)


def read(document: Document) -> Run:
    """Return its benchmarks; a sample.json does not say its name, so that is what the path says."""
    found = Readings(document, "criterion")
    if {"iters"} <= document.keys():
        sample = document.shaped(_Sample)
        found.add(_name(document.name), TIME, _each(document, sample.times, sample.iters, 1e-9))
        return found.run()
    seen: set[str] = set()
    for row in document.rows:
        if isinstance(row, dict) and row.get("reason") == _COMPLETE:
            message = document.shaped(_Message, row)
            found.once(message.id, seen)
            unit = unit_named(message.unit)
            values = _each(document, message.measured_values, message.iteration_count, unit.factor)
            found.add(message.id, unit.metric, values)
    return found.run()


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
