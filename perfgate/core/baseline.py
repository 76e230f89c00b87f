"""Stored runs: what is kept of a run, which kept ones may stand for base, and how head compares with them.

Pure: where they are kept is the business of `stores`, which commits are ancestors of head that of git.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from perfgate.core.comparison import Change, Comparison, Effects, Evidence, pair_effects, shown, sign
from perfgate.core.levels import Level, Levels
from perfgate.core.model import (
    Benchmark,
    Design,
    Environment,
    Failure,
    Kind,
    Reason,
    Revision,
    Run,
    Sample,
    Sli,
    Warning,
)
from perfgate.core.policy import Policy
from perfgate.core.processes import Processes
from perfgate.core.stats import changepoint, describe, unpaired

MOST_RUNS = 20  # stored runs that predict the next; older ones say less about now
WINDOW = 2 * MOST_RUNS  # read, so that a change of level among them is seen
NONE = Effects()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """What is kept of one suite of one run."""

    commit: str
    suite: str
    environment: Environment
    committed: str
    """UTC, ISO 8601: when the commit was made."""
    started: str
    """UTC, ISO 8601: when it was measured."""
    levels: Levels
    """Made of any mapping of levels."""
    failures: tuple[Failure, ...] = ()
    runs: int = 1
    """How many runs a roll-up represents."""

    def __post_init__(self) -> None:
        if not isinstance(self.levels, Levels):
            object.__setattr__(self, "levels", Levels.of(self.levels))


def reduced(run: Run, policy: Policy, *, committed: str) -> tuple[StoredRun, ...]:
    """Return what is kept of `run`, one a suite; a diagnostic metric only where a rule names it."""
    run = policy.restated(run)
    assert run.revision.commit is not None
    kept = [s for s in run.samples if not s.sli.metric.diagnostic or policy.rule_for(s.sli) is not None]
    suites = dict.fromkeys([s.sli.benchmark.suite for s in kept] + [f.benchmark.suite for f in run.failures])
    return tuple(
        StoredRun(
            commit=run.revision.commit,
            suite=suite,
            environment=run.environment,
            committed=committed,
            started=run.started,
            levels=Levels.of({s.sli: _level(s) for s in kept if s.sli.benchmark.suite == suite}),
            failures=tuple(f for f in run.failures if f.benchmark.suite == suite),
        )
        for suite in suites
    )


def restated(runs: Iterable[StoredRun], policy: Policy) -> list[StoredRun]:
    """Return runs with what the configuration says of their metrics today, whatever it said when they were stored."""
    runs = list(runs)
    if not policy.states:
        return runs
    shapes = {id(run.levels.places): run.levels.places for run in runs}
    places = {key: {policy.stated(sli): place for sli, place in shape.items()} for key, shape in shapes.items()}
    return [replace(run, levels=run.levels.named(places[id(run.levels.places)])) for run in runs]


def _level(sample: Sample) -> Level:
    low, median, high = describe.quartiles(describe.process_medians(sample.processes))
    return Level(median=median, low=low, high=high, n=len(sample.processes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The stored runs that stand for base in one suite, or why there are none."""

    suite: str
    runs: tuple[StoredRun, ...] = ()
    """Comparable ones of head's ancestors, nearest first."""
    distance: int = 0
    """Commits from the nearest to head."""
    reason: str = ""
    """Why there are no runs."""

    @property
    def nearest(self) -> StoredRun:
        """The nearest run, with what other runs of its commit add: a commit may be recorded in parts."""
        levels: dict[Sli, Level] = {}
        for run in self.runs:
            if run.commit == self.runs[0].commit:
                levels = {**run.levels, **levels}
        return replace(self.runs[0], levels=Levels.of(levels))


def base_run(baselines: Sequence[Baseline], head: Run) -> Run:
    """Return the nearest stored runs as one run, so that what is missing or new is seen as ever."""
    found = [baseline for baseline in baselines if baseline.runs]
    nearest = [baseline.nearest for baseline in found]
    lacking = {baseline.suite: baseline.reason for baseline in baselines if not baseline.runs}
    unknown = sorted(benchmark for benchmark in head.benchmarks if benchmark.suite in lacking)
    return Run(
        revision=Revision(label=_label(found), commit=nearest[0].commit if nearest else None),
        environment=nearest[0].environment if nearest else head.environment,
        samples=tuple(_sample(sli, level) for run in nearest for sli, level in run.levels.items()),
        failures=(
            *(failure for run in nearest for failure in run.failures),
            *(Failure(benchmark=b, reason=Reason.NO_BASELINE, text=lacking[b.suite]) for b in unknown),
        ),
        started=nearest[0].started if nearest else "",
    )


