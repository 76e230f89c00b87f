"""The text of PostgreSQL's pgbench."""

import re

from perfgate.core.model import Run
from perfgate.errors import FileError
from perfgate.formats.document import NUMBER, Document, Says, number, whole
from perfgate.formats.load import LOAD_METRICS, add_errors, add_latencies, add_throughput
from perfgate.formats.readings import Readings

says = Says(
    title="pgbench",
    made_by="pgbench … > FILE",
    processes="one",
    values="a summary: the mean",
    metrics=LOAD_METRICS,
    environment="version",
)
_TYPE = re.compile(r"^transaction type: (.+)$", re.MULTILINE)
_LATENCY = re.compile(rf"^latency average = ({NUMBER}) ms", re.MULTILINE)
_RATE = re.compile(rf"^tps = ({NUMBER})(?: \((\w+))?", re.MULTILINE)
_DONE = re.compile(r"^number of transactions actually processed: (\d+)", re.MULTILINE)
_FAILED = re.compile(r"^number of failed transactions: (\d+)", re.MULTILINE)
_VERSION = re.compile(r"^pgbench \(([\d.]+)", re.MULTILINE)


def recognises(document: Document) -> bool:
    """Return whether it has pgbench's lines."""
    return bool(_TYPE.search(document.beginning) and re.search(r"^scaling factor: ", document.beginning, re.MULTILINE))


def read(document: Document) -> Run:
    """Return the transactions by the name of their script."""
    text = document.text
    kind, rates, done = _TYPE.search(text), _RATE.findall(text), _DONE.search(text)
    if kind is None or not rates or done is None:
        raise FileError(f"{document.name}: pgbench's summary is not whole", hint="did the run end early?")
    version, latency = _VERSION.search(text), _LATENCY.search(text)
    found, name = Readings(document, "pgbench", facts={"pgbench": version[1] if version else None}), kind[1].strip()
    if latency:
        add_latencies(found, name, {"mean": 1e-3 * number(document, latency[1])})
    # Older versions print it with and without the time that connections take.
    rate = next((rate for rate, what in rates if what in ("without", "excluding")), rates[-1][0])
    add_throughput(found, name, number(document, rate))
    failed = _FAILED.search(text)
    bad = whole(document, "a count", number(document, failed[1])) if failed else 0
    add_errors(found, name, bad, bad + whole(document, "a count", number(document, done[1])), what="transactions")
    return found.run()
