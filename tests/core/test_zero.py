"""Values of zero and less: they get a verdict on every path, and nothing that should not matter changes it."""

import math
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfgate.core.baseline import Baseline, base_run, compare_stored, reduced, restated
from perfgate.core.comparison import Evidence
from perfgate.core.history import alarming, trends
from perfgate.core.judge import judge
from perfgate.core.model import Direction, Failure, Kind, Metric, Reason
from perfgate.core.policy import Policy, Rule, Statement
from perfgate.core.report import report
from perfgate.core.stats import changepoint, unpaired
from perfgate.core.stats.scale import Scale, Signs, differences
from perfgate.core.units import Unit
from perfgate.core.verdict import Judgement, Verdict
from tests.core.build import run, sample, sli, stored

WARNINGS = Metric(name="warnings", unit=Unit.ONE)
GAIN = Metric(name="gain", unit=Unit.ONE, direction=Direction.HIGHER)
GUESSED = replace(WARNINGS, guessed=True)
RULES = (Rule(sli="*:warnings", limit=0.05), Rule(sli="*:gain", limit=0.05))
POLICY = Policy(rules=RULES)
PAIRS = 42


@pytest.fixture(autouse=True)
def _no_warning_of_numpy() -> object:
    with np.errstate(divide="raise", invalid="raise", over="raise"):
        yield


def levels(base: float, spread: float = 0.0, *, seed: int = 1, pairs: int = PAIRS) -> list[float]:
    rng = Random(seed)
    return [base + spread * rng.gauss(0, 1) for _ in range(pairs)]


def picked(*choices: float, seed: int = 1, pairs: int = PAIRS) -> list[float]:
    rng = Random(seed)
    return [rng.choice(choices) for _ in range(pairs)]


def judged(
    base: Sequence[float], head: Sequence[float], metric: Metric = WARNINGS, policy: Policy = POLICY
) -> Judgement:
    """Judge one SLI of which each pair has one value a side."""
    sides = (run(sample([[value] for value in values], metric=metric)) for values in (base, head))
    (row,) = judge(*sides, policy)
    return row


CASES = {
    "nothing against nothing": (levels(0), levels(0), WARNINGS, Verdict.PASS),
    "something where nothing was": (levels(0), levels(3), WARNINGS, Verdict.REGRESSION),
    "something, however it varies": (levels(0), picked(1, 1, 1, 1000), WARNINGS, Verdict.REGRESSION),
    "nothing where something was": (levels(3), levels(0), WARNINGS, Verdict.IMPROVEMENT),
    "of what is better when higher": (levels(0), levels(3), GAIN, Verdict.IMPROVEMENT),
    "and lost": (levels(3), levels(0), GAIN, Verdict.REGRESSION),
    "once in all pairs": (levels(0), [3.0, *levels(0, pairs=41)], WARNINGS, Verdict.INCONCLUSIVE),
    "a mixture and more of it": (picked(0, 1), picked(2, 3), WARNINGS, Verdict.REGRESSION),
    "below zero, the same": (levels(-3.5), levels(-3.5), WARNINGS, Verdict.PASS),
    "below zero, further": (levels(-3.5), levels(-4.0, 0.01), WARNINGS, Verdict.IMPROVEMENT),
    "below zero, further, and that is worse": (levels(-3.5), levels(-4.0, 0.01), GAIN, Verdict.REGRESSION),
    "around zero": (levels(0, 1.0), levels(0, 1.0)[::-1], WARNINGS, Verdict.INCONCLUSIVE),
    "from below zero to above": (levels(-1.0, 0.01), levels(1.0, 0.01, seed=2), WARNINGS, Verdict.REGRESSION),
}


@pytest.mark.parametrize("case", CASES)
def test_pairs_get_a_verdict_whatever_their_values(case: str) -> None:
    base, head, metric, expected = CASES[case]

    row = judged(base, head, metric)

    assert row.verdict is expected, row
    assert row.comparison is not None
    assert row.comparison.evidence is Evidence.PAIRED
    assert row.verdict is not Verdict.INCONCLUSIVE or row.text or row.visible is not None or row.needs is not None


def test_why_signs_alone_do_not_decide_is_said() -> None:
    row = judged(levels(0), [3.0, *levels(0, pairs=41)])

    assert row.text == "base is 0 in all pairs and head differs in 1 of 42, too few to tell"
    assert row.visible is None


