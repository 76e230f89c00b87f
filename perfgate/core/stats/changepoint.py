"""When did a series change its level? Steps that stay, not outliers, not noise.

Two detectors must agree, because each cries wolf alone: binary segmentation sees the whole series and is
fooled by drift and by few strange values, a rank test of the two windows around a point sees neither but
knows nothing of how many points were tried. Deterministic: no resampling.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from statistics import median

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from perfgate.core.stats import unpaired

SHORTEST = 5  # points that make a level: fewer are outliers
WINDOW, WIDE = 30, 100  # points on each side that the local test looks at
FEW = 20  # points of a window up to which its test is exact
LEVEL = 1e-4  # of the local test, two-sided, in a long series
SHORT_LEVEL = 0.01  # divided by the points, of which each might have been a step, in a short one
APART = 4.0  # standard deviations between all points of two levels: seen even where ranks of so few cannot tell
PENALTY = 4.0  # times log(n) noise variances: what a step must explain of the whole series
SMALLEST = 0.02  # runs share no minutes: what is below may be the machine's
_SMOOTHED = 7  # points of the running median that outliers are measured from
_CLIP = 3.0  # robust standard deviations at which an outlier stops counting
_FAR = 4.0  # likewise, where the place of a step is weighed
_UNLIKELY = 0.9 * _FAR**2  # worse than the likeliest place: nearly as much as one strange point can make of it
_MAD = 1.4826  # median absolute deviation to standard deviation, for normal values
_ROUNDING = 1e-12  # of a logarithm: what is below is no noise
_STICKY = 0.9  # most autocorrelation that is believed; more is a trend

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A change of level."""

    at: int
    """Index of the first point of the new level."""
    earliest: int
    latest: int
    """Where else the first point may lie: all that explain the series nearly as well."""
    before: float
    after: float
    """Medians of the windows, in the values' unit."""
    ratio: float
    """After / before, with its 99 % interval: see `unpaired.change_interval` for values of zero and less."""
    low: float
    high: float
    p: float
    """Of the local test, two-sided."""
    size: float
    """How far the ratio is from 1, the same upwards and downwards: by the larger level, or by the difference."""


def steps(values: Sequence[float], *, smallest: float = SMALLEST) -> tuple[Step, ...]:
    """Find the changes of level in (n,) values, in order: in their logarithms, or as they are if one is not above zero.

    Args:
        smallest: share below which a change is not told, for example 0.02.

    Winsorised values are split by binary segmentation (Scott & Knott 1974, doi:10.2307/2529204) where a split
    explains more than `PENALTY` log(n) variances of the noise, widened for autocorrelation; a split counts if
    Mann-Whitney agrees on the windows around it. Fewer than 2 x `SHORTEST` points have no change.
    """
    raw = np.asarray(values, dtype=float)
    if len(raw) < 2 * SHORTEST or np.ptp(raw) == 0:
        return ()
    series = np.log(raw) if raw.min() > 0 else raw / float(np.abs(raw).mean())
    calm = _winsorised(series)
    noise = _noise(calm)
    splits = _segments(calm, PENALTY * math.log(len(calm)) * noise**2)
    sticky = _stickiness(calm, splits)
    if sticky > 1.05:
        splits = _segments(calm, PENALTY * math.log(len(calm)) * noise**2 * sticky)
    found = _agreed(raw, series, calm, splits, sticky, smallest)
    spread = max(noise * math.sqrt(sticky), 1e-12)
    borders = [0, *(step.at for step in found), len(calm)]
    return tuple(
        _ranged(step, series, before, after, spread)
        for step, before, after in zip(found, borders, borders[2:], strict=False)
    )


def exact_steps(values: Sequence[float]) -> tuple[Step, ...]:
    """Find the changes in a series without noise: every value that differs from the one before."""
    return tuple(
        Step(
            at=i, earliest=i, latest=i, before=old, after=new, ratio=ratio, low=ratio, high=ratio, p=0.0,
            size=_size(ratio, ratios=min(old, new) > 0),
        )
        for i, (old, new) in enumerate(itertools.pairwise(values), start=1)
        if old != new
        for ratio in [unpaired.plain_ratio(old, new)]
    )  # fmt: skip


