"""How often the interval of a p95 or p99 ratio holds the truth: two services that share a CPU, simulated.

python -m benchmarks.load.coverage [--runs 1000]

Requests come in pairs of random order, wait for each other, take log-normal times, and the CPU is taken away from them
in bursts; the two sides of a start differ by 2 % that are drawn anew in each. Head takes 20 % longer. The truth is the
mean log ratio over many more starts.
"""

import argparse
import math
from collections.abc import Callable

import numpy as np

from perfgate.core.load.arrivals import JITTER
from perfgate.core.load.tally import needed
from perfgate.core.stats import paired

SERVICE_S, SIGMA, SLOWER, OWN = 1e-3, 0.4, 1.2, 0.02
BURST_S, BURSTS = 6e-3, 3.0  # the CPU is gone for so long, so often a second
TRUTH_STARTS = 40_000
LEVELS = (0.95, 0.99)


def starts(rng: np.random.Generator, count: int, *, load: float, requests: int, bursty: bool) -> np.ndarray:
    """Return latencies (count, 2, requests): both sides of `count` starts at a utilisation `load`."""
    rate = load / (SERVICE_S * (1 + SLOWER))
    free = np.zeros(count)
    found = np.zeros((count, 2, requests))
    own = np.exp(OWN * rng.standard_normal((count, 2)))
    rows = np.arange(count)
    stolen = rng.exponential(1 / BURSTS, count) if bursty else np.full(count, np.inf)
    for call in range(requests):
        first = rng.integers(0, 2, count)
        for place in (0, 1):
            side = first if place == 0 else 1 - first
            at = (2 * call + place + rng.uniform(0, JITTER, count)) / (2 * rate)
            took = SERVICE_S * np.where(side == 1, SLOWER, 1.0) * own[rows, side]
            took = took * np.exp(SIGMA * rng.standard_normal(count) - SIGMA**2 / 2)
            begin = np.maximum(at, free)
            hit = stolen <= begin
            begin = np.where(hit, np.maximum(begin, stolen + BURST_S), begin)
            stolen = np.where(hit, stolen + BURST_S + rng.exponential(1 / BURSTS, count), stolen)
            free = begin + took
            found[rows, side, call] = free - at
    return found


def ratios(latencies: np.ndarray, q: float) -> np.ndarray:
    """Return (count,) log ratios of a quantile."""
    quantiles = np.quantile(latencies, q, axis=2)
    return np.asarray(np.log(quantiles[:, 1] / quantiles[:, 0]))


def main() -> None:
    """Print a row a situation."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load.coverage")
    parser.add_argument("--runs", type=int, default=1000)
    runs = parser.parse_args().runs
    rng = np.random.default_rng(20261121)
    interval: Callable[..., tuple[float, float, float]] = paired.interval
    print("| quantile | utilisation | bursts | requests a start | starts | 95 % holds | 99 % holds |")
    print("|---|---:|---|---:|---:|---:|---:|")
    for q, many in ((0.95, needed(0.95)), (0.95, 250), (0.99, needed(0.99))):
        for load in (0.3, 0.5, 0.7):
            for bursty in (False, True):
                truth = ratios(starts(rng, TRUTH_STARTS // 4, load=load, requests=many, bursty=bursty), q).mean()
                for count in (6, 12):
                    seen = ratios(starts(rng, runs * count, load=load, requests=many, bursty=bursty), q)
                    holds = [
                        np.mean(
                            [
                                low <= math.exp(truth) <= high
                                for _, low, high in (
                                    interval(list(row), level=level) for row in seen.reshape(runs, count)
                                )
                            ]
                        )
                        for level in LEVELS
                    ]
                    cells = " | ".join(f"{100 * share:.1f} %" for share in holds)
                    what = "yes" if bursty else "no"
                    print(f"| p{100 * q:.0f} | {load:.0%} | {what} | {many} | {count} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
