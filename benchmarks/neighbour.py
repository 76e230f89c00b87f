"""A bursting neighbour: keeps a CPU and its memory busy for a while, then rests, at random.

python -m benchmarks.neighbour SEED    until it is ended
"""

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

BURST_S = (0.05, 0.6)
REST_S = (0.05, 0.6)


@contextmanager
def neighbour(present: bool, *, seed: int = 1) -> Iterator[None]:
    """Keep a neighbour next door while the context lasts, if `present`."""
    if not present:
        yield
        return
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.neighbour", str(seed)])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def burst(rng: random.Random, block: bytearray) -> None:
    """Be busy on one CPU for a while, in and out of the cache."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {rng.choice(range(os.cpu_count() or 1))})
    end = time.monotonic() + rng.uniform(*BURST_S)
    while time.monotonic() < end:
        sum(block[:: rng.choice((64, 1024, 4096))])


def main(seed: int) -> None:
    """Burst and rest until ended, or until the parent is gone."""
    rng, block, parent = random.Random(seed), bytearray(32 * 2**20), os.getppid()
    while os.getppid() == parent:
        burst(rng, block)
        time.sleep(rng.uniform(*REST_S))


if __name__ == "__main__":
    main(int(sys.argv[1]))
