"""What the orchestrator knows of any suite: its benchmarks, how far each came, and how to get one pair more.

Separate from the ways of measuring (by turns, by load), which the session need not tell apart.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any, Protocol, Self

from perfgate.core.comparison import Counts, Effects, pair_effect, pair_effects, sign
from perfgate.core.model import (
    METRICS,
    WHOLE,
    Benchmark,
    Description,
    Design,
    Distribution,
    Failure,
    Kind,
    Metric,
    Part,
    ProcessFacts,
    Reason,
    Sample,
    Sli,
    Warning,
)
from perfgate.core.policy import Policy, Rule
from perfgate.core.processes import Processes
from perfgate.core.question import Asked, CountQuestion, Question, ShareQuestion, within
from perfgate.core.schedule import CONFIRMING, FIRST_LOOK, is_look
from perfgate.core.selection import ALL, Selection
from perfgate.core.stats import describe
from perfgate.errors import MeasureError
from perfgate.host.git import Repository
from perfgate.host.interrupt import Interrupts
from perfgate.measure.provenance import Provenance
from perfgate.measure.sides import PreparedSide
from perfgate.measure.turns import Reading

JUST_ABOVE = 1.02  # times the least value that can be told: rounding to pages


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is the same for all suites of a measurement."""

    repository: Repository
    mark: str
    seed: int
    effort_s: float
    interrupts: Interrupts
    part: Part = WHOLE
    selection: Selection = ALL
    deadline: float = math.inf
    """When the monotonic clock says this, the budget has ended."""
    tell: Callable[[str, str], None] = lambda text, detail: None
    """Called with the current step and how far it is."""

    def holds(self, benchmark: Benchmark) -> bool:
        """Return whether this job measures a benchmark: it is in its part, and selected."""
        return self.part.holds(benchmark) and self.selection.holds(benchmark)


