"""The text that h2load prints."""

import re

from perfgate.core.load.tally import TOTAL
from perfgate.core.model import Run
from perfgate.errors import FileError
from perfgate.formats.document import Document, Says, number, whole
from perfgate.formats.load import LOAD_METRICS, add_errors, add_latencies, add_throughput
from perfgate.formats.readings import Readings, unit_named

says = Says(
    title="h2load",
    made_by="h2load … > FILE",
    processes="one",
    values="a summary: mean and maximum, newer versions quantiles as well",
    metrics=LOAD_METRICS,
)
_FINISHED = re.compile(r"^finished in \S+, ([\d.]+) req/s", re.MULTILINE)
_REQUESTS = re.compile(
    r"^requests: (\d+) total, (\d+) started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout",
    re.MULTILINE,
)
_TIMES = re.compile(r"^(?:time for request|request)\s*:\s+(.+)$", re.MULTILINE)
_HEADER = re.compile(r"^\s+min\s+max\s+(.+)$", re.MULTILINE)
_QUANTITY = re.compile(r"([\d.]+)([a-zµ]+)")
_OLD = ("min", "max", "mean")


def recognises(document: Document) -> bool:
    """Return whether it holds h2load's last lines."""
    text = document.beginning
    return text.startswith("starting benchmark...") or bool(_FINISHED.search(text) and _REQUESTS.search(text))


def read(document: Document) -> Run:
    """Return its latencies, and how many requests failed."""
    text, found = document.text, Readings(document, "h2load")
    finished, requests, times = _FINISHED.search(text), _REQUESTS.search(text), _TIMES.search(text)
    if finished is None or requests is None or times is None:
        raise FileError(f"{document.name}: h2load's summary is not whole")
    counts = [whole(document, "a count", number(document, text)) for text in requests.groups()]
    total, _, done, succeeded, *_ = counts
    if succeeded:
        add_latencies(found, TOTAL, _latencies(document, text, times[1]))
    add_throughput(found, TOTAL, number(document, finished[1]))
    of = max(total, done)
    add_errors(found, TOTAL, of - succeeded, of)
    return found.run()


def _latencies(document: Document, text: str, line: str) -> dict[str, float | None]:
    """Return what one line says: minimum, maximum and mean; newer versions name the columns of quantiles above it."""
    header = _HEADER.search(text)
    names = [*_OLD[:2], *_columns(header[1])] if header else list(_OLD)
    found: dict[str, float | None] = {}
    for name, word in zip(names, line.split(), strict=False):
        if name not in ("mean", "max", "p50", "p90", "p95", "p99"):
            continue
        quantity = _QUANTITY.fullmatch(word)
        if quantity is None or unit_named(quantity[2]).metric.name != "time":
            raise FileError(f"{document.name}: {word[:60]!r} is not a time")
        found[name] = unit_named(quantity[2]).factor * number(document, quantity[1])
    return found


def _columns(text: str) -> list[str]:
    return [{"median": "p50"}.get(name, name) for name in text.replace("+/- sd", "within").split()]
