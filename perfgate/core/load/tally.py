"""From the answers of one fresh start to its SLIs: latency from the moment at which a request should have left.

Latency counts from the intended start, so a stall is felt by all requests that it delayed, sent or not (Tene 2013,
"How NOT to measure latency"); service time counts from when a request really left. Requests are not independent, so
nothing is tested here: a start gives one value an SLI, and starts are the unit of replication.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from perfgate.core.load.histogram import Histogram, histogram, merged

LATE_S = 0.5e-3  # a request that left later than this says more of the generator than of the service
QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
BEYOND = 4  # values of a start that must lie beyond a quantile: with fewer its interval holds the truth too seldom
MOST_ERRORS = 0.5  # share of requests that fail; above it latency is that of those that got through
SLOW = 5.0  # times base's median: what a user calls a stall
TOTAL = "total"


class Answer(NamedTuple):
    """What became of one request; times in seconds after the start."""

    call: int
    request: int
    side: int
    intended_s: float
    sent_s: float
    done_s: float
    fault: str
    """Why it does not count as served; empty where it does."""
    queries: tuple[int, int] | None = None
    """Statements that the service sent to its database for it, and how often it repeated the same one."""

    @property
    def latency_s(self) -> float:
        """Seconds since it should have left."""
        return self.done_s - self.intended_s

    @property
    def service_s(self) -> float:
        """Seconds since it left."""
        return self.done_s - self.sent_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """How many of how many came out badly."""

    bad: int
    of: int


@dataclass(slots=True, kw_only=True)
class Tally:
    """The SLIs of one name (a request, or all of them) on one side in one start."""

    values: dict[str, float] = field(default_factory=dict)
    """Metric name to value, in base units."""
    shares: dict[str, Shares] = field(default_factory=dict)
    """Metric name to counts, of what is counted."""
    histograms: dict[str, Histogram] = field(default_factory=dict)
    """`latency` and `service-time`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What an engine tells of one name on one side in one start."""

    latency: Histogram
    requests: int
    failed: int
    seconds: float
    """In which they came."""


def answered(answers: Sequence[Answer], seconds: float) -> Served:
    """Return what came back, of one side in so many seconds."""
    good = histogram(answer.latency_s for answer in answers if not answer.fault)
    return Served(latency=good, requests=len(answers), failed=len(answers) - good.total, seconds=seconds)


def joined(parts: Sequence[Served]) -> Served:
    """Return what came back in several stretches."""
    return Served(
        latency=merged(part.latency for part in parts),
        requests=sum(part.requests for part in parts),
        failed=sum(part.failed for part in parts),
        seconds=sum(part.seconds for part in parts),
    )


def summed(sides: Sequence[Mapping[str, Served]]) -> tuple[dict[str, Tally], ...]:
    """Return for each side the tally of each name, where an engine told of no single requests."""
    found: list[dict[str, Tally]] = []
    for served in sides:
        tallies = {}
        for name, one in served.items():
            base = sides[0].get(name)
            slow_s = SLOW * base.latency.quantile(0.5) if base and base.latency.total else None
            tallies[name] = _told(one, slow_s)
        found.append(tallies)
    return tuple(found)


def _told(served: Served, slow_s: float | None) -> Tally:
    found = Tally(values={"throughput": (served.requests - served.failed) / served.seconds})
    if served.requests:
        found.shares["errors"] = Shares(bad=served.failed, of=served.requests)
    if seen := served.latency.total:
        found.histograms["latency"] = served.latency
        found.values |= {f"latency.{name}": served.latency.quantile(q) for name, q in QUANTILES.items()}
        found.values |= {"latency.mean": served.latency.mean, "latency.max": served.latency.quantile(1.0)}
        if slow_s is not None:
            found.shares["slow"] = Shares(bad=served.latency.above(slow_s), of=seen)
    return found


def tally(
    answers: Sequence[Answer], names: Sequence[str], *, sides: int, since_s: float, until_s: float
) -> tuple[dict[str, Tally], ...]:
    """Return for each side the tally of each name and of all together.

    Args:
        answers: of one start, in any order.
        names: of the requests; a single one is only in the total.
        since_s: requests that should have left before it were warm-up.
        until_s: the end of what was offered.
    """
    counted = [answer for answer in answers if answer.intended_s >= since_s]
    judged = _fair(counted, sides)
    groups = {TOTAL: range(len(names))} | ({name: [i] for i, name in enumerate(names)} if len(names) > 1 else {})
    medians = {
        name: histogram(a.latency_s for a in judged if a.side == 0 and a.request in group)
        for name, group in groups.items()
    }
    return tuple(
        {
            name: _one(
                [a for a in counted if a.side == side and a.request in group],
                [a for a in judged if a.side == side and a.request in group],
                slow_s=SLOW * medians[name].quantile(0.5) if medians[name].total else 0.0,
                seconds=until_s - since_s,
            )
            for name, group in groups.items()
        }
        for side in range(sides)
    )


def late(answers: Iterable[Answer]) -> float:
    """Return the share of requests that left late, of at least one."""
    lags = [answer.sent_s - answer.intended_s > LATE_S for answer in answers]
    return sum(lags) / len(lags)


def lag(answers: Iterable[Answer], q: float) -> float:
    """Return the `q` quantile of how late requests left, in seconds, of at least one."""
    lags = sorted(max(0.0, answer.sent_s - answer.intended_s) for answer in answers)
    return lags[min(len(lags) - 1, int(q * len(lags)))]


def overlapping(answers: Sequence[Answer]) -> frozenset[tuple[int, int]]:
    """Return (side, call) of the requests during which the other side was busy too."""
    events = sorted([(a.sent_s, 1, a.side, a.call) for a in answers] + [(a.done_s, 0, a.side, a.call) for a in answers])
    flying: tuple[set[int], set[int]] = (set(), set())
    found = set()
    for _, leaves, side, call in events:
        if not leaves:
            flying[side].discard(call)
            continue
        flying[side].add(call)
        if flying[1 - side]:
            found.add((side, call))
            found.update((1 - side, other) for other in flying[1 - side])
    return frozenset(found)


def _fair(answers: Sequence[Answer], sides: int) -> list[Answer]:
    """Return the served requests of those calls that left in time, and were served, on all sides.

    Dropping both of a pair keeps the sides alike: what the generator delayed, and what failed on one side only,
    says nothing about how long it takes.
    """
    good: dict[int, int] = {}
    for answer in answers:
        if not answer.fault and answer.sent_s - answer.intended_s <= LATE_S:
            good[answer.call] = good.get(answer.call, 0) + 1
    return [answer for answer in answers if good.get(answer.call) == sides]


def _one(counted: Sequence[Answer], judged: Sequence[Answer], *, slow_s: float, seconds: float) -> Tally:
    found = Tally()
    served = sum(not answer.fault for answer in counted)
    found.values["throughput"] = served / seconds
    if counted:
        found.shares["errors"] = Shares(bad=len(counted) - served, of=len(counted))
    if not judged:
        return found
    for kind in ("latency", "service-time"):
        seen = histogram(a.latency_s if kind == "latency" else a.service_s for a in judged)
        found.histograms[kind] = seen
        found.values |= {f"{kind}.{name}": seen.quantile(q) for name, q in QUANTILES.items()}
        found.values[f"{kind}.mean"] = sum(a.latency_s if kind == "latency" else a.service_s for a in judged) / len(
            judged
        )
        found.values[f"{kind}.max"] = max(a.latency_s if kind == "latency" else a.service_s for a in judged)
    found.shares["slow"] = Shares(bad=sum(a.latency_s > slow_s for a in judged), of=len(judged))
    if queried := [answer.queries for answer in judged if answer.queries]:
        found.values["queries"] = sum(all_ for all_, _ in queried) / len(queried)
        found.values["queries.repeated"] = sum(repeated for _, repeated in queried) / len(queried)
    return found


def needed(q: float) -> int:
    """Return how many requests a start must have for its `q` quantile to say something."""
    return math.ceil(BEYOND / (1 - q) - 1e-9)
