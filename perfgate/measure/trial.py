"""Whether the benchmarks of a side can be collected at all, or run once, before anything is measured."""

import time
from dataclasses import dataclass

from perfgate.core.schedule import draw_pair
from perfgate.errors import MeasureError
from perfgate.host.interrupt import Interrupts
from perfgate.host.tree import adopting
from perfgate.measure import scout
from perfgate.measure.crew import OutOfTime
from perfgate.measure.sides import PreparedSide
from perfgate.measure.suite import Job

MOST_FAILED = 20  # benchmarks that may fail where the others are measured without them
RUN_S = 120.0  # in which the benchmarks of a suite are run once; what is left was collected at least


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What a suite offered in a trial."""

    suite: str
    names: tuple[str, ...] = ()
    """Benchmarks that can be collected."""
    errors: tuple[str, ...] = ()
    """Why files, or the whole suite, could not be collected, in the tool's words."""
    failed: tuple[tuple[str, str], ...] = ()
    """Benchmarks that did not run, with the reason; only where they were run."""
    skipped: tuple[tuple[str, str], ...] = ()
    """Files and benchmarks that were skipped, with the reason."""
    late: bool = False
    """Whether its benchmarks could not even be listed in time."""
    left: tuple[str, ...] = ()
    """Benchmarks that were to be run, and for which there was no time."""

    @property
    def ran(self) -> int:
        """How many benchmarks ran."""
        others = {name for name, _ in (*self.failed, *self.skipped)} | set(self.left)
        return len(set(self.names) - others)

    @property
    def mostly_works(self) -> bool:
        """Whether all could be collected, and only a few did not run."""
        return not self.errors and self.ran > 0 and 0 < len(self.failed) <= MOST_FAILED

    @property
    def works(self) -> bool:
        """Whether all that it offers can be measured, and anything is."""
        return not self.errors and not self.failed and self.ran > 0


def tried(
    job: Job, side: PreparedSide, *, mark: str, interrupts: Interrupts, run: bool, within_s: float = RUN_S
) -> Tried:
    """Collect the benchmarks of `job` on a side within so many seconds and, with `run`, run each once."""
    try:
        with adopting():
            found = scout.survey(
                job.runner.launch(side.place, names=()),
                draw_pair(0, job.name, 0, cpus=()),
                calibrate=run,
                timeout_s=job.timeout_s,
                mark=mark,
                interrupts=interrupts,
                deadline=time.monotonic() + within_s,
                wanted=lambda name: not job.leaves_out(name),
            )
    except MeasureError as exc:
        return Tried(suite=job.name, errors=(exc.message,))
    except OutOfTime:
        text = f"its benchmarks could not be listed within {within_s:g} s"
        return Tried(suite=job.name, errors=(text,), late=True)
    troubles = [(name, each[0]) for name, each in found.journey.troubles.items()]
    skipped = [(name, trouble.text) for name, trouble in troubles if trouble.reason == "skipped"]
    return Tried(
        suite=job.name,
        names=found.names,
        errors=found.complaints,
        failed=tuple((name, trouble.text) for name, trouble in troubles if trouble.reason != "skipped"),
        skipped=(*found.skipped.items(), *skipped),
        left=tuple(n for n in found.names if run and n not in found.iteration_s and n not in found.journey.troubles),
    )
