"""Workloads, each as a number of equal units: 1 % more work is 202 of them in place of 200."""

import random
import time

import pytest
from amounts import MODE, MORE, ONLY, UNITS
from work import WORK, command

PERIOD_S = 0.05


def plain(function, units):
    for _ in range(units):
        function()


def varying(function, units):
    """Do a tenth more or less of it by chance, the same on average."""
    plain(function, units + random.choice((-1, 1)) * units // 10)


class WarmUp:
    """Do three times the work, but only at first."""

    def __init__(self):
        self.calls = 0

    def __call__(self, function, units):
        self.calls += 1
        plain(function, units * (3 if self.calls <= 2 else 1))


UNLUCKY = random.random() < 0.2


def disturbed(function, units):
    """Take half as long again in one process of five: a burst that meets this side alone."""
    plain(function, units * 3 // 2 if UNLUCKY else units)


def held_up(function, units):
    """Take half as long again in a fifth of the time, always: a tenth is lost, by whatever."""
    plain(function, units * 3 // 2 if time.perf_counter() % PERIOD_S < PERIOD_S / 5 else units)


@pytest.mark.parametrize("name", ONLY or WORK)
def test_work(benchmark, name):
    modes = {"": plain, "variance": varying, "burst": disturbed, "held up": held_up}
    benchmark(modes.get(MODE) or WarmUp(), WORK[name], MORE.get(name, UNITS))


@pytest.mark.skipif(bool(ONLY), reason="only some")
def test_command(benchmark):
    benchmark(command, UNITS)
