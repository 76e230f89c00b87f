"""What is kept of stored runs, eight bytes a number: ten thousand runs of five hundred SLIs fit into memory."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import overload

from perfgate.core.model import Sli


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """What is kept of one SLI of one run, in the metric's unit."""

    median: float
    low: float
    """First and third quartile of the processes' medians."""
    high: float
    n: int
    """Processes."""


class Levels(Mapping[Sli, Level]):
    """The levels of one run, a dictionary in all but memory; runs of the same SLIs share `places`."""

    __slots__ = ("high", "low", "median", "n", "places")

    def __init__(
        self,
        places: Mapping[Sli, int],
        *,
        median: Iterable[float],
        low: Iterable[float],
        high: Iterable[float],
        n: Iterable[int],
    ) -> None:
        self.places = places
        self.median, self.low, self.high = array("d", median), array("d", low), array("d", high)
        self.n = array("Q", n)

    @classmethod
    def of(cls, levels: Mapping[Sli, Level]) -> "Levels":
        """Return `levels` as columns."""
        every = levels.values()
        return cls(
            {sli: place for place, sli in enumerate(levels)},
            median=(level.median for level in every),
            low=(level.low for level in every),
            high=(level.high for level in every),
            n=(level.n for level in every),
        )

    def named(self, places: Mapping[Sli, int]) -> "Levels":
        """Return the same columns under other SLIs."""
        return Levels(places, median=self.median, low=self.low, high=self.high, n=self.n)

    def __getitem__(self, sli: Sli) -> Level:
        place = self.places[sli]
        return Level(median=self.median[place], low=self.low[place], high=self.high[place], n=self.n[place])

    def __iter__(self) -> Iterator[Sli]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)

    def __repr__(self) -> str:
        return repr(dict(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One stored value of an SLI."""

    commit: str
    committed: str
    """UTC, ISO 8601: when the commit was made."""
    value: float
    """The run's median."""
    low: float
    """First and third quartile of its processes."""
    high: float


class Points(Sequence[Point]):
    """The stored values of an SLI, a tuple of points in all but memory; series of the same runs share their commits."""

    __slots__ = ("commits", "committed", "high", "low", "values")

    def __init__(
        self,
        commits: Sequence[str],
        committed: Sequence[str],
        *,
        values: Iterable[float],
        low: Iterable[float],
        high: Iterable[float],
    ) -> None:
        self.commits, self.committed = commits, committed
        self.values, self.low, self.high = array("d", values), array("d", low), array("d", high)

    @classmethod
    def of(cls, points: Sequence[Point]) -> "Points":
        """Return `points` as columns."""
        return cls(
            tuple(point.commit for point in points),
            tuple(point.committed for point in points),
            values=(point.value for point in points),
            low=(point.low for point in points),
            high=(point.high for point in points),
        )

    @overload
    def __getitem__(self, place: int) -> Point: ...
    @overload
    def __getitem__(self, place: slice) -> "Points": ...
    def __getitem__(self, place: int | slice) -> "Point | Points":
        if isinstance(place, slice):
            return Points(
                self.commits[place],
                self.committed[place],
                values=self.values[place],
                low=self.low[place],
                high=self.high[place],
            )
        return Point(
            commit=self.commits[place],
            committed=self.committed[place],
            value=self.values[place],
            low=self.low[place],
            high=self.high[place],
        )

    def __len__(self) -> int:
        return len(self.values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Points) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(list(self))
