"""Runs made by hand for tests of the core."""

import math
from collections.abc import Sequence
from random import Random

from perfgate.core.baseline import StoredRun
from perfgate.core.levels import Level
from perfgate.core.model import (
    TIME,
    Benchmark,
    Design,
    Direction,
    Environment,
    Failure,
    Kind,
    Method,
    Metric,
    Reason,
    Revision,
    Run,
    Sample,
    Sli,
)
from perfgate.core.units import Unit

HERE = Environment(facts=(("cpu", "model X"), ("python", "cpython 3.11")))
THERE = Environment(facts=(("cpu", "model Y"), ("python", "cpython 3.11")))
BYTES = Metric(name="bytes", unit=Unit.BYTE, kind=Kind.EXACT)
THROUGHPUT = Metric(name="throughput", unit=Unit.PER_SECOND, direction=Direction.HIGHER)
METHOD = Method(seed=1, budget_s=600, took_s=60, overhead_s=10, startup_s=1.5)


def sli(name: str = "parse", metric: Metric = TIME) -> Sli:
    return Sli(benchmark=Benchmark(suite="micro", name=name), metric=metric)


def sample(
    values: Sequence[Sequence[float]],
    name: str = "parse",
    *,
    metric: Metric = TIME,
    design: Design = Design.TURNS,
    planned: int = 42,
) -> Sample:
    return Sample(
        sli=sli(name, metric),
        processes=tuple(tuple(process) for process in values),
        pairs=tuple(range(len(values))),
        design=design,
        planned=planned,
        pair_s=0.1,
    )


def run(
    *samples: Sample,
    failures: Sequence[Failure] = (),
    measurement: str | None = "m",
    environment: Environment = HERE,
    label: str = "main",
    offered: Sequence[Benchmark] = (),
) -> Run:
    return Run(
        revision=Revision(label=label, commit="0123456789abcdef"),
        environment=environment,
        samples=samples,
        failures=tuple(failures),
        offered=tuple(offered),
        measurement=measurement,
        method=METHOD,
        started="2026-03-04T05:06:07+00:00",
    )


def stored(values: Sequence[float], metric: Metric = TIME) -> tuple[StoredRun, ...]:
    """Stored runs of one SLI, one value each."""
    return tuple(
        StoredRun(
            commit=f"{number:040x}", suite="micro", environment=HERE, committed="", started="",
            levels={sli(metric=metric): Level(median=value, low=value, high=value, n=1)},
        )
        for number, value in enumerate(values)
    )  # fmt: skip


def failure(name: str = "parse", reason: Reason = Reason.RAISED, text: str = "ValueError: no") -> Failure:
    return Failure(benchmark=Benchmark(suite="micro", name=name), reason=reason, text=text)


def noisy_pair(
    effect: float,
    *,
    pairs: int = 12,
    spread: float = 0.01,
    seed: int = 1,
    name: str = "parse",
    metric: Metric = TIME,
    planned: int = 42,
) -> tuple[Sample, Sample]:
    """Two sides whose pairs differ by `effect` (a share) with normal noise between pairs."""
    rng = Random(seed)
    base, head = [], []
    for _ in range(pairs):
        level = 1e-3 * math.exp(rng.gauss(0, 0.05))
        shift = math.log1p(effect) + rng.gauss(0, spread)
        base.append([level * math.exp(rng.gauss(0, 0.002)) for _ in range(20)])
        head.append([level * math.exp(shift + rng.gauss(0, 0.002)) for _ in range(20)])
    return (
        sample(base, name, metric=metric, planned=planned),
        sample(head, name, metric=metric, planned=planned),
    )
