"""Statistics three ways: by hand, by property, by simulation with a tolerance from the binomial law."""

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri
from scipy.stats import binom, mannwhitneyu, ttest_1samp

from perfgate.core.stats import describe, multiplicity, paired, power, unpaired
from perfgate.core.stats.sequential import Spending, nominal_levels, spent

values = st.floats(1e-6, 1e3)
samples = st.lists(values, min_size=2, max_size=12)


def test_the_effect_of_turns_is_the_median_log_ratio() -> None:
    assert describe.turn_effect([1, 1, 1], [1.1, 2.0, 1.0]) == pytest.approx(math.log(1.1))
    assert describe.turn_effect([1, 1, 1, 99], [2, 2, 2]) == pytest.approx(math.log(2))


def test_the_effect_of_blocks_compares_first_quartiles() -> None:
    assert describe.block_effect([1, 1, 1, 50], [2, 2, 2, 2]) == pytest.approx(math.log(2))


def test_processes_are_described_by_their_medians() -> None:
    assert describe.process_medians([[1, 2, 9], [4]]) == (2, 4)
    assert describe.median([3, 1, 2]) == 2


def test_the_t_interval_of_pairs_by_hand() -> None:
    """n = 4, mean 0.1, sd 0.02: 0.1 +- 3.182446 * 0.01."""
    ratio, low, high = paired.interval([0.08, 0.08, 0.12, 0.12], level=0.95)

    sd = math.sqrt(4 * 0.02**2 / 3)
    assert ratio == pytest.approx(math.exp(0.1))
    assert math.log(low) == pytest.approx(0.1 - 3.182446 * sd / 2, abs=1e-6)
    assert math.log(high) == pytest.approx(0.1 + 3.182446 * sd / 2, abs=1e-6)


def test_the_p_of_pairs_is_that_of_the_one_sample_t_test() -> None:
    pairs = [0.01, 0.03, 0.02, 0.05, 0.04]

    assert paired.effect(pairs).p_above(0.02) == pytest.approx(ttest_1samp(pairs, 0.02, alternative="greater").pvalue)


def test_from_18_pairs_on_outliers_are_left_out_and_pulled_in_for_the_spread() -> None:
    """n = 18 without one at either end: mean of 16, spread of all with both ends pulled to their neighbours (Yuen)."""
    inner = [0.01 * place for place in range(16)]
    pulled = [inner[0], *inner, inner[-1]]
    middle = sum(pulled) / 18
    error = math.sqrt(sum((value - middle) ** 2 for value in pulled) / (16 * 15))
    found = paired.effect([*inner, -3.0, 0.4])

    assert found.mean == pytest.approx(0.075)
    assert (found.se, found.degrees) == (pytest.approx(error), 15)
    assert paired.effect([*inner, 0.4]).degrees == 16
    assert [found.over(pairs).degrees for pairs in (17, 18, 24, 42)] == [16, 15, 19, 35]


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=60), st.data())
def test_the_first_pairs_say_what_they_say_alone(pairs: list[float], data: st.DataObject) -> None:
    count = data.draw(st.integers(2, len(pairs)))

    (found,) = paired.effects(pairs, [count])
    alone = paired.effect(pairs[:count])

    assert (found.n, found.ends) == (alone.n, alone.ends)
    assert found.mean == pytest.approx(alone.mean, abs=1e-12)
    assert found.sd == pytest.approx(alone.sd, abs=1e-7)


def test_a_pair_that_met_the_scheduler_hides_nothing() -> None:
    rng = np.random.default_rng(2)
    pairs = [*rng.normal(0.07, 0.01, 29), -0.4]

    assert paired.effect(pairs).p_above(0.015) < 1e-9
    assert paired.plain(pairs).p_above(0.015) > 1e-3


def test_trimming_keeps_the_level_far_in_the_tail() -> None:
    rng = np.random.default_rng(3)
    trials = rng.normal(0.0, 0.02, (20_000, 18))
    blocked = sum(paired.effect(pairs).p_above(0.0) <= 0.001 for pairs in trials)

    assert blocked <= binom.ppf(0.999, len(trials), 0.0012)


def test_one_pair_proves_nothing_and_equal_pairs_are_exact() -> None:
    assert paired.effect([0.5]).p_above(0.0) == 1.0
    assert paired.interval([0.5], level=0.99) == (pytest.approx(math.exp(0.5)), 0.0, math.inf)
    assert paired.effect([0.1, 0.1, 0.1]).p_above(0.05) == 0.0
    assert paired.effect([0.1, 0.1, 0.1]).p_above(0.1) == 1.0


@given(samples, st.floats(-1, 1))
def test_a_shift_of_all_pairs_shifts_the_interval(pairs: list[float], shift: float) -> None:
    before, after = paired.effect(pairs), paired.effect([p + shift for p in pairs])

    assert after.below(0.01) == pytest.approx(before.below(0.01) + shift, rel=1e-6, abs=1e-6 * (1 + before.sd))


@given(samples)
def test_swapping_the_sides_turns_the_interval_over(pairs: list[float]) -> None:
    one, other = paired.effect(pairs), paired.effect([-p for p in pairs])

    assert one.above(0.02) == pytest.approx(-other.below(0.02))


