import math
from dataclasses import replace
from random import Random

import pytest

from perfgate.core.fitness import Fitness, fitness
from perfgate.core.model import CPU, Design, Run, Sample, Warning
from perfgate.core.policy import Policy, Rule
from perfgate.core.units import Unit
from perfgate.core.verdict import Verdict
from perfgate.render.sight import sight as shown
from tests.core.build import METHOD, noisy_pair, run, sample
from tests.core.test_judge import verdict

EFFORT_S = 4.2  # 42 pairs of a tenth of a second


def seen(*pairs: tuple[Sample, Sample], policy: Policy | None = None, effort_s: float = EFFORT_S) -> Fitness:
    base, head = (run(*(pair[side] for pair in pairs)) for side in (0, 1))
    return fitness(base, head, policy or Policy(), effort_s=effort_s)


def faults(found: Fitness) -> dict[str, list[str]]:
    return {benchmark.name: [fault.code for fault in about] for benchmark, about in found.faults.items()}


def test_a_good_benchmark_has_no_fault_and_is_seen_from_a_little_above_its_limit() -> None:
    found = seen(noisy_pair(0.0, pairs=42))

    (sight,) = found.sights
    assert found.faults == {}
    assert sight.visible == pytest.approx(0.053, abs=0.001)
    assert (sight.pairs, sight.planned, sight.needed) == (42, 42, 6)
    assert sight.effort_s == pytest.approx(0.6)
    assert found.takes_s == pytest.approx(42 * (0.1 + METHOD.startup_s))


@pytest.mark.parametrize("spread", [0.01, 0.03, 0.08])
def test_what_is_foretold_is_what_is_blocked(spread: float) -> None:
    """A third more than the smallest visible effect is nearly always blocked, a third less seldom."""
    (sight,) = seen(noisy_pair(0.0, pairs=42, spread=spread)).sights
    assert sight.visible is not None

    def blocked(effect: float) -> int:
        return sum(verdict(effect, pairs=45, spread=spread, seed=s) is Verdict.REGRESSION for s in range(40))

    assert blocked(sight.visible * 4 / 3) >= 38
    assert blocked(sight.visible * 2 / 3) < 38


@pytest.mark.parametrize(
    ("spread", "holds"), [(0.005, 0.01), (0.01, 0.02), (0.03, 0.02), (0.05, 0.03), (0.3, 0.2), (0.9, None)]
)
def test_the_lowest_limit_that_can_be_held_is_told(spread: float, holds: float | None) -> None:
    found = seen(noisy_pair(0.0, pairs=42, spread=spread))
    (sight,) = found.sights

    assert sight.holds == holds
    assert f"{100 * holds:.0f} %\n" if holds else "none\n" in shown(found, 600)

    if holds:
        rule = Rule(sli="*:time", limit=holds)
        blocked = [
            verdict(2.2 * holds, pairs=45, spread=spread, seed=s, policy=Policy(rules=(rule,))) for s in range(20)
        ]
        assert blocked.count(Verdict.REGRESSION) >= 18


def test_the_more_there_is_to_judge_the_less_is_seen_of_each() -> None:
    (alone,) = seen(noisy_pair(0.0, spread=0.08)).sights
    among = seen(*(noisy_pair(0.0, spread=0.08, name=f"b{n}") for n in range(100))).sights[0]

    assert alone.visible is not None
    assert among.visible is not None
    assert among.visible > alone.visible


def test_a_floor_is_a_limit_and_what_no_rule_covers_is_not_seen() -> None:
    floor = Rule(sli="*parse*", limit=0.05, floor=500e-6, floor_unit=Unit.SECOND)

    found = seen(noisy_pair(0.0), noisy_pair(0.0, name="other"), policy=Policy(rules=(floor,)))

    (sight,) = found.sights
    assert sight.limit == pytest.approx(0.5, rel=0.1)


def test_too_few_pairs_say_nothing() -> None:
    found = seen(noisy_pair(0.0, pairs=3), noisy_pair(0.0, pairs=1, name="once"))

    assert [(s.visible, s.needed, s.effort_s) for s in found.sights] == [(None, None, None)] * 2
    assert found.p_alike is None
    assert found.faults == {}
    assert "? in 1 pairs" in shown(found, 600)
    assert "give them more time" in shown(found, 600)


def test_a_benchmark_that_spreads_too_much_is_unstable_and_says_what_it_would_take() -> None:
    found = seen(noisy_pair(0.0, pairs=42, spread=0.12))

    assert faults(found) == {"parse": ["unstable"]}
    assert "to block from 7.5 % of micro/parse:time: --effort" in shown(found, 600)


