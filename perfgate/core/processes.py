"""Values grouped by process, eight bytes each: what was measured of 10,000 SLIs fits into memory."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import overload


class Processes(Sequence[tuple[float, ...]]):
    """A tuple of tuples in all but memory: the values of each process, in measured order."""

    __slots__ = ("_ends", "each", "flat")

    def __init__(self, processes: Iterable[Iterable[float]] = ()) -> None:
        self.flat = array("d")
        """All values, process after process."""
        self._ends = array("Q")
        counts = set()
        for process in processes:
            before = len(self.flat)
            self.flat.extend(process)
            self._ends.append(len(self.flat))
            counts.add(len(self.flat) - before)
        self.each = counts.pop() if len(counts) == 1 else 0
        """How many values every process has; 0 where they do not all have as many, or there is none."""

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, place: int) -> tuple[float, ...]: ...
    @overload
    def __getitem__(self, place: slice) -> "Processes": ...
    def __getitem__(self, place: int | slice) -> "tuple[float, ...] | Processes":
        if isinstance(place, slice):
            return Processes(self[each] for each in range(*place.indices(len(self))))
        place = range(len(self))[place]
        return tuple(self.flat[self._ends[place - 1] if place else 0 : self._ends[place]])

    def __iter__(self) -> Iterator[tuple[float, ...]]:
        start = 0
        for end in self._ends:
            yield tuple(self.flat[start:end])
            start = end

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Processes):
            return self.flat == other.flat and self._ends == other._ends
        return isinstance(other, tuple) and tuple(self) == other

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))
