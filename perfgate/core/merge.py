"""The runs of several jobs that shared one measurement, as one run; pure."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from perfgate.core.model import WHOLE, Method, Run, Warning
from perfgate.errors import UsageError


def merged(runs: Sequence[Run]) -> Run:
    """Return one run of the parts of one side, in any order.

    Samples stay as they were measured: each benchmark was one job's, with pairs of its own.
    Raises: UsageError where a part is missing or there twice, or where they are not of one commit.
    """
    first = runs[0]
    if len(commits := sorted({str(run.revision.commit) for run in runs})) > 1:
        raise UsageError(f"the parts are of several commits: {', '.join(commits)}")
    if len({run.part.of for run in runs}) > 1:
        raise UsageError(f"the parts are of different measurements: {', '.join(str(run.part) for run in runs)}")
    numbers = sorted(run.part.number for run in runs)
    if missing := sorted(set(range(1, first.part.of + 1)) - set(numbers)):
        which = ", ".join(f"{number}/{first.part.of}" for number in missing)
        raise UsageError(f"part {which} is missing", hint="did that job fail? run it again, then this one")
    if len(numbers) != len(set(numbers)):
        raise UsageError(f"a part is there twice: {', '.join(str(run.part) for run in runs)}")
    runs = sorted(runs, key=lambda run: run.part.number)
    return replace(
        runs[0],
        samples=tuple(sample for run in runs for sample in run.samples),
        failures=tuple(failure for run in runs for failure in run.failures),
        offered=tuple(benchmark for run in runs for benchmark in run.offered),
        measurement=hashlib.sha256("".join(str(run.measurement) for run in runs).encode()).hexdigest()[:16],
        method=_method([run.method for run in runs if run.method]),
        processes=tuple(facts for run in runs for facts in run.processes),
        distributions=tuple(each for run in runs for each in run.distributions),
        described=tuple(each for run in runs for each in run.described),
        warnings=tuple(dict.fromkeys([*(w for run in runs for w in run.warnings), *_machines(runs)])),
        part=WHOLE,
    )


def _method(methods: Sequence[Method]) -> Method | None:
    if not methods:
        return None
    return replace(
        methods[0],
        budget_s=max(method.budget_s for method in methods),
        took_s=max(method.took_s for method in methods),
        overhead_s=max(method.overhead_s for method in methods),
        startup_s=max(method.startup_s for method in methods),
        enough_s=max(method.enough_s for method in methods),
        phases=tuple(
            (phase, max(dict(method.phases).get(phase, 0.0) for method in methods)) for phase, _ in methods[0].phases
        ),
        controls=tuple(control for method in methods for control in method.controls),
    )


def _machines(runs: Sequence[Run]) -> list[Warning]:
    differing = dict.fromkeys(text for run in runs for text in runs[0].environment.differences(run.environment))
    if not differing:
        return []
    text = f"the parts ran on different machines ({'; '.join(differing)}): pairs are compared within one alone"
    return [Warning(code="other-machines", text=text)]
