"""Bad ones among so many, on two sides: exact tests and bounds of shares."""

import math

import numpy as np
from scipy.special import betaincinv, gammaln

MOST_TERMS = 20_000  # that are added one by one
POINTS = 2_001
REACH = 40  # standard deviations; beyond it nothing adds to a double


def fisher(base: tuple[int, int], head: tuple[int, int]) -> float:
    """Return the one-sided p of "head's share of bad ones is no larger than base's".

    Args:
        base, head: (bad, of), of >= 1.

    Source: Fisher 1935, "The logic of inductive inference", doi:10.2307/2342435: given all the bad ones, how many of
        them head would get by chance is hypergeometric.

    Only terms within `REACH` standard deviations are added. Where these are more than `MOST_TERMS`, they change so
    slowly that their sum is an integral (Euler-Maclaurin), taken by Simpson's rule: four digits of p are right.
    """
    bad, drawn = base[0] + head[0], head[1]
    whole = base[1] + head[1]
    first, last = head[0], min(bad, drawn)
    mean = drawn * bad / whole
    spread = math.sqrt(mean * (1 - bad / whole) * (whole - drawn) / max(1, whole - 1)) + 1
    if first < mean - REACH * spread:
        return 1.0
    last = min(last, math.ceil(max(first, mean) + REACH * spread))
    if last - first < MOST_TERMS:
        return float(min(1.0, np.exp(_log_chance(np.arange(first, last + 1), bad, drawn, whole)).sum()))
    k = np.linspace(first, last, POINTS)
    terms = np.exp(_log_chance(k, bad, drawn, whole))
    weights = np.full(POINTS, 2.0)
    weights[1::2], weights[0], weights[-1] = 4.0, 1.0, 1.0
    integral = (terms * weights).sum() * (k[1] - k[0]) / 3
    return float(min(1.0, integral + (terms[0] + terms[-1]) / 2))


def upper_share(bad: int, of: int, level: float) -> float:
    """Return the one-sided upper bound, at error `level`, of the share that `bad` of `of` come from.

    Source: Clopper & Pearson 1934, doi:10.1093/biomet/26.4.404.
    """
    return 1.0 if bad >= of else float(betaincinv(bad + 1, of - bad, 1 - level))


def lower_share(bad: int, of: int, level: float) -> float:
    """Return the one-sided lower bound likewise."""
    return 0.0 if bad == 0 else float(betaincinv(bad, of - bad + 1, level))


def _log_chance(k: np.ndarray, bad: int, drawn: int, whole: int) -> np.ndarray:
    found: np.ndarray = (
        _log_choose(bad, k) + _log_choose(whole - bad, drawn - k) - _log_choose(whole, np.asarray(drawn))
    )
    return found


def _log_choose(n: int, k: np.ndarray) -> np.ndarray:
    found = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)
    return np.where((k >= 0) & (k <= n), found, -np.inf)
