"""Student's t on the log ratios of pairs: the interval and the p that decide.

From 18 pairs on without a twelfth of them at either end, winsorised for the spread (Tukey & McLaughlin 1963, Sankhya
A 25:331; Yuen 1974, doi:10.1093/biomet/61.1.165): one pair in a hundred meets a scheduler that favours one side, and a
plain t that has met it sees nothing any more. With normal values an error of 2.0e-4 becomes 2.4e-4 at 18 pairs and
2.1e-4 at 42; with fewer pairs it would be more, so these are all used. The signed-rank test is silent before 13 to 16.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import chdtrc, stdtr, stdtrit

from perfgate.core.stats.trimming import left_out

LARGEST_LOG = 709.0  # exp() of a larger value overflows


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Mean and spread of n pair log ratios."""

    mean: float
    sd: float
    """That of one pair: as many without outliers would have this standard error."""
    n: int
    ends: int = 0
    """Left out at either end."""

    @property
    def degrees(self) -> int:
        """Degrees of freedom."""
        return self.n - 1 - 2 * self.ends

    @property
    def se(self) -> float:
        """Standard error of the mean."""
        return self.sd / math.sqrt(self.n)

    def below(self, level: float) -> float:
        """Return the one-sided lower confidence bound of the mean at error `level` (0 < level < 0.5)."""
        return self.mean - self._reach(level)

    def above(self, level: float) -> float:
        """Return the one-sided upper confidence bound of the mean at error `level`."""
        return self.mean + self._reach(level)

    def p_above(self, margin: float) -> float:
        """Return the one-sided p of "the true mean is at most `margin`".

        Edge cases: fewer than two pairs, or no spread at all (equal values), leave nothing to test with
        t; the first says 1, the second compares exactly.
        """
        if self.n < 2:
            return 1.0
        if self.sd == 0:
            return 0.0 if self.mean > margin else 1.0
        return float(stdtr(self.degrees, -(self.mean - margin) / self.se))

    def p_beyond(self, margin: float) -> float:
        """Return the one-sided p of "the true mean is at most `margin` away from 0", towards the side that it is on."""
        return replace(self, mean=abs(self.mean)).p_above(margin)

    def over(self, pairs: int) -> "Effect":
        """Return the effect of so many pairs of the same mean and spread."""
        return replace(self, n=pairs, ends=left_out(pairs))

    def ratios(self, level: float) -> tuple[float, float, float]:
        """Return (ratio, low, high): the mean and its two-sided interval at confidence `level`, as ratios."""
        tail = (1 - level) / 2
        return as_ratio(self.mean), as_ratio(self.below(tail)), as_ratio(self.above(tail))

    def _reach(self, level: float) -> float:
        if self.n < 2:
            return math.inf
        return float(-stdtrit(self.degrees, level)) * self.se


def as_ratio(log_ratio: float) -> float:
    """Return a ratio; one that no number holds is infinite."""
    return math.exp(log_ratio) if log_ratio < LARGEST_LOG else math.inf


def plain(log_ratios: Sequence[float]) -> Effect:
    """Summarise (n,) log ratios, n >= 1, all of them; with one the spread is unknown and taken as infinite."""
    values = np.asarray(log_ratios)
    if len(values) == 1:
        return Effect(mean=float(values[0]), sd=math.inf, n=1)
    if np.ptp(values) == 0:  # rounding alone would leave a spread of 1e-17
        return Effect(mean=float(values[0]), sd=0.0, n=len(values))
    return Effect(mean=float(values.mean()), sd=float(values.std(ddof=1)), n=len(values))


def effect(log_ratios: Sequence[float]) -> Effect:
    """Summarise (n,) pair log ratios, n >= 1, without outliers where there are enough."""
    n = len(log_ratios)
    return effects(log_ratios, [n])[0] if left_out(n) else plain(log_ratios)


def effects(log_ratios: Sequence[float], counts: Sequence[int]) -> list[Effect]:
    """Summarise the first `count` of (n,) pair log ratios, for each of increasing counts from 2 to n."""
    values, first = np.asarray(log_ratios), np.asarray(counts)
    ends = np.asarray([left_out(count) for count in counts])
    kept = first - 2 * ends
    rows, there = np.arange(len(first)), np.arange(len(values)) < first[:, None]
    ordered = np.sort(np.where(there, values, np.inf), axis=1)
    low, high = ordered[rows, ends], ordered[rows, first - ends - 1]
    drawn = np.where(there, np.clip(values, low[:, None], high[:, None]) - low[:, None], 0.0)  # squares lose no digits
    sums, squares = drawn.sum(axis=1), (drawn * drawn).sum(axis=1)
    means = low + (sums - ends * (high - low)) / kept
    errors = np.maximum(squares - sums * sums / first, 0.0) / (kept * (kept - 1))
    spreads = np.where(high > low, np.sqrt(errors * first), 0.0)  # rounding alone would leave some where all are alike
    found = zip(means.tolist(), spreads.tolist(), counts, ends.tolist(), strict=True)
    return [Effect(mean=mean, sd=sd, n=count, ends=cut) for mean, sd, count, cut in found]


def p_alike(found: Sequence[Effect]) -> float:
    """Return the p of "no true mean is other than 0", of n >= 1 effects that share nothing, each of at least 4 pairs.

    The sum of t squared, each scaled to a mean of 1, against chi-square with n degrees of freedom.
    """
    total = sum((each.mean / each.se) ** 2 * (each.degrees - 2) / each.degrees for each in found)
    return float(chdtrc(len(found), total))


def p_repeated(log_ratios: Sequence[float], first: int, margin: float) -> float:
    """Return the one-sided p of "the true mean of the pairs after the `first` ones is at most `margin`".

    Their spread is taken from all (n,) pairs, with the degrees of freedom of these: a few tell their mean better than
    their spread. first < n.
    """
    rest, whole = log_ratios[first:], effect(log_ratios)
    spread = whole.sd * math.sqrt(len(log_ratios) / len(rest))
    return replace(whole, mean=effect(rest).mean, sd=spread).p_above(margin)


def prediction(log_ratios: Sequence[float]) -> Effect:
    """Summarise (m,) log ratios of one new value against m earlier ones, as a prediction of the next.

    The new value has the earlier ones' spread itself, so its change is known to within s * sqrt(1 + 1/m), with
    m - 1 degrees of freedom, however many there are.
    Source: Hahn & Meeker 1991, Statistical Intervals, section 4.7.
    """
    found = plain(log_ratios)
    return replace(found, sd=found.sd * math.sqrt(found.n + 1))


def interval(log_ratios: Sequence[float], *, level: float) -> tuple[float, float, float]:
    """Return (ratio, low, high): the t interval of the mean log ratio at confidence `level`, as ratios.

    Source: Student 1908, doi:10.1093/biomet/6.1.1, on log values, so that 2x and 1/2x weigh alike.
    """
    return effect(log_ratios).ratios(level)
