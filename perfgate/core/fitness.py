"""What a runner can see of a suite: two builds of the same code in pairs, and which benchmarks are unfit to be gated.

What the pairs of identical code spread, those of a change spread too: from it follows the smallest effect that a
comparison would block, and the time that a smaller one would need. A fault is said only where it was seen.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from perfgate.core.comparison import Change, Comparison, Effects, Evidence, compare
from perfgate.core.judge import LARGEST_VISIBLE
from perfgate.core.model import CPU, TIME, Benchmark, Design, Run, Sample, Sli, starved_share
from perfgate.core.policy import Policy, Rule
from perfgate.core.question import Question, blocking_levels
from perfgate.core.schedule import FEWEST_TURNS, FIRST_LOOK, effort_for, looks
from perfgate.core.stats import describe, paired, power
from perfgate.core.stats.scale import Scale

GOAL = 1.5  # times the limit: what should be seen in 95 of 100 runs
UNSEEN = 2.0  # times the limit: who sees only more than that is no gate
LIMITS = (0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5)  # that people set
WAITING = 0.5  # of its time on a CPU; with less, waiting is most of what is measured
SETTLED = math.log1p(0.10)  # log ratio of the last third of a process's turns to the first; less cancels in turns
SURE = 0.001  # one-sided, of one benchmark: that it never settles, that two builds differ


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why a benchmark is unfit to be gated, and what to do."""

    code: str
    what: str
    do: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What a comparison here would see of one SLI."""

    sli: Sli
    level: float
    """In the metric's unit."""
    pairs: int
    planned: int
    """Pairs that a comparison would take at most."""
    pair_s: float
    spread: float
    """Standard deviation of a pair's log ratio."""
    change: Change
    """Of the second build against the first: there is none but by layout, and by chance."""
    limit: float
    """What its rule allows, as a share; a floor included."""
    visible: float | None
    """Smallest effect (a share) that 95 of 100 comparisons would block; None after too few pairs to say."""
    holds: float | None
    """The lowest of `LIMITS` (a share) that it can hold: 95 of 100 comparisons would block a slowdown of twice it.
    None if there is none, or after too few pairs."""
    needed: int | None
    """Pairs after which `GOAL` times the limit would be seen; None where 500 are not enough, or nothing is known."""

    design: Design = Design.TURNS

    @property
    def effort_s(self) -> float | None:
        """Seconds of effort with which a comparison would take those."""
        return None if self.needed is None else effort_for(self.needed, self.pair_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitness:
    """What was seen of a project's benchmarks."""

    sights: tuple[Sight, ...]
    faults: Mapping[Benchmark, tuple[Fault, ...]]
    takes_s: float
    """Of the pairs of a comparison in which nothing is settled before the last that is planned."""

    @property
    def p_alike(self) -> float | None:
        """The p of "two builds differ by chance alone", over all SLIs; None where none has enough pairs."""
        known = [s for s in self.sights if s.visible is not None and s.spread > 0]
        found = [paired.Effect(mean=math.log(s.change.ratio), sd=s.spread, n=0).over(s.pairs) for s in known]
        return paired.p_alike(found) if found else None


def fitness(base: Run, head: Run, policy: Policy, *, effort_s: float) -> Fitness:
    """Return what two builds of the same code, measured in pairs to the end, say of a suite.

    Args:
        policy: that of a comparison.
        effort_s: what a benchmark may take in a comparison.
    """
    base, head = policy.restated(base), policy.restated(head)
    covered = [
        (c, rule)
        for c in compare(base, head)
        if c.evidence is Evidence.PAIRED and c.scale is Scale.RATIO and (rule := policy.rule_for(c.sli)) is not None
    ]
    family = Counter({True: 0, False: 0})
    for c in compare(base, head):
        if c.evidence in (Evidence.PAIRED, Evidence.COUNTED) and (rule := policy.rule_for(c.sli)) is not None:
            family[rule.critical] += 1 + (rule.slo is not None)  # an SLO is one more question
    sights = [_sight(c, rule, policy, policy.family_level / family[rule.critical]) for c, rule in covered]
    samples, starved = _by_benchmark(base, head), starved_share(base, head)
    faults: dict[Benchmark, list[Fault]] = {}
    for sight, (c, _) in zip(sights, covered, strict=True):
        about = faults.setdefault(c.sli.benchmark, [])
        found = _faults(sight, c, samples, margin=math.log1p(policy.margin), effort_s=effort_s, starved=starved)
        about += [fault for fault in found if fault.code not in {known.code for known in about}]
    startup_s = head.method.startup_s if head.method else 0.0
    costs = {sight.sli.benchmark: sight for sight in sights}
    pairs: dict[str, int] = {}
    for benchmark, sight in costs.items():
        pairs[benchmark.suite] = max(sight.planned, pairs.get(benchmark.suite, 0))
    return Fitness(
        sights=tuple(sights),
        faults={benchmark: tuple(found) for benchmark, found in faults.items() if found},
        takes_s=sum(s.planned * s.pair_s for s in costs.values()) + sum(pairs.values()) * startup_s,
    )


def visible_at_last(spread: float, pairs: int, *, margin: float, limit: float, level: float) -> float:
    """Return the smallest log ratio that 95 of 100 comparisons would block that go to the last of so many pairs.

    Args:
        spread: standard deviation of a pair's log ratio.
        margin, limit: log ratios.
        level: one-sided, of one SLI; what the looks before the last spend of it is gone.
    """
    shares = tuple(look / pairs for look in looks(pairs, pairs))
    last = blocking_levels(level, shares, planned=pairs)[-1]
    expected = paired.Effect(mean=0.0, sd=spread, n=0).over(pairs)
    return power.visible_effect(expected, margin=margin, limit=limit, level=last)


def _sight(c: Comparison, rule: Rule, policy: Policy, level: float) -> Sight:
    found = paired.effect(c.log_ratios)
    limit = Question.about(c.sli.metric, rule, Effects(), planned=0, base=c.base).limit
    margin = math.log1p(policy.margin)

    def visible(pairs: int, limit: float = limit) -> float:
        return visible_at_last(found.sd, pairs, margin=margin, limit=limit, level=level)

    def held(share: float) -> bool:
        return visible(c.planned, math.log1p(share)) <= math.log1p(UNSEEN * share)

    known = found.n >= FIRST_LOOK
    goal = math.log1p(GOAL * math.expm1(limit))
    least = replace(found, mean=0.0).over(FIRST_LOOK - 1)
    return Sight(
        sli=c.sli,
        level=c.base,
        pairs=found.n,
        planned=c.planned,
        pair_s=c.pair_s,
        spread=found.sd,
        change=c.change,
        limit=math.expm1(limit),
        visible=min(math.expm1(min(visible(c.planned), paired.LARGEST_LOG)), LARGEST_VISIBLE) if known else None,
        holds=next(filter(held, LIMITS), None) if known else None,
        design=c.design,
        needed=power.pairs_needed(least, lambda more: visible(more.n) <= goal) if known else None,
    )


Samples = Mapping[tuple[Benchmark, str], Sequence[Sample]]
"""Of both builds, by benchmark and metric."""


def _by_benchmark(*runs: Run) -> Samples:
    found: dict[tuple[Benchmark, str], list[Sample]] = {}
    for sample in [sample for run in runs for sample in run.samples]:
        found.setdefault((sample.sli.benchmark, sample.sli.metric.name), []).append(sample)
    return found


def _faults(
    sight: Sight, c: Comparison, samples: Samples, *, margin: float, effort_s: float, starved: float
) -> Iterator[Fault]:
    """Yield what was seen of one SLI: first what explains, then what follows from it.

    Args:
        starved: share of the time in which the benchmark could run but other processes had its CPU. A benchmark that is
            starved does not wait for anything itself.
    """
    said = {warning.code: warning.text for warning in c.warnings}
    told = [code for code in _HABITS if code in said]
    for code in told:
        yield Fault(code=code, what=said[code], do=_HABITS[code])
    if "several-cpus" in said and "threads" not in told:
        yield Fault(code="threads", what="keeps several CPUs busy", do=_HABITS["threads"])
    explained = bool({"threads", "sleeps", "network"} & set(told))
    busy = _on_cpu(c, samples) / (1 - starved)
    if busy < WAITING and not explained:
        yield Fault(
            code="waits",
            what=f"it is on a CPU in {busy:.0%} of its time",
            do="measure the code around what it waits for; a load probe measures a service that waits",
        )
    if FIRST_LOOK * sight.pair_s > effort_s and c.design is not Design.LOAD:
        yield Fault(
            code="long",
            what=f"{FIRST_LOOK} pairs of it take {FIRST_LOOK * sight.pair_s:.1f} s, and it has {effort_s:g} s",
            do="a smaller input shows the same change sooner; or give it the time: --effort",
        )
    if trend := _trend(samples.get((c.sli.benchmark, TIME.name), ())):
        yield Fault(
            code="warm-up",
            what=f"never settles: {math.expm1(trend):+.0%} from the first third of a process's turns to the last",
            do="build what the calls leave behind anew for each: benchmark.pedantic(..., setup=...)",
        )
    apart = paired.effect(c.log_ratios)
    if sight.visible is not None and apart.p_beyond(margin) <= SURE:
        yield Fault(
            code="differs",
            what=f"two builds of the same code differ by {math.expm1(apart.mean):+.1%}",
            do="look for what depends on the path, the order of files, or the moment of the build",
        )
    if sight.visible is not None and sight.visible > UNSEEN * sight.limit and not explained:
        yield Fault(
            code="unstable",
            what=f"spreads {sight.spread:.1%} from pair to pair, so a comparison blocks from {sight.visible:.0%} on",
            do='raise its limit or --effort, or count what it does: metrics = ["instructions"]',
        )


_HABITS = {
    "threads": "use one thread while it is measured: what several get of a CPU is the scheduler's choice",
    "sleeps": "measure the code around the sleep: it hides what the rest takes",
    "network": "answer from within the process, or make a load probe of it",
    "clock": "give it a fixed time: what it does may depend on the hour",
}


def _on_cpu(c: Comparison, samples: Samples) -> float:
    """Return the share of a benchmark's time in which it was on a CPU; 1 if that was not counted."""
    cpu = samples.get((c.sli.benchmark, CPU.name), ())
    if c.sli.metric != TIME or not cpu:
        return 1.0
    return describe.median([value for sample in cpu for value in describe.process_medians(sample.processes)]) / c.base


def _trend(samples: Sequence[Sample]) -> float:
    """Return the log ratio of the last third of a process's turns to the first, if it is significant; else 0.

    Both processes of a pair lived in the same moments, so a pair gives one value, like everywhere else.
    """
    found: dict[int, list[float]] = {}
    for sample in [sample for sample in samples if describe.positive(sample.processes)]:
        for pair, turns in zip(sample.pairs, sample.processes, strict=True):
            if len(turns) >= FEWEST_TURNS:
                third = max(1, len(turns) // 3)
                ratio = describe.median(turns[-third:]) / describe.median(turns[:third])
                found.setdefault(pair, []).append(math.log(ratio))
    if len(found) < FIRST_LOOK:
        return 0.0
    effect = paired.effect([fmean(ratios) for ratios in found.values()])
    return effect.mean if effect.p_beyond(SETTLED) <= SURE else 0.0
