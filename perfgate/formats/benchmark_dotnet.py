"""BenchmarkDotNet's full JSON."""

from typing import Any

from perfgate.core.model import TIME, Reason, Run
from perfgate.formats.document import Count, Document, Says, Table
from perfgate.formats.go import unit_of
from perfgate.formats.readings import Readings

says = Says(
    title="BenchmarkDotNet",
    made_by="dotnet run -c Release -- --exporters fulljson",
    processes="each launch",
    values="every measurement; without them, the statistics' own values",
    metrics="time, allocated-bytes",
    environment="CPU, system, runtime",
)


_RESULTS = (("Workload", "Result"), ("Result", "Result"))  # the second of versions before 0.11


class _Measurement(Table):
    IterationMode: str
    IterationStage: str = "Result"
    LaunchIndex: Count
    Operations: Count
    Nanoseconds: float


class _Statistics(Table):
    OriginalValues: list[float] = []
    Median: float


class _Memory(Table):
    BytesAllocatedPerOperation: float | None = None


class _Benchmark(Table):
    FullName: str = ""
    Namespace: str | None = None
    Type: str = ""
    Method: str = ""
    Parameters: str | None = None
    Statistics: _Statistics | None = None
    Memory: _Memory | None = None
    Measurements: list[_Measurement] | None = None

    @property
    def name(self) -> str:
        """The full name, which older versions leave out."""
        given = f"({self.Parameters})" if self.Parameters else ""
        return self.FullName or ".".join(filter(None, (self.Namespace, self.Type, self.Method))) + given


class _File(Table):
    Benchmarks: list[_Benchmark]
    HostEnvironmentInfo: dict[str, Any] = {}


def recognises(document: Document) -> bool:
    """Return whether it has BenchmarkDotNet's host beside its benchmarks."""
    return {"HostEnvironmentInfo", "Benchmarks"} <= document.keys()


def read(document: Document) -> Run:
    """Return its benchmarks by their full names; one without statistics failed."""
    file = document.shaped(_File)
    host = file.HostEnvironmentInfo
    names = {"cpu": "ProcessorName", "cpus": "LogicalCoreCount", "system": "OsVersion", "runtime": "RuntimeVersion"}
    found = Readings(document, "benchmark-dotnet", facts={fact: host.get(key) for fact, key in names.items()})
    seen: set[str] = set()
    for one in file.Benchmarks:
        found.once(one.name, seen)
        if one.Statistics is None:
            found.fail(one.name, Reason.NOTHING, "it has no statistics: it failed, or never ran")
            continue
        results = [m for m in one.Measurements or [] if (m.IterationMode, m.IterationStage) in _RESULTS]
        for measurement in results:
            value = 1e-9 * measurement.Nanoseconds / max(1, measurement.Operations)
            found.add(one.name, TIME, [value], process=measurement.LaunchIndex)
        if not results:
            values = one.Statistics.OriginalValues or [one.Statistics.Median]
            found.add(one.name, TIME, [1e-9 * value for value in values])
        if one.Memory and one.Memory.BytesAllocatedPerOperation is not None:
            found.add(one.name, unit_of("B/op").metric, [one.Memory.BytesAllocatedPerOperation])
    return found.run()
