"""k6: the summary that it exports, or every point of its JSON output."""

from collections import Counter, defaultdict
from typing import Any

from perfgate.core.load.histogram import histogram
from perfgate.core.load.tally import TOTAL
from perfgate.core.model import Run
from perfgate.errors import FileError
from perfgate.formats.document import Document, Says, Table
from perfgate.formats.load import LOAD_METRICS, add_histogram, add_latencies, add_throughput, whole
from perfgate.formats.readings import Readings

says = Says(
    title="k6",
    made_by="k6 run --summary-export FILE, handleSummary(data), or --out json=FILE",
    processes="one",
    values="a summary, or every request by name",
    metrics=LOAD_METRICS,
)
_PARTS = {"avg": "mean", "med": "p50", "p(50)": "p50", "p(90)": "p90", "p(95)": "p95", "p(99)": "p99", "max": "max"}
_DURATION, _FAILED, _REQUESTS = "http_req_duration", "http_req_failed", "http_reqs"


class _Summary(Table):
    metrics: dict[str, dict[str, Any]]


class _Data(Table):
    value: float
    tags: dict[str, str] | None = None


class _Point(Table):
    metric: str
    data: _Data


def recognises(document: Document) -> bool:
    """Return whether it is a summary with HTTP requests, or lines of metrics and points."""
    if _DURATION in document.keys("metrics"):
        return True
    first = next(iter(document.rows), None)
    return isinstance(first, dict) and {"type", "metric", "data"} <= first.keys()


def read(document: Document) -> Run:
    """Return its requests: in total, and where there are points by name."""
    found = Readings(document, "k6")
    if {"metrics"} <= document.keys():
        _summary(document, found)
    else:
        _points(document, found)
    return found.run()


def _summary(document: Document, found: Readings) -> None:
    metrics = document.shaped(_Summary).metrics

    def values(name: str) -> dict[str, float]:
        metric = metrics.get(name, {})
        inside = document.shaped(dict[str, Any], metric.get("values", metric))  # handleSummary's are a step further in
        known = {key: value for key, value in inside.items() if key not in ("thresholds", "type", "contains")}
        return document.shaped(dict[str, float], known)

    add_latencies(found, TOTAL, {_PARTS[k]: 1e-3 * v for k, v in values(_DURATION).items() if k in _PARTS})
    if rate := values(_REQUESTS).get("rate"):
        add_throughput(found, TOTAL, rate)
    failed = values(_FAILED)
    if {"passes", "fails"} <= failed.keys():  # of "it failed", so those that passed are the bad ones
        bad, good = (whole(document, f"{_FAILED}.{key}", failed[key]) for key in ("passes", "fails"))
        found.count(TOTAL, "errors", bad, bad + good)


def _points(document: Document, found: Readings) -> None:
    latencies: dict[str, list[float]] = defaultdict(list)
    bad: Counter[str] = Counter()
    of: Counter[str] = Counter()
    for number, row in enumerate(document.rows, start=1):
        if not isinstance(row, dict) or row.get("type") != "Point" or row.get("metric") not in (_DURATION, _FAILED):
            continue
        point = document.shaped(_Point, row)
        if not 0 <= point.data.value < float("inf"):
            raise FileError(f"{document.name}, row {number}: {point.metric} is {point.data.value}")
        for name in {TOTAL, (point.data.tags or {}).get("name") or TOTAL}:
            if point.metric == _DURATION:
                latencies[name].append(1e-3 * point.data.value)
            else:
                bad[name] += point.data.value > 0
                of[name] += 1
    for name, values in latencies.items():
        add_histogram(found, name, histogram(values), max=max(values))
    for name, count in of.items():
        found.count(name, "errors", bad[name], count)
