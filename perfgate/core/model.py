"""What is measured and what came out, as immutable values.

Separate from how it is measured, stored, judged and shown: everything else speaks in these nouns.
"""

import hashlib
import json
import math
import unicodedata
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from perfgate.core.load.histogram import Histogram
from perfgate.core.processes import Processes
from perfgate.core.units import Unit


class Direction(StrEnum):
    """Which way is better."""

    LOWER = "lower"
    HIGHER = "higher"


class Kind(StrEnum):
    """What repeating a measurement gives, and so how two sides are told apart."""

    NOISY = "noisy"
    """Another value."""
    EXACT = "exact"
    """The same value."""
    COUNTED = "counted"
    """So many bad ones of so many: a share whose chance is known."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Metric:
    """What is read off a benchmark."""

    name: str
    unit: Unit
    direction: Direction = Direction.LOWER
    kind: Kind = Kind.NOISY
    diagnostic: bool = False
    """Recorded beside the others and judged only where a rule names it: CPU time misreads threads."""
    guessed: bool = field(default=False, compare=False)
    """The file that it comes from does not say which way is better: `direction` is a guess."""


TIME = Metric(name="time", unit=Unit.SECOND)
CPU = Metric(name="cpu", unit=Unit.SECOND, diagnostic=True)
PEAK_MEMORY = Metric(name="peak-memory", unit=Unit.BYTE)
_LOAD = (
    *(Metric(name=f"latency.{part}", unit=Unit.SECOND) for part in ("p50", "mean", "p95")),
    *(Metric(name=f"latency.{part}", unit=Unit.SECOND, diagnostic=True) for part in ("p90", "p99", "max")),
    *(
        Metric(name=f"service-time.{part}", unit=Unit.SECOND, diagnostic=True)
        for part in ("p50", "mean", "p90", "p95", "p99", "max")
    ),
    *(Metric(name=name, unit=Unit.SHARE, kind=Kind.COUNTED) for name in ("errors", "dropped", "slow")),
    *(Metric(name=name, unit=Unit.ONE, kind=Kind.EXACT) for name in ("queries", "queries.repeated")),
    *(Metric(name=name, unit=Unit.PER_SECOND, direction=Direction.HIGHER) for name in ("capacity", "capacity.slo")),
    Metric(name="throughput", unit=Unit.PER_SECOND, direction=Direction.HIGHER, diagnostic=True),
    Metric(name="cpu-per-request", unit=Unit.SECOND, diagnostic=True),
    Metric(name="ready-time", unit=Unit.SECOND, diagnostic=True),
    *(Metric(name=name, unit=Unit.BYTE, diagnostic=True) for name in ("rss", "rss-growth")),
    *(Metric(name=name, unit=Unit.ONE, diagnostic=True) for name in ("in-flight.max", "cpus")),
    Metric(name="pressure.cpu", unit=Unit.SHARE, diagnostic=True),
)
_EXACT = (
    *(Metric(name=name, unit=Unit.ONE, kind=Kind.EXACT) for name in ("instructions", "allocations", "calls")),
    *(Metric(name=name, unit=Unit.BYTE, kind=Kind.EXACT) for name in ("bytes", "peak-memory.own")),
)
RATE = Metric(name="rate", unit=Unit.PER_SECOND, direction=Direction.HIGHER)
"""A benchmark's rate as another tool reported it; perfgate itself measures times."""
METRICS = {metric.name: metric for metric in (TIME, CPU, PEAK_MEMORY, RATE, *_EXACT, *_LOAD)}
"""Those of load probes are explained in docs/load.md."""
_SIGNED = ("rss-growth",)


def sensible(metric: Metric, value: float) -> bool:
    """Return whether a value can be a measurement: finite, no time of zero, nothing negative that cannot be."""
    if metric.name == TIME.name:
        return 0 < value < math.inf
    return math.isfinite(value) and (value >= 0 or metric.name not in METRICS or metric.name in _SIGNED)


LONGEST_NAME = 500  # characters of a benchmark's name
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters by their category that show nothing."""


def legible(text: str) -> str:
    """Return a text on one line whose characters can all be seen: any other is written as its escape, `\\u202e`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if is_legible(char) else char.encode("unicode_escape").decode() for char in text)


