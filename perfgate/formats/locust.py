"""Locust's JSON."""

from perfgate.core.load.histogram import counted
from perfgate.core.load.tally import TOTAL
from perfgate.core.model import Run
from perfgate.errors import FileError
from perfgate.formats.document import Count, Document, Says, Table, number, whole
from perfgate.formats.load import LOAD_METRICS, add_errors, add_histogram, add_latencies, add_throughput
from perfgate.formats.readings import Readings

says = Says(
    title="Locust",
    made_by="locust --headless --json > FILE, or --csv NAME, then NAME_stats.csv",
    processes="one",
    values="every request, rounded as Locust does: to 1 ms, above 100 ms to 10 ms; of a CSV a summary",
    metrics=LOAD_METRICS,
)
_COLUMNS = {"type", "name", "request count", "failure count", "average response time", "requests/s"}
_PARTS = {
    "average response time": "mean", "max response time": "max", "50%": "p50", "90%": "p90", "95%": "p95", "99%": "p99",
}  # fmt: skip


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
    """Return whether it is a list of names with their response times, or has the columns of its statistics."""
    return set(document.columns) >= _COLUMNS or (
        isinstance(document.json, list) and {"name", "response_times", "num_requests"} <= document.keys()
    )


def read(document: Document) -> Run:
    """Return its requests, each by method and name, and all together."""
    found = Readings(document, "locust")
    seen: set[str] = set()
    if document.columns:
        document.needs(_COLUMNS)
        for where, row in document.records():
            _add_row(document, found, where, row, seen)
        return found.run()
    entries = document.shaped(list[_Entry])
    together: list[tuple[float, int]] = []
    for entry in entries:
        name = f"{entry.method} {entry.name}" if entry.method else entry.name
        found.once(name, seen)
        try:
            # What took less than half a millisecond is counted at 0: a quarter is the middle of that.
            times = [(1e-3 * float(ms) or 0.25e-3, count) for ms, count in entry.response_times.items()]
        except ValueError as exc:
            raise FileError(f"{document.name}: {name!r} has a response time that is not a number") from exc
        if any(not 0 < seconds < float("inf") or count < 1 for seconds, count in times):
            raise FileError(f"{document.name}: {name!r} has a response time or a count that cannot be")
        together += times
        if times:
            slowest = entry.max_response_time
            add_histogram(found, name, counted(times), max=None if slowest is None else 1e-3 * slowest)
        if entry.last_request_timestamp is not None and (span := entry.last_request_timestamp - entry.start_time):
            add_throughput(found, name, entry.num_requests / span)
        add_errors(found, name, entry.num_failures, max(entry.num_requests, entry.num_failures))
    if together:
        add_histogram(found, TOTAL, counted(together))
    bad, of = sum(e.num_failures for e in entries), sum(max(e.num_requests, e.num_failures) for e in entries)
    add_errors(found, TOTAL, bad, of)
    return found.run()


def _add_row(document: Document, found: Readings, where: str, row: dict[str, str], seen: set[str]) -> None:
    """Keep a line of the statistics: a request, or all together."""
    together = row["name"] == "Aggregated" and not row["type"]
    name = TOTAL if together else f"{row['type']} {row['name']}".strip()
    found.once(name, seen)
    of, bad = (
        whole(document, f"{where}: a count", number(document, row[key])) for key in ("request count", "failure count")
    )
    known = {
        part: 1e-3 * number(document, row[key]) for key, part in _PARTS.items() if row.get(key) not in (None, "N/A", "")
    }
    if of:
        add_latencies(found, name, known)
        add_throughput(found, name, number(document, row["requests/s"]))
    add_errors(found, name, bad, max(of, bad))
