"""Engines in place of our own generator: both sides at once where that is fair, else in turns of half a second."""

import resource
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from perfgate.core.load.tally import TOTAL, Served, joined, needed, summed
from perfgate.core.model import Reason
from perfgate.core.ports import Drive, Engine, Told
from perfgate.errors import MeasureError
from perfgate.host import command, cpus
from perfgate.host.scratch import scratch
from perfgate.host.service import Service, free_port
from perfgate.measure.probe import TRIES, Counted, ProbeSuite, Unfair
from perfgate.measure.start import Meter, Outcome, SideFailed, Stage, serving

WINDOW_S = 0.5  # of one side, where they take turns: long enough for an engine to begin
WARM = 0.2  # of such a window at most, which does not count
BUSIEST_ENGINE = 0.85  # of its CPU: beyond it what it notes is its own queue
QUICK = 10  # times what the engine adds: of a service slower than that, it hides less than a tenth of a change
GRACE_S = 90.0  # to start, wait for workers, and end


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How much."""

    users: int
    rate: float | None
    warmup_s: float
    timeout_s: float


class EngineSuite(ProbeSuite):
    """Lets an engine load both sides at once."""

    def _scout(self) -> Outcome:
        """Let it run once, or until that counts: which names there are, only it knows."""
        for attempt in range(TRIES):
            seen, told = self._start(self.around.seed + attempt)
            unfair = next((each.unfair for each in told if each.unfair), "")
            if not unfair:
                break
            self._unfair.append(unfair)
        else:
            self._give_up()
            return seen
        served = [each.served for each in told]
        for side, names in enumerate(served):
            if names[TOTAL].failed >= names[TOTAL].requests:
                self._lost(SideFailed(side, Reason.NOTHING, "no request was served"))
        self._say_if_quick(served[0][TOTAL])
        everywhere = [name for name in served[0] if all(_often(names.get(name)) for names in served)]
        self._names = [TOTAL, *(name for name in everywhere if name != TOTAL)]
        rare = {name for names in served for name in names} - {*self._names}
        if rare:
            text = f"{len(rare)} names were too rare to be compared one by one, {min(rare)!r} for one"
            self._say("rare-names", f"{text}; they count in the total")
        return seen

    def _say_if_quick(self, base: Served) -> None:
        """Warn where what the engine adds by itself is much of what it sees."""
        assert self.probe.engine is not None
        adds_s = self.probe.engine.adds_s
        if base.latency.total and (usual := base.latency.quantile(0.5)) < QUICK * adds_s:
            text = f"the engine adds about {1e3 * adds_s:g} ms to each latency, and half of them are below"
            text += f" {1e3 * usual:.1f} ms: a change shows as less than it is; perfgate's own generator adds none"
            self._say("engine-adds", text)

    def _attempt(self, seed: int) -> Counted:
        seen, told = self._start(seed)
        for each in told:
            if each.unfair:
                self._say("unfair-start", f"{each.unfair}; such a start does not count")
                raise Unfair(each.unfair)
        return Counted(outcome=seen, tallies=summed([each.served for each in told]))

    def _start(self, seed: int) -> tuple[Outcome, list[Told]]:
        began, words, plan = time.monotonic(), list[str](), self.plan
        assert self.probe.engine is not None
        engine = self.probe.engine
        load = Load(users=plan.users, rate=plan.rate, warmup_s=plan.warmup_s, timeout_s=plan.timeout_s)
        with serving(self.stage, seed=seed, words=words) as services:
            if engine.at_once:
                seen, told = driven(self.stage, engine, services, load, plan.seconds)
            else:
                seen, told = self._turns(engine, services, load, seed)
        seen.words, seen.startup_s = words, time.monotonic() - began - seen.took_s
        return seen, told

    def _turns(
        self, engine: Engine, services: Mapping[int, Service], load: Load, seed: int
    ) -> tuple[Outcome, list[Told]]:
        """Load one side at a time, in windows of random order."""
        rng, meter = Random(seed), Meter(services)
        parts: dict[int, list[Told]] = {side: [] for side in services}
        windows = max(1, round(self.plan.seconds / WINDOW_S))
        busy_s = 0.0
        for _ in range(windows):
            for side in rng.sample(sorted(services), k=len(services)):
                seconds = self.plan.seconds / windows
                part = replace(load, warmup_s=min(load.warmup_s, WARM * seconds))
                seen, (told,) = driven(self.stage, engine, {side: services[side]}, part, seconds)
                parts[side].append(told)
                busy_s += seen.busy_s
        whole = [together(parts[side]) for side in sorted(services)]
        seen = meter.outcome([each.sent for each in whole])
        seen.busy_s = busy_s
        return seen, whole


def _often(served: Served | None) -> bool:
    return served is not None and served.latency.total >= needed(0.5)


def together(parts: Sequence[Told]) -> Told:
    """Return what all windows of a side say."""
    if unfair := next((part.unfair for part in parts if part.unfair), ""):
        return Told(unfair=unfair)
    names = dict.fromkeys(name for part in parts for name in part.served)
    served = {name: joined([part.served[name] for part in parts if name in part.served]) for name in names}
    return Told(served=served, sent=sum(part.sent for part in parts))


def driven(
    stage: Stage, engine: Engine, services: Mapping[int, Service], load: Load, seconds: float
) -> tuple[Outcome, list[Told]]:
    """Let `engine` load `services`, all at once.

    Raises: SideFailed; MeasureError where it does not start or end.
    """
    with ExitStack() as stack:
        drives = [
            Drive(
                target=stage.target(service), side=side, users=load.users, rate=load.rate,
                seconds=seconds, warmup_s=load.warmup_s, timeout_s=load.timeout_s,
                home=str(stack.enter_context(scratch("engine"))),
                free_port=free_port(),
            )
            for side, service in services.items()
        ]  # fmt: skip
        active = stage.places[-1].environ
        launches = [
            replace(launch, environ=(*active, *launch.environ)) for launch in (engine.launch(drive) for drive in drives)
        ]
        meter, busy_s = Meter(services), _children_s()
        allowed = cpus.allowed()
        try:
            with cpus.on(allowed[-1:] if len(allowed) > 1 else ()):
                ended = command.together(
                    launches, interrupts=stage.interrupts, timeout_s=seconds + GRACE_S, meanwhile=meter.look
                )
        except OSError as exc:
            if isinstance(exc, TimeoutError):
                raise MeasureError(f"{Path(launches[0].argv[0]).name} does not come to an end") from exc
            text = f"cannot start {launches[0].argv[0]}: {exc.strerror}"
            raise MeasureError(text, hint="install it where perfgate runs: see docs/load.md") from exc
        meter.check()
        for launch, each in zip(launches, ended, strict=True):
            if each.status:
                raise MeasureError(f"{Path(launch.argv[0]).name} ended with status {each.status}:\n{each.tail}")
        told = [engine.told(drive, each.output) for drive, each in zip(drives, ended, strict=True)]
        seen = meter.outcome([each.sent for each in told])
        seen.busy_s = _children_s() - busy_s
    known = [each.busy for each in told if each.busy is not None]
    if (busy := sum(known) if known else seen.busy_s / seen.took_s) > BUSIEST_ENGINE:
        text = f"the engine was {100 * busy:.0f} % busy, so its own queue is what it saw; lower users or rate"
        told = [Told(unfair=text) for _ in told]
    return seen, told


def _children_s() -> float:
    """Return the CPU seconds of all processes that ended below this one."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
