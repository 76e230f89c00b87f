"""Engines in place of our own generator: one process for each side, both at once, so that both meet the same moment."""

import resource
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from perfgate.core.load.tally import TOTAL, summed
from perfgate.core.model import Reason
from perfgate.core.ports import Drive, Engine, Told
from perfgate.errors import MeasureError
from perfgate.host import command, cpus
from perfgate.host.service import Service, free_port
from perfgate.measure.probe import Counted, ProbeSuite, Unfair
from perfgate.measure.start import Meter, Outcome, SideFailed, Stage, serving

BUSIEST_ENGINE = 0.85  # of its CPU: beyond it what it notes is its own queue
GRACE_S = 90.0  # to start, wait for workers, and end


class EngineSuite(ProbeSuite):
    """Lets an engine load both sides at once."""

    def _scout(self) -> Outcome:
        """Let it run once: which names there are, only it knows."""
        seen, told = self._start(self.around.seed)
        for side, each in enumerate(told):
            total = each.served.get(TOTAL)
            if total is None or not total.latency.total:
                text = each.unfair or "no request was served"
                self._lost(SideFailed(side, Reason.NOTHING, text))
        names = dict.fromkeys(name for each in told for name in each.served if name != TOTAL)
        self._names = [TOTAL, *names]
        return seen

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
        with serving(self.stage, seed=seed, words=words) as services:
            seen, told = driven(
                self.stage, self.probe.engine, services,
                users=plan.users, rate=plan.rate, seconds=plan.seconds, warmup_s=plan.warmup_s,
            )  # fmt: skip
        seen.words, seen.startup_s = words, time.monotonic() - began - seen.took_s
        return seen, told


def driven(
    stage: Stage,
    engine: Engine,
    services: Mapping[int, Service],
    *,
    users: int,
    rate: float | None,
    seconds: float,
    warmup_s: float,
) -> tuple[Outcome, list[Told]]:
    """Let `engine` load `services`, all at once.

    Raises: SideFailed; MeasureError where it does not start or end.
    """
    with ExitStack() as stack:
        drives = [
            Drive(
                target=stage.target(service), side=side, users=users, rate=rate, seconds=seconds, warmup_s=warmup_s,
                home=stack.enter_context(tempfile.TemporaryDirectory(prefix="perfgate-engine-")),
                free_port=free_port(),
            )
            for side, service in services.items()
        ]  # fmt: skip
        launches = [engine.launch(drive) for drive in drives]
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
        told = [engine.told(drive) for drive in drives]
        seen = meter.outcome([each.sent for each in told])
        seen.busy_s = _children_s() - busy_s
    if (busy := seen.busy_s / seen.took_s) > BUSIEST_ENGINE:
        text = f"the engine was {100 * busy:.0f} % busy, so its own queue is what it saw; lower users or rate"
        told = [Told(unfair=text) for _ in told]
    return seen, told


def _children_s() -> float:
    """Return the CPU seconds of all processes that ended below this one."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
