"""The text of sysbench."""

import re

from perfgate.core.model import Run
from perfgate.errors import FileError
from perfgate.formats.document import NUMBER, Document, Says, number
from perfgate.formats.load import add_latencies, add_throughput
from perfgate.formats.readings import Readings, unit_named

says = Says(
    title="sysbench",
    made_by="sysbench TEST run > FILE",
    processes="one",
    values="a summary: mean, maximum, 95th percentile",
    metrics="throughput, latency.mean, latency.p95, latency.max; bytes-per-second of memory",
    environment="version",
)
_BEGINS = re.compile(r"^sysbench ([\d.]+)", re.MULTILINE)
_RATES = (
    re.compile(rf"^\s*transactions:\s+\d+\s+\(({NUMBER}) per sec\.\)", re.MULTILINE),
    re.compile(rf"^\s*events per second:\s+({NUMBER})", re.MULTILINE),
    re.compile(rf"^\s*Total operations: \d+ \(\s*({NUMBER}) per second\)", re.MULTILINE),
    re.compile(rf"^\s*events/s \(eps\):\s+({NUMBER})", re.MULTILINE),
)
_EVENTS = re.compile(r"^\s*total number of events:\s+(\d+)", re.MULTILINE)
_TIME = re.compile(rf"^\s*total time:\s+({NUMBER})s", re.MULTILINE)
_MOVED = re.compile(rf"transferred \(({NUMBER}) (\w+/sec)\)")
_LATENCY = re.compile(r"^Latency \(ms\):\s*$(.*)", re.MULTILINE | re.DOTALL)
_PARTS = {"avg": "mean", "max": "max", "95th percentile": "p95", "99th percentile": "p99"}


def recognises(document: Document) -> bool:
    """Return whether it begins as sysbench does."""
    return document.beginning.lstrip().startswith("sysbench ") and bool(_BEGINS.search(document.beginning))


def read(document: Document) -> Run:
    """Return the test; what it is called the text does not say."""
    text, begins = document.text, _BEGINS.search(document.text)
    total_s, latencies = _TIME.search(text), _LATENCY.search(text)
    if begins is None or total_s is None or latencies is None:
        raise FileError(f"{document.name}: sysbench's summary is not whole", hint="did the run end early?")
    found, name = Readings(document, "sysbench", facts={"sysbench": begins[1]}), "run"
    told = {
        key.strip(): value for key, value in re.findall(rf"^\s+([\w ]+):\s+({NUMBER})\s*$", latencies[1], re.MULTILINE)
    }
    add_latencies(
        found, name, {part: 1e-3 * number(document, told[key]) for key, part in _PARTS.items() if key in told}
    )
    rate = next((match[1] for pattern in _RATES if (match := pattern.search(text))), None)
    events, seconds = _EVENTS.search(text), number(document, total_s[1])
    if rate is not None:
        add_throughput(found, name, number(document, rate))
    elif events and seconds > 0:
        add_throughput(found, name, number(document, events[1]) / seconds)
    if moved := _MOVED.search(text):
        unit = unit_named(moved[2])
        found.add(name, unit.metric, [unit.factor * number(document, moved[1])])
    return found.run()
