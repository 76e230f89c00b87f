"""Benchmark files written for pytest-benchmark and pytest-codspeed run unchanged, through real pytest."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from perfgate.core.model import Reason
from perfgate.measure.turns import PairResult
from tests.live import explore, one_pair

FEATURES = '''\
import asyncio
import gc
import time

import pytest


class Target:
    def step(self):
        return 41


def work(a, b=1):
    return sum(range(a)) + b


def test_call(benchmark):
    assert benchmark(work, 100, b=2) == 4952


def test_decorator(benchmark):
    @benchmark
    def result():
        return work(10)

    assert result == 46


def test_lambda_of_a_fixture(benchmark, numbers):
    assert benchmark(lambda: sum(numbers)) == 45


def test_pedantic(benchmark):
    calls = []
    assert benchmark.pedantic(calls.append, args=(1,), rounds=30, iterations=5, warmup_rounds=2) is None
    assert len(calls) <= 32 * 5 + 1


def test_pedantic_once(benchmark):
    left = [7]
    assert benchmark.pedantic(left.pop) == 7


def test_pedantic_setup(benchmark):
    made, ended = [], []

    def setup():
        made.append([3, 1, 2])
        return (made[-1],), {}

    assert benchmark.pedantic(sorted, setup=setup, rounds=3) == [1, 2, 3]
    assert len(made) > 3


def test_weave(benchmark):
    benchmark.weave(Target.step)
    assert Target().step() == 41


@pytest.mark.benchmark(group="grouped", timer=time.process_time, disable_gc=True)
def test_options(benchmark):
    benchmark.extra_info["rows"] = 3
    benchmark.group = "other"
    assert benchmark(gc.isenabled) is False


def test_stats(benchmark):
    benchmark(work, 100)
    assert benchmark.stats.stats.rounds > 0
    assert 0 < benchmark.stats.stats.mean < 1


@pytest.mark.parametrize("size", [1, 2], ids=["one", "two|2"])
def test_parameters(benchmark, size):
    benchmark(work, size)


class TestInAClass:
    @pytest.fixture(scope="class")
    def costly(self):
        yield [1, 2, 3]

    def test_first(self, benchmark, costly):
        benchmark(sum, costly)

    def test_second(self, benchmark, costly):
        benchmark(max, costly)


@pytest.fixture
def in_loop(benchmark):
    """Async code behind a fixture, as people write it."""
    loop = asyncio.new_event_loop()
    yield lambda make: benchmark(lambda: loop.run_until_complete(make()))
    loop.close()


def test_async(in_loop):
    async def nothing():
        return 5

    assert in_loop(nothing) == 5


def test_fails(benchmark):
    benchmark(work, 1)
    raise ValueError("after the measurement")


def test_raises_inside(benchmark):
    benchmark(int, "no number")


@pytest.mark.skip(reason="not on Tuesdays")
def test_skipped(benchmark):
    benchmark(work, 1)


def test_never_calls(benchmark):
    pass


def test_is_none():
    raise AssertionError("not a benchmark: must not even run")
'''
CONFTEST = '''\
import pytest


@pytest.fixture(scope="module")
def numbers():
    return list(range(10))


def pytest_benchmark_update_machine_info(config, machine_info):
    """A hook of the plug-in's, which must stay loaded for this to be legal."""
