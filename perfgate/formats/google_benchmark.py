"""Google Benchmark's JSON, CSV and console output, with the counters that a benchmark defines itself."""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from perfgate.core.model import CPU, METRICS, TIME, Direction, Metric, Reason, Run
from perfgate.core.units import Unit
from perfgate.errors import FileError
from perfgate.formats.document import NUMBER, Document, Number, Says, Table, number
from perfgate.formats.readings import Readings, slug, unit_named

says = Says(
    title="Google Benchmark",
    made_by="./program --benchmark_out=FILE --benchmark_repetitions=N (JSON, CSV or console)",
    processes="one",
    values="every repetition; where only aggregates were kept, the median",
    metrics="time, cpu; counters by their names, which a rule must name",
    environment="of JSON: host, CPUs, build type",
)
_CENTRES = ("median", "mean")
_AGGREGATES = ("mean", "median", "stddev", "cv", "min", "max", "BigO", "RMS")
_HEAD = "name,iterations,real_time,cpu_time,time_unit,"
_CONSOLE = re.compile(r"Benchmark\s+Time\s+CPU\s+Iterations")
_LINE = re.compile(rf"(\S.*?)\s+({NUMBER}) (ns|us|ms|s)\s+({NUMBER}) (?:ns|us|ms|s)\s+({NUMBER})(?:\s+(.*))?")
_COUNTER = re.compile(rf"([^\s=]+)=({NUMBER})([kMGTPmunp]?i?)(/s)?")
_BROKEN = re.compile(r"(\S.*?)\s+(ERROR OCCURRED|SKIPPED): '(.*)'")
_SCALES = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12,
           "ki": 2.0**10, "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30}  # fmt: skip


class _Row(Table):
    name: str
    run_name: str | None = None
    run_type: str | None = None
    aggregate_name: str | None = None
    real_time: Number | None = None
    cpu_time: Number | None = None
    time_unit: str = "ns"
    error_occurred: bool = False
    error_message: str = ""
    skipped: bool = False
    skip_message: str = ""
    counters: dict[str, float] = {}


class _File(Table):
    benchmarks: list[_Row]
    context: dict[str, Any]


_OWN = {
    *_Row.model_fields, "family_index", "per_family_instance_index", "repetitions", "repetition_index", "threads",
    "iterations", "label", "aggregate_unit", "cpu_coefficient", "real_coefficient", "big_o", "rms",
}  # fmt: skip


def recognises(document: Document) -> bool:
    """Return whether its benchmarks have real and CPU times beside a context, or it has the head of the tables."""
    if {"benchmarks", "context"} <= document.keys():
        return {"name", "iterations"} <= document.keys("benchmarks") or not document.json["benchmarks"]
    return document.beginning.startswith(_HEAD) or bool(_CONSOLE.search(document.beginning))


def read(document: Document) -> Run:
    """Return its benchmarks: their iterations, or what their aggregates call the centre; never both."""
    facts: dict[str, object] = {}
    started = ""
    if {"benchmarks", "context"} <= document.keys():
        file = document.shaped(_File)
        context = file.context
        facts = {"host": context.get("host_name"), "cpus": context.get("num_cpus"), "mhz": context.get("mhz_per_cpu"),
                 "build": context.get("library_build_type")}  # fmt: skip
        started = str(context.get("date", ""))
        raw = document.json["benchmarks"]
        rows = [_with_counters(row, _numbers(each)) for row, each in zip(file.benchmarks, raw, strict=True)]
    else:
        context = {}
        rows = list(_from_csv(document) if document.beginning.startswith(_HEAD) else _from_console(document))
    found = Readings(document, "google-benchmark", facts=facts, started=started)
    if context.get("cpu_scaling_enabled") is True:
        found.warn("cpu-scaling", "the machine changed its clock rate while this was measured")
    for name, mine in _grouped(rows).items():
        if bad := next((row for row in mine if row.error_occurred or row.skipped), None):
            reason = Reason.RAISED if bad.error_occurred else Reason.SKIPPED
            found.fail(name, reason, bad.error_message or bad.skip_message)
            continue
        for row in _told(document, name, mine):
            factor = _seconds(document, row)
            found.add(name, TIME, [factor * row.real_time] if row.real_time is not None else [])
            found.add(name, CPU, [factor * row.cpu_time] if row.cpu_time is not None else [])
            for label, value in row.counters.items():
                found.add(name, _counter(label), [value])
    return found.run()


