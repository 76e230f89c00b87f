"""The state of every SLI, for the trend site: its level, how it moved, and its open regressions with their cause.

An SLI stands where its newest environment does; those before it are epochs of the same picture.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from perfgate.core.audit import Audit, Decision
from perfgate.core.baseline import MOST_RUNS
from perfgate.core.comparison import Change, sign
from perfgate.core.history import DRIFT_RUNS, Shift, Trend, breaks, moved
from perfgate.core.model import Environment, Kind, Sli
from perfgate.core.past import Past
from perfgate.core.policy import Acceptance, Policy, Rule, matches
from perfgate.core.stats import describe
from perfgate.core.verdict import Verdict

DAYS = (7, 30, 90)
DAY_S = 86_400
CURRENT_DAYS = 30  # hosted runners have several environments at once


class State(StrEnum):
    """What became of a change for the worse above the limit."""

    OPEN = "open"
    ACCEPTED = "accepted"
    WENT_AWAY = "went away"
    FORMER = "not measured any more"
    """Its environment or its benchmark no longer exists, so whether it still holds is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Regression:
    """A change for the worse above the limit."""

    trend: Trend
    shift: Shift
    state: State
    reason: str = ""
    """By whom and why it was accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit of the history, as a person sees it."""

    oid: str
    second: int
    """UTC, since 1970."""
    subject: str
    accepts: tuple[Acceptance, ...] = ()
    """By its trailers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A regression that the gate let pass because it was accepted."""

    started: str
    """UTC, ISO 8601: when it was measured."""
    head: str
    """Commit."""
    name: str
    """SLI."""
    terms: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where one SLI stands."""

    sli: Sli
    trends: tuple[Trend, ...]
    """One an environment, the one with the newest point first."""
    rule: Rule | None
    level: float
    """In the metric's unit: the median since it last changed."""
    moves: tuple[Change | None, ...]
    """Over each of `DAYS` before the newest commit; None where nothing is known of then."""
    regressions: tuple[Regression, ...]
    """Of all its environments, newest first."""
    judged: int
    inconclusive: int
    """Pairs of commits that the gate was asked about, and those that it could not answer."""

    @property
    def open(self) -> tuple[Regression, ...]:
        """What got worse where it is measured now, and stayed so."""
        return tuple(found for found in self.regressions if found.state is State.OPEN)

    @property
    def drifted(self) -> bool:
        """Whether it is worse than at the last release by more than the budget."""
        drift = self.trends[0].drift
        return drift is not None and drift.exceeded

    @property
    def short(self) -> bool:
        """Whether there are too few runs for any change to be told."""
        return self.trends[0].short


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """All that the pictures show."""

    past: Past
    project: str
    address: str
    """Of the repository's pages; empty where it has none."""
    commits: Mapping[str, Commit]
    """Oldest first."""
    releases: tuple[tuple[str, str], ...]
    """(name, commit), oldest first."""
    environments: Mapping[str, Environment]
    """By fingerprint."""
    standings: tuple[Standing, ...]
    audit: Audit
    ledger: tuple[Accepted, ...]
    """Newest first."""
    policy: Policy
    drift_budget: float
    """Share by which an SLI may be worse than at the last release."""
    version: str

    @property
    def release(self) -> str:
        """The last release, that drift is counted from; empty where there is none."""
        return next((trend.drift.since for trend in self.past.trends if trend.drift), "")

    @property
    def regressions(self) -> tuple[Regression, ...]:
        """All of them, newest commit first."""
        places = {oid: place for place, oid in enumerate(self.commits)}
        every = (found for standing in self.standings for found in standing.regressions)
        return tuple(sorted(every, key=lambda r: (-places[r.shift.at], str(r.trend.sli))))

    @property
    def open(self) -> tuple[Regression, ...]:
        """Those that stand where their SLI is measured now, newest commit first."""
        return tuple(found for found in self.regressions if found.state is State.OPEN)


def together(standings: Iterable[Standing]) -> float | None:
    """Return by what factor noisy, judged SLIs together are worse than at the last release; None where none is known.

    The geometric mean: twice as slow and twice as fast is no change.
    """
    drifts = [
        (standing.trends[0].drift, sign(standing.sli.metric))
        for standing in standings
        if standing.rule is not None and standing.sli.metric.kind is Kind.NOISY
    ]
    logs = [towards * math.log(drift.ratio) for drift, towards in drifts if drift and 0 < drift.ratio < math.inf]
    return math.exp(sum(logs) / len(logs)) if logs else None


