"""A pass has to be earned: what was skipped, never reached, or new is no proof of anything."""

from dataclasses import replace

import pytest

from perfgate.core.model import METRICS, Benchmark, Failure, Reason, Run
from perfgate.core.policy import Policy, Rule
from perfgate.core.report import Outcome, Report, SkippedSuite, report
from perfgate.core.skips import install_advice, missing_packages
from perfgate.core.verdict import Verdict
from perfgate.errors import Exit
from perfgate.render import markdown, phrases, text
from tests.core.build import failure, noisy_pair, run

NEEDED = "pytest-codspeed needs to be installed"


def judged(base: Run, head: Run, policy: Policy | None = None) -> Report:
    return report(base, head, policy or Policy(), repeat="", version="1")


def skipped(*names: str, reason: str = NEEDED) -> list[Failure]:
    return [failure(name, Reason.SKIPPED, reason) for name in names]


def late(name: str, *metrics: str) -> Failure:
    text = "not measured: the time budget ended before its turn"
    return replace(failure(name, Reason.NO_TIME, text), metrics=metrics)


def test_nothing_but_skipped_benchmarks_is_not_a_pass() -> None:
    names = [f"b{number}" for number in range(10)]
    found = judged(run(failures=skipped(*names)), run(failures=skipped(*names)))

    assert (found.outcome, found.exit_code) == (Outcome.INCOMPLETE, Exit.NOT_MEASURED)
    assert phrases.headline(found) == "🚫 nothing was measured · 10 skipped"
    assert NEEDED in text.render(found)
    assert "try: install it where the benchmarks run: python -m pip install pytest-codspeed" in text.render(found)
    assert "python -m pip install pytest-codspeed" in markdown.render(found).splitlines()[0]


def test_only_new_benchmarks_leave_nothing_to_compare_and_block_nobody() -> None:
    found = judged(run(), run(failures=[], offered=[Benchmark(suite="micro", name="new")]))

    assert [row.verdict for row in found.judgements] == [Verdict.NEW]
    assert (found.outcome, found.exit_code) == (Outcome.NO_BASELINE, Exit.PASSED)
    assert phrases.headline(found).startswith("❔ nothing to compare with")


def test_one_measured_benchmark_among_new_ones_is_a_pass() -> None:
    base, head = noisy_pair(0.0, pairs=42)

    found = judged(run(base), run(head, offered=[Benchmark(suite="micro", name="new")]))

    assert (found.outcome, found.exit_code) == (Outcome.PASS, Exit.PASSED)


@pytest.mark.parametrize(
    ("share", "opening"),
    [
        (0.2, "⚠️ no regression in what was measured · 1 unchanged · 3 of 4 in suite micro skipped"),
        (0.74, "⚠️ no regression in what was measured · 1 unchanged · 3 of 4 in suite micro skipped"),
        (0.75, "✅ no regression · 1 unchanged · 3 skipped"),
    ],
)
def test_more_skipped_than_the_rule_allows_stands_in_the_headline(share: float, opening: str) -> None:
    base, head = noisy_pair(0.0, pairs=42)
    policy = Policy(rules=(Rule(sli="*:time", limit=0.05, max_skipped=share),))
    gone = skipped("b", "c", "d")

    found = judged(run(base, failures=gone), run(head, failures=gone), policy)

    assert phrases.headline(found) == opening
    assert found.exit_code == Exit.PASSED


def test_what_the_configuration_retired_is_not_counted_as_skipped() -> None:
    base, head = noisy_pair(0.0, pairs=42)
    old = [Benchmark(suite="micro", name=name) for name in "xyz"]
    policy = Policy(retired=("micro/?",))

    found = judged(run(base, offered=old), run(head), policy)

    assert found.mostly_skipped == ()
    assert found.outcome is Outcome.PASS


def test_a_regression_is_still_the_first_thing_said() -> None:
    base, head = noisy_pair(0.3, pairs=42)
    gone = skipped("b", "c", "d")

    found = judged(run(base, failures=gone), run(head, failures=gone))

    assert found.mostly_skipped == (SkippedSuite(suite="micro", skipped=3, of=4),)
    assert phrases.headline(found) == "❌ 1 regression · 3 of 4 in suite micro skipped"


def test_a_metric_that_got_no_turn_is_inconclusive_and_the_time_counts() -> None:
    base, head = noisy_pair(0.0, pairs=42)
    name = base.sli.benchmark.name
    policy = Policy(rules=(Rule(sli="*:time", limit=0.05), Rule(sli="*:instructions", limit=0.01)))

    found = judged(run(base), run(head, failures=[late(name, "instructions")]), policy)

    verdicts = {str(row.sli).rpartition(":")[2]: row.verdict for row in found.judgements}
    assert verdicts == {"time": Verdict.PASS, "instructions": Verdict.INCONCLUSIVE}
    assert found.outcome is Outcome.INCONCLUSIVE
    assert found.exit_code == Exit.PASSED


def test_a_metric_that_only_base_had_time_for_is_not_missing() -> None:
    base, head = noisy_pair(0.0, pairs=42)
    counted = replace(base, sli=replace(base.sli, metric=METRICS["instructions"]))
    name = base.sli.benchmark.name

    found = judged(run(base, counted), run(head, failures=[late(name, "instructions")]))

    assert Verdict.MISSING not in found.counts
    assert found.counts[Verdict.INCONCLUSIVE] == 1


@pytest.mark.parametrize("side", ["base", "head", "both"])
def test_a_benchmark_that_got_no_turn_is_inconclusive_whichever_side_it_was(side: str) -> None:
    base, head = noisy_pair(0.0, pairs=42)
    slow = [Benchmark(suite="micro", name="slow")]
    one = run(base, failures=[late("slow")] * (side != "head"), offered=slow)
    other = run(head, failures=[late("slow")] * (side != "base"), offered=slow)

    found = judged(one, other)

    row = next(row for row in found.judgements if row.benchmark.name == "slow")
    assert (row.verdict, row.text) == (
        Verdict.INCONCLUSIVE,
        "not measured: the time budget ended before its turn",
    )


def test_a_failure_weighs_more_than_a_lack_of_time() -> None:
    found = judged(run(failures=[late("x")]), run(failures=[failure("x")]))

    assert [row.verdict for row in found.judgements] == [Verdict.FAILED]


@pytest.mark.parametrize(
    ("reason", "packages"),
    [
        ("could not import 'numpy.linalg': No module named 'numpy'", ("numpy",)),
        ("pytest-codspeed needs to be installed", ("pytest-codspeed",)),
        ("msgspec not installed", ("msgspec",)),
        ("orjson is not available", ("orjson",)),
        ("requires lxml", ("lxml",)),
        ("needs pandas to run", ("pandas",)),
        ("could not import 'a_b'", ("a-b",)),
        ("it is not installed", ()),
        ("only on Windows", ()),
        ("not on Tuesdays", ()),
        ("requires root", ()),
    ],
)
def test_what_a_skip_says_is_missing_is_named(reason: str, packages: tuple[str, ...]) -> None:
    assert missing_packages([reason]) == packages
    assert bool(install_advice([reason])) == bool(packages)