def _with_counters(row: _Row, counters: Mapping[str, float]) -> _Row:
    """Return a row with its counters."""
    return row.model_copy(update={"counters": dict(counters)})


def _numbers(row: Mapping[str, Any]) -> dict[str, float]:
    """Return the keys of a row that are counters of the benchmark's own."""
    return {
        key: float(value)
        for key, value in row.items()
        if key not in _OWN and isinstance(value, int | float) and not isinstance(value, bool)
    }


def _from_csv(document: Document) -> Iterator[_Row]:
    """Yield the rows of a CSV; columns behind the usual ones are counters."""
    try:
        table = list(csv.DictReader(io.StringIO(document.text)))
    except csv.Error as exc:
        raise FileError(f"{document.name}: {exc}") from exc
    usual = {"name", "iterations", "real_time", "cpu_time", "time_unit", "label", "error_occurred", "error_message"}
    for line in table:
        given = {key: value for key, value in line.items() if isinstance(key, str) and isinstance(value, str) and value}
        failed = given.get("error_occurred", "").lower() == "true"
        times: dict[str, Any] = {
            key: number(document, given[key]) for key in ("real_time", "cpu_time") if key in given and not failed
        }
        counters = {key: number(document, value) for key, value in given.items() if key not in usual}
        row = _Row(
            name=given.get("name", ""),
            time_unit=given.get("time_unit", "ns"),
            error_occurred=failed,
            error_message=given.get("error_message", ""),
            counters={} if failed else counters,
        )
        yield row.model_copy(update=times)


def _from_console(document: Document) -> Iterator[_Row]:
    """Yield the rows of what the program printed."""
    begun = False
    for text in document.lines:
        line = text.strip()
        begun = begun or bool(_CONSOLE.match(line))
        if not begun:
            continue
        if broken := _BROKEN.fullmatch(line):
            failed = broken[2] != "SKIPPED"
            yield _Row(
                name=broken[1],
                error_occurred=failed,
                error_message=broken[3],
                skipped=not failed,
                skip_message=broken[3],
            )
        elif found := _LINE.fullmatch(line):
            yield _Row(
                name=found[1],
                real_time=number(document, found[2]),
                cpu_time=number(document, found[4]),
                time_unit=found[3],
                counters={
                    one[1]: number(document, one[2]) * _SCALES.get(one[3], 1.0)
                    for one in _COUNTER.finditer(found[6] or "")
                },
            )


def _counter(label: str) -> Metric:
    """Return the metric of a counter: judged only where a rule names it, because which way is better is not said."""
    name = slug(label.replace("_", "-"))
    if label.endswith("_per_second"):
        return Metric(name=name, unit=Unit.PER_SECOND, direction=Direction.HIGHER, diagnostic=True)
    read = unit_named(label).metric
    own = f"counter.{name}" if name in METRICS else name
    return replace(read, name=own, unit=Unit.ONE, direction=Direction.LOWER, guessed=True, diagnostic=True)


def _grouped(rows: list[_Row]) -> dict[str, list[_Row]]:
    """Return the rows of each benchmark; aggregates, which older files do not mark, are no benchmarks."""
    names = {row.name for row in rows}
    found: dict[str, list[_Row]] = {}
    for row in rows:
        name, aggregate = row.run_name or row.name, row.aggregate_name
        stem, _, last = row.name.rpartition("_")
        if row.run_type is None and last in _AGGREGATES and (stem in names or f"{stem}_mean" in names):
            name, aggregate = stem, last
        if aggregate in ("BigO", "RMS"):
            continue  # of a whole family, and no time
        found.setdefault(name, []).append(row.model_copy(update={"aggregate_name": aggregate}))
    return found


def _told(document: Document, name: str, rows: list[_Row]) -> list[_Row]:
    """Return the rows to read of one benchmark."""
    if single := [row for row in rows if row.run_type == "iteration" or not (row.run_type or row.aggregate_name)]:
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
