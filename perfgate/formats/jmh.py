"""JMH's JSON."""

import math
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from perfgate.core.model import METRICS, Kind, Run
from perfgate.errors import FileError
from perfgate.formats.document import Document, Number, Says, Table
from perfgate.formats.readings import Read, Readings, slug, unit_named, with_parameters

says = Says(
    title="JMH",
    made_by="java -jar benchmarks.jar -rf json -rff FILE, or -rf csv",
    processes="each fork",
    values="every iteration; of sampled times their mean",
    metrics="time or rate; those of profilers by their names",
    environment="JVM",
)


_COLUMNS = {"benchmark", "mode", "samples", "score", "unit"}


_Bar = Annotated[list[Number], Field(min_length=2, max_length=2)]
"""A value, and how often it came."""


class _Metric(Table):
    scoreUnit: str  # noqa: N815 - theirs
    score: Number
    rawData: list[list[Number]] = []  # noqa: N815
    rawDataHistogram: list[list[list[_Bar]]] = []  # noqa: N815


class _Benchmark(Table):
    benchmark: str
    mode: str
    primaryMetric: _Metric  # noqa: N815
    secondaryMetrics: dict[str, _Metric] = {}  # noqa: N815
    params: dict[str, str] = {}
    jdkVersion: str = ""  # noqa: N815
    vmName: str = ""  # noqa: N815


def recognises(document: Document) -> bool:
    """Return whether it is a list of benchmarks with a primary metric, or has the columns of its CSV."""
    return set(document.columns) >= _COLUMNS or (
        isinstance(document.json, list) and {"benchmark", "mode", "primaryMetric"} <= document.keys()
    )


def read(document: Document) -> Run:
    """Return its benchmarks, parameters and mode in the name; each fork is a process."""
    if document.columns:
        return _from_csv(document)
    benchmarks = document.shaped(list[_Benchmark])
    first: Any = benchmarks[0] if benchmarks else None
    facts = {"jdk": first.jdkVersion, "vm": first.vmName} if first else {}
    found = Readings(document, "jmh", facts=facts)
    seen: set[str] = set()
    for one in benchmarks:
        name = one.benchmark + with_parameters(one.params) + (f":{one.mode}" if one.mode != "avgt" else "")
        found.once(name, seen)
        _add(found, name, unit_named(one.primaryMetric.scoreUnit), one.primaryMetric)
        for label, metric in one.secondaryMetrics.items():
            _add(found, name, _secondary(label.lstrip("·"), metric.scoreUnit), metric)
    return found.run()


def _from_csv(document: Document) -> Run:
    """Return the benchmarks of its CSV: a score each; a profiler's behind the name of the benchmark."""
    document.needs(_COLUMNS)
    found, seen = Readings(document, "jmh"), set[str]()
    for where, row in document.records():
        given = {key.removeprefix("param: "): row[key] for key in row if key.startswith("param: ")}
        method, _, label = row["benchmark"].partition(":")
        name = method + with_parameters({key: value for key, value in given.items() if value})
        name += f":{row['mode']}" if row["mode"] != "avgt" else ""
        found.once(f"{name}:{label}", seen)
        try:  # a decimal comma, where the machine's language has it so
            score = float(row["score"].replace(",", "."))
        except ValueError as exc:
            raise FileError(f"{where}: {row['score'][:60]!r} is not a number") from exc
        unit = _secondary(label.lstrip("·"), row["unit"]) if label else unit_named(row["unit"])
        found.add(name, unit.metric, [unit.factor * score])
    return found.run()


def _add(found: Readings, name: str, unit: Read, metric: _Metric) -> None:
    """Keep every iteration of each fork; of sampled times their mean."""
    forks = metric.rawData or [
        [_mean(histogram) for histogram in fork if histogram] for fork in metric.rawDataHistogram
    ]
    for number, values in enumerate(forks or [[metric.score]]):
        found.add(name, unit.metric, [unit.factor * value for value in values], process=number)


def _mean(histogram: list[_Bar]) -> float:
    count = sum(times for _, times in histogram)
    return math.fsum(value * times for value, times in histogram) / count if count else math.nan


def _secondary(label: str, unit: str) -> Read:
    """Return what a profiler's metric measures: it is named by its label and judged only where a rule names it."""
    read, name = unit_named(unit), slug(label)
    kind = Kind.EXACT if name == "gc.alloc.rate.norm" else Kind.NOISY  # what an operation allocates does not vary
    name = f"secondary.{name}" if name in METRICS else name
    return replace(read, metric=replace(read.metric, name=name, kind=kind, diagnostic=True))
