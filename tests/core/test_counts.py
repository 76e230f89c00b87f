from dataclasses import replace
from random import Random

import pytest
from scipy.stats import binom, fisher_exact

from perfgate.core.baseline import Baseline, StoredRun, base_run, compare_stored
from perfgate.core.comparison import compare
from perfgate.core.judge import judge
from perfgate.core.levels import Level
from perfgate.core.model import METRICS, Design, Run, Sample, Warning
from perfgate.core.policy import Policy, Rule
from perfgate.core.stats import counts
from perfgate.core.units import Unit
from perfgate.core.verdict import Judgement, Verdict
from tests.core.build import HERE, run, sample, sli

ERRORS, LATENCY, QUERIES = METRICS["errors"], METRICS["latency.p50"], METRICS["queries"]


@pytest.mark.parametrize(
    ("base", "head"), [((0, 1000), (7, 1000)), ((5, 40), (9, 30)), ((3, 10), (3, 10)), ((0, 5), (0, 5))]
)
def test_fisher_is_that_of_scipy(base: tuple[int, int], head: tuple[int, int]) -> None:
    table = [[head[0], head[1] - head[0]], [base[0], base[1] - base[0]]]

    assert counts.fisher(base, head) == pytest.approx(fisher_exact(table, alternative="greater").pvalue)


def test_seven_errors_against_none_is_what_one_percent_needs() -> None:
    assert counts.fisher((0, 1000), (7, 1000)) < 0.01 < counts.fisher((0, 1000), (6, 1000))


@pytest.mark.parametrize(("bad", "of"), [(0, 50), (3, 50), (50, 50)])
def test_the_bounds_of_a_share_hold_the_truth_as_often_as_they_say(bad: int, of: int) -> None:
    high, low = counts.upper_share(bad, of, 0.05), counts.lower_share(bad, of, 0.05)

    assert low <= bad / of <= high
    assert high == 1 or binom.cdf(bad, of, high) == pytest.approx(0.05)
    assert low == 0 or binom.sf(bad - 1, of, low) == pytest.approx(0.05)


def counted(bad: list[int], of: int = 400) -> Sample:
    return Sample(
        sli=sli("api", ERRORS),
        processes=tuple((each / of,) for each in bad),
        pairs=tuple(range(len(bad))),
        trials=(of,) * len(bad),
        design=Design.LOAD,
        planned=9,
    )


def row(base: list[int], head: list[int], policy: Policy | None = None) -> Judgement:
    (found,) = judge(run(counted(base)), run(counted(head)), policy or Policy())
    return found


def test_errors_that_head_alone_has_are_a_regression() -> None:
    found = row([0] * 9, [3, 2, 4, 2, 3, 5, 2, 3, 3])

    assert (found.verdict, found.blocks) == (Verdict.REGRESSION, True)
    assert found.comparison is not None
    assert found.comparison.counts is not None
    assert found.comparison.counts.totals == ((0, 3600), (27, 3600))


def test_errors_of_one_start_alone_are_no_regression_and_no_pass() -> None:
    found = row([0] * 9, [0, 0, 40, 0, 0, 0, 0, 0, 0])

    assert found.verdict is Verdict.INCONCLUSIVE
    assert "bad ones come in bursts" in found.text


def test_as_many_errors_on_both_sides_pass() -> None:
    assert row([1, 0, 2, 0, 1, 0, 0, 1, 0], [0, 1, 1, 0, 0, 2, 0, 1, 1]).verdict is Verdict.PASS
    assert row([0] * 9, [0] * 9).verdict is Verdict.PASS


def test_too_few_requests_cannot_pass() -> None:
    (found,) = judge(run(counted([0] * 6, of=10)), run(counted([0] * 6, of=10)), Policy())

    assert found.verdict is Verdict.INCONCLUSIVE
    assert "percentage points more could hide in so few" in found.text


def test_too_few_starts_cannot_pass() -> None:
    (found,) = judge(run(counted([0] * 5, of=1000)), run(counted([0] * 5, of=1000)), Policy())

    assert (found.verdict, found.text) == (Verdict.INCONCLUSIVE, "5 of at least 6 starts")


