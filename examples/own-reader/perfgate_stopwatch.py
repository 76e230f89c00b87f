"""Reads and writes what an imaginary tool prints: `stopwatch 1`, then a name, a number and a unit a line."""

from perfgate.core.model import TIME, Reason, Run
from perfgate.core.stats.describe import median
from perfgate.errors import FileError
from perfgate.formats.document import Document, Says, Written
from perfgate.formats.readings import Readings, unit_named

says = Says(title="stopwatch", made_by="stopwatch run > FILE", processes="one", values="every lap", metrics="time")


def recognises(document: Document) -> bool:
    return document.beginning.startswith("stopwatch ")


def read(document: Document) -> Run:
    if document.lines[0] != "stopwatch 1":
        raise FileError(f"{document.name}: {document.lines[0]!r} is not the version that is read here")
    found = Readings(document, "stopwatch")
    for number, line in enumerate(document.lines[1:], start=2):
        try:
            name, value, unit = line.rsplit(" ", 2)
            read_as, lap = unit_named(unit), float(value)
        except ValueError as exc:
            raise FileError(f"{document.name}, line {number}: not a name, a number and a unit") from exc
        if read_as.metric == TIME:
            found.add(name, TIME, [read_as.factor * lap])
        else:
            found.fail(name, Reason.BAD_VALUE, f"{unit} is not a unit of time")
    return found.run()


def write(run: Run) -> Written:
    times = [sample for sample in run.samples if sample.sli.metric == TIME]
    laps = [f"{s.sli.benchmark} {median([value for process in s.processes for value in process])} s" for s in times]
    return Written(
        text="\n".join(["stopwatch 1", *laps]),
        left_out=tuple((s.sli, "a stopwatch holds times alone") for s in run.samples if s.sli.metric != TIME),
        reduced="the median",
    )
