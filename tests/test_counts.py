"""What is counted and not timed: instructions, calls, allocations, statements; real valgrind, real databases."""

import json
import re
import shutil
import subprocess
import sys
from typing import Any

import pytest

from tests.live import BENCHMARK, LIBRARY, Project

CONFIG = """\
[suite.benchmarks]
metrics = {metrics}

[[rule]]
sli = "*:instructions"
limit = "0.3%"
[[rule]]
sli = "*:time"
critical = false
"""
needs_valgrind = pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed: .ci/tools")
SPIN = "benchmarks/test_lib.py::test_spin"


def rows(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    """SLI to row of a JSON report."""
    found = json.loads(done.stdout)["report"]["judgements"]
    return {
        f"{r['benchmark']['suite']}/{r['benchmark']['name']}:{r['sli']['metric']['name']}": r for r in found if r["sli"]
    }


@needs_valgrind
def test_half_a_percent_more_work_is_seen_in_the_instructions_and_the_same_code_is_the_same(project: Project) -> None:
    project.put("perfgate.toml", CONFIG.format(metrics='["instructions", "calls"]'))
    project.commit("base", lib_py=LIBRARY, test_lib_py=BENCHMARK)
    project.commit("head", lib_py=LIBRARY.replace("range(n)", "range(n + n // 200)"))

    done = project.perfgate("compare", "HEAD~1", "HEAD", "--seed", "1", "--format", "json", "--save", "runs")

    assert done.returncode == 1, done.stdout + done.stderr
    found = rows(done)
    assert found[f"{SPIN}:instructions"]["verdict"] == "regression"
    change = found[f"{SPIN}:instructions"]["comparison"]["change"]["ratio"]
    assert 1.003 < change < 1.007
    assert found[f"{SPIN}:calls"]["verdict"] == "pass"
    others = {name: row["verdict"] for name, row in found.items() if "test_other" in name}
    assert others[SPIN.replace("spin", "other") + ":instructions"] == "pass"
    text = project.perfgate("compare", "runs/base.json", "runs/head.json")
    assert re.search(r"instructions (repeat within [\d.]+ %|were the same in all)", text.stdout), text.stdout


def test_calls_and_memory_are_counted_exactly(project: Project) -> None:
    project.put("perfgate.toml", CONFIG.format(metrics='["calls", "allocations", "peak-memory"]'))
    base = "def work(n):\n    return [bytes(2000) for _ in range(n)]\n"
    test = "from work import work\n\n\ndef test_work(benchmark):\n    benchmark(work, 50)\n"
    project.commit("base", work_py=base, test_work_py=test)
    more = "def work(n):\n    return [bytes(max(2000, len(str(i)))) for i in range(n + n // 10)]\n"
    project.commit("head", work_py=more)

    done = project.perfgate("compare", "HEAD~1", "HEAD", "--seed", "1", "--format", "json")

    found = {name.rpartition(":")[2]: row for name, row in rows(done).items()}
    assert done.returncode == 1, done.stdout + done.stderr
    # Types are no functions: what is called more is `max` and `len`, for each of 55.
    base_calls, head_calls = (found["calls"]["comparison"][side] for side in ("base", "head"))
    assert head_calls - base_calls == 2 * 55
    assert found["peak-memory.own"]["verdict"] == "regression"
    assert found["peak-memory.own"]["comparison"]["change"]["ratio"] == pytest.approx(1.1, abs=0.02)


DATABASE = """\
import sqlite3

from sqlalchemy import create_engine, text

engine = create_engine("{url}")


def setup():
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY, name TEXT)"))
        connection.execute(text("DELETE FROM items"))
        for number in range(10):
            connection.execute(text("INSERT INTO items VALUES (:id, :name)"), {{"id": number, "name": "x"}})


def names():
    with engine.connect() as connection:
        return [row[0] for row in connection.execute(text("SELECT name FROM items"))]
"""
LAZY = """
def names():
    with engine.connect() as connection:
        ids = [row[0] for row in connection.execute(text("SELECT id FROM items"))]
        return [connection.execute(text("SELECT name FROM items WHERE id = :id"), {"id": i}).scalar() for i in ids]
"""
ASKS = """\
import pytest
import db


@pytest.fixture(scope="module", autouse=True)
def items():
    db.setup()


def test_names(benchmark):
    assert benchmark(db.names) == ["x"] * 10
"""


def n_plus_one(project: Project, url: str) -> subprocess.CompletedProcess[str]:
    project.put("perfgate.toml", CONFIG.format(metrics='["queries"]'))
    before = DATABASE.format(url=url)
    project.commit("base", db_py=before, test_db_py=ASKS)
    project.commit("head", db_py=before[: before.index("def names")] + LAZY.lstrip())
    return project.perfgate("compare", "HEAD~1", "HEAD", "--seed", "1")


def test_an_n_plus_one_is_blocked_with_its_statement_and_its_caller(project: Project) -> None:
    done = n_plus_one(project, "sqlite://")

    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"regression +\S+test_names:queries +1 → 11 ", done.stdout), done.stdout
    assert re.search(r"regression +\S+test_names:queries.repeated +0 → 9 ", done.stdout), done.stdout
    assert "SELECT name FROM items WHERE id = ?, from db.py:" in done.stdout


