"""The text that wrk and wrk2 print."""

import re

from perfgate.core.load.tally import TOTAL
from perfgate.core.model import Run
from perfgate.errors import FileError
from perfgate.formats.document import Document, Says, number, whole
from perfgate.formats.load import LOAD_METRICS, add_errors, add_latencies, add_throughput
from perfgate.formats.readings import Readings, unit_named

says = Says(
    title="wrk, wrk2",
    made_by="wrk --latency … > FILE",
    processes="one",
    values="a summary",
    metrics=LOAD_METRICS,
)
_BEGINS = re.compile(r"^Running .+ test @ \S+", re.MULTILINE)
_LATENCY = re.compile(r"^\s*Latency\s+(\S+)\s+\S+\s+(\S+)\s", re.MULTILINE)
_QUANTILE = re.compile(r"^\s+(50|90|95|99)(?:\.0+)?%\s+(\S+)\s*$", re.MULTILINE)
_RATE = re.compile(r"^Requests/sec:\s*(\S+)", re.MULTILINE)
_COUNT = re.compile(r"^\s*(\d+) requests in ", re.MULTILINE)
_BROKEN = re.compile(r"^\s*Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", re.MULTILINE)
_REFUSED = re.compile(r"^\s*Non-2xx or 3xx responses: (\d+)", re.MULTILINE)
_QUANTITY = re.compile(r"([\d.]+)(\D*)", re.ASCII)


def recognises(document: Document) -> bool:
    """Return whether it begins as wrk does."""
    return bool(_BEGINS.search(document.beginning))


def read(document: Document) -> Run:
    """Return its latencies, and how many requests broke off or were refused."""
    text, found = document.text, Readings(document, "wrk")
    felt = text.partition("Uncorrected Latency")[0]  # wrk2 adds what the requests took once they had left: no stalls
    count, rate = _COUNT.search(text), _RATE.search(text)
    if count is None or rate is None:
        raise FileError(f"{document.name}: wrk's summary is not whole")
    if thread := _LATENCY.search(felt):
        add_latencies(found, TOTAL, {"mean": _seconds(document, thread[1]), "max": _seconds(document, thread[2])})
    add_latencies(found, TOTAL, {f"p{q}": _seconds(document, value) for q, value in _QUANTILE.findall(felt)})
    add_throughput(found, TOTAL, number(document, rate[1]))
    broken, refused = _BROKEN.search(text), _REFUSED.search(text)
    counts = [*(broken.groups() if broken else ()), refused[1] if refused else "0", count[1]]
    *lost, rejected, done = (whole(document, "a count", number(document, text)) for text in counts)
    add_errors(found, TOTAL, sum(lost) + rejected, done + sum(lost))
    return found.run()


def _seconds(document: Document, text: str) -> float:
    match = _QUANTITY.fullmatch(text)
    unit = unit_named(match[2]) if match else None
    if match is None or unit is None or unit.metric.name != "time":
        raise FileError(f"{document.name}: {text[:60]!r} is not a time")
    return unit.factor * number(document, match[1])