def is_legible(char: str) -> bool:
    """Return whether a character shows something, and does nothing else to a line or to what is beside it."""
    return char not in _BLANK and unicodedata.category(char) not in _UNSEEN


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Benchmark:
    """What is measured: a name that is unique within its suite."""

    suite: str
    name: str

    @classmethod
    def of(cls, suite: str, name: str) -> Self:
        """Return the benchmark that a tool calls `name`, in at most `LONGEST_NAME` characters that can all be seen."""
        name = legible(name)
        if len(name) > LONGEST_NAME:
            digest = hashlib.sha256(name.encode()).hexdigest()[:12]
            name = f"{name[: LONGEST_NAME - len(digest) - 1]}…{digest}"
        return cls(suite=suite, name=name)

    def __str__(self) -> str:
        return f"{self.suite}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Sli:
    """One metric of one benchmark, written `suite/name:metric`."""

    benchmark: Benchmark
    metric: Metric

    def __str__(self) -> str:
        return f"{self.benchmark}:{self.metric.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Warning:
    """Doubt that stands beside a number: a stable kebab-case code, a sentence, what would settle it."""

    code: str
    text: str
    hides: bool = False
    """A change may be there and not show: nothing passes beside it."""


class Design(StrEnum):
    """How the two sides shared the machine."""

    TURNS = "turns"
    """Alive together, taking turns on one CPU."""
    SEQUENTIAL = "sequential"
    """One process after the other: where turns are not to be had."""
    LOAD = "load"
    """Alive together under the same load."""
    ALONE = "alone"
    """One side only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The values of one SLI on one side, grouped by process, in measured order."""

    sli: Sli
    processes: Processes
    """Made of any numbers that are grouped by process."""
    pairs: tuple[int, ...]
    """The pair that each process belongs to: equal numbers on both sides were alive together."""
    design: Design
    """How it was measured, and so how a pair is read."""
    planned: int = 0
    """Pairs that the schedule allowed at most; 0 where nothing was planned (a file, one side alone)."""
    pair_s: float = 0.0
    """Mean seconds that this benchmark took of one pair, both sides; prices what is missing."""
    warnings: tuple[Warning, ...] = ()
    trials: tuple[int, ...] = ()
    """Of a counted metric: how many each process's single value is a share of."""

    def __post_init__(self) -> None:
        if not isinstance(self.processes, Processes):
            object.__setattr__(self, "processes", Processes(self.processes))
        if len(self.trials) != (len(self.pairs) if self.sli.metric.kind is Kind.COUNTED else 0):
            raise ValueError(f"{self.sli}: {len(self.trials)} counts of trials for {len(self.pairs)} pairs")
        if len(self.processes) != len(self.pairs):
            raise ValueError(f"{self.sli}: {len(self.processes)} processes but {len(self.pairs)} pairs")
        if len(set(self.pairs)) != len(self.pairs):
            raise ValueError(f"{self.sli}: a pair is listed twice")
        if not self.processes.each and not all(self.processes or [()]):
            raise ValueError(f"{self.sli}: a process without values")
        # A sum is finite only where all its parts are.
        if not math.isfinite(sum(self.processes.flat)) and not all(map(math.isfinite, self.processes.flat)):
            raise ValueError(f"{self.sli}: a value that is not finite")


class Reason(StrEnum):
    """Why a benchmark gave no sample."""

    RAISED = "raised"
    TIMEOUT = "timeout"
    DIED = "died"
    SKIPPED = "skipped"
    ABSENT = "absent"
    BAD_VALUE = "bad-value"
    UNFAIR = "unfair"
    """It was measured, and what was measured says nothing of the code."""
    NOTHING = "nothing-measured"
    NO_TIME = "no-time"
    """The time budget ended before its turn; with `metrics`, only these are lacking."""
    NO_BASELINE = "no-baseline"
    """Said of base: no stored run may stand for it."""


