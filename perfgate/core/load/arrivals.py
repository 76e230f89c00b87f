"""When requests are sent, to whom and in which order: drawn from a seed before the first one leaves.

An open model: arrivals do not wait for answers, so a stall is seen by all who would have met it (Schroeder, Wierman &
Harchol-Balter 2006, "Open versus closed: a cautionary tale"). Between two versions the arrivals come in pairs of one
call, base and head in random order: a burst hits both alike, and no rhythm of the machine can favour a side.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import NamedTuple

JITTER = 0.4  # of a gap: enough that no timer of the system keeps step, too little to change an order
WINDOW_S = 0.1  # of one side, where both at once disturb each other
DRAIN_S = 0.02  # between two such windows, for what is still in flight


class Arrival(NamedTuple):
    """One request to be sent."""

    at_s: float
    """Seconds after the start."""
    side: int
    call: int
    """What is sent; both sides get the same calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A stretch of time whose rate goes evenly from one value to another, each side."""

    seconds: float
    begin: float
    """1/s."""
    end: float

    @property
    def count(self) -> float:
        """Arrivals in it, each side."""
        return self.seconds * (self.begin + self.end) / 2

    def when(self, count: float) -> float:
        """Return the second at which `count` (0 <= count <= self.count) arrivals have come."""
        slope = (self.end - self.begin) / self.seconds
        # Of the two roots of count = begin t + slope t² / 2, in the form that a slope of zero does not break.
        root = math.sqrt(max(0.0, self.begin**2 + 2 * slope * count))
        return 2 * count / (self.begin + root) if self.begin + root > 0 else 0.0


def constant(rate: float, seconds: float) -> tuple[Phase, ...]:
    """Return `rate` (1/s a side) all the time."""
    return (Phase(seconds=seconds, begin=rate, end=rate),)


def spike(rate: float, seconds: float, *, factor: float = 4.0) -> tuple[Phase, ...]:
    """Return `rate` with a burst of `factor` times as much in the middle fifth."""
    calm = 0.4 * seconds
    return (*constant(rate, calm), *constant(factor * rate, seconds - 2 * calm), *constant(rate, calm))


def stress(rate: float, seconds: float, *, steps: int = 4) -> tuple[Phase, ...]:
    """Return `steps` equal steps up to twice the `rate`."""
    return tuple(phase for step in range(steps) for phase in constant(2 * rate * (step + 1) / steps, seconds / steps))


def arrivals(phases: Sequence[Phase], *, sides: int, seed: int, poisson: bool = False) -> list[Arrival]:
    """Draw all arrivals of a start, in the order of time.

    Args:
        sides: with two, arrivals 2k and 2k + 1 are call k to both in random order; with one, arrival k is call k.
        poisson: exponential gaps; otherwise even ones with a little jitter.
    """
    rng = Random(seed)
    found = []
    for call, times in enumerate(_pairs(_times(phases, sides, rng, poisson), sides)):
        order = rng.sample(range(sides), k=sides)
        found += [Arrival(at_s, side, call) for at_s, side in zip(times, order, strict=True)]
    return found


def windows(rate: float, seconds: float, *, seed: int, window_s: float = WINDOW_S) -> list[Arrival]:
    """Draw arrivals in windows of one side at a time, drained in between, at `rate` a side on average.

    Both sides of a block of two windows get the same calls, in random order.
    """
    rng = Random(seed)
    step_s = window_s + DRAIN_S
    many = max(1, round(rate * 2 * step_s))
    found = []
    for block in range(max(1, int(seconds / (2 * step_s) + 1e-9))):
        for place, side in enumerate(rng.sample(range(2), k=2)):
            start = (2 * block + place) * step_s
            gaps = [(k + rng.uniform(0, JITTER)) * window_s / many for k in range(many)]
            found += [Arrival(start + gap, side, block * many + k) for k, gap in enumerate(gaps)]
    return found


def _times(phases: Sequence[Phase], sides: int, rng: Random, poisson: bool) -> Iterator[float]:
    place, before, start = 0, 0.0, 0.0
    number, total = 0, 0.0
    while True:
        total += rng.expovariate(1.0) if poisson else 1.0
        count = (total if poisson else number + rng.uniform(0, JITTER)) / sides
        number += 1
        while place < len(phases) and count - before >= phases[place].count:
            before += phases[place].count
            start += phases[place].seconds
            place += 1
        if place == len(phases):
            return
        yield start + phases[place].when(count - before)


def _pairs(times: Iterator[float], sides: int) -> Iterator[tuple[float, ...]]:
    while len(group := tuple(islice(times, sides))) == sides:
        yield group
