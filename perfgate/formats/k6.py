"""k6: the summary that it exports, or every point of its JSON output."""

from collections import Counter, defaultdict
from typing import Any

from perfgate.core.load.histogram import histogram
from perfgate.core.load.tally import TOTAL
from perfgate.core.model import Run
from perfgate.errors import FileError
from perfgate.formats.document import Document, Number, Says, Table, whole
from perfgate.formats.load import LOAD_METRICS, add_errors, add_histogram, add_latencies, add_throughput
from perfgate.formats.readings import Readings

says = Says(
    title="k6",
    made_by="k6 run --summary-export FILE, handleSummary(data), --new-machine-readable-summary, or --out json=FILE",
    processes="one",
    values="a summary, or every request by name",
    metrics=f"{LOAD_METRICS}; checks as a benchmark of their own",
)
_PARTS = {"avg": "mean", "med": "p50", "p(50)": "p50", "p(90)": "p90", "p(95)": "p95", "p(99)": "p99", "max": "max"}
_DURATION, _FAILED, _REQUESTS, _CHECKS = "http_req_duration", "http_req_failed", "http_reqs", "checks"
_READ = (_DURATION, _FAILED, _CHECKS)
_WHAT = {TOTAL: "requests", _CHECKS: "checks"}


class _Summary(Table):
    metrics: dict[str, dict[str, Any]]


class _Named(Table):
    name: str
    values: dict[str, Any] = {}


class _Results(Table):
    metrics: list[_Named]


class _Machine(Table):
    results: _Results


class _Data(Table):
    value: float
    tags: dict[str, str] | None = None


class _Point(Table):
    metric: str
    data: _Data


def recognises(document: Document) -> bool:
    """Return whether it is a summary with HTTP requests, or lines of metrics and points."""
    if _DURATION in document.keys("metrics") or {"name", "type", "values"} <= document.keys("results", "metrics"):
        return True
    first = next(iter(document.rows), None)
    return isinstance(first, dict) and {"type", "metric", "data"} <= first.keys()


def read(document: Document) -> Run:
    """Return its requests: in total, and where there are points by name."""
    found = Readings(document, "k6")
    if {"metrics"} <= document.keys():
        _summary(document, found, document.shaped(_Summary).metrics)
    elif {"results"} <= document.keys():
        named = document.shaped(_Machine).results.metrics
        _summary(document, found, {metric.name: {"values": metric.values} for metric in named})
    else:
        _points(document, found)
    return found.run()


def _summary(document: Document, found: Readings, metrics: dict[str, dict[str, Any]]) -> None:
    def values(name: str) -> dict[str, float]:
        metric = metrics.get(name, {})
        inside = document.shaped(dict[str, Any], metric.get("values", metric))  # handleSummary's are a step further in
        known = {key: value for key, value in inside.items() if key not in ("thresholds", "type", "contains")}
        return {
            key: value for key, value in document.shaped(dict[str, Number | None], known).items() if value is not None
        }

    add_latencies(found, TOTAL, {_PARTS[k]: 1e-3 * v for k, v in values(_DURATION).items() if k in _PARTS})
    if rate := values(_REQUESTS).get("rate"):
        add_throughput(found, TOTAL, rate)
    requests = values(_REQUESTS).get("count", 0.0)
    for name, metric in ((TOTAL, _FAILED), (_CHECKS, _CHECKS)):
        if (counts := _counted(document, metric, values(metric), requests)) is not None:
            true, of = counts
            add_errors(found, name, true if metric == _FAILED else of - true, of, what=_WHAT[name])


def _counted(document: Document, metric: str, said: dict[str, float], requests: float) -> tuple[int, int] | None:
    """Return of how many it was true, and how many there were, of a rate; None where the file does not hold it."""
    if {"passes", "fails"} <= said.keys():
        true, false = (whole(document, f"{metric}.{key}", said[key]) for key in ("passes", "fails"))
        return true, true + false
    if {"matches", "total"} <= said.keys():
        true, of = (whole(document, f"{metric}.{key}", said[key]) for key in ("matches", "total"))
        return true, of
    share = said.get("rate", said.get("value"))
    if share is None or metric != _FAILED:
        return None
    if not 0 <= share <= 1:
        raise FileError(f"{document.name}: {metric} is {share:g}")
    of = whole(document, f"{_REQUESTS}.count", requests)
    return round(share * of), of


def _points(document: Document, found: Readings) -> None:
    latencies: dict[str, list[float]] = defaultdict(list)
    bad: Counter[str] = Counter()
    of: Counter[str] = Counter()
    checks: Counter[str] = Counter()
    for number, row in enumerate(document.rows, start=1):
        if not isinstance(row, dict) or row.get("type") != "Point" or row.get("metric") not in _READ:
            continue
        point = document.shaped(_Point, row)
        if not 0 <= point.data.value < float("inf"):
            raise FileError(f"{document.name}, row {number}: {point.metric} is {point.data.value}")
        tags = point.data.tags or {}
        if point.metric == _CHECKS:
            for name in {_CHECKS, f"{_CHECKS}/{tags.get('check') or _CHECKS}"}:
                checks[name] += 1
                bad[name] += point.data.value == 0
            continue
        for name in {TOTAL, tags.get("name") or TOTAL}:
            if point.metric == _DURATION:
                latencies[name].append(1e-3 * point.data.value)
            else:
                bad[name] += point.data.value > 0
                of[name] += 1
    for name, values in latencies.items():
        add_histogram(found, name, histogram(values), max=max(values))
    for counts, what in ((of, "requests"), (checks, "checks")):
        for name, count in counts.items():
            add_errors(found, name, bad[name], count, what=what)
