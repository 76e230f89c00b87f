"""fio's JSON."""

from pydantic import Field

from perfgate.core.model import Direction, Metric, Reason, Run
from perfgate.core.units import Unit
from perfgate.formats.document import Count, Document, Says, Table
from perfgate.formats.load import add_latencies
from perfgate.formats.readings import Readings, unit_named

says = Says(
    title="fio",
    made_by="fio --output-format=json JOBFILE > FILE",
    processes="one",
    values="a summary",
    metrics="iops, bytes-per-second, latency.* (of completion); of each job by read, write and trim",
    environment="version",
)
_IOPS = Metric(name="iops", unit=Unit.PER_SECOND, direction=Direction.HIGHER)
_KINDS = ("read", "write", "trim")
_QUANTILES = {"p50": "50.000000", "p90": "90.000000", "p95": "95.000000", "p99": "99.000000"}


class _Latency(Table):
    mean: float = 0.0
    max: float = 0.0
    percentile: dict[str, float] = {}


class _Side(Table):
    total_ios: Count = 0
    iops: float = 0.0
    bw: float = 0.0
    bw_bytes: float | None = None
    clat_ns: _Latency | None = None


class _Job(Table):
    jobname: str
    error: int = 0
    read: _Side = _Side()
    write: _Side = _Side()
    trim: _Side = _Side()


class _File(Table):
    version: str = Field(alias="fio version")
    jobs: list[_Job]


def recognises(document: Document) -> bool:
    """Return whether it has fio's version and jobs."""
    return {"fio version", "jobs"} <= document.keys()


def read(document: Document) -> Run:
    """Return its jobs; one that ended with an error has no number."""
    file = document.shaped(_File)
    found, seen = Readings(document, "fio", facts={"fio": file.version}), set[str]()
    for job in file.jobs:
        found.once(job.jobname, seen)
        busy = [pair for pair in zip(_KINDS, (job.read, job.write, job.trim), strict=True) if pair[1].total_ios]
        for kind, side in busy:
            name = f"{job.jobname}/{kind}"
            if job.error:
                found.fail(name, Reason.RAISED, f"fio ended with error {job.error}")
            else:
                _add(found, name, side)
        if not busy:
            what = f"fio ended with error {job.error}" if job.error else "fio read, wrote and trimmed nothing"
            found.fail(job.jobname, Reason.RAISED if job.error else Reason.NOTHING, what)
    return found.run()


def _add(found: Readings, name: str, side: _Side) -> None:
    found.add(name, _IOPS, [side.iops])
    found.add(name, unit_named("B/s").metric, [1024 * side.bw if side.bw_bytes is None else side.bw_bytes])
    if (told := side.clat_ns) is None:
        return
    known = {part: told.percentile.get(key) for part, key in _QUANTILES.items()}
    known |= {"mean": told.mean, "max": told.max}
    add_latencies(found, name, {part: None if ns is None else 1e-9 * ns for part, ns in known.items()})
