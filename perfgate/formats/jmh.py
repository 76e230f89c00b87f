"""JMH's JSON."""

from typing import Any

from perfgate.core.model import Run
from perfgate.errors import FileError
from perfgate.formats.document import Document, Says, Table
from perfgate.formats.readings import Readings, unit_named

says = Says(
    title="JMH",
    made_by="java -jar benchmarks.jar -rf json -rff FILE",
    processes="each fork",
    values="every iteration",
    metrics="time or rate",
    environment="JVM",
)


class _Metric(Table):
    scoreUnit: str  # noqa: N815 - theirs
    score: float | str
    rawData: list[list[float]] = []  # noqa: N815


class _Benchmark(Table):
    benchmark: str
    mode: str
    primaryMetric: _Metric  # noqa: N815
    params: dict[str, str] = {}
    jdkVersion: str = ""  # noqa: N815
    vmName: str = ""  # noqa: N815


def recognises(document: Document) -> bool:
    """Return whether it is a list of benchmarks with a primary metric."""
    return isinstance(document.json, list) and {"benchmark", "mode", "primaryMetric"} <= document.keys()


def read(document: Document) -> Run:
    """Return its benchmarks, parameters and mode in the name; each fork is a process."""
    benchmarks = document.shaped(list[_Benchmark])
    first: Any = benchmarks[0] if benchmarks else None
    facts = {"jdk": first.jdkVersion, "vm": first.vmName} if first else {}
    found = Readings(document, "jmh", facts=facts)
    seen: set[str] = set()
    for one in benchmarks:
        given = ",".join(f"{key}={value}" for key, value in sorted(one.params.items()))
        name = one.benchmark + (f"[{given}]" if given else "") + (f":{one.mode}" if one.mode != "avgt" else "")
        found.once(name, seen)
        metric = one.primaryMetric
        unit = unit_named(metric.scoreUnit)
        if not metric.rawData and isinstance(metric.score, str):
            raise FileError(f"{document.name}: {name!r} has the score {metric.score[:60]!r}")
        forks = metric.rawData or [[float(metric.score)]]
        for number, values in enumerate(forks):
            found.add(name, unit.metric, [unit.factor * value for value in values], process=number)
    return found.run()
