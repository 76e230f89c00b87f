import math
from dataclasses import replace
from random import Random

import pytest

from perfgate.core.baseline import StoredRun
from perfgate.core.history import Release, Trend, alarming, replay, trends
from perfgate.core.levels import Level
from perfgate.core.model import TIME, Environment, Metric
from perfgate.core.policy import DEFAULT_RULE, Policy, Rule
from perfgate.core.verdict import Verdict
from tests.core.build import BYTES, HERE, THERE, THROUGHPUT, sli

ORDER = {f"{number:040x}": number for number in range(500)}


def series(
    values: list[float], *, metric: Metric = TIME, environment: Environment = HERE, start: int = 0
) -> list[StoredRun]:
    return [
        StoredRun(
            commit=f"{start + i:040x}",
            suite="micro",
            environment=environment,
            committed=f"2026-01-01T00:{i // 60:02}:{i % 60:02}+00:00",
            started="2026-01-02",
            levels={sli(metric=metric): Level(median=value, low=value, high=value, n=10)},
        )
        for i, value in enumerate(values)
    ]


def noisy(n: int, level: float = 1.0, *, seed: int = 1) -> list[float]:
    rng = Random(seed)
    return [level * math.exp(rng.gauss(0, 0.01)) for _ in range(n)]


def only(runs: list[StoredRun], release: Release | None = None, policy: Policy | None = None) -> Trend:
    (found,) = trends(runs, ORDER, policy or Policy(), release)
    return found


def test_a_change_has_its_commits_size_and_direction() -> None:
    trend = only(series(noisy(40) + noisy(40, 1.2, seed=2)))

    (shift,) = trend.shifts
    assert abs(ORDER[shift.at] - 40) <= 1
    assert ORDER[shift.after] < 40 <= ORDER[shift.until]
    assert shift.low < 1.2 < shift.high
    assert (shift.worse, shift.went_away) == (True, False)


def test_the_order_is_that_of_the_commits_whenever_they_were_recorded() -> None:
    runs = series(noisy(40) + noisy(40, 1.2, seed=2))
    skewed = [replace(run, committed="1999-01-01", started="1999-01-01") for run in runs[::-1]]

    assert only(skewed).shifts == only(runs).shifts
    assert trends(series(noisy(9)), {}, Policy(), None) == ()


@pytest.mark.parametrize(("metric", "worse"), [(TIME, True), (THROUGHPUT, False)])
def test_more_is_worse_or_better(metric: Metric, worse: bool) -> None:
    assert only(series(noisy(40) + noisy(40, 1.2, seed=2), metric=metric)).shifts[0].worse is worse


def test_a_change_that_was_undone_went_away() -> None:
    trend = only(series(noisy(40) + noisy(40, 1.2, seed=2) + noisy(40, seed=3)))

    assert [(shift.worse, shift.went_away) for shift in trend.shifts] == [(True, True), (False, False)]
    assert alarming(trend, DEFAULT_RULE, frozenset(ORDER)) == ()


def test_another_machine_is_another_series_and_no_change() -> None:
    runs = series(noisy(40)) + series(noisy(40, 1.5, seed=2), environment=THERE, start=40)

    found = trends(runs, ORDER, Policy(), None)

    assert [trend.shifts for trend in found] == [(), ()]
    assert [trend.environment for trend in found] == [THERE.fingerprint, HERE.fingerprint]


def test_an_exact_series_changes_at_once() -> None:
    trend = only(series([100.0] * 3 + [103.0], metric=BYTES))

    assert [(ORDER[shift.at], shift.ratio) for shift in trend.shifts] == [(3, 1.03)]


def test_values_of_zero_have_changes_of_level_too() -> None:
    assert [shift.first for shift in only(series([0.0] * 40 + [1.0] * 40)).shifts] == [40]
    assert only(series([0.0, 5.0], metric=BYTES)).shifts[0].worse


def test_alarms_are_above_the_limit_and_as_recent_as_asked() -> None:
    trend = only(series(noisy(40) + noisy(40, 1.2, seed=2)))

    def alarms(rule: Rule | None, first: int) -> int:
        recent = frozenset(commit for commit, place in ORDER.items() if place >= first)
        return len(alarming(trend, rule, recent))

    assert alarms(DEFAULT_RULE, 30) == 1
    assert alarms(DEFAULT_RULE, 60) == 0
    assert alarms(None, 0) == 0
    assert alarms(Rule(sli="*", limit=0.5), 0) == 0
    assert alarms(Rule(sli="*", limit=0.05, floor=1.0), 0) == 0


def release(commits: int, budget: float = 0.1) -> Release:
    return Release(name="v1", commits=frozenset(list(ORDER)[:commits]), budget=budget)


def test_many_small_slowdowns_are_seen_as_drift() -> None:
    """Each is below every limit, all of them are 16 %."""
    values = [value for step in range(9) for value in noisy(20, 1.0187**step, seed=step)]

    trend = only(series(values), release(20))

    assert trend.drift is not None
    assert trend.drift.low < 1.16 < trend.drift.high
    assert trend.drift.exceeded
    assert not only(series(values), release(20, budget=0.3)).drift.exceeded  # type: ignore[union-attr]


@pytest.mark.parametrize(("metric", "exceeded"), [(TIME, False), (THROUGHPUT, True)])
def test_drift_has_a_direction(metric: Metric, exceeded: bool) -> None:
    drift = only(series(noisy(20) + noisy(20, 0.8, seed=2), metric=metric), release(20)).drift

    assert drift is not None
    assert drift.exceeded is exceeded


def test_drift_needs_a_level_before_and_after() -> None:
    assert only(series(noisy(20)), release(20)).drift is None
    assert only(series(noisy(20), start=50), release(20)).drift is None
    nothing = only(series([0.0] * 30), release(20)).drift
    assert nothing is not None
    assert (nothing.ratio, nothing.exceeded) == (1.0, False)
    below = only(series([-5.0] * 20 + [-1.0] * 10), release(20)).drift
    assert below is not None
    assert below.exceeded
    exact = only(series([100.0] * 3 + [120.0], metric=BYTES), release(3)).drift
    assert exact is not None
    assert (exact.ratio, exact.exceeded) == (1.2, True)


def test_a_replay_says_what_a_policy_would_have_said() -> None:
    runs = series([*noisy(40), 1.5, *noisy(30, seed=4), *noisy(40, 1.2, seed=2)])

    strict = replay(runs, ORDER, Policy(rules=(Rule(sli="*:time", limit=0.05),)))
    lax = replay(runs, ORDER, Policy(rules=(Rule(sli="*:time", limit=1.0),)))

    assert strict.runs == len(runs) - 1
    assert sum(strict.verdicts.values()) == strict.runs
    assert {ORDER[commit] for commit, _ in strict.alarms} >= {40, 71}
    assert 1 <= strict.confirmed < len(strict.alarms)
    assert lax.alarms == ()
    assert lax.verdicts[Verdict.PASS] > 90
    assert replay(runs, {}, Policy()).runs == 0


def test_a_creeping_change_is_no_step_and_yet_drift() -> None:
    """One percent a commit since the release: below every limit each time."""
    rng = Random(3)
    values = [math.exp(rng.gauss(0, 0.01)) for _ in range(20)]
    values += [1.015**i * math.exp(rng.gauss(0, 0.01)) for i in range(1, 16)]

    drift = only(series(values), release(20)).drift

    assert drift is not None
    assert drift.exceeded
