"""A pyperf script of ten benchmarks, identical code: perfgate's pairs beside pyperf's own processes.

python -m benchmarks.pyperf_pairs [--runs 20] [--processes 12]

pyperf measures base's processes, then head's, as `pyperf compare_to` wants them; the i-th of each are taken for a pair.
The spread is the standard deviation of the pairs' log ratios. Then the gate is run on identical code, again and again.
"""

import argparse
import json
import math
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import fmean, median, stdev

from benchmarks.decision.live import share
from benchmarks.exact import commit, git

SCRIPT = """\
import json
import re

import pyperf

import amounts

assert amounts.AMOUNTS == {}
TEXT = "the quick brown fox jumps over the lazy dog " * 20
DATA = {"rows": [{"id": i, "name": "row %d" % i} for i in range(20)]}
DOCUMENT = json.dumps(DATA)
NUMBERS = [(7919 * i) % 1009 for i in range(500)]


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def loop(n):
    total = 0
    for i in range(n):
        total += i * i
    return total


def primes(n):
    sieve = bytearray([1]) * n
    for i in range(2, int(n**0.5) + 1):
        if sieve[i]:
            sieve[i * i :: i] = bytes(len(range(i * i, n, i)))
    return sum(sieve)


runner = pyperf.Runner()
runner.bench_func("fib", fib, 12)
runner.bench_func("loop", loop, 1000)
runner.bench_func("primes", primes, 2000)
runner.bench_func("loads", json.loads, DOCUMENT)
runner.bench_func("dumps", json.dumps, DATA)
runner.bench_func("sorted", sorted, NUMBERS)
runner.bench_func("findall", re.compile(r"\\w+ (\\w)").findall, TEXT)
runner.timeit("comprehension", "[x * 2 for x in data]", setup="data = list(range(500))")
runner.timeit("join", "' '.join(words)", setup="words = 'a b c d e f g'.split() * 40")
runner.timeit("format", "['%d-%s' % (i, i) for i in range(100)]")
"""
CONFIG = '[suite.s]\nrunner = "pyperf"\npaths = ["bench.py"]\n'


def by_pyperf(root: Path, processes: int) -> dict[str, float]:
    """Return benchmark to the spread of the log ratios of pyperf's i-th processes."""
    sides = []
    for name in ("base", "head"):
        out = root.parent / f"{name}.json"
        options = ["-p", str(processes), "-n", "3", "-w", "1", "--min-time", "0.01", "--quiet", "-o", str(out)]
        command = [sys.executable, "bench.py", *options]
        subprocess.run(command, cwd=root, check=True, stdout=subprocess.DEVNULL)
        file = json.loads(out.read_text())
        common = file.get("metadata", {})
        sides.append(
            {
                (common | each["metadata"])["name"]: [fmean(run["values"]) for run in each["runs"] if "values" in run]
                for each in file["benchmarks"]
            }
        )
    base, head = sides
    return {
        name: stdev(math.log(two / one) for one, two in zip(values, head[name], strict=True))
        for name, values in base.items()
    }


def compared(root: Path, seed: int) -> tuple[dict[str, float], int, float]:
    """Run the gate; return benchmark to the spread of its pairs, how many were blocked, and the seconds."""
    command = ["perfgate", "compare", "HEAD~1", "HEAD", "--seed", str(seed), "--format", "json"]
    done = subprocess.run([sys.executable, "-m", *command], cwd=root, check=False, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise SystemExit(f"perfgate ended with {done.returncode}:\n{done.stderr}")
    report = json.loads(done.stdout)["report"]
    spreads = {
        row["benchmark"]["name"].partition("::")[2]: stdev(row["comparison"]["log_ratios"])
        for row in report["judgements"]
        if row["comparison"]
    }
    return spreads, sum(row["blocks"] for row in report["judgements"]), report["method"]["took_s"]


def main() -> None:
    """Print both spreads and how often identical code was blocked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pyperf_pairs")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--processes", type=int, default=12)
    given = parser.parse_args()
    blocked, took, ours = 0, [], {}
    with tempfile.TemporaryDirectory() as made:
        root = Path(made) / "project"
        root.mkdir()
        git(root, "init", "--quiet", "--initial-branch=main")
        (root / "bench.py").write_text(SCRIPT)
        (root / "perfgate.toml").write_text(CONFIG)
        commit(root, {})
        theirs = by_pyperf(root, given.processes)
        for number in range(given.runs):
            commit(root, {})
            spreads, red, seconds = compared(root, number)
            for name, spread in spreads.items():
                ours.setdefault(name, []).append(spread)
            blocked += red > 0
            took.append(seconds)
            print(f"  {number + 1}/{given.runs}: {seconds:.0f} s, {red} blocked", file=sys.stderr, flush=True)
        shutil.rmtree(root)
    print("| benchmark | pyperf | perfgate's pairs | pyperf / perfgate |\n|---|---:|---:|---:|")
    ratios = []
    for name, spread in theirs.items():
        own = median(ours[name])
        ratios.append(spread / own)
        print(f"| {name} | {100 * spread:.2f} % | {100 * own:.2f} % | {ratios[-1]:.1f} |")
    print(f"\nmedian of pyperf / perfgate: {median(ratios):.1f}")
    print(f"identical code blocked in {share(blocked, given.runs)} runs of {median(took):.0f} s")


if __name__ == "__main__":
    main()
