"""What one probe sends: the mix, the shape of its load, how long and how often."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from perfgate.core.load.arrivals import Arrival, Phase, arrivals, constant, spike, stress, windows
from perfgate.core.load.traffic import Request

BUSIEST = 0.3  # of the CPU that both sides share: beyond it they disturb each other
USUAL_RATE = 250.0  # 1/s a side, where that keeps the CPU below it
SLOWEST_RATE = 5.0


class Shape(StrEnum):
    """How the rate of arrivals runs."""

    CONSTANT = "constant"
    """Even gaps with a little jitter."""
    POISSON = "poisson"
    """As from many independent users."""
    SPIKE = "spike"
    """Four times the rate in the middle fifth."""
    STRESS = "stress"
    """Four steps up to twice the rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A request that each side gets first, and what is kept of its answer."""

    request: Request
    keep: Mapping[str, str]
    """Field to where it is: a path in the JSON (`user.token`), or `header:NAME`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slo:
    """What a latency must keep, whatever load is sought: "p95 < 50 ms"."""

    label: str
    """`p95`."""
    quantile: float
    bound_s: float

    def __str__(self) -> str:
        return f"{self.label} < {1e3 * self.bound_s:g} ms"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A load probe as configured."""

    requests: tuple[Request, ...]
    rows: tuple[Mapping[str, Any], ...] = ()
    login: Login | None = None
    rate: float | None = None
    """1/s a side; None is measured first: what keeps the CPU below `BUSIEST`, at most `USUAL_RATE`."""
    shape: Shape = Shape.CONSTANT
    stages: tuple[tuple[float, float], ...] = ()
    """(seconds, rate at their end) from `rate` on, instead of a shape."""
    users: int = 0
    """A closed model: so many users, each with one request at a time; 0 is an open one."""
    seconds: float
    """Of load in one start."""
    warmup_s: float
    """At the beginning of it, which does not count."""
    timeout_s: float = 10.0
    starts: int
    slo: Slo | None = None
    """In search of a capacity: what must hold."""
    core_hour: float = 0.0
    """Price of a CPU for an hour, in whatever currency; 0 is unknown."""

    def phases(self, rate: float) -> tuple[Phase, ...]:
        """Return how the rate runs in one start."""
        if self.stages:
            total = sum(seconds for seconds, _ in self.stages)
            scale, begins = self.seconds / total, [rate, *(end for _, end in self.stages)]
            return tuple(
                Phase(seconds=seconds * scale, begin=begin, end=end)
                for begin, (seconds, end) in zip(begins, self.stages, strict=False)
            )
        match self.shape:
            case Shape.SPIKE:
                return spike(rate, self.seconds)
            case Shape.STRESS:
                return stress(rate, self.seconds)
            case _:
                return constant(rate, self.seconds)

    def arrivals(self, rate: float, *, sides: int, seed: int, apart: bool) -> list[Arrival]:
        """Draw the arrivals of one start; `apart`: in windows of one side at a time."""
        if apart and sides > 1:
            return windows(rate, self.seconds, seed=seed)
        return arrivals(self.phases(rate), sides=sides, seed=seed, poisson=self.shape is Shape.POISSON)


def fitting_rate(cpu_s: float) -> float:
    """Return the rate (1/s a side) at which requests that cost `cpu_s` on both sides together leave the CPU calm."""
    return max(SLOWEST_RATE, min(USUAL_RATE, BUSIEST / cpu_s if cpu_s > 0 else USUAL_RATE))