@dataclass(slots=True, kw_only=True)
class Track:
    """One benchmark's way through the measurement, pair by pair."""

    benchmark: Benchmark
    planned: int
    design: Design
    guess_s: float
    """What the plan takes a pair of it for."""
    pairs: list[int] = field(default_factory=list)
    readings: tuple[list[Reading], ...] = ()
    """A list a side, one reading a pair."""
    seconds: list[float] = field(default_factory=list)
    effects: dict[str, list[float]] = field(default_factory=dict)
    """Metric name to the log ratios of the pairs so far, positive where head is more; NaN where a pair has none."""
    least: dict[str, float] = field(default_factory=dict)
    """Metric name to the value up to which nothing can be told apart."""
    warnings: list[Warning] = field(default_factory=list)
    notes: dict[str, tuple[Warning, ...]] = field(default_factory=dict)
    """Metric name to what is said of it alone."""
    settled: bool = False
    looked: int = 0
    """Pairs at the last look."""
    parked: bool = False
    """Whether it gets no more pairs, so that the rest of the budget can confirm others."""
    accused: bool = False
    """Whether it would be blocked, were there fresh pairs that say so too."""
    foreign: Mapping[str, Metric] = field(default_factory=dict)
    """Metrics that other tools named, by their names."""

    def metric(self, name: str) -> Metric:
        """Return the metric of that name.

        Raises: MeasureError for an unknown one.
        """
        return self.foreign.get(name) or metric_named(name)

    @property
    def open(self) -> bool:
        """Whether more pairs are wanted; beyond the plan only to confirm."""
        unfinished = len(self.pairs) < self.planned + CONFIRMING * self.accused
        return unfinished and not self.settled and not self.parked

    @property
    def due(self) -> bool:
        """Whether the schedule looks at it now."""
        measured = len(self.pairs)
        return not self.settled and measured > self.looked and is_look(measured, self.planned)

    @property
    def pair_s(self) -> float:
        """Mean seconds that this benchmark takes of a pair; before the first, what was planned."""
        return fmean(self.seconds) if self.seconds else self.guess_s

    def add(self, pair: int, readings: Sequence[Reading], *, seconds: float) -> None:
        """Take what each side gave in a pair."""
        self.pairs.append(pair)
        self.seconds.append(seconds)
        for kept, reading in zip(self.readings, readings, strict=True):
            kept.append(reading)
        if len(readings) < 2:
            return
        base, head = readings
        for name, values in head.values.items():
            theirs, metric = base.values.get(name, []), self.metric(name)
            if metric.kind is not Kind.NOISY:
                continue
            usable = theirs and min(*theirs, *values) > 0
            effect = pair_effect(self.design, theirs, values) if usable else math.nan
            self.effects.setdefault(name, []).append(effect)

    def seen(self, name: str) -> Effects:
        """Return the effects of the pairs that gave this metric on both sides, positive where head is more."""
        values = self.effects[name]
        if not any(map(math.isnan, values)):
            return Effects(values=tuple(values))
        pairs = [[reading.values.get(name) for reading in pair] for pair in zip(*self.readings, strict=True)]
        return pair_effects(self.design, [(base, head) for base, head in pairs if base and head])

    def questions(self, policy: Policy) -> list[Asked]:
        """Return all that the report will ask of it: who asks less at a look stops too early."""
        found: list[Asked] = []
        for name in dict.fromkeys(
            name for readings in self.readings for reading in readings for name in reading.values
        ):
            sli = policy.stated(Sli(benchmark=self.benchmark, metric=self.metric(name)))
            rule = policy.rule_for(sli)
            if rule is None or sli.metric.kind is Kind.EXACT:
                continue
            found += self._noisy(sli.metric, rule) if sli.metric.kind is Kind.NOISY else self._counted(name, rule)
        return found

    def _noisy(self, metric: Metric, rule: Rule) -> list[Asked]:
        name, worse = metric.name, sign(metric)
        if name not in self.effects:
            return []  # only one side has it, and no pair more changes that
        effects = self.seen(name).signed(worse)
        effects = replace(effects, values=_until_look(effects.values, self.planned))
        base, head = (
            [describe.median(values) for reading in readings if (values := reading.values.get(name))]
            for readings in self.readings
        )
        level = describe.median(base) if base else 0.0
        change = Question.about(metric, rule, effects, planned=self.planned, base=level)
        if rule.slo is None or not effects:
            return [change]
        return [change, within(rule, head[: len(effects)], self.planned, worse=worse)]

    def _counted(self, name: str, rule: Rule) -> list[Asked]:
        shared = [
            [(round(reading.values[name][0] * reading.trials[name]), reading.trials[name]) for reading in pair]
            for pair in zip(*self.readings, strict=True)
            if all(name in reading.values for reading in pair)
        ]
        if not shared:
            return []
        base, head = (tuple(pair[side] for pair in shared) for side in (0, 1))
        change = CountQuestion(rule=rule, counts=Counts(base=base, head=head))
        return [change] if rule.slo is None else [change, ShareQuestion(rule=rule, counts=head)]

    def samples(self, side: int) -> list[Sample]:
        """Return what was measured of one side, of each metric in those pairs that gave it."""
        readings = self.readings[side] if self.readings else []
        names = dict.fromkeys(name for reading in readings for name in reading.values)
        return [self._sample(name, readings) for name in names]

    def _sample(self, name: str, readings: Sequence[Reading]) -> Sample:
        there = [(pair, reading) for pair, reading in zip(self.pairs, readings, strict=True) if name in reading.values]
        metric = self.metric(name)
        return Sample(
            sli=Sli(benchmark=self.benchmark, metric=metric),
            processes=Processes(reading.values[name] for _, reading in there),
            pairs=tuple(pair for pair, _ in there),
            trials=tuple(reading.trials[name] for _, reading in there) if metric.kind is Kind.COUNTED else (),
            design=self.design,
            planned=self.planned,
            pair_s=self.pair_s,
            warnings=(
                *self.warnings,
                *self.notes.get(name, ()),
                *self._blind(name, [v for _, reading in there for v in reading.values[name]]),
                *self._partly(name, len(there)),
            ),
        )

    def _partly(self, metric: str, there: int) -> tuple[Warning, ...]:
        if there == len(self.pairs):
            return ()
        text = f"{metric} is there in {there} of {len(self.pairs)} pairs only: what the others lack may be the change"
        return (Warning(code="gaps", text=text, hides=True),)

    def _blind(self, metric: str, values: Sequence[float]) -> tuple[Warning, ...]:
        least = self.least.get(metric, 0.0)
        if not least or describe.median(values) > least * JUST_ABOVE:
            return ()
        text = (
            f"{metric}: at least one side needs no more than the process that started it ({least / 2**20:.1f} MiB), "
            "so a change below that does not show"
        )
        return (Warning(code="hidden", text=text, hides=True),)


