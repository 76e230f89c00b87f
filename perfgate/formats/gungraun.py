"""Gungraun, which was iai-callgrind, and iai: what their benchmarks do, counted by Valgrind."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from perfgate.core.model import METRICS, Kind, Metric, Run
from perfgate.core.units import Unit
from perfgate.formats.document import NUMBER, Document, Says, Table, number
from perfgate.formats.readings import Readings, slug

says = Says(
    title="Gungraun, iai-callgrind, iai",
    made_by="cargo bench > FILE, or cargo bench -- --output-format=json > FILE",
    processes="one",
    values="a count, exact",
    metrics="instructions; estimated-cycles, l1-hits, … which a rule must name",
)
_COUNT = re.compile(rf"  ([A-Z][\w+ #]*?)(?: \(\w+\))?:\s+({NUMBER})(?:\|(\S+))?(?:\s.*)?")
_EVENTS = {
    "Ir": "instructions", "L1hits": "l1-hits", "L2hits": "l2-hits", "LLhits": "ll-hits", "RamHits": "ram-hits",
    "TotalRW": "total-read-write", "EstimatedCycles": "estimated-cycles",
}  # fmt: skip
_KINDS = ("LibraryBenchmark", "BinaryBenchmark")


class _Summary(Table):
    module_path: str
    function_name: str
    id: str | None = None


def recognises(document: Document) -> bool:
    """Return whether it holds the counts of a benchmark below its name, or summaries of benchmarks."""
    first = next(iter(_summaries(document)), None)
    if first is not None:
        return True
    lines = document.beginning.splitlines()
    return any(re.match(rf"  Instructions:\s+{NUMBER}", line) for line in lines)


def _summaries(document: Document) -> list[Mapping[str, Any]]:
    """Return the summaries in a file of one, of a list, or of lines."""
    if not document.beginning.lstrip("\ufeff \t\r\n").startswith(("{", "[")):
        return []
    rows = document.json if isinstance(document.json, list) else document.rows
    found = [row for row in rows if isinstance(row, dict) and row.get("kind") in _KINDS]
    return [row for row in found if {"module_path", "function_name"} <= row.keys()]


def read(document: Document) -> Run:
    """Return its benchmarks, by module, function and case."""
    found, seen = Readings(document, "gungraun"), set[str]()
    for name, counts in _read(document):
        found.once(name, seen)
        for label, value in counts.items():
            found.add(name, _metric(label), [value])
        found.benchmark(name)
    return found.run()


def _read(document: Document) -> Iterator[tuple[str, dict[str, float]]]:
    if summaries := _summaries(document):
        for row in summaries:
            about = document.shaped(_Summary, row)
            name = "::".join(part for part in (about.module_path, about.function_name, about.id) if part)
            yield name, _events(row)
        return
    name, counts = "", dict[str, float]()
    for line in document.lines:
        if line[:1].strip():
            if counts:
                yield name, counts
            name, counts = line.strip(), {}
        elif (found := _COUNT.fullmatch(line)) and name:
            counts[found[1].replace("+", " ")] = number(document, found[2])
    if counts:
        yield name, counts


def _metric(label: str) -> Metric:
    name = slug(label)
    return METRICS["instructions"] if name == "instructions" else Metric(
        name=f"counted.{name}" if name in METRICS else name, unit=Unit.ONE, kind=Kind.EXACT, diagnostic=True
    )  # fmt: skip


def _events(value: Any, depth: int = 0) -> dict[str, float]:
    """Return the events of the first total that a summary holds; each version keeps it in another place."""
    if depth > 12 or not isinstance(value, dict | list):
        return {}
    if isinstance(value, list):
        return next(filter(None, (_events(each, depth + 1) for each in value)), {})
    if "Ir" in value:
        new = {_EVENTS[key]: _new(one) for key, one in value.items() if key in _EVENTS}
        return {name: count for name, count in new.items() if count is not None}
    inside = sorted(value, key=lambda key: (key != "total", key))  # before the parts of it
    return next(filter(None, (_events(value[key], depth + 1) for key in inside)), {})


def _new(value: Any) -> float | None:
    """Return the new one of {"metrics": {"Both": [new, old]}} or {"Left": new}, numbers bare or as {"Int": 1}."""
    if isinstance(value, dict):
        if "metrics" in value:
            return _new(value["metrics"])
        return next((_new(value[key]) for key in ("Both", "Left", "Int", "Float", "new") if key in value), None)
    if isinstance(value, list) and value:
        return _new(value[0])
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
