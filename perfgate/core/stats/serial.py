"""Serial correlation: the correlation between neighbouring pairs, pooled over benchmarks.

The interval of a mean assumes that pairs are independent. If they are correlated, it is too narrow.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr

FEWEST = 6  # values of a series: with fewer, the mean that is taken off them is most of what is left


@dataclass(frozen=True, slots=True, kw_only=True)
class Serial:
    """The pooled correlation and its significance."""

    correlation: float
    """Of neighbours."""
    p: float
    """One-sided p of "the correlation is at most `allowed`"."""


def serial(series: Sequence[Sequence[float]], *, allowed: float) -> Serial | None:
    """Return the pooled lag-1 correlation of series that were measured together; None if no series is usable.

    The correlation is computed on ranks, so that single outliers do not decide. Subtracting the mean of n values biases
    the estimate by -(1 + 3 r) / n (Kendall 1954, doi:10.1093/biomet/41.3-4.403), which is corrected. A disturbance may
    affect all series at once, so the t statistic treats each pair number as one observation, summed over the series.

    Args:
        series: (n,) values each, in measured order; series with fewer than six values, or only equal ones, are ignored.
        allowed: p is that of the hypothesis that the true correlation is at most this.
    """
    ranked = [_scores(values) for values in series if len(values) >= FEWEST and min(values) < max(values)]
    if not ranked:
        return None
    moments = max(map(len, ranked)) - 1
    seen, room = np.zeros(moments), np.zeros(moments)
    for scores in ranked:
        n = len(scores)
        seen[: n - 1] += scores[:-1] * scores[1:] + 1 / (n - 1)
        room[: n - 1] += (1 - 3 / n) * n / (n - 1)  # what a correlation of 1 would make of it
    correlation = float(seen.sum() / room.sum())
    rest = seen - correlation * room
    error = math.sqrt(float((rest * rest).sum()) * moments / (moments - 1)) / float(room.sum())
    if error == 0:
        return Serial(correlation=correlation, p=0.0 if correlation > allowed else 1.0)
    return Serial(correlation=correlation, p=float(stdtr(moments - 1, (allowed - correlation) / error)))


def _scores(values: Sequence[float]) -> np.ndarray:
    """Return the ranks of (n,) values, ties with their mean rank, with a mean of 0 and a mean square of 1."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks = (last - (counts - 1) / 2)[places]
    centred: np.ndarray = ranks - ranks.mean()
    scores: np.ndarray = centred / math.sqrt(float((centred * centred).mean()))
    return scores