@pytest.mark.parametrize(("floor", "expected"), [(1.0, Verdict.REGRESSION), (3.0, Verdict.PASS), (9.0, Verdict.PASS)])
def test_what_is_within_the_floor_is_no_change(floor: float, expected: Verdict) -> None:
    rule = replace(RULES[0], floor=floor, floor_unit=Unit.ONE)

    assert judged(levels(0), levels(3), policy=Policy(rules=(rule,))).verdict is expected
    assert judged(picked(0, 1), picked(2, 3), policy=Policy(rules=(rule,))).verdict is expected


def test_five_pairs_are_too_few_for_zeros_as_well() -> None:
    assert judged(levels(0, pairs=5), levels(0, pairs=5)).verdict is Verdict.INCONCLUSIVE
    assert judged(levels(0, pairs=5), levels(3, pairs=5)).verdict is Verdict.INCONCLUSIVE


def test_an_slo_is_asked_of_values_of_zero_too() -> None:
    policy = Policy(rules=(replace(RULES[0], slo=2.0, slo_unit=Unit.ONE),))

    assert judged(levels(0), levels(0), policy=policy).verdict is Verdict.PASS
    row = judged(picked(0, 1), levels(3), policy=policy)
    assert (row.verdict, "misses its SLO" in row.text) == (Verdict.REGRESSION, True)


def test_zeros_that_rarely_change_are_not_called_a_pass() -> None:
    """A few large differences are no outliers of the clock: leaving them out would prove nothing."""
    rare = [50.0 if place in (7, 23) else 0.0 for place in range(PAIRS)]
    base = [1.0 if place == 3 else 0.0 for place in range(PAIRS)]

    assert judged(base, rare).verdict is Verdict.INCONCLUSIVE


def test_identical_code_with_rare_values_is_not_blocked() -> None:
    """Both sides are 0 or 1 by chance alone."""
    blocked = sum(
        judged(picked(0, 0, 0, 1, seed=seed), picked(0, 0, 0, 1, seed=1000 + seed)).verdict is Verdict.REGRESSION
        for seed in range(300)
    )

    assert blocked <= 6, "2 % of single SLIs would be twice the level of a whole suite"


def test_a_guessed_direction_blocks_what_rose_and_calls_nothing_improved() -> None:
    assert judged(levels(10, 0.01), levels(12, 0.01), GUESSED).verdict is Verdict.REGRESSION
    better = judged(levels(10, 0.01), levels(8, 0.01), GUESSED)
    same = judged(levels(10, 0.01), levels(10, 0.01, seed=2), GUESSED)

    assert (better.verdict, better.blocks) == (Verdict.INCONCLUSIVE, False)
    assert 'write better = "higher" or "lower" into its rule' in better.text
    assert (same.verdict, same.text) == (Verdict.PASS, "")
    exact = replace(GUESSED, kind=Kind.EXACT)
    assert judged(levels(10), levels(8), exact).verdict is Verdict.INCONCLUSIVE
    assert judged(levels(0), levels(-3), GUESSED).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    "policy",
    [
        Policy(rules=(replace(RULES[0], better=Direction.HIGHER),)),
        Policy(rules=RULES, metrics=(Statement(metric="warnings", better=Direction.HIGHER),)),
    ],
)
def test_a_stated_direction_is_believed(policy: Policy) -> None:
    base, head = (run(sample([[v] for v in levels(level, 0.01)], metric=GUESSED)) for level in (10, 8))

    found = report(base, head, policy, repeat="", version="")
    back = report(head, base, policy, repeat="", version="")

    assert [row.verdict for row in found.judgements] == [Verdict.REGRESSION]
    assert [row.verdict for row in back.judgements] == [Verdict.IMPROVEMENT]


def test_a_stated_unit_and_kind_are_believed_and_known_metrics_stay_as_they_are() -> None:
    policy = Policy(metrics=(Statement(metric="warnings", unit=Unit.BYTE, kind=Kind.EXACT),))

    assert policy.stated(sli(metric=WARNINGS)).metric == Metric(name="warnings", unit=Unit.BYTE, kind=Kind.EXACT)
    assert policy.stated(sli()) == sli()
    assert Policy().stated(sli(metric=GUESSED)).metric.guessed
    assert "what is said of metrics" in Policy().differences(policy)


# Stored runs


