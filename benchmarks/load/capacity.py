"""The search for a capacity, repeated: the same code on both sides, then head with a tenth less.

python -m benchmarks.load.capacity [--runs 6]
"""

import argparse
import math
import tempfile
from pathlib import Path
from statistics import mean, stdev

from benchmarks.load.planted import side, suite
from perfgate.core.judge import judge
from perfgate.core.policy import Policy
from perfgate.host.git import Repository
from perfgate.host.interrupt import Interrupts
from perfgate.measure.session import Effort, measure_pairs
from perfgate.pipeline.probing import probe

LESS = 1 / 0.9  # the work of a request, so that a tenth fewer are served


def main() -> None:
    """Search, and print a row a run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load.capacity")
    parser.add_argument("--runs", type=int, default=6)
    given = parser.parse_args()
    table = suite("uvicorn", "20s").model_copy(update={"search": "capacity"})
    levels: dict[str, list[float]] = {"same": [], "less": []}
    print("| | capacity of base | of head | change | verdict |\n|---|---:|---:|---|---|")
    with tempfile.TemporaryDirectory() as home, Interrupts() as interrupts:
        for number in range(given.runs):
            for label in ("same", "less"):
                # Whole requests are to be 1/.9 as long: the rest of a request is not scaled by WORK.
                work = 1.0 if label == "same" else 1 + (LESS - 1) / SHARE
                runs = measure_pairs(
                    Repository(Path(), interrupts=interrupts),
                    side(Path(home), "base"),
                    side(Path(home), "head", work=work),
                    [probe(Path(home), "uvicorn", table)],
                    Policy(),
                    Effort(budget_s=300, seed=number),
                    interrupts=interrupts,
                    watch=lambda _: None,
                )
                (row,) = (r for r in judge(*runs, Policy()) if r.sli and r.sli.metric.name == "capacity")
                assert row.comparison is not None
                c = row.comparison
                levels[label].append(math.log(c.change.ratio))
                ratio, low, high = (100 * (each - 1) for each in (c.change.ratio, c.change.low, c.change.high))
                change = f"{ratio:+.1f} % [{low:+.1f}, {high:+.1f}]"
                print(f"| {label} | {c.base:,.0f}/s | {c.head:,.0f}/s | {change} | {row.verdict} |", flush=True)
    for label, found in levels.items():
        print(f"\n{label}: {100 * (math.exp(mean(found)) - 1):+.1f} % on average, spread {100 * stdev(found):.1f} %")


SHARE = 0.82  # what WORK is of a saturated request: 17 % more of it took 12.2 % of the capacity

if __name__ == "__main__":
    main()
