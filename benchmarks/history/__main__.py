"""Are changes of level found, and is noise left alone? perfgate's own detector beside two others, on the same series.

    python -m benchmarks.history [--series 50]

Real series that people marked (sap-hana-small-2021, CC-BY-4.0, see its README), synthetic ones whose truth is known,
and the time for 500 series of 10,000 points. Every detector's changes count from 2 % on, whatever it thinks itself.
"""

import argparse
import csv
import math
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import ruptures
from numpy.random import Generator, default_rng
from numpy.typing import NDArray
from scipy.stats import beta

from perfgate.core.baseline import StoredRun
from perfgate.core.history import trends
from perfgate.core.levels import Level
from perfgate.core.model import TIME, Benchmark, Environment, Sli
from perfgate.core.policy import Policy
from perfgate.core.stats.changepoint import steps

Array = NDArray[np.float64]
Detector = Callable[[Array], list[int]]

DATA = Path(__file__).parent / "sap-hana-small-2021"
NEAR = 5  # points
SMALLEST = 0.02
LENGTH = 200
SIZES = (0.03, 0.05, 0.10)
SPREAD = 0.01


def perfgate(values: Array) -> list[int]:
    """Return where perfgate sees a change."""
    return [step.at for step in steps(values.tolist())]


def pelt(values: Array) -> list[int]:
    """Return where ruptures' PELT sees a change of the mean log, with a BIC penalty and a robust noise estimate."""
    logs = np.log(values)
    differences = np.diff(logs)
    sigma = 1.4826 * float(np.median(np.abs(differences - np.median(differences)))) / math.sqrt(2)
    found = ruptures.KernelCPD(kernel="linear", min_size=5).fit(logs.reshape(-1, 1))
    return list(found.predict(pen=3 * math.log(len(logs)) * max(sigma, 1e-9) ** 2))[:-1]