def foretold(values: Sequence[float], mine: float, metric: Metric = WARNINGS) -> Judgement:
    head = run(sample([[mine]], metric=metric), measurement=None)
    baseline = Baseline(suite="micro", runs=stored(values, metric), distance=1)
    comparisons = compare_stored([baseline], head)
    (row,) = judge(base_run([baseline], head), head, replace(POLICY, trust_stored=True), comparisons)
    return row


@pytest.mark.parametrize(
    ("values", "mine", "metric", "expected"),
    [
        (levels(0, pairs=20), 0.0, WARNINGS, Verdict.PASS),
        (levels(0, pairs=20), 3.0, WARNINGS, Verdict.REGRESSION),
        (levels(0, pairs=20), 3.0, GAIN, Verdict.IMPROVEMENT),
        (levels(3, 0.01, pairs=20), 0.0, WARNINGS, Verdict.IMPROVEMENT),
        (levels(-3, 0.01, pairs=20), -3.0, WARNINGS, Verdict.PASS),
        (levels(-3, 0.01, pairs=20), -2.0, WARNINGS, Verdict.REGRESSION),
        (levels(0, pairs=3), 0.0, WARNINGS, Verdict.INCONCLUSIVE),
    ],
)
def test_stored_zeros_get_a_verdict(values: list[float], mine: float, metric: Metric, expected: Verdict) -> None:
    row = foretold(values, mine, metric)

    assert row.verdict is expected, row
    assert row.comparison is not None
    assert row.comparison.evidence is Evidence.STORED


def test_stored_runs_are_read_by_what_the_configuration_says_today() -> None:
    policy = Policy(rules=(replace(RULES[0], better=Direction.HIGHER),))
    before = reduced(run(sample([[3.0]], metric=GUESSED)), Policy(rules=RULES), committed="")

    (after,) = restated(before, policy)

    (key,) = after.levels
    assert (key.metric.direction, key.metric.guessed) == (Direction.HIGHER, False)
    assert restated(before, Policy(rules=RULES)) == list(before)


# History


def alarms(values: Sequence[float], metric: Metric = WARNINGS) -> list[tuple[int, bool]]:
    """The place of each change of level, and whether it alarms."""
    runs = stored(values[::-1], metric)[::-1]
    order = {one.commit: place for place, one in enumerate(runs)}
    (trend,) = trends(runs, order, POLICY, None)
    alarmed = alarming(trend, POLICY.rule_for(trend.sli), frozenset(order))
    return [(shift.first, shift in alarmed) for shift in trend.shifts]


@pytest.mark.parametrize(
    ("values", "metric", "expected"),
    [
        ([0.0] * 10 + [3.0] * 10, WARNINGS, [(10, True)]),
        ([3.0] * 10 + [0.0] * 10, WARNINGS, [(10, False)]),
        ([0.0] * 10 + [3.0] * 10, GAIN, [(10, False)]),
        ([0.0] * 20, WARNINGS, []),
        (levels(-5, 0.01, pairs=20) + levels(-3, 0.01, pairs=20, seed=2), WARNINGS, [(20, True)]),
        (levels(-5, 0.01, pairs=20) + levels(-3, 0.01, pairs=20, seed=2), GAIN, [(20, False)]),
        ([0.0] * 10 + [3.0] * 10 + [0.0] * 10, WARNINGS, [(10, False), (20, False)]),
    ],
)
def test_history_sees_changes_of_level_at_and_below_zero(
    values: list[float], metric: Metric, expected: list[tuple[int, bool]]
) -> None:
    assert alarms(values, metric) == expected


def test_exact_values_below_zero_are_compared_by_their_size() -> None:
    exact = replace(GAIN, kind=Kind.EXACT)

    assert judged(levels(-100), levels(-104), exact).verdict is Verdict.PASS
    assert judged(levels(-100), levels(-106), exact).verdict is Verdict.REGRESSION
    assert judged(levels(-100), levels(-90), exact).verdict is Verdict.IMPROVEMENT
    assert judged(levels(0), levels(0), exact).verdict is Verdict.PASS


# A metric that gave no number