def test_a_floor_is_what_may_come_on_top() -> None:
    policy = Policy(rules=(Rule(sli="*:errors", limit=0.05, floor=0.02, floor_unit=Unit.SHARE),))

    assert row([0] * 9, [3] * 9, policy).verdict is Verdict.PASS
    assert row([0] * 9, [12, 13] * 4 + [12], policy).verdict is Verdict.REGRESSION


def test_an_error_budget_is_absolute_and_base_s_own_miss_does_not_block() -> None:
    budget = Policy(rules=(Rule(sli="*:errors", limit=0.05, slo=0.01, slo_unit=Unit.SHARE),))

    assert row([0] * 9, [0] * 9, budget).verdict is Verdict.PASS
    close = row([4, 3, 4, 5, 4, 3, 4, 5, 4], [4, 3, 4, 5, 4, 3, 4, 5, 4], budget)
    assert (close.verdict, close.text) == (Verdict.INCONCLUSIVE, "too close to its SLO to tell")
    both = row([40] * 9, [40] * 9, budget)
    assert (both.verdict, both.text) == (Verdict.PASS, "misses its SLO, as base does")
    alone = row([0] * 9, [40, 41] * 4 + [40], budget)
    assert (alone.verdict, alone.text) == (Verdict.REGRESSION, "misses its SLO")


def test_identical_services_with_rare_bursts_of_errors_are_blocked_as_seldom_as_promised() -> None:
    """A burst of 20 hits a start of either side with one chance in ten: Fisher's test alone blocks a quarter."""
    rng, runs, blocked, fisher = Random(3), 400, 0, 0
    for _ in range(runs):
        base, head = ([20 * (rng.random() < 0.1) for _ in range(9)] for _ in range(2))
        blocked += row(base, head).verdict is Verdict.REGRESSION
        fisher += counts.fisher((sum(base), 3600), (sum(head), 3600)) <= 0.01

    assert fisher > 0.2 * runs
    assert blocked <= binom.ppf(0.999, runs, 0.01)


def level(values: list[float]) -> Sample:
    return replace(sample([[v] for v in values], "api", metric=LATENCY, design=Design.LOAD, planned=9))


def slo(limit: float) -> Policy:
    return Policy(rules=(Rule(sli="*:latency.p50", limit=limit, slo=0.2, slo_unit=Unit.SECOND),))


def noisy(middle: float) -> list[float]:
    return [middle * (1 + 0.01 * (-1) ** i) for i in range(9)]


def compared(base: float, head: float, limit: float = 9.0) -> Judgement:
    (found,) = judge(run(level(noisy(base))), run(level(noisy(head))), slo(limit))
    return found


def test_an_slo_blocks_what_is_surely_beyond_it_however_much_the_limit_allows() -> None:
    missed, close, kept = compared(0.1, 0.22), compared(0.1, 0.2), compared(0.1, 0.15)

    assert (missed.verdict, missed.blocks, missed.text) == (Verdict.REGRESSION, True, "misses its SLO")
    assert (close.verdict, close.text) == (Verdict.INCONCLUSIVE, "too close to its SLO to tell")
    assert kept.verdict is Verdict.PASS


def test_an_slo_that_base_misses_as_well_does_not_block_and_is_said() -> None:
    both, worse = compared(0.3, 0.3), compared(0.3, 0.4, limit=0.05)

    assert (both.verdict, both.text) == (Verdict.PASS, "misses its SLO, as base does")
    assert worse.verdict is Verdict.REGRESSION


def test_an_slo_of_another_unit_is_not_asked() -> None:
    policy = Policy(rules=(Rule(sli="*", limit=9.0, slo=1.0, slo_unit=Unit.BYTE),))

    (found,) = judge(run(level(noisy(0.1))), run(level(noisy(0.3))), policy)

    assert found.verdict is Verdict.PASS


def exact(value: float) -> Run:
    return run(sample([[value]], "api", metric=QUERIES))


