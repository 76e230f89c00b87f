"""Many questions, one answer: what a run with fifty benchmarks must pay for asking fifty times."""

from collections.abc import Callable, Sequence


def step_down(count: int, level: float, crosses: Callable[[int, float], bool]) -> dict[int, float]:
    """Return the hypotheses that Holm's procedure rejects, each with the level it was tested at.

    Args:
        count: size of the family.
        level: family-wise error.
        crosses: whether hypothesis i is rejected when tested at a level; monotone in the level. With
            group-sequential tests it asks for a crossing at any look so far, which keeps the family-wise
            error (Ye et al. 2013, doi:10.1002/sim.5700).

    Source: Holm 1979, jstor.org/stable/4615733.
    """
    rejected: dict[int, float] = {}
    while len(rejected) < count:
        share = level / (count - len(rejected))
        fresh = [i for i in range(count) if i not in rejected and crosses(i, share)]
        if not fresh:
            break
        rejected |= dict.fromkeys(fresh, share)
    return rejected


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return Holm-adjusted p values in the given order: reject those at most the family-wise level."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, worst = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        worst = max(worst, min(1.0, p_values[i] * (len(p_values) - rank)))
        adjusted[i] = worst
    return tuple(adjusted)


def benjamini_hochberg(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return p values adjusted for the false discovery rate, in the given order.

    Source: Benjamini & Hochberg 1995, doi:10.1111/j.2517-6161.1995.tb02031.x.
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i], reverse=True)
    adjusted, best = [0.0] * len(p_values), 1.0
    for place, i in enumerate(order):
        best = min(best, p_values[i] * len(p_values) / (len(p_values) - place))
        adjusted[i] = best
    return tuple(adjusted)
