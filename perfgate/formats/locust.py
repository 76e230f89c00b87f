"""Locust's JSON."""

from perfgate.core.load.histogram import counted
from perfgate.core.load.tally import TOTAL
from perfgate.core.model import Run
from perfgate.errors import FileError
from perfgate.formats.document import Count, Document, Says, Table
from perfgate.formats.load import LOAD_METRICS, add_histogram, add_throughput
from perfgate.formats.readings import Readings

says = Says(
    title="Locust",
    made_by="locust --headless --json > FILE",
    processes="one",
    values="every request, rounded as Locust does: to 1 ms, above 100 ms to 10 ms",
    metrics=LOAD_METRICS,
)


class _Entry(Table):
    name: str
    method: str | None = None
    num_requests: Count
    num_failures: Count
    start_time: float
    last_request_timestamp: float | None = None
    max_response_time: float | None = None
    response_times: dict[str, Count]


def recognises(document: Document) -> bool:
    """Return whether it is a list of names with their response times."""
    return isinstance(document.json, list) and {"name", "response_times", "num_requests"} <= document.keys()


def read(document: Document) -> Run:
    """Return its requests, each by method and name, and all together."""
    found = Readings(document, "locust")
    seen: set[str] = set()
    entries = document.shaped(list[_Entry])
    together: list[tuple[float, int]] = []
    for entry in entries:
        name = f"{entry.method} {entry.name}" if entry.method else entry.name
        found.once(name, seen)
        try:
            # What took less than half a millisecond is counted at 0: a quarter is the middle of that.
            times = [(1e-3 * float(ms) or 0.25e-3, count) for ms, count in entry.response_times.items()]
        except ValueError as exc:
            raise FileError(f"{document.name}: {name!r} has a response time that is no number") from exc
        if any(not 0 < seconds < float("inf") or count < 1 for seconds, count in times):
            raise FileError(f"{document.name}: {name!r} has a response time or a count that cannot be")
        together += times
        if times:
            slowest = entry.max_response_time
            add_histogram(found, name, counted(times), max=None if slowest is None else 1e-3 * slowest)
        span = (entry.last_request_timestamp or 0) - entry.start_time
        if span > 0:
            add_throughput(found, name, entry.num_requests / span)
        found.count(name, "errors", entry.num_failures, max(entry.num_requests, entry.num_failures))
    if together:
        add_histogram(found, TOTAL, counted(together))
    bad, of = sum(e.num_failures for e in entries), sum(max(e.num_requests, e.num_failures) for e in entries)
    found.count(TOTAL, "errors", bad, of)
    return found.run()
