"""Gatling's statistics: the JSON beside its report."""

from collections.abc import Iterator
from typing import Any, Literal

from perfgate.core.load.tally import TOTAL
from perfgate.core.model import Run
from perfgate.errors import FileError
from perfgate.formats.document import Document, Number, Says, Table, whole
from perfgate.formats.load import LOAD_METRICS, add_errors, add_latencies, add_throughput
from perfgate.formats.readings import Readings

says = Says(
    title="Gatling",
    made_by="gatling, then results/…/js/stats.json or global_stats.json",
    processes="one",
    values="a summary; its 95th and 99th percentiles are those of Gatling's default settings",
    metrics=LOAD_METRICS,
)
_DEEPEST = 50


Amount = Number | Literal["-"]
"""A dash stands where there was no such request."""


class _Number(Table):
    total: Amount
    ok: Amount = 0.0
    ko: Amount = 0.0


class _Stats(Table):
    name: str
    numberOfRequests: _Number  # noqa: N815 - theirs
    maxResponseTime: _Number  # noqa: N815
    meanResponseTime: _Number  # noqa: N815
    percentiles1: _Number
    percentiles3: _Number
    percentiles4: _Number
    meanNumberOfRequestsPerSecond: _Number  # noqa: N815


class _Node(Table):
    type: str = ""
    stats: _Stats
    contents: dict[str, Any] = {}


def recognises(document: Document) -> bool:
    """Return whether it has Gatling's statistics, of all requests or of each."""
    wanted = {"numberOfRequests", "percentiles1", "percentiles4"}
    return wanted <= document.keys() or wanted <= document.keys("stats")


def read(document: Document) -> Run:
    """Return all requests together and each by its groups and name; milliseconds there. Failed ones are counted."""
    found, seen = Readings(document, "gatling"), set[str]()
    for name, stats in _requests(document):
        found.once(name, seen)
        of, bad = _count(document, stats.numberOfRequests.total), _count(document, stats.numberOfRequests.ko)
        parts = {
            "mean": stats.meanResponseTime, "max": stats.maxResponseTime, "p50": stats.percentiles1,
            "p95": stats.percentiles3, "p99": stats.percentiles4,
        }  # fmt: skip
        # Of those that succeeded: a failure may be fast.
        add_latencies(found, name, {part: _seconds(value.ok) for part, value in parts.items()})
        if isinstance(rate := stats.meanNumberOfRequestsPerSecond.total, float):
            add_throughput(found, name, rate)
        add_errors(found, name, bad, of)
    return found.run()


def _requests(document: Document) -> Iterator[tuple[str, _Stats]]:
    if {"numberOfRequests"} <= document.keys():
        yield TOTAL, document.shaped(_Stats)
        return
    root = document.shaped(_Node)
    yield TOTAL, root.stats
    yield from _inside(document, root, "", 0)


def _inside(document: Document, node: _Node, path: str, depth: int) -> Iterator[tuple[str, _Stats]]:
    if depth > _DEEPEST:
        raise FileError(f"{document.name}: groups inside of more than {_DEEPEST} others")
    for each in node.contents.values():
        child = document.shaped(_Node, each)
        name = f"{path}{child.stats.name}"
        yield name, child.stats
        yield from _inside(document, child, f"{name}/", depth + 1)


def _seconds(milliseconds: Amount) -> float | None:
    """Return seconds; None where there was no such request."""
    return 1e-3 * milliseconds if isinstance(milliseconds, float) else None


def _count(document: Document, amount: Amount) -> int:
    return 0 if isinstance(amount, str) else whole(document, "numberOfRequests", amount)
