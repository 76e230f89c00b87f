"""pyperf's own scripts, unchanged, in pairs that take turns."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from perfgate import codec
from tests.live import LIBRARY, Project

SCRIPT = """\
import asyncio
import sys

import pyperf

from lib import spin


def self_timed(loops, n):
    start = pyperf.perf_counter()
    for _ in range(loops):
        spin(n)
    return pyperf.perf_counter() - start


async def awaited():
    await asyncio.sleep(0)
    spin(500)


def arguments(cmd, args):
    cmd.append("--many=%d" % args.many)


if __name__ == "__main__":
    runner = pyperf.Runner(metadata={"origin": "a test"}, add_cmdline_args=arguments)
    runner.argparser.add_argument("--many", type=int, default=1000)
    args = runner.parse_args()
    runner.bench_func("func", spin, args.many, metadata={"kind": "call"})
    runner.bench_func("inner", lambda: (spin(args.many), spin(args.many)), inner_loops=2)
    runner.bench_time_func("time_func", self_timed, args.many)
    runner.bench_async_func("async", awaited)
    runner.timeit("statement", "spin(n)", setup="n = 500", teardown="del n", globals={"spin": spin}, duplicate=2)
    for many in (200, 400):
        runner.bench_func("late %d" % many, lambda: spin(many))
    runner.bench_command("command", [sys.executable, "-S", "-c", "1"])
"""
NAMES = ["func", "inner", "time_func", "async", "statement", "late 200", "late 400", "command"]
CONFIG = '[suite.perf]\nrunner = "pyperf"\npaths = ["bench.py"]\nargs = ["--many=800"]\n'


@pytest.fixture
def scripts(project: Project) -> Project:
    """A project with one pyperf script, of which head does half as much again."""
    project.write(perfgate_toml=CONFIG, bench_py=SCRIPT)
    project.commit("base", lib_py=LIBRARY)
    project.commit("head", lib_py=LIBRARY.replace("range(n)", "range(3 * n // 2)"))
    return project


def test_a_script_is_measured_in_pairs_and_pyperf_reads_what_came_out(scripts: Project, tmp_path: Path) -> None:
    done = scripts.perfgate("compare", "HEAD~1", "HEAD", "--save", "runs", "--seed", "1", "--format", "json")

    assert done.returncode == 1, done.stdout + done.stderr
    rows = {row["benchmark"]["name"]: row for row in json.loads(done.stdout)["report"]["judgements"]}
    assert list(rows) == [f"bench.py::{name}" for name in NAMES]
    slower = {name: row["verdict"] for name, row in rows.items() if row["verdict"] == "regression"}
    assert slower.keys() >= {f"bench.py::{name}" for name in ("func", "inner", "time_func", "late 400")}, rows
    assert rows["bench.py::command"]["verdict"] != "regression"

    base = codec.load_run((scripts.root / "runs" / "base.json").read_bytes(), name="base")
    level = {
        s.sli.benchmark.name: min(v for process in s.processes for v in process)
        for s in base.samples
        if s.sli.metric.name == "time"
    }
    assert level["bench.py::inner"] == pytest.approx(level["bench.py::func"], rel=0.4)
    assert 1.5 < level["bench.py::late 400"] / level["bench.py::late 200"] < 2.5
    said = {each.benchmark.name: dict(each.facts) for each in base.described}
    assert said["bench.py::func"] == {"origin": "a test", "kind": "call"}

    files = [str(tmp_path / f"{side}.json") for side in ("base", "head")]
    for side, path in zip(("base", "head"), files, strict=True):
        written = scripts.perfgate("convert", f"runs/{side}.json", "--to", "pyperf", "-o", path)
        assert written.returncode == 0, written.stderr
    command = [sys.executable, "-m", "pyperf", "compare_to", *files]
    theirs = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "perf/bench.py::func" in theirs.stdout  # what is slower by its own test of two unpaired samples is its say
    assert "Geometric mean" in theirs.stdout


def test_what_fails_in_a_script_fails_alone(project: Project) -> None:
    broken = (
        "import os\nimport pyperf\n\nrunner = pyperf.Runner()\nrunner.bench_func('good', sorted, [2, 1])\n"
        "def bad():\n    raise ValueError('out of cheese')\nrunner.bench_func('bad', bad)\n"
        "runner.bench_func('after', sorted, [2, 1])\nos.chdir('/')\n"
    )
    project.commit("base", perfgate_toml=CONFIG.replace("args", "# args"), bench_py=broken, lib_py=LIBRARY)

    done = project.perfgate("measure", "--processes", "2")

    run = codec.load_run(done.stdout.encode(), name="run")
    assert {s.sli.benchmark.name for s in run.samples} == {"bench.py::good", "bench.py::after"}
    (failure,) = run.failures
    assert (failure.benchmark.name, failure.text) == ("bench.py::bad", "ValueError: out of cheese")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("import pyperf\nr = pyperf.Runner()\nr.parse_args()\n", "no benchmarks found in bench.py"),
        ("import pyperf\nr = pyperf.Runner()\nr.argparser.error('wrong')\n", "it ended with status 2"),
        ("import nowhere\n", "No module named 'nowhere'"),
    ],
)
def test_a_script_that_cannot_be_read_to_its_end_is_refused(project: Project, script: str, said: str) -> None:
    project.commit("base", perfgate_toml=CONFIG.replace("args", "# args"), bench_py=script)

    done = project.perfgate("measure", "--processes", "2")

    assert done.returncode == 3
    assert said in done.stderr


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        ("raise OSError('no disk')\n", "OSError: no disk"),
        ("r.bench_func('a', len, [])\n", "duplicated"),
    ],
)
def test_what_a_script_offered_before_it_failed_is_measured_and_the_script_has_failed(
    project: Project, rest: str, said: str
) -> None:
    script = f"import pyperf\nr = pyperf.Runner()\nr.bench_func('a', sorted, [])\n{rest}"
    project.commit("base", perfgate_toml=CONFIG.replace("args", "# args"), bench_py=script)

    done = project.perfgate("compare", "HEAD", "HEAD", "--budget", "20s", "--effort", "1s")

    assert done.returncode == 3
    assert "1 failed · 1 unchanged" in done.stdout
    assert said in done.stdout


def test_without_pyperf_it_says_so(project: Project, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True)
    config = CONFIG + f'[build]\npython = "{tmp_path}/bare/bin/python"\n'
    project.commit("base", perfgate_toml=config, bench_py=SCRIPT, lib_py=LIBRARY)

    done = project.perfgate("measure", "--processes", "2")

    assert done.returncode == 3
    assert "pyperf is not installed in" in done.stderr


def test_a_directory_stands_for_the_scripts_in_it(project: Project) -> None:
    script = "import pyperf\npyperf.Runner().bench_func('{name}', sorted, [2, 1])\n"
    project.commit(
        "base",
        perfgate_toml=CONFIG.replace("bench.py", "bench").replace("args", "# args"),
        bench__a_py=script.format(name="a"),
        bench__b_py=script.format(name="b"),
        bench__helper_py="raise OSError('not a benchmark')\n",
    )

    done = project.perfgate("measure", "--processes", "1")

    run = codec.load_run(done.stdout.encode(), name="run")
    assert {s.sli.benchmark.name for s in run.samples} == {"bench/a.py::a", "bench/b.py::b"}
    assert run.failures == ()
