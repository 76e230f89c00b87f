"""What is blocked when the time budget ends early, live: budgets of a quarter, a half and all of what a suite needs.

    python -m benchmarks.decision.budgets [--runs 20] [--same 20]

A suite of 20 benchmarks, of which one does 10 or 30 % more of its own work, or none does, beside two and beside six
loops that keep the CPUs busy. What the suite needs is what a run with 10 % in it takes without a budget's end, beside
the same loops. The limit is 3 %. The bounds are exact (Clopper-Pearson, 95 % two-sided).
"""

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.decision.live import STRICTER, TWENTY, Repository, name_of, share
from perfgate.core.verdict import Verdict

SHARES = {"a quarter": 0.25, "a half": 0.5, "all": 1.0}
PLANTED = {"+10 %": 0.10, "+30 %": 0.30}


@contextmanager
def busy(loops: int) -> Iterator[None]:
    """Keep the CPUs busy."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(loops)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def run(scratch: Path, rng: random.Random, more: float, budget_s: float) -> tuple[bool, bool, float]:
    """Return whether the guilty one was blocked, whether anything else was, and the seconds that it took."""
    root = scratch / "project"
    repository = Repository(root, STRICTER, TWENTY)
    guilty = rng.choice(TWENTY) if more else ""
    repository.commit({guilty: more} if guilty else {})
    report = repository.compare(seed=rng.randrange(2**31), budget=f"{budget_s:.0f}s")
    blocked = {name_of(row) for row in report.judgements if row.verdict is Verdict.REGRESSION}
    shutil.rmtree(root)
    return guilty in blocked, bool(blocked - {guilty}), report.method.took_s if report.method else 0.0


def main() -> None:
    """Print a row for each load and budget."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.decision.budgets", description=__doc__)
    parser.add_argument("--runs", type=int, default=20, help="of each planted size")
    parser.add_argument("--same", type=int, default=20, help="in which nothing changed")
    parser.add_argument("--loops", type=int, nargs="*", default=[2, 6])
    parser.add_argument("--budgets", nargs="*", default=list(SHARES), choices=SHARES)
    parser.add_argument("--seed", type=int, default=20261130)
    given = parser.parse_args()
    rng, start = random.Random(given.seed), time.monotonic()
    print(f"| busy loops | budget | {' | '.join(f'{name} blocked' for name in PLANTED)} | nothing new: blocked |")
    print("|---:|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        for loops in given.loops:
            with busy(loops):
                _, _, needs_s = run(Path(scratch), rng, PLANTED["+10 %"], 1200)
                for name in given.budgets:
                    cells, innocent = [], 0
                    for more in PLANTED.values():
                        found = [run(Path(scratch), rng, more, SHARES[name] * needs_s) for _ in range(given.runs)]
                        cells.append(share(sum(guilty for guilty, _, _ in found), given.runs))
                        innocent += sum(other for _, other, _ in found)
                    same = [run(Path(scratch), rng, 0.0, SHARES[name] * needs_s) for _ in range(given.same)]
                    innocent += sum(other for _, other, _ in same)
                    cells.append(share(innocent, given.same + len(PLANTED) * given.runs))
                    print(f"| {loops} | {name}, {SHARES[name] * needs_s:.0f} s | {' | '.join(cells)} |", flush=True)
    print(f"\n{time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