def _until_look(effects: Sequence[float], planned: int) -> tuple[float, ...]:
    """Return the effects up to the last scheduled look, because nothing is decided between looks."""
    pairs = next((n for n in range(len(effects), FIRST_LOOK - 1, -1) if is_look(n, planned)), 0)
    return tuple(effects[:pairs])


class Measured(ABC):
    """One suite on one or two sides, being measured."""

    def __init__(self, name: str, sides: Sequence[PreparedSide], around: Circumstances) -> None:
        self.name, self.sides, self.around = name, tuple(sides), around
        self.tracks: MutableMapping[str, Any] = {}  # of Track, or of what a suite adds to one
        self.separable = False  # whether leaving a benchmark out saves its time
        self.startup_guess_s = 0.0
        self.failures: tuple[dict[str, Failure], ...] = tuple({} for _ in sides)
        self.facts: tuple[list[ProcessFacts], ...] = tuple([] for _ in sides)
        self.distributions: tuple[list[Distribution], ...] = tuple([] for _ in sides)
        self.counted: tuple[list[Sample], ...] = tuple([] for _ in sides)
        self.described: tuple[list[Description], ...] = tuple([] for _ in sides)
        self.python: tuple[tuple[tuple[str, str], ...], ...] = ()
        self.warnings: list[Warning] = []
        self.startups: list[float] = []
        self.busy_s = 0.0
        self.resources = ExitStack()  # what outlives a pair
        self.control: list[float] = []  # log ratios of base against itself, one a pair
        self.count: Callable[[], None] | None = None
        """Counts what is exact, in the time that is left after timing; where that is wanted."""
        self._provenance: Provenance | None = None
        self.others: set[str] = set()  # benchmarks that are not selected
        self.wanted: tuple[str, ...] = ()  # metrics that are measured instead of the time, or beside it

    @abstractmethod
    def explore(self) -> None:
        """Find out what there is to measure on both sides, and plan.

        Raises: MeasureError where head offers nothing.
        """

    def guard(self) -> bool:
        """Begin to measure base against itself beside the rest; return whether this suite can."""
        return False

    @abstractmethod
    def run_pair(self, number: int) -> None:
        """Run pair `number` of what is open."""

    @abstractmethod
    def offered(self, side: int) -> tuple[Benchmark, ...]:
        """Return the benchmarks that a side has, measured or not."""

    def expected_s(self) -> float:
        """Return the seconds that the next pair will take, judged by those before."""
        return self.startup_s + float(sum(track.pair_s for track in self.tracks.values() if track.open))

    @property
    def provenance(self) -> Provenance:
        """What is known of whose code the sides run."""
        self._provenance = self._provenance or Provenance(self.around.repository, self.sides)
        return self._provenance

    def drop(self, name: str, text: str) -> None:
        """Stop measuring a benchmark that the budget has no time for; the report says so."""
        del self.tracks[name]
        for side in range(len(self.sides)):
            self._fail(side, name, Reason.NO_TIME, text)

    @property
    def startup_s(self) -> float:
        """What starting a pair's processes takes, in seconds; before the first pair, as exploring saw it."""
        return fmean(self.startups) if self.startups else self.startup_guess_s

    def _fail(self, side: int, name: str, reason: Reason, text: str, *, metrics: tuple[str, ...] | None = None) -> None:
        """Note that a benchmark gave nothing, or did not give `metrics`; None is all that was wanted."""
        benchmark = self._benchmark(name)
        whole = metrics is None and reason not in (Reason.NO_TIME, Reason.BAD_VALUE)
        wanted = self.wanted if whole else metrics or ()
        self.failures[side][name] = Failure(benchmark=benchmark, reason=reason, text=text.strip(), metrics=wanted)

    def _failed(self, side: int, name: str) -> bool:
        """Return whether a side gave nothing at all for a benchmark."""
        failure = self.failures[side].get(name)
        return failure is not None and not failure.partial

    def _benchmark(self, name: str) -> Benchmark:
        return Benchmark.of(self.name, name)


class AnyJob(Protocol):
    """A suite as configured, of whatever kind."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    def begin(self, sides: Sequence[PreparedSide], around: Circumstances) -> Measured:
        """Return what measures it."""
        ...

    def alone(self) -> Self:
        """Return it for one side."""
        ...


def metric_named(name: str) -> Metric:
    """Return the metric that a runner calls `name`.

    Raises: MeasureError for an unknown name.
    """
    if name not in METRICS:
        raise MeasureError(f"a runner reports the metric {name!r}, which perfgate does not know")
    return METRICS[name]
