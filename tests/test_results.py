"""Benchmark programs of other languages, in pairs: what each run printed is read."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.live import Project

PROGRAM = """\
import random
import sys

import level

print("goos: linux")
for name, factor in level.FACTORS.items():
    for _ in range(2):
        ns = 1000 * factor * random.lognormvariate(0, 0.01)
        print(f"Benchmark{name} 100 {ns:.3f} ns/op {level.ALLOCATIONS} allocs/op {2 * factor} widgets/op")
level.end()
"""
LEVEL = "FACTORS = {'A': 1, 'B': 2}\nALLOCATIONS = 3\n\n\ndef end():\n    pass\n"
CONFIG = '[suite.go]\nrunner = "command"\nreads = "go"\ntimeout = "20s"\nbenchmarks = { p = "%s program.py" }\n'


def project_of(project: Project, head: str, base: str = LEVEL) -> Project:
    project.put("perfgate.toml", CONFIG % sys.executable)
    project.put("program.py", PROGRAM)
    project.commit("base", level_py=base)
    project.commit("head", level_py=head)
    return project


def verdicts(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    rows = json.loads(done.stdout)["report"]["judgements"]
    return {
        f"{r['benchmark']['name']}:{r['sli']['metric']['name'] if r['sli'] else ''}": (r["verdict"], r["text"])
        for r in rows
    }


def test_runs_of_a_program_are_pairs_and_its_benchmarks_are_judged(project: Project) -> None:
    project_of(project, LEVEL.replace("'B': 2", "'B': 2.4"))

    done = project.perfgate("compare", "HEAD~1", "HEAD", "--seed", "1", "--format", "json", "--save", "runs")

    assert done.returncode == 1, done.stdout + done.stderr
    found = {name: verdict for name, (verdict, _) in verdicts(done).items()}
    assert found["p/BenchmarkB:time"] == "regression"
    assert found["p/BenchmarkB:widgets-op"] == "regression"
    assert found["p/BenchmarkA:time"] == "pass"
    assert found["p/BenchmarkA:allocations"] == "pass"
    text = project.perfgate("compare", "runs/base.json", "runs/head.json")
    assert "pairs of fresh processes, one after the other" in text.stdout


def test_what_a_program_lost_or_failed_is_no_pass(project: Project) -> None:
    project_of(project, LEVEL.replace("'A': 1, ", "").replace("pass", "sys_exit = 1"))

    done = project.perfgate("compare", "HEAD~1", "HEAD", "--seed", "1", "--format", "json")

    assert verdicts(done)["p/BenchmarkA:"][0] == "missing", verdicts(done)
    assert done.returncode == 3


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (LEVEL.replace("pass", "raise SystemExit('out of cheese')"), "exit status 1: out of cheese"),
        (LEVEL.replace("pass", "print('BenchmarkC 1 x ns/op')"), "'x' is not a number"),
        ("import time\n" + LEVEL.replace("pass", "time.sleep(60)"), "no answer within 1 s"),
    ],
)
def test_a_program_that_fails_says_why(project: Project, head: str, said: str) -> None:
    project_of(project, head)
    project.put("perfgate.toml", CONFIG.replace("20s", "1s") % sys.executable)

    done = project.perfgate("compare", "HEAD~1", "HEAD", "--seed", "1", "--format", "json")

    assert done.returncode == 3, done.stdout + done.stderr
    rows = verdicts(done)
    assert {verdict for verdict, _ in rows.values()} == {"failed"}
    assert all(said in text for _, text in rows.values()), rows


def test_one_side_alone_and_a_program_that_is_not_there(project: Project) -> None:
    project_of(project, LEVEL)
    alone = project.perfgate("measure", "--processes", "3")
    run = json.loads(alone.stdout)["run"]
    assert {len(s["processes"]) for s in run["samples"]} == {3}

    project.put("perfgate.toml", CONFIG % "no-such-program")
    missing = project.perfgate("measure", "--processes", "3")
    assert missing.returncode in (0, 3)
    assert "No such file or directory" in missing.stdout + missing.stderr
    project.put("perfgate.toml", CONFIG.replace('"go"', '"gone"') % "x")
    unknown = project.perfgate("measure")
    assert unknown.returncode == 2
    assert "nothing installed provides 'gone'" in unknown.stderr


def test_a_metric_that_head_renamed_is_missing_and_new_and_a_skip_is_skipped(project: Project) -> None:
    skipping = PROGRAM + "print('--- SKIP: BenchmarkS')\n"
    project_of(project, LEVEL)
    project.put("program.py", skipping)
    project.commit("skips")
    project.put("program.py", skipping.replace("widgets/op", "things/op"))
    project.commit("renamed")

    done = project.perfgate("compare", "HEAD~1", "HEAD", "--seed", "1", "--format", "json")

    found = {name: verdict for name, (verdict, _) in verdicts(done).items()}
    assert found["p/BenchmarkA:time"] == "pass", done.stdout + done.stderr
    assert (found["p/BenchmarkA:widgets-op"], found["p/BenchmarkA:things-op"]) == ("missing", "new")
    assert found["p/BenchmarkS:"] == "skipped"
