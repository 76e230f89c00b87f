"""Looking several times without paying for it in false alarms: alpha spending.

The levels are computed, not tabulated: for looks at shares t_1 < ... < t_K of the planned information a
spending function says how much error may be used up to each, and the nominal level of each look follows
by integrating the joint density of the test statistics from look to look.

Sources: Lan & DeMets 1983, doi:10.1093/biomet/70.3.659 (spending functions); Armitage, McPherson & Rowe
1969, doi:10.2307/2343787 (the recursion); Jennison & Turnbull 2000, Group Sequential Methods, sections
7.2 and 19.2; the levels are applied to t statistics as p values, ibid. section 3.8.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

import numpy as np
from scipy.special import ndtr, ndtri

FARTHEST = 12.0  # standard deviations; a step that is no number any more is crossed there, which is never
GRID = 257  # points over +-8 standard deviations; halving the step moves a level by less than 0.1 %


class Spending(StrEnum):
    """How the error is laid out over the looks."""

    OBRIEN_FLEMING = "obrien-fleming"
    """Almost nothing early, nearly all at the end: for blocking, where the last word counts."""
    POCOCK = "pocock"
    """Evenly: for passing, where most of the time is to be saved."""
    MIXED = "mixed"
    """Four fifths as O'Brien and Fleming, a fifth as Pocock: for blocking where measuring may end early."""


EVEN_PART = 0.2  # of a mixed level


def spent(spending: Spending, level: float, share: float, *, opens: float = 0.0) -> float:
    """Return the error that may be spent up to the information `share` (0 < share <= 1), of `level` in all.

    Args:
        opens: the share from which on a mixed level spends its even part; before it there are too few pairs for that.

    Source: Lan & DeMets 1983, alpha_1* and alpha_2*, one-sided; a sum of spending functions is one, too.
    """
    share = min(share, 1.0)
    if spending is Spending.MIXED:
        late = spent(Spending.OBRIEN_FLEMING, (1 - EVEN_PART) * level, share)
        return late + (spent(Spending.POCOCK, EVEN_PART * level, share) if share >= opens else 0.0)
    if spending is Spending.OBRIEN_FLEMING:
        return float(2 * ndtr(ndtri(level / 2) / np.sqrt(share)))
    return float(level * np.log(1 + (np.e - 1) * share))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Boundary:
    """Where one look blocks, and what the looks before it have spent."""

    spending: Spending
    level: float
    opens: float
    share: float
    spent: float
    """Up to this look."""
    bound: float
    """On the score."""
    before: tuple[np.ndarray, np.ndarray, float] | None
    """Nodes and weighted density of the score at the look before, and the standard deviation of the step from it."""

    @property
    def nominal(self) -> float:
        """The one-sided level of this look alone."""
        return float(ndtr(-self.bound / np.sqrt(self.share)))

    @property
    def density(self) -> tuple[np.ndarray, np.ndarray]:
        """Nodes and weighted density of the score at this look, of those that have not crossed."""
        fresh, weights = _nodes(self.share, self.bound)
        if self.before is None:
            return fresh, weights * np.exp(-(fresh**2) / (2 * self.share)) / np.sqrt(2 * np.pi * self.share)
        nodes, density, scale = self.before
        kernel = np.exp(-(((fresh[:, None] - nodes[None, :]) / scale) ** 2) / 2) / (np.sqrt(2 * np.pi) * scale)
        return fresh, weights * (kernel @ density)


@lru_cache(maxsize=4096)
def nominal_levels(
    spending: Spending, level: float, shares: tuple[float, ...], *, opens: float = 0.0
) -> tuple[float, ...]:
    """Return the one-sided level to test at on each look, so that all looks together err `level` at most.

    Args:
        level: one-sided error over all looks, 0 < level < 0.5.
        shares: planned information at each look, increasing, the last at most 1. The total error spent is
            `level` where the last look is at 1, less where measuring ended before.
        opens: as for `spent`.
    """
    looks = [_first(spending, level, opens, shares[0])]
    for share in shares[1:]:
        looks.append(_next(looks[-1], share))
    return tuple(look.nominal for look in looks)


@lru_cache(maxsize=512)
def _first(spending: Spending, level: float, opens: float, share: float) -> _Boundary:
    allowed = spent(spending, level, share, opens=opens)
    bound = min(-float(ndtri(allowed)), FARTHEST) * np.sqrt(share)
    return _Boundary(spending=spending, level=level, opens=opens, share=share, spent=allowed, bound=bound, before=None)


@lru_cache(maxsize=4096)
def _next(last: _Boundary, share: float) -> _Boundary:
    """Return the boundary at the next look; remembered, because the first looks of all benchmarks are the same."""
    allowed = spent(last.spending, last.level, share, opens=last.opens)
    scale = float(np.sqrt(share - last.share))
    before = (*last.density, scale)
    bound = _solve(*before, allowed - last.spent, share)
    return replace(last, share=share, spent=allowed, bound=bound, before=before)


def _nodes(share: float, bound: float) -> tuple[np.ndarray, np.ndarray]:
    """Return Simpson's nodes and weights on [-8 sd, bound] of the score."""
    low = -8 * np.sqrt(share)
    nodes = np.linspace(low, max(bound, low + 1e-9), GRID)
    weights = np.full(GRID, 2.0)
    weights[1::2] = 4.0
    weights[[0, -1]] = 1.0
    return nodes, weights * (nodes[1] - nodes[0]) / 3


def _solve(nodes: np.ndarray, density: np.ndarray, scale: float, step: float, share: float) -> float:
    """Return the bound that the share `step` of all crosses at this look, by bisection on the score."""
    low, high = -8 * np.sqrt(share), FARTHEST * np.sqrt(share)
    for _ in range(60):
        middle = (low + high) / 2
        crossing = float(density @ ndtr((nodes - middle) / scale))
        low, high = (middle, high) if crossing > step else (low, middle)
    return float((low + high) / 2)
