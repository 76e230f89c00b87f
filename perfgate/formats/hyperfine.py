"""hyperfine's JSON: every timed run is a process of its own."""

from typing import Annotated

from pydantic import Field

from perfgate.core.model import CPU, PEAK_MEMORY, TIME, Reason, Run
from perfgate.formats.document import Count, Document, Says, Table
from perfgate.formats.readings import Readings

says = Says(
    title="hyperfine",
    made_by="hyperfine --export-json FILE",
    processes="each of them",
    values="every run; of an older version's summary the median",
    metrics="time, peak-memory, cpu (the mean of all runs)",
)


class _Result(Table):
    command: str
    median: float | None = None
    mean: float
    user: float | None = None
    system: float | None = None
    times: list[float] | None = None
    memory_usage_byte: list[Count] | None = None
    exit_codes: list[Annotated[int, Field(ge=-(2**31), lt=2**31)] | None] | None = None


class _File(Table):
    results: list[_Result]


def recognises(document: Document) -> bool:
    """Return whether its results are commands."""
    return {"command", "mean", "stddev"} <= document.keys("results")


def read(document: Document) -> Run:
    """Return its commands; one that ended with an error failed, however fast it was."""
    found = Readings(document, "hyperfine")
    seen: set[str] = set()
    for result in document.shaped(_File).results:
        name = result.command
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
