"""The custom JSON of github-action-benchmark, read and written: a list of names, units and values."""

import json
from dataclasses import dataclass, replace

from perfgate.core.model import Direction, Run
from perfgate.core.stats import describe
from perfgate.core.units import Unit
from perfgate.errors import FileError
from perfgate.formats.document import Document, Says, Table, Written
from perfgate.formats.readings import Readings, better_when, unit_named

says = Says(
    title="github-action-benchmark's custom JSON",
    made_by="perfgate convert RUN --to custom, or any script",
    processes="one",
    values="one value a name; its range, which has no defined meaning, is left out",
    metrics="by the unit; what is per second is better when it is more, all else when it is less",
)
_UNITS = {Unit.SECOND: ("ns", 1e-9), Unit.PER_SECOND: ("ops/s", 1.0), Unit.BYTE: ("B", 1.0)}


class _Entry(Table):
    name: str
    unit: str
    value: float | str


@dataclass(frozen=True, slots=True)
class Stated:
    """Reads the same files where it is known which way is better: the tool's `customBiggerIsBetter`, or the other."""

    better: Direction

    @property
    def says(self) -> Says:
        """What its files can say."""
        name = f"custom-{'bigger' if self.better is Direction.HIGHER else 'smaller'}"
        made_by = f"any script, then --from {name} (or reads = {name!r})".replace("'", '"')
        return replace(says, made_by=made_by, metrics=f"by the unit; all are better when they are {self.better}")

    def recognises(self, document: Document) -> bool:
        """Return False: its contents do not identify it, so the user names it."""
        return False

    def read(self, document: Document) -> Run:
        """Return its benchmarks."""
        return _read(document, self.better)


bigger, smaller = Stated(Direction.HIGHER), Stated(Direction.LOWER)


def recognises(document: Document) -> bool:
    """Return whether it is a list of names with units and values."""
    return isinstance(document.json, list) and {"name", "unit", "value"} <= document.keys()


def read(document: Document) -> Run:
    """Return its benchmarks; the tool itself takes a value as text too, so that is read here as well."""
    return _read(document, None)


def _read(document: Document, better: Direction | None) -> Run:
    found = Readings(document, "custom")
    seen: set[str] = set()
    for entry in document.shaped(list[_Entry]):
        unit = unit_named(entry.unit)
        found.once(f"{entry.name}:{unit.metric.name}", seen)
        try:
            value = float(entry.value)
        except ValueError as exc:
            raise FileError(f"{document.name}: {entry.name!r} has the value {str(entry.value)[:60]!r}") from exc
        found.add(entry.name, better_when(unit.metric, better), [unit.factor * value])
    return found.run()


def write_smaller(run: Run) -> Written:
    """Return the medians of processes of all that is better when it is lower."""
    return _written(run, Direction.LOWER)


def write_bigger(run: Run) -> Written:
    """Return the medians of processes of all that is better when it is higher."""
    return _written(run, Direction.HIGHER)


def _written(run: Run, better: Direction) -> Written:
    entries, left_out = [], []
    for sample in run.samples:
        metric = sample.sli.metric
        if metric.direction is not better:
            fits = "smaller" if better is Direction.HIGHER else "bigger"
            left_out.append((sample.sli, f"{metric.direction} is better: --to custom-{fits} holds it"))
            continue
        unit, factor = _UNITS.get(metric.unit, (metric.name, 1.0))
        medians = describe.process_medians(sample.processes)
        entries.append({"name": str(sample.sli), "unit": unit, "value": describe.median(medians) / factor})
    reduced = "the median of its processes"
    return Written(text=json.dumps(entries, indent=1), left_out=tuple(left_out), reduced=reduced)
