"""Bencher's metric format, read and written."""

import json

from perfgate.core.model import CPU, METRICS, PEAK_MEMORY, RATE, TIME, Kind, Metric, Run
from perfgate.core.stats import describe
from perfgate.core.units import Unit
from perfgate.errors import FileError
from perfgate.formats.document import NO_SHARES, Document, Says, Table, Written
from perfgate.formats.readings import Read, Readings

says = Says(
    title="Bencher Metric Format",
    made_by="perfgate convert RUN --to bmf, or any harness of Bencher's",
    processes="one",
    values="one value a measure",
    metrics="time (latency, build-time), rate (throughput), bytes (file-size), others by their name",
)
_KNOWN = {
    "latency": Read(metric=TIME, factor=1e-9),
    "throughput": Read(metric=RATE, factor=1.0),
    "build-time": Read(metric=Metric(name="build-time", unit=Unit.SECOND), factor=1.0),
    "file-size": Read(metric=METRICS["bytes"], factor=1.0),
    "cpu": Read(metric=CPU, factor=1.0),
    "peak-memory": Read(metric=PEAK_MEMORY, factor=1.0),
}


class _Value(Table):
    value: float


def recognises(document: Document) -> bool:
    """Return whether it is an object of objects of objects with values."""
    json = document.json
    if not isinstance(json, dict) or not json:
        return False
    return all(
        isinstance(measures, dict) and measures and all(isinstance(m, dict) and "value" in m for m in measures.values())
        for measures in json.values()
    )


def read(document: Document) -> Run:
    """Return its benchmarks; the format does not say which way an unknown measure is better: less is."""
    found = Readings(document, "bmf")
    seen: set[str] = set()
    for name, measures in document.shaped(dict[str, dict[str, _Value]]).items():
        for measure, value in measures.items():
            unit = _KNOWN.get(measure) or Read(metric=_named(document, measure), factor=1.0)
            found.once(f"{name}:{unit.metric.name}", seen)
            found.add(name, unit.metric, [unit.factor * value.value])
    return found.run()


def _named(document: Document, measure: str) -> Metric:
    metric = METRICS.get(measure) or Metric(name=measure, unit=Unit.ONE, guessed=True)
    if metric.kind is Kind.COUNTED:
        raise FileError(f"{document.name}: {measure} is a share of so many, which this format cannot say")
    return metric


def write(run: Run) -> Written:
    """Return the medians of processes, with the smallest and largest of them as bounds."""
    file: dict[str, dict[str, dict[str, float]]] = {}
    left_out = []
    for sample in run.samples:
        if sample.sli.metric.kind is Kind.COUNTED:
            left_out.append((sample.sli, NO_SHARES))
            continue
        medians = describe.process_medians(sample.processes)
        metric = sample.sli.metric
        measure = next((key for key, unit in _KNOWN.items() if unit.metric.name == metric.name), metric.name)
        factor = _KNOWN[measure].factor if measure in _KNOWN else 1.0
        file.setdefault(str(sample.sli.benchmark), {})[measure] = {
            "value": describe.median(medians) / factor,
            "lower_value": min(medians) / factor,
            "upper_value": max(medians) / factor,
        }
    reduced = "the median of its processes, with the smallest and the largest"
    return Written(text=json.dumps(file, indent=1), left_out=tuple(left_out), reduced=reduced)
