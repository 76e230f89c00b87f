"""JMeter's results, a line or an element a request."""

from collections import defaultdict
from collections.abc import Iterator

from perfgate.core.load.histogram import histogram
from perfgate.core.load.tally import TOTAL
from perfgate.core.model import Run
from perfgate.errors import FileError
from perfgate.formats.document import Document, Says
from perfgate.formats.load import LOAD_METRICS, add_errors, add_histogram, add_throughput
from perfgate.formats.readings import Readings

says = Says(
    title="JMeter",
    made_by="jmeter -n -t PLAN -l FILE.jtl (CSV or XML)",
    processes="one",
    values="every request, to 1 ms",
    metrics=LOAD_METRICS,
)
_NEEDED = {"timestamp", "elapsed", "label", "success"}


def recognises(document: Document) -> bool:
    """Return whether it has the columns of a JTL file, or begins as one in XML."""
    return set(document.columns) >= _NEEDED or document.is_xml("testResults")


def read(document: Document) -> Run:
    """Return its requests by label, and all together; those that failed count as errors, not as latencies."""
    latencies: dict[str, list[float]] = defaultdict(list)
    bad: dict[str, int] = defaultdict(int)
    of: dict[str, int] = defaultdict(int)
    first, last = float("inf"), 0.0
    for where, label, start, elapsed, good in _requests(document):
        try:
            began, took = 1e-3 * int(start), 1e-3 * int(elapsed)
        except ValueError as exc:
            raise FileError(f"{where}: a time of {start[:30]!r} and {elapsed[:30]!r} ms") from exc
        if not 0 <= took < 2**40 or not 0 <= began < 2**40:
            raise FileError(f"{where}: a request of {took:g} s at {began:g} s")
        first, last = min(first, began), max(last, began + took)
        for name in (TOTAL, label):
            of[name] += 1
            if good:
                latencies[name].append(took or 0.25e-3)  # it took less than half a millisecond
            else:
                bad[name] += 1
    found = Readings(document, "jmeter")
    for name, count in of.items():
        if values := latencies[name]:
            add_histogram(found, name, histogram(values), max=max(values))
        if last > first:
            add_throughput(found, name, count / (last - first))
        add_errors(found, name, bad[name], count)
    return found.run()


def _requests(document: Document) -> Iterator[tuple[str, str, str, str, bool]]:
    """Yield where it stands, label, milliseconds since 1970, milliseconds it took, and whether it succeeded."""
    if document.is_xml("testResults"):
        for each in document.xml:
            if each.tag in ("httpSample", "sample"):
                label = each.get("lb", "")
                good = each.get("s", "").lower() == "true"
                yield f"{document.name}, {label[:60]!r}", label, each.get("ts", ""), each.get("t", ""), good
        return
    document.needs(_NEEDED)
    for where, row in document.records():
        yield where, row["label"], row["timestamp"], row["elapsed"], row["success"].lower() == "true"
