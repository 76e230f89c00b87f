"""The measurement of two sides: pairs round robin over the suites, looks, early leave, the end of the budget."""

import secrets
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from perfgate.core.comparison import shown
from perfgate.core.model import COUNTING, EXPLORING, MEASURING, WHOLE, Benchmark, Method, Part, Run, Sample, Warning
from perfgate.core.policy import DEFAULT_RULES, Policy, matches
from perfgate.core.question import answer
from perfgate.core.schedule import CONFIRMING, FIRST_LOOK, NORMAL_EFFORT_S, VERDICT_PAIRS, rotated, within_budget
from perfgate.core.selection import ALL, Selection
from perfgate.core.units import written_budget
from perfgate.errors import Interrupted, MeasureError, UsageError
from perfgate.host.environment import environment
from perfgate.host.git import Repository
from perfgate.host.interrupt import Interrupts
from perfgate.host.tree import adopting
from perfgate.measure.crew import OutOfTime
from perfgate.measure.sides import PreparedSide
from perfgate.measure.track import AnyJob, Circumstances, Measured, Track

SHOWN = 10  # benchmarks that an error lists


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where an undecided benchmark stands."""

    name: str
    pairs: int
    planned: int
    ratio: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What a watcher may want to know between two pairs."""

    text: str
    detail: str = ""
    """How far that is."""
    lasting: bool = False
    """Whether the text stays on the screen: what was decided, not what is being done."""
    pair: int = 0
    decided: int = 0
    total: int = 0
    used_s: float = 0.0
    budget_s: float = 0.0
    undecided: tuple[Standing, ...] = ()


