"""What is still blocked when the budget ends early, and what is blocked though nothing changed. Simulated pairs.

    python -m benchmarks.early [--runs 400] [--level-runs 400]

A benchmark of a suite of twenty, of which 42 pairs are planned: in how many of 100 runs a slowdown is blocked when the
budget ends after so many pairs, those that confirm it among them. Then, for suites of fifty in which nothing changed,
how many of 100 are blocked, by how the pairs are distributed, by their spread and by how many are planned.
"""

import argparse
import math
from collections.abc import Callable

import numpy as np

from perfgate.core.comparison import Effects
from perfgate.core.policy import FAMILY_LEVEL, MARGIN, Rule
from perfgate.core.question import Question
from perfgate.core.schedule import CONFIRMING, MOST_PAIRS, looks
from perfgate.core.verdict import Verdict

RULE = Rule(sli="*:time", limit=0.05)
SUITE, LARGE_SUITE = 20, 50
Pairs = Callable[[np.random.Generator, int], np.ndarray]


def autocorrelated(rng: np.random.Generator, count: int, share: float = 0.3) -> np.ndarray:
    """Return values that each keep a part of the one before."""
    values = rng.standard_normal(count)
    for place in range(1, count):
        values[place] = share * values[place - 1] + math.sqrt(1 - share**2) * values[place]
    return values


KINDS: dict[str, Pairs] = {
    "normal": lambda rng, count: rng.standard_normal(count),
    "t with 2 degrees of freedom": lambda rng, count: rng.standard_t(2, count) / 2,
    "one in ten five times as wide": lambda rng, count: (
        rng.standard_normal(count) * np.where(rng.random(count) < 0.1, 5, 1)
    ),
    "skewed": lambda rng, count: rng.exponential(size=count) - 1,
    "two modes": lambda rng, count: rng.choice([-1.0, 1.0], count) + 0.1 * rng.standard_normal(count),
    "autocorrelated by 0.3": autocorrelated,
    "drifting by two spreads": lambda rng, count: rng.standard_normal(count) + np.linspace(-1, 1, count),
}


def blocked(pairs: np.ndarray, planned: int, level: float) -> bool:
    """Return whether a look at these pairs, the last ones that the budget holds, or one before it blocks."""
    ends = [*looks(min(len(pairs), planned), planned), planned + CONFIRMING]
    for end in (end for end in ends if end <= len(pairs)):
        seen = Question(rule=RULE, effects=Effects(values=tuple(pairs[:end])), planned=planned, base=1.0).seen(MARGIN)
        accused = seen.crosses(level)
        answer = seen.answered(level if accused else None, level)
        if answer.verdict is Verdict.REGRESSION:
            return True
        if answer.settled and not accused:
            return False
    return False


def share(runs: int, kind: str, *, spread: float, change: float, planned: int, end: int, suite: int) -> float:
    """Return the share of runs in which one benchmark of a suite is blocked."""
    rng = np.random.default_rng(1)
    level = FAMILY_LEVEL / suite
    found = (math.log1p(change) + spread * KINDS[kind](rng, end) for _ in range(runs))
    return sum(blocked(pairs, planned, level) for pairs in found) / runs


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--level-runs", type=int, default=400, help="suites of each kind")
    options = parser.parse_args()
    ends = (9, 12, 15, 18, 21, 30, MOST_PAIRS + CONFIRMING)
    print(
        f"| spread of a pair | change | {' | '.join(f'{end} pairs' for end in ends)} |\n|---|---|{'---:|' * len(ends)}"
    )
    for spread in (0.01, 0.02, 0.03):
        for change in (0.075, 0.10, 0.30):
            cells = [
                share(options.runs, "normal", spread=spread, change=change, planned=MOST_PAIRS, end=end, suite=SUITE)
                for end in ends
            ]
            told = " | ".join(f"{100 * cell:.0f}" for cell in cells)
            print(f"| {100 * spread:g} % | +{100 * change:g} % | {told} |", flush=True)
    plans = (6, 9, 12, 15, 21, MOST_PAIRS)
    print(f"\n| pairs | spread | {' | '.join(f'{plan} planned' for plan in plans)} |\n|---|---|{'---:|' * len(plans)}")
    for kind in KINDS:
        for spread in (0.02, 0.03, 0.10):
            cells = []
            for plan in plans:
                runs, end = options.level_runs * LARGE_SUITE, plan + CONFIRMING
                one = share(runs, kind, spread=spread, change=0.0, planned=plan, end=end, suite=LARGE_SUITE)
                cells.append(1 - (1 - one) ** LARGE_SUITE)
            told = " | ".join(f"{100 * cell:.1f}" for cell in cells)
            print(f"| {kind} | {100 * spread:g} % | {told} |", flush=True)


if __name__ == "__main__":
    main()