def _label(found: Sequence[Baseline]) -> str:
    if not found:
        return "no baseline"
    distances = sorted({baseline.distance for baseline in found})
    far = f"{distances[0]}" if len(distances) == 1 else f"{distances[0]} to {distances[-1]}"
    return f"baseline, {far} commit{'s' * (distances != [1])} before"


def _sample(sli: Sli, level: Level) -> Sample:
    return as_sample(sli, level.median)


def as_sample(sli: Sli, value: float) -> Sample:
    """Return a stored value as a sample of one process; how many a share was of is not kept."""
    trials = (1,) if sli.metric.kind is Kind.COUNTED else ()
    return Sample(sli=sli, processes=Processes([[value]]), pairs=(0,), design=Design.ALONE, trials=trials)


def compare_stored(baselines: Sequence[Baseline], head: Run) -> tuple[Comparison, ...]:
    """Compare every SLI of head that its suite's nearest stored run has, in head's order."""
    by_suite = {baseline.suite: (baseline, baseline.nearest.levels) for baseline in baselines if baseline.runs}
    return tuple(
        _compare(sample, by_suite[suite][0])
        for sample in head.samples
        if (suite := sample.sli.benchmark.suite) in by_suite and sample.sli in by_suite[suite][1]
    )


def _compare(head: Sample, baseline: Baseline) -> Comparison:
    sli = head.sli
    medians = describe.process_medians(head.processes)
    mine = describe.median(medians)
    stored = [run.levels[sli].median for run in baseline.runs if sli in run.levels]
    counted = sli.metric.kind is Kind.COUNTED
    if sli.metric.kind is Kind.EXACT or counted:
        # As few as there ever were is no regression; more may be chance, which shares without their counts do not tell.
        base = max(stored) if counted else stored[0]
        plain = sli.metric.kind is Kind.EXACT or (counted and mine <= base)
        ratio = unpaired.plain_ratio(base, mine)
        return _comparison(
            head,
            Evidence.EXACT if plain else Evidence.ADVISORY,
            base=base,
            change=Change(ratio=ratio, low=ratio, high=ratio),
            stored=stored,
        )
    current, worse = current_level(stored[::-1]), sign(sli.metric)
    found = pair_effects(Design.ALONE, [((value,), (mine,)) for value in current]).signed(worse)
    # One strange run of twenty must not hide a change behind a wide interval.
    found = replace(found, values=describe.winsorised(found.values))
    return _comparison(
        head,
        Evidence.STORED,
        base=describe.median(current),
        change=shown(found.scale.prediction(found.values), found.scale, worse=worse),
        stored=current,
        effects=found,
    )


def _comparison(
    head: Sample,
    evidence: Evidence,
    *,
    base: float,
    change: Change,
    stored: Sequence[float],
    effects: Effects = NONE,
) -> Comparison:
    medians = describe.process_medians(head.processes)
    text = "higher than in any stored run, but stored runs do not keep the number of requests, so it may be chance"
    doubt = Warning(code="uncounted", text=text)
    return Comparison(
        sli=head.sli,
        evidence=evidence,
        base=base,
        head=describe.median(medians),
        change=change,
        log_ratios=effects.values,
        scale=effects.scale,
        size=effects.size,
        planned=0,
        pair_s=0.0,
        processes=(len(stored), len(medians)),
        p=unpaired.mann_whitney(stored, medians),
        warnings=(*head.warnings, *((doubt,) if evidence is Evidence.ADVISORY else ())),
    )


def current_level(values: Sequence[float]) -> list[float]:
    """Return the newest values (oldest first) since the series last changed its level, 20 at most."""
    found = changepoint.steps(values)
    return list(values[found[-1].at if found else 0 :])[-MOST_RUNS:]


def last_seen(runs: Sequence[StoredRun]) -> dict[Benchmark, str]:
    """Return for each benchmark the newest commit date at which it gave a value."""
    seen: dict[Benchmark, str] = {}
    for run in runs:
        for sli in run.levels:
            seen[sli.benchmark] = max(seen.get(sli.benchmark, ""), run.committed)
    return seen
