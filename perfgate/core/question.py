"""What is asked of one SLI and how it is answered from its pairs; see `judge` for the rule."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from perfgate.core.comparison import Counts, Effects
from perfgate.core.model import Metric
from perfgate.core.policy import PASS_LEVEL, Policy, Rule
from perfgate.core.schedule import CONFIRMING, EARLY, FIRST_LOOK, looks
from perfgate.core.stats import counts, paired
from perfgate.core.stats.multiplicity import step_down
from perfgate.core.stats.scale import Scale, Signs
from perfgate.core.stats.sequential import Spending, nominal_levels
from perfgate.core.verdict import Verdict

FEWEST_STORED = 8  # stored runs that are needed to predict the next
CLUSTERED = 0.01  # bad ones come in bursts: more of them must also be seen from start to start, at this level
REPEATED = 0.05  # one-sided level at which fresh pairs must show anew what the first ones showed
FEW_BAD = 0.02  # more of them than on base: significantly fewer is a pass, and 200 good requests say so


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the pairs say."""

    verdict: Verdict
    level: float
    """One-sided level of the block test at the last look."""
    settled: bool
    """More pairs would not change what is said."""
    accused_by: int = 0
    """So many pairs would have blocked it, and those after them did not repeat it, or are still to come."""


class Seen(Protocol):
    """What was measured of one question, ready to be tested at any level."""

    def crosses(self, level: float) -> bool:
        """Return whether head is significantly worse, at the one-sided error `level`."""
        ...

    def answered(self, blocked_at: float | None, family_level: float) -> Answer:
        """Return the answer, once the family is known: the level that blocked it, or that nothing did."""
        ...


class Asked(Protocol):
    """A question about one SLI."""

    @property
    def rule(self) -> Rule:
        """What it may lose."""
        ...

    def seen(self, margin: float) -> Seen:
        """Return what was measured; a change must be more than `margin` (a share of base) with certainty."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the first pairs showed."""

    pairs: int
    share: float
    """Of the planned pairs."""
    seen: paired.Effect | Signs


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of one SLI: its pairs so far and what they are measured against."""

    rule: Rule
    effects: Effects
    planned: int
    base: float
    """Level of base, in the metric's unit: turns an absolute floor into a share."""
    stored: bool = False
    """Not pairs: head's value against each stored one."""
    absolute: bool = False
    """Against a bound, not against base: no margin is needed, the bound does not move."""
    guessed: bool = False
    """Which way is better is not known, so a pass must be significantly neither worse nor better."""

    @classmethod
    def about(
        cls, metric: Metric, rule: Rule, effects: Effects, *, planned: int, base: float, stored: bool = False
    ) -> "Question":
        """Ask of a metric whether it got worse."""
        if effects.scale is Scale.SIGN:  # a change within the floor is none
            kept = tuple(0.0 if abs(value) <= rule.floor else value for value in effects.values)
            effects = replace(effects, values=kept)
        base = effects.size or base
        return cls(rule=rule, effects=effects, planned=planned, base=base, stored=stored, guessed=metric.guessed)

    @property
    def looks(self) -> tuple["Look", ...]:
        """What was seen at each look so far; none before the first."""
        values, scale = self.effects.values, self.effects.scale
        measured = len(values)
        if not self.looked:
            return ()
        if self.stored:
            return (Look(pairs=measured, share=1.0, seen=scale.prediction(values)),)
        planned = max(self.planned or measured, measured - CONFIRMING)
        at = looks(min(measured, planned), planned)
        return tuple(Look(pairs=seen.n, share=seen.n / planned, seen=seen) for seen in scale.effects(values, at))

    @property
    def looked(self) -> bool:
        """Whether there are enough to look at."""
        return len(self.effects.values) >= (FEWEST_STORED if self.stored else FIRST_LOOK)

    @property
    def limit(self) -> float:
        """Effect above which head is too much worse: the limit or the floor, whichever allows more."""
        return self.effects.scale.of(max(self.rule.limit, self.rule.floor / self.base if self.base > 0 else 0.0))

    def seen(self, margin: float) -> Seen:
        """Return what the looks so far have shown."""
        return _Looks(
            looks=self.looks,
            effects=self.effects,
            limit=self.limit,
            margin=0.0 if self.absolute else self.effects.scale.of(margin),
            once=self.stored,
            guessed=self.guessed,
        )


