"""mitata's JSON."""

from typing import Any

from perfgate.core.model import TIME, Reason, Run
from perfgate.formats.document import Document, Says, Table
from perfgate.formats.readings import Readings

says = Says(
    title="mitata",
    made_by="await run({ format: 'json' })",
    processes="one",
    values="every sample",
    metrics="time",
    environment="CPU, runtime",
)


class _Stats(Table):
    samples: list[float] | None = None
    p50: float


class _Run(Table):
    name: str
    stats: _Stats | None = None
    error: Any = None


class _Benchmark(Table):
    alias: str
    runs: list[_Run]


class _File(Table):
    benchmarks: list[_Benchmark]
    context: dict[str, Any] = {}


def recognises(document: Document) -> bool:
    """Return whether its benchmarks have an alias and runs."""
    return {"alias", "runs"} <= document.keys("benchmarks")


def read(document: Document) -> Run:
    """Return its benchmarks, one for each of their arguments."""
    file = document.shaped(_File)
    cpu = file.context.get("cpu")
    facts = {"cpu": cpu.get("name") if isinstance(cpu, dict) else None, "runtime": file.context.get("runtime"),
             "version": file.context.get("version")}  # fmt: skip
    found = Readings(document, "mitata", facts=facts)
    seen: set[str] = set()
    for benchmark in file.benchmarks:
        for one in benchmark.runs:
            found.once(one.name, seen)
            if one.stats is None:
                found.fail(one.name, Reason.RAISED, str(one.error or "it has no result"))
            else:
                found.add(one.name, TIME, [1e-9 * value for value in one.stats.samples or [one.stats.p50]])
    return found.run()
