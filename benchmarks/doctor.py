"""Whether the smallest visible effect that `perfgate doctor` foretells is what a comparison then blocks.

python -m benchmarks.doctor [--runs 10]

The doctor looks at twenty benchmarks for a minute and a half. Then each run plants in four of them a third more than
what was foretold for each, in four others a third less; what was foretold is right where of the first at least 95 % are
blocked and of the second fewer. Bounds are exact (Clopper-Pearson, 95 % two-sided).
"""

import argparse
import os
import random
import re
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.decision.live import CONFIG, TWENTY, Repository, share
from perfgate.config.load import load
from perfgate.core.fitness import Fitness
from perfgate.core.verdict import Verdict
from perfgate.host.interrupt import Interrupts
from perfgate.pipeline.doctor import see
from perfgate.pipeline.workshop import Workshop

PLANTED = {"a third more": 4 / 3, "a third less": 2 / 3}
EACH = 4  # benchmarks a run


def foretold(root: Path, seed: int) -> Fitness:
    """Let the doctor look."""
    with Interrupts() as interrupts:
        shop = Workshop(
            directory=root,
            load_config=lambda root: load(root, environ=os.environ),
            interrupts=interrupts,
            watch=lambda _: None,
            seed=seed,
        )
        return see(shop, seconds=90).fitness


def workload(name: str) -> str:
    """Return what is between the brackets of a test's name; empty where there are none."""
    found = re.search(r"\[(.*)\]", name)
    return found[1] if found else ""


def main() -> None:
    """Print a row a size."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.doctor")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=20261122)
    given = parser.parse_args()
    rng, caught = random.Random(given.seed), dict.fromkeys(PLANTED, 0)
    with tempfile.TemporaryDirectory() as home:
        repository = Repository(Path(home) / "project", CONFIG, TWENTY)
        found = foretold(repository.root, given.seed)
        sees = {workload(sight.sli.benchmark.name): sight.visible or 0.0 for sight in found.sights}
        print(
            f"foretold: from {min(sees.values()):.1%} to {max(sees.values()):.1%}, median {median(sees.values()):.1%}"
        )
        for number in range(given.runs):
            chosen = rng.sample(sorted(sees), EACH * len(PLANTED))
            kinds = {name: list(PLANTED)[place // EACH] for place, name in enumerate(chosen)}
            repository.commit({})
            repository.commit({name: sees[name] * PLANTED[kind] for name, kind in kinds.items()})
            for row in repository.compare(seed=rng.randrange(2**31)).judgements:
                if kind := kinds.get(workload(row.benchmark.name)):
                    caught[kind] += row.verdict is Verdict.REGRESSION
            print(f"  {number + 1} of {given.runs}: {caught}", flush=True)
    print("\n| planted, against what was foretold | blocked |\n|---|---|")
    for kind, count in caught.items():
        print(f"| {kind} | {share(count, EACH * given.runs)} |")


if __name__ == "__main__":
    main()
