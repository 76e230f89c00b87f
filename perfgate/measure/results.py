"""Benchmark programs of any language, in pairs: a run of each side, in random order, and what each printed is read.

The program measures; perfgate decides how often, in which order and on which CPU it is run, and what the pairs say.
"""

import os
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Self

from perfgate.core.model import Benchmark, Design, Metric, ProcessFacts, Reason, Run, gone
from perfgate.core.schedule import draw_pair, planned_pairs
from perfgate.errors import FileError
from perfgate.host import command
from perfgate.host.tree import MARK, kill_marked, kill_orphans
from perfgate.measure.provenance import Recorder
from perfgate.measure.sides import PreparedSide
from perfgate.measure.track import Circumstances, Measured, Track
from perfgate.measure.turns import HEAD, Reading, environ_of

LARGEST = 64 * 2**20  # bytes that a program may print
Read = Callable[[bytes, str], Run]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultsJob:
    """A suite as configured."""

    name: str
    commands: Mapping[str, str]
    """Name to command line."""
    read: Read
    """What was printed, and what messages call it, to a run."""
    timeout_s: float

    def begin(self, sides: Sequence[PreparedSide], around: Circumstances) -> "ResultsSuite":
        """Return what measures it."""
        return ResultsSuite(self, sides, around)

    def alone(self) -> Self:
        """Return it for one side."""
        return self


@dataclass(slots=True, kw_only=True)
class ResultsTrack(Track):
    """A benchmark of one of the programs."""

    command: str


@dataclass(slots=True, kw_only=True)
class Printed:
    """What one run of a program said."""

    readings: dict[str, Reading] = field(default_factory=dict)
    """Benchmark to its values."""
    failed: dict[str, tuple[Reason, str]] = field(default_factory=dict)
    """Benchmark to why it has no value."""
    partly: dict[str, tuple[tuple[str, ...], str]] = field(default_factory=dict)
    """Benchmark to those of its metrics that have no value, and why."""
    died: str = ""
    """What befell the whole program, if anything: then nothing that it printed counts."""
    seconds: float = 0.0

    def why(self, benchmark: str) -> tuple[Reason, str]:
        """Return why a benchmark has no value here."""
        if self.died:
            return Reason.DIED, self.died
        return self.failed.get(benchmark, (Reason.NOTHING, "it was not printed"))


