"""Micro-benchmarks of perfgate's own core, gated by perfgate itself: perfgate compare main."""

from itertools import count
from random import Random

import pytest

from perfgate import codec
from perfgate.core.judge import judge
from perfgate.core.policy import Policy
from perfgate.core.stats import unpaired
from perfgate.core.stats.sequential import Spending, nominal_levels
from tests.core.build import noisy_pair, run


@pytest.fixture(scope="module")
def runs():
    samples = [noisy_pair(0.0, pairs=12, seed=i, name=f"b{i}") for i in range(20)]
    return run(*(base for base, _ in samples)), run(*(head for _, head in samples))


def test_judge(benchmark, runs):
    assert len(benchmark(judge, *runs, Policy())) == 20


def test_levels(benchmark):
    shares = tuple((6 + 3 * i) / 42 for i in range(13))
    fresh = count(5e-4, 1e-12)  # the levels of one that was asked for before are remembered
    benchmark(lambda: nominal_levels(Spending.OBRIEN_FLEMING, next(fresh), shares))


def test_ratio_interval(benchmark):
    rng = Random(1)
    values = [rng.lognormvariate(0, 0.1) for _ in range(20)]
    benchmark(unpaired.ratio_interval, values, values, level=0.99)


def test_write_run(benchmark, runs):
    benchmark(codec.dump_run, runs[0])


def test_read_run(benchmark, runs):
    data = codec.dump_run(runs[0]).encode()
    benchmark(codec.load_run, data, name="run")
