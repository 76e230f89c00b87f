"""asv's results of one commit on one machine."""

import itertools
from typing import Any

from perfgate.core.model import METRICS, PEAK_MEMORY, TIME, Metric, Reason, Revision, Run
from perfgate.core.units import Unit
from perfgate.errors import FileError
from perfgate.formats.document import Document, Says, Table, newest
from perfgate.formats.readings import Readings

says = Says(
    title="asv",
    made_by="asv run, then .asv/results/MACHINE/COMMIT-ENVIRONMENT.json",
    processes="several, not told apart",
    values="every sample with --record-samples, else the median",
    metrics="time, peak-memory, bytes, value; by what the function is called",
    environment="machine, interpreter, commit",
)
_METRICS = {"time": TIME, "timeraw": TIME, "peakmem": PEAK_MEMORY, "mem": METRICS["bytes"]}
_VALUE = Metric(name="value", unit=Unit.ONE)


class _File(Table):
    version: int
    commit_hash: str
    params: dict[str, Any] = {}
    result_columns: list[str]
    results: dict[str, list[Any]]


def recognises(document: Document) -> bool:
    """Return whether it has asv's columns."""
    return {"commit_hash", "env_name", "result_columns", "results"} <= document.keys()


def read(document: Document) -> Run:
    """Return its benchmarks, a parametrised one as many; null is one that failed, NaN one that was skipped."""
    if document.keys() and (version := document.json.get("version")) != 2:
        newest(document, "an asv result", version, [2])
    file = document.shaped(_File)
    names = {"machine": "machine", "cpu": "cpu", "system": "os", "python": "python"}
    found = Readings(
        document,
        "asv",
        revision=Revision(label=document.name, commit=file.commit_hash),
        facts={fact: file.params.get(key) for fact, key in names.items()},
    )
    for name, columns in file.results.items():
        row = dict(zip(file.result_columns, columns, strict=False))
        _add(document, found, name, row)
    return found.run()


def _add(document: Document, found: Readings, name: str, row: dict[str, Any]) -> None:
    metric = _METRICS.get(name.rpartition(".")[2].partition("_")[0], _VALUE)
    given = document.shaped(list[list[str]], row.get("params") or [])
    medians = row.get("result")
    if medians is None:
        found.fail(name, Reason.RAISED, "asv recorded that it failed")
        return
    medians = document.shaped(list[float | None], medians)
    samples = document.shaped(list[list[float] | None], row.get("samples") or [None] * len(medians))
    cases = [f"{name}({', '.join(case)})" if case else name for case in itertools.product(*given)]
    if not len(cases) == len(medians) == len(samples):
        raise FileError(f"{document.name}: {name!r} has {len(medians)} results for {len(cases)} parameters")
    for case, median, values in zip(cases, medians, samples, strict=True):
        if median is None:
            found.fail(case, Reason.RAISED, "asv recorded that it failed")
        elif median != median:  # noqa: PLR0124 - NaN
            found.fail(case, Reason.SKIPPED, "asv recorded that it was skipped")
        else:
            found.add(case, metric, values or [median])
