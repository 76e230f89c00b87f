"""Spread of a one-second block's log ratio by design, identical code; and what head's slowness does to base.

python -m benchmarks.load.designs [--blocks 80] [--starts 24] [--where calm neighbour]

In each start of both services every design gets its blocks, in random order: they share the same minutes.
"""

import argparse
import math
import random
import secrets
import tempfile
from pathlib import Path
from statistics import median, stdev

from benchmarks.load.planted import side, suite
from benchmarks.neighbour import neighbour
from perfgate.core.load.arrivals import Arrival, arrivals, constant, windows
from perfgate.core.load.histogram import histogram
from perfgate.core.load.tally import LATE_S, Answer
from perfgate.core.stats import paired
from perfgate.host.interrupt import Interrupts
from perfgate.measure.probe import Probe
from perfgate.measure.start import Stage, generator, loaded, serving
from perfgate.pipeline.probing import probe

RATE, BLOCK_S, STARTS = 125.0, 1.0, 4
JITTER = 0.4


def strict(rate: float, seconds: float, *, seed: int) -> list[Arrival]:
    """Return base, head, base, head, evenly."""
    rng = random.Random(seed)
    many = round(rate * seconds)
    return [
        Arrival((2 * call + place + rng.uniform(0, JITTER)) / (2 * rate), place, call)
        for call in range(many)
        for place in (0, 1)
    ]


def one_after_the_other(rate: float, seconds: float, *, seed: int) -> list[Arrival]:
    """Return all of one side, then all of the other."""
    return windows(rate, 2 * seconds, seed=seed, window_s=seconds)


DESIGNS = {
    "random within pairs": lambda seed: arrivals(constant(RATE, BLOCK_S), sides=2, seed=seed),
    "strict alternation": lambda seed: strict(RATE, BLOCK_S, seed=seed),
    "windows of 0.1 s": lambda seed: windows(RATE, BLOCK_S, seed=seed),
    "windows of 0.5 s": lambda seed: windows(RATE, BLOCK_S, seed=seed, window_s=0.46),
    "one after the other": lambda seed: one_after_the_other(RATE, BLOCK_S, seed=seed),
}


def block(answers: list[Answer], *, fair: bool) -> dict[str, float]:
    """Return the log ratios of one block."""
    late = {a.call for a in answers if a.sent_s - a.intended_s > LATE_S} if fair else set()
    sides = [[a.latency_s for a in answers if a.side == place and a.call not in late] for place in (0, 1)]
    seen = [histogram(values) for values in sides]
    found = {name: math.log(seen[1].quantile(q) / seen[0].quantile(q)) for name, q in (("p50", 0.5), ("p95", 0.95))}
    return found | {"mean": math.log(seen[1].mean / seen[0].mean)}


def spreads(where: str, blocks: int, root: Path, interrupts: Interrupts) -> None:
    """Print a row a design."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in DESIGNS}
    job = probe(root, "uvicorn", suite("uvicorn", "20s"))
    plan, stage = job.plan, stage_of(job, root, (1.0, 1.0), interrupts)
    rng = random.Random(1)
    with generator(interrupts) as agent:
        for start in range(STARTS):
            with serving(stage, seed=start, words=[]) as services:
                order = [name for name in DESIGNS for _ in range(blocks // STARTS)]
                rng.shuffle(order)
                for name in order:
                    planned = DESIGNS[name](rng.randrange(2**31))
                    load = {"arrivals": planned, "calls": [(0, -1)] * (1 + max(a.call for a in planned))}
                    seen = loaded(stage, agent, services, plan, load, seed=start)
                    found[name].append(block(seen.answers, fair=name == "random within pairs"))
    worst = stdev(each["p50"] for each in found["windows of 0.5 s"])
    for name, each in found.items():
        cells = [f"{100 * stdev(one[metric] for one in each):.1f} %" for metric in ("p50", "mean", "p95")]
        times = worst / stdev(one["p50"] for one in each)
        print(f"| {where} | {name} | {' | '.join(cells)} | {times:.1f} |", flush=True)


def cross_talk(root: Path, starts: int, interrupts: Interrupts) -> None:
    """Print what base's median does when head works more, or waits: against a start before or after it."""
    heads = {"the same": (1.0, 0.0), "+50 % CPU": (1.75, 0.0), "+5 ms": (1.0, 0.005)}
    found: dict[str, list[float]] = {name: [] for name in heads}
    job = probe(root, "uvicorn", suite("uvicorn", "20s"))
    with generator(interrupts) as agent:
        for seed in range(starts):
            for name in random.Random(seed).sample(list(heads), k=len(heads)):
                work, wait_s = heads[name]
                stage = stage_of(job, root, (1.0, work), interrupts, wait_s=wait_s)
                with serving(stage, seed=seed, words=[]) as services:
                    planned = arrivals(constant(RATE, 2.0), sides=2, seed=seed)
                    load = {"arrivals": planned, "calls": [(0, -1)] * len(planned)}
                    seen = loaded(stage, agent, services, job.plan, load, seed=seed)
                base = [a.latency_s for a in seen.answers if a.side == 0 and a.intended_s > 0.3]
                found[name].append(median(base))
    for name, each in found.items():
        against = [math.log(one / usual) for one, usual in zip(each, found["the same"], strict=True)]
        ratio, low, high = paired.interval(against, level=0.95) if name != "the same" else (1.0, 1.0, 1.0)
        cells = f"{100 * (ratio - 1):+.1f} % [{100 * (low - 1):+.1f}, {100 * (high - 1):+.1f}]"
        print(f"| {name} | {1e3 * median(each):.2f} ms | {cells} |", flush=True)


def stage_of(
    job: Probe, root: Path, works: tuple[float, float], interrupts: Interrupts, *, wait_s: float = 0.0
) -> Stage:
    """Return what starts base and head."""
    sides = (side(root, "base", work=works[0]), side(root, "head", work=works[1], wait_s=wait_s))
    return Stage(
        service=job.service,
        places=tuple(each.place for each in sides),
        ready=job.ready,
        url=job.url,
        data=None,
        timeout_s=job.timeout_s,
        mark=secrets.token_hex(4),
        interrupts=interrupts,
    )


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load.designs")
    parser.add_argument("--blocks", type=int, default=80, help="of each design")
    parser.add_argument("--starts", type=int, default=24, help="of each head, for the last table")
    parser.add_argument("--where", nargs="+", default=["calm", "neighbour"], choices=["calm", "neighbour"])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, Interrupts() as interrupts:
        print("| | design | p50 | mean | p95 | windows of 0.5 s / this, p50 |\n|---|---|---:|---:|---:|---:|")
        for where in given.where:
            with neighbour(where == "neighbour"):
                if given.blocks:
                    spreads(where, given.blocks, Path(home), interrupts)
        print("\n| head | base's p50 | against the same |\n|---|---:|---:|")
        cross_talk(Path(home), given.starts, interrupts)


if __name__ == "__main__":
    main()