def accepted(decisions: Iterable[Decision]) -> tuple[Accepted, ...]:
    """Return what the gate let pass, newest first."""
    found = [
        Accepted(started=one.started, head=one.head, name=name, terms=dict(one.reasons).get(name, ""))
        for one in decisions
        for name, verdict in one.verdicts
        if verdict is Verdict.ACCEPTED
    ]
    return tuple(sorted(found, key=lambda one: (one.started, one.name), reverse=True))


def standings(
    trends: Sequence[Trend], commits: Mapping[str, Commit], policy: Policy, audit: Audit, ledger: Sequence[Accepted]
) -> tuple[Standing, ...]:
    """Return where every SLI stands, in the order of `trends`, which are sorted newest environment first.

    Args:
        commits: those that `trends` speak of and what lies between, oldest first.
    """
    by_sli: dict[Sli, list[Trend]] = {}
    for trend in trends:
        by_sli.setdefault(trend.sli, []).append(trend)
    records = {record.name: record for record in audit.records}
    line = _Line(
        commits=commits,
        oids=tuple(commits),
        places={oid: place for place, oid in enumerate(commits)},
        newest=max((commits[trend.points.commits[-1]].second for trend in trends), default=0),
    )
    found = []
    for sli, mine in by_sli.items():
        rule, record = policy.rule_for(sli), records.get(str(sli))
        found.append(
            Standing(
                sli=sli,
                trends=tuple(mine),
                rule=rule,
                level=_level(mine[0]),
                moves=_moves(mine[0], line),
                regressions=_regressions(mine, rule, line, policy, ledger) if rule else (),
                judged=record.judged if record else 0,
                inconclusive=record.inconclusive if record else 0,
            )
        )
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """The history, one commit after the other."""

    commits: Mapping[str, Commit]
    oids: tuple[str, ...]
    places: Mapping[str, int]
    newest: int
    """The second of the newest commit that was recorded: there is no today here."""

    def between(self, shift: Shift) -> list[Commit]:
        """Return the commits that may be to blame."""
        reach = self.oids[self.places[shift.after] + 1 : self.places[shift.until] + 1]
        return [self.commits[oid] for oid in reach or (shift.at,)]  # two recordings of one commit differ too


def _level(trend: Trend) -> float:
    begin, end = trend.levels[-1]
    return describe.median(trend.points.values[max(begin, end - MOST_RUNS) : end])


def _moves(trend: Trend, line: _Line) -> tuple[Change | None, ...]:
    """Compare the newest runs with those around a day some time ago, by the dates of their commits.

    Without a run since then nothing is known. Both are runs of the level that stood at the time: a change just before
    then has happened by then.
    """
    begin, end = trend.levels[-1]
    now = trend.points.values[max(begin, end - DRIFT_RUNS) : end]
    seconds = [line.commits[oid].second for oid in trend.points.commits]
    found: list[Change | None] = []
    for days in DAYS:
        border = line.newest - days * DAY_S
        known = seconds[end - 1] > border
        last = next((place for place in range(end - 1, -1, -1) if seconds[place] <= border), None)
        if last is None or not known:
            found.append(None)
            continue
        start, stop = next(level for level in trend.levels if level[0] <= last < level[1])
        start = max(start, min(last + 1, stop) - DRIFT_RUNS)
        found.append(moved(trend.sli, trend.points.values[start : min(stop, start + DRIFT_RUNS)], now))
    return tuple(found)


def _regressions(
    trends: Sequence[Trend], rule: Rule, line: _Line, policy: Policy, ledger: Sequence[Accepted]
) -> tuple[Regression, ...]:
    name = str(trends[0].sli)
    configured = [one for one in policy.accept if not one.until or one.until >= policy.today]
    terms = {one.head: one.terms for one in ledger if one.name == name}
    found = []
    retired = any(matches(glob, str(trends[0].sli.benchmark)) for glob in policy.retired)
    for trend in trends:
        seen = line.commits[trend.points.commits[-1]].second
        current = not retired and seen > line.newest - CURRENT_DAYS * DAY_S
        for shift in (shift for shift in trend.shifts if breaks(shift, rule)):
            between = line.between(shift)
            stands = [*configured, *(one for commit in between for one in commit.accepts)]
            reasons = [terms[commit.oid] for commit in between if commit.oid in terms]
            reasons += [one.terms for one in stands if matches(one.sli, name) and shift.factor - 1 <= one.up_to]
            state = State.OPEN if current else State.FORMER
            state = State.ACCEPTED if reasons else state
            state = State.WENT_AWAY if shift.went_away else state
            found.append(Regression(trend=trend, shift=shift, state=state, reason=reasons[0] if reasons else ""))
    return tuple(sorted(found, key=lambda one: -line.places[one.shift.at]))