'''


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> PairResult:
    root = tmp_path_factory.mktemp("features")
    (root / "test_features.py").write_text(FEATURES)
    (root / "conftest.py").write_text(CONFTEST)
    return one_pair(root, args=("-p", "no:codspeed"))


GOOD = [
    "test_call",
    "test_decorator",
    "test_lambda_of_a_fixture",
    "test_pedantic",
    "test_pedantic_once",
    "test_pedantic_setup",
    "test_weave",
    "test_options",
    "test_stats",
    "test_parameters[one]",
    "test_parameters[two|2]",
    "TestInAClass::test_first",
    "TestInAClass::test_second",
    "test_async",
]


@pytest.mark.parametrize("name", GOOD)
def test_what_the_fixture_can_do_is_measured_on_both_sides(features: PairResult, name: str) -> None:
    base, head = features.readings[f"test_features.py::{name}"].values()

    assert len(base.values["time"]) == len(head.values["time"]) >= 1
    assert min(base.values["time"] + head.values["time"]) > 0


@pytest.mark.parametrize(
    ("name", "reason", "text"),
    [
        ("test_fails", Reason.RAISED, "ValueError: after the measurement"),
        ("test_raises_inside", Reason.RAISED, "ValueError: invalid literal"),
        ("test_skipped", Reason.SKIPPED, "not on Tuesdays"),
        ("test_never_calls", Reason.NOTHING, "never called"),
    ],
)
def test_what_gives_no_measurement_says_why_on_both_sides(
    features: PairResult, name: str, reason: Reason, text: str
) -> None:
    troubles = features.troubles[f"test_features.py::{name}"]

    assert [trouble.member for trouble in troubles] == [0, 1]
    assert {trouble.reason for trouble in troubles} == {reason}
    assert all(text in trouble.text for trouble in troubles)


ROUNDS = """\
import pytest


def given():
    return [1], {"b": 2}


@pytest.fixture
def done():
    return []


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, 1),
        ({"rounds": 15}, 15),
        ({"rounds": 5, "warmup_rounds": 15}, 20),
        ({"iterations": 10}, 11),
        ({"rounds": 15, "iterations": 10}, 151),
    ],
)
def test_counts(benchmark, done, options, expected):
    benchmark.pedantic(done.append, args=[7], **options)
    assert done == [7] * expected


@pytest.mark.parametrize("rounds", [1, 10])
def test_set_up(benchmark, done, rounds):
    def step(a, b):
        done.append((a, b))

    benchmark.pedantic(step, setup=given, rounds=rounds)
    assert done == [(1, 2)] * rounds


def test_torn_down(benchmark, done):
    benchmark.pedantic(lambda: done.append(1), teardown=lambda: done.append(2), iterations=3)
    assert done == [1, 1, 1, 2, 1, 2]


@pytest.mark.benchmark(cprofile=True)
def test_profiled(benchmark, done):
    benchmark.pedantic(lambda a, b: done.append(a + b), setup=given)
    assert done == [3, 3]


def test_set_up_without_arguments(benchmark, done):
    benchmark.pedantic(done.append, args=[1], setup=lambda: None)
    assert done == [1]


@pytest.mark.parametrize(
    "options",
    [
        {"rounds": 0}, {"rounds": "x"}, {"warmup_rounds": -1}, {"iterations": 0}, {"iterations": 1.5},
        {"setup": given, "iterations": 2},
    ],
)
def test_refused(benchmark, done, options):
    with pytest.raises(ValueError):
        benchmark.pedantic(done.append, **options)
    assert done == []


def test_both(benchmark, done):
    pytest.raises(TypeError, benchmark.pedantic, done.append, args=[1], setup=given)
    assert done == []
"""


def test_pedantic_runs_as_often_as_a_test_counts_on_and_refuses_what_the_plug_in_refuses(tmp_path: Path) -> None:
    (tmp_path / "test_rounds.py").write_text(ROUNDS)
    own = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:codspeed", "-p", "no:cacheprovider", "test_rounds.py"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
    )  # fmt: skip

    survey = explore(tmp_path, args=("-p", "no:codspeed"))
    result = one_pair(tmp_path, args=("-p", "no:codspeed"))

    assert own.returncode == 0, "the plug-in itself does as the tests say: " + own.stdout
    for troubles in (survey.journey.troubles, result.troubles):
        assert {trouble.reason for found in troubles.values() for trouble in found} == {Reason.SKIPPED}, troubles
        assert {name.partition("::")[2].partition("[")[0] for name in troubles} == {"test_refused", "test_both"}
    assert len(result.readings) == 10


def test_nothing_else_is_run(features: PairResult) -> None:
    assert len(features.readings) == len(GOOD)
    assert len(features.troubles) == 4


def test_both_sides_of_a_pair_get_the_same_layout(features: PairResult) -> None:
    base, head = features.facts[0][0], features.facts[1][0]

    assert base.layout == head.layout
    assert base.hash_seed == head.hash_seed
    assert all(count > 0 for count in base.layout)


def test_the_oldest_supported_plugin_runs_the_same_files(old_plugin: str, tmp_path: Path) -> None:
    text = FEATURES.replace("test_weave", "weaving_needs_aspectlib")
    (tmp_path / "test_features.py").write_text(text)
    (tmp_path / "conftest.py").write_text(CONFTEST)

    result = one_pair(tmp_path, python=old_plugin)

    assert {name.partition("::")[2] for name in result.readings} == set(GOOD) - {"test_weave"}


def test_an_older_pytest_codspeed_runs_the_same_files(old_codspeed: str, tmp_path: Path) -> None:
    text = CODSPEED.replace("benchmark.pedantic(sum, args=(range(10),), rounds=40)", "benchmark(sum, range(10))")
    (tmp_path / "test_codspeed.py").write_text(text)

    result = one_pair(tmp_path, python=old_codspeed)

    assert result.troubles == {}
    assert len(result.readings) == 6


CODSPEED = """\
import pytest


def test_fixture(benchmark):
    assert benchmark(sum, range(100)) == 4950


def test_own_fixture(codspeed_benchmark):
    assert codspeed_benchmark(sum, range(100)) == 4950


def test_pedantic(benchmark):
    benchmark.pedantic(sum, args=(range(10),), rounds=40)


@pytest.mark.benchmark
def test_marked():
    sum(range(100))


@pytest.mark.codspeed_benchmark
@pytest.mark.parametrize("n", [1, 2])
def test_marked_with_parameters(n):
    sum(range(n))


def test_plain():
    raise AssertionError("not a benchmark")
"""


@pytest.mark.parametrize("args", [("-p", "no:benchmark"), ()], ids=["codspeed alone", "beside pytest-benchmark"])
def test_files_written_for_codspeed_run_by_fixture_and_by_marker(tmp_path: Path, args: tuple[str, ...]) -> None:
    (tmp_path / "test_codspeed.py").write_text(CODSPEED)
    if args:  # pytest-codspeed leaves the fixture `benchmark` to pytest-benchmark wherever that is installed
        (tmp_path / "conftest.py").write_text(
            "import pytest\n@pytest.fixture\ndef benchmark(codspeed_benchmark):\n    return codspeed_benchmark\n"
        )

    result = one_pair(tmp_path, args=args)

    assert result.troubles == {}
    assert {name.partition("::")[2] for name in result.readings} == {
        "test_fixture",
        "test_own_fixture",
        "test_pedantic",
        "test_marked",
        "test_marked_with_parameters[1]",
        "test_marked_with_parameters[2]",
    }


def test_a_user_s_options_that_would_stop_the_benchmarks_do_not(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\naddopts = -n 2 --benchmark-disable --cov=. --timeout=1 -x -p no:codspeed --strict-markers\n"
    )
    (tmp_path / "test_it.py").write_text(
        "def test_it(benchmark):\n    benchmark(sum, range(9))\n\n\ndef test_fails(benchmark):\n    assert 0\n"
        "\n\ndef test_after(benchmark):\n    benchmark(sum, range(9))\n"
    )

    result = one_pair(tmp_path)

    assert set(result.readings) == {"test_it.py::test_it", "test_it.py::test_after"}


def test_expressions_and_markers_choose(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import pytest\n\n\n@pytest.mark.slow\ndef test_a(benchmark):\n    benchmark(sum, range(9))\n\n\n"
        "def test_b(benchmark):\n    benchmark(sum, range(9))\n"
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = slow\naddopts = -p no:codspeed\n")

    assert explore(tmp_path, select="test_b").names == ("test_it.py::test_b",)
    assert explore(tmp_path, markers="slow").names == ("test_it.py::test_a",)
    assert explore(tmp_path, paths=("no_such.py",)).names == ()


def test_a_file_that_cannot_be_imported_is_an_error_not_a_gap(tmp_path: Path) -> None:
    (tmp_path / "test_broken.py").write_text("import no_such_module\n")
    (tmp_path / "test_fine.py").write_text("def test_it(benchmark):\n    benchmark(sum, range(9))\n")

    survey = explore(tmp_path, args=("-p", "no:codspeed"))

    assert survey.names == ("test_fine.py::test_it",)
    assert "no_such_module" in survey.broken["test_broken.py"]


def test_a_benchmark_that_keeps_several_cpus_busy_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "test_threads.py").write_text(
        "import hashlib\nimport threading\n\nDATA = bytes(40_000_000)\n\n\ndef both():\n"
        "    threads = [threading.Thread(target=hashlib.sha256, args=(DATA,)) for _ in range(2)]\n"
        "    [t.start() for t in threads]\n    [t.join() for t in threads]\n\n\n"
        "def test_threads(benchmark):\n    benchmark(both)\n\n\n"
        "def test_one(benchmark):\n    benchmark(sum, range(10_000))\n"
    )

    survey = explore(tmp_path, args=("-p", "no:codspeed"))

    assert survey.cpus["test_threads.py::test_threads"] > 1.1
    assert survey.cpus["test_threads.py::test_one"] < 1.1


def test_a_spawned_child_does_not_take_the_agent_for_its_main_module(tmp_path: Path) -> None:
    (tmp_path / "test_spawn.py").write_text(
        "import multiprocessing\n\n\ndef test_spawn(benchmark):\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        "        assert benchmark.pedantic(pool.apply, args=(abs, (-3,)), rounds=3) == 3\n"
    )

    result = one_pair(tmp_path, args=("-p", "no:codspeed"))

    assert result.troubles == {}


def test_without_pytest_the_interpreter_is_named(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    (tmp_path / "test_it.py").write_text("")
    python = str(tmp_path / "venv" / "bin" / "python")

    assert f"pytest is not installed in {python}" in explore(tmp_path, python=python).errors[0]


def test_no_process_asks_git_how_to_call_a_file_that_nobody_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a large tree what pytest-benchmark asks takes longer than all else at its start."""
    (tmp_path / "git").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/log\n')
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    (tmp_path / ".git").mkdir()
    (tmp_path / "test_x.py").write_text("def test_a(benchmark):\n    benchmark(sum, [1])\n")

    survey = explore(tmp_path)

    assert survey.names == ("test_x.py::test_a",)
    assert not (tmp_path / "log").exists(), (tmp_path / "log").read_text()
