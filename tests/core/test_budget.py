import pytest

from perfgate.core.budget import Budget, budgets
from perfgate.core.history import Trend
from perfgate.core.levels import Point, Points
from perfgate.core.model import METRICS, Benchmark, Sli
from perfgate.core.policy import Policy, Rule

P95 = Sli(benchmark=Benchmark(suite="shop", name="total"), metric=METRICS["latency.p95"])
CAPACITY = Sli(benchmark=Benchmark(suite="shop", name="total"), metric=METRICS["capacity"])


def point(number: int, value: float) -> Point:
    return Point(commit=f"c{number}", committed="", value=value, low=value, high=value)


def found(
    values: list[float],
    *,
    sli: Sli = P95,
    slo: float | None = 0.2,
    objective: float = 0.9,
    releases: tuple[int, ...] = (),
) -> tuple[Budget, ...]:
    points = Points.of([point(i, value) for i, value in enumerate(values)])
    trend = Trend(sli=sli, environment="e", points=points, shifts=())
    policy = Policy(rules=(Rule(sli="*:*", limit=0.1, slo=slo),))
    tags = [(f"v{place}", f"c{place}") for place in releases] + [("v9", "not here")]
    return budgets([trend], {f"c{i}": i for i in range(len(values))}, policy, tags, objective)


def test_what_is_left_is_counted_against_what_may_be_missed() -> None:
    (budget,) = found([0.1] * 19 + [0.3])

    assert (budget.runs, budget.missed) == (20, 1)
    assert budget.left == pytest.approx(0.5)


def test_a_used_up_budget_is_negative() -> None:
    (budget,) = found([0.3, 0.3] + [0.1] * 8)

    assert budget.left == pytest.approx(-1.0)


def test_each_release_burns_its_own_share() -> None:
    (budget,) = found([0.1] * 10 + [0.3] * 5 + [0.1] * 5 + [0.1], releases=(9, 19))

    assert [(p.name, p.runs, p.missed) for p in budget.periods] == [("v9", 10, 0), ("v19", 10, 5), ("since v19", 1, 0)]
    assert [p.burn for p in budget.periods] == pytest.approx([0.0, 5.0, 0.0])


def test_a_release_without_runs_of_its_own_is_left_out() -> None:
    (budget,) = found([0.1, 0.3, 0.1], releases=(1, 1))

    assert [(period.name, period.runs) for period in budget.periods] == [("v1", 2), ("since v1", 1)]


def test_without_releases_there_is_one_period() -> None:
    (budget,) = found([0.1, 0.3])

    assert [period.name for period in budget.periods] == ["all"]


def test_where_more_is_better_less_misses() -> None:
    (budget,) = found([900.0, 1100.0], sli=CAPACITY, slo=1000.0)

    assert budget.missed == 1


def test_without_an_slo_there_is_no_budget() -> None:
    assert found([0.1], slo=None) == ()


def test_runs_of_all_machines_count_together() -> None:
    trends = [
        Trend(sli=P95, environment=name, points=Points.of([point(0, value)]), shifts=())
        for name, value in (("old", 0.1), ("new", 0.3))
    ]
    policy = Policy(rules=(Rule(sli="*", limit=0.1, slo=0.2),))

    (budget,) = budgets(trends, {"c0": 0}, policy, (), 0.9)

    assert (budget.runs, budget.missed) == (2, 1)
