"""autocannon's JSON."""

from pydantic import Field

from perfgate.core.load.tally import TOTAL
from perfgate.core.model import Run
from perfgate.formats.document import Count, Document, Says, Table
from perfgate.formats.load import LOAD_METRICS, add_errors, add_latencies, add_throughput
from perfgate.formats.readings import Readings

says = Says(
    title="autocannon",
    made_by="autocannon --json URL > FILE",
    processes="one",
    values="a summary",
    metrics=LOAD_METRICS,
)


class _Latency(Table):
    mean: float
    p50: float
    p90: float
    p99: float
    max: float


class _Requests(Table):
    mean: float


class _File(Table):
    latency: _Latency
    requests: _Requests
    errors: Count
    non2xx: Count
    good: Count = Field(alias="2xx")


def recognises(document: Document) -> bool:
    """Return whether it has autocannon's counts."""
    return {"latency", "requests", "non2xx", "2xx"} <= document.keys()


def read(document: Document) -> Run:
    """Return its latencies, milliseconds there, and how many requests got no answer or a bad one."""
    file = document.shaped(_File)
    found = Readings(document, "autocannon")
    told = file.latency
    known = {"mean": told.mean, "p50": told.p50, "p90": told.p90, "p99": told.p99, "max": told.max}
    if file.good + file.non2xx:
        add_latencies(found, TOTAL, {part: 1e-3 * value for part, value in known.items()})
    add_throughput(found, TOTAL, file.requests.mean)
    bad = file.errors + file.non2xx  # timeouts are among the errors
    add_errors(found, TOTAL, bad, file.good + bad)
    return found.run()
