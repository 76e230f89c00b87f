"""oha's JSON."""

from pydantic import Field

from perfgate.core.load.tally import TOTAL
from perfgate.core.model import Run
from perfgate.formats.document import Count, Document, Says, Table
from perfgate.formats.load import LOAD_METRICS, add_errors, add_latencies, add_throughput
from perfgate.formats.readings import Readings

says = Says(
    title="oha",
    made_by="oha --no-tui --output-format json URL > FILE",
    processes="one",
    values="a summary",
    metrics=LOAD_METRICS,
)


class _Summary(Table):
    average: float | None = None
    slowest: float | None = None
    rate: float | None = Field(None, alias="requestsPerSec")


class _File(Table):
    summary: _Summary
    latencies: dict[str, float | None] = Field({}, alias="latencyPercentiles")
    statuses: dict[str, Count] = Field({}, alias="statusCodeDistribution")
    errors: dict[str, Count] = Field({}, alias="errorDistribution")


def recognises(document: Document) -> bool:
    """Return whether it has oha's summary and distributions."""
    return {"summary", "latencyPercentiles", "statusCodeDistribution"} <= document.keys()


def read(document: Document) -> Run:
    """Return its latencies, and how many requests got no answer or one that is an error."""
    file = document.shaped(_File)
    found = Readings(document, "oha")
    known = {part: file.latencies.get(part) for part in ("p50", "p90", "p95", "p99")}
    add_latencies(found, TOTAL, {"mean": file.summary.average, "max": file.summary.slowest, **known})
    if file.summary.rate is not None:
        add_throughput(found, TOTAL, file.summary.rate)
    good = sum(count for status, count in file.statuses.items() if status[:1] in ("1", "2", "3"))
    of = sum(file.statuses.values()) + sum(file.errors.values())
    add_errors(found, TOTAL, of - good, of)
    return found.run()