def t_test(values: Array, *, window: int = 12, threshold: float = 7.0) -> list[int]:
    """Return where a t-test of the 12 values before with the 12 from here on is above 7, at its peak.

    After Mozilla's perfherder (treeherder/perfalert, `analyze`), without its weights.
    """
    logs = np.log(values)
    scores = np.zeros(len(logs))
    for i in range(window // 2, len(logs) - window // 2):
        before, after = logs[max(0, i - window) : i], logs[i : i + window]
        pooled = (before.var() * len(before) + after.var() * len(after)) / (len(before) + len(after) - 2)
        error = math.sqrt(max(pooled, 1e-18) * (1 / len(before) + 1 / len(after)))
        scores[i] = abs(after.mean() - before.mean()) / error
    found, i = [], 0
    while i < len(logs):
        end = i
        while end < len(logs) and scores[end] > threshold:
            end += 1
        if end > i:
            found.append(i + int(np.argmax(scores[i:end])))
        i = end + 1
    return found


DETECTORS: dict[str, Detector] = {"perfgate": perfgate, "PELT": pelt, "t-test": t_test}


def changes(detector: Detector, values: Array) -> list[int]:
    """Return the changes of at least 2 % that a detector sees, by the medians of 30 values on both sides."""
    found = detector(values)
    return [at for at in found if abs(_size(values, at, found)) >= math.log1p(SMALLEST)]


def _size(values: Array, at: int, found: Sequence[int]) -> float:
    start = max([other for other in found if other < at], default=0)
    end = min([other for other in found if other > at], default=len(values))
    before, after = values[max(start, at - 30) : at], values[at : min(end, at + 30)]
    return math.log(float(np.median(after)) / float(np.median(before)))


def labelled() -> list[tuple[str, Array, int | None]]:
    """Return (kind, values, index of the first slow value) of the marked series."""
    rows = (DATA / "metadata" / "dataset_details.csv").read_text().splitlines()[1:]
    marks = {name: (kind.strip(), int(at)) for kind, name, at in (row.split(";") for row in rows if row)}
    found = []
    for path in sorted((DATA / "data").glob("*.csv")):
        with path.open() as file:
            table = list(csv.DictReader(file))
        kind, mark = marks[path.name]
        indices = [int(row["Index"]) for row in table]
        at = indices.index(mark) + 1 if kind == "regression" else None
        found.append((kind, np.array([float(row["Measurement"]) for row in table]), at))
    return found


def noise(kind: str, rng: Generator, n: int) -> Array:
    """Return (n,) log values of a series on which nothing happens."""
    calm = rng.normal(0, SPREAD, n)
    match kind:
        case "skewed":
            return rng.exponential(SPREAD, n)
        case "heavy tails":
            return rng.standard_t(3, n) * 0.7 * SPREAD
        case "bimodal":
            return rng.normal(0, 0.4 * SPREAD, n) + 0.06 * (rng.random(n) < 0.3)
        case "sticky":
            for i in range(1, n):
                calm[i] += 0.5 * calm[i - 1]
        case "outliers":
            calm += (rng.random(n) < 0.05) * rng.exponential(0.3, n)
        case "bursts":
            for start in rng.choice(n // 10 - 1, max(1, n // 100), replace=False) * 10:
                calm[start : start + rng.integers(2, 5)] += 0.2
        case "daily":
            calm += SPREAD * np.sin(np.arange(n) * 2 * np.pi / 24)
        case "weekend":
            calm += SPREAD * ((np.arange(n) // 10) % 7 > 4)
        case "noisier":
            calm[n // 2 :] *= 3
    return calm


CLEAN = (
    "normal", "skewed", "heavy tails", "bimodal", "sticky", "outliers", "bursts", "daily", "weekend", "noisier",
)  # fmt: skip


def bounds(hits: int, n: int) -> str:
    """Return "hits of n [exact 95 % bounds]"."""
    low = beta.ppf(0.025, hits, n - hits + 1) if hits else 0.0
    high = beta.ppf(0.975, hits + 1, n - hits) if hits < n else 1.0
    return f"{hits} of {n} [{100 * low:.1f}, {100 * high:.1f} %]"


def real() -> None:
    """Print what is found on the marked series."""
    series = labelled()
    print("### 25 series of SAP HANA that people marked\n")
    print("| | marked regressions found | series without one that were alarmed |\n|---|---:|---:|")
    for name, detector in DETECTORS.items():
        found = [(at, changes(detector, values), values) for _, values, at in series]
        hits = sum(any(abs(seen - at) <= NEAR for seen in places) for at, places, _ in found if at is not None)
        marked = sum(at is not None for at, _, _ in found)
        alarms = sum(
            any(_size(values, seen, places) > 0 for seen in places) for at, places, values in found if at is None
        )
        print(f"| {name} | {hits} of {marked} | {alarms} of {len(series) - marked} |")


def synthetic(count: int) -> None:
    """Print false alarms on clean series, and detection of steps of known size."""
    print(f"\n### Synthetic series of {LENGTH} points, {count} of each kind: noise of 1 %, steps of 3, 5 and 10 %\n")
    head = " | ".join(f"{name}: false, found, F1" for name in DETECTORS)
    print(f"| noise | {head} |\n|---|{'---|' * len(DETECTORS)}")
    totals = dict.fromkeys(DETECTORS, 0)
    scores: dict[str, list[float]] = {name: [] for name in DETECTORS}
    for number, kind in enumerate(CLEAN):
        cells = []
        for name, detector in DETECTORS.items():
            rng = default_rng([number, 1])
            false = sum(bool(changes(detector, np.exp(noise(kind, rng, LENGTH)))) for _ in range(count))
            hits = wrong = 0
            for size in SIZES:
                for _ in range(count):
                    at = int(rng.integers(30, LENGTH - 30))
                    values = noise(kind, rng, LENGTH)
                    values[at:] += math.log1p(size) * rng.choice([-1, 1])
                    places = changes(detector, np.exp(values))
                    hit = any(abs(seen - at) <= NEAR for seen in places)
                    hits += hit
                    wrong += len(places) - hit
            f1 = 2 * hits / (2 * hits + wrong + len(SIZES) * count - hits)
            totals[name] += false
            scores[name].append(f1)
            cells.append(f"{false}, {100 * hits / (len(SIZES) * count):.0f} %, {f1:.2f}")
        print(f"| {kind} | {' | '.join(cells)} |")
    n = count * len(CLEAN)
    print(f"| all | {' | '.join(f'{bounds(totals[d], n)}, F1 {statistics.mean(scores[d]):.2f}' for d in DETECTORS)} |")
    drifting(count)
    levels(4 * count)
    ranged(4 * count)
    creeping(count)
    epochs(count)


def levels(count: int) -> None:
    """Print how many of the steps between short levels are found, and of faint ones between long levels.

    Three to five levels in a series, of 5 to 9 runs or of 60 to 150, each so many standard deviations from the last.
    """
    print(f"\n### Steps between short levels and faint steps between long ones: found, in {count} series each\n")
    names = " | ".join(f"{name}: found, wrong a series" for name in DETECTORS)
    print(f"| levels | step | {names} |\n|---|---:|{'---:|' * len(DETECTORS)}")
    for runs, spread, near, sizes in (((5, 10), 0.01, 2, (5, 8, 15)), ((60, 150), 0.03, 8, (0.8, 1, 1.3, 2))):
        for size in sizes:
            cells = []
            for detector in DETECTORS.values():
                rng, hits, wrong, planted = default_rng([runs[0], int(10 * size)]), 0, 0, 0
                for _ in range(count):
                    lengths = rng.integers(*runs, rng.integers(3, 6))
                    moves = rng.choice([-1, 1], len(lengths) - 1) * size * spread
                    logs = np.repeat(np.cumsum([0, *moves]), lengths) + spread * rng.standard_normal(lengths.sum())
                    truth, seen = np.cumsum(lengths)[:-1], detector(np.exp(logs))
                    planted += len(truth)
                    hits += sum(any(abs(at - place) <= near for at in seen) for place in truth)
                    wrong += sum(all(abs(at - place) > near for place in truth) for at in seen)
                cells.append(f"{100 * hits / planted:.0f} %, {wrong / count:.2f}")
            print(f"| {runs[0]} to {runs[1] - 1} runs | {size:g} sd | {' | '.join(cells)} |")


def ranged(count: int) -> None:
    """Print how often the range that a change is said to lie in does not hold the run that it began with.

    Sixty runs, a step in the middle, and within three runs behind it one that is as slow as those before.
    """
    print("\n### A slow run right behind a step: of so many the range does not hold the truth\n")
    print("| step | noise 0.2 % | noise 1 % | noise 2 % |\n|---|---:|---:|---:|")
    for size in (0.10, 0.20, 1.0):
        cells = []
        for spread in (0.002, 0.01, 0.02):
            rng = default_rng([int(1000 * size), int(1000 * spread)])
            missed = outside = 0
            for _ in range(count):
                logs = spread * rng.standard_normal(60)
                logs[30:] -= math.log1p(size)
                logs[30 + rng.integers(1, 4)] += math.log1p(size)
                found = [
                    step for step in steps(np.exp(logs).tolist()) if step.earliest - NEAR <= 30 <= step.latest + NEAR
                ]
                missed += not found
                outside += bool(found) and not any(step.earliest <= 30 <= step.latest for step in found)
            cells.append(f"{outside} of {count - missed}" + (f" ({missed} not found)" if missed else ""))
        print(f"| {100 * size:g} % | {' | '.join(cells)} |")


def creeping(count: int) -> None:
    """Print how often a doubling is missed in a series that drifts, and what a long one of the kind costs."""
    print(f"\n### A doubling in the middle of {LENGTH} runs that drift: missed, of {count}\n")
    print("| drift a run | noise 0.02 % | noise 0.05 % | noise 0.3 % |\n|---|---:|---:|---:|")
    for drift in (0.0002, 0.0005, 0.001):
        cells = []
        for spread in (0.0002, 0.0005, 0.003):
            rng = default_rng([int(1e5 * drift), int(1e5 * spread)])
            missed = 0
            for _ in range(count):
                logs = drift * np.arange(LENGTH) + spread * rng.standard_normal(LENGTH)
                logs[LENGTH // 2 :] += math.log(2)
                missed += not any(abs(step.at - LENGTH // 2) <= 1 for step in steps(np.exp(logs).tolist()))
            cells.append(str(missed))
        print(f"| {100 * drift:g} % | {' | '.join(cells)} |")
    rng = default_rng(3)
    for length in (200, 400, 800):
        values = np.exp(0.0005 * np.arange(length) + 0.0005 * rng.standard_normal(length)).tolist()
        began = time.perf_counter()
        steps(values)
        print(f"\n{length} runs that drift: {time.perf_counter() - began:.3f} s")


def drifting(count: int) -> None:
    """Print how often a slow drift of 10 % is called a step, which it is not: the drift budget watches it."""
    cells = []
    for name, detector in DETECTORS.items():
        rng = default_rng(7)
        ramp = np.linspace(0, math.log1p(0.1), LENGTH)
        called = sum(bool(changes(detector, np.exp(noise("normal", rng, LENGTH) + ramp))) for _ in range(count))
        cells.append(f"{name} {called} of {count}")
    print(f"\nA drift of 10 % over the whole series called a step: {', '.join(cells)}.")


def epochs(count: int) -> None:
    """Print how often a new machine, 30 % slower, is called a change: perfgate compares within one environment."""
    alarms = 0
    sli = Sli(benchmark=Benchmark(suite="s", name="b"), metric=TIME)
    for number in range(count):
        values = np.exp(noise("normal", default_rng(number), LENGTH))
        values[LENGTH // 2 :] *= 1.3
        runs = [
            StoredRun(
                commit=str(i), suite="s", committed="", started="",
                environment=Environment(facts=(("cpu", str(i >= LENGTH // 2)),)),
                levels={sli: Level(median=value, low=value, high=value, n=1)},
            )
            for i, value in enumerate(values.tolist())
        ]  # fmt: skip
        found = trends(runs, {str(i): i for i in range(LENGTH)}, Policy(), None)
        alarms += any(trend.shifts for trend in found)
    print(f"A new machine in the middle, 30 % slower, called a change by `perfgate history`: {alarms} of {count}.")


def speed(series: int = 500, points: int = 10_000) -> None:
    """Print the seconds for many long series, each with a step every thousand points."""
    rng = default_rng(3)
    table = [np.exp(noise("normal", rng, points)) for _ in range(series)]
    for values in table:
        for at in range(1000, points, 1000):
            values[at:] *= rng.choice([0.95, 1 / 0.95])
    data = [values.tolist() for values in table]
    start = time.perf_counter()
    found = sum(len(steps(values)) for values in data)
    took = time.perf_counter() - start
    planted = series * (points // 1000 - 1)
    print(f"\n### Speed\n\n{series} series of {points:,} points: {took:.1f} s; {found:,} of {planted:,} steps told.")


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--series", type=int, default=50)
    chosen = parser.parse_args()
    real()
    synthetic(chosen.series)
    speed()


if __name__ == "__main__":
    main()
