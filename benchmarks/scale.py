"""What perfgate itself needs for very many SLIs, beside the least that any program would need for the same.

python -m benchmarks.scale [--slis 10000] [--processes 60] [--turns 40] [--live 1000]

Each row is a process of its own, which makes its data first and then does the work once: seconds of the work, and the
process's peak memory, data included. The floor of judging is one pass over the values: the logarithm of their ratio,
its median in each pair, and each side's median in each process, in numpy, from one array. Of reading it is the JSON
parser that turns the same bytes into Python's own lists.

Last, so many benchmarks live in one suite, nothing new, under one budget; what they need at least is the time in which
they ran.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from perfgate import codec

MAKE = """
import gc, json, resource, sys, time
gc.set_threshold(200_000, 20, 20)  # as perfgate's own process has it
import numpy as np
from perfgate.core.model import TIME, Benchmark, Design, Environment, Method, Revision, Run, Sample, Sli
from perfgate.core.policy import Policy
from perfgate.core.processes import Processes

slis, processes, turns = map(int, sys.argv[1:])
rng = np.random.default_rng(1)

def side(shift):
    samples = []
    for number in range(slis):
        values = np.exp(rng.normal(np.log(1e-3 * (1 + number % 50)) + shift, 0.01, (processes, turns)))
        samples.append(Sample(
            sli=Sli(benchmark=Benchmark(suite="s", name=f"test_{number}"), metric=TIME),
            processes=Processes(values), pairs=tuple(range(processes)), design=Design.TURNS, planned=processes,
            pair_s=0.1,
        ))
    return Run(
        revision=Revision(label="x", commit="0" * 40), environment=Environment(facts=()), samples=tuple(samples),
        measurement="m", method=Method(seed=1, budget_s=600, took_s=60, overhead_s=1, startup_s=1),
    )

def arrays():
    return [np.exp(rng.normal(0, 0.01, (slis * processes, turns))) for _ in range(2)]
"""
DONE = """
seconds = time.perf_counter() - start
print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""
WORK = {
    "floor: one pass": """
base, head = arrays()
start = time.perf_counter()
np.median(np.log(head / base), axis=1), np.median(base, axis=1), np.median(head, axis=1)
""",
    "compare and judge": """
from perfgate.core.report import report
base, head = side(0.0), side(0.0)
start = time.perf_counter()
report(base, head, Policy(), repeat="", version="0")
""",
    "floor: parse": """
from perfgate import codec
from pydantic_core import from_json
data = codec.dump_run(side(0.0)).encode()
start = time.perf_counter()
from_json(data)
""",
    "read a run": """
from perfgate import codec
codec.LARGEST = 2**40
data = codec.dump_run(side(0.0)).encode()
start = time.perf_counter()
codec.load_run(data, name="run")
""",
    **{
        f"render {name}": f"""
from perfgate import registry
from perfgate.core.report import report
made = report(side(0.0), side(0.0), Policy(), repeat="", version="0")
render = registry.renderer({name!r})
start = time.perf_counter()
render(made)
"""
        for name in ("text", "markdown", "json", "junit")
    },
}


def run(work: str, *size: int) -> tuple[float, float]:
    """Return seconds and MiB of a piece of work."""
    argv = [sys.executable, "-c", MAKE + WORK[work] + DONE, *map(str, size)]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    seconds, mib = json.loads(done.stdout)
    return seconds, mib


SOURCE = """
import pytest

def work(n):
    return sum(i * i for i in range(n))

@pytest.mark.parametrize("n", range(100, 100 + {many}))
def test_work(benchmark, n):
    benchmark(work, n)
"""


def live(many: int) -> None:
    """Run one suite of `many` benchmarks and print what it took."""
    with tempfile.TemporaryDirectory() as home:
        root = Path(home)
        (root / "test_many.py").write_text(SOURCE.format(many=many))
        (root / "perfgate.toml").write_text('[suite.s]\npaths = ["test_many.py"]\n[perfgate]\nbudget = "10m"\n')
        git = ["git", "-c", "user.name=b", "-c", "user.email=b@localhost"]
        for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "-m", "many"]):
            subprocess.run([*git, *command], cwd=root, check=True)
        argv = [sys.executable, "-m", "perfgate", "compare", "HEAD", "HEAD", "--format", "json", "-o", "report.json"]
        subprocess.run(argv, cwd=root, check=True, capture_output=True)
        report = codec.load_report((root / "report.json").read_bytes(), name="report")
    assert report.method is not None
    pairs = max(len(row.comparison.log_ratios) for row in report.judgements if row.comparison)
    ran_s = report.method.took_s - report.method.overhead_s
    words = ", ".join(f"{count:,} {verdict}" for verdict, count in report.counts.items())
    print(f"\n{many:,} benchmarks live: {words}; {report.method.took_s:.0f} s, {pairs} pairs of processes, of which")
    print(f"{ran_s:.0f} s in benchmarks: {report.method.took_s / ran_s:.1f} times what they need at least")


def main() -> None:
    """Print a row a piece of work, a tenth as large and whole."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale")
    parser.add_argument("--slis", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=60)
    parser.add_argument("--turns", type=int, default=40)
    parser.add_argument("--live", type=int, default=1000)
    given = parser.parse_args()
    tenth = max(1, given.slis // 10)
    print(f"| | {tenth:,} SLIs | {given.slis:,} SLIs | times | peak | of its floor |\n|---|---:|---:|---:|---:|---:|")
    floor = 0.0
    for work in WORK:
        # Files of so many values are refused by size: they are read with a sixth of the processes.
        processes = given.processes if "judge" in work or "pass" in work else max(1, given.processes // 6)
        few, many = run(work, tenth, processes, given.turns), run(work, given.slis, processes, given.turns)
        floor = many[0] if work.startswith("floor") else floor
        of_it = "" if work.startswith(("floor", "render")) else f"{many[0] / floor:.1f}"
        print(
            f"| {work} | {few[0]:.2f} s | {many[0]:.2f} s | {many[0] / few[0]:.1f} | {many[1]:,.0f} MiB | {of_it} |",
            flush=True,
        )
    if given.live:
        live(given.live)


if __name__ == "__main__":
    main()
