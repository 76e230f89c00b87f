"""Counting what benchmarks do, in processes of their own in which nothing is timed.

Nothing is left to chance in them: one hash seed, the same addresses, no drawn layout. Each side counts in two
processes, so that what does not repeat is seen for what it is and decides nothing.
"""

import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from perfgate.core.ports import Launch
from perfgate.errors import MeasureError
from perfgate.host.addresses import fixed_addresses
from perfgate.host.agent import Message
from perfgate.host.interrupt import Interrupts
from perfgate.host.scratch import scratch
from perfgate.measure.crew import Crew, Journey, OutOfTime, Trouble, Visit, crew

PROCESSES = 2
SLOWER = 100  # times longer than on the CPU itself, in valgrind
REGION_S = 0.2e-3  # of counted iterations, as the CPU itself would run them
INSTRUCTIONS = "instructions"
QUERIES = "queries"
HABITS = "habits"
KINDS = {HABITS: HABITS, "calls": "calls", "allocations": "memory", "peak-memory": "memory"}
"""What is asked for to how it is counted."""
_NAMES = {"peak-memory": ("peak-memory.own",), "queries": ("queries", "queries.repeated")}
"""Metric in the configuration to its names in a run; `peak-memory` alone is that of a whole process."""
_ENVIRON = {"PYTHONHASHSEED": "0", "PERFGATE_COUNT": "1"}
_WATCHING = {**_ENVIRON, "PERFGATE_QUERIES": "1"}


@dataclass(slots=True, kw_only=True)
class Counts:
    """What was counted on one side."""

    values: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    """Benchmark to metric to one value a process."""
    notes: dict[str, dict[str, str]] = field(default_factory=dict)
    """Benchmark to metric to what is said of it."""
    troubles: dict[str, str] = field(default_factory=dict)
    """Benchmark to why it cannot be counted."""
    late: dict[str, set[str]] = field(default_factory=dict)
    """Benchmark to the metrics that the time budget left no turn for."""

    def take(self, name: str, answer: Message) -> None:
        """Keep what a process counted of a benchmark, or why it could not."""
        if answer["cannot"]:
            self.troubles[name] = answer["cannot"]
        for metric, value in answer["values"].items():
            self.values.setdefault(name, {}).setdefault(metric, []).append(value)
        self.notes.setdefault(name, {}).update(answer["notes"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """What is to be counted, and how processes are started."""

    metrics: tuple[str, ...]
    iteration_s: Mapping[str, float]
    """Benchmark to the seconds of an iteration; those that are counted."""
    timeout_s: float
    deadline: float
    """When the monotonic clock says this, no more is begun."""
    mark: str
    interrupts: Interrupts
    whole: bool = False
    """Whether what is counted are processes that the agent starts, and not what happens in itself."""

    def of(self, launch: Launch) -> Counts:
        """Count on one side.

        Raises: MeasureError where valgrind is wanted and missing.
        """
        found = Counts()
        plain = tuple(metric for metric in self.metrics if metric not in (INSTRUCTIONS, QUERIES))
        for _ in range(PROCESSES):
            if plain:
                self._process(launch, plain, _ENVIRON, self.timeout_s, found)
            if QUERIES in self.metrics:  # alone: watching a database is work of its own
                self._process(launch, (QUERIES,), _WATCHING, self.timeout_s, found)
            if INSTRUCTIONS in self.metrics and self.whole:
                _valgrind()
                self._process(launch, (INSTRUCTIONS,), _ENVIRON, SLOWER * self.timeout_s, found)
            elif INSTRUCTIONS in self.metrics:
                with scratch("callgrind") as home:
                    inside, environ = _in_valgrind(launch, home)
                    self._process(inside, (INSTRUCTIONS,), environ, SLOWER * self.timeout_s, found)
        for name, metrics in found.late.items():
            for metric in metrics:  # one process alone does not show whether it repeats
                found.values.get(name, {}).pop(metric, None)
        return found

    def _process(
        self, launch: Launch, metrics: tuple[str, ...], environ: Mapping[str, str], timeout_s: float, found: Counts
    ) -> None:
        """Count `metrics` of all benchmarks, in one process as long as it lives."""
        names = set(names_of(metrics))
        what = tuple(dict.fromkeys(KINDS.get(metric, metric) for metric in metrics))
        late = [name for name, lacking in found.late.items() if names <= lacking]
        left = [name for name in self.iteration_s if name not in found.troubles and name not in late]
        while left:
            with ExitStack() as stack:
                stack.enter_context(fixed_addresses())
                people = stack.enter_context(
                    crew([(launch, environ)], mark=self.mark, interrupts=self.interrupts, deadline=self.deadline)
                )
                try:
                    people.meet()
                    visit = self._visit(people, what, timeout_s, found)
                    journey = people.travel(left, visit, cpu=None, timeout_s=timeout_s)
                except OutOfTime:
                    journey = Journey(out_of_time=True)
            for name, troubles in journey.troubles.items():
                found.troubles[name] = _words(troubles)
            done = len(journey.visited)
            if journey.out_of_time:
                for name in left[max(0, done - 1) :]:
                    found.late.setdefault(name, set()).update(names)
                return
            left = left[done:]

    def _visit(self, people: Crew, what: Sequence[str], timeout_s: float, found: Counts) -> Visit:
        def visit(name: str, states: Sequence[Message]) -> None:
            loops = max(1, round(REGION_S / self.iteration_s[name]))
            found.take(name, people.ask(0, do="count", what=list(what), loops=loops, timeout_s=timeout_s))

        return visit


def require_tools(metrics: Sequence[str]) -> None:
    """Raise MeasureError where counting `metrics` takes a program that is not there."""
    if INSTRUCTIONS in metrics:
        _valgrind()


def names_of(metrics: Sequence[str]) -> tuple[str, ...]:
    """Return what the metrics that are asked for are called in a run."""
    return tuple(name for metric in metrics for name in _NAMES.get(metric, (metric,)))


def _words(troubles: Sequence[Trouble]) -> str:
    return troubles[0].text or str(troubles[0].reason)


def _in_valgrind(launch: Launch, home: Path) -> tuple[Launch, dict[str, str]]:
    """Return how to start the process in valgrind, which counts from where it is told to."""
    out = home / "callgrind"
    options = ("--tool=callgrind", "--instr-atstart=no", "--quiet", f"--callgrind-out-file={out}")
    return replace(launch, argv=(_valgrind(), *options, *launch.argv)), {**_ENVIRON, "PERFGATE_CALLGRIND": str(out)}


def _valgrind() -> str:
    if found := shutil.which("valgrind"):
        return found
    raise MeasureError(
        "instructions cannot be counted: valgrind is not installed",
        hint='install it (apt-get install valgrind), or take "instructions" out of the suite\'s metrics',
    )
