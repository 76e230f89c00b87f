"""perfgate's own CSV: one value a line, for whatever has no reader."""

import csv
import io
from dataclasses import replace

from perfgate.core.model import METRICS, Direction, Kind, Metric, Run
from perfgate.core.units import Unit
from perfgate.errors import FileError
from perfgate.formats.document import CSV_COLUMNS, CSV_HINT, NO_SHARES, Document, Says, Written
from perfgate.formats.readings import Read, Readings, better_when, unit_named

says = Says(
    title="CSV",
    made_by="perfgate convert RUN --to csv, or any script",
    processes="each of them, where a column says it",
    values="every value, a line each",
    metrics="any",
)
COLUMNS = CSV_COLUMNS
_NEEDED = {"benchmark", "value"}
_WRITTEN = {Unit.ONE: "", Unit.SHARE: "share"}


def recognises(document: Document) -> bool:
    """Return whether its first line names the columns."""
    return set(document.columns) >= _NEEDED


def read(document: Document) -> Run:
    """Return its benchmarks; columns that it lacks are a time in seconds of one process."""
    found, columns = Readings(document, "csv"), document.columns
    if not set(columns) >= _NEEDED:
        raise FileError(f"{document.name}: its first line names the columns {', '.join(columns)[:200]}", hint=CSV_HINT)
    if twice := sorted(name for name in COLUMNS if columns.count(name) > 1):
        raise FileError(f"{document.name}: its first line names the column {twice[0]} twice")
    metrics: dict[tuple[str, str, str], Read] = {}
    values: dict[tuple[str, tuple[str, str, str]], dict[str, list[float]]] = {}
    places = {name: columns.index(name) for name in COLUMNS if name in columns}
    benchmark, metric, unit, better, process, value = (places.get(name, len(columns)) for name in COLUMNS)
    for line, row in document.cells():
        row.insert(len(columns), "")  # what a column says that is not there
        key = (row[metric], row[unit], row[better])
        if key not in metrics:
            metrics[key] = _unit(f"{document.name}, line {line}", *key)
        try:
            number = metrics[key].factor * float(row[value])
        except ValueError as exc:
            raise FileError(f"{document.name}, line {line}: {row[value][:60]!r} is not a number") from exc
        values.setdefault((row[benchmark], key), {}).setdefault(row[process], []).append(number)
    for (name, key), processes in values.items():
        found.add_processes(name, metrics[key].metric, processes)
    _one_unit_each(document, metrics)
    return found.run()


def _unit(where: str, metric: str, unit: str, better: str) -> Read:
    if better not in ("", *Direction):
        raise FileError(f"{where}: better is {better[:60]!r}; it is lower or higher")
    named, base = unit_named(unit), METRICS.get(metric or "time")
    plain = not unit or (base is not None and unit == base.unit)
    if base is None:
        base = replace(named.metric, name=metric)
    elif base.kind is Kind.COUNTED:
        raise FileError(f"{where}: {metric} is a share of so many, which this format cannot say")
    elif not plain and named.metric.unit is not base.unit:
        raise FileError(f"{where}: {base.name} is measured in {base.unit}, not in {unit[:60]!r}")
    base = better_when(base, Direction(better)) if better else base
    return Read(metric=base, factor=1.0 if plain else named.factor)


def _one_unit_each(document: Document, metrics: dict[tuple[str, str, str], Read]) -> None:
    seen: dict[str, Metric] = {}
    for read_as in metrics.values():
        metric = read_as.metric
        if seen.setdefault(metric.name, metric) != metric:
            raise FileError(f"{document.name}: {metric.name} has two units or two directions")


def _cell(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def write(run: Run) -> Written:
    """Return every value of a run, in base units."""
    text, left_out = io.StringIO(), []
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for sample in run.samples:
        metric = sample.sli.metric
        if metric.kind is Kind.COUNTED:
            left_out.append((sample.sli, NO_SHARES))
            continue
        unit = _WRITTEN.get(metric.unit, str(metric.unit))
        for process, values in zip(sample.pairs, sample.processes, strict=True):
            for value in values:
                name = _cell(str(sample.sli.benchmark))
                writer.writerow([name, _cell(metric.name), unit, metric.direction, process, repr(value)])
    return Written(text=text.getvalue(), left_out=tuple(left_out))
