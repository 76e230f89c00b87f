"""vegeta's report as JSON."""

from perfgate.core.load.tally import TOTAL
from perfgate.core.model import Run
from perfgate.errors import FileError
from perfgate.formats.document import Count, Document, Says, Table
from perfgate.formats.load import LOAD_METRICS, add_errors, add_latencies, add_throughput
from perfgate.formats.readings import Readings

says = Says(
    title="vegeta",
    made_by="vegeta attack … | vegeta report -type=json > FILE",
    processes="one",
    values="a summary",
    metrics=LOAD_METRICS,
)
_PARTS = {"mean": "mean", "50th": "p50", "90th": "p90", "95th": "p95", "99th": "p99", "max": "max"}


class _File(Table):
    latencies: dict[str, float]
    requests: Count
    throughput: float
    success: float


def recognises(document: Document) -> bool:
    """Return whether it has vegeta's latencies and status codes."""
    return {"latencies", "status_codes", "success"} <= document.keys()


def read(document: Document) -> Run:
    """Return its latencies, nanoseconds there, and how many requests were no success."""
    file = document.shaped(_File)
    found = Readings(document, "vegeta")
    if file.requests:
        known = {_PARTS[key]: 1e-9 * value for key, value in file.latencies.items() if key in _PARTS}
        add_latencies(found, TOTAL, known)
    add_throughput(found, TOTAL, file.throughput)
    if not 0 <= file.success <= 1:
        raise FileError(f"{document.name}: success is {file.success:g}")
    add_errors(found, TOTAL, round((1 - file.success) * file.requests), file.requests)
    return found.run()
