"""The other gates' rules, each against a case that was worked by hand."""

from collections.abc import Callable

import pytest

from benchmarks.decision import rivals
from benchmarks.decision.rivals import Seen

FAR = [[1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6]], [[2.0, 2.1, 2.2, 2.3, 2.4, 2.5, 2.6]]
STEPS = [100.0, 101.0] * 15


def now(value: float, *, history: list[float]) -> Seen:
    return Seen(base=[[history[-1]]], head=[[value]], history=history)


def rounds(base: list[float], head: list[float]) -> Seen:
    return Seen(base=[base], head=[head])


def runs(base: list[float], head: list[float]) -> Seen:
    return Seen(base=[[value] for value in base], head=[[value] for value in head])


@pytest.mark.parametrize(
    ("rule", "fine", "blocked"),
    [
        # The mean may be at most twice the last one.
        (lambda s: rivals.mean_threshold(s, threshold=2.0), now(2.0, history=[9, 1]), now(2.01, history=[9, 1])),
        # 1.00 to 1.04 are 4 %, to 1.06 are 6 %; what comes after the least does not matter.
        (lambda s: rivals.least_grew(s, share=0.05), rounds([1.0, 1.5], [1.04, 9]), rounds([1.0, 1.5], [1.06, 1.5])),
        (lambda s: rivals.mean_grew(s, share=0.05), rounds([1.0, 3.0], [0.1, 4.1]), rounds([1.0, 3.0], [2.0, 2.3])),
        # Mean 2, deviation 1, sqrt(4/3) = 1.1547, t(.99, 2) = 6.9646: the bound is 10.042.
        (rivals.bencher_t, now(10.04, history=[1, 2, 3]), now(10.05, history=[1, 2, 3])),
        # No spread is no limit.
        (rivals.bencher_t, now(99, history=[2, 2, 2]), now(10.05, history=[1, 2, 3])),
        # 9 / 9.99 - 1 = -9.9 %, 9 / 10.01 - 1 = -10.1 %.
        (rivals.codspeed, rounds([9], [9.99]), rounds([9], [10.01])),
        # Mean 11; residuals from the mean of those before 0, 2, 0: deviation 1.1547; z > 5 from 16.774 on.
        (rivals.conbench, now(16.77, history=[10, 12, 11]), now(16.78, history=[10, 12, 11])),
        # Quartiles of the changes .0099 and .01: from 1.03 % on. 3 % is magnitude (2 + 3) // 2, 4 % is (3 + 4) // 2.
        (rivals.rustc_perf, now(101 * 1.03, history=STEPS), now(101 * 1.0401, history=STEPS)),
        # One value a side: the factor alone.
        (rivals.asv, rounds([1.0], [1.09]), rounds([1.0], [1.11])),
        # Six against six, all apart: p = 2 / 924 = .0022; seven: 2 / 3432.
        (rivals.asv, rounds(FAR[0][0][:6], FAR[1][0][:6]), Seen(base=FAR[0], head=FAR[1])),
        # Three against three: p = .1; four: .029, and medians 20 % apart.
        (rivals.benchstat, runs([1, 1.1, 1.2], [2, 2.1, 2.2]), runs([1, 1.1, 1.2, 1.3], [2, 2.1, 2.2, 2.3])),
        (rivals.benchstat, runs([100, 101, 102, 103], [104, 105, 106, 107]), runs([1, 1.1, 1.2, 1.3], [2, 3, 4, 5])),
        (rivals.significant_mann_whitney, rounds([1, 1.1, 1.2], [2, 2.1, 2.2]), Seen(base=FAR[0], head=FAR[1])),
        # Mean 2, population deviation 1, sqrt(1 + 1/4) = 1.118, t(.0005, 3) = 12.924: from 16.449 on.
        (rivals.otava, now(16.44, history=[1, 1, 3, 3]), now(16.46, history=[1, 1, 3, 3])),
        # All apart, but by less than 1 %: within the noise threshold.
        (
            rivals.criterion,
            rounds([100, 100.1, 100.2, 100.3] * 5, [100.5, 100.6, 100.7, 100.8] * 5),
            Seen(base=FAR[0], head=FAR[1]),
        ),
        # Pooled variance 2, t = 1 / sqrt(2) = .71 of 4.30 wanted. Unequal counts count as significant.
        (rivals.pyperf, rounds([1, 3], [2, 4]), rounds([1, 3], [2, 4, 3])),
        (lambda s: rivals.pyperf(s, share=1.0), Seen(base=FAR[0], head=FAR[1]), rounds([1.0, 1.1], [3.0, 3.1])),
        # Welch: t = 1 / sqrt(1/3 + 1/3) = 1.22; and 10 / sqrt(2/3) = 12.2.
        (rivals.hyperfine, runs([1, 2, 3], [2, 3, 4]), runs([1, 2, 3], [11, 12, 13])),
        # Means 1 apart, deviations 1.41 and 2.83; then 1.41 and .14.
        (rivals.critcmp, rounds([1, 3], [1, 5]), rounds([1, 3], [2.9, 3.1])),
        # Four rounds of five are not enough.
        (rivals.duckdb, runs([1, 1, 1, 1, 1], [2, 2, 1, 2, 2]), runs([1, 1, 1, 1, 1], [2, 2, 1.2, 2, 2])),
    ],
)
def test_a_rule_decides_as_worked_by_hand(rule: Callable[[Seen], bool], fine: Seen, blocked: Seen) -> None:
    assert (rule(fine), rule(blocked)) == (False, True)


def test_every_rule_is_in_the_table_and_none_twice() -> None:
    assert len({rival.name for rival in rivals.RIVALS}) == len(rivals.RIVALS) >= 10
    near = [[1.0 + 0.001 * i, 1.01, 1.02, 1.03 + 0.0005 * i] for i in range(10)]
    same = Seen(base=near, head=near[::-1], history=[1.0, 1.02] * 20)
    slow = Seen(base=same.base, head=[[4 * value for value in rounds] for rounds in near], history=same.history)
    for rival in rivals.RIVALS:
        assert (rival.name, rival.blocks(same), rival.blocks(slow)) == (rival.name, False, True)