def test_a_metric_without_a_number_fails_alone() -> None:
    base = run(sample([[1.0]] * 12), sample([[5.0]] * 12, metric=WARNINGS))
    bad = Failure(
        benchmark=sli().benchmark, reason=Reason.BAD_VALUE, text="warnings came out as nan", metrics=("warnings",)
    )
    head = run(sample([[1.0]] * 12), sample([[9.0]] * 5, metric=WARNINGS), failures=[bad])
    policy = Policy(rules=(*RULES, *Policy().rules))

    rows = {row.name: row for row in judge(base, head, policy)}
    other = {row.name: row for row in judge(head, base, policy)}

    assert rows["micro/parse:time"].verdict is Verdict.PASS
    assert rows["micro/parse:warnings"].verdict is Verdict.FAILED
    assert rows["micro/parse:warnings"].text == "bad-value on head: warnings came out as nan"
    assert len(rows) == 2
    assert other["micro/parse:warnings"].verdict is Verdict.INCONCLUSIVE
    assert "on base it gave no usable value" in other["micro/parse:warnings"].text


def test_a_metric_without_a_number_that_no_rule_names_has_no_row() -> None:
    bad = Failure(benchmark=sli().benchmark, reason=Reason.BAD_VALUE, text="cpu came out as -1", metrics=("cpu",))
    base = run(sample([[1.0]] * 12))

    (row,) = judge(base, run(sample([[1.0]] * 12), failures=[bad]), Policy())

    assert row.verdict is Verdict.PASS


@settings(max_examples=200, deadline=None)
@given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=10, max_size=30))
def test_no_series_is_too_odd_for_history(values: list[float]) -> None:
    with np.errstate(all="ignore"):  # values next to the largest that a number can hold
        found = changepoint.steps(values)

    assert all(step.earliest <= step.at <= step.latest for step in found)


# The parts


def test_differences_are_shares_of_base_s_mean_size() -> None:
    assert differences([-1.0, 3.0], [1.0, 3.0]) == (Scale.DIFFERENCE, (1.0, 0.0), 2.0)
    assert differences([0.0, 0.0], [1.0, -3.0]) == (Scale.SIGN, (1.0, -3.0), 0.0)
    scale, values, size = differences([5e-324, 0.0], [1e308, 0.0])
    assert (scale, values, size > 0) == (Scale.DIFFERENCE, (1e9, 0.0), True)


@pytest.mark.parametrize("scale", list(Scale))
def test_scales_translate_shares_into_effects_and_back(scale: Scale) -> None:
    if scale is Scale.SIGN:
        assert (scale.share(2.0), scale.share(-2.0), scale.share(0.0)) == (math.inf, -math.inf, 0.0)
        assert scale.of(0.05) == 0.5
        return
    assert scale.share(scale.of(0.05)) == pytest.approx(0.05)
    assert scale.ratio(scale.of(0.05)) == pytest.approx(1.05)
    assert Scale.RATIO.share(1e6) == math.inf


def test_signs_are_tested_by_how_many_pairs_changed() -> None:
    found = Signs(worse=7, better=0, n=42)

    assert found.p_above(0.5) == pytest.approx(2**-7)
    assert (found.mean, found.below(0.01), found.above(0.01)) == (1.0, 1.0, 1.0)
    assert (found.over(84).worse, found.over(84).n) == (14, 84)
    nothing = Signs(worse=0, better=0, n=42)
    assert (nothing.mean, nothing.below(0.01), nothing.above(0.01), nothing.p_above(0.5)) == (0.0, 0.0, 0.0, 1.0)
    better = Signs(worse=0, better=12, n=12)
    assert (better.mean, better.above(0.01)) == (-1.0, -1.0)


def test_the_ratio_of_two_values_whatever_their_signs() -> None:
    assert unpaired.plain_ratio(2.0, 3.0) == 1.5
    assert unpaired.plain_ratio(-4.0, -5.0) == 0.75
    assert unpaired.plain_ratio(-4.0, 4.0) == 3.0
    assert (unpaired.plain_ratio(0.0, 1.0), unpaired.plain_ratio(0.0, -1.0)) == (math.inf, -math.inf)
    assert unpaired.plain_ratio(0.0, 0.0) == 1.0
    assert unpaired.change_interval([0.0] * 8, [0.0] * 8, level=0.99)[0] == 1.0
    assert unpaired.change_interval([0.0] * 8, [2.0] * 8, level=0.99)[0] == math.inf
    assert unpaired.change_interval([-4.0] * 8, [-5.0] * 8, level=0.95) == (0.75, 0.75, 0.75)


def test_two_files_of_zeros_say_nothing_false() -> None:
    one, other = (run(sample([[v]] * 8, metric=WARNINGS), measurement=None) for v in (0.0, 3.0))
    (row,) = judge(one, other, POLICY)

    assert row.verdict is Verdict.INCONCLUSIVE
    assert row.text == "measured at different times; only pairs can tell a change from a busy machine"