def test_an_n_plus_one_on_postgresql_is_blocked_likewise(project: Project, dsn: str) -> None:
    done = n_plus_one(project, dsn.replace("postgresql://", "postgresql+psycopg://"))

    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"regression +\S+test_names:queries.repeated +0 → 9 ", done.stdout), done.stdout
    assert re.search(r"SELECT name FROM items WHERE id = \S+, from db.py:\d+ in ", done.stdout), done.stdout


def test_statements_of_sqlite3_itself_are_counted_once(project: Project) -> None:
    project.put("perfgate.toml", CONFIG.format(metrics='["queries"]'))
    code = (
        "import sqlite3\n\nconnection = sqlite3.connect(':memory:')\n\n\ndef ask():\n"
        "    return [connection.execute('SELECT ' + str(n)).fetchone() for n in (1, 2, 3)]\n"
    )
    test = "from ask import ask\n\n\ndef test_ask(benchmark):\n    benchmark(ask)\n"
    project.commit("base", ask_py=code, test_ask_py=test)
    project.commit("head", ask_py=code.replace("(1, 2, 3)", "(1, 2)"))

    done = project.perfgate("compare", "HEAD~1", "HEAD", "--seed", "1", "--format", "json")

    found = {name.rpartition(":")[2]: row for name, row in rows(done).items()}
    assert [found["queries"]["comparison"][side] for side in ("base", "head")] == [3, 2]
    assert found["queries"]["verdict"] == "improvement"


def test_what_cannot_be_counted_is_no_pass(project: Project, tmp_path: Any) -> None:
    once = "def test_once(benchmark):\n    benchmark.pedantic(sorted, ([2, 1],), rounds=1)\n"
    project.put("perfgate.toml", CONFIG.format(metrics='["calls"]'))
    project.commit("base", test_once_py=once)

    done = project.perfgate("measure", "--processes", "2")

    run = json.loads(done.stdout)["run"]
    (failure,) = run["failures"]
    assert failure["text"] == "calls could not be counted: it may be run 1 times in one process, 3 are needed"
    against = project.perfgate("compare", "HEAD", "--seed", "1")
    assert against.returncode == 3, against.stdout  # although the time alone would only warn
    (tmp_path / "git").symlink_to(shutil.which("git") or "git")
    project.put("perfgate.toml", CONFIG.format(metrics='["instructions"]'))
    without = project.perfgate("measure", "--processes", "2", PATH=str(tmp_path))
    assert without.returncode == 3
    assert "valgrind is not installed" in without.stderr
    assert sys.executable


def test_sizes_of_what_was_built_are_compared_exactly(project: Project) -> None:
    project.put(
        "perfgate.toml",
        '[build]\nsetup = ["mkdir -p out && cp big.txt out/a.bin && cp lib.py out/b.bin"]\nisolate = "none"\n'
        '[suite.size]\nrunner = "size"\nbenchmarks = { bundle = "out/*.bin", nothing = "out/*.exe" }\n',
    )
    project.put("big.txt", "x" * 10_000)
    project.commit("base", lib_py="a = 1\n")
    project.put("big.txt", "x" * 10_500)
    project.commit("head")

    done = project.perfgate("compare", "HEAD~1", "HEAD")

    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"regression +size/bundle:bytes +9.77 KiB → 10.3 KiB", done.stdout), done.stdout
    assert re.search(r"failed +size/nothing\s+nothing-measured on head: no file is called out/\*.exe", done.stdout)


@needs_valgrind
def test_instructions_of_a_command_and_its_children(project: Project) -> None:
    project.put(
        "perfgate.toml",
        '[suite.cli]\nrunner = "command"\nmetrics = ["instructions"]\n'
        'benchmarks = { shell = "sh run.sh" }\n[[rule]]\nsli = "*:time"\ncritical = false\n',
    )
    loop = "i=0; while [ $i -lt {} ]; do i=$((i+1)); done; /bin/true\n"
    project.put("run.sh", loop.format(2000))
    project.commit("base")
    project.put("run.sh", loop.format(2200))
    project.commit("head")

    done = project.perfgate("compare", "HEAD~1", "HEAD", "--seed", "1", "--format", "json")

    found = rows(done)["cli/shell:instructions"]
    assert found["verdict"] == "regression", done.stdout
    assert found["comparison"]["base"] > 500_000
    assert 1.02 < found["comparison"]["change"]["ratio"] < 1.1