def test_a_load_probe_has_a_time_of_its_own() -> None:
    pair = [replace(s, design=Design.LOAD) for s in noisy_pair(0.0, pairs=42, spread=0.12)]

    found = seen((pair[0], pair[1]), effort_s=0.5)

    assert faults(found) == {"parse": ["unstable"]}
    assert "micro/parse:time: a longer duration" in shown(found, 600)


def test_an_slo_is_one_more_question_and_leaves_less_to_each() -> None:
    usual, strict = (Rule(sli="*:time", limit=0.05, slo=slo, slo_unit=Unit.SECOND) for slo in (None, 1.0))
    one, two = (
        seen(noisy_pair(0.0, spread=0.2), policy=Policy(rules=(rule,))).sights[0].visible for rule in (usual, strict)
    )

    assert one is not None
    assert two is not None
    assert two > one


def test_some_spreads_are_beyond_any_time() -> None:
    assert "micro/parse:time: no --effort is enough" in shown(seen(noisy_pair(0.0, pairs=42, spread=0.9)), 600)


def test_two_builds_that_surely_differ_are_said_to() -> None:
    found = seen(noisy_pair(-0.04, pairs=42), noisy_pair(0.0, pairs=42, name="other", seed=2))

    assert faults(found) == {"parse": ["differs"]}
    assert "two builds of the same code differ by -4.1%" in shown(found, 600)
    assert "two builds differ by more than chance" in shown(found, 600)
    assert "the two builds differ no more than chance explains" in shown(seen(noisy_pair(0.0, pairs=42)), 600)


def test_a_benchmark_that_never_settles_is_told_by_its_turns() -> None:
    rng = Random(3)
    turns = [[1e-3 * (1 + 0.01 * turn) * math.exp(rng.gauss(0, 0.01)) for turn in range(20)] for _ in range(24)]

    found = seen((sample(turns[:12]), sample(turns[12:])))

    assert faults(found) == {"parse": ["warm-up"]}
    assert "+14% from the first third of a process's turns to the last" in shown(found, 600)


def test_one_turn_says_nothing_of_settling() -> None:
    once = sample([[1e-3]] * 8)

    found = seen((once, once))

    assert found.faults == {}
    assert found.p_alike is None


def test_one_that_waits_is_told_by_its_cpu_time() -> None:
    base, head = noisy_pair(0.0)
    cpu = [replace(s, sli=replace(s.sli, metric=CPU)) for s in noisy_pair(-0.9)]
    cpu = [replace(s, processes=tuple(tuple(v / 10 for v in p) for p in s.processes)) for s in cpu]
    runs = [run(time, less) for time, less in zip((base, head), cpu, strict=True)]

    found = fitness(*runs, Policy(), effort_s=EFFORT_S)

    assert faults(found) == {"parse": ["waits"]}


def warned(pair: tuple[Sample, Sample], code: str, text: str) -> tuple[Sample, Sample]:
    return pair[0], replace(pair[1], warnings=(Warning(code=code, text=text),))


def test_what_a_benchmark_calls_is_told_once_with_what_to_do() -> None:
    found = seen(
        warned(noisy_pair(0.0), "sleeps", "calls time.sleep (a.py:3 in f)"),
        warned(noisy_pair(0.0, name="wide"), "several-cpus", "uses several CPUs"),
        warned(noisy_pair(0.0, name="pool"), "threads", "starts a thread (a.py:9 in g)"),
    )

    assert faults(found) == {"parse": ["sleeps"], "wide": ["threads"], "pool": ["threads"]}
    assert "sleeps: calls time.sleep (a.py:3 in f)\n    try: measure the code around" in shown(found, 600)


def test_one_that_is_too_long_for_its_time_is_said_to_be() -> None:
    assert faults(seen(noisy_pair(0.0), effort_s=0.5)) == {"parse": ["long"]}


def test_several_metrics_of_a_benchmark_share_its_faults() -> None:
    pair = noisy_pair(0.0)
    runs = [run(s, replace(s, sli=replace(s.sli, metric=CPU))) for s in pair]

    found = fitness(*runs, Policy(rules=(Rule(sli="*:time", limit=0.05), Rule(sli="*:cpu", limit=0.05))), effort_s=0.5)

    assert faults(found) == {"parse": ["long"]}
    assert len(found.sights) == 2


def test_a_comparison_that_does_not_fit_its_budget_is_said_not_to() -> None:
    found = seen(noisy_pair(0.0))

    assert "and its budget is 10 s: raise it" in shown(found, 10)
    assert "raise it" not in shown(found, 600)


def test_a_run_without_a_method_starts_at_once() -> None:
    base, head = (replace(run(s), method=None) for s in noisy_pair(0.0))

    assert isinstance(base, Run)
    assert fitness(base, head, Policy(), effort_s=EFFORT_S).takes_s == pytest.approx(4.2)
