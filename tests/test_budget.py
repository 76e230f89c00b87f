"""The budget speaks: what a verdict takes, what is left out where it does not hold all, and one number to ask for."""

import re

import pytest

from perfgate import codec
from perfgate.core.schedule import rotated
from tests.live import LIBRARY, Project

MANY = """\
import pytest
from lib import spin

@pytest.mark.parametrize("n", range(12))
def test_{name}(benchmark, n):
    benchmark.pedantic(spin, args=({size},), rounds=20, iterations=10)
"""


def test_what_a_verdict_takes_is_said_before_it_is_measured(project: Project) -> None:
    project.two_commits()

    done = project.perfgate("compare", "HEAD~1", "--budget", "60s", "--effort", "1s")

    assert done.returncode == 0, done.stderr
    assert "perfgate: 2 benchmarks; one pair of each takes about " in done.stderr
    assert re.search(r" s in all, and a verdict needs at least 6 pairs: \d+ s\n", done.stderr)
    assert re.search(r"perfgate: measuring: pair \d+, \d of 2 decided, ", done.stderr)
    assert re.search(r" s of a budget of 60 s(: exploring \d+ s, measuring \d+ s)?(; \d+ s before that)?", done.stdout)
    assert "to decide all benchmarks" not in done.stdout


def test_a_budget_that_does_not_hold_a_suite_measures_what_the_rules_name_and_says_so(project: Project) -> None:
    config = (
        '[suite.micro]\npaths = ["tests"]\n[perfgate]\nexpect = ["micro/*test_slow[[]11]"]\n'
        '[[rule]]\nsli = "micro/*test_named*:time"\nlimit = "50%"\n'
    ).replace("[[]", "[")
    project.commit(
        "base",
        perfgate_toml=config,
        lib_py=LIBRARY,
        tests__test_slow_py=MANY.format(name="slow", size="60_000"),
        tests__test_named_py=MANY.format(name="named", size="40_000"),
        tests__test_quick_py=MANY.format(name="quick", size="20_000"),
    )

    done = project.perfgate("compare", "HEAD", "HEAD", "--budget", "45s", "--format", "json")
    report = codec.load_report(done.stdout.encode(), name="report")
    left_out = [row.benchmark.name for row in report.judgements if row.comparison is None]
    measured = [row.benchmark.name for row in report.judgements if row.comparison is not None]

    assert done.returncode == 0, done.stderr
    assert " are left, enough for " in done.stderr
    assert "those that your rules name first, then the quickest" in done.stderr
    assert re.search(
        r"to measure all: --budget \d+[ms]; to choose: -k NAME; for a different part in each run: rotate = true",
        done.stderr,
    )
    assert "tests/test_slow.py::test_slow[11]" in measured, "what is expected is always measured"
    assert any("test_slow" in name for name in left_out)
    assert not any("test_named" in name for name in left_out) or not any("test_quick" in name for name in measured)
    assert {row.text.partition(":")[0] for row in report.judgements if row.comparison is None} == {"not measured"}
    assert report.method is not None
    assert report.method.enough_s > 45
    assert [name for name, _ in report.method.phases] == ["preparing", "exploring", "measuring", "counting"]


def test_what_fixtures_take_is_known_before_it_is_measured(project: Project) -> None:
    """Both sides set up in every pair."""
    slow = "import pytest, time\n@pytest.fixture\ndef slow():\n    time.sleep(0.7)\n    yield\n    time.sleep(0.8)\n"
    tests = "def test_1(benchmark, slow):\n    benchmark(len, '')\n\ndef test_2(benchmark):\n    benchmark(len, '')\n"
    project.commit("base", test_lib_py=slow + tests)
    project.commit("head")

    done = project.perfgate("compare", "HEAD~1", "--budget", "60s", "--effort", "1s")

    found = re.search(r"one pair of each takes about (\d+) s in all", done.stderr)
    assert found, done.stderr
    assert int(found[1]) >= 3


def test_a_long_benchmark_gets_twelve_pairs_if_the_budget_holds_them(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its usual effort alone would end it after six, undecided, with most of the budget unused."""
    monkeypatch.delenv("PERFGATE_EFFORT")
    project.commit("base", perfgate_toml='[suite.c]\nrunner = "command"\n[suite.c.benchmarks]\nrest = "sleep 0.2"\n')
    project.commit("head")

    def planned(*options: str) -> int:
        done = project.perfgate("compare", "HEAD~1", "--format", "json", *options)
        (row,) = codec.load_report(done.stdout.encode(), name="report").judgements
        assert row.comparison is not None
        return row.comparison.planned

    assert planned("--budget", "3m") == 12
    assert planned("--budget", "3m", "--effort", "2s") == 6
    assert planned("--budget", "20s") == 6


def test_what_is_left_out_takes_one_line_and_rotates_if_it_is_to(project: Project) -> None:
    config = '[suite.micro]\npaths = ["tests"]\n[perfgate]\nrotate = true\n'
    project.commit("base", perfgate_toml=config, lib_py=LIBRARY, tests__test_a_py=MANY.format(name="a", size="150_000"))

    done = project.perfgate("compare", "HEAD", "HEAD", "--budget", "30s", "--effort", "1s")

    assert done.returncode == 0, done.stderr
    assert "a different part in each run\n" in done.stderr
    assert re.search(r"inconclusive +\d+ benchmarks, micro/tests/test_a.py::test_a\[\d+\] among them", done.stdout)
    assert re.search(r"not measured: the budget of 30 s holds \d+ of 12 benchmarks", done.stdout)
    assert re.search(r"(?m)^to decide all benchmarks: --budget ", done.stdout)


def test_each_run_draws_another_order() -> None:
    names = [f"micro/{number}" for number in range(12)]
    orders = [sorted(names, key=lambda name: rotated(name, commit)) for commit in ("a", "b", "a")]

    assert orders[0] == orders[2] != orders[1]
    assert sorted(orders[0]) == sorted(names)
