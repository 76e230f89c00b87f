"""The text of ab, Apache's HTTP server benchmarking tool."""

import re

from perfgate.core.load.tally import TOTAL
from perfgate.core.model import Run
from perfgate.errors import FileError
from perfgate.formats.document import Document, Says, number, whole
from perfgate.formats.load import LOAD_METRICS, add_errors, add_latencies, add_throughput
from perfgate.formats.readings import Readings

says = Says(
    title="ab",
    made_by="ab -n N -c C URL > FILE",
    processes="one",
    values="a summary, its quantiles to 1 ms",
    metrics=LOAD_METRICS,
)
_COMPLETE = re.compile(r"^Complete requests:\s+(\d+)", re.MULTILINE)
_FAILED = re.compile(r"^Failed requests:\s+(\d+)", re.MULTILINE)
_REFUSED = re.compile(r"^Non-2xx responses:\s+(\d+)", re.MULTILINE)
_RATE = re.compile(r"^Requests per second:\s+(\S+)", re.MULTILINE)
_TOTAL = re.compile(r"^Total:\s+\S+\s+(\S+)\s+\S+\s+\S+\s+(\S+)", re.MULTILINE)
_QUANTILE = re.compile(r"^\s+(50|90|95|99)%\s+(\S+)\s*$", re.MULTILINE)
_LONGEST = re.compile(r"^\s+100%\s+(\S+) \(longest request\)", re.MULTILINE)


def recognises(document: Document) -> bool:
    """Return whether it begins as ab does."""
    return document.beginning.lstrip().startswith("This is ApacheBench")


def read(document: Document) -> Run:
    """Return its latencies, and how many requests broke off or were refused.

    Answers of another length than the first count as failed there, as dynamic pages have them; these do not here.
    """
    text, found = document.text, Readings(document, "ab")
    complete, rate = _COMPLETE.search(text), _RATE.search(text)
    if complete is None or rate is None:
        raise FileError(f"{document.name}: ab's summary is not whole", hint="did the run end early?")
    parts = {f"p{q}": _seconds(document, value) for q, value in _QUANTILE.findall(text)}
    if total := _TOTAL.search(text):
        parts["mean"], parts["max"] = _seconds(document, total[1]), _seconds(document, total[2])
    if longest := _LONGEST.search(text):
        parts["max"] = _seconds(document, longest[1])
    add_latencies(found, TOTAL, parts)
    add_throughput(found, TOTAL, number(document, rate[1]))
    failed, refused = (_count(document, pattern, text) for pattern in (_FAILED, _REFUSED))
    length = re.search(r"^\s+\(Connect: \d+, Receive: \d+, Length: (\d+), Exceptions: \d+\)", text, re.MULTILINE)
    lost = failed - (whole(document, "a count", number(document, length[1])) if length else 0)
    of = whole(document, "a count", number(document, complete[1]))
    add_errors(found, TOTAL, min(of, max(0, lost) + refused), of)
    return found.run()


def _count(document: Document, pattern: re.Pattern[str], text: str) -> int:
    match = pattern.search(text)
    return whole(document, "a count", number(document, match[1])) if match else 0


def _seconds(document: Document, milliseconds: str) -> float:
    return 1e-3 * number(document, milliseconds)