def test_the_t_interval_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    trials, misses = 2000, 0
    for pairs in rng.normal(0.0, 0.02, (trials, 8)):
        _, low, high = paired.interval(pairs, level=0.95)
        misses += not low <= 1.0 <= high

    assert binom.ppf(0.001, trials, 0.05) <= misses <= binom.ppf(0.999, trials, 0.05)


def test_mann_whitney_by_hand() -> None:
    """6 against 6 without overlap: 2 / C(12, 6) = 0.00216."""
    low, high = [1.0, 2, 3, 4, 5, 6], [7.0, 8, 9, 10, 11, 12]

    assert unpaired.mann_whitney(low, high) == pytest.approx(2 / math.comb(12, 6))
    assert unpaired.mann_whitney([1, 1], [1, 1]) == 1.0


@given(
    st.lists(st.integers(0, 12), min_size=1, max_size=25),
    st.lists(st.integers(0, 12), min_size=1, max_size=25),
    st.booleans(),
    st.booleans(),
)
def test_mann_whitney_is_scipy_s(base: list[int], head: list[int], exact: bool, distinct: bool) -> None:
    if distinct:
        base, head = [value + place / 100 for place, value in enumerate(base)], [v + p / 99 for p, v in enumerate(head)]
    if len({*base, *head}) > 1:
        known = mannwhitneyu(head, base, alternative="two-sided", method="exact" if exact else "auto").pvalue
        assert unpaired.mann_whitney(base, head, exact=exact) == pytest.approx(known, rel=1e-9)


def test_hodges_lehmann_by_hand() -> None:
    """Ratios 2/1, 2/2, 4/1, 4/2: the median of the logs is log 2."""
    assert unpaired.hodges_lehmann([1, 2], [2, 4]) == pytest.approx(2.0)


def test_rank_sums_are_counted_as_by_enumeration() -> None:
    for n, m in ((2, 3), (3, 3), (4, 5)):
        counted = np.zeros(n * m + 1)
        for places in combinations(range(n + m), n):
            counted[sum(place - i for i, place in enumerate(places))] += 1
        assert list(unpaired._rank_sum_counts(n, m)) == list(counted)


@pytest.mark.parametrize(("n", "m"), [(6, 6), (8, 7), (25, 30)])
def test_the_ratio_interval_holds_what_mann_whitney_does_not_reject(n: int, m: int) -> None:
    rng = np.random.default_rng(n)
    base, head = rng.lognormal(0, 0.1, n), rng.lognormal(0.05, 0.1, m)
    _, low, high = unpaired.ratio_interval(base, head, level=0.95)

    for bound, inside, outside in ((low, 1.0001, 0.9999), (high, 0.9999, 1.0001)):
        assert mannwhitneyu(head, base * bound * inside).pvalue > 0.045
        assert mannwhitneyu(head, base * bound * outside).pvalue < 0.06


def test_of_very_many_values_an_even_part_stands_for_all() -> None:
    rng = np.random.default_rng(3)
    base, head = rng.lognormal(0, 0.1, 3 * unpaired.MOST), rng.lognormal(0.05, 0.1, 3 * unpaired.MOST)

    ratio, low, high = unpaired.ratio_interval(base, head, level=0.95)

    assert low < ratio < high
    assert math.log(ratio) == pytest.approx(np.median(np.log(head)) - np.median(np.log(base)), abs=0.003)
    assert math.log(high / low) == pytest.approx(2 * 1.96 * 0.1 * math.sqrt(math.pi / 3 * 2 / unpaired.MOST), rel=0.1)
    assert 0 < unpaired.hodges_lehmann(base, head) == pytest.approx(ratio)


def test_too_few_values_leave_the_ratio_interval_open() -> None:
    assert unpaired.ratio_interval([1, 2], [3, 4], level=0.99)[1:] == (0.0, math.inf)


@given(samples, samples, st.floats(0.1, 10))
def test_a_scale_of_head_scales_the_ratio(base: list[float], head: list[float], factor: float) -> None:
    before = unpaired.hodges_lehmann(base, head)

    assert unpaired.hodges_lehmann(base, [factor * h for h in head]) == pytest.approx(factor * before)


def test_the_published_bounds_of_five_looks() -> None:
    """One-sided 0.025 at equal steps: Jennison & Turnbull 2000 and the ldbounds package print these."""
    shares = (0.2, 0.4, 0.6, 0.8, 1.0)

    def bounds(spending: Spending) -> list[float]:
        return [-float(ndtri(level)) for level in nominal_levels(spending, 0.025, shares)]

    assert bounds(Spending.OBRIEN_FLEMING) == pytest.approx([4.877, 3.357, 2.680, 2.290, 2.031], abs=2e-3)
    assert bounds(Spending.POCOCK) == pytest.approx([2.438, 2.427, 2.410, 2.397, 2.386], abs=2e-3)


