"""A sample in a few robust numbers, and a pair in one."""

import statistics
from collections.abc import Sequence

import numpy as np

from perfgate.core.processes import Processes


def median(values: Sequence[float]) -> float:
    """Return the median of `values` (n >= 1), in their unit."""
    return float(statistics.median(values))


def quartile(values: Sequence[float]) -> float:
    """Return the first quartile (n >= 1): what an undisturbed process does, yet not its luckiest turn."""
    return float(np.quantile(values, 0.25))


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Return first quartile, median and third quartile (n >= 1)."""
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return float(low), float(middle), float(high)


def winsorised(values: Sequence[float], *, reach: float = 3.0) -> tuple[float, ...]:
    """Return values (n >= 1) with those beyond `reach` robust standard deviations of the median pulled to there.

    Source of the scale: the median absolute deviation, times 1.4826 for normal values (Hampel 1974,
    doi:10.1080/01621459.1974.10482962).
    """
    middle = median(values)
    width = reach * 1.4826 * median([abs(value - middle) for value in values])
    return tuple(min(max(value, middle - width), middle + width) for value in values) if width > 0 else tuple(values)


def table(processes: Processes) -> np.ndarray:
    """Return (n, k) values of n processes that have k values each, without a copy."""
    return np.frombuffer(processes.flat).reshape(-1, processes.each)


def positive(processes: Processes) -> bool:
    """Return whether every value is above 0."""
    return bool(np.frombuffer(processes.flat).min() > 0)


def process_medians(processes: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """Return the median of each process: the values that a sample is described and tested by.

    Iterations inside a process share its memory layout and its minute, so they are no replicates
    (Kalibera & Jones 2013, doi:10.1145/2464157.2464160, section 3).
    """
    if isinstance(processes, Processes) and processes.each:
        return tuple(np.median(table(processes), axis=1).tolist())
    return tuple(map(median, processes))


def turn_effect(base: Sequence[float], head: Sequence[float]) -> float:
    """Return a pair's value: the median over turns of log(head / base), for sides that took turns.

    Args:
        base: (n,) values > 0 in the order of the turns.
        head: (m,) likewise; where a side has more turns, the surplus at the end is not used.

    Returns: dimensionless; 0.1 reads "about 10 % more".
    """
    turns = min(len(base), len(head))
    return float(np.median(np.log(np.asarray(head[:turns]) / np.asarray(base[:turns]))))


def turn_effects(base: Processes, head: Processes) -> tuple[float, ...]:
    """Return `turn_effect` of each pair, where all (n,) processes of both sides have as many turns."""
    return tuple(np.median(np.log(table(head) / table(base)), axis=1).tolist())


def block_effect(base: Sequence[float], head: Sequence[float]) -> float:
    """Return a pair's value for sides that ran one after the other: log ratio of the first quartiles.

    Turns of two processes that were not alive together have nothing to do with each other, so each
    side is summarised first, by a figure that a burst in the middle does not move.
    """
    return float(np.log(quartile(head) / quartile(base)))
