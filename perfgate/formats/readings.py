"""Values gathered from a file, by benchmark and metric and process, until they are a run."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

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
    sensible,
)
from perfgate.core.processes import Processes
from perfgate.core.units import BYTES, SECONDS, Unit
from perfgate.errors import FileError
from perfgate.formats.document import Document

_SECONDS = {
    **SECONDS,
    **dict.fromkeys(("nsec", "nanosecond", "nanoseconds"), 1e-9),
    **dict.fromkeys(("μs", "usec", "microsecond", "microseconds"), 1e-6),
    **dict.fromkeys(("msec", "millis", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("hr", "hrs", "hour", "hours"), 3600.0),
    **dict.fromkeys(("day", "days"), 86400.0),
}
_BYTES = {
    **BYTES,
    **dict.fromkeys(("b", "byte", "bytes"), 1.0),
    **dict.fromkeys(("KB", "Kb", "kb", "kilobyte", "kilobytes"), 1e3),
    **dict.fromkeys(("mb", "megabyte", "megabytes"), 1e6),
    **dict.fromkeys(("gb", "gigabyte", "gigabytes"), 1e9),
    **dict.fromkeys(("TB", "terabyte", "terabytes"), 1e12),
    **dict.fromkeys(("kib", "kibibyte", "kibibytes"), 2.0**10),
    **dict.fromkeys(("mib", "mebibyte", "mebibytes"), 2.0**20),
    **dict.fromkeys(("gib", "gibibyte", "gibibytes"), 2.0**30),
}
_BITS = re.compile(r"([kKMGT]?)(?:bit|bits|bps|b)")
_PREFIXES = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_RATES = ("fps", "rps", "qps", "tps", "ips", "iops", "hz")
_EACH = ("", "op", "ops", "operation", "iter", "iteration", "call", "exec", "run", "loop")
_OPERATIONS = ("", "op", "ops", "operations", "iter", "iters", "iterations", "req", "reqs", "requests")
_COSTS = re.compile(r"miss|fault|error|fail|instruction|cycle|alloc", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A unit as a tool writes it: what is measured, and the factor that makes a base unit of it."""

    metric: Metric
    factor: float


def unit_named(text: str) -> Read:
    """Return what "ns/op", "MB/s", "Ops/Sec", "fps" or "widgets" measures; an unknown unit is a metric of that name.

    Times and sizes are better when they are lower, and whatever is counted per second when it is higher. Of an unknown
    unit nothing says which way is better, so its direction is marked as guessed.
    """
    plain = text.strip()
    whole, per = (part.strip() for part in (*re.split(r"/| per ", plain, maxsplit=1), "")[:2])
    span = (_factor(_SECONDS, per) or SECONDS.get(per.lower())) if per else None
    if per.lower() in _EACH or span is None:
        return _amount(plain, whole, per)
    rate = _rate(whole)
    return Read(metric=rate.metric, factor=rate.factor / span)


def _amount(plain: str, whole: str, per: str) -> Read:
    """Return what is measured in `whole`, by operation or by something else that is no time."""
    each, name = per.lower() in _EACH, {"%": "percent"}.get(plain, slug(plain)) or "value"
    if (seconds := _factor(_SECONDS, whole)) is not None:
        return Read(metric=TIME if each else Metric(name=name, unit=Unit.SECOND), factor=seconds)
    if plain.lower() in _RATES:
        return Read(metric=Metric(name=plain.lower(), unit=Unit.PER_SECOND, direction=Direction.HIGHER), factor=1.0)
    if plain.endswith("bps") and _BITS.fullmatch(plain):
        return _rate(plain)
    if plain.endswith("Bps") and plain[:-2] in _BYTES:
        return _rate(plain[:-2])
    if each and (size := _factor(_BYTES, whole)) is not None:
        return Read(metric=Metric(name=name if per else "size", unit=Unit.BYTE), factor=size)
    known = name in METRICS or bool(_COSTS.search(name))
    return Read(metric=Metric(name=name, unit=Unit.ONE, guessed=not known), factor=1.0)


def _factor(table: Mapping[str, float], unit: str) -> float | None:
    """Return the factor of a unit; one that is longer than a letter may be written in capitals."""
    return table.get(unit) if unit in table or len(unit) < 2 else table.get(unit.lower())


def _rate(what: str) -> Read:
    """Return what is measured by `what` per second."""
    if what not in ("b", "kb", "Kb") and (bits := _BITS.fullmatch(what)):
        metric = Metric(name="bits-per-second", unit=Unit.PER_SECOND, direction=Direction.HIGHER)
        return Read(metric=metric, factor=_PREFIXES[bits[1]])
    if (size := _factor(_BYTES, what)) is not None:
        metric = Metric(name="bytes-per-second", unit=Unit.PER_SECOND, direction=Direction.HIGHER)
        return Read(metric=metric, factor=size)
    if what.lower() in _OPERATIONS:
        return Read(metric=RATE, factor=1.0)
    if what[:1] in _PREFIXES and what[1:].lower() in _OPERATIONS[1:]:
        return Read(metric=RATE, factor=_PREFIXES[what[:1]])
    metric = Metric(name=slug(f"{what}-per-second"), unit=Unit.PER_SECOND, direction=Direction.HIGHER)
    return Read(metric=metric, factor=1.0)