@pytest.mark.parametrize("spending", list(Spending))
def test_all_looks_together_err_as_often_as_allowed(spending: Spending) -> None:
    shares = tuple((6 + 3 * i) / 42 for i in range(13))
    levels = nominal_levels(spending, 0.05, shares)
    walks = np.random.default_rng(2).standard_normal((20_000, 42)).cumsum(axis=1)
    crossed = np.zeros(len(walks), dtype=bool)
    for share, level in zip(shares, levels, strict=True):
        n = round(42 * share)
        crossed |= walks[:, n - 1] / math.sqrt(n) > -ndtri(level)

    assert binom.ppf(0.001, len(walks), 0.05) <= crossed.sum() <= binom.ppf(0.999, len(walks), 0.05)


@given(st.lists(st.floats(0.01, 1.0), min_size=2, max_size=8, unique=True), st.integers(1, 7))
def test_the_levels_of_the_first_looks_do_not_depend_on_the_later(shares: list[float], kept: int) -> None:
    shares = [
        share for share, before in zip(sorted(shares), [0, *sorted(shares)], strict=False) if share - before > 1e-3
    ]
    every = nominal_levels(Spending.MIXED, 0.01, tuple(shares), opens=0.3)

    assert nominal_levels(Spending.MIXED, 0.01, tuple(shares[:kept]), opens=0.3) == every[:kept]


@pytest.mark.parametrize("planned", [42, 105, 700, 1_050, 10_500, 100_000])
@pytest.mark.parametrize("level", [1e-8, 2e-4, 0.05])
@pytest.mark.parametrize("spending", list(Spending))
def test_the_first_looks_of_a_long_plan_spend_next_to_nothing(spending: Spending, level: float, planned: int) -> None:
    """A first level that is too small to be a number once made the second look let everything pass."""
    shares = tuple(pairs / planned for pairs in range(6, 43, 3))

    levels = nominal_levels(spending, level, shares, opens=12 / planned)

    assert all(0 <= each <= spent(spending, level, shares[-1], opens=12 / planned) + 1e-30 for each in levels)
    if spending is Spending.OBRIEN_FLEMING and planned > 42:
        assert max(levels) < level / 10


@given(st.sampled_from(list(Spending)), st.floats(1e-6, 0.4), st.floats(0.05, 0.95))
def test_spending_grows_to_the_level_and_not_beyond(spending: Spending, level: float, share: float) -> None:
    assert 0 <= spent(spending, level, share) <= spent(spending, level, 1.0) + 1e-15
    assert spent(spending, level, 1.0) == pytest.approx(level)
    assert spent(spending, level, 2.0) == spent(spending, level, 1.0)


def test_holm_by_hand() -> None:
    """0.01 * 3, 0.02 * 2, then 0.03 * 1 raised to what came before."""
    assert multiplicity.holm([0.03, 0.01, 0.02]) == pytest.approx((0.04, 0.03, 0.04))
    assert multiplicity.holm([]) == ()


def test_benjamini_hochberg_by_hand() -> None:
    assert multiplicity.benjamini_hochberg([0.04, 0.01, 0.03, 0.9]) == pytest.approx((0.16 / 3, 0.04, 0.16 / 3, 0.9))


@given(st.lists(st.floats(0, 1), max_size=12), st.floats(0.001, 0.2))
def test_stepping_down_rejects_what_holm_rejects(p_values: Sequence[float], level: float) -> None:
    rejected = multiplicity.step_down(len(p_values), level, lambda i, at: p_values[i] <= at)
    adjusted = multiplicity.holm(p_values)

    clear = [i for i, p in enumerate(adjusted) if abs(p - level) > 1e-9]
    assert [i in rejected for i in clear] == [adjusted[i] <= level for i in clear]


def test_the_visible_effect_is_blocked_with_the_power_it_claims() -> None:
    """Draw pairs at the effect that is said to be visible: 95 of 100 runs must block."""
    rng, trials, n, sd, level, margin, limit = np.random.default_rng(3), 2000, 12, 0.02, 0.001, 0.02, 0.05
    found = paired.Effect(mean=0.0, sd=sd, n=n)
    visible = power.visible_effect(found, margin=margin, limit=limit, level=level)
    blocked = 0
    for pairs in rng.normal(visible, sd, (trials, n)):
        seen = paired.effect(pairs)
        blocked += seen.p_above(margin) <= level and seen.mean > limit

    assert blocked >= binom.ppf(0.001, trials, 0.90)
    assert power.visible_effect(paired.effect([0.1]), margin=margin, limit=limit, level=level) == math.inf


def test_pairs_needed_are_the_fewest_that_settle() -> None:
    found = paired.Effect(mean=0.0, sd=0.05, n=6)

    needed = power.pairs_needed(found, lambda e: e.above(0.02) < 0.02)

    assert needed is not None
    assert found.over(needed).above(0.02) < 0.02
    assert found.over(needed - 1).above(0.02) >= 0.02
    assert power.pairs_needed(found, lambda e: False) is None
    assert power.pairs_needed(paired.effect([0.1]), lambda e: True) is None


def test_a_ratio_that_no_number_holds_is_infinite() -> None:
    ratio, low, high = unpaired.ratio_interval([1e-300] * 8, [1e300] * 8, level=0.99)

    assert (ratio, low, high) == (math.inf, math.inf, math.inf)
