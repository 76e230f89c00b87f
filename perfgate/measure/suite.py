"""One suite on one or two sides: what there is to measure, and what was measured so far."""

import re
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from perfgate.core.comparison import pair_effect
from perfgate.core.control import CONTROL_PAIRS
from perfgate.core.model import (
    Benchmark,
    Description,
    Design,
    Reason,
    Sample,
    Sli,
    Warning,
    gone,
)
from perfgate.core.policy import matches
from perfgate.core.ports import Launch, Runner
from perfgate.core.processes import Processes
from perfgate.core.schedule import Turns, draw_pair, planned_pairs, turns_for, turns_in_company
from perfgate.core.skips import install_advice
from perfgate.errors import MeasureError
from perfgate.host import addresses, cpus, interpreters
from perfgate.measure import scout
from perfgate.measure.counting import HABITS, Counting, names_of, require_tools
from perfgate.measure.crew import OutOfTime, Trouble
from perfgate.measure.scout import Survey
from perfgate.measure.sides import PreparedSide, share_files
from perfgate.measure.track import Circumstances, Measured, Track, metric_named
from perfgate.measure.turns import BASE, HEAD, Pairing, PairResult, run_pair
from perfgate.measure.uncollected import uncollected
from perfgate.project.diagnosis import missing_distributions
from perfgate.project.requirements import Declared

SEVERAL_CPUS = 1.1  # CPU time above wall time by so much is no rounding
NO_TIME = "not measured: the time budget ended before its turn"
MOST_TOLD = 5  # benchmarks that an error names
HANDOVER_S = 0.01  # what pytest and the token take of a pair, for the first plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A suite as configured."""

    name: str
    runner: Runner
    timeout_s: float
    design: Design = Design.TURNS
    shared: bool = True
    """Whether base runs head's benchmark files."""
    metrics: tuple[str, ...] = ()
    """What is counted beside the time, in processes of its own."""
    whole: bool = False
    """Whether each benchmark is a process of its own anyway."""
    habits: bool = False
    """Whether to look for calls that make a benchmark unfit to be timed."""
    exclude: tuple[str, ...] = ()
    """Globs of the names of benchmarks that are left out."""

    def begin(self, sides: Sequence[PreparedSide], around: Circumstances) -> "Suite":
        """Return what measures it."""
        return Suite(self, sides, around)

    def alone(self) -> "Job":
        """Return it for one side."""
        return replace(self, design=Design.ALONE)

    def leaves_out(self, name: str) -> bool:
        """Return whether the configuration leaves a benchmark out."""
        return any(matches(glob, name) for glob in self.exclude)


@dataclass(slots=True, kw_only=True)
class TurnTrack(Track):
    """A benchmark that is measured by turns."""

    turns: Turns
    iteration_s: float
    parallel: bool

    @property
    def group(self) -> tuple[bool, Design]:
        """What it shares with those that can be measured in the same processes."""
        return self.parallel, self.design

    def part(self, trouble: Trouble) -> None:
        """Run one side after the other from here on, because both at once came to `trouble`."""
        self.design = Design.SEQUENTIAL
        reason = _last_line(trouble.text) or trouble.reason
        text = f"failed while both sides were alive, so they ran one after the other, which needs more pairs: {reason}"
        self.warnings.append(Warning(code="not-together", text=text))


