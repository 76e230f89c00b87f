"""The past of every SLI: its points, where its level changed, how far it drifted; and what a policy would have said.

An environment of its own is an epoch of its own: runs compare only within one, so a new machine is no regression.
"""

import itertools
import math
from bisect import bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from perfgate.core.baseline import WINDOW, Baseline, StoredRun, as_sample, base_run, compare_stored, current_level
from perfgate.core.comparison import Change, sign
from perfgate.core.judge import judge
from perfgate.core.levels import Points
from perfgate.core.model import Kind, Revision, Run, Sli
from perfgate.core.policy import Policy, Rule
from perfgate.core.stats import changepoint, unpaired
from perfgate.core.verdict import Verdict

GONE_SHARE = 0.5  # of a change, undone later: then it went away
DRIFT_LEVEL = 0.99
DRIFT_RUNS = 10  # on each side: more would average a creeping change away, fewer have no interval
FEWEST_RUNS = 14  # seven and seven: in fewer no change of level, however large, can be told from chance


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """A change of level, and the commits that may be to blame."""

    after: str
    """The last commit that is certainly before it."""
    until: str
    """The first commit that is certainly after it."""
    at: str
    """The likeliest first commit of the new level."""
    first: int
    """Its place among the points."""
    before: float
    level: float
    ratio: float
    low: float
    high: float
    worse: bool
    went_away: bool
    """The level came back later."""

    @property
    def factor(self) -> float:
        """By how much, whichever way: 1.25 for a quarter more and for a fifth less."""
        return max(self.ratio, 1 / self.ratio if self.ratio > 0 else math.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How much the level differs from the last release's."""

    since: str
    ratio: float
    low: float
    high: float
    exceeded: bool
    """Worse than the budget, with certainty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """One SLI in one environment."""

    sli: Sli
    environment: str
    """Fingerprint."""
    points: Points
    """In the order of the commits."""
    shifts: tuple[Shift, ...]
    drift: Drift | None = None

    @property
    def short(self) -> bool:
        """Whether there are too few runs for any change to be told."""
        return len(self.points) < (FEWEST_RUNS if self.sli.metric.kind is Kind.NOISY else 2)

    @property
    def levels(self) -> tuple[tuple[int, int], ...]:
        """Where each level begins among the points, and where the next one does."""
        return tuple(itertools.pairwise([0, *(shift.first for shift in self.shifts), len(self.points)]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What drift is counted from."""

    name: str
    commits: frozenset[str]
    """The release's commit and all before it."""
    budget: float


def trends(
    runs: Iterable[StoredRun], order: Mapping[str, int], policy: Policy, release: Release | None
) -> tuple[Trend, ...]:
    """Return the trend of every SLI and environment, those with the newest points first.

    Args:
        order: commit to its place, oldest 0; runs of other commits are left out.
    """
    series: dict[tuple[str, str], list[StoredRun]] = {}
    for run in sorted((r for r in runs if r.commit in order), key=lambda r: (order[r.commit], r.started)):
        series.setdefault((run.environment.fingerprint, run.suite), []).append(run)
    found = [
        _trend(sli, environment, points, policy, release)
        for (environment, _), chain in series.items()
        for sli, points in _columns(chain)
    ]
    newest = {(trend.sli, trend.environment): order[trend.points.commits[-1]] for trend in found}
    return tuple(sorted(found, key=lambda t: (str(t.sli), -newest[t.sli, t.environment])))


def _columns(chain: Sequence[StoredRun]) -> Iterator[tuple[Sli, Points]]:
    """Yield the points of each SLI of a series."""
    shapes = {id(run.levels.places): run.levels.places for run in chain}
    commits, committed = tuple(run.commit for run in chain), tuple(run.committed for run in chain)
    for sli in dict.fromkeys(sli for shape in shapes.values() for sli in shape):
        places = {key: shape.get(sli) for key, shape in shapes.items()}
        mine = [(run, place) for run in chain if (place := places[id(run.levels.places)]) is not None]
        gaps = len(mine) < len(chain)
        yield (
            sli,
            Points(
                tuple(run.commit for run, _ in mine) if gaps else commits,
                tuple(run.committed for run, _ in mine) if gaps else committed,
                values=(run.levels.median[place] for run, place in mine),
                low=(run.levels.low[place] for run, place in mine),
                high=(run.levels.high[place] for run, place in mine),
            ),
        )


def smallest(policy: Policy) -> float:
    """Return the share below which no change is told of runs that share no minutes."""
    return max(policy.margin, changepoint.SMALLEST)


def _trend(sli: Sli, environment: str, points: Points, policy: Policy, release: Release | None) -> Trend:
    values = points.values
    if sli.metric.kind is Kind.EXACT:
        found = changepoint.exact_steps(values)
    else:
        found = changepoint.steps(values, smallest=smallest(policy))
    shifts = _shifts(sli, points, found)
    drift = _drift(sli, points, release) if release else None
    return Trend(sli=sli, environment=environment, points=points, shifts=shifts, drift=drift)


def _shifts(sli: Sli, points: Points, found: Sequence[changepoint.Step]) -> tuple[Shift, ...]:
    height: Callable[[float], float] = math.log if min(points.values, default=0.0) > 0 else float
    later: list[float] = []  # heights of the levels that came later, sorted
    shifts = []
    for step in reversed(found):
        near = GONE_SHARE * abs(height(step.after) - height(step.before))
        place = bisect_right(later, height(step.before) - near)
        undone = place < len(later) and later[place] < height(step.before) + near
        worse = sign(sli.metric) * (step.ratio - 1) > 0
        shifts.append(_shift(points, step, worse=worse, undone=undone))
        insort(later, height(step.after))
    return tuple(reversed(shifts))


def _shift(points: Points, step: changepoint.Step, *, worse: bool, undone: bool) -> Shift:
    return Shift(
        after=points.commits[step.earliest - 1],
        until=points.commits[step.latest],
        at=points.commits[step.at],
        first=step.at,
        before=step.before,
        level=step.after,
        ratio=step.ratio,
        low=step.low,
        high=step.high,
        worse=worse,
        went_away=undone,
    )


def _drift(sli: Sli, points: Points, release: Release) -> Drift | None:
    """Compare the level of now with that at the release; None where one of them is not known."""
    then, now = (
        [v for commit, v in zip(points.commits, points.values, strict=True) if (commit in release.commits) is old]
        for old in (True, False)
    )
    if (found := moved(sli, then, now)) is None:
        return None
    worst = found.low if sign(sli.metric) > 0 else (1 / found.high if found.high > 0 else math.inf)
    factor = max(found.ratio, 1 / found.ratio) if found.ratio > 0 else math.inf
    exceeded = worst > 1 and factor > 1 + release.budget
    return Drift(since=release.name, ratio=found.ratio, low=found.low, high=found.high, exceeded=exceeded)


def moved(sli: Sli, then: Sequence[float], now: Sequence[float]) -> Change | None:
    """Compare the last level among the values of `now` with the last among those of `then`, each oldest first.

    Returns: None where one of them is not known.
    """
    if not now or not then:
        return None
    if sli.metric.kind is Kind.EXACT:
        ratio = unpaired.plain_ratio(then[-1], now[-1])
        return Change(ratio=ratio, low=ratio, high=ratio)
    levels = (current_level(values)[-DRIFT_RUNS:] for values in (then, now))
    ratio, low, high = unpaired.change_interval(*levels, level=DRIFT_LEVEL)
    return Change(ratio=ratio, low=low, high=high)


def alarming(trend: Trend, rule: Rule | None, recent: frozenset[str]) -> tuple[Shift, ...]:
    """Return the changes for the worse above the limit that stand, and began with one of the commits `recent`."""
    if rule is None:
        return ()
    return tuple(s for s in trend.shifts if s.at in recent and not s.went_away and breaks(s, rule))


def breaks(shift: Shift, rule: Rule) -> bool:
    """Return whether a change is one for the worse that the rule's limit forbids."""
    return shift.worse and shift.factor > 1 + rule.limit and abs(shift.level - shift.before) > rule.floor


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What a policy would have said of the stored past."""

    runs: int
    """That had enough runs before them to be judged."""
    verdicts: Mapping[Verdict, int]
    alarms: tuple[tuple[str, Sli], ...]
    """(commit, SLI) of each regression it would have named."""
    confirmed: int
    """Alarms within `NEAR` runs of a change of level for the worse; the others cried wolf."""


NEAR = 5


def replay(runs: Sequence[StoredRun], order: Mapping[str, int], policy: Policy) -> Replay:
    """Judge every stored run against those before it, as `compare baseline` would have done."""
    verdicts: dict[Verdict, int] = {}
    alarms: list[tuple[str, Sli]] = []
    judged = confirmed = 0
    series: dict[tuple[str, str], list[StoredRun]] = {}
    for run in sorted((r for r in runs if r.commit in order), key=lambda r: (order[r.commit], r.started)):
        series.setdefault((run.environment.fingerprint, run.suite), []).append(run)
    changes = _worse_places(runs, order, policy)
    for chain in series.values():
        places = {run.commit: place for place, run in enumerate(chain)}
        for place, run in enumerate(chain):
            earlier = tuple(reversed(chain[max(0, place - WINDOW) : place]))
            if not earlier:
                continue
            judged += 1
            baseline = Baseline(suite=run.suite, runs=earlier, distance=1)
            head = _as_run(run)
            comparisons = compare_stored([baseline], head)
            for row in judge(base_run([baseline], head), head, replace(policy, trust_stored=True), comparisons):
                verdicts[row.verdict] = verdicts.get(row.verdict, 0) + 1
                if row.verdict is Verdict.REGRESSION and row.sli is not None:
                    alarms.append((run.commit, row.sli))
                    near = changes.get((row.sli, run.environment.fingerprint), ())
                    confirmed += any(abs(places.get(commit, -NEAR) - place) < NEAR for commit in near)
    return Replay(runs=judged, verdicts=verdicts, alarms=tuple(alarms), confirmed=confirmed)


def _worse_places(
    runs: Sequence[StoredRun], order: Mapping[str, int], policy: Policy
) -> dict[tuple[Sli, str], tuple[str, ...]]:
    return {
        (trend.sli, trend.environment): tuple(shift.at for shift in trend.shifts if shift.worse)
        for trend in trends(runs, order, policy, None)
    }


def _as_run(run: StoredRun) -> Run:
    samples = tuple(as_sample(sli, level.median) for sli, level in run.levels.items())
    return Run(
        revision=Revision(label=run.commit[:9], commit=run.commit),
        environment=run.environment,
        samples=samples,
        failures=run.failures,
        started=run.started,
    )