def gone(benchmark: "Benchmark") -> str:
    """Return what is said of a benchmark that vanished, with the line that lets it go."""
    name = json.dumps(str(benchmark), ensure_ascii=False)  # TOML escapes quotes and line ends as JSON does
    return f"base has it, head has not; if that is meant, write under [perfgate]: retired = [{name}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A benchmark without a sample, and the reason."""

    benchmark: Benchmark
    reason: Reason
    text: str
    metrics: tuple[str, ...] = ()
    """The other metrics that the suite measures; their rules apply too. If `partial`, only these are missing."""

    @property
    def partial(self) -> bool:
        """Whether only `metrics` are missing and the rest was measured."""
        return self.reason in (Reason.NO_TIME, Reason.BAD_VALUE) and bool(self.metrics)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Facts of the machine and the toolchain: runs compare only within one fingerprint."""

    facts: tuple[tuple[str, str], ...]

    @property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits that are equal exactly where all facts are."""
        return hashlib.sha256(repr(sorted(self.facts)).encode()).hexdigest()[:12]

    def plus(self, facts: Mapping[str, str]) -> "Environment":
        """Return the environment with what the user adds."""
        return Environment(facts=tuple({**dict(self.facts), **facts}.items()))

    def differences(self, other: "Environment") -> tuple[str, ...]:
        """Name each fact that differs, with both values."""
        mine, theirs = dict(self.facts), dict(other.facts)
        return tuple(
            f"{name}: {mine.get(name, 'unknown')} against {theirs.get(name, 'unknown')}"
            for name in sorted(mine.keys() | theirs.keys())
            if mine.get(name) != theirs.get(name)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """Which code was measured."""

    label: str
    """As a person named it: `HEAD~1`, `working tree`, a file's name."""
    commit: str | None = None
    dirty: bool = False
    """The working tree had uncommitted changes; `commit` is then one that perfgate made of them."""

    def __str__(self) -> str:
        if self.dirty:
            return f"{self.label} with changes"
        if self.commit is None:
            return self.label
        short = self.commit[:9]
        return short if self.commit.startswith(self.label) else f"{self.label} ({short})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessFacts:
    """What was drawn for one process, and what it met."""

    pair: int
    suite: str
    cpu: int | None
    hash_seed: int
    layout_seed: int
    layout: tuple[int, ...] = ()
    """Objects allocated, bytes kept, functions compiled before the first import."""
    preempted: int = 0
    """Involuntary context switches while it measured."""
    ran_s: float = 0.0
    """CPU seconds of its main thread while it measured; 0 where the system does not say."""
    starved_s: float = 0.0
    """Seconds in which that thread could have run, and other processes had its CPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One of several jobs that share the benchmarks of one measurement; both sides share them alike."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def holds(self, benchmark: Benchmark) -> bool:
        """Return whether a benchmark is this job's, by its name alone: one that head adds or lost moves no other."""
        return zlib.crc32(str(benchmark).encode()) % self.of == self.number - 1


WHOLE = Part(number=1, of=1)
PREPARING, EXPLORING, MEASURING, COUNTING = PHASES = ("preparing", "exploring", "measuring", "counting")


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """How a run was measured, so that it can be repeated and weighed."""

    seed: int
    budget_s: float
    took_s: float
    overhead_s: float
    """Seconds of `took_s` in which no benchmark ran: start-up, set-up, hand-over."""
    startup_s: float
    """Mean seconds that one pair of processes needs before its first benchmark."""
    controls: tuple[tuple[float, ...], ...] = ()
    """Pairs' log ratios of base against itself, of one benchmark, in the same minutes; one of them a job."""
    phases: tuple[tuple[str, float], ...] = ()
    """What the time went into, in seconds: preparing (which is not in `took_s`), exploring, measuring, counting."""
    enough_s: float = 0.0
    """The budget that holds every benchmark, where this one did not; else 0."""


def starved_share(*runs: "Run") -> float:
    """Return the share of the time in which benchmarks could run and other processes had their CPU; 0 if unknown."""
    ran_s = sum(facts.ran_s for run in runs for facts in run.processes)
    starved_s = sum(facts.starved_s for run in runs for facts in run.processes)
    return starved_s / (ran_s + starved_s) if ran_s > 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """All latencies of one benchmark in one start of one side."""

    benchmark: Benchmark
    metric: str
    """`latency` or `service-time`."""
    pair: int
    histogram: Histogram


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a benchmark's author says of it: metadata, never judged."""

    benchmark: Benchmark
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What was measured of one side; two runs of one `measurement` are paired process by process."""

    revision: Revision
    environment: Environment
    samples: tuple[Sample, ...]
    failures: tuple[Failure, ...] = ()
    offered: tuple[Benchmark, ...] = ()
    """Benchmarks that this side has, measured or not: what failed on the other side is not missing here."""
    measurement: str | None = None
    method: Method | None = None
    processes: tuple[ProcessFacts, ...] = ()
    warnings: tuple[Warning, ...] = ()
    started: str = ""
    """UTC, ISO 8601."""
    part: Part = WHOLE
    distributions: tuple[Distribution, ...] = ()
    described: tuple[Description, ...] = ()

    def __post_init__(self) -> None:
        if len({sample.sli for sample in self.samples}) != len(self.samples):
            raise ValueError("an SLI is listed twice in one run")

    @property
    def benchmarks(self) -> frozenset[Benchmark]:
        """Everything that this side has, or failed to have."""
        measured = frozenset(sample.sli.benchmark for sample in self.samples)
        return measured | frozenset(failure.benchmark for failure in self.failures) | frozenset(self.offered)
