import math

import pytest

from perfgate.core.comparison import Evidence, compare
from perfgate.core.model import CPU, Design
from perfgate.core.stats.scale import Scale
from tests.core.build import BYTES, THERE, THROUGHPUT, noisy_pair, run, sample


def test_pairs_of_one_measurement_are_compared_pair_by_pair() -> None:
    """The level differs tenfold from pair to pair; inside each head is 10 % above base."""
    base = sample([[1.0, 1.0], [10.0, 10.0], [3.0, 3.0]])
    head = sample([[1.1, 1.1], [11.0, 11.0], [3.3, 3.3]])

    (found,) = compare(run(base), run(head))

    assert found.evidence is Evidence.PAIRED
    assert found.log_ratios == pytest.approx([math.log(1.1)] * 3)
    assert found.change.ratio == pytest.approx(1.1)
    assert (found.base, found.head) == (3.0, 3.3)


def test_a_pair_that_one_side_lost_does_not_count() -> None:
    base = sample([[1.0], [1.0], [1.0]])
    head = type(base)(sli=base.sli, processes=((2.0,), (3.0,)), pairs=(0, 2), design=Design.TURNS)

    (found,) = compare(run(base), run(head))

    assert found.log_ratios == pytest.approx([math.log(2), math.log(3)])


def test_where_more_is_better_a_fall_counts_as_worse() -> None:
    base, head = sample([[100.0]] * 3, metric=THROUGHPUT), sample([[90.0]] * 3, metric=THROUGHPUT)

    (found,) = compare(run(base), run(head))

    assert found.log_ratios == pytest.approx([-math.log(0.9)] * 3)
    assert found.change.ratio == pytest.approx(0.9)


def test_sides_that_ran_one_after_the_other_are_summarised_first() -> None:
    base = sample([[1.0, 1.0, 1.0, 9.0]], design=Design.SEQUENTIAL)
    head = sample([[2.0, 2.0, 2.0, 2.0]], design=Design.SEQUENTIAL)

    (found,) = compare(run(base), run(head))

    assert found.log_ratios == pytest.approx([math.log(2)])


def test_runs_of_two_measurements_are_not_paired() -> None:
    base, head = noisy_pair(0.0, pairs=8)

    (found,) = compare(run(base, measurement="a"), run(head, measurement="b"))

    assert found.evidence is Evidence.UNPAIRED
    assert found.log_ratios == ()
    assert found.change.low < 1 < found.change.high
    assert found.warnings[-1].code == "not-paired"


def test_few_processes_or_another_environment_are_a_hint_only() -> None:
    base, head = noisy_pair(0.0, pairs=5)
    (few,) = compare(run(base, measurement=None), run(head, measurement=None))
    (other,) = compare(run(base, measurement=None), run(head, measurement=None, environment=THERE))

    assert (few.evidence, few.warnings[-1].code) == (Evidence.ADVISORY, "few-processes")
    assert (other.evidence, other.warnings[-1].code) == (Evidence.ADVISORY, "other-environment")
    assert "model X against model Y" in other.warnings[-1].text


def test_one_process_a_side_is_said_in_the_singular() -> None:
    (found,) = compare(run(sample([[1.0]]), measurement=None), run(sample([[1.0]]), measurement=None))

    assert found.warnings[-1].text.startswith("1 process on a side")


def test_exact_values_are_compared_as_they_are() -> None:
    (equal,) = compare(run(sample([[100.0]], metric=BYTES)), run(sample([[100.0]], metric=BYTES)))
    (more,) = compare(run(sample([[0.0]], metric=BYTES)), run(sample([[3.0]], metric=BYTES)))
    (none,) = compare(run(sample([[0.0]], metric=BYTES)), run(sample([[0.0]], metric=BYTES)))

    assert (equal.evidence, equal.change.ratio, equal.change.low) == (Evidence.EXACT, 1.0, 1.0)
    assert more.change.ratio == math.inf
    assert none.change.ratio == 1.0


def test_pairs_with_a_value_of_zero_are_compared_by_their_signs() -> None:
    base, head = sample([[0.0]] * 8, metric=CPU), sample([[0.1]] * 8, metric=CPU)

    (found,) = compare(run(base), run(head))

    assert (found.evidence, found.scale) == (Evidence.PAIRED, Scale.SIGN)
    assert found.log_ratios == (0.1,) * 8
    assert found.change.ratio == math.inf


def test_only_what_both_sides_have_is_compared() -> None:
    assert compare(run(sample([[1.0]], "a")), run(sample([[1.0]], "b"))) == ()
