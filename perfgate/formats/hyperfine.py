"""hyperfine's JSON: every timed run is a process of its own."""

import re
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from perfgate.core.model import CPU, PEAK_MEMORY, TIME, Reason, Run
from perfgate.errors import FileError
from perfgate.formats.document import Count, Document, Says, Table
from perfgate.formats.readings import Readings, with_parameters

says = Says(
    title="hyperfine",
    made_by="hyperfine --export-json FILE, or --export-csv",
    processes="each of them",
    values="every run; of a CSV and of an older version's summary the median",
    metrics="time, peak-memory, cpu (the mean of all runs)",
)


_COLUMNS = ("command", "mean", "stddev")


class _Result(Table):
    command: str
    median: float | None = None
    mean: float
    user: float | None = None
    system: float | None = None
    times: list[float] | None = None
    memory_usage_byte: list[Count] | None = None
    exit_codes: list[Annotated[int, Field(ge=-(2**31), lt=2**31)] | None] | None = None
    parameters: dict[str, str | float] = {}


class _File(Table):
    results: list[_Result]


def recognises(document: Document) -> bool:
    """Return whether its results are commands, or its columns are those of its CSV."""
    return {"command", "mean", "stddev"} <= document.keys("results") or document.columns[:3] == _COLUMNS


def _from_csv(document: Document) -> Iterator[_Result]:
    """Yield the results of its CSV, which holds no single runs."""
    document.needs(("command", "mean", "median", "user", "system"))
    for where, row in document.records():
        try:
            mean, median, user, system = (float(row[key]) for key in ("mean", "median", "user", "system"))
        except ValueError as exc:
            raise FileError(f"{where}: mean, median, user and system are not all numbers") from exc
        given: dict[str, str | float] = {
            key.removeprefix("parameter_"): row[key] for key in row if key.startswith("parameter_")
        }
        yield _Result(command=row["command"], parameters=given, mean=mean, median=median, user=user, system=system)


def _unsaid(result: _Result) -> dict[str, object]:
    """Return the parameters that the command does not hold: those of --setup, --prepare or --conclude alone."""
    said = _words(result.command)
    return {key: value for key, value in result.parameters.items() if not _words(str(value)) <= said}


def _words(text: str) -> set[str]:
    return set(re.findall(r"[\w.+-]+", text))


def read(document: Document) -> Run:
    """Return its commands; one that ended with an error failed, however fast it was."""
    found = Readings(document, "hyperfine")
    seen: set[str] = set()
    for result in _from_csv(document) if document.columns else document.shaped(_File).results:
        name = result.command + with_parameters(_unsaid(result))
        if name in seen:
            name = result.command + with_parameters(result.parameters)
        found.once(name, seen)
        if bad := [code for code in result.exit_codes or [] if code != 0]:
            found.fail(name, Reason.RAISED, f"{len(bad)} of its runs ended with an error, the first with {bad[0]}")
        times = result.times or [result.mean if result.median is None else result.median]
        for number, seconds in enumerate(times):
            found.add(name, TIME, [seconds], process=number)
        for number, size in enumerate(result.memory_usage_byte or []):
            found.add(name, PEAK_MEMORY, [size], process=number)
        if result.user is not None and result.system is not None:
            found.add(name, CPU, [result.user + result.system])
    return found.run()
