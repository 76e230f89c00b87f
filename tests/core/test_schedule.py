from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.core.schedule import (
    ENOUGH_PAIRS,
    FEWEST_TURNS,
    FIRST_LOOK,
    LARGEST_PLAN,
    LONGER,
    LOOK_STEP,
    MOST_PAIRS,
    NORMAL_EFFORT_S,
    TURN_S,
    TURNS,
    Turns,
    draw_pair,
    effort_for,
    is_look,
    looks,
    planned_pairs,
    turns_for,
    turns_in_company,
    within_budget,
)


@pytest.mark.parametrize(
    ("iteration_s", "turns"),
    [
        (1e-6, Turns(loops=1000, count=20, warmup=3)),
        (0.8e-3, Turns(loops=1, count=20, warmup=3)),
        (10e-3, Turns(loops=1, count=8, warmup=1)),
        (0.5, Turns(loops=1, count=4, warmup=1)),
    ],
)
def test_turns_last_a_millisecond_and_long_iterations_get_fewer(iteration_s: float, turns: Turns) -> None:
    assert turns_for(iteration_s) == turns


@given(st.floats(1e-9, 10), st.one_of(st.none(), st.integers(1, 100)))
def test_a_benchmark_is_never_run_more_often_than_it_allows(iteration_s: float, most: int | None) -> None:
    turns = turns_for(iteration_s, most=most)

    assert turns.count >= 1
    assert turns.count <= TURNS
    if most is None:
        assert turns.count >= FEWEST_TURNS
        assert turns.loops * iteration_s <= max(1.5 * TURN_S, iteration_s)
    else:
        assert (turns.count + turns.warmup) * turns.loops <= most
        assert turns_in_company(turns, benchmarks=1, startup_s=5.0) == turns


@pytest.mark.parametrize(
    ("benchmarks", "startup_s", "count"), [(50, 1.0, 20), (5, 1.0, 50), (1, 1.0, 60), (1, 0.0, 20)]
)
def test_the_fewer_share_a_start_the_more_turns_each_gets(benchmarks: int, startup_s: float, count: int) -> None:
    assert turns_in_company(turns_for(1e-6), benchmarks=benchmarks, startup_s=startup_s).count == count
    assert turns_in_company(turns_for(0.5), benchmarks=benchmarks, startup_s=startup_s) == turns_for(0.5)


@given(st.floats(1e-4, 100), st.floats(1, 20))
def test_planned_pairs_end_on_a_look(pair_s: float, effort_s: float) -> None:
    planned = planned_pairs(pair_s, effort_s=effort_s)

    assert FIRST_LOOK <= planned <= round(MOST_PAIRS * max(1, effort_s / NORMAL_EFFORT_S))
    assert (planned - FIRST_LOOK) % LOOK_STEP == 0
    assert planned == FIRST_LOOK or planned * pair_s <= effort_s * (LONGER if planned <= ENOUGH_PAIRS else 1)


def test_looks_come_every_three_pairs_from_six_and_where_measuring_ends() -> None:
    assert looks(12, 42) == (6, 9, 12)
    assert looks(13, 42) == (6, 9, 12, 13)
    assert looks(4, 42) == (4,)
    assert looks(0, 42) == ()
    assert [n for n in range(1, 16) if is_look(n, 15)] == [6, 9, 12, 15]
    assert is_look(6, 6)


def test_a_long_plan_is_looked_at_more_and_more_seldom() -> None:
    found = looks(LARGEST_PLAN, LARGEST_PLAN)

    assert found[:19] == tuple(range(6, 61, 3))
    assert found[19:25] == (66, 72, 78, 84, 90, 99)
    assert found[-1] == LARGEST_PLAN
    assert len(found) < 60
    assert all(is_look(n, LARGEST_PLAN) == (n in found) for n in range(1, LARGEST_PLAN + 1))
    assert planned_pairs(1e-6, effort_s=1e9) == LARGEST_PLAN - (LARGEST_PLAN - FIRST_LOOK) % LOOK_STEP


def test_a_pair_is_drawn_from_its_seed_alone() -> None:
    draw = draw_pair(7, "micro", 3, cpus=(0, 1))

    assert draw == draw_pair(7, "micro", 3, cpus=(0, 1))
    assert draw != draw_pair(8, "micro", 3, cpus=(0, 1))
    assert draw.layout_seed != draw_pair(7, "micro", 4, cpus=(0, 1)).layout_seed


def test_a_pair_that_confirms_differs_by_the_family_of_its_layouts() -> None:
    draw, confirming = draw_pair(7, "micro", 3, cpus=(0, 1)), draw_pair(7, "micro", 3, cpus=(0, 1), confirming=True)

    assert confirming == replace(draw, with_holes=True)


def test_the_cpu_rotates_and_the_start_order_is_drawn() -> None:
    draws = [draw_pair(1, "micro", pair, cpus=(0, 1)) for pair in range(200)]

    assert {draw.cpu for draw in draws[:2]} == {0, 1}
    assert 50 < sum(draw.base_starts for draw in draws) < 150
    assert draw_pair(1, "micro", 0, cpus=()).cpu is None


@pytest.mark.parametrize("pair_s", [0.01, 0.03, 0.056, 0.1, 0.5, 3.0])
@pytest.mark.parametrize("pairs", [1, 6, 7, 41, 42, 43, 60, 100, 500])
def test_the_effort_for_so_many_pairs_plans_at_least_so_many(pair_s: float, pairs: int) -> None:
    assert planned_pairs(pair_s, effort_s=effort_for(pairs, pair_s) * (1 + 1e-9)) >= pairs


@pytest.mark.parametrize(
    ("costs", "startup_s", "left_s", "held"),
    [
        ([1.0, 1.0, 1.0], 1.0, 48.0, 3),
        ([1.0, 1.0, 1.0], 1.0, 47.9, 2),
        ([1.0, 5.0, 1.0], 0.0, 20.0, 1),
        ([1.0], 0.0, 11.9, 0),
        ([], 1.0, 100.0, 0),
    ],
)
def test_a_budget_holds_the_benchmarks_that_get_a_verdict_in_it(
    costs: list[float], startup_s: float, left_s: float, held: int
) -> None:
    assert within_budget(costs, startup_s=startup_s, left_s=left_s) == held