def test_an_exact_metric_is_within_its_slo_or_not() -> None:
    policy = Policy(rules=(Rule(sli="*:queries", limit=9.0, slo=5.0, slo_unit=Unit.ONE),))

    def asked(base: float, head: float) -> Verdict:
        (found,) = judge(exact(base), exact(head), policy)
        return found.verdict

    assert [asked(4, 5), asked(4, 6), asked(6, 6)] == [Verdict.PASS, Verdict.REGRESSION, Verdict.PASS]


def stored(shares: list[float]) -> Baseline:
    runs = tuple(
        StoredRun(
            commit=f"{i:040x}", suite="micro", environment=HERE, committed="", started="",
            levels={sli("api", ERRORS): Level(median=share, low=share, high=share, n=1)},
        )
        for i, share in enumerate(shares)
    )  # fmt: skip
    return Baseline(suite="micro", runs=runs, distance=1)


def test_errors_against_stored_runs_pass_where_they_are_no_more_than_there_ever_were() -> None:
    def asked(head: list[int]) -> Verdict:
        baseline = stored([0.0, 0.01])
        mine = replace(run(counted(head)), measurement=None)
        (found,) = judge(base_run([baseline], mine), mine, Policy(), compare_stored([baseline], mine))
        return found.verdict

    assert asked([0] * 9) is Verdict.PASS
    assert asked([40] * 9) is Verdict.INCONCLUSIVE


def test_counts_need_their_trials() -> None:
    with pytest.raises(ValueError, match="0 counts of trials"):
        replace(counted([0]), trials=())
    apart = compare(run(counted([0])), replace(run(counted([1])), measurement="other"))
    assert apart[0].counts is None


def test_an_slo_of_errors_is_not_missed_by_one_burst() -> None:
    policy = Policy(rules=(Rule(sli="*:errors", limit=0.05, slo=0.01, slo_unit=Unit.SHARE),))

    burst = row([0] * 9, [0, 0, 60, 0, 0, 0, 0, 0, 0], policy)
    steady = row([0] * 9, [12, 10, 14, 12, 9, 13, 11, 12, 10], policy)

    assert burst.verdict is Verdict.INCONCLUSIVE
    assert (steady.verdict, "misses its SLO" in steady.text) == (Verdict.REGRESSION, True)


def test_counts_that_share_no_start_tell_nothing() -> None:
    early, late = counted([0, 0]), counted([0, 0])

    (found,) = judge(run(early), run(replace(late, pairs=(2, 3))), Policy())

    assert found.verdict is Verdict.INCONCLUSIVE


def test_counts_beside_which_a_change_may_hide_do_not_pass() -> None:
    doubt = Warning(code="fails", text="most requests failed", hides=True)

    (found,) = judge(run(counted([0] * 9)), run(replace(counted([0] * 9), warnings=(doubt,))), Policy())

    assert (found.verdict, found.text) == (Verdict.INCONCLUSIVE, "most requests failed")


def queried(values: list[float]) -> Sample:
    return Sample(
        sli=sli("api", QUERIES),
        processes=tuple((value,) for value in values),
        pairs=tuple(range(len(values))),
        design=Design.LOAD,
    )


@pytest.mark.parametrize(
    ("base", "head", "verdict"),
    [
        ([4.0] * 6, [4.0] * 6, Verdict.PASS),
        ([4.0] * 6, [5.0] * 6, Verdict.REGRESSION),
        ([4.0, 4.2, 4.1] * 2, [5.0, 5.3, 5.1] * 2, Verdict.REGRESSION),
        ([4.0, 4.2, 5.0], [4.1, 4.9, 5.1], Verdict.INCONCLUSIVE),
        ([5.0, 5.0, 4.0], [4.0, 4.0, 5.0], Verdict.INCONCLUSIVE),
        ([5.0] * 3, [4.0] * 3, Verdict.IMPROVEMENT),
    ],
)
def test_queries_that_vary_block_only_where_the_sides_do_not_overlap(
    base: list[float], head: list[float], verdict: Verdict
) -> None:
    (found,) = judge(run(queried(base)), run(queried(head)), Policy())

    assert found.verdict is verdict
