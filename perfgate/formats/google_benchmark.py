"""Google Benchmark's JSON."""

from typing import Any

from perfgate.core.model import CPU, TIME, Reason, Run
from perfgate.errors import FileError
from perfgate.formats.document import Document, Says, Table
from perfgate.formats.readings import Readings, unit_named

says = Says(
    title="Google Benchmark",
    made_by="./program --benchmark_out=FILE --benchmark_out_format=json --benchmark_repetitions=N",
    processes="one",
    values="every repetition; where only aggregates were kept, the median",
    metrics="time, cpu",
    environment="host, CPUs, build type",
)
_CENTRES = ("median", "mean")


class _Row(Table):
    name: str
    run_name: str | None = None
    run_type: str = "iteration"
    aggregate_name: str | None = None
    real_time: float | None = None
    cpu_time: float | None = None
    time_unit: str = "ns"
    error_occurred: bool = False
    error_message: str = ""
    skipped: bool = False
    skip_message: str = ""


class _File(Table):
    benchmarks: list[_Row]
    context: dict[str, Any]


def recognises(document: Document) -> bool:
    """Return whether its benchmarks have real and CPU times beside a context."""
    return {"benchmarks", "context"} <= document.keys() and (
        {"name", "iterations"} <= document.keys("benchmarks") or not document.json["benchmarks"]
    )


def read(document: Document) -> Run:
    """Return its benchmarks: their iterations, or what their aggregates call the centre; never both."""
    file = document.shaped(_File)
    context = file.context
    facts = {"host": context.get("host_name"), "cpus": context.get("num_cpus"), "mhz": context.get("mhz_per_cpu"),
             "build": context.get("library_build_type")}  # fmt: skip
    found = Readings(document, "google-benchmark", facts=facts, started=str(context.get("date", "")))
    if context.get("cpu_scaling_enabled") is True:
        found.warn("cpu-scaling", "the machine changed its clock rate while this was measured")
    for name, rows in _grouped(file.benchmarks).items():
        if bad := next((row for row in rows if row.error_occurred or row.skipped), None):
            reason = Reason.RAISED if bad.error_occurred else Reason.SKIPPED
            found.fail(name, reason, bad.error_message or bad.skip_message)
            continue
        for row in _told(document, name, rows):
            factor = _seconds(document, row)
            found.add(name, TIME, [factor * row.real_time] if row.real_time is not None else [])
            found.add(name, CPU, [factor * row.cpu_time] if row.cpu_time is not None else [])
    return found.run()


def _grouped(rows: list[_Row]) -> dict[str, list[_Row]]:
    found: dict[str, list[_Row]] = {}
    for row in rows:
        if row.aggregate_name in ("BigO", "RMS"):
            continue  # of a whole family, and no time
        found.setdefault(row.run_name or row.name, []).append(row)
    return found


def _told(document: Document, name: str, rows: list[_Row]) -> list[_Row]:
    """Return the rows to read of one benchmark."""
    if single := [row for row in rows if row.run_type == "iteration"]:
        return single
    for centre in _CENTRES:
        if found := [row for row in rows if row.aggregate_name == centre]:
            return found[:1]
    raise FileError(f"{document.name}: of {name!r} there is neither an iteration nor a median")


def _seconds(document: Document, row: _Row) -> float:
    unit = unit_named(row.time_unit)
    if unit.metric != TIME:
        raise FileError(f"{document.name}: {row.name!r} has the time unit {row.time_unit!r}")
    return unit.factor
