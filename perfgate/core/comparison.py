"""Base against head of one SLI: how much worse, how sure, and what stands against believing it.

A comparison knows no limit and gives no verdict; `judge` does. What differs between kinds of evidence
(pairs, two files, exact values) ends here.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from perfgate.core.model import Design, Direction, Kind, Metric, Run, Sample, Sli, Warning
from perfgate.core.schedule import FIRST_LOOK
from perfgate.core.stats import describe, paired, unpaired
from perfgate.core.stats.scale import Scale, Signs, differences

INTERVAL_LEVEL = 0.99  # as sure as the gate is that it does not block without cause


class Evidence(StrEnum):
    """What stands behind a comparison, and so what it may decide."""

    PAIRED = "paired"
    """Pairs of one measurement: may block."""
    UNPAIRED = "unpaired"
    """Processes that never shared a moment: informs."""
    ADVISORY = "advisory"
    """One or few processes a side, or another environment: a hint."""
    STORED = "stored"
    """Head against the stored runs of its environment: informs, and blocks where the policy trusts the machine."""
    EXACT = "exact"
    """Values that repeat: compared as they are."""
    COUNTED = "counted"
    """Bad ones of so many, in pairs of one measurement: may block."""


TESTED = (Evidence.PAIRED, Evidence.STORED)
"""What is judged by an interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Head as a multiple of base, with the bounds of its interval; 1.10 is 10 % more of the metric."""

    ratio: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Bad ones and all, one each a pair."""

    base: tuple[tuple[int, int], ...]
    head: tuple[tuple[int, int], ...]

    @property
    def totals(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """(bad, of) of base and of head."""
        return _summed(self.base), _summed(self.head)


def _summed(counts: Sequence[tuple[int, int]]) -> tuple[int, int]:
    return sum(bad for bad, _ in counts), sum(of for _, of in counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One SLI on both sides."""

    sli: Sli
    evidence: Evidence
    base: float
    """Median over processes, in the metric's unit."""
    head: float
    change: Change
    log_ratios: tuple[float, ...]
    """One a pair, in measured order, or one a stored run; positive where head is worse. Empty where neither was. Log
    ratios, unless `scale` says otherwise."""
    planned: int
    pair_s: float
    processes: tuple[int, int]
    p: float
    """Mann-Whitney on the processes' medians, two-sided: informs, never decides."""
    warnings: tuple[Warning, ...] = ()
    levels: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())
    """Each process's median, of base and of head, in the metric's unit: what an SLO is asked of; every value of what
    is exact."""
    design: Design = Design.TURNS
    counts: Counts | None = None
    """Of a counted metric, where both sides were counted in the same pairs."""
    scale: Scale = Scale.RATIO
    size: float = 0.0
    """Of scale `difference`: the mean size of base, which differences are shares of, in the metric's unit."""

    @property
    def effects(self) -> "Effects":
        """What the pairs, or the stored runs, show."""
        return Effects(values=self.log_ratios, scale=self.scale, size=self.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """One effect a pair, or a stored run, in measured order; positive where head is worse."""

    values: tuple[float, ...] = ()
    scale: Scale = Scale.RATIO
    size: float = 0.0
    """Of scale `difference`: the mean size of base, in the metric's unit."""

    def __len__(self) -> int:
        return len(self.values)

    def signed(self, worse: int) -> "Effects":
        """Return effects that are positive where head is more, as effects that are so where head is worse."""
        return self if worse > 0 else replace(self, values=tuple(-value for value in self.values))


def compare(base: Run, head: Run) -> tuple[Comparison, ...]:
    """Compare every SLI that both runs have, in head's order."""
    theirs = {sample.sli: sample for sample in base.samples}
    return tuple(
        compare_sample(theirs[sample.sli], sample, base, head) for sample in head.samples if sample.sli in theirs
    )


def compare_sample(base: Sample, head: Sample, base_run: Run, head_run: Run) -> Comparison:
    """Compare one SLI."""
    medians = describe.process_medians(base.processes), describe.process_medians(head.processes)
    effects = effects_of(base, head, base_run, head_run)
    evidence, doubts = _evidence(base, head, base_run, head_run, effects)
    return Comparison(
        sli=head.sli,
        evidence=evidence,
        base=_level(base, medians[0]),
        head=_level(head, medians[1]),
        change=_change(evidence, medians, effects, worse=sign(head.sli.metric)),
        log_ratios=effects.values,
        planned=head.planned,
        pair_s=head.pair_s,
        processes=(len(medians[0]), len(medians[1])),
        p=unpaired.mann_whitney(*medians),
        warnings=tuple(dict.fromkeys(base.warnings + head.warnings + doubts)),
        levels=_every(base, head) if evidence is Evidence.EXACT else medians,
        design=head.design,
        counts=_counts(base, head) if evidence is Evidence.COUNTED else None,
        scale=effects.scale,
        size=effects.size,
    )


def _every(base: Sample, head: Sample) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return all values of both sides: of what should be exact none may be another."""
    one, other = (tuple(value for process in sample.processes for value in process) for sample in (base, head))
    return one, other


def effect_of(c: Comparison) -> paired.Effect | Signs:
    """Return what tested evidence (of one effect at least) says of the change."""
    return (c.scale.prediction if c.evidence is Evidence.STORED else c.scale.effect)(c.log_ratios)


def worsening(c: Comparison) -> float:
    """Return the share by which head is worse than base; negative where it is better."""
    ratio, worse = c.change.ratio, sign(c.sli.metric)
    if c.scale is Scale.DIFFERENCE:
        return worse * (ratio - 1)
    return (ratio if worse > 0 else (1 / ratio if ratio > 0 else math.inf)) - 1


def effects_of(base: Sample, head: Sample, base_run: Run, head_run: Run) -> Effects:
    """Return one effect a pair, positive where head is worse; none for runs of different measurements."""
    if not _measured_together(base_run, head_run) or head.sli.metric.kind is Kind.COUNTED:
        return Effects()
    sides, worse = (base.processes, head.processes), sign(head.sli.metric)
    alike = base.pairs == head.pairs and sides[0].each == sides[1].each != 0
    if alike and head.design is Design.TURNS and all(map(describe.positive, sides)):
        return Effects(values=describe.turn_effects(*sides)).signed(worse)
    theirs = dict(zip(base.pairs, base.processes, strict=True))
    shared = [(theirs[pair], mine) for pair, mine in zip(head.pairs, head.processes, strict=True) if pair in theirs]
    return pair_effects(head.design, shared).signed(worse)


def pair_effects(design: Design, pairs: Sequence[tuple[Sequence[float], Sequence[float]]]) -> Effects:
    """Return the effect of each pair, positive where head is more: log ratios, or differences if one has no ratio.

    Args:
        pairs: the values of base and of head, n >= 1 each.
    """
    if all(min(*base, *head) > 0 for base, head in pairs):
        return Effects(values=tuple(pair_effect(design, base, head) for base, head in pairs))
    levels = [[describe.median(values) for values in side] for side in zip(*pairs, strict=True)]
    scale, values, size = differences(*levels)
    return Effects(values=values, scale=scale, size=size)


def pair_effect(design: Design, base: Sequence[float], head: Sequence[float]) -> float:
    """Return the log ratio of one pair, positive where head is more; all values > 0."""
    return describe.turn_effect(base, head) if design is Design.TURNS else describe.block_effect(base, head)


def _evidence(
    base: Sample, head: Sample, base_run: Run, head_run: Run, effects: Effects
) -> tuple[Evidence, tuple[Warning, ...]]:
    if base.sli.metric.kind is Kind.EXACT:
        return Evidence.EXACT, ()
    together = _measured_together(base_run, head_run) and not set(base.pairs).isdisjoint(head.pairs)
    if base.sli.metric.kind is Kind.COUNTED and together:
        return Evidence.COUNTED, ()
    if effects:
        return Evidence.PAIRED, ()
    fewest = min(len(base.processes), len(head.processes))
    if differences := base_run.environment.differences(head_run.environment):
        text = f"measured in different environments ({'; '.join(differences)})"
        return Evidence.ADVISORY, (Warning(code="other-environment", text=text),)
    if fewest < FIRST_LOOK:
        few = f"{fewest} process{'es' * (fewest > 1)} on a side"
        text = f"{few}; at least {FIRST_LOOK} are needed to estimate the noise, which differs from process to process"
        return Evidence.ADVISORY, (Warning(code="few-processes", text=text),)
    text = "measured at different times; only pairs can tell a change from a busy machine"
    return Evidence.UNPAIRED, (Warning(code="not-paired", text=text),)


def _change(
    evidence: Evidence,
    medians: tuple[tuple[float, ...], tuple[float, ...]],
    effects: Effects,
    *,
    worse: int,
) -> Change:
    base, head = medians
    if evidence is Evidence.PAIRED and effects.scale is not Scale.SIGN:
        return shown(effects.scale.effect(effects.values), effects.scale, worse=worse)
    if evidence in (Evidence.PAIRED, Evidence.EXACT, Evidence.COUNTED):
        ratio = low = high = unpaired.plain_ratio(describe.median(base), describe.median(head))
    else:
        ratio, low, high = unpaired.change_interval(base, head, level=INTERVAL_LEVEL)
    return Change(ratio=ratio, low=low, high=high)


def shown(found: "paired.Effect | Signs", scale: Scale, *, worse: int) -> Change:
    """Return an effect as the change of the metric, whichever way is better; of signs only the direction."""
    tail = (1 - INTERVAL_LEVEL) / 2
    ratios = [scale.ratio(worse * effect) for effect in (found.mean, found.below(tail), found.above(tail))]
    return Change(ratio=ratios[0], low=min(ratios[1:]), high=max(ratios[1:]))


def _measured_together(base_run: Run, head_run: Run) -> bool:
    return base_run.measurement is not None and base_run.measurement == head_run.measurement


def _level(sample: Sample, medians: Sequence[float]) -> float:
    """Return the median of the processes; of what is counted the share of all."""
    if not sample.trials:
        return describe.median(medians)
    bad = sum(values[0] * of for values, of in zip(sample.processes, sample.trials, strict=True))
    return bad / max(1, sum(sample.trials))


def _counts(base: Sample, head: Sample) -> Counts:
    theirs, mine = (
        {pair: (round(values[0] * of), of) for pair, values, of in zip(s.pairs, s.processes, s.trials, strict=True)}
        for s in (base, head)
    )
    shared = [pair for pair in head.pairs if pair in theirs]
    return Counts(base=tuple(theirs[pair] for pair in shared), head=tuple(mine[pair] for pair in shared))


def sign(metric: Metric) -> int:
    """Return what makes a log ratio positive where head is worse."""
    return 1 if metric.direction is Direction.LOWER else -1
