"""pytest-benchmark's JSON, with or without the rounds' own times."""

from typing import Any

from perfgate.core.model import TIME, Revision, Run
from perfgate.formats.document import Document, Says, Table
from perfgate.formats.readings import Readings, commit_of

says = Says(
    title="pytest-benchmark",
    made_by="pytest --benchmark-json=FILE",
    processes="one",
    values="every round; of what --benchmark-save keeps without its data, the median",
    metrics="time",
    environment="machine, interpreter, commit",
)


class _Stats(Table):
    median: float
    data: list[float] | None = None


class _Benchmark(Table):
    fullname: str
    stats: _Stats


class _Commit(Table):
    id: str | None = None
    dirty: bool | None = None


class _File(Table):
    benchmarks: list[_Benchmark]
    machine_info: dict[str, Any] = {}
    commit_info: _Commit = _Commit()
    datetime: str = ""


def recognises(document: Document) -> bool:
    """Return whether it has pytest-benchmark's machine and version beside its benchmarks."""
    return {"benchmarks", "machine_info", "version"} <= document.keys() and "runs" not in document.keys("benchmarks")


def read(document: Document) -> Run:
    """Return its benchmarks by their full names."""
    file = document.shaped(_File)
    commit = file.commit_info
    found = Readings(
        document,
        "pytest-benchmark",
        revision=Revision(label=document.name, commit=commit_of(commit.id), dirty=bool(commit.dirty)),
        facts=_facts(file.machine_info),
        started=file.datetime,
    )
    seen: set[str] = set()
    for benchmark in file.benchmarks:
        found.once(benchmark.fullname, seen)
        found.add(benchmark.fullname, TIME, benchmark.stats.data or [benchmark.stats.median])
    return found.run()


def _facts(machine: dict[str, Any]) -> dict[str, object]:
    cpu = machine.get("cpu")
    cpu = cpu if isinstance(cpu, dict) else {}
    python = " ".join(str(machine.get(f"python_{key}", "")) for key in ("implementation", "version")).strip()
    return {"cpu": cpu.get("brand_raw"), "cpus": cpu.get("count"), "system": machine.get("system"), "python": python}
