"""A load probe on one or two sides: fresh starts, each a pair, and what makes one count or not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from perfgate.core.load.histogram import histogram
from perfgate.core.load.plan import BUSIEST, SLOWEST_RATE, Plan, fitting_rate
from perfgate.core.load.tally import QUANTILES, TOTAL, Shares, Tally, lag, late, needed, overlapping, tally
from perfgate.core.model import Benchmark, Design, Distribution, ProcessFacts, Reason, Warning
from perfgate.core.ports import Serves
from perfgate.core.schedule import draw_pair
from perfgate.host import cpus
from perfgate.host.agent import Agent
from perfgate.host.service import Ready, adopting
from perfgate.measure.sides import PreparedSide
from perfgate.measure.start import (
    Outcome,
    SideFailed,
    Stage,
    closed_load,
    generator,
    open_load,
    run_start,
)
from perfgate.measure.track import Circumstances, Measured, Track
from perfgate.measure.turns import BASE, Reading

SCOUT_S = 0.8  # of load in the first start of all, which finds the rate
MOST_LATE = 0.1  # share of requests that may leave late; those are dropped in pairs, more say that nothing is right
BUSIEST_GENERATOR = 0.7  # of its CPU: beyond it what it notes is its own queue
LITTLE = 0.05  # how far rate times latency may be off what was in flight: bookkeeping that does not add up
CROSS_TALK = 2.0  # times base's p95 while head is busy too: two queues on one CPU alone do not come so far
TRIES = 3  # starts for one pair, before it is given up


class Unfair(Exception):
    """A start whose numbers say nothing of the code; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A load probe as configured."""

    name: str
    service: Serves
    plan: Plan
    ready: Ready
    url: str
    data: Path | None
    timeout_s: float
    """Within which the service must be ready."""

    def begin(self, sides: Sequence[PreparedSide], around: Circumstances) -> "LoadSuite":
        """Return what measures it."""
        return LoadSuite(self, sides, around)

    def alone(self) -> Self:
        """Return it for one side."""
        return self


class LoadSuite(Measured):
    """Measures one probe, start by start."""

    def __init__(self, probe: Probe, sides: Sequence[PreparedSide], around: Circumstances) -> None:
        super().__init__(probe.name, sides, around)
        self.probe, self.plan = probe, probe.plan
        names = [request.name for request in self.plan.requests]
        self._names = [TOTAL, *(names if len(names) > 1 else [])]
        self._apart = False
        self._rate = self.plan.rate or 0.0
        self._agent: Agent | None = None
        self._unfair: list[str] = []

    def explore(self) -> None:
        """Start both sides once and see what they cost, which says how much load they can be given."""
        if not self.around.part.holds(self._benchmark(TOTAL)):
            return  # a probe is one job's, whole: its requests share each start
        self.resources.enter_context(adopting())
        self._agent = self.resources.enter_context(generator(self.around.interrupts))
        self.python = tuple(() for _ in self.sides)
        load = closed_load(self.plan, 1, SCOUT_S, seed=self.around.seed)
        try:
            seen = self._start(replace(self.plan, seconds=SCOUT_S), load, seed=self.around.seed)
        except SideFailed as failed:
            self._lost(failed)
            return
        for side in range(len(self.sides)):
            served = [answer for answer in seen.answers if answer.side == side and not answer.fault]
            faults = {answer.fault for answer in seen.answers if answer.side == side and answer.fault}
            if not served:
                text = f"no request was served: {', '.join(sorted(faults)[:3]) or 'none was answered'}"
                self._lost(SideFailed(side, Reason.NOTHING, text))
        if any(self.failures):
            return
        self._choose(seen)
        slice_s = self.plan.seconds
        for name in self._names:
            self.tracks = {
                **self.tracks,
                name: Track(
                    benchmark=self._benchmark(name),
                    planned=self.plan.starts,
                    design=Design.LOAD if len(self.sides) > 1 else Design.ALONE,
                    guess_s=slice_s / len(self._names),
                    readings=tuple([] for _ in self.sides),
                ),
            }
        self.startups.append(seen.startup_s)

    def offered(self, side: int) -> tuple[Benchmark, ...]:
        """Return its requests and their total, where the side can be asked."""
        names = self._names if self._agent else []
        return tuple(self._benchmark(name) for name in names if name not in self.failures[side])

    def run_pair(self, number: int) -> None:
        """Start both sides afresh until a start counts, three times at most."""
        for attempt in range(TRIES):
            seed = _seed(self.around.seed, self.name, number * TRIES + attempt)
            users, sides = self.plan.users, len(self.sides)
            load = (
                closed_load(self.plan, users, self.plan.seconds, seed=seed)
                if users
                else open_load(self.plan, self._rate, sides=sides, seed=seed, apart=self._apart)
            )
            try:
                seen = self._start(self.plan, load, seed=seed)
                self._part_if_they_disturb(seen)
                self._check(seen, planned=len(load.get("arrivals", ())))
            except SideFailed as failed:
                self._lost(failed)
                return
            except Unfair as reason:
                self._unfair.append(str(reason))
                continue
            self._keep(number, seed, seen)
            return
        self._give_up()

    def _start(self, plan: Plan, load: dict[str, object], *, seed: int) -> Outcome:
        assert self._agent is not None
        stage = Stage(
            service=self.probe.service,
            places=tuple(side.place for side in self.sides),
            ready=self.probe.ready,
            url=self.probe.url,
            data=self.probe.data,
            timeout_s=self.probe.timeout_s,
            mark=self.around.mark,
            interrupts=self.around.interrupts,
        )
        return run_start(stage, self._agent, plan, load, seed=seed)

    def _lost(self, failed: SideFailed) -> None:
        for name in self._names:
            self._fail(
                failed.side,
                name,
                failed.reason,
                f"the service {failed.text}" if failed.reason in _OF_IT else failed.text,
            )
        self.tracks = {}

    def _choose(self, seen: Outcome) -> None:
        """Choose the rate, or check the one that was asked for: sides that share a busy CPU disturb each other."""
        cpu_s = [cost.cpu_s / max(1, sum(a.side == side for a in seen.answers)) for side, cost in enumerate(seen.costs)]
        fitting = fitting_rate(sum(cpu_s))
        shared = max(1, len(cpus.allowed()) - 1)
        if not self.plan.rate:
            self._rate = fitting
            if fitting == SLOWEST_RATE:
                self._say(
                    "busy",
                    f"a request costs {1e3 * max(cpu_s):.0f} ms of CPU: at {fitting:g}/s the sides disturb each other",
                )
        elif self.plan.rate * sum(cpu_s) / shared > BUSIEST and not self.plan.users:
            self._apart = len(self.sides) > 1
            busy = self.plan.rate * sum(cpu_s) / shared
            text = f"{self.plan.rate:g} requests/s a side keep the CPU {100 * busy:.0f} % busy"
            if self._apart:
                text += f", so the sides took windows of 0.1 s, which spread more; up to {fitting:.0f}/s they need none"
            self._say("windows" if self._apart else "busy", text)

    def _check(self, seen: Outcome, *, planned: int) -> None:
        """Refuse a start in which the generator or the machine, not the service, made the numbers.

        Raises: Unfair.
        """
        if not seen.answers:
            raise Unfair("nothing was sent")
        if (busy := seen.busy_s / seen.took_s) > BUSIEST_GENERATOR:
            text = f"the generator was busy {100 * busy:.0f} % of the time"
            raise Unfair(f"{text}: lower the rate, or take another engine (h2load, locust)")
        if planned and (share := late(seen.answers)) > MOST_LATE:
            worst = f"p99 {1e3 * lag(seen.answers, 0.99):.1f} ms"
            text = f"{100 * share:.0f} % of the requests left more than 0.5 ms late ({worst})"
            raise Unfair(f"{text}: the machine is too busy, or the rate too high for this generator")
        for side, flown_s in enumerate(seen.flown_s):
            served_s = sum(answer.service_s for answer in seen.answers if answer.side == side)
            if abs(flown_s - served_s) > LITTLE * max(served_s, 0.1):
                raise Unfair(f"rate times latency ({served_s:.2f} s) is not what was in flight ({flown_s:.2f} s)")

    def _part_if_they_disturb(self, seen: Outcome) -> None:
        """Give each side windows of its own, from the first start on, where one that pauses holds up the other.

        Raises: Unfair, for the start in which that was seen.
        """
        if self._apart or len(self.sides) < 2 or self.plan.users or any(track.pairs for track in self.tracks.values()):
            return
        both = overlapping(seen.answers)
        base = [answer for answer in seen.answers if answer.side == BASE and not answer.fault]
        beside, alone = (
            histogram(answer.latency_s for answer in base if ((BASE, answer.call) in both) is busy)
            for busy in (True, False)
        )
        enough = min(beside.total, alone.total) >= needed(0.95) / 4
        if enough and (ratio := beside.quantile(0.95) / alone.quantile(0.95)) > CROSS_TALK:
            self._apart = True
            share = beside.total / len(base)
            text = f"base's p95 was {ratio:.1f} times as high while head was busy too"
            text += f" ({100 * share:.0f} % of its requests)"
            self._say("cross-talk", f"{text}: the sides took windows of 0.1 s from there on")
            raise Unfair("cross-talk")

    def _keep(self, number: int, seed: int, seen: Outcome) -> None:
        kinds = [request.name for request in self.plan.requests]
        tallies = tally(
            seen.answers, kinds, sides=len(self.sides), since_s=self.plan.warmup_s, until_s=self.plan.seconds
        )
        self.startups.append(seen.startup_s)
        self.busy_s += seen.took_s
        for side in range(len(self.sides)):
            self._machine(tallies[side][TOTAL], seen, side)
            self.facts[side].append(
                ProcessFacts(pair=number, suite=self.name, cpu=None, hash_seed=seed % 2**32, layout_seed=0)
            )
        for name, track in self.tracks.items():
            found = [sides[name] for sides in tallies]
            track.add(number, [_reading(one) for one in found], seconds=seen.took_s / len(self.tracks))
            self._note(name, track, found, seen)
            for side, one in enumerate(found):
                self.distributions[side].extend(
                    Distribution(benchmark=track.benchmark, metric=kind, pair=number, histogram=histogram)
                    for kind, histogram in one.histograms.items()
                )
        for word in seen.words:
            self._say("hangs", f"the service {word}")

    def _machine(self, total: Tally, seen: Outcome, side: int) -> None:
        """Add what only the service as a whole has."""
        mine, cost = [answer for answer in seen.answers if answer.side == side], seen.costs[side]
        total.values |= {
            "cpu-per-request": cost.cpu_s / len(mine) if mine else 0.0,
            "cpu": cost.cpu_s / seen.took_s,
            "rss": cost.after.rss,
            "rss-growth": cost.after.rss - cost.before.rss,
            "ready-time": cost.ready_s,
            "in-flight.max": seen.most_in_flight[side],
            "pressure.cpu": min(1.0, seen.pressure),
        }
        if seen.dropped[side]:
            total.shares["dropped"] = Shares(bad=seen.dropped[side], of=len(mine) + seen.dropped[side])

    def _note(self, name: str, track: Track, found: Sequence[Tally], seen: Outcome) -> None:
        """Say of single metrics what stands against believing them, or explains them."""
        counts = [one.histograms["latency"].total for one in found if "latency" in one.histograms]
        for quantile, q in QUANTILES.items():
            if counts and min(counts) < needed(q):
                text = f"{quantile} needs {needed(q)} requests a start, {min(counts)} came"
                text += ": raise rate or duration, or lower starts"
                for kind in ("latency", "service-time"):
                    track.notes[f"{kind}.{quantile}"] = (Warning(code="few-requests", text=text, hides=True),)
        place = {request.name: i for i, request in enumerate(self.plan.requests)}
        worst = [
            statement
            for (side, kind), statement in seen.statements.items()
            if side == len(self.sides) - 1 and (name == TOTAL or kind == place[name])
        ]
        if worst:
            times, statement = max(worst)
            text = f"repeated {times} times in one request: {statement}"
            track.notes["queries.repeated"] = (Warning(code="repeated-statement", text=text),)
            track.notes["queries"] = track.notes["queries.repeated"]

    def _give_up(self) -> None:
        """Measure no more: what there is must not pass for an answer."""
        reasons = ", ".join(dict.fromkeys(self._unfair))
        text = f"starts did not count, so there are no more: {reasons}"
        if not any(track.pairs for track in self.tracks.values()):
            for name in self._names:
                self._fail(BASE if len(self.sides) > 1 else 0, name, Reason.UNFAIR, reasons)
            self.tracks = {}
            return
        for track in self.tracks.values():
            track.settled = True
            track.warnings.append(Warning(code="unfair", text=text, hides=True))

    def _say(self, code: str, text: str) -> None:
        warning = Warning(code=code, text=f"{self.name}: {text}")
        if warning not in self.warnings:
            self.warnings.append(warning)


_OF_IT = (Reason.DIED, Reason.TIMEOUT)


def _reading(found: Tally) -> Reading:
    shares = {name: share.bad / share.of for name, share in found.shares.items()}
    return Reading(
        values={name: [value] for name, value in (found.values | shares).items()},
        trials={name: share.of for name, share in found.shares.items()},
    )


def _seed(seed: int, name: str, number: int) -> int:
    return draw_pair(seed, name, number, cpus=()).order_seed