class Suite(Measured):
    """Measures one suite, pair by pair."""

    def __init__(self, job: Job, sides: Sequence[PreparedSide], around: Circumstances) -> None:
        super().__init__(job.name, sides, around)
        self.job = job
        self.wanted = names_of(job.metrics)
        self.count = self._count if job.metrics else None
        self.tracks: dict[str, TurnTrack] = {}
        self.separable = True
        self._offers: tuple[tuple[str, ...], ...] = tuple(() for _ in sides)
        self._names: tuple[str, ...] = ()
        self._cpus: tuple[int, ...] = ()
        self._guarded = ""

    def guard(self) -> bool:
        """Choose whose base is measured against itself: the quickest that takes turns on one CPU."""
        able = [name for name, t in self.tracks.items() if t.design is Design.TURNS and not t.parallel]
        self._guarded = min(able, key=lambda name: (self.tracks[name].pair_s, name), default="")
        if self._guarded:
            self._control_turns = self.tracks[self._guarded].turns
        return bool(self._guarded)

    def explore(self) -> None:
        """Find the benchmarks of both sides, run each once, and plan.

        Raises: MeasureError where head offers none or a tool is missing, ProvenanceError where a side ran foreign code,
            OutOfTime where the benchmarks of a side could not even be listed within the budget.
        """
        require_tools(self.job.metrics)  # before the minutes of measuring, after which they are needed
        head = self._explore_head()
        if head.elsewhere and not head.names and not self.others:
            raise MeasureError(
                f"suite {self.job.name!r}: `exclude` leaves out all of its {len(head.elsewhere)} benchmarks",
                hint=f"take what matches too much out of exclude under [suite.{self.job.name}]",
            )
        if not head.names and head.elsewhere:
            self._nothing_here(head)
            return
        if not head.names:
            raise self._found_none(head)
        self._names = head.names
        surveys, offers = [head], [head.names]
        if len(self.sides) > 1:
            try:
                base, own = self._explore_base(head)
            except OutOfTime as exc:
                raise OutOfTime(_told(head)) from exc
            surveys, offers = [base, head], [tuple({*base.names, *(own or ())}), head.names]
        else:
            self._note_skipped_files(head.skipped)
        self._check_provenance(surveys)
        self.python = tuple(survey.python for survey in surveys)
        self._offers = tuple(offers)
        for side, survey in enumerate(surveys):
            for name, about in survey.about.items():
                facts = tuple(sorted(about.items()))
                self.described[side].append(Description(benchmark=self._benchmark(name), facts=facts))
            for name, troubles in survey.journey.troubles.items():
                self._fail(side, name, troubles[0].reason, troubles[0].text)
            for name in survey.names:
                if name not in survey.iteration_s and name not in self.failures[side]:
                    self._fail(side, name, Reason.NO_TIME, NO_TIME)
        self.startup_guess_s = sum(survey.startup_s for survey in surveys)
        self._plan(surveys, head.names)
        if self.job.habits and not self.job.whole:
            self._watch()

    def _explore_head(self) -> Survey:
        """Run head's benchmarks once, or those of the only side.

        Raises: MeasureError where nothing can be collected.
        """
        try:
            head = self._survey(self.sides[-1], names=(), calibrate=True)
        except MeasureError as exc:
            raise self._uncollected([exc.message]) from exc
        if head.errors or (head.broken and not head.names and not head.elsewhere):
            raise self._uncollected(head.complaints)
        left_out = set(filter(self.job.leaves_out, head.elsewhere))
        self.others.update(set(head.elsewhere) - left_out)
        if left_out:
            many = f"{len(left_out)} benchmark{'s' * (len(left_out) != 1)}"
            text = f"{many} of suite {self.name} left out, as `exclude` under [suite.{self.name}] says"
            self.warnings.append(Warning(code="excluded", text=text))
        for file, text in head.broken.items():
            self._fail(-1, file, Reason.RAISED, _why_broken(text))
        return head

    def _explore_base(self, head: Survey) -> tuple[Survey, frozenset[str] | None]:
        """Run head's benchmarks on base; return that, and what base offers by itself, if that is known."""
        found = self._own_benchmarks()
        own = None if found is None else frozenset(found.names)
        if self.job.shared:
            sources = self.job.runner.sources(head.names)
            share_files(self.around.repository, self.sides[BASE], self.sides[HEAD], sources)
        base = self._survey_base(head.names, own)
        self._note_absent(base, head, own)
        self._note_skipped_files(found.skipped if found else {}, head.skipped)
        return base, own

    def _uncollected(self, errors: Sequence[str]) -> MeasureError:
        head = self.sides[-1]
        python = head.place.python
        own = Path(python).is_relative_to(head.directory)
        owner = interpreters.owner_of(python, self.around.repository.root)
        missing = missing_distributions(errors, Declared(), self.provenance.projects[-1])
        what = f"the benchmarks of suite {self.name!r} of {head.revision}"
        return uncollected(what, "" if own else python, owner, errors, missing)

    def _found_none(self, head: Survey) -> MeasureError:
        """Return the error for a suite without benchmarks, with the files that were skipped as a whole."""
        side = self.sides[-1]
        paths = getattr(self.job.runner, "paths", ())
        if lacking := [path for path in paths if not (Path(side.place.root) / path).exists()]:
            return MeasureError(
                f"suite {self.job.name!r}: {', '.join(lacking)} does not exist in {side.revision}",
                hint=f"correct paths under [suite.{self.job.name}]: they are relative to the root of the repository",
            )
        skipped = "".join(f"\n  {file} was skipped: {reason}" for file, reason in sorted(head.skipped.items()))
        usual = "a benchmark is a test that uses the `benchmark` fixture; suite.*.paths says where to look"
        return MeasureError(
            f"suite {self.job.name!r}: no benchmarks found in {self._where()} of {self.sides[-1].revision}{skipped}",
            hint=install_advice(head.skipped.values()) or usual,
        )

    def _note_skipped_files(self, *skipped: Mapping[str, str]) -> None:
        """Give every file that was skipped as a whole a row: its benchmarks would vanish otherwise."""
        if head := skipped[-1]:
            for side, files in enumerate(skipped):
                for file in head.keys() & files.keys():
                    self._fail(side, file, Reason.SKIPPED, files[file])

    def _nothing_here(self, head: Survey) -> None:
        """Head's benchmarks are all other jobs'; what base had in this part was lost."""
        self.python = tuple(head.python for _ in self.sides)
        found = self._own_benchmarks() if len(self.sides) > 1 else None
        for name in sorted(found.names if found else ()):
            self._fail(HEAD, name, Reason.ABSENT, gone(self._benchmark(name)))

    def _count(self) -> None:
        """Count what the benchmarks do, in the time that is left; what cannot be counted has failed."""
        counting = self._counting(self.job.metrics)
        for side, prepared in enumerate(self.sides):
            found = counting.of(self.job.runner.launch(prepared.place, names=self._names))
            for name, text in found.troubles.items():
                words = f"{', '.join(self.job.metrics)} could not be counted: {text}"
                self._fail(side, name, Reason.RAISED, words)
            for name, metrics in found.late.items():
                if name not in self.failures[side]:
                    self._fail(side, name, Reason.NO_TIME, NO_TIME, metrics=tuple(sorted(metrics)))
            self.counted[side].extend(
                _exact(self._benchmark(name), metric, values, found.notes.get(name, {}).get(metric, ""))
                for name, metrics in found.values.items()
                for metric, values in metrics.items()
                if name not in found.troubles
            )
        for name in [name for name in self.tracks if any(self._failed(side, name) for side in range(len(self.sides)))]:
            del self.tracks[name]

    def _watch(self) -> None:
        """Warn of what the benchmarks call that their time depends on beside their code."""
        found = self._counting((HABITS,)).of(self.job.runner.launch(self.sides[-1].place, names=self._names))
        for name, habits in found.notes.items():
            self.tracks[name].warnings += [Warning(code=code, text=text) for code, text in habits.items()]

    def _counting(self, metrics: tuple[str, ...]) -> Counting:
        return Counting(
            deadline=self.around.deadline,
            metrics=metrics,
            iteration_s={name: track.iteration_s for name, track in self.tracks.items()},
            timeout_s=self.job.timeout_s,
            mark=self.around.mark,
            interrupts=self.around.interrupts,
            whole=self.job.whole,
        )

    def offered(self, side: int) -> tuple[Benchmark, ...]:
        """Return the benchmarks that a side has, measured or not."""
        return tuple(self._benchmark(name) for name in self._offers[side] if not self._failed(side, name))

    def run_pair(self, number: int) -> None:
        """Run pair `number` of all open benchmarks, in one pair of processes for each group of them."""
        groups: dict[tuple[bool, Design], dict[str, TurnTrack]] = {}
        for name, track in self.tracks.items():
            if track.open:
                groups.setdefault(track.group, {})[name] = track
        for (parallel, design), tracks in groups.items():
            self._run_group(number, tracks, pinned=not parallel, design=design)
        if self._guarded and number < CONTROL_PAIRS:
            self._run_control(number)

    def _run_control(self, number: int) -> None:
        """Run a pair of base and base. One that fails says nothing, and no more follow."""
        launch = self.job.runner.launch(self.sides[BASE].place, names=(self._guarded,))
        pairing = self._pairing((launch, launch), Design.TURNS)
        draw = draw_pair(self.around.seed, f"{self.job.name} control", number, cpus=self._cpus)
        plans = {self._guarded: self._control_turns}
        result = run_pair(pairing, draw, plans, interrupts=self.around.interrupts)
        readings = result.readings.get(self._guarded, {})
        if len(readings) < len(self.sides):
            self._guarded = ""
            return
        base, again = (readings[side].values["time"] for side in (BASE, HEAD))
        self.control.append(pair_effect(Design.TURNS, base, again))

    def expected_s(self) -> float:
        """Return the seconds that the next pair will take, judged by those before."""
        running = [track for track in self.tracks.values() if track.open]
        groups = len({track.group for track in running})
        return groups * self.startup_s + sum(track.pair_s for track in running)

    def _run_group(self, number: int, tracks: dict[str, TurnTrack], *, pinned: bool, design: Design) -> None:
        pairing = self._pairing(
            tuple(self.job.runner.launch(side.place, names=self._names) for side in self.sides), design
        )
        draw = draw_pair(
            self.around.seed,
            self.job.name,
            number,
            cpus=self._cpus if pinned else (),
            confirming=any(track.accused for track in tracks.values()),
        )
        startup_s = self.startup_s
        plans = {
            name: turns_in_company(track.turns, benchmarks=len(tracks), startup_s=startup_s)
            for name, track in tracks.items()
        }
        result = run_pair(pairing, draw, plans, interrupts=self.around.interrupts)
        self._keep(number, result)

    def _pairing(self, launches: tuple[Launch, ...], design: Design) -> Pairing:
        return Pairing(
            suite=self.job.name,
            launches=launches,
            design=design,
            timeout_s=self.job.timeout_s,
            mark=self.around.mark,
            deadline=self.around.deadline,
        )

    def _keep(self, number: int, result: PairResult) -> None:
        self.startups.append(result.startup_s)
        for side, facts in enumerate(self.facts):
            facts.extend(result.facts[side])
        for name, troubles in result.troubles.items():
            track = self.tracks[name]
            if track.design is Design.TURNS and not track.pairs:
                # Each side ran it alone, both never did: perhaps they want the same port, file or lock.
                track.part(troubles[0])
                continue
            del self.tracks[name]
            for trouble in troubles:
                self._fail(trouble.member, name, trouble.reason, trouble.text)
        for name, readings in result.readings.items():
            if len(readings) < len(self.sides):
                continue
            track = self.tracks[name]
            track.least.update(result.least[name])
            track.add(number, [readings[side] for side in sorted(readings)], seconds=result.seconds[name])
            self.busy_s += sum(reading.busy_s for reading in readings.values())

    def _survey(self, side: PreparedSide, *, names: tuple[str, ...], calibrate: bool) -> Survey:
        place = self.sides.index(side)
        label = ("base", "head")[place] if len(self.sides) > 1 else str(side.revision)
        recorder = self.provenance.recording(place) if calibrate else nullcontext()
        with recorder as notes:
            return scout.survey(
                self.job.runner.launch(side.place, names=names),
                draw_pair(self.around.seed, self.job.name, 0, cpus=()),
                calibrate=calibrate,
                recorder=notes,
                timeout_s=self.job.timeout_s,
                mark=self.around.mark,
                interrupts=self.around.interrupts,
                deadline=self.around.deadline,
                told=lambda done, of: self.around.tell(f"exploring suite {self.name}", f"{label}: {done} of {of}"),
                wanted=lambda name: self.around.holds(self._benchmark(name)) and not self.job.leaves_out(name),
            )

    def _survey_base(self, names: tuple[str, ...], own: frozenset[str] | None) -> Survey:
        """Run head's benchmarks on base; where base cannot read a file of them, its own version of that file."""
        side, lost, reason = self.sides[BASE], list(names), ""
        try:
            found = self._survey(side, names=names, calibrate=True)
            lost = [name for name in names if name not in found.names]
            reason = next(iter(found.complaints), "")
        except MeasureError as exc:
            if not self.job.shared or not own:
                raise
            found, reason = None, exc.message
        lost = [name for name in lost if name in (own or ())]
        files = self.job.runner.files(tuple(lost)) if self.job.shared and reason else ()
        if found is not None and not files:
            return found
        share_files(self.around.repository, side, side, files if found else self.job.runner.sources(names))
        what = ", ".join(files) or "the benchmarks"
        text = f"base cannot run head's version of {what}, so it ran its own: {_cause(reason)}"
        self.warnings.append(Warning(code="benchmarks-differ", text=text))
        return self._survey(side, names=names, calibrate=True)

    def _check_provenance(self, surveys: Sequence[Survey]) -> None:
        """Refuse foreign code; warn where it cannot be told apart."""
        loaded = [survey.loaded for survey in surveys]
        sources = self.job.runner.sources(surveys[-1].names) if self.job.shared else ()
        self.provenance.check(loaded, shared=sources)
        if len(surveys) < 2:
            return
        base, head = surveys
        ran = bool(base.iteration_s and head.iteration_s)
        if sources and ran and self.provenance.known:
            self.provenance.check_own(loaded, shared=sources)
        elif sources and ran:
            text = "this repository defines no module that its benchmarks could import: both sides ran the same files"
            self.warnings.append(Warning(code="own-code-unseen", text=text))
        if differing := [
            f"{name} ({base.packages.get(name, 'none')}, {head.packages.get(name, 'none')})"
            for name in sorted(base.packages.keys() | head.packages.keys())
            if base.packages.get(name) != head.packages.get(name) and not self.provenance.is_own(name)
        ]:
            text = f"base and head have different versions of {', '.join(differing)}, which was measured as well"
            self.warnings.append(Warning(code="packages-differ", text=text))

    def _own_benchmarks(self) -> Survey | None:
        """Return what base offers by itself, None where that cannot be known: what head lost must be missed."""
        try:
            found = self._survey(self.sides[BASE], names=(), calibrate=False)
            reason = next(iter(found.complaints), "")
        except MeasureError as exc:
            found, reason = None, exc.message
        if reason or found is None:
            text = (
                f"base's own benchmarks could not all be listed, so one that head lost may go unseen: {_cause(reason)}"
            )
            self.warnings.append(Warning(code="base-not-listed", text=text))
            return None
        return found

    def _note_absent(self, base: Survey, head: Survey, own: frozenset[str] | None) -> None:
        """Give every benchmark that only one side has a failure that says so."""
        trouble = {name: found[0].text for name, found in base.journey.troubles.items()}
        why = "\n".join(base.complaints)
        for name in head.names:
            if name in base.names and name not in trouble:
                continue
            text = trouble.get(name, why)
            if own is not None and name not in own:
                base.journey.troubles.pop(name, None)
                cause = _cause(text)
                words = f"base has no such benchmark, and cannot run head's: {cause}" if cause else ""
                self._fail(BASE, name, Reason.ABSENT, words or "base has no such benchmark")
            elif name not in base.names:
                self._fail(BASE, name, Reason.RAISED, text or "it is not offered with head's files")
        for name in sorted(((own or frozenset()) | frozenset(base.names)) - frozenset(head.names)):
            if reason := head.broken.get(self._file(name)):
                self.failures[HEAD].pop(self._file(name), None)  # its benchmarks have rows of their own
                self._fail(HEAD, name, Reason.RAISED, _why_broken(reason))
            else:
                self._fail(HEAD, name, Reason.ABSENT, gone(self._benchmark(name)))

    def _plan(self, surveys: Sequence[Survey], names: Sequence[str]) -> None:
        if cpus.can_pin():
            self._cpus = cpus.allowed()
        else:
            text = "CPU pinning is unavailable here; expect about three times the noise"
            self.warnings.append(Warning(code="not-pinned", text=text))
        if not addresses.can_fix():
            text = "address-space randomization cannot be disabled here; expect about twice the noise"
            self.warnings.append(Warning(code="addresses-vary", text=text))
        if len(self._cpus) == 1:
            text = "only one CPU: perfgate itself ran beside the benchmarks"
            self.warnings.append(Warning(code="one-cpu", text=text))
        for name in names:
            if any(self._failed(side, name) for side in range(len(self.sides))):
                continue
            iteration_s = [survey.iteration_s[name] for survey in surveys]
            turns = turns_for(iteration_s[0], most=surveys[-1].most[name])
            pair_s = sum((turns.count + turns.warmup) * turns.loops * seconds for seconds in iteration_s) + HANDOVER_S
            track = TurnTrack(
                benchmark=self._benchmark(name),
                turns=turns,
                iteration_s=max(iteration_s),
                planned=planned_pairs(pair_s, effort_s=self.around.effort_s),
                parallel=bool(self._cpus) and max(survey.cpus[name] for survey in surveys) > SEVERAL_CPUS,
                design=self.job.design,
                guess_s=pair_s + sum(survey.setup_s[name] for survey in surveys),
                readings=tuple([] for _ in self.sides),
            )
            if track.parallel:
                text = "uses several CPUs: measured without pinning, so it needs more pairs"
                track.warnings.append(Warning(code="several-cpus", text=text))
            self.tracks[name] = track

    def _file(self, name: str) -> str:
        """Return the file that a benchmark is in, empty where it is in none."""
        return next(iter(self.job.runner.files((name,))), "")

    def _where(self) -> str:
        return ", ".join(getattr(self.job.runner, "paths", ())) or "the tests"


def _exact(benchmark: Benchmark, metric: str, values: Sequence[float], note: str) -> Sample:
    return Sample(
        sli=Sli(benchmark=benchmark, metric=metric_named(metric)),
        processes=Processes([value] for value in values),
        pairs=tuple(range(len(values))),
        design=Design.ALONE,
        warnings=(Warning(code="counted", text=note),) if note else (),
    )


def _why_broken(text: str) -> str:
    return f"its file cannot be collected: {_cause(text)}\n{text}"


def _cause(text: str) -> str:
    """Return the line of an error that says why: pytest marks it with an E."""
    return re.sub(r"^E +", "", _last_line(text))


def _told(found: Survey) -> str:
    """Return what went wrong on a side, a line a benchmark."""
    lines = [f"head: {name}: {troubles[0].text}" for name, troubles in found.journey.troubles.items()]
    return "\n".join(lines[:MOST_TOLD])


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2].strip()