def better_when(metric: Metric, better: Direction | None) -> Metric:
    """Return a metric of which a file says which way is better; a time that is better when higher has its own name."""
    if better is None or metric.direction is better:
        return replace(metric, guessed=metric.guessed and better is None)
    name = f"{metric.name}.{better}" if metric.name in METRICS else metric.name
    return replace(metric, name=name, direction=better, guessed=False)


def commit_of(text: str | None) -> str | None:
    """Return a commit that a file names; None for a placeholder such as "unversioned"."""
    return text if text and re.fullmatch(r"[0-9a-fA-F]{7,64}", text) else None


def with_parameters(given: Mapping[str, object]) -> str:
    """Return what tells the cases of one benchmark apart, to go behind its name: "[kind=list,n=1000]", or nothing."""
    return f"[{','.join(f'{key}={value}' for key, value in sorted(given.items()))}]" if given else ""


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
        """Keep values of one process, in base units and measured order; what is no measurement fails this metric."""
        self.add_processes(name, metric, {process: list(map(float, values))})

    def add_processes(
        self, name: str, metric: Metric, processes: Mapping[str, list[float]] | Mapping[object, list[float]]
    ) -> None:
        """Keep values of several processes."""
        kept = self._values.setdefault(Sli(benchmark=self.benchmark(name), metric=metric), {})
        for process, values in processes.items():
            if not (sensible(metric, min(values, default=1.0)) and math.isfinite(sum(values))):  # then each is
                self._refuse(name, metric, values)
            kept.setdefault(process, []).extend(values)

    def _refuse(self, name: str, metric: Metric, values: Sequence[float]) -> None:
        """Fail a metric that has a value which is no measurement."""
        if (wrong := next((value for value in values if not sensible(metric, value)), None)) is not None:
            self.fail(name, Reason.BAD_VALUE, f"{metric.name} came out as {wrong:g}", metrics=(metric.name,))

    def count(self, name: str, metric: str, bad: int, of: int, *, process: object = 0) -> None:
        """Keep how many of how many came out badly.

        Raises: FileError for more than there were.
        """
        sli = Sli(benchmark=self.benchmark(name), metric=METRICS[metric])
        if not 0 <= bad <= of:
            raise FileError(f"{self.document.name}: {name!r} has {bad} {metric} of {of}")
        if of:
            self._counts.setdefault(sli, {})[process] = (bad / of, of)

    def fail(self, name: str, reason: Reason, text: str, *, metrics: tuple[str, ...] = ()) -> None:
        """Say that a benchmark gave no number, or none of these metrics alone."""
        benchmark = self.benchmark(name)
        before = self._failures.get(benchmark)
        if before is None or (before.partial and not metrics):
            found = Failure(benchmark=benchmark, reason=reason, text=text[:2000], metrics=metrics)
        elif before.partial:
            both = tuple(dict.fromkeys([*before.metrics, *metrics]))
            new = both != before.metrics
            found = replace(before, metrics=both, text=f"{before.text}; {text}"[:2000] if new else before.text)
        else:
            return
        self._failures[benchmark] = found

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
        found = Benchmark.of(self.suite, name)
        self._named[found] = None
        return found

    def run(self) -> Run:
        """Return what the file says as a whole.

        Raises: FileError where it names no benchmark at all.
        """
        if not self._named:
            raise FileError(f"{self.document.name} has no benchmark", hint="did the run that made it end early?")
        samples = [self._sample(sli, list(found.values())) for sli, found in self._values.items()]
        for sli, counted in self._counts.items():
            shares = [[share] for share, _ in counted.values()]
            samples.append(self._sample(sli, shares, trials=[of for _, of in counted.values()]))
        there = {sample.sli.benchmark for sample in samples if sample is not None}
        for benchmark, failure in self._failures.items():
            if benchmark not in there:  # nothing is left of it
                self._failures[benchmark] = replace(failure, metrics=())
        for benchmark in self._named:
            if benchmark not in there and benchmark not in self._failures:
                self.fail(benchmark.name, Reason.NOTHING, "the file names it, but has no value of it")
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
        failure = self._failures.get(sli.benchmark)
        if not there or (failure and (not failure.partial or sli.metric.name in failure.metrics)):
            return None
        pairs = tuple(range(1, len(there) + 1))
        return Sample(sli=sli, processes=there, pairs=pairs, design=Design.ALONE, trials=tuple(trials))
