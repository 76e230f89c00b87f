"""Two samples that share no pairs: Mann-Whitney's p and the Hodges-Lehmann ratio with its interval.

Used for result files of different processes, and shown beside the paired test, where it informs.
"""

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
from scipy.special import ndtr, ndtri

MOST = 1000  # values a side that are compared each with each
EXACT_UP_TO = 8  # values of the smaller side: from there on the normal approximation does


def mann_whitney(base: Sequence[float], head: Sequence[float], *, exact: bool = False) -> float:
    """Return the two-sided p of "base and head come from one distribution".

    Args:
        base, head: (n,) and (m,) values of processes, any unit.
        exact: use the exact distribution, as if there were no ties: far out in the tail the approximation of few
            values is ten times too careful. Else that is done without ties up to `EXACT_UP_TO`, and from there on
            the normal approximation with tie and continuity correction.

    Written here, and checked against scipy.stats in the tests, because that takes half a second to import.
    Source: Mann & Whitney 1947, doi:10.1214/aoms/1177730491; Hollander, Wolfe & Chicken 2014, section 4.1 for ties.
    """
    n, m = len(base), len(head)
    if n == m == 1:
        return 1.0
    theirs, mine = np.sort(np.asarray(base, dtype=float)), np.asarray(head, dtype=float)
    below = np.searchsorted(theirs, mine, "left") + np.searchsorted(theirs, mine, "right")
    u = float(below.sum()) / 2
    u = max(u, n * m - u)
    alike = np.unique(np.concatenate([theirs, mine]), return_counts=True)[1]
    if len(alike) == 1:
        return 1.0
    if exact or (len(alike) == n + m and min(n, m) <= EXACT_UP_TO and max(n, m) <= MOST):
        counts = _rank_sum_counts(n, m)
        return float(min(1.0, 2 * counts[math.floor(u) :].sum() / counts.sum()))
    ties = float((alike.astype(float) ** 3 - alike).sum()) / ((n + m) * (n + m - 1))
    spread = math.sqrt(n * m / 12 * (n + m + 1 - ties))
    return float(min(1.0, 2 * ndtr(-max(0.0, u - n * m / 2 - 0.5) / spread)))


def hodges_lehmann(base: Sequence[float], head: Sequence[float]) -> float:
    """Return the median of all pairwise ratios head / base.

    Args:
        base: (n,) values > 0, n >= 1.
        head: (m,) values > 0, m >= 1.

    Returns: dimensionless; 1.10 reads "10 % more".
    Source: Hodges & Lehmann 1963, doi:10.1214/aoms/1177704172, on log values.
    """
    if len(base) == len(head) == 1:
        return head[0] / base[0]
    return float(np.exp(np.median(_log_ratios(base, head))))


def ratio_interval(base: Sequence[float], head: Sequence[float], *, level: float) -> tuple[float, float, float]:
    """Return (ratio, low, high): the Hodges-Lehmann ratio and the interval that inverts Mann-Whitney's test.

    The bounds are order statistics of the n*m log ratios. Where the samples are too small for `level`
    the interval is unbounded: (ratio, 0, inf).

    Source: Hollander, Wolfe & Chicken 2014, Nonparametric Statistical Methods, section 4.3; normal
        approximation to the rank, exact distribution for n, m <= 20.
    """
    n, m = min(MOST, len(base)), min(MOST, len(head))
    rank = _lower_rank(n, m, (1 - level) / 2)
    if rank < 1:
        return hodges_lehmann(base, head), 0.0, math.inf
    ranks = (rank - 1, (n * m - 1) // 2, n * m // 2, n * m - rank)
    low, left, right, high = np.partition(_log_ratios(base, head), ranks)[list(ranks)].tolist()
    return math.exp((left + right) / 2), math.exp(low), math.exp(high)


def _log_ratios(base: Sequence[float], head: Sequence[float]) -> np.ndarray:
    one, other = (np.log(_thinned(values)) for values in (base, head))
    ratios: np.ndarray = other[:, None] - one[None, :]
    return ratios.ravel()


def _thinned(values: Sequence[float]) -> np.ndarray:
    """Return `MOST` of very many values, evenly from the smallest to the largest: all pairs of them must be held."""
    found = np.asarray(values, dtype=float)
    if len(found) <= MOST:
        return found
    thinned: np.ndarray = np.sort(found)[np.linspace(0, len(found) - 1, MOST).round().astype(int)]
    return thinned


@cache
def _lower_rank(n: int, m: int, tail: float) -> int:
    """Return the largest k with P(U < k) <= tail: the k-th smallest and largest ratios bound the interval."""
    if n <= 20 and m <= 20:
        distribution = np.cumsum(_rank_sum_counts(n, m))
        return int(np.searchsorted(distribution / distribution[-1], tail, side="right"))
    centre, spread = n * m / 2, math.sqrt(n * m * (n + m + 1) / 12)
    return math.floor(centre + float(ndtri(tail)) * spread)


def _rank_sum_counts(n: int, m: int) -> np.ndarray:
    """Return how many of the C(n+m, n) orderings give U = 0, 1, ... n*m (Mann & Whitney 1947, eq. 3).

    The generating function is the Gaussian binomial: a product of (1 - x^(m+i)) / (1 - x^i).
    """
    counts = np.zeros(n * m + 1)
    counts[0] = 1
    for i in range(1, n + 1):
        step = m + i
        if step <= n * m:
            shifted = np.zeros_like(counts)
            shifted[step:] = counts[:-step]
            counts = counts - shifted
        for start in range(i, n * m + 1):
            counts[start] += counts[start - i]
    return counts
