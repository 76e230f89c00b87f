"""Whether the pairs of a run follow from those before them: the correlation of neighbours, pooled over benchmarks.

An interval of a mean takes each pair for a draw of its own. Where one foretells the next, many pairs are worth few, and
the interval is too narrow.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr

FEWEST = 6  # values of a series: with fewer, the mean that is taken off them is most of what is left


@dataclass(frozen=True, slots=True, kw_only=True)
class Serial:
    """What series of the same moments show."""

    correlation: float
    """Of neighbours."""
    p: float
    """One-sided, of "it is at most what was allowed"."""


def serial(series: Sequence[Sequence[float]], *, allowed: float) -> Serial | None:
    """Return the lag-1 correlation of series that were taken in the same moments; None where none says anything.

    Ranks stand for the values, so that no outlier decides. Taking its mean off a series of n values makes neighbours
    look opposed, by (1 + 3 r) / n (Kendall 1954, doi:10.1093/biomet/41.3-4.403): that is added again. One disturbance
    may reach all series at once, so t is taken over the moments: what all series say of one is one observation.

    Args:
        series: (n,) values each, in order; those with fewer than six, or all alike, say nothing.
        allowed: the correlation that p is asked about.
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