class ResultsSuite(Measured):
    """Measures one suite, run by run."""

    def __init__(self, job: ResultsJob, sides: Sequence[PreparedSide], around: Circumstances) -> None:
        super().__init__(job.name, sides, around)
        self.job = job
        self.tracks: dict[str, ResultsTrack] = {}
        self._offers: list[set[str]] = [set() for _ in sides]
        self._metrics: dict[str, Metric] = {}

    def explore(self) -> None:
        """Run each program once on each side, to see what there is.

        Raises: ProvenanceError where a side would run a program of the other's, or of neither.
        """
        with ExitStack() as stack:
            recorders = [stack.enter_context(self.provenance.recording(side)) for side in range(len(self.sides))]
            seen = {
                name: [self._printed(side, name, number=0, recorder=one) for side, one in enumerate(recorders)]
                for name in self.job.commands
                if self.around.part.holds(self._benchmark(name))  # a program is one job's, whole
            }
            self.provenance.check([one.loaded() for one in recorders])
        for name, both in seen.items():
            self._plan(name, both)

    def _plan(self, name: str, seen: Sequence[Printed]) -> None:
        """Open a track for each benchmark that all sides printed."""
        found = dict.fromkeys(each for printed in seen for each in (*printed.readings, *printed.failed) if each)
        names = {each: None for each in found if self.around.selection.holds(self._benchmark(f"{name}/{each}"))}
        self.others.update(f"{name}/{each}" for each in found.keys() - names.keys())
        for side, printed in enumerate(seen):
            self._offers[side].update(f"{name}/{each}" for each in printed.readings if each in names)
            self._note_failures(side, name, printed, names)
            for each in names:
                self._note_partly(side, f"{name}/{each}", printed.partly.get(each))
        whole = sum(printed.seconds for printed in seen)
        shared = [each for each in names if all(each in printed.readings for printed in seen)]
        for each in shared:
            share_s = whole / len(shared)
            self.tracks[f"{name}/{each}"] = ResultsTrack(
                command=name,
                benchmark=self._benchmark(f"{name}/{each}"),
                planned=planned_pairs(share_s, effort_s=self.around.effort_s),
                design=Design.SEQUENTIAL if len(self.sides) > 1 else Design.ALONE,
                guess_s=share_s,
                readings=tuple([] for _ in self.sides),
                foreign=self._metrics,
            )

    def _note_failures(self, side: int, name: str, printed: Printed, names: Mapping[str, None]) -> None:
        if printed.died and not names:
            self._fail(side, name, *printed.why(""))
        for each in names:
            key = f"{name}/{each}"
            if printed.died or each in printed.failed:
                self._fail(side, key, *printed.why(each))
            elif each not in printed.readings:
                text = gone(self._benchmark(key)) if side == HEAD else "base has no such benchmark"
                self._fail(side, key, Reason.ABSENT, text)

    def _note_partly(self, side: int, key: str, lacking: tuple[tuple[str, ...], str] | None) -> None:
        """Fail the metrics of a benchmark that once came out as no measurement."""
        if lacking is None:
            return
        metrics, text = lacking
        before = self.failures[side].get(key)
        known = before.metrics if before is not None and before.partial else ()
        if before is None or before.partial:
            both = tuple(dict.fromkeys([*known, *metrics]))
            self._fail(side, key, Reason.BAD_VALUE, before.text if before else text, metrics=both)

    def offered(self, side: int) -> tuple[Benchmark, ...]:
        """Return the benchmarks that a side has, measured or not."""
        return tuple(self._benchmark(key) for key in sorted(self._offers[side]) if key not in self.failures[side])

    def run_pair(self, number: int) -> None:
        """Run each program that is still wanted once on each side."""
        start = time.monotonic()
        for name in dict.fromkeys(track.command for track in self.tracks.values() if track.open):
            order = list(range(len(self.sides)))
            Random(f"{self.around.seed} {name} {number}").shuffle(order)
            seen = {side: self._printed(side, name, number=number + 1) for side in order}
            whole = sum(printed.seconds for printed in seen.values())
            self.busy_s += whole
            mine = {key: track for key, track in self.tracks.items() if track.command == name and track.open}
            for key, track in mine.items():
                own = key.removeprefix(f"{name}/")
                readings = [seen[side].readings.get(own) for side in range(len(self.sides))]
                there = [reading for reading in readings if reading is not None]
                for side, printed in seen.items():
                    self._note_partly(side, key, printed.partly.get(own))
                if len(there) == len(readings):
                    track.add(number, there, seconds=whole / len(mine))
                    continue
                del self.tracks[key]
                for side, reading in enumerate(readings):
                    if reading is None:
                        self._fail(side, key, *seen[side].why(own))
        self.startups.append(max(0.0, time.monotonic() - start - sum(t.pair_s for t in self.tracks.values() if t.open)))

    def _printed(self, side: int, name: str, *, number: int, recorder: Recorder | None = None) -> Printed:
        """Run a program once and read what it printed; `recorder` has it note what it loads."""
        place = self.sides[side].place
        argv, environ = shlex.split(self.job.commands[name]), place.environ
        if recorder is not None:
            recorder.note_program(argv[0], place)
            environ = recorder.environ(environ)
        draw = draw_pair(self.around.seed, f"{self.job.name}/{name}", number, cpus=())
        self.facts[side].append(
            ProcessFacts(
                pair=number, suite=self.job.name, cpu=None, hash_seed=draw.hash_seed, layout_seed=draw.layout_seed
            )
        )
        found = Printed()
        start = time.monotonic()
        try:
            ended = command.run(
                argv,
                cwd=Path(place.root),
                interrupts=self.around.interrupts,
                environ={**os.environ, **dict(environ), **environ_of(draw), MARK: self.around.mark},
                apart=True,
                timeout_s=self.job.timeout_s,
            )
        except OSError as exc:
            reason = f"no answer within {self.job.timeout_s:g} s" if isinstance(exc, TimeoutError) else exc.strerror
            found.died = f"{self.job.commands[name]}: {reason}"
            return found
        finally:
            kill_marked(self.around.mark)
            kill_orphans()
        found.seconds = time.monotonic() - start
        self._take(found, name, ended)
        return found

    def _take(self, found: Printed, name: str, ended: command.Ended) -> None:
        if len(ended.printed) > LARGEST:
            found.died = f"it printed {len(ended.printed):,} bytes; at most {LARGEST:,} are read"
            return
        try:
            run = self.job.read(ended.printed, f"what {name} printed")
        except FileError as exc:
            found.died = exc.message if not ended.status else _ended(ended)
            return
        found.failed = {f.benchmark.name: (f.reason, f.text) for f in run.failures if not f.partial}
        found.partly = {f.benchmark.name: (f.metrics, f.text) for f in run.failures if f.partial}
        if ended.status and all(reason is Reason.SKIPPED for reason, _ in found.failed.values()):
            found.died = _ended(ended)
            return
        for sample in run.samples:
            benchmark, metric = sample.sli.benchmark.name, sample.sli.metric
            values = [value for process in sample.processes for value in process]
            found.readings.setdefault(benchmark, Reading()).values[metric.name] = values
            if sample.trials:
                found.readings[benchmark].trials[metric.name] = sum(sample.trials)
            self._metrics.setdefault(metric.name, metric)
        self.wanted = tuple(self._metrics)


def _ended(ended: command.Ended) -> str:
    """Say how a program failed, by what it complained of, else by what it printed last."""
    complaints = ended.complaints.decode(errors="replace").strip()
    return f"exit status {ended.status}: {complaints[-2000:] or ended.tail}"
