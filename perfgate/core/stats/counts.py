"""Bad ones among so many, on two sides: exact tests and bounds of shares."""

import numpy as np
from scipy.special import betaincinv, gammaln


def fisher(base: tuple[int, int], head: tuple[int, int]) -> float:
    """Return the one-sided p of "head's share of bad ones is no larger than base's".

    Args:
        base, head: (bad, of), of >= 1.

    Source: Fisher 1935, "The logic of inductive inference", doi:10.2307/2342435: given all the bad ones, how many of
        them head would get by chance is hypergeometric.
    """
    bad, drawn = base[0] + head[0], head[1]
    whole = base[1] + head[1]
    k = np.arange(head[0], min(bad, drawn) + 1)
    terms = _log_choose(bad, k) + _log_choose(whole - bad, drawn - k) - _log_choose(whole, np.asarray(drawn))
    return float(min(1.0, np.exp(terms).sum()))


def upper_share(bad: int, of: int, level: float) -> float:
    """Return the one-sided upper bound, at error `level`, of the share that `bad` of `of` come from.

    Source: Clopper & Pearson 1934, doi:10.1093/biomet/26.4.404.
    """
    return 1.0 if bad >= of else float(betaincinv(bad + 1, of - bad, 1 - level))


def lower_share(bad: int, of: int, level: float) -> float:
    """Return the one-sided lower bound likewise."""
    return 0.0 if bad == 0 else float(betaincinv(bad, of - bad + 1, level))


def _log_choose(n: int, k: np.ndarray) -> np.ndarray:
    found = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)
    return np.where((k >= 0) & (k <= n), found, -np.inf)
