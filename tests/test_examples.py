"""Every example runs: the console blocks of its README, word by word, and the exit code that it promises."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live import Project

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = {
    "quickstart": ("regression .*test_long", "unchanged .*test_split"),
    "stored-baseline": (r"regression .*test_long.*limit 5 %\)",),
    "github-action": ("regression .*test_slug:time",),
    "service": (
        r"regression +shop/orders:queries.repeated +0 → 9",
        r"    repeated 9 times in one request: SELECT name FROM products WHERE id = \?, from app.py:29 in name_of",
    ),
    "locust": (r"regression +flows/GET look:latency.p50",),
    "pyperf": (r"regression +words/bench_words.py::count:time", r"unchanged +words/bench_words.py::longest:time"),
    "exact-metrics": (
        r"regression +micro/\S+test_order:queries.repeated +0 → 9 ",
        r"    SELECT name FROM products WHERE id = \?, from one_by_one.py:7 in name",
    ),
    "other-languages": (
        r"regression +go/sums/example.org/sums.BenchmarkSum\S*:time",
        r"unchanged +go/sums/example.org/sums.BenchmarkSum\S*:allocations",
    ),
    "upgrade-a-dependency": (r"regression +read/test_read.py::test_read:time",),
    "own-reader": (r"inconclusive +stopwatch/parse:time +12.2 ms → 14.2 ms",),
    "command": ("regression .*cli/version:time", "regression .*cli/version:peak-memory"),
}
"""Lines that each report must show."""
PASSES = ("own-reader",)
NEEDS = {"other-languages": ("go", "g++", "node")}


def commands(page: Path) -> list[str]:
    """Return the lines after `$` in the page's console blocks."""
    blocks = re.findall(r"```console\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


def test_every_example_is_tested() -> None:
    assert {path.parent.name for path in (ROOT / "examples").glob("*/README.md")} == set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_does_what_its_readme_says(name: str, tmp_path: Path) -> None:
    if missing := [tool for tool in NEEDS.get(name, ()) if shutil.which(tool) is None]:
        pytest.skip(f"{missing[0]} is missing: run .ci/tools")
    place = tmp_path / name
    shutil.copytree(ROOT / "examples" / name, place, ignore=shutil.ignore_patterns("__pycache__"))
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    *before, last = commands(place / "README.md")
    for line in before:
        subprocess.run(["bash", "-c", line], cwd=place, env=environ, check=True)

    done = subprocess.run(["bash", "-c", last], cwd=place, env=environ, check=False, capture_output=True, text=True)

    assert done.returncode == (0 if name in PASSES else 1), done.stdout + done.stderr
    for line in EXAMPLES[name]:
        assert re.search(f"^  {line}", done.stdout, flags=re.MULTILINE), done.stdout


def test_the_demo_finds_the_guilty_one_and_its_interval_holds_the_truth(tmp_path: Path) -> None:
    from perfgate.cli.demo_project import GUILTY_BENCHMARK, TRUE_EFFECT

    (tmp_path / "here").mkdir()
    here = Project(tmp_path / "here" / "anywhere")
    done = here.perfgate("demo", "--keep", "made", "--seed", "7")

    assert done.returncode == 1, done.stdout + done.stderr
    first, *_ = done.stdout.splitlines()
    assert first == "❌ 1 regression · 7 unchanged"
    found = re.search(
        rf"regression  benchmarks/{re.escape(GUILTY_BENCHMARK)}:time .* \[\+(\d+\.?\d*), \+(\d+\.?\d*)\]", done.stdout
    )
    assert found, done.stdout
    assert float(found[1]) - 0.5 <= 100 * TRUE_EFFECT <= float(found[2]) + 0.5
    assert (here.root / "made" / "wordlib.py").exists()
    assert "again: perfgate compare" in done.stdout
    assert "cd made && perfgate compare HEAD~" in done.stdout
    again = here.perfgate("demo", "--keep", "made")
    assert (again.returncode, "is there already" in again.stderr) == (2, True)
