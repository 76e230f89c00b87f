"""All latencies of a start in a few hundred numbers, so that nothing needs to be averaged that must not be.

Buckets grow by a fixed share, so every value is known to within half of that; histograms of the same growth merge
exactly, which quantiles do not (Masson, Rim & Lee 2019, "DDSketch", doi:10.14778/3352063.3352135).
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

GROWTH = 1.005  # a bucket's upper bound over its lower: a value is told to within 0.25 %
LEAST = 1e-9  # seconds; what is smaller counts as this


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """How many values fell into each bucket; bucket b holds GROWTH**b <= value < GROWTH**(b + 1)."""

    counts: tuple[tuple[int, int], ...] = ()
    """(bucket, count > 0), buckets rising."""

    def __post_init__(self) -> None:
        buckets = [bucket for bucket, _ in self.counts]
        if any(one >= other for one, other in pairwise(buckets)):
            raise ValueError("a histogram's buckets must rise")
        if any(count < 1 for _, count in self.counts):
            raise ValueError("a histogram's counts must be positive")

    @property
    def total(self) -> int:
        """How many values there are."""
        return sum(count for _, count in self.counts)

    def quantile(self, q: float) -> float:
        """Return the value of rank q (n - 1) of n >= 1 values, 0 <= q <= 1, in seconds.

        Definition 7 of Hyndman & Fan 1996, doi:10.2307/2684934, inside a bucket as if its values lay evenly in it.
        """
        place = q * (self.total - 1)
        seen = 0
        for bucket, count in self.counts:
            if place <= seen + count - 0.5 or (bucket, count) == self.counts[-1]:
                inside = min(1.0, max(0.0, (place - seen + 0.5) / count))
                return float(GROWTH ** (bucket + inside))
            seen += count
        raise ValueError("an empty histogram has no quantiles")

    @property
    def mean(self) -> float:
        """Mean of at least one value, in seconds."""
        return math.fsum(count * GROWTH ** (bucket + 0.5) for bucket, count in self.counts) / self.total

    def above(self, bound: float) -> int:
        """Return how many values lie in buckets above that of `bound`."""
        return sum(count for bucket, count in self.counts if bucket > _bucket(bound))


def histogram(values: Iterable[float]) -> Histogram:
    """Count `values`, in seconds."""
    return Histogram(counts=tuple(sorted(Counter(map(_bucket, values)).items())))


def counted(values: Iterable[tuple[float, int]]) -> Histogram:
    """Count (value in seconds, how often) pairs."""
    found: Counter[int] = Counter()
    for value, count in values:
        found[_bucket(value)] += count
    return Histogram(counts=tuple(sorted(found.items())))


def merged(parts: Iterable[Histogram]) -> Histogram:
    """Return what the histogram of all values together would be: exactly."""
    found: Counter[int] = Counter()
    for part in parts:
        found.update(dict(part.counts))
    return Histogram(counts=tuple(sorted(found.items())))


def _bucket(value: float) -> int:
    return math.floor(math.log(max(value, LEAST)) / math.log(GROWTH))
