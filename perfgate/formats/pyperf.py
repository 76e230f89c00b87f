"""pyperf's JSON, read and written."""

import json
from typing import Any

from perfgate.core.model import METRICS, TIME, Metric, Run
from perfgate.core.units import Unit
from perfgate.formats.document import Document, Says, Table, Written, newest
from perfgate.formats.readings import Readings

says = Says(
    title="pyperf",
    made_by="python script.py -o FILE",
    processes="each of them",
    values="every value",
    metrics="time, or peak-memory with --track-memory, or a count",
    environment="machine, interpreter",
)
_METRICS = {
    "second": TIME,
    "byte": METRICS["peak-memory"],
    "integer": Metric(name="value", unit=Unit.ONE, guessed=True),
}
_UNITS = {Unit.SECOND: "second", Unit.BYTE: "byte"}
_FACTS = {"cpu": "cpu_model_name", "cpus": "cpu_count", "system": "platform", "python": "python_version"}


class _Process(Table):
    values: list[float] = []
    metadata: dict[str, Any] = {}


class _Benchmark(Table):
    runs: list[_Process]
    metadata: dict[str, Any] = {}


class _File(Table):
    benchmarks: list[_Benchmark]
    metadata: dict[str, Any] = {}
    version: str = "1.0"


def recognises(document: Document) -> bool:
    """Return whether its benchmarks have runs."""
    return "runs" in document.keys("benchmarks") and "alias" not in document.keys("benchmarks")


def read(document: Document) -> Run:
    """Return its benchmarks, process by process; those that only calibrated have no values."""
    file = document.shaped(_File)
    newest(document, "a pyperf file", file.version, ["1.0"])
    first = next((benchmark for benchmark in file.benchmarks), None)
    common = file.metadata | (first.metadata if first else {})
    started = next((str(p.metadata["date"]) for b in file.benchmarks for p in b.runs if "date" in p.metadata), "")
    found = Readings(document, "pyperf", facts={fact: common.get(key) for fact, key in _FACTS.items()}, started=started)
    seen: set[str] = set()
    for benchmark in file.benchmarks:
        known = file.metadata | benchmark.metadata
        name = str(known.get("name", ""))
        found.once(name, seen)
        metric = _METRICS.get(str(known.get("unit", "second")), _METRICS["integer"])
        for number, process in enumerate(benchmark.runs):
            found.add(name, metric, process.values, process=number)
    return found.run()


def write(run: Run) -> Written:
    """Return the run for `pyperf compare_to`: a benchmark for each SLI, named with its metric unless that is time."""
    benchmarks, left_out = [], []
    for sample in run.samples:
        metric = sample.sli.metric
        name = str(sample.sli.benchmark) + ("" if metric == TIME else f":{metric.name}")
        facts = {"name": name, "unit": _UNITS.get(metric.unit, "integer")}
        if min(value for values in sample.processes for value in values) <= 0:
            left_out.append((sample.sli, "it has a value of 0 or less, and pyperf refuses a file with such a value"))
            continue
        benchmarks.append({"metadata": facts, "runs": [{"values": list(values)} for values in sample.processes]})
    facts = dict(run.environment.facts)
    metadata: dict[str, object] = {key: facts[fact] for fact, key in _FACTS.items() if facts.get(fact)}
    if not str(metadata.get("cpu_count", "0")).isdecimal():
        del metadata["cpu_count"]
    elif "cpu_count" in metadata:
        metadata["cpu_count"] = int(facts["cpus"])  # pyperf refuses a text there
    text = json.dumps({"version": "1.0", "metadata": metadata, "benchmarks": benchmarks})
    return Written(text=text, left_out=tuple(left_out))
