"""Two samples that share no pairs: Mann-Whitney's p and the Hodges-Lehmann ratio with its interval.

Used for result files of different processes, and shown beside the paired test, where it informs.
"""

import math
from collections.abc import Sequence
from functools import cache, lru_cache

import numpy as np
from scipy.special import ndtr, ndtri

from perfgate.core.stats.paired import as_ratio

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
    logs = (np.log(np.asarray(values, dtype=float)) for values in (base, head))
    return float(np.exp(np.median(_differences(*logs))))


def plain_ratio(base: float, head: float) -> float:
    """Return head / base; 1 for equal values, infinite from nothing, and for a base below zero by shares of its size.

    From -4 to -5 reads 0.75: a quarter less.
    """
    if base == head:
        return 1.0
    if base == 0:
        return math.copysign(math.inf, head)
    return head / base if base > 0 else 1 + (head - base) / -base


def change_interval(base: Sequence[float], head: Sequence[float], *, level: float) -> tuple[float, float, float]:
    """Return (ratio, low, high) of any values: the ratio of those above zero, else the difference as shares of base.

    Of a difference the ratio is 1 + difference / |median of base|, which may be below zero; infinite where that median
    is zero.
    """
    if min(*base, *head) > 0:
        return ratio_interval(base, head, level=level)
    size = abs(float(np.median(np.asarray(base, dtype=float))))
    found = shift_interval(*(np.asarray(values, dtype=float) for values in (base, head)), level=level)
    ratios = [1 + (shift / size if size else math.copysign(math.inf, shift) if shift else 0.0) for shift in found]
    return ratios[0], ratios[1], ratios[2]


def ratio_interval(base: Sequence[float], head: Sequence[float], *, level: float) -> tuple[float, float, float]:
    """Return (ratio, low, high) of values > 0: the Hodges-Lehmann ratio and the interval of Mann-Whitney's test.

    Where the samples are too small for `level` the interval is unbounded: (ratio, 0, inf).
    """
    if len(base) == len(head) == 1:
        return head[0] / base[0], 0.0, math.inf
    logs = (np.log(np.asarray(values, dtype=float)) for values in (base, head))
    shift, low, high = shift_interval(*logs, level=level)
    return as_ratio(shift), as_ratio(low), as_ratio(high)


def shift_interval(base: np.ndarray, head: np.ndarray, *, level: float) -> tuple[float, float, float]:
    """Return (shift, low, high): the Hodges-Lehmann shift and the interval that inverts Mann-Whitney's test.

    The bounds are order statistics of the n*m differences of (n,) and (m,) values. Where the samples are too small for
    `level` the interval is unbounded: (shift, -inf, inf).

    Source: Hollander, Wolfe & Chicken 2014, Nonparametric Statistical Methods, section 4.3; normal
        approximation to the rank, exact distribution for n, m <= 20.
    """
    n, m = min(MOST, len(base)), min(MOST, len(head))
    differences = _differences(base, head)
    rank = _lower_rank(n, m, (1 - level) / 2)
    if rank < 1:
        return float(np.median(differences)), -math.inf, math.inf
    ranks = (rank - 1, (n * m - 1) // 2, n * m // 2, n * m - rank)
    low, left, right, high = np.partition(differences, ranks)[list(ranks)].tolist()
    return (left + right) / 2, low, high


def _differences(base: np.ndarray, head: np.ndarray) -> np.ndarray:
    one, other = _thinned(base), _thinned(head)
    differences: np.ndarray = other[:, None] - one[None, :]
    return differences.ravel()


def _thinned(values: np.ndarray) -> np.ndarray:
    """Return `MOST` of very many values, evenly from the smallest to the largest: all pairs of them must be held."""
    if len(values) <= MOST:
        return values
    thinned: np.ndarray = np.sort(values)[np.linspace(0, len(values) - 1, MOST).round().astype(int)]
    return thinned


@cache
def _lower_rank(n: int, m: int, tail: float) -> int:
    """Return the largest k with P(U < k) <= tail: the k-th smallest and largest ratios bound the interval."""
    if n <= 20 and m <= 20:
        distribution = np.cumsum(_rank_sum_counts(n, m))
        return int(np.searchsorted(distribution / distribution[-1], tail, side="right"))
    centre, spread = n * m / 2, math.sqrt(n * m * (n + m + 1) / 12)
    return math.floor(centre + float(ndtri(tail)) * spread)


@lru_cache(maxsize=1024)
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
