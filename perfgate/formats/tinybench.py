"""What JavaScript's tinybench measures: its own tasks as JSON, or vitest's report of them."""

from typing import Any

from perfgate.core.model import TIME, Reason, Run
from perfgate.formats.document import Document, Says, Table
from perfgate.formats.readings import Readings

says = Says(
    title="tinybench, vitest bench",
    made_by="vitest bench --outputJson FILE; or JSON.stringify(bench.tasks.map(({name, result}) => ({name, result})))",
    processes="one",
    values="every sample where they were kept, else the median",
    metrics="time",
)


class _Latency(Table):
    samples: list[float] | None = None
    p50: float | None = None
    mean: float | None = None


class _Result(Table):
    latency: _Latency | None = None
    samples: list[float] | None = None
    mean: float | None = None
    error: Any = None
    state: str = ""


class _Task(Table):
    name: str
    result: _Result | None = None


class _Vitest(Table):
    id: str = ""
    name: str
    samples: list[float] | None = None
    median: float | None = None
    mean: float | None = None


class _Group(Table):
    fullName: str  # noqa: N815 - theirs
    benchmarks: list[_Vitest]


class _File(Table):
    groups: list[_Group]


class _Report(Table):
    files: list[_File]


def recognises(document: Document) -> bool:
    """Return whether it is vitest's report, or a list of tasks with their results."""
    if isinstance(document.json, list):
        return {"name", "result"} <= document.keys() or {"name", "error"} == document.keys()
    return {"filepath", "groups"} <= document.keys("files")


def read(document: Document) -> Run:
    """Return its benchmarks: milliseconds an iteration."""
    found = Readings(document, "tinybench")
    seen: set[str] = set()
    if isinstance(document.json, list):
        for task in document.shaped(list[_Task]):
            found.once(task.name, seen)
            result = task.result or _Result()
            latency = result.latency or _Latency(samples=result.samples, mean=result.mean)
            failed = str(result.error or "") or (result.state if result.state == "errored" else "")
            _add(found, task.name, latency.samples, latency.p50 or latency.mean, failed=failed)
        return found.run()
    for file in document.shaped(_Report).files:
        for group in file.groups:
            for one in group.benchmarks:
                name = f"{group.fullName} > {one.name}"
                found.once(name, seen)
                _add(found, name, one.samples, one.median or one.mean, failed="")
    return found.run()


def _add(found: Readings, name: str, samples: list[float] | None, centre: float | None, *, failed: str) -> None:
    values = samples or ([] if centre is None else [centre])
    if failed or not values:
        found.fail(name, Reason.RAISED if failed else Reason.NOTHING, failed or "it has no result")
        return
    found.add(name, TIME, [1e-3 * value for value in values])
