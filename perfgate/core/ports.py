"""The doors through which adapters come in: one or two methods each, values in between."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from perfgate.core.load.tally import Served

if TYPE_CHECKING:
    from perfgate.core.report import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one side lives: its directory, its interpreter, what its processes find in their environment."""

    root: str
    python: str
    environ: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How to start one process that speaks the turn protocol (docs/protocol.md)."""

    argv: tuple[str, ...]
    cwd: str
    environ: tuple[tuple[str, str], ...] = ()


class Runner(Protocol):
    """Knows how one kind of benchmark is started; the orchestrator does the rest."""

    def launch(self, place: Place, *, names: tuple[str, ...]) -> Launch:
        """Return how to start a process that offers at least the benchmarks `names`; none are all there are."""
        ...

    def files(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the files, relative to the root, that hold the benchmarks `names`; none where none do."""
        ...

    def sources(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the paths that are taken from head for both sides; none where nothing needs to be."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """What an engine is to do with one side."""

    target: str
    """Scheme, host and port."""
    side: int
    users: int
    rate: float | None = None
    """1/s in all; None is as much as the users can."""
    seconds: float
    warmup_s: float = 0.0
    """At the beginning, which does not count."""
    timeout_s: float = 10.0
    """After which a request has failed."""
    home: str
    """An empty directory for what it writes."""
    free_port: int
    """For what it needs to speak with itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What an engine says of one side."""

    served: Mapping[str, Served] = field(default_factory=dict)
    """Name to what came back, the total among them; where `unfair`, only if it was the service that did not keep up."""
    sent: int = 0
    """Requests, warm-up included."""
    busy: float | None = None
    """Share of one CPU that its load took, where it knows better than the system."""
    unfair: str = ""
    """Why its numbers say nothing of the service."""


class Engine(Protocol):
    """Sends the load in place of the own generator: one process for each side."""

    at_once: bool
    """Whether both sides are loaded at once; otherwise in turns, as its rhythm on one would meet that on the other."""
    adds_s: float
    """What it adds by itself to every latency, about: it dilutes the change of a service that is not much slower."""

    def launch(self, drive: Drive) -> Launch:
        """Return how to load one side."""
        ...

    def told(self, drive: Drive, output: str) -> Told:
        """Return what came of it, once it has ended and printed `output`.

        Raises: MeasureError where what it left cannot be read.
        """
        ...


class Serves(Protocol):
    """Knows how a service is started."""

    def serve(self, place: Place, **fields: str) -> Launch:
        """Return how to start it; `fields` are port, data (a directory) and side."""
        ...

    def preparation(self, place: Place, **fields: str) -> Launch | None:
        """Return what is run before, if anything."""
        ...


class Store(Protocol):
    """Immutable files by path: what is there is never changed, and many may add at once."""

    name: str
    """What messages call it."""

    def paths(self, under: str = "") -> tuple[str, ...]:
        """Return all paths, or those below `under` and the shared ones, at a cost that does not grow with the rest."""
        ...

    def recent(self, most: int) -> tuple[str, ...]:
        """Return the runs that the last `most` appends of runs added, oldest first; a store may look back less far."""
        ...

    def read(self, paths: Sequence[str]) -> dict[str, bytes]:
        """Return the contents of paths that were returned before; what is gone is left out."""
        ...

    def append(self, files: Sequence[tuple[str, bytes]], *, message: str) -> tuple[str, ...]:
        """Add (path, content), all or none; return the new paths: a run's that is taken gets a number."""
        ...

    def rewrite(self, kept: Sequence[str], files: Mapping[str, bytes], *, message: str) -> None:
        """Keep the paths `kept`, add `files`, drop the rest; refused if anybody added something meanwhile."""
        ...

    def faults(self) -> list[str]:
        """Return what is wrong with the order in which it was written, where there is such an order."""
        ...


class Renderer(Protocol):
    """Turns a report into text."""

    def __call__(self, report: "Report") -> str:
        """Return the whole text, without trailing blank lines."""
        ...
