"""Values gathered from a file, by benchmark and metric and process, until they are a run."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from perfgate.core.model import (
    METRICS,
    RATE,
    TIME,
    Benchmark,
    Design,
    Direction,
    Environment,
    Failure,
    Metric,
    Reason,
    Revision,
    Run,
    Sample,
    Sli,
    Warning,
)
from perfgate.core.processes import Processes
from perfgate.core.units import BYTES, SECONDS, Unit
from perfgate.errors import FileError
from perfgate.formats.document import Document

_SECONDS = {
    **SECONDS, "nanosecond": 1e-9, "nanoseconds": 1e-9, "microseconds": 1e-6, "μs": 1e-6, "milliseconds": 1e-3,
    "sec": 1.0, "second": 1.0, "seconds": 1.0,
}  # fmt: skip
_BYTES = {**BYTES, "byte": 1.0, "bytes": 1.0, "b": 1.0, "KB": 1e3, "Kb": 1e3, "kb": 1e3}
_COUNTS = {"K": 1e3, "M": 1e6, "G": 1e9}


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A unit as a tool writes it: what is measured, and the factor that makes a base unit of it."""

    metric: Metric
    factor: float


def unit_named(text: str) -> Read:
    """Return what "ns/op", "MB/s", "ops/sec" or "widgets" measures; what is unknown is a metric of that name.

    A unit says nothing of which way is better: what is per second is taken to be better when it is more.
    """
    plain = text.strip()
    whole, _, per = plain.partition("/")
    if whole in _SECONDS and per in ("", "op", "iter", "iteration"):
        return Read(metric=TIME, factor=_SECONDS[whole])
    if per in _SECONDS and (rate := _rate(whole)):
        return Read(metric=rate.metric, factor=rate.factor / _SECONDS[per])
    if plain in _BYTES:
        return Read(metric=Metric(name="size", unit=Unit.BYTE), factor=_BYTES[plain])
    return Read(metric=Metric(name=slug(plain) or "value", unit=Unit.ONE), factor=1.0)


def _rate(what: str) -> Read:
    if what in _BYTES:
        metric = Metric(name="bytes-per-second", unit=Unit.PER_SECOND, direction=Direction.HIGHER)
        return Read(metric=metric, factor=_BYTES[what])
    if what.lower() in ("op", "ops", "iter", "iters", "req", "reqs", "requests", "iterations", ""):
        return Read(metric=RATE, factor=1.0)
    if what[:1] in _COUNTS and what[1:].lower() in ("op", "ops", "iter"):
        return Read(metric=RATE, factor=_COUNTS[what[0]])
    metric = Metric(name=slug(f"{what}-per-second"), unit=Unit.PER_SECOND, direction=Direction.HIGHER)
    return Read(metric=metric, factor=1.0)


def slug(text: str) -> str:
    """Return a metric's name made of any text: what a rule can name after a colon."""
    return "-".join("".join(c if c.isalnum() or c in "._" else " " for c in text.lower()).split())[:80]


