import math
from dataclasses import replace
from random import Random

import pytest

from perfgate.core.baseline import (
    MOST_RUNS,
    Baseline,
    StoredRun,
    base_run,
    compare_stored,
    current_level,
    last_seen,
    reduced,
)
from perfgate.core.comparison import Evidence
from perfgate.core.judge import judge
from perfgate.core.model import CPU, TIME, Metric, Run
from perfgate.core.policy import Policy, Rule
from perfgate.core.report import Outcome, report
from perfgate.core.verdict import Verdict
from tests.core.build import BYTES, THROUGHPUT, failure, run, sample, sli


def stored(
    value: float, *, name: str = "parse", metric: Metric = TIME, number: int = 0, suite: str = "micro"
) -> StoredRun:
    (one,) = reduced(run(sample([[value]], name, metric=metric)), Policy(), committed=f"2026-01-{number + 1:02}")
    return replace(one, commit=f"{number:040x}")


def chain(values: list[float], **options: object) -> Baseline:
    """A baseline of `values`, newest first."""
    runs = tuple(stored(value, number=i, **options) for i, value in enumerate(values))  # type: ignore[arg-type]
    return Baseline(suite="micro", runs=runs, distance=3)


def head(value: float, *, metric: Metric = TIME) -> Run:
    return run(sample([[value]] * 6, metric=metric), label="change")


def test_a_run_is_reduced_to_levels_and_failures_by_suite() -> None:
    values = [[1.0, 1.0, 9.0], [2.0], [3.0], [4.0], [5.0]]
    (found,) = reduced(run(sample(values), failures=[failure("broken")]), Policy(), committed="2026-01-01")

    level = found.levels[sli()]
    assert (level.median, level.low, level.high, level.n) == (3.0, 2.0, 4.0, 5)
    assert [f.benchmark.name for f in found.failures] == ["broken"]
    assert (found.commit, found.suite, found.committed) == ("0123456789abcdef", "micro", "2026-01-01")


def test_a_diagnostic_metric_is_kept_where_a_rule_names_it() -> None:
    measured = run(sample([[1.0]]), sample([[1.0]], metric=CPU))

    assert list(reduced(measured, Policy(), committed="")[0].levels) == [sli()]
    named = Policy(rules=(Rule(sli="*:cpu", limit=0.1),))
    assert list(reduced(measured, named, committed="")[0].levels) == [sli(), sli(metric=CPU)]


def test_the_nearest_run_stands_for_base() -> None:
    baseline = Baseline(
        suite="micro", runs=(replace(stored(1.0), failures=(failure("broken"),)), stored(2.0)), distance=3
    )

    base = base_run([baseline], head(1.0))

    assert base.revision.label == "baseline, 3 commits before"
    assert [s.processes for s in base.samples] == [((1.0,),)]
    assert [f.benchmark.name for f in base.failures] == ["broken"]
    assert base_run([replace(baseline, distance=1)], head(1.0)).revision.label == "baseline, 1 commit before"
    two = [baseline, Baseline(suite="other", runs=(replace(stored(1.0, name="x"), suite="other"),), distance=7)]
    assert base_run(two, head(1.0)).revision.label == "baseline, 3 to 7 commits before"


def test_a_commit_that_was_recorded_in_parts_is_one_base() -> None:
    parts = Baseline(suite="micro", runs=(stored(1.0), stored(2.0, name="other"), stored(9.0, number=1)), distance=1)

    assert {s.sli.benchmark.name: s.processes for s in base_run([parts], head(1.0)).samples} == {
        "parse": ((1.0,),),
        "other": ((2.0,),),
    }


def test_without_a_comparable_run_there_is_no_baseline_and_the_reason() -> None:
    none = [Baseline(suite="micro", reason="another machine")]
    mine = head(1.0)

    found = report(base_run(none, mine), mine, Policy(), repeat="", version="", comparisons=compare_stored(none, mine))

    assert (found.outcome, found.exit_code) == (Outcome.NO_BASELINE, 0)
    assert [(row.verdict, row.text) for row in found.judgements] == [(Verdict.NO_BASELINE, "another machine")]
    assert found.base.revision.label == "no baseline"


