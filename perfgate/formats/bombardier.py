"""bombardier's JSON."""

from perfgate.core.load.tally import TOTAL
from perfgate.core.model import Run
from perfgate.formats.document import Count, Document, Says, Table
from perfgate.formats.load import LOAD_METRICS, add_errors, add_latencies, add_throughput
from perfgate.formats.readings import Readings

says = Says(
    title="bombardier",
    made_by="bombardier --latencies --print result --format json URL > FILE",
    processes="one",
    values="a summary",
    metrics=LOAD_METRICS,
)


class _Latency(Table):
    mean: float
    max: float
    percentiles: dict[str, float] = {}


class _Rate(Table):
    mean: float


class _Result(Table):
    req1xx: Count
    req2xx: Count
    req3xx: Count
    req4xx: Count
    req5xx: Count
    others: Count
    latency: _Latency | None = None
    rps: _Rate | None = None


class _File(Table):
    result: _Result


def recognises(document: Document) -> bool:
    """Return whether it has bombardier's counts."""
    return {"req2xx", "others", "timeTakenSeconds"} <= document.keys("result")


def read(document: Document) -> Run:
    """Return its latencies, microseconds there, and how many requests got no answer or one that is an error."""
    result = document.shaped(_File).result
    found = Readings(document, "bombardier")
    if told := result.latency:
        quantiles = {f"p{q}": told.percentiles.get(q) for q in ("50", "90", "95", "99")}
        known = {"mean": told.mean, "max": told.max, **quantiles}
        add_latencies(found, TOTAL, {part: None if us is None else 1e-6 * us for part, us in known.items()})
    if result.rps:
        add_throughput(found, TOTAL, result.rps.mean)
    bad = result.req4xx + result.req5xx + result.others
    add_errors(found, TOTAL, bad, bad + result.req1xx + result.req2xx + result.req3xx)
    return found.run()
