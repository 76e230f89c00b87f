"""The scale of a pair's effect: a log ratio if all values are above zero, else a difference, else only its sign.

A value of zero or less has no ratio, so differences are taken, as shares of base's mean size. If base is zero in all
pairs, there are no shares. The sign test then decides (Arbuthnott 1710, doi:10.1098/rstl.1710.0011): how many of the
pairs that changed got worse.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from scipy.special import bdtrc

from perfgate.core.stats import paired

LARGEST_SHARE = 1e9  # a larger difference is counted as this one


class Scale(StrEnum):
    """What effects are expressed in."""

    RATIO = "ratio"
    """Logarithms of head / base: all values are above zero."""
    DIFFERENCE = "difference"
    """(head - base) / the mean size of base."""
    SIGN = "sign"
    """head - base in the metric's unit. Base is zero in all pairs, so only the sign decides."""

    def of(self, share: float) -> float:
        """Return the effect of a change by a share (at least 0) of base; in signs, what every change is beyond."""
        if self is Scale.SIGN:
            return 0.5
        return math.log1p(share) if self is Scale.RATIO else share

    def share(self, effect: float) -> float:
        """Return the share of base by which an effect changes it; infinite where base is nothing."""
        if self is Scale.RATIO:
            return math.expm1(effect) if effect < paired.LARGEST_LOG else math.inf
        return effect if self is Scale.DIFFERENCE or not effect else math.copysign(math.inf, effect)

    def ratio(self, effect: float) -> float:
        """Return head / base for an effect; below zero where a difference is more than all of base."""
        return paired.as_ratio(effect) if self is Scale.RATIO else 1 + self.share(effect)

    def effects(self, values: Sequence[float], counts: Sequence[int]) -> "list[paired.Effect] | list[Signs]":
        """Summarise the first `count` of (n,) effects, for each of increasing counts from 2 to n.

        Differences are not trimmed: with values of zero, a rare large difference may be the change itself.
        """
        if self is Scale.RATIO:
            return paired.effects(values, counts)
        if self is Scale.SIGN:
            return [Signs.of(values[:count]) for count in counts]
        return [paired.plain(values[:count]) for count in counts]

    def effect(self, values: Sequence[float]) -> "paired.Effect | Signs":
        """Summarise (n,) effects, n >= 1."""
        if self is Scale.SIGN:
            return Signs.of(values)
        return paired.effect(values) if self is Scale.RATIO else paired.plain(values)

    def prediction(self, values: Sequence[float]) -> "paired.Effect | Signs":
        """Summarise (m,) effects of one new value against m earlier ones, for a prediction interval."""
        return Signs.of(values) if self is Scale.SIGN else paired.prediction(values)

    def p_repeated(self, values: Sequence[float], first: int, margin: float) -> float:
        """Return the one-sided p of "the true effect of the pairs after the `first` ones is at most `margin`"."""
        if self is Scale.RATIO:
            return paired.p_repeated(values, first, margin)
        return self.effect(values[first:]).p_above(margin)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """How many of n pairs are worse and how many better. Its mean and its bounds are 1, 0 or -1."""

    worse: int
    better: int
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Signs":
        """Count (n,) effects by their signs."""
        return cls(worse=sum(v > 0 for v in values), better=sum(v < 0 for v in values), n=len(values))

    @property
    def mean(self) -> float:
        """1 where more pairs are worse, -1 where more are better, 0 otherwise."""
        return float((self.worse > self.better) - (self.worse < self.better))

    def p_above(self, margin: float) -> float:
        """Return the one-sided p of "a pair that changed is as likely better as worse"; no sign is within a margin."""
        return self._p(self.worse)

    def below(self, level: float) -> float:
        """Return 1 if head is significantly worse at the one-sided error `level`, 0 if no pair changed, else -1."""
        return 1.0 if self._p(self.worse) <= level else -1.0 * self._changed

    def above(self, level: float) -> float:
        """Return -1 if head is significantly better at the one-sided error `level`, 0 if no pair changed, else 1."""
        return -1.0 if self._p(self.better) <= level else 1.0 * self._changed

    def over(self, pairs: int) -> "Signs":
        """Return the result for another number of pairs with the same shares of worse and better ones."""
        worse, better = (round(count * pairs / self.n) for count in (self.worse, self.better))
        return Signs(worse=worse, better=better, n=pairs)

    @property
    def _changed(self) -> bool:
        return self.worse + self.better > 0

    def _p(self, count: int) -> float:
        return float(bdtrc(count - 1, self.worse + self.better, 0.5)) if count else 1.0


def differences(base: Sequence[float], head: Sequence[float]) -> tuple[Scale, tuple[float, ...], float]:
    """Return (scale, effects, size) of (n,) levels of pairs, any finite values; positive where head is more.

    Returns: the size is the mean of base's absolute levels, in their unit.
    """
    if not any(base):
        return Scale.SIGN, tuple(head), 0.0
    size = math.fsum(abs(level) / len(base) for level in base) or max(map(abs, base))
    shares = (after / size - before / size for before, after in zip(base, head, strict=True))
    return Scale.DIFFERENCE, tuple(min(max(share, -LARGEST_SHARE), LARGEST_SHARE) for share in shares), size
