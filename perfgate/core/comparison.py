"""Base against head of one SLI: how much worse, how sure, and what stands against believing it.

A comparison knows no limit and gives no verdict; `judge` does. What differs between kinds of evidence
(pairs, two files, exact values) ends here.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from perfgate.core.model import Design, Direction, Kind, Metric, Run, Sample, Sli, Warning
from perfgate.core.schedule import FIRST_LOOK
from perfgate.core.stats import describe, paired, unpaired

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
    """One a pair, in measured order, or one a stored run; positive where head is worse. Empty where neither was."""
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


def compare(base: Run, head: Run) -> tuple[Comparison, ...]:
    """Compare every SLI that both runs have, in head's order."""
    theirs = {sample.sli: sample for sample in base.samples}
    return tuple(
        compare_sample(theirs[sample.sli], sample, base, head) for sample in head.samples if sample.sli in theirs
    )


def compare_sample(base: Sample, head: Sample, base_run: Run, head_run: Run) -> Comparison:
    """Compare one SLI."""
    medians = describe.process_medians(base.processes), describe.process_medians(head.processes)
    log_ratios = pair_log_ratios(base, head, base_run, head_run)
    evidence, doubts = _evidence(base, head, base_run, head_run, log_ratios)
    return Comparison(
        sli=head.sli,
        evidence=evidence,
        base=_level(base, medians[0]),
        head=_level(head, medians[1]),
        change=_change(evidence, medians, log_ratios, worse=sign(head.sli.metric)),
        log_ratios=log_ratios,
        planned=head.planned,
        pair_s=head.pair_s,
        processes=(len(medians[0]), len(medians[1])),
        p=unpaired.mann_whitney(*medians),
        warnings=tuple(dict.fromkeys(base.warnings + head.warnings + doubts)),
        levels=_every(base, head) if evidence is Evidence.EXACT else medians,
        design=head.design,
        counts=_counts(base, head) if evidence is Evidence.COUNTED else None,
    )


def _every(base: Sample, head: Sample) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return all values of both sides: of what should be exact none may be another."""
    one, other = (tuple(value for process in sample.processes for value in process) for sample in (base, head))
    return one, other


def effect_of(c: Comparison) -> paired.Effect:
    """Return what the log ratios of tested evidence (at least one) say of the change."""
    return (paired.prediction if c.evidence is Evidence.STORED else paired.effect)(c.log_ratios)


def worsening(c: Comparison) -> float:
    """Return the share by which head is worse than base; negative where it is better."""
    ratio = c.change.ratio
    return (ratio if sign(c.sli.metric) > 0 else (1 / ratio if ratio > 0 else math.inf)) - 1


def pair_log_ratios(base: Sample, head: Sample, base_run: Run, head_run: Run) -> tuple[float, ...]:
    """Return one log ratio a pair, positive where head is worse; none for runs of different measurements."""
    if not _measured_together(base_run, head_run) or head.sli.metric.kind is Kind.COUNTED:
        return ()
    sides, worse = (base.processes, head.processes), sign(head.sli.metric)
    alike = base.pairs == head.pairs and sides[0].each == sides[1].each != 0
    if alike and head.design is Design.TURNS and all(map(describe.positive, sides)):
        return tuple(worse * effect for effect in describe.turn_effects(*sides))
    theirs = dict(zip(base.pairs, base.processes, strict=True))
    shared = [(theirs[pair], mine) for pair, mine in zip(head.pairs, head.processes, strict=True) if pair in theirs]
    if any(min(*one, *other) <= 0 for one, other in shared):
        return ()  # no ratio of nothing; the medians are compared instead, and inform
    return tuple(pair_effect(head.sli.metric, head.design, one, other) for one, other in shared)


def pair_effect(metric: Metric, design: Design, base: Sequence[float], head: Sequence[float]) -> float:
    """Return the log ratio of one pair, positive where head is worse; all values > 0."""
    effect = describe.turn_effect if design is Design.TURNS else describe.block_effect
    return sign(metric) * effect(base, head)


def _evidence(
    base: Sample, head: Sample, base_run: Run, head_run: Run, log_ratios: tuple[float, ...]
) -> tuple[Evidence, tuple[Warning, ...]]:
    if base.sli.metric.kind is Kind.EXACT:
        return Evidence.EXACT, ()
    together = _measured_together(base_run, head_run) and not set(base.pairs).isdisjoint(head.pairs)
    if base.sli.metric.kind is Kind.COUNTED and together:
        return Evidence.COUNTED, ()
    if log_ratios:
        return Evidence.PAIRED, ()
    fewest = min(len(base.processes), len(head.processes))
    if differences := base_run.environment.differences(head_run.environment):
        text = f"measured in different environments ({'; '.join(differences)})"
        return Evidence.ADVISORY, (Warning(code="other-environment", text=text),)
    if fewest < FIRST_LOOK:
        few = f"{fewest} process{'es' * (fewest > 1)} a side"
        text = f"{few}; noise lives between processes, from {FIRST_LOOK} a side they show it"
        return Evidence.ADVISORY, (Warning(code="few-processes", text=text),)
    text = "measured at different moments; only pairs can tell a change from a slower minute"
    return Evidence.UNPAIRED, (Warning(code="not-paired", text=text),)


def _change(
    evidence: Evidence,
    medians: tuple[tuple[float, ...], tuple[float, ...]],
    log_ratios: tuple[float, ...],
    *,
    worse: int,
) -> Change:
    base, head = medians
    if evidence is Evidence.PAIRED:
        ratio, low, high = paired.interval([worse * d for d in log_ratios], level=INTERVAL_LEVEL)
    elif evidence in (Evidence.EXACT, Evidence.COUNTED) or min(*base, *head) <= 0:
        ratio = low = high = plain_ratio(describe.median(base), describe.median(head))
    else:
        ratio, low, high = unpaired.ratio_interval(base, head, level=INTERVAL_LEVEL)
    return Change(ratio=ratio, low=low, high=high)


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


def plain_ratio(base: float, head: float) -> float:
    """Return head / base, 1 for equal values and infinite from nothing."""
    if base == head:
        return 1.0
    return head / base if base else math.inf


def sign(metric: Metric) -> int:
    """Return what makes a log ratio positive where head is worse."""
    return 1 if metric.direction is Direction.LOWER else -1
