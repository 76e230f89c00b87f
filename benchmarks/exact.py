"""Instructions of one benchmark: half a percent more work at limit 0.3 %, and identical code.

python -m benchmarks.exact [--same 10] [--more 6]

Each run is a commit of a project with six benchmarks; identical code is a commit that changes nothing, more work is one
unit more than 200 in one of them, drawn at random.
"""

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.decision.live import share

UNITS = 200
BENCHMARKS = """\
import json
import re

import pytest

from amounts import AMOUNTS

DOCUMENT = json.dumps({"rows": [{"id": i, "name": "row %d" % i} for i in range(5)]})
WORDS = re.compile(r"(\\w+)\\s(\\w+)")
NUMBERS = [(7919 * i) % 101 for i in range(40)]


def loop():
    total = 0
    for i in range(20):
        total += i * i
    return total


def calls():
    return [str(i) for i in range(10)]


def parse():
    return json.loads(DOCUMENT)


def match():
    return WORDS.findall("the quick brown fox jumps")


def order():
    return sorted(NUMBERS)


def table():
    return {number: index for index, number in enumerate(NUMBERS)}


WORK = {work.__name__: work for work in (loop, calls, parse, match, order, table)}


@pytest.mark.parametrize("name", WORK)
def test_work(benchmark, name):
    work, units = WORK[name], AMOUNTS.get(name, 200)

    def run():
        for _ in range(units):
            work()

    benchmark(run)
"""
CONFIG = """\
[suite.s]
paths = ["test_work.py"]
args = ["-p", "no:codspeed"]
metrics = [{metrics}]
[[rule]]
sli = "*:instructions"
limit = "0.3%"
[[rule]]
sli = "*:time"
critical = false
"""
NAMES = ("loop", "calls", "parse", "match", "order", "table")


def git(root: Path, *args: str) -> None:
    """Run git in the project."""
    who = ["-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost"]
    subprocess.run(["git", *who, *args], cwd=root, check=True, capture_output=True)


def commit(root: Path, amounts: dict[str, int]) -> None:
    """Commit how many units each benchmark does."""
    (root / "amounts.py").write_text(f"AMOUNTS = {amounts!r}\n")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--allow-empty", "-m", "change")


def compared(root: Path, seed: int) -> tuple[dict[str, tuple[str, float]], float]:
    """Run the gate on the last commit; return benchmark to verdict and ratio of its instructions, and the seconds."""
    start = time.monotonic()
    command = ["perfgate", "compare", "HEAD~1", "HEAD", "--seed", str(seed), "--effort", "500ms", "--format", "json"]
    done = subprocess.run([sys.executable, "-m", *command], cwd=root, check=False, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise SystemExit(f"perfgate ended with {done.returncode}:\n{done.stderr}")
    rows = json.loads(done.stdout)["report"]["judgements"]
    found = {
        row["benchmark"]["name"]: (row["verdict"], row["comparison"]["change"]["ratio"])
        for row in rows
        if row["sli"] and row["sli"]["metric"]["name"] == "instructions"
    }
    return found, time.monotonic() - start


def main() -> None:
    """Print what was seen of nothing, what of half a percent, and what it costs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.exact")
    parser.add_argument("--same", type=int, default=10, help="runs of six benchmarks")
    parser.add_argument("--more", type=int, default=6)
    given = parser.parse_args()
    rng, blocked, looked, caught, alone = random.Random(5), 0, 0, 0, 0
    moved, seen, took = 0.0, [], []
    with tempfile.TemporaryDirectory() as made:
        root = Path(made) / "project"
        root.mkdir()
        git(root, "init", "--quiet", "--initial-branch=main")
        (root / "test_work.py").write_text(BENCHMARKS)
        (root / "perfgate.toml").write_text(CONFIG.format(metrics='"instructions"'))
        commit(root, {})
        for number in range(given.same):
            commit(root, {})
            found, seconds = compared(root, number)
            blocked += sum(verdict == "regression" for verdict, _ in found.values())
            looked += len(found)
            moved = max([moved, *(abs(ratio - 1) for _, ratio in found.values())])
            took.append(seconds)
            print(f"  same {number + 1}/{given.same}: {seconds:.0f} s", file=sys.stderr, flush=True)
        for number in range(given.more):
            guilty = rng.choice(NAMES)
            commit(root, {})
            commit(root, {guilty: UNITS + 1})
            found, seconds = compared(root, number)
            red = {name for name, (verdict, _) in found.items() if verdict == "regression"}
            caught += any(f"[{guilty}]" in name for name in red)
            alone += len(red) == 1
            seen.append(next(ratio for name, (_, ratio) in found.items() if f"[{guilty}]" in name) - 1)
            print(f"  {guilty} +0.5 %: {red} {100 * seen[-1]:+.2f} %", file=sys.stderr, flush=True)
        (root / "perfgate.toml").write_text(CONFIG.format(metrics=""))
        commit(root, {})
        commit(root, {})
        without = compared(root, 1)[1]
        shutil.rmtree(root)
    print("| | blocked | instructions moved by | a run |\n|---|---|---|---:|")
    usual = sorted(took)[len(took) // 2]
    print(f"| identical code | {share(blocked, looked)} | at most {100 * moved:.4f} % | {usual:.0f} s |")
    least, most = 100 * min(seen), 100 * max(seen)
    print(f"| +0.5 % of one | {share(caught, given.more)} | {least:+.2f} to {most:+.2f} % | |")
    print(f"\nnothing else was blocked in {alone} of {given.more}; without instructions a run takes {without:.0f} s")


if __name__ == "__main__":
    main()
