"""The canary: where base differs from itself, pairs decide nothing."""

import math
import random
from dataclasses import replace

import pytest

from perfgate.core.control import CONTROL_PAIRS, disturbance
from perfgate.core.judge import judge
from perfgate.core.merge import merged
from perfgate.core.model import Part
from perfgate.core.policy import Policy
from perfgate.core.report import report
from perfgate.core.verdict import Verdict
from tests.core.build import BYTES, METHOD, noisy_pair, run, sample

CALM = (0.01, -0.01, 0.02, 0.0, -0.02, 0.01)
DISTURBED = (0.10, 0.11, 0.09, 0.10, 0.12, 0.08)


@pytest.mark.parametrize(
    ("controls", "seen"),
    [
        ((), ""),
        ((CALM,), ""),
        ((DISTURBED,), "base differed from itself by +10.5 % in these minutes"),
        ((CALM, tuple(-value for value in DISTURBED)), "base differed from itself by -9.5 % in these minutes"),
        ((DISTURBED[: CONTROL_PAIRS - 1],), ""),
        # Sure, but no more than layout alone may make.
        (((0.015, 0.014, 0.016, 0.015, 0.015, 0.016),), ""),
        # Far off, but anything: spread is no difference.
        (((0.5, -0.5, 0.4, -0.3, 0.6, 0.1),), ""),
    ],
)
def test_base_differs_from_itself_or_it_does_not(controls: tuple[tuple[float, ...], ...], seen: str) -> None:
    found = disturbance(replace(METHOD, controls=controls), (), math.log(1.02))

    assert found.startswith(seen)
    assert bool(found) is bool(seen)


def test_in_a_disturbed_run_nobody_is_blamed_and_nobody_is_cleared() -> None:
    slow, same = noisy_pair(0.2, pairs=15), noisy_pair(0.0, pairs=15, seed=2, name="other")
    exact = sample([[100.0]], "size", metric=BYTES), sample([[120.0]], "size", metric=BYTES)
    base, head = (run(slow[side], same[side], exact[side]) for side in (0, 1))
    usual = {row.name: row.verdict for row in judge(base, head, Policy())}
    method = replace(METHOD, controls=(DISTURBED,))
    found = report(replace(base, method=method), replace(head, method=method), Policy(), repeat="", version="1")

    assert usual["micro/parse:time"] is Verdict.REGRESSION
    rows = {row.name: row for row in found.judgements}
    assert {rows[name].verdict for name in ("micro/parse:time", "micro/other:time")} == {Verdict.INCONCLUSIVE}
    assert rows["micro/parse:time"].text.endswith("so this run is invalid: run it again")
    assert rows["micro/size:bytes"].verdict is Verdict.REGRESSION


def test_each_job_s_control_counts() -> None:
    parts = [
        replace(
            run(noisy_pair(0.0, name=f"b{number}")[1]),
            part=Part(number=number, of=2),
            method=replace(METHOD, controls=(control,)),
        )
        for number, control in ((1, CALM), (2, DISTURBED))
    ]

    whole = merged(parts)

    assert whole.method
    assert whole.method.controls == (CALM, DISTURBED)


def test_pairs_that_foretell_the_next_decide_nothing() -> None:
    rng = random.Random(4)
    waves = [0.0]
    while len(waves) < 42:
        waves.append(0.8 * waves[-1] + rng.gauss(0, 0.02))
    pairs = [
        (
            sample([[1e-3] * 20] * 42, f"b{number}", planned=42),
            sample([[1e-3 * math.exp(0.3 + wave + rng.gauss(0, 0.01))] * 20 for wave in waves], f"b{number}"),
        )
        for number in range(12)
    ]
    exact = sample([[100.0]], "size", metric=BYTES), sample([[120.0]], "size", metric=BYTES)
    base, head = (run(*(pair[side] for pair in pairs), exact[side]) for side in (0, 1))

    rows = {row.name: row for row in judge(base, head, Policy())}

    assert rows["micro/b1:time"].verdict is Verdict.INCONCLUSIVE
    assert rows["micro/b1:time"].text.startswith("the effects of neighbouring pairs were correlated (0.")
    assert rows["micro/size:bytes"].verdict is Verdict.REGRESSION
