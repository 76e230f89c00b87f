"""In search of a capacity: in each start the sides take turns, first with ever more users, then at open rates.

The change is told by the curve through the users' steps, which is steady; the open rates are where an SLO is asked,
because users who wait for their answers do not feel a stall as often as those who come in their own time.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from statistics import median
from typing import Any

from perfgate.core.load.arrivals import arrivals, constant
from perfgate.core.load.histogram import histogram, merged
from perfgate.core.load.plan import Slo
from perfgate.core.load.tally import TOTAL, Served, Shares, Tally, between
from perfgate.core.load.traffic import draw
from perfgate.core.model import Warning
from perfgate.core.stats.scalability import SHARES, USERS, Curve, Step, cost_of_a_million, fitted, in_flight, sustained
from perfgate.host.service import Service
from perfgate.measure.engines import driven
from perfgate.measure.load import BUSIEST_GENERATOR
from perfgate.measure.probe import Counted, ProbeSuite, Unfair
from perfgate.measure.start import Meter, Outcome, closed_load, generator, loaded, serving
from perfgate.measure.track import Track
from perfgate.measure.turns import Reading

_One = dict[int, Service]
WARM = 0.2  # of each step, which does not count: its connections are new


@dataclass(slots=True, kw_only=True)
class _Climb:
    """What one side showed in one start."""

    steps: list[Step] = field(default_factory=list)
    rates: list[tuple[float, float]] = field(default_factory=list)
    """(rate, latency at the SLO's quantile)."""
    sent: int = 0
    requests: int = 0
    """Of those sent, what is counted."""
    failed: int = 0

    @property
    def curve(self) -> Curve:
        if any(step.throughput <= 0 for step in self.steps):
            raise Unfair("in one step no request was served")
        return fitted(self.steps)

    def tally(self, slo: Slo | None) -> Tally:
        """Return its SLIs."""
        curve = self.curve
        found = Tally(values={"capacity": curve.capacity, "in-flight.max": curve.best_users})
        found.shares["errors"] = Shares(bad=self.failed, of=self.requests)
        if slo and (rate := sustained(self.rates, slo.bound_s)):
            found.values["capacity.slo"] = rate
        return found


class CapacitySuite(ProbeSuite):
    """Searches both sides' capacity in turns."""

    def _scout(self) -> Outcome:
        self._names = [TOTAL]
        self._agent = self.resources.enter_context(generator(self.around.interrupts))  # an engine climbs, it looks
        return self._first(self._agent)

    def _attempt(self, seed: int) -> Counted:
        began, words, rng = time.monotonic(), list[str](), Random(seed)
        slo = self.plan.slo
        step_s = self.plan.seconds / (len(USERS) + (len(SHARES) if slo else 0))
        with serving(self.stage, seed=seed, words=words) as services:
            meter, climbs = Meter(services), {side: _Climb() for side in services}
            for users in USERS:
                for side in rng.sample(sorted(services), k=len(services)):
                    self._closed(climbs[side], {side: services[side]}, users, step_s, seed)
            for share in SHARES if slo else ():
                for side in rng.sample(sorted(services), k=len(services)):
                    self._open(climbs[side], {side: services[side]}, share, step_s, seed)
            seen = meter.outcome([climb.sent for climb in climbs.values()])
        seen.words, seen.startup_s = words, time.monotonic() - began - seen.took_s
        return Counted(outcome=seen, tallies=[{TOTAL: climb.tally(slo)} for climb in climbs.values()])

    def _closed(self, climb: _Climb, services: _One, users: int, step_s: float, seed: int) -> None:
        seen = self._step(climb, services, step_s, seed, users=users, rate=None)
        climb.steps.append(Step(users=users, throughput=seen.latency.total / seen.seconds))

    def _open(self, climb: _Climb, services: _One, share: float, step_s: float, seed: int) -> None:
        assert self.plan.slo is not None
        rate = share * climb.curve.capacity
        seen = self._step(climb, services, step_s, seed, users=max(USERS), rate=rate)
        # Who got no answer waited for ever: counted as served slowly, so that errors cannot make a service fast.
        everybody = merged([seen.latency, histogram([self.plan.timeout_s] * max(seen.failed, not seen.requests))])
        climb.rates.append((rate, everybody.quantile(self.plan.slo.quantile)))

    def _step(
        self, climb: _Climb, services: _One, step_s: float, seed: int, *, users: int, rate: float | None
    ) -> Served:
        """Load one side once.

        Raises: SideFailed; Unfair where the generator came to its own end.
        """
        warm_s = WARM * step_s
        if self.probe.engine:
            seen, (told,) = driven(
                self.stage, self.probe.engine, services, users=users, rate=rate, seconds=step_s, warmup_s=warm_s
            )
            if told.unfair:
                raise Unfair(told.unfair)
            served = told.served[TOTAL]
        else:
            seen = loaded(
                self.stage, self._agent, services, self.plan, self._load(step_s, seed, users, rate), seed=seed
            )
            served = between(seen.answers, warm_s, step_s)
        climb.sent += sum(seen.sent)
        climb.requests += served.requests
        climb.failed += served.failed
        if (busy := seen.busy_s / seen.took_s) > BUSIEST_GENERATOR:
            text = f"the generator was {100 * busy:.0f} % busy at {served.requests / served.seconds:,.0f} requests/s"
            raise Unfair(f"{text}, so the capacity is beyond it{self._next}")
        return served

    def _load(self, step_s: float, seed: int, users: int, rate: float | None) -> dict[str, Any]:
        if rate is None:
            return closed_load(self.plan, users, step_s, seed=seed)
        planned = arrivals(constant(rate, step_s), sides=1, seed=seed)
        return {"arrivals": planned, "calls": draw(self.plan.requests, self.plan.rows, len(planned), seed=seed)}

    @property
    def _next(self) -> str:
        return "" if self.probe.engine else ': measure with engine = "h2load"'

    def _note(self, name: str, track: Track, found: Sequence[Tally], seen: Outcome) -> None:
        """Say what the capacity means: how many wait how long, and what it costs."""
        super()._note(name, track, found, seen)
        words = [self._meaning(readings) for readings in track.readings]
        track.notes["capacity"] = (Warning(code="meaning", text=f"at capacity {' → '.join(words)}"),)
        missed = sum("capacity.slo" not in reading.values for readings in track.readings for reading in readings)
        if missed:
            text = f"in {missed} of {len(track.readings) * len(track.pairs)} cases {self.plan.slo} did not hold"
            text += f" even at {100 * SHARES[0]:.0f} % of the capacity"
            track.notes["capacity.slo"] = (Warning(code="slo-missed", text=text, hides=True),)

    def _meaning(self, readings: Sequence[Reading]) -> str:
        """Return Little's law for one side, and what a million requests cost where a core's price is known."""
        rate, users, cpu_s = (
            median(value for reading in readings for value in reading.values[metric])
            for metric in ("capacity", "in-flight.max", "cpu-per-request")
        )
        text = f"{rate:,.0f}/s × {1e3 * users / rate:.2f} ms = {in_flight(rate, users / rate):.1f} in flight"
        if self.plan.core_hour:
            text += f", a million requests cost {cost_of_a_million(cpu_s, self.plan.core_hour):.3g}"
        return text