def _winsorised(series: Array) -> Array:
    """Pull each value that is far from its neighbours' median towards it; a step of a few points stays."""
    neighbours = sliding_window_view(np.pad(series, _SMOOTHED // 2, mode="edge"), _SMOOTHED)
    middle = np.median(neighbours, axis=1)
    rest = series - middle
    reach = _CLIP * _MAD * float(np.median(np.abs(rest)))
    return middle + np.clip(rest, -reach, reach)


def _noise(series: Array) -> float:
    """Return the robust standard deviation of the noise, from differences: no step can hide in it."""
    differences = np.diff(series)
    return _MAD * float(np.median(np.abs(differences - np.median(differences)))) / math.sqrt(2)


def _segments(series: Array, penalty: float) -> list[int]:
    """Return where binary segmentation splits, sorted."""
    found, todo = [], [(0, len(series))]
    while todo:
        start, end = todo.pop()
        if end - start < 2 * SHORTEST:
            continue
        gains = _gains(series[start:end])[SHORTEST - 1 : end - start - SHORTEST]
        place = int(np.argmax(gains))
        if gains[place] > max(penalty, 1e-18):
            middle = start + place + SHORTEST
            found.append(middle)
            todo += [(start, middle), (middle, end)]
    return sorted(found)


def _gains(series: Array) -> Array:
    """Return for each split after point 1 .. n-1 what it takes off the sum of squares."""
    n = len(series)
    left = np.arange(1, n)
    sums = np.cumsum(series - series.mean())[:-1]
    return np.asarray(sums**2 * n / (left * (n - left.astype(float))))


def _stickiness(series: Array, splits: Sequence[int]) -> float:
    """Return by how much autocorrelation widens the variance of a mean: (1 + r) / (1 - r) for r of lag 1."""
    rest = np.concatenate([part - part.mean() for part in np.split(series, splits)])
    power = float(rest @ rest)
    r = float(rest[:-1] @ rest[1:]) / power if power > len(rest) * _ROUNDING**2 else 0.0
    r -= 2 / math.sqrt(len(rest))  # what chance alone shows in so few
    r = min(max(r, 0.0), _STICKY)
    return (1 + r) / (1 - r)


def _agreed(raw: Array, series: Array, calm: Array, splits: list[int], sticky: float, smallest: float) -> list[Step]:
    """Return the splits that the local test agrees with, in the near window or in the wide one.

    The near window sees a step beside drift, the wide one a faint step between long levels. Of the splits in doubt the
    smallest goes first, then its neighbours, whose levels have grown, are asked anew: the p of a large step between
    short levels is high only until these have grown.
    """
    splits, level, reach = list(splits), max(LEVEL, SHORT_LEVEL / len(series)), _reach(series, splits)

    @cache
    def p_of(window: _Window) -> float:
        return _p(series, window, sticky)

    @cache
    def tested(window: _Window) -> tuple[Step, bool]:
        seen = p_of(window) <= level or _gap(series, window) > reach
        step = _step(raw, window, p_of(window), bounded=seen)
        doubtful = not seen or step.size < smallest
        return step, doubtful or _is_ramp(calm, window) or _is_burst(series, window)

    while True:
        borders = [0, *splits, len(series)]
        found = []
        for three in zip(borders, splits, borders[2:], strict=False):
            near, wide = (_Window(*three).near(round(points * sticky)) for points in (WINDOW, WIDE))
            step, doubtful = tested(near)
            longer = wide != near and wide.shorter > FEW  # else it says no more than the near one
            if doubtful and longer and p_of(wide) <= level and not tested(wide)[1]:
                step, doubtful = tested(wide)
            found.append((step, doubtful))
        doubts = [(-step.size, step.p, place) for place, (step, doubtful) in enumerate(found) if doubtful]
        if not doubts:
            return [step for step, _ in found]
        del splits[max(doubts)[2]]


@dataclass(frozen=True, slots=True)
class _Window:
    """The levels on both sides of a split, as far as the local test looks."""

    start: int
    at: int
    end: int

    @property
    def shorter(self) -> int:
        """Points of the shorter side."""
        return min(self.at - self.start, self.end - self.at)

    def near(self, reach: int) -> "_Window":
        return _Window(max(self.start, self.at - reach), self.at, min(self.end, self.at + reach))


def _p(series: Array, window: _Window, sticky: float) -> float:
    """Compare both sides by ranks; what sticks together is worth fewer points."""
    sides = series[window.start : window.at], series[window.at : window.end]
    p = unpaired.mann_whitney(*(side.tolist() for side in sides), exact=window.shorter <= FEW)
    return p if sticky <= 1 else 2 * float(ndtr(ndtri(max(p, 1e-300) / 2) / math.sqrt(sticky)))


def _step(raw: Array, window: _Window, p: float, *, bounded: bool) -> Step:
    """Return the step between both sides; if not `bounded`, without the interval, which takes most of the time."""
    before, after = raw[window.start : window.at].tolist(), raw[window.at : window.end].tolist()
    levels = median(before), median(after)
    if bounded:
        ratio, low, high = unpaired.change_interval(before, after, level=0.99)
    else:
        ratio, low, high = unpaired.plain_ratio(*levels), -math.inf, math.inf
    return Step(
        at=window.at, earliest=window.at, latest=window.at,
        before=levels[0], after=levels[1], ratio=ratio, low=low, high=high, p=p,
        size=_size(ratio, ratios=min(*before, *after) > 0),
    )  # fmt: skip


def _size(ratio: float, *, ratios: bool) -> float:
    if not ratios:
        return abs(ratio - 1)
    return max(ratio, 1 / ratio) - 1 if 0 < ratio < math.inf else math.inf


def _reach(series: Array, splits: Sequence[int]) -> float:
    """Return how far points of one level may lie apart: as noise explains, and twice as far as nine of ten do."""
    away = np.abs(np.concatenate([part - np.median(part) for part in np.split(series, splits)]))
    return max(APART * _MAD * float(np.median(away)), 2 * float(np.quantile(away, 0.9)))


def _gap(series: Array, window: _Window) -> float:
    """Return how far the nearest points of both sides lie apart; below zero where they overlap."""
    before, after = series[window.start : window.at], series[window.at : window.end]
    return float(max(after.min() - before.max(), before.min() - after.max()))


def _is_ramp(calm: Array, window: _Window) -> bool:
    """Return whether a straight line explains the window better than a step: drift has no one commit to blame."""
    values = calm[window.start : window.end]
    time = np.arange(len(values)) - (len(values) - 1) / 2
    line = float(time @ values) ** 2 / float(time @ time)
    return line > float(_gains(values)[window.at - window.start - 1])


def _is_burst(series: Array, window: _Window) -> bool:
    """Return whether a short level has a point that is nearer to the other level: it may be outliers and chance."""
    sides = series[window.start : window.at], series[window.at : window.end]
    middle = (float(np.median(sides[0])) + float(np.median(sides[1]))) / 2
    short = [side for side in sides if len(side) < 2 * SHORTEST]
    return any(bool(np.min(side) < middle < np.max(side)) for side in short)


def _ranged(step: Step, series: Array, start: int, end: int, spread: float) -> Step:
    """Widen the step's place to all that are nearly as likely as the likeliest, which it becomes.

    Points are weighed as they are, those further from a level than `_FAR` standard deviations as if they were that far:
    a slow run right behind a step may as well be the last before it.
    """
    window = _Window(start, step.at, end).near(WINDOW)
    part, at = series[window.start : window.end], window.at - window.start
    levels = float(np.median(part[:at])), float(np.median(part[at:]))
    apart = np.abs(np.concatenate([part[:at] - levels[0], part[at:] - levels[1]]))
    scale = max(spread, _MAD * float(np.median(apart)))
    before, after = (np.cumsum(np.minimum(((part - level) / scale) ** 2, _FAR**2)) for level in levels)
    costs = (before + (after[-1] - after))[:-1]  # of a step after point 1, 2, ... n - 1
    likely = np.flatnonzero(costs <= costs.min() + _UNLIKELY) + window.start + 1
    best = np.flatnonzero(costs <= costs.min() + _ROUNDING * costs.max()) + window.start + 1
    return replace(
        step,
        at=int(best[np.argmin(np.abs(best - step.at))]),
        earliest=int(likely[0]),
        latest=int(likely[-1]),
    )
