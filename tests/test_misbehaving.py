"""Benchmarks that misbehave: each is named with what it did, and takes nobody else along."""

import json
from collections.abc import Iterator

import pytest

from tests.live import Project

MISBEHAVING = '''\
import os
import signal

import pytest


def test_a_good(benchmark):
    benchmark(sum, range(1000))


def test_dies(benchmark):
    benchmark(os._exit, 0)


def test_killed(benchmark):
    benchmark(os.kill, os.getpid(), signal.SIGKILL)


def test_hangs(benchmark):
    benchmark(signal.pause)


def test_prints(benchmark):
    benchmark(lambda: [print("x" * 100), os.write(1, b"y" * 100)])


def test_forks(benchmark):
    """Both the parent and the child come back out of the call."""
    seen = []

    def once():
        if len(seen) < 3:
            seen.append(os.fork())

    benchmark.pedantic(once, rounds=8)
    assert seen


def test_leaves_a_daemon(benchmark):
    def daemon():
        if os.fork() == 0:
            os.setsid()
            signal.pause()

    benchmark.pedantic(daemon, rounds=1)


def test_moves(benchmark, tmp_path):
    benchmark(os.chdir, tmp_path)


@pytest.mark.benchmark(timer=lambda: 1.0)
def test_takes_no_time(benchmark):
    benchmark(sum, [])


@pytest.mark.benchmark(timer=lambda: float("nan"))
def test_is_nan(benchmark):
    benchmark(sum, [])


def test_z_good(benchmark):
    assert os.path.exists("test_bad.py")
    benchmark(sum, range(1000))
'''


@pytest.fixture(scope="module")
def misbehaving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, dict[str, str]], Project]]:
    project = Project(tmp_path_factory.mktemp("bad") / "project")
    config = '[suite.s]\ntimeout = "3s"\n[perfgate]\nbudget = "150s"\n'
    project.commit("base", test_bad_py=MISBEHAVING, perfgate_toml=config)
    cache = str(project.root.parent / "cache")
    done = project.perfgate("compare", "HEAD", "HEAD", "--format", "json", PERFGATE_CACHE=cache)
    assert done.returncode == 3, done.stdout + done.stderr
    rows = json.loads(done.stdout)["report"]["judgements"]
    yield {row["benchmark"]["name"].partition("::")[2]: row for row in rows}, project
    assert project.processes() == []


@pytest.mark.parametrize("name", ["test_a_good", "test_z_good", "test_prints", "test_moves"])
def test_a_benchmark_beside_bad_ones_is_measured_all_the_same(
    misbehaving: tuple[dict[str, dict[str, str]], Project], name: str
) -> None:
    row = misbehaving[0][name]

    assert row["verdict"] in ("pass", "inconclusive")
    assert row["text"] == ""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("test_dies", "died on head: exited with status 0"),
        ("test_killed", "died on head: killed by signal 9"),
        ("test_hangs", "timeout on head: no answer within 3 s"),
        ("test_takes_no_time", "bad-value on head: time came out as 0"),
        ("test_is_nan", "bad-value on head: time came out as nan"),
    ],
)
def test_a_bad_benchmark_fails_with_what_it_did(
    misbehaving: tuple[dict[str, dict[str, str]], Project], name: str, text: str
) -> None:
    row = misbehaving[0][name]

    assert row["verdict"] == "failed"
    assert text in row["text"]


def test_a_fork_that_comes_back_does_not_speak_for_its_parent(
    misbehaving: tuple[dict[str, dict[str, str]], Project],
) -> None:
    row = misbehaving[0]["test_forks"]

    assert row["text"] == ""
    assert row["comparison"]["log_ratios"]


def test_a_daemon_is_ended_with_the_measurement(misbehaving: tuple[dict[str, dict[str, str]], Project]) -> None:
    rows, project = misbehaving

    assert "test_leaves_a_daemon" in rows
    assert project.processes() == []