@pytest.mark.parametrize(
    ("value", "verdict"), [(100.0, Verdict.PASS), (102.0, Verdict.REGRESSION), (98.0, Verdict.IMPROVEMENT)]
)
def test_an_exact_metric_is_compared_with_the_nearest_run_and_blocks(value: float, verdict: Verdict) -> None:
    """Zero spread is an answer: +2 % at a limit of 1 % blocks, an equal value passes."""
    baseline, mine = chain([100.0, 50.0, 50.0], metric=BYTES), head(value, metric=BYTES)
    policy = Policy(rules=(Rule(sli="*", limit=0.01),))

    (found,) = compare_stored([baseline], mine)
    (row,) = judge(base_run([baseline], mine), mine, policy, [found])

    assert (found.evidence, found.base) == (Evidence.EXACT, 100.0)
    assert (row.verdict, row.blocks) == (verdict, verdict is Verdict.REGRESSION)


def noisy(n: int, *, seed: int = 1, spread: float = 0.01) -> list[float]:
    rng = Random(seed)
    return [math.exp(rng.gauss(0, spread)) for _ in range(n)]


@pytest.mark.parametrize(("metric", "factor"), [(TIME, 1.3), (THROUGHPUT, 1 / 1.3)])
def test_a_noisy_metric_is_compared_with_what_the_runs_foretell(metric: Metric, factor: float) -> None:
    baseline = chain(noisy(20), metric=metric)
    policy = Policy(rules=(Rule(sli="*", limit=0.05),))

    (found,) = compare_stored([baseline], head(factor, metric=metric))
    (row,) = judge(base_run([baseline], head(factor, metric=metric)), head(factor, metric=metric), policy, [found])

    assert found.evidence is Evidence.STORED
    assert found.change.low < factor < found.change.high
    assert found.change.high / found.change.low < 1.1
    assert min(found.log_ratios) > 0.2
    assert (row.verdict, row.blocks) == (Verdict.REGRESSION, False)


def test_runs_before_a_change_of_level_foretell_nothing() -> None:
    old, new = [2 * value for value in noisy(20, seed=2)], noisy(10, seed=3)

    (found,) = compare_stored([chain(new + old)], head(1.0))

    assert found.processes == (10, 6)
    assert found.base == pytest.approx(1.0, rel=0.02)


def test_the_current_level_is_the_newest_values_since_the_last_step() -> None:
    assert current_level([1.0, 2.0, 3.0]) == [1.0, 2.0, 3.0]
    assert current_level(noisy(100)) == noisy(100)[-MOST_RUNS:]
    assert len(current_level([2.0 * value for value in noisy(30)] + noisy(9, seed=4))) == 9


@pytest.mark.parametrize("values", [[1.0, 1.01], [0.0, 0.0]])
def test_few_runs_are_no_answer(values: list[float]) -> None:
    few = chain(values)

    (one,) = compare_stored([few], head(2.0))
    rows = judge(base_run([few], head(2.0)), head(2.0), Policy(), [one])

    assert [row.verdict for row in rows] == [Verdict.INCONCLUSIVE]
    assert one.evidence is Evidence.STORED


def test_what_head_lacks_is_missing_and_what_only_head_has_is_new() -> None:
    baseline = chain(noisy(9))
    mine = run(sample([[1.0]], "fresh"))

    rows = judge(base_run([baseline], mine), mine, Policy(), compare_stored([baseline], mine))

    assert {row.benchmark.name: row.verdict for row in rows} == {"parse": Verdict.MISSING, "fresh": Verdict.NEW}


def test_the_last_time_that_a_benchmark_gave_a_value() -> None:
    runs = [stored(1.0, number=3), stored(1.0, number=1), stored(1.0, name="gone", number=2)]

    assert {benchmark.name: seen for benchmark, seen in last_seen(runs).items()} == {
        "parse": "2026-01-04",
        "gone": "2026-01-03",
    }


def test_one_strange_run_hides_no_change_behind_a_wide_interval() -> None:
    values = noisy(20)
    values[4] *= 1.6

    (found,) = compare_stored([chain(values)], head(1.3))

    assert found.change.low > 1.2
