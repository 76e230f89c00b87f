"""A load probe on one or two sides: fresh starts, each a pair, and what becomes of a start that does not count.

Separate from how a start is loaded (by our own generator, by an engine, in search of a capacity).
"""

from abc import abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from perfgate.core.load.plan import Plan
from perfgate.core.load.tally import MOST_ERRORS, QUANTILES, TOTAL, Answer, Shares, Tally, needed
from perfgate.core.model import Benchmark, Design, Distribution, ProcessFacts, Reason, Warning
from perfgate.core.ports import Engine, Serves
from perfgate.core.schedule import draw_pair
from perfgate.host import addresses
from perfgate.host.agent import Agent
from perfgate.host.service import Ready
from perfgate.measure.sides import PreparedSide
from perfgate.measure.start import SYSTEM, Outcome, SideFailed, Stage, Trust, closed_load, run_start
from perfgate.measure.track import Circumstances, Measured, Track
from perfgate.measure.turns import BASE, Reading

SCOUT_S = 0.8  # of load in the first start of all
TRIES = 3  # starts for one pair, before it is given up


class Unfair(Exception):
    """A start whose numbers say nothing of the code; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A load probe as configured."""

    name: str
    measured_by: "type[ProbeSuite]"
    service: Serves
    plan: Plan
    ready: Ready
    url: str
    data: Path | None
    timeout_s: float
    """Within which the service must be ready."""
    engine: Engine | None = None
    """Who sends the load instead of our own generator."""
    trust: Trust = SYSTEM

    def begin(self, sides: Sequence[PreparedSide], around: Circumstances) -> "ProbeSuite":
        """Return what measures it."""
        return self.measured_by(self, sides, around)

    def alone(self) -> Self:
        """Return it for one side."""
        return self

    def stage(self, sides: Sequence[PreparedSide], around: Circumstances) -> Stage:
        """Return what all its starts share."""
        return Stage(
            service=self.service,
            places=tuple(side.place for side in sides),
            ready=self.ready,
            url=self.url,
            data=self.data,
            timeout_s=self.timeout_s,
            mark=around.mark,
            interrupts=around.interrupts,
            trust=self.trust,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A start that counts."""

    outcome: Outcome
    tallies: Sequence[dict[str, Tally]]
    """Name to its SLIs, a side each."""


class ProbeSuite(Measured):
    """Measures one probe, start by start."""

    def __init__(self, probe: Probe, sides: Sequence[PreparedSide], around: Circumstances) -> None:
        super().__init__(probe.name, sides, around)
        self.probe, self.plan = probe, probe.plan
        self.stage = probe.stage(sides, around)
        names = [request.name for request in self.plan.requests]
        self._names = [TOTAL, *(names if len(names) > 1 else [])]
        self._explored = False
        self._unfair: list[str] = []

    @abstractmethod
    def _scout(self) -> Outcome:
        """Start both sides once and see what they are like.

        Raises: SideFailed.
        """

    @abstractmethod
    def _attempt(self, seed: int) -> Counted:
        """Start both sides and load them.

        Raises: SideFailed; Unfair where it does not count.
        """

    def _first(self, agent: Agent) -> Outcome:
        """Start both sides once for a moment with one user, and see that they serve.

        Raises: SideFailed.
        """
        load = closed_load(self.plan, 1, SCOUT_S, seed=self.around.seed)
        plan = replace(self.plan, seconds=SCOUT_S)
        seen = run_start(self.stage, agent, plan, load, seed=self.around.seed)
        self._unserved(seen.answers)
        return seen

    def explore(self) -> None:
        """Start both sides once and see what they are like, which says how they are loaded."""
        asked = any(self.around.selection.holds(self._benchmark(name)) for name in self._names)
        if not asked or not self.around.part.holds(self._benchmark(TOTAL)):
            self.others.update(self._names)
            return  # a probe is one job's, whole: its requests share each start
        self._explored = True
        if not addresses.can_fix():
            text = "address-space randomization cannot be disabled here; expect about twice the noise"
            self._say("addresses-vary", text)
        self.python = tuple(() for _ in self.sides)
        plain = self.stage
        try:
            with ExitStack() as stack:
                recorders = [stack.enter_context(self.provenance.recording(side)) for side in range(len(self.sides))]
                self.stage = replace(plain, recorders=tuple(recorders))
                seen = self._scout()
                self.provenance.check([one.loaded() for one in recorders])
        except SideFailed as failed:
            self._lost(failed)
            return
        finally:
            self.stage = plain
        if any(self.failures):
            return
        self.startups.append(seen.startup_s)
        self.tracks = {
            name: Track(
                benchmark=self._benchmark(name),
                planned=self.plan.starts,
                design=Design.LOAD if len(self.sides) > 1 else Design.ALONE,
                guess_s=self.plan.seconds / len(self._names),
                readings=tuple([] for _ in self.sides),
            )
            for name in self._names
        }

    def offered(self, side: int) -> tuple[Benchmark, ...]:
        """Return its requests and their total, where the side can be asked."""
        names = self._names if self._explored else []
        return tuple(self._benchmark(name) for name in names if name not in self.failures[side])

    def run_pair(self, number: int) -> None:
        """Start both sides afresh until a start counts, three times at most."""
        for attempt in range(TRIES):
            seed = draw_pair(self.around.seed, self.name, number * TRIES + attempt, cpus=()).order_seed
            try:
                counted = self._attempt(seed)
            except SideFailed as failed:
                self._lost(failed)
                return
            except Unfair as reason:
                self._unfair.append(str(reason))
                continue
            if not self._silent(counted):
                self._keep(number, seed, counted)
            return
        self._give_up()

    def _silent(self, counted: Counted) -> bool:
        """Fail each side that served nothing in a start: two that fail alike are no measurement."""
        for side, tallies in enumerate(counted.tallies):
            errors = tallies.get(TOTAL, Tally()).shares.get("errors")
            if errors is None or errors.bad == errors.of:
                faults = sorted({a.fault for a in counted.outcome.answers if a.side == side and a.fault})
                text = f"under load no request was served: {', '.join(faults[:3]) or 'nothing was answered'}"
                self._lost(SideFailed(side, Reason.NOTHING, text))
        return any(self.failures)

    def _lost(self, failed: SideFailed) -> None:
        text = f"the service {failed.text}" if failed.reason in _OF_IT else failed.text
        for name in self._names:
            self._fail(failed.side, name, failed.reason, text)
        self.tracks = {}

    def _unserved(self, answers: Sequence[Answer]) -> None:
        """Fail each side of which no request was served."""
        for side in range(len(self.sides)):
            if any(answer.side == side and not answer.fault for answer in answers):
                continue
            faults = sorted({answer.fault for answer in answers if answer.side == side})
            text = f"no request was served: {', '.join(faults[:3]) or 'none was answered'}"
            self._lost(SideFailed(side, Reason.NOTHING, text))

    def _keep(self, number: int, seed: int, counted: Counted) -> None:
        seen, tallies = counted.outcome, counted.tallies
        self.startups.append(seen.startup_s)
        self.busy_s += seen.took_s
        for side in range(len(self.sides)):
            if TOTAL in tallies[side]:
                self._machine(tallies[side][TOTAL], seen, side)
            self.facts[side].append(
                ProcessFacts(pair=number, suite=self.name, cpu=None, hash_seed=seed % 2**32, layout_seed=0)
            )
        for name, track in self.tracks.items():
            found = [sides.get(name, Tally()) for sides in tallies]
            track.add(number, [_reading(one) for one in found], seconds=seen.took_s / len(self.tracks))
            self._doubt(track, found)
            self._note(name, track, found, seen)
            for side, one in enumerate(found):
                self.distributions[side].extend(
                    Distribution(benchmark=track.benchmark, metric=kind, pair=number, histogram=histogram)
                    for kind, histogram in one.histograms.items()
                )
        for word in seen.words:
            self._say("hangs", f"the service {word}")

    def _doubt(self, track: Track, found: Sequence[Tally]) -> None:
        """Let nothing pass of a request that mostly fails, on whichever side: what is left says little."""
        for one in found:
            errors = one.shares.get("errors")
            if errors and errors.bad > MOST_ERRORS * errors.of and not any(w.code == "fails" for w in track.warnings):
                text = f"in one start {errors.bad} of {errors.of} requests failed: what the others took says little"
                track.warnings.append(Warning(code="fails", text=text, hides=True))

    def _machine(self, total: Tally, seen: Outcome, side: int) -> None:
        """Add what only the service as a whole has."""
        cost, sent = seen.costs[side], seen.sent[side]
        total.values |= {
            "cpu-per-request": cost.cpu_s / sent if sent else 0.0,
            "cpus": cost.cpu_s / seen.took_s,
            "rss": cost.after.rss,
            "rss-growth": cost.after.rss - cost.before.rss,
            "ready-time": cost.ready_s,
            "pressure.cpu": min(1.0, seen.pressure),
        }
        if seen.most_in_flight:
            total.values["in-flight.max"] = seen.most_in_flight[side]
        if seen.dropped:
            total.shares["dropped"] = Shares(bad=seen.dropped[side], of=sent + seen.dropped[side])

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
