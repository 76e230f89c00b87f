"""Pairs that foretell those after them: seen where they are, and never where they are not."""

import random
from collections.abc import Callable, Sequence

import pytest

from perfgate.core.control import CONTROL_LEVEL, MOST_SERIAL
from perfgate.core.stats.serial import serial

Noise = Callable[[random.Random], float]
NOISES: dict[str, Noise] = {
    "normal": lambda rng: rng.gauss(0, 1),
    "heavy tails": lambda rng: rng.gauss(0, 1) / max(1e-9, abs(rng.gauss(0, 1))),
    "one in ten far off": lambda rng: rng.gauss(0, 8 if rng.random() < 0.1 else 1),
    "two modes": lambda rng: rng.gauss(4 * (rng.random() < 0.3), 1),
    "skewed": lambda rng: rng.expovariate(1),
}


def chained(rng: random.Random, correlation: float, count: int) -> list[float]:
    values = [rng.gauss(0, 1)]
    while len(values) < count:
        values.append(correlation * values[-1] + (1 - correlation**2) ** 0.5 * rng.gauss(0, 1))
    return values


def suites(make: Callable[[random.Random], list[float]], members: int = 20, runs: int = 100) -> list[list[list[float]]]:
    return [[make(random.Random(f"{run} {member}")) for member in range(members)] for run in range(runs)]


def rejected(runs: Sequence[Sequence[Sequence[float]]]) -> int:
    found = [serial(series, allowed=MOST_SERIAL) for series in runs]
    return sum(each is not None and each.p <= CONTROL_LEVEL for each in found)


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("pairs", [6, 12, 42])
def test_pairs_that_share_nothing_are_never_called_a_chain(noise: str, pairs: int) -> None:
    draw = NOISES[noise]

    assert rejected(suites(lambda rng: [draw(rng) for _ in range(pairs)])) == 0


def test_one_disturbance_that_reaches_all_benchmarks_is_one_observation() -> None:
    """Twenty series that are nearly one: as many values as would be sure, if each stood for itself."""
    runs = []
    for run in range(200):
        rng = random.Random(run)
        together = [rng.gauss(0, 1) for _ in range(12)]
        runs.append([[value + rng.gauss(0, 0.1) for value in together] for _ in range(20)])

    assert rejected(runs) <= 4


def test_what_is_allowed_is_rarely_called_a_chain() -> None:
    assert rejected(suites(lambda rng: chained(rng, MOST_SERIAL, 42), runs=400)) <= 8


def test_pairs_that_hang_together_are_seen() -> None:
    assert rejected(suites(lambda rng: chained(rng, 0.6, 42))) >= 98
    assert rejected(suites(lambda rng: chained(rng, 0.6, 15))) >= 50


def test_a_benchmark_s_own_level_is_no_chain_and_hides_none() -> None:
    runs = suites(lambda rng: chained(rng, 0.6, 24), runs=5)
    moved = [[[value + 100 * place for value in values] for place, values in enumerate(series)] for series in runs]

    for series, shifted in zip(runs, moved, strict=True):
        found, same = serial(series, allowed=0.2), serial(shifted, allowed=0.2)
        assert found is not None
        assert same is not None
        assert same.correlation == pytest.approx(found.correlation)
        assert 0.4 < found.correlation < 0.8


def test_the_correlation_is_put_right_for_few_pairs() -> None:
    for correlation in (0.0, 0.3):
        found = [serial(s, allowed=0.2) for s in suites(lambda rng, r=correlation: chained(rng, r, 8), members=100)]
        mean = sum(each.correlation for each in found if each) / len(found)
        assert mean == pytest.approx(correlation, abs=0.05)  # of ranks, a little less


@pytest.mark.parametrize("series", [[], [[1.0, 2.0]], [[1.0] * 20], [[0.1, 0.2, 0.3, 0.2, 0.1], [0.0] * 6]])
def test_what_says_nothing_says_nothing(series: list[list[float]]) -> None:
    assert serial(series, allowed=0.2) is None


def test_series_of_different_lengths_each_count_while_they_last() -> None:
    rng = random.Random(3)
    found = serial([chained(rng, 0.9, length) for length in (6, 9, 12, 15, 42, 42)], allowed=0.2)

    assert found is not None
    assert found.correlation > 0.5


def test_a_perfect_chain_has_no_error_to_divide_by() -> None:
    seen = serial([[0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0]], allowed=0.2)

    assert seen is not None
    assert seen.correlation < 0
    assert seen.p == 1.0