@dataclass(slots=True)
class Readings:
    """What a file says so far."""

    document: Document
    suite: str
    revision: Revision | None = None
    facts: Mapping[str, object] = field(default_factory=dict)
    started: str = ""
    _values: dict[Sli, dict[object, list[float]]] = field(default_factory=dict)
    _counts: dict[Sli, dict[object, tuple[float, int]]] = field(default_factory=dict)
    _failures: dict[Benchmark, Failure] = field(default_factory=dict)
    _named: dict[Benchmark, None] = field(default_factory=dict)
    _warnings: list[Warning] = field(default_factory=list)

    def add(self, name: str, metric: Metric, values: Iterable[float], *, process: object = 0) -> None:
        """Keep values of one process, in base units and measured order; what is no measurement fails its benchmark."""
        self.add_processes(name, metric, {process: list(map(float, values))})

    def add_processes(
        self, name: str, metric: Metric, processes: Mapping[str, list[float]] | Mapping[object, list[float]]
    ) -> None:
        """Keep values of several processes."""
        kept = self._values.setdefault(Sli(benchmark=self.benchmark(name), metric=metric), {})
        least = 0.0 if metric.name != TIME.name else math.ulp(0.0)
        for process, values in processes.items():
            if values and min(values) >= least and math.isfinite(sum(values)):  # then each is
                kept.setdefault(process, []).extend(values)
            else:
                self._add_doubtful(name, metric, values, kept.setdefault(process, []))

    def _add_doubtful(self, name: str, metric: Metric, values: Sequence[float], kept: list[float]) -> None:
        for value in values:
            if not math.isfinite(value) or value < 0 or (metric.name == TIME.name and value == 0):
                self.fail(name, Reason.BAD_VALUE, f"{metric.name} came out as {value:g}")
                return
            kept.append(value)

    def count(self, name: str, metric: str, bad: int, of: int, *, process: object = 0) -> None:
        """Keep how many of how many came out badly.

        Raises: FileError for more than there were.
        """
        sli = Sli(benchmark=self.benchmark(name), metric=METRICS[metric])
        if not 0 <= bad <= of:
            raise FileError(f"{self.document.name}: {name!r} has {bad} {metric} of {of}")
        if of:
            self._counts.setdefault(sli, {})[process] = (bad / of, of)

    def fail(self, name: str, reason: Reason, text: str) -> None:
        """Say that a benchmark gave no number."""
        benchmark = self.benchmark(name)
        self._failures.setdefault(benchmark, Failure(benchmark=benchmark, reason=reason, text=text[:2000]))

    def warn(self, code: str, text: str) -> None:
        """Say what is doubtful of the whole file."""
        self._warnings.append(Warning(code=code, text=text))

    def once(self, name: str, seen: set[str]) -> None:
        """Refuse a second benchmark of a name where that cannot be another measurement of the first.

        Raises: FileError.
        """
        if name in seen:
            raise FileError(f"{self.document.name}: two benchmarks are called {name!r}")
        seen.add(name)

    def benchmark(self, name: str) -> Benchmark:
        """Return the benchmark of that name.

        Raises: FileError where it has none.
        """
        if not name.strip():
            raise FileError(f"{self.document.name}: a benchmark without a name")
        found = Benchmark(suite=self.suite, name=name)
        self._named[found] = None
        return found

    def run(self) -> Run:
        """Return what the file says as a whole.

        Raises: FileError where it names no benchmark at all.
        """
        if not self._named:
            raise FileError(f"{self.document.name} holds no benchmark", hint="did the run that made it end early?")
        samples = [self._sample(sli, list(found.values())) for sli, found in self._values.items()]
        for sli, counted in self._counts.items():
            shares = [[share] for share, _ in counted.values()]
            samples.append(self._sample(sli, shares, trials=[of for _, of in counted.values()]))
        there = {sample.sli.benchmark for sample in samples if sample is not None}
        for benchmark in self._named:
            if benchmark not in there:
                self.fail(benchmark.name, Reason.NOTHING, "the file names it, and holds no value of it")
        return Run(
            revision=self.revision or Revision(label=self.document.name),
            environment=Environment(facts=tuple((key, str(value)) for key, value in self.facts.items() if value)),
            samples=tuple(sample for sample in samples if sample is not None),
            failures=tuple(self._failures.values()),
            warnings=tuple(self._warnings),
            started=self.started,
        )

    def _sample(self, sli: Sli, processes: Sequence[Sequence[float]], *, trials: Sequence[int] = ()) -> Sample | None:
        there = Processes(values for values in processes if values)
        if not there or sli.benchmark in self._failures:
            return None
        pairs = tuple(range(1, len(there) + 1))
        return Sample(sli=sli, processes=there, pairs=pairs, design=Design.ALONE, trials=tuple(trials))
