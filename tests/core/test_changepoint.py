import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.core.stats.changepoint import SHORTEST, WINDOW, exact_steps, steps


def noise(n: int, *, spread: float = 0.01, seed: int = 1, level: float = 1e-3) -> list[float]:
    rng = random.Random(seed)
    return [level * math.exp(rng.gauss(0, spread)) for _ in range(n)]


def shifted(values: list[float], at: int, factor: float) -> list[float]:
    return values[:at] + [value * factor for value in values[at:]]


@pytest.mark.parametrize(("at", "factor"), [(50, 1.05), (50, 0.95), (5, 1.2), (95, 1.2), (70, 1.03)])
def test_a_step_is_found_where_it_is_with_its_size(at: int, factor: float) -> None:
    (step,) = steps(shifted(noise(100), at, factor))

    assert abs(step.at - at) <= 2
    assert step.earliest <= at <= step.latest
    assert step.low <= factor <= step.high
    assert step.after / step.before == pytest.approx(factor, rel=0.02)


@pytest.mark.parametrize(("before", "after"), [(8, 8), (12, 8), (20, 5), (7, 7)])
def test_a_large_step_is_seen_in_a_short_series(before: int, after: int) -> None:
    found = [steps(shifted(noise(before + after, seed=seed), before, 1.5)) for seed in range(20)]

    assert sum(len(each) == 1 and each[0].at == before for each in found) >= 19


@pytest.mark.parametrize("lengths", [(7, 7, 7), (5, 6, 5, 8), (9, 5, 30)])
def test_large_steps_between_short_levels_are_seen_though_ranks_of_so_few_tell_nothing(
    lengths: tuple[int, ...],
) -> None:
    values, places = noise(sum(lengths)), [sum(lengths[: i + 1]) for i in range(len(lengths) - 1)]
    for place, factor in zip(places, (1.2, 1.2, 0.8), strict=False):
        values = shifted(values, place, factor)

    assert [step.at for step in steps(values)] == places


@pytest.mark.parametrize("seed", range(20))
def test_noise_with_two_usual_values_has_no_short_levels(seed: int) -> None:
    rng = random.Random(seed)

    assert steps([math.exp(rng.gauss(0, 0.002) + 0.1 * (rng.random() < 0.4)) for _ in range(60)]) == ()


def test_a_faint_step_between_long_levels_is_seen() -> None:
    found = [steps(shifted(noise(200, spread=0.03, seed=seed), 100, 1.035)) for seed in range(20)]

    assert sum(len(each) == 1 and abs(each[0].at - 100) <= 10 for each in found) >= 15


def test_a_step_beside_drift_is_seen() -> None:
    drifting = [value * math.exp(0.0015 * i) for i, value in enumerate(noise(200))]
    found = steps(shifted(drifting, 100, 1.1))

    assert any(abs(step.at - 100) <= 2 for step in found)


def test_two_steps_are_two() -> None:
    found = steps(shifted(shifted(noise(150), 50, 1.1), 100, 1 / 1.1))

    assert [abs(step.at - at) <= 2 for step, at in zip(found, (50, 100), strict=True)] == [True, True]


@pytest.mark.parametrize("seed", range(20))
def test_noise_is_no_step(seed: int) -> None:
    assert steps(noise(300, seed=seed)) == ()


@pytest.mark.parametrize("seed", range(10))
def test_outliers_and_short_bursts_are_no_step(seed: int) -> None:
    values = noise(200, seed=seed)
    rng = random.Random(seed)
    for at in rng.sample(range(195), 5):
        values[at : at + rng.randrange(1, SHORTEST)] = [1.5e-3] * rng.randrange(1, SHORTEST)

    assert steps(values) == ()


@pytest.mark.parametrize("seed", range(10))
def test_what_sticks_together_is_no_step_and_hides_none(seed: int) -> None:
    """A machine that is slow for a while: each value is half of the one before."""
    rng, state, values = random.Random(seed), 0.0, []
    for _ in range(300):
        state = 0.5 * state + rng.gauss(0, 0.01)
        values.append(math.exp(state))

    assert steps(values) == ()
    assert [abs(step.at - 150) <= 5 for step in steps(shifted(values, 150, 1.15))] == [True]


def test_a_slow_drift_has_no_commit_to_blame() -> None:
    drifting = [value * (1 + 0.1 * i / 1000) for i, value in enumerate(noise(1000))]

    assert steps(drifting) == ()


def test_a_step_below_the_smallest_is_not_told() -> None:
    assert steps(shifted(noise(400, spread=0.001), 200, 1.01)) == ()
    assert len(steps(shifted(noise(400, spread=0.001), 200, 1.01), smallest=0.005)) == 1


def test_a_level_that_a_few_points_do_not_hold_is_no_step_yet() -> None:
    """Four strange points and one that is only high by chance."""
    values = noise(60, spread=0.001)
    high = shifted(values, 55, 1.2)

    assert len(steps(high)) == 1
    assert steps([*high[:57], values[57], *high[58:]]) == ()


@given(st.lists(st.floats(1e-9, 1e9), max_size=60))
def test_any_series_has_an_answer(values: list[float]) -> None:
    found = steps(values)

    assert [step.at for step in found] == sorted({step.at for step in found})
    assert all(SHORTEST <= step.at <= len(values) - SHORTEST for step in found)
    assert all(0 < step.earliest <= step.at <= step.latest < len(values) for step in found)


def test_equal_values_have_no_step_and_a_clean_one_is_seen() -> None:
    assert steps([1.0] * 100) == ()
    (step,) = steps([1.0] * WINDOW + [1.1] * WINDOW)

    assert (step.at, step.before, step.after) == (WINDOW, 1.0, 1.1)


def test_an_exact_series_changes_with_every_value() -> None:
    found = exact_steps([0, 0, 100, 100, 101])

    assert [(step.at, step.before, step.after, step.ratio) for step in found] == [
        (2, 0, 100, math.inf),
        (4, 100, 101, 1.01),
    ]
    assert exact_steps([5]) == ()