Watcher = Callable[[Progress], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much may be spent."""

    budget_s: float
    benchmark_s: float = NORMAL_EFFORT_S
    seed: int = 0
    part: Part = WHOLE
    """Of the benchmarks; other jobs measure the others."""
    selection: Selection = ALL
    """The benchmarks to measure, by name or path."""
    rotation: str = ""
    """Seeds which benchmarks are measured if the budget does not hold all of them; empty measures the quickest."""
    fitted: bool = True
    """Whether benchmarks are left out if the budget does not hold all of them."""
    fewest: int = FIRST_LOOK
    """Pairs that are planned of each benchmark, however long it takes, if the budget holds so many of all."""
    canary: bool = False
    """Whether base is measured against itself, too."""


def measure_pairs(
    repository: Repository,
    base: PreparedSide,
    head: PreparedSide,
    jobs: Sequence[AnyJob],
    policy: Policy,
    effort: Effort,
    *,
    interrupts: Interrupts,
    watch: Watcher,
) -> tuple[Run, Run]:
    """Measure both sides in pairs until everything is settled or the budget is spent.

    Returns: the runs of base and head, of one measurement. On an interrupt they hold what was measured
        until then, with a warning that says so; where that is nothing, Interrupted is raised.
    """
    session = _Session(repository, (base, head), jobs, policy, effort, interrupts, watch)
    session.run(session.look)
    return session.result(0), session.result(1)


def measure_alone(
    repository: Repository,
    side: PreparedSide,
    jobs: Sequence[AnyJob],
    effort: Effort,
    *,
    processes: int,
    interrupts: Interrupts,
    watch: Watcher,
) -> Run:
    """Measure one side in `processes` fresh processes a suite, or as many as the budget holds."""
    session = _Session(repository, (side,), [job.alone() for job in jobs], Policy(), effort, interrupts, watch)

    def enough(suites: Sequence[Measured]) -> None:
        for track in _tracks(suites):
            track.planned = processes

    session.run(enough)
    return session.result(0)


class _Session:
    def __init__(
        self,
        repository: Repository,
        sides: Sequence[PreparedSide],
        jobs: Sequence[AnyJob],
        policy: Policy,
        effort: Effort,
        interrupts: Interrupts,
        watch: Watcher,
    ) -> None:
        self.sides, self.policy, self.effort, self.watch = tuple(sides), policy, effort, watch
        self.measurement = secrets.token_hex(8)
        self.began = datetime.now(UTC)
        self.start = time.monotonic()
        self.warnings = _submodules(sides) + _selected(effort.selection)
        self.phases: dict[str, float] = {}
        self.at = ""  # how far exploring came
        self.enough_s = 0.0
        around = Circumstances(
            tell=self._tell,
            repository=repository,
            mark=self.measurement,
            seed=effort.seed,
            effort_s=effort.benchmark_s,
            interrupts=interrupts,
            part=effort.part,
            selection=effort.selection,
            deadline=self.start + effort.budget_s,
        )
        self.suites = [job.begin(sides, around) for job in jobs]

    @property
    def used_s(self) -> float:
        return time.monotonic() - self.start

    def run(self, look: Callable[[Sequence[Measured]], None]) -> None:
        """Explore, then run pairs until everything is decided, the budget is spent, or the user interrupts."""
        with adopting():
            self._run(look)

    def _run(self, look: Callable[[Sequence[Measured]], None]) -> None:
        try:
            with self._phase(EXPLORING):
                for suite in self.suites:
                    self.watch(Progress(text=f"exploring suite {suite.name}"))
                    self._explore(suite)
            if len(self.sides) > 1 and self.effort.fitted:
                self._fit_into_budget()
            if self.effort.canary and len(self.sides) > 1:
                any(suite.guard() for suite in self.suites)  # the first that can
            with self._phase(MEASURING):
                self._pairs(look)
            with self._phase(COUNTING):
                for suite in self.suites:
                    if suite.count:
                        self.watch(Progress(text=f"counting in suite {suite.name}"))
                        suite.count()
        except Interrupted:
            if not any(track.pairs for track in _tracks(self.suites)):
                raise
            self.warnings.append(
                Warning(code="interrupted", text="interrupted: only what was measured until then counts")
            )
        finally:
            for suite in self.suites:
                suite.resources.close()

    def _tell(self, text: str, detail: str) -> None:
        self.at = detail
        self.watch(Progress(text=text, detail=detail))

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        began = self.used_s
        try:
            yield
        finally:
            self.phases[name] = self.used_s - began

    def _fit_into_budget(self) -> None:
        """Report what a verdict takes, and leave benchmarks out if the budget does not hold all of them.

        Those that `expect` and the rules name come first. Runs before anything is timed, so no result influences it.
        """
        tracks = [(suite, name, track) for suite in self.suites for name, track in suite.tracks.items()]
        if not tracks or self.used_s >= self.effort.budget_s:
            return
        ordered = sorted((one for one in tracks if one[0].separable), key=self._turn)
        fixed_s = sum(suite.expected_s() for suite in self.suites if not suite.separable)
        startup_s = fixed_s + sum(suite.startup_s for suite in self.suites if suite.separable and suite.tracks)
        costs = [track.pair_s for _, _, track in ordered]
        pair_s, left_s = startup_s + sum(costs), self.effort.budget_s - self.used_s
        many = f"{len(tracks)} benchmark{'s' * (len(tracks) != 1)}"
        takes = (
            f"{many}; one pair of each takes about {_about(pair_s)} in all, and a verdict needs at least {FIRST_LOOK}"
        )
        named = sum(any(matches(glob, str(t.benchmark)) for glob in self.policy.expect) for _, _, t in ordered)
        kept = max(within_budget(costs, startup_s=startup_s, left_s=left_s), named, 1)
        if FIRST_LOOK * pair_s <= left_s:
            kept = len(ordered)
        if (self.effort.fewest + CONFIRMING) * pair_s <= left_s:
            for _, _, track in ordered:
                track.planned = max(track.planned, self.effort.fewest)
        if kept == len(ordered):
            self.watch(Progress(text=f"{takes} pairs: {_about(FIRST_LOOK * pair_s)}", lasting=True))
            return
        self.enough_s = self.used_s + VERDICT_PAIRS * pair_s
        text = f"not measured: the budget of {_about(self.effort.budget_s)} holds {kept} of {len(tracks)} benchmarks"
        for suite, name, _ in ordered[kept:]:
            suite.drop(name, text)
        which = (
            "those that your rules name first, then "
            if any(self._rank(track) < len(self._named) for *_, track in ordered)
            else ""
        )
        which += "a different part in each run" if self.effort.rotation else "the quickest"
        rotate = "" if self.effort.rotation else "; for a different part in each run: rotate = true under [perfgate]"
        self.watch(
            Progress(
                text=f"{takes} pairs. {_about(left_s)} are left, enough for {kept} of {len(tracks)}: {which}\n"
                f"  to measure all: --budget {written_budget(self.enough_s)}; to choose: -k NAME{rotate}",
                lasting=True,
            )
        )

    def _turn(self, one: tuple[Measured, str, Track]) -> tuple[int, float]:
        """Return the place of a benchmark in the order in which they are measured while there is time."""
        _, _, track = one
        expected = any(matches(glob, str(track.benchmark)) for glob in self.policy.expect)
        rank = -1 if expected else self._rank(track)
        rotation = self.effort.rotation
        return rank, rotated(str(track.benchmark), rotation) if rotation else track.pair_s

    def _rank(self, track: Track) -> int:
        """Return which of the project's own rules speaks of a benchmark first; those of none come last."""
        names = self._named
        return next((place for place, glob in enumerate(names) if matches(glob, str(track.benchmark))), len(names))

    @property
    def _named(self) -> list[str]:
        """The benchmarks that the project's own rules name, as globs."""
        own = [rule.sli for rule in self.policy.rules if rule not in DEFAULT_RULES and not rule.sli.startswith("*")]
        return [sli.rpartition(":")[0] for sli in own]

    def _explore(self, suite: Measured) -> None:
        began = self.used_s
        try:
            suite.explore()
        except OutOfTime as exc:
            so_far = "".join(f"\n  {line}" for line in str(exc).splitlines())
            before = f", after {began:.0f} s for the suites before it" if began > 1 else ""
            raise MeasureError(
                f"the time budget of {self.effort.budget_s:g} s ended before the benchmarks of suite {suite.name!r} "
                f"had run once on both sides{f' ({self.at})' if self.at else ''}{before}{so_far}",
                hint="raise the budget (--budget 10m), or choose fewer benchmarks (-k NAME, or -- PATH)",
            ) from None

    def _pairs(self, look: Callable[[Sequence[Measured]], None]) -> None:
        number = 0
        while any(track.open for track in _tracks(self.suites)):
            for suite in self.suites:
                if not any(track.open for track in suite.tracks.values()):
                    continue
                if not self._holds(suite):
                    self._out_of_budget()
                    return
                suite.run_pair(number)
            number += 1
            look(self.suites)
            self._report(number)

    def _holds(self, suite: Measured) -> bool:
        """Return whether the budget holds one more pair; if not of all, then of those that wait for confirmation."""
        if self.used_s + suite.expected_s() <= self.effort.budget_s:
            return True
        waiting = [track for track in suite.tracks.values() if track.open and not track.accused]
        if not suite.separable or not waiting:
            return False
        for track in waiting:
            track.parked = True
        self._out_of_budget()
        return any(track.open for track in suite.tracks.values()) and self._holds(suite)

    def look(self, suites: Sequence[Measured]) -> None:
        """Ask of every SLI at its scheduled look whether more pairs would change the answer."""
        asked = [(track, question) for track in _tracks(suites) for question in track.questions(self.policy)]
        due = {id(track): track for track, _ in asked if track.due}
        if not due:
            return
        for track in due.values():
            track.looked, track.settled, track.accused = len(track.pairs), True, False
        answers = answer([question for _, question in asked], self.policy)
        for (track, _), found in zip(asked, answers, strict=True):
            if id(track) in due:
                track.settled = track.settled and found.settled
                track.accused = track.accused or bool(found.accused_by)

    def _out_of_budget(self) -> None:
        if any(warning.code == "budget-spent" for warning in self.warnings):
            return
        text = f"the budget of {self.effort.budget_s:g} s ended before everything was settled"
        self.warnings.append(Warning(code="budget-spent", text=text))

    def _report(self, number: int) -> None:
        tracks = list(_tracks(self.suites))
        self.watch(
            Progress(
                text="measuring",
                pair=number,
                decided=sum(track.settled for track in tracks),
                total=len(tracks),
                used_s=self.used_s,
                budget_s=self.effort.budget_s,
                undecided=tuple(_standings(tracks)),
            )
        )

    def _nothing_asked_for(self) -> UsageError:
        others = sorted(f"{suite.name}/{name}" for suite in self.suites for name in suite.others)
        more = f"\n  and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
        there = "".join(f"\n  {name}" for name in others[:SHOWN]) + more
        return UsageError(
            f"no benchmark matches `{self.effort.selection}`; there {'are' if others else 'is none'}:{there}",
            hint="give -k a part of one of these names; * matches anything",
        )

    def result(self, side: int) -> Run:
        """Return what was measured of one side."""
        prepared = self.sides[side]
        timed = [sample for suite in self.suites for track in suite.tracks.values() for sample in track.samples(side)]
        untimed = {track.benchmark for track in _tracks(self.suites) if not track.pairs}
        samples = (*timed, *(_doubted(s, untimed) for suite in self.suites for s in suite.counted[side]))
        failures = tuple(failure for suite in self.suites for failure in suite.failures[side].values())
        failed = any(suite.failures[each] for suite in self.suites for each in range(len(self.sides)))
        nothing_to_do = self.effort.part is not WHOLE and not any(suite.tracks for suite in self.suites)
        if self.effort.selection and not failed and not samples and not any(suite.tracks for suite in self.suites):
            raise self._nothing_asked_for()
        if not failed and not samples and not nothing_to_do:
            raise MeasureError(
                f"the time budget of {self.effort.budget_s:g} s ended before anything was measured",
                hint="raise the budget: --budget 10m",
            )
        busy_s = sum(suite.busy_s for suite in self.suites)
        startups = [seconds for suite in self.suites for seconds in suite.startups]
        python = next((suite.python[side] for suite in self.suites if suite.python), ())
        return Run(
            revision=prepared.revision,
            environment=environment(python),
            samples=samples,
            failures=failures,
            offered=tuple(benchmark for suite in self.suites for benchmark in suite.offered(side)),
            measurement=self.measurement,
            method=Method(
                seed=self.effort.seed,
                budget_s=self.effort.budget_s,
                took_s=self.used_s,
                overhead_s=max(0.0, self.used_s - busy_s),
                startup_s=sum(startups) / len(startups) if startups else 0.0,
                phases=tuple(self.phases.items()),
                enough_s=self.enough_s,
                controls=tuple(tuple(suite.control) for suite in self.suites if suite.control),
            ),
            processes=tuple(facts for suite in self.suites for facts in suite.facts[side]),
            warnings=tuple(dict.fromkeys([*self.warnings, *(w for suite in self.suites for w in suite.warnings)])),
            started=self.began.isoformat(timespec="seconds"),
            part=self.effort.part,
            distributions=tuple(each for suite in self.suites for each in suite.distributions[side]),
            described=tuple(each for suite in self.suites for each in suite.described[side]),
        )


def _selected(selection: Selection) -> list[Warning]:
    if not selection:
        return []
    return [Warning(code="selection", text=f"only benchmarks that match `{selection}` were measured")]


def _submodules(sides: Sequence[PreparedSide]) -> list[Warning]:
    paths = dict.fromkeys(path for side in sides for path in side.left_out)
    if not paths:
        return []
    text = f"left out because your checkout has not initialised it: submodule {', '.join(paths)}"
    return [Warning(code="submodule-left-out", text=text)]


def _doubted(sample: Sample, untimed: Collection[Benchmark]) -> Sample:
    """Return what was counted; with a doubt that hides where the time of the same benchmark was never measured."""
    if sample.sli.benchmark not in untimed:
        return sample
    text = "its time was not measured: the budget ended before its turn"
    return replace(sample, warnings=(*sample.warnings, Warning(code="not-timed", text=text, hides=True)))


def _tracks(suites: Sequence[Measured]) -> list[Track]:
    return [track for suite in suites for track in suite.tracks.values()]


def _standings(tracks: Sequence[Track]) -> Iterator[Standing]:
    for track in tracks:
        metric = next(iter(track.effects), None)
        if not track.open or metric is None or not (effects := track.seen(metric)):
            continue
        change = shown(effects.scale.effect(effects.values), effects.scale, worse=1)
        yield Standing(
            name=str(track.benchmark),
            pairs=len(effects),
            planned=track.planned,
            ratio=change.ratio,
            low=change.low,
            high=change.high,
        )


def _about(amount: float) -> str:
    return f"{amount:.0f} s" if amount < 100 else f"{amount / 60:.0f} min"
