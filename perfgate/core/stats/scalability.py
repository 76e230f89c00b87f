"""How much a service carries: its throughput at several concurrencies, and the curve through them.

Universal Scalability Law, Gunther 2007, "Guerrilla Capacity Planning", chapters 4 to 6: N users get
X(N) = g N / (1 + a (N - 1) + b N (N - 1)), where a is contention (they queue) and b is crosstalk (they disturb).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

USERS = (1, 2, 8, 4, 8, 16, 8)  # at once, step by step: most of the time where a runner's services are saturated
SHARES = (0.5, 0.7, 0.8, 0.9)  # of the saturation: open rates at which the SLO is asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What so many users got who each send the next request as soon as the last was answered."""

    users: int
    throughput: float
    """1/s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """The law's three numbers, and where it was looked at."""

    gain: float
    """1/s: what one user gets."""
    contention: float
    crosstalk: float
    most_users: int

    def throughput(self, users: float) -> float:
        """Return X(users), in 1/s."""
        queueing = self.contention * (users - 1) + self.crosstalk * users * (users - 1)
        return self.gain * users / (1 + queueing)

    @property
    def best_users(self) -> float:
        """Where the throughput is highest, of the concurrencies that were tried: beyond them it is a guess."""
        if self.contention >= 1:
            return 1.0
        if self.crosstalk <= 0:
            return float(self.most_users)
        return min(float(self.most_users), max(1.0, math.sqrt((1 - self.contention) / self.crosstalk)))

    @property
    def capacity(self) -> float:
        """Highest throughput, in 1/s."""
        return self.throughput(self.best_users)


def fitted(steps: Sequence[Step]) -> Curve:
    """Fit the law to at least three steps of throughput > 0, by relative least squares with a, b >= 0.

    N / X(N) = (1 + a (N - 1) + b N (N - 1)) / g is linear in 1/g, a/g and b/g; each equation is weighed by X / N.
    """
    from scipy.optimize import nnls  # noqa: PLC0415 - .2 s to import, needed only to search for a capacity

    users = np.array([float(step.users) for step in steps])
    rate = np.array([step.throughput for step in steps])
    basis = np.stack([np.ones_like(users), users - 1, users * (users - 1)], axis=1)
    found, _ = nnls(basis * (rate / users)[:, None], np.ones_like(users))
    one, contention, crosstalk = (float(each) for each in found)
    one = max(one, 1e-12)  # seconds; a law whose first user gets everything has no other end
    return Curve(
        gain=1 / one,
        contention=contention / one,
        crosstalk=crosstalk / one,
        most_users=max(step.users for step in steps),
    )


def sustained(steps: Sequence[tuple[float, float]], bound_s: float) -> float | None:
    """Return the highest rate (1/s) at which a latency stays below `bound_s`.

    Between the last step that keeps it and the first that does not, its logarithm is taken to grow evenly with the
    rate. Where all keep it, the last one's rate; where not even the first does, None.

    Args:
        steps: (rate, latency in seconds > 0), rates rising.
    """
    if not steps or steps[0][1] > bound_s:
        return None
    for (rate, latency), (next_rate, next_latency) in pairwise(steps):
        if next_latency > bound_s:
            way = math.log(bound_s / latency) / math.log(next_latency / latency)
            return rate + way * (next_rate - rate)
    return steps[-1][0]


def in_flight(rate: float, latency_s: float) -> float:
    """Return how many are served at once (Little 1961, doi:10.1287/opre.9.3.383)."""
    return rate * latency_s


def cost_of_a_million(cpu_s: float, core_hour: float) -> float:
    """Return what a million requests cost that use `cpu_s` seconds each, at the price of a core for an hour."""
    return 1e6 * cpu_s / 3600 * core_hour
