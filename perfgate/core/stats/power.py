"""What a run could have seen, and what it would take to see more."""

import math
from collections.abc import Callable

from scipy.special import stdtrit

from perfgate.core.stats.paired import Effect
from perfgate.core.stats.scale import Signs

POWER = 0.95  # "could see" means: would have been blocked in 95 of 100 such runs
MOST_NEEDED = 500  # pairs; beyond it the honest answer is another metric or another machine


def visible_effect(found: Effect, *, margin: float, limit: float, level: float) -> float:
    """Return the smallest true log ratio that this many pairs of this spread would block with 95 % power.

    Args:
        margin, limit: log ratios; a block needs the lower bound above the one, the estimate above the other.
        level: one-sided level of the last look.
    """
    if found.n < 2:
        return math.inf
    miss = float(-stdtrit(found.degrees, 1 - POWER)) * found.se
    return max(margin + float(-stdtrit(found.degrees, level)) * found.se + miss, limit + miss)


def pairs_needed(found: Effect | Signs, settles: Callable[[Effect | Signs], bool]) -> int | None:
    """Return how many pairs in all would settle it, if mean and spread stay as they are.

    Returns: None where not even 500 would: the estimate lies too close to the limit.
    """
    if found.n < 2:
        return None

    def enough(pairs: int) -> bool:
        return settles(found.over(pairs))

    if not enough(MOST_NEEDED):
        return None
    low, high = found.n, MOST_NEEDED
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
