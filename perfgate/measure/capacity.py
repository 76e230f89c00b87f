"""In search of a capacity: in each start the sides take turns, first with ever more users, then at open rates.

The change is told by the curve through the users' steps, which is steady; the open rates are where an SLO is asked,
because users who wait for their answers do not feel a stall as often as those who come in their own time.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from statistics import median

from perfgate.core.load.arrivals import arrivals, constant
from perfgate.core.load.histogram import histogram, merged
from perfgate.core.load.plan import Slo
from perfgate.core.load.tally import TOTAL, Served, Shares, Tally, answered
from perfgate.core.load.traffic import draw
from perfgate.core.model import Reason, Warning
from perfgate.core.ports import Told
from perfgate.core.stats.scalability import SHARES, USERS, Curve, Step, cost_of_a_million, fitted, in_flight, sustained
from perfgate.host.service import Service
from perfgate.measure.engines import Load, driven
from perfgate.measure.load import BUSIEST_GENERATOR
from perfgate.measure.probe import Counted, ProbeSuite, Unfair
from perfgate.measure.start import Meter, Outcome, SideFailed, generator, loaded, serving, turns_load
from perfgate.measure.track import Track
from perfgate.measure.turns import Reading

_Services = dict[int, Service]
WARM = 0.3  # of each open step, which does not count: its connections are new
WINDOW_S = 0.1  # of one side, while users load it: short, so that both sides meet the same moments
BLOCKS = 5  # of an open step, of which the median counts: one stall is no limit


@dataclass(slots=True, kw_only=True)
class _Climb:
    """What one side showed in one start."""

    side: int
    steps: list[Step] = field(default_factory=list)
    rates: list[tuple[float, float]] = field(default_factory=list)
    """(rate, latency at the SLO's quantile)."""
    sent: int = 0
    requests: int = 0
    """Of those sent, what is counted."""
    failed: int = 0

    def add(self, users: int, served: Served) -> None:
        """Take a step of the climb.

        Raises: SideFailed where nothing was served.
        """
        if not served.latency.total:
            text = f"with {users} users at once no request was served ({served.requests} were sent)"
            raise SideFailed(self.side, Reason.NOTHING, text)
        self.steps.append(Step(users=users, throughput=served.latency.total / served.seconds))
        self.requests += served.requests
        self.failed += served.failed

    @property
    def curve(self) -> Curve:
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
        slo, step_s = self.plan.slo, self.plan.seconds / len(USERS)
        with serving(self.stage, seed=seed, words=words) as services:
            meter, climbs = Meter(services), {side: _Climb(side=side) for side in services}
            for users in USERS:
                self._closed(climbs, services, users, step_s, seed)
            for share in SHARES if slo else ():
                for side in rng.sample(sorted(services), k=len(services)):
                    self._open(climbs[side], {side: services[side]}, share, step_s, seed)
            seen = meter.outcome([climb.sent for climb in climbs.values()])
        seen.words, seen.startup_s = words, time.monotonic() - began - seen.took_s
        return Counted(outcome=seen, tallies=[{TOTAL: climb.tally(slo)} for climb in climbs.values()])

    def _closed(self, climbs: dict[int, _Climb], services: _Services, users: int, step_s: float, seed: int) -> None:
        """Let so many users load the sides, in turns: short ones, or with an engine one for each."""
        if self.probe.engine:
            for side in Random(seed + users).sample(sorted(services), k=len(services)):
                told = self._driven({side: services[side]}, step_s, users=users, rate=None, climb=climbs[side])
                climbs[side].add(users, told.served[TOTAL])
            return
        load = turns_load(self.plan, users, step_s, window_s=WINDOW_S, seed=seed)
        seen = loaded(self.stage, self._agent, services, self.plan, load, seed=seed)
        self._check(seen)
        for side, climb in climbs.items():
            climb.sent += seen.sent[side]
            windows = [(begin, end) for place, begin, end in seen.windows if place == side][1:]  # the first is warm-up
            answers = [a for a in seen.answers if a.side == side and any(b <= a.intended_s <= e for b, e in windows)]
            climb.add(users, answered(answers, sum(end - begin for begin, end in windows)))

    def _open(self, climb: _Climb, services: _Services, share: float, step_s: float, seed: int) -> None:
        """See which latency one side has at a share of its own capacity."""
        assert self.plan.slo is not None
        rate, warm_s = share * climb.curve.capacity, WARM * step_s
        if self.probe.engine:
            told = self._driven(services, step_s, users=max(USERS), rate=rate, climb=climb)
            latency = math.inf if told.unfair else self._latency(told.served[TOTAL])  # a rate that it fell behind
        else:
            planned = arrivals(constant(rate, step_s), sides=1, seed=seed)
            calls = draw(self.plan.requests, self.plan.rows, len(planned), seed=seed)
            load = {"arrivals": planned, "calls": calls}
            seen = loaded(self.stage, self._agent, services, self.plan, load, seed=seed)
            self._check(seen)
            climb.sent += len(seen.answers)
            climb.failed += sum(bool(answer.fault) for answer in seen.answers) + sum(seen.dropped)
            climb.requests += len(seen.answers) + sum(seen.dropped)
            answers = sorted(answer for answer in seen.answers if answer.intended_s >= warm_s)
            size = max(1, len(answers) // BLOCKS)
            served = [answered(answers[k * size : (k + 1) * size], step_s / BLOCKS) for k in range(BLOCKS)]
            latency = median(self._latency(each) for each in served)
        climb.rates.append((rate, latency))

    def _latency(self, served: Served) -> float:
        """Return the latency that the SLO speaks of; who got no answer waited for ever, so that errors are not fast."""
        assert self.plan.slo is not None
        lost = served.failed if served.requests else 1
        everybody = merged([served.latency, histogram([self.plan.timeout_s] * lost)])
        return everybody.quantile(self.plan.slo.quantile)

    def _driven(self, services: _Services, step_s: float, *, users: int, rate: float | None, climb: _Climb) -> Told:
        """Let the engine load one side.

        Raises: Unfair where it says nothing of the service.
        """
        assert self.probe.engine is not None
        load = Load(users=users, rate=rate, warmup_s=WARM * step_s, timeout_s=self.plan.timeout_s)
        seen, (told,) = driven(self.stage, self.probe.engine, services, load, step_s)
        if not told.served:
            raise Unfair(told.unfair)
        climb.sent += sum(seen.sent)
        return told

    def _check(self, seen: Outcome) -> None:
        """Refuse a step in which the generator came to its own end.

        Raises: Unfair.
        """
        if (busy := seen.busy_s / seen.took_s) > BUSIEST_GENERATOR:
            rate = len(seen.answers) / seen.took_s
            text = f"the generator was {100 * busy:.0f} % busy at {rate:,.0f} requests/s, so the capacity is beyond it"
            raise Unfair(f'{text}: measure with engine = "h2load"')

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