def blocking_levels(level: float, shares: tuple[float, ...], *, planned: int) -> tuple[float, ...]:
    """Return at which level each look blocks, of `level` in all.

    A fifth of it is spent evenly from 12 pairs on, so that a large slowdown is blocked though the budget ends long
    before the plan does: `python -m benchmarks.early` shows when, and that nothing else is blocked by it.

    Args:
        shares: of the planned pairs, at each look.
    """
    return nominal_levels(Spending.MIXED, level, shares, opens=min(1.0, EARLY / planned))


def within(rule: Rule, levels: Sequence[float], planned: int, *, worse: int) -> Question:
    """Ask whether head's level is within the rule's SLO.

    Args:
        levels: (n,) values of the pairs, in the metric's unit.
        worse: 1 where more is worse, -1 where less is.
    """
    assert rule.slo is not None
    if min(levels, default=1.0) > 0:
        over = Effects(values=tuple(worse * math.log(level / rule.slo) for level in levels))
    else:
        shares = tuple(worse * (level - rule.slo) / rule.slo for level in levels)
        over = Effects(values=shares, scale=Scale.DIFFERENCE, size=rule.slo)
    return Question(rule=replace(rule, limit=0.0, floor=0.0), effects=over, planned=planned, base=1.0, absolute=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looks:
    looks: tuple[Look, ...]
    effects: Effects
    limit: float
    margin: float
    once: bool
    """There will be no fresh pairs to confirm it by."""
    guessed: bool

    @property
    def _shares(self) -> tuple[float, ...]:
        return tuple(look.share for look in self.looks)

    def _accusers(self, level: float) -> list[int]:
        """Return after how many pairs the lower bound was above the margin, of all looks so far."""
        levels = self._levels(level) if self.looks else ()
        return [look.pairs for look, at in zip(self.looks, levels, strict=True) if look.seen.p_above(self.margin) <= at]

    def _levels(self, level: float) -> tuple[float, ...]:
        """Return at which level each look blocks, of `level` in all."""
        return blocking_levels(level, self._shares, planned=round(self.looks[-1].pairs / self.looks[-1].share))

    def crosses(self, level: float) -> bool:
        """Return whether it was accused at any look so far."""
        return bool(self._accusers(level))

    def answered(self, blocked_at: float | None, family_level: float) -> Answer:
        if not self.looks:
            return Answer(verdict=Verdict.INCONCLUSIVE, level=family_level, settled=False)
        found = self.looks[-1].seen if self.once else self.effects.scale.effect(self.effects.values)
        level = self._levels(blocked_at or family_level)[-1]
        sure = nominal_levels(Spending.POCOCK, PASS_LEVEL, self._shares)[-1]
        upper = found.above(sure)
        if blocked_at is not None and found.mean > self.limit:
            first = self._accusers(blocked_at)[0]
            if self.once or self._repeated(first):
                return Answer(verdict=Verdict.REGRESSION, level=level, settled=True)
            return Answer(verdict=Verdict.INCONCLUSIVE, level=level, settled=False, accused_by=first)
        if upper >= self.limit:
            return Answer(verdict=Verdict.INCONCLUSIVE, level=level, settled=False)
        better = upper < -self.margin
        if self.guessed:  # better may be worse
            alike = found.below(sure) > -self.limit
            return Answer(verdict=Verdict.PASS if alike else Verdict.INCONCLUSIVE, level=level, settled=alike or better)
        # A pass that leans towards an improvement may use its time to become one.
        verdict = Verdict.IMPROVEMENT if better else Verdict.PASS
        return Answer(verdict=verdict, level=level, settled=better or found.mean >= -self.margin)

    def _repeated(self, first: int) -> bool:
        values, scale = self.effects.values, self.effects.scale
        fresh = len(values) - first
        return fresh >= CONFIRMING and scale.p_repeated(values, first, self.margin) <= REPEATED


@dataclass(frozen=True, slots=True, kw_only=True)
class CountQuestion:
    """Whether more come out badly on head: asked once, of all pairs."""

    rule: Rule
    counts: Counts

    def seen(self, margin: float) -> Seen:
        """Return what the counts show; a share has no margin: layout makes no errors."""
        return _Counted(rule=self.rule, counts=self.counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    rule: Rule
    counts: Counts

    @property
    def _allowed(self) -> float:
        return self.rule.floor if self.rule.floor_unit else 0.0

    @property
    def _excess(self) -> float:
        base, head = self.counts.totals
        return head[0] / head[1] - base[0] / base[1]

    def crosses(self, level: float) -> bool:
        if self._excess <= self._allowed:
            return False
        base, head = self.counts.totals
        shares = [b[0] / b[1] - a[0] / a[1] for a, b in zip(self.counts.base, self.counts.head, strict=True)]
        return counts.fisher(base, head) <= level and _everywhere(shares)

    def answered(self, blocked_at: float | None, family_level: float) -> Answer:
        if blocked_at is not None:
            return Answer(verdict=Verdict.REGRESSION, level=blocked_at, settled=True)
        suspicious = self._excess > self._allowed and bursting(self.counts)
        fine = most_more(self.counts) <= max(FEW_BAD, self._allowed) and not suspicious
        fine = fine and len(self.counts.head) >= FIRST_LOOK
        verdict = Verdict.PASS if fine else Verdict.INCONCLUSIVE
        return Answer(verdict=verdict, level=family_level, settled=True)


def most_more(found: Counts) -> float:
    """Return how much larger head's share of bad ones may be than base's, at most, as sure as a pass must be."""
    base, head = found.totals
    return counts.upper_share(*head, PASS_LEVEL) - base[0] / base[1]


def bursting(found: Counts) -> bool:
    """Return whether there are more bad ones than chance would make, if each came by itself."""
    return counts.fisher(*found.totals) <= CLUSTERED


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareQuestion:
    """Whether a side's share of bad ones is within the rule's SLO."""

    rule: Rule
    counts: tuple[tuple[int, int], ...]
    """(bad, of) of each pair."""

    @property
    def _total(self) -> tuple[int, int]:
        return sum(bad for bad, _ in self.counts), sum(of for _, of in self.counts)

    def seen(self, margin: float) -> Seen:
        """Return what the counts show."""
        return self

    def crosses(self, level: float) -> bool:
        """Return whether the share is significantly above the SLO, and consistently from start to start."""
        slo = self.rule.slo
        assert slo is not None
        return counts.lower_share(*self._total, level) > slo and _everywhere(
            [bad / of - slo for bad, of in self.counts]
        )

    def answered(self, blocked_at: float | None, family_level: float) -> Answer:
        """Return the answer: within it only where the upper bound is."""
        assert self.rule.slo is not None
        if blocked_at is not None:
            return Answer(verdict=Verdict.REGRESSION, level=blocked_at, settled=True)
        inside = counts.upper_share(*self._total, PASS_LEVEL) <= self.rule.slo
        return Answer(verdict=Verdict.PASS if inside else Verdict.INCONCLUSIVE, level=family_level, settled=True)


def _everywhere(excesses: Sequence[float]) -> bool:
    """Return whether an excess is there from start to start: bad ones come in bursts, and one burst is no change."""
    return len(excesses) >= FIRST_LOOK and paired.effect(excesses).p_above(0.0) <= CLUSTERED


def answer(questions: Sequence[Asked], policy: Policy) -> tuple[Answer, ...]:
    """Answer all questions of one run together: the family shares the error."""
    seen = [question.seen(policy.margin) for question in questions]
    level = dict.fromkeys((True, False), policy.family_level)
    blocked: dict[int, float] = {}
    for critical, family_level in level.items():
        family = [i for i, question in enumerate(questions) if question.rule.critical is critical]

        def crosses(place: int, at: float, family: list[int] = family) -> bool:
            return seen[family[place]].crosses(at)

        rejected = step_down(len(family), family_level, crosses)
        blocked |= {family[place]: at for place, at in rejected.items()}
        level[critical] = family_level / max(1, len(family) - len(rejected))
    return tuple(
        seen[i].answered(blocked.get(i), level[question.rule.critical]) for i, question in enumerate(questions)
    )
