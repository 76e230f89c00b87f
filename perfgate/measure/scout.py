"""The first process of each side: what is there to measure, how long it takes, whose code it runs.

Not pinned, so that a benchmark that keeps several CPUs busy shows it; its numbers are not kept.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from perfgate.core.ports import Launch
from perfgate.core.schedule import TURN_S, PairDraw
from perfgate.host.agent import Message
from perfgate.host.interrupt import Interrupts
from perfgate.measure.crew import Crew, Journey, Visit, crew
from perfgate.measure.provenance import Loaded, Recorder
from perfgate.measure.turns import check_values, environ_of


@dataclass(slots=True, kw_only=True)
class Survey:
    """What a scout saw on one side."""

    names: tuple[str, ...]
    """Benchmarks on offer, in the order of their files."""
    elsewhere: tuple[str, ...] = ()
    """Benchmarks that other jobs measure, or that are not selected."""
    python: tuple[tuple[str, str], ...]
    errors: tuple[str, ...] = ()
    """Errors of the whole suite, in the tool's words."""
    broken: dict[str, str] = field(default_factory=dict)
    """File to the error that kept it from being collected, in the tool's words."""
    iteration_s: dict[str, float] = field(default_factory=dict)
    setup_s: dict[str, float] = field(default_factory=dict)
    """Seconds from the end of one benchmark until the next could be run: fixtures."""
    cpus: dict[str, float] = field(default_factory=dict)
    """How many CPUs each benchmark keeps busy."""
    most: dict[str, int | None] = field(default_factory=dict)
    """How often a benchmark may be run in one process; None is unbounded."""
    about: dict[str, dict[str, str]] = field(default_factory=dict)
    """What a benchmark's author says of it, where anything."""
    journey: Journey = field(default_factory=Journey)
    startup_s: float = 0.0
    """Seconds until the process had listed its benchmarks."""
    loaded: tuple[Loaded, ...] = ()
    """Files that its processes loaded."""
    skipped: dict[str, str] = field(default_factory=dict)
    """Files with benchmarks that were skipped as a whole, to the reason."""
    packages: dict[str, str] = field(default_factory=dict)
    """What is installed beside the project: distribution to version."""

    @property
    def complaints(self) -> tuple[str, ...]:
        """All errors of collecting, those of single files included."""
        return (*self.errors, *(f"{file}: {text}" for file, text in self.broken.items()))


def survey(
    launch: Launch,
    draw: PairDraw,
    *,
    calibrate: bool,
    recorder: Recorder | None = None,
    timeout_s: float,
    mark: str,
    interrupts: Interrupts,
    deadline: float = math.inf,
    wanted: Callable[[str], bool] = lambda name: True,
    told: Callable[[int, int], None] = lambda done, of: None,
) -> Survey:
    """Ask a fresh process what it offers and, with `calibrate`, run each benchmark for a few milliseconds.

    Args:
        wanted: a benchmark's name to whether it is this job's.
        told: called with how many benchmarks have run, and how many there are.
        recorder: where the processes note what they load.
        deadline: when the monotonic clock says this, the rest stays unexplored.

    Raises: OutOfTime where not even the list of benchmarks came in time.
    """
    found: Survey | None = None
    launch = recorder.traced(launch) if recorder else launch
    left: Sequence[str] | None = None
    while found is None or left:
        began = time.monotonic()
        with crew([(launch, environ_of(draw))], mark=mark, interrupts=interrupts, deadline=deadline) as people:
            people.meet()
            if found is None:
                found = _offered(people, wanted)
                found.startup_s = time.monotonic() - began
            left = (found.names if calibrate else ()) if left is None else left
            visit = _calibration(people, found, timeout_s, told)
            journey = people.travel(left, visit, cpu=None, timeout_s=timeout_s)
        for bye in journey.byes:
            found.packages.update(bye.get("packages", {}))
        found.journey.troubles.update(journey.troubles)
        left = () if journey.out_of_time else left[len(journey.visited) :]
    found.loaded = recorder.loaded() if recorder else ()
    return found


def _offered(people: Crew, wanted: Callable[[str], bool]) -> Survey:
    offer, hello = people.offers[0], people.hellos[0]
    names = tuple(name for name in offer["benchmarks"] if wanted(name))
    return Survey(
        names=names,
        elsewhere=tuple(name for name in offer["benchmarks"] if not wanted(name)),
        errors=tuple(offer["errors"]),
        broken={str(file): str(reason) for file, reason in offer.get("broken", {}).items()},
        skipped={str(file): str(reason) for file, reason in offer.get("skipped", {}).items()},
        python=tuple((str(name), str(value)) for name, value in hello["python"].items()),
    )


def _calibration(people: Crew, found: Survey, timeout_s: float, told: Callable[[int, int], None]) -> Visit:
    ended = time.monotonic()

    def visit(name: str, states: Sequence[Message]) -> None:
        nonlocal ended
        found.setup_s[name] = time.monotonic() - ended
        told(len(found.iteration_s), len(found.names))
        # At least two turns: the first says nothing. One of a long benchmark is enough.
        answer = people.ask(0, do="calibrate", turn_s=TURN_S, timeout_s=timeout_s)
        check_values(0, answer["values"])
        found.iteration_s[name] = answer["iteration_s"]
        found.cpus[name] = answer["cpus"]
        found.most[name] = states[0].get("most")
        if about := states[0].get("about"):
            found.about[name] = about
        ended = time.monotonic()

    return visit
