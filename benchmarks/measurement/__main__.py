"""Turn-taking pairs against the other ways to measure, in one run, in the same minutes.

    python -m benchmarks.measurement [--quick] [--only designs|stock]

Two tables: the spread of a pair by design, calm and beside a bursting neighbour; and the spread of the estimated
effect on a library's own benchmarks against stock pytest-benchmark.
"""

import argparse
import json
import math
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from scipy.stats import binom

from benchmarks.library import CATTRS
from benchmarks.neighbour import neighbour
from perfgate.core.comparison import pair_effect
from perfgate.core.model import Design
from perfgate.core.ports import Place
from perfgate.core.schedule import PairDraw, Turns, draw_pair, turns_for
from perfgate.core.stats.paired import effect
from perfgate.host import cpus
from perfgate.host.agent import Message
from perfgate.host.interrupt import Interrupts
from perfgate.measure import scout
from perfgate.measure.crew import crew
from perfgate.measure.turns import Pairing, Reading, environ_of, run_pair
from perfgate.runners.pytest_benchmark import PytestBenchmark

MARK = "benchmarks-measurement"
TIMEOUT_S = 60.0

Effects = dict[str, list[float]]


class Subject:
    """One side's directory and how its benchmarks are started."""

    def __init__(self, root: Path, paths: tuple[str, ...], interrupts: Interrupts) -> None:
        path = f"{root / 'src'}:{root}"
        environ = (("PYTHONPATH", path), ("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1"))  # the machine's other plugins
        self.runner = PytestBenchmark(paths=paths, args=("-p", "pytest_benchmark.plugin"))
        self.place = Place(root=str(root), python=sys.executable, environ=environ)
        self.launch = self.runner.launch(self.place, names=())
        self.interrupts = interrupts

    def plan(self) -> dict[str, Turns]:
        """Run every benchmark once and plan its turns."""
        draw = draw_pair(0, "plan", 0, cpus=())
        found = scout.survey(
            self.launch, draw, calibrate=True, timeout_s=TIMEOUT_S, mark=MARK, interrupts=self.interrupts
        )
        assert not found.errors, found.errors
        assert not found.journey.troubles, found.journey.troubles
        return {name: turns_for(found.iteration_s[name]) for name in found.names}


def pair_effects(
    base: Subject, head: Subject, plans: dict[str, Turns], draw: PairDraw, design: Design, *, layout: bool = True
) -> dict[str, float]:
    """Run one pair and return each benchmark's log ratio."""
    pairing = Pairing(
        suite="", launches=(base.launch, head.launch), design=design, timeout_s=TIMEOUT_S, mark=MARK, draw_layout=layout
    )
    result = run_pair(pairing, draw, plans, interrupts=base.interrupts)
    assert not result.troubles, result.troubles
    return {
        name: pair_effect(design, sides[0].values["time"], sides[1].values["time"])
        for name, sides in result.readings.items()
    }


def together(subject: Subject, plans: dict[str, Turns], draw: PairDraw) -> dict[str, float]:
    """Run one pair with both sides at once, each wherever the system puts it: what duet benchmarking does."""
    launches = [(subject.launch, environ_of(draw))] * 2
    found: dict[str, float] = {}
    with crew(launches, mark=MARK, interrupts=subject.interrupts) as people:
        people.meet()

        def visit(name: str, states: Sequence[Message]) -> None:
            turns, readings = plans[name], [Reading(), Reading()]
            for turn in range(turns.warmup + turns.count):
                for agent in people.agents:
                    agent.send(do="turn", loops=turns.loops)
                for side, agent in enumerate(people.agents):
                    readings[side].add(side, agent.receive(timeout_s=TIMEOUT_S), keep=turn >= turns.warmup)
            found[name] = pair_effect(Design.TURNS, readings[0].values["time"], readings[1].values["time"])

        people.travel(tuple(plans), visit, cpu=None, timeout_s=TIMEOUT_S)
    return found


def gather(pairs: int, measure: dict[str, Callable[[PairDraw], dict[str, float]]], seed: int) -> dict[str, Effects]:
    """Run every way to measure in turn, `pairs` times, so that all meet the same minutes."""
    effects: dict[str, Effects] = {way: {} for way in measure}
    for number in range(pairs):
        draw = draw_pair(seed, "measurement", number, cpus=cpus.allowed())
        for way, run in measure.items():
            for name, value in run(draw).items():
                effects[way].setdefault(name, []).append(value)
    return effects


def designs(pairs: int, where: Path, interrupts: Interrupts) -> None:
    """Print the spread of a pair by design."""
    root = where / "workloads"  # away from this project's own pytest configuration
    shutil.copytree(Path(__file__).parent / "suite", root, dirs_exist_ok=True)
    subject = Subject(root, ("bench_sizes.py",), interrupts)
    plans = subject.plan()
    print(f"\n## Spread of a pair's log ratio by design: {len(plans)} workloads, {pairs} pairs each, identical code\n")
    print("| | design | median of workloads | worst | sequential / this |\n|---|---|---:|---:|---:|")
    for present in (False, True):
        ways: dict[str, Callable[[PairDraw], dict[str, float]]] = {
            "turns, layout drawn": lambda d: pair_effects(subject, subject, plans, d, Design.TURNS),
            "turns, layout left": lambda d: pair_effects(subject, subject, plans, d, Design.TURNS, layout=False),
            "sequential, layout drawn": lambda d: pair_effects(subject, subject, plans, d, Design.SEQUENTIAL),
            "sequential, layout left": lambda d: pair_effects(
                subject, subject, plans, d, Design.SEQUENTIAL, layout=False
            ),
            "both at once on two CPUs": lambda d: together(subject, plans, d),
        }
        with neighbour(present):
            effects = gather(pairs, ways, seed=11 + present)
        spread = {way: {n: statistics.stdev(v) for n, v in found.items()} for way, found in effects.items()}
        where = "neighbour" if present else "calm"
        for way, found in spread.items():
            other = spread[f"sequential, layout {'left' if 'left' in way else 'drawn'}"]
            ratio = statistics.median(other[name] / found[name] for name in found)
            worst, middle = max(found.values()), statistics.median(found.values())
            print(f"| {where} | {way} | {middle:.2%} | {worst:.2%} | {ratio:.2f} |", flush=True)


def stock_effects(root: Path, names: Sequence[str], seconds: float, scratch: Path) -> dict[str, float]:
    """Run stock pytest-benchmark on base, then on head, and return each benchmark's log ratio of the medians."""
    medians = []
    for side in ("base", "head"):
        output = scratch / f"{side}.json"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:codspeed", "bench"]
        options = [f"--benchmark-json={output}", f"--benchmark-max-time={seconds}", f"--rootdir={root}"]
        environ = {"PYTHONPATH": f"{root / 'src'}", "PATH": "/usr/bin:/bin"}
        subprocess.run([*command, *options], cwd=root, env=environ, check=True, stdout=subprocess.DEVNULL)
        found = json.loads(output.read_text())["benchmarks"]
        medians.append({bench["fullname"]: bench["stats"]["median"] for bench in found})
    return {name: math.log(medians[1][name] / medians[0][name]) for name in names}


def stock(runs: int, pairs: int, where: Path, interrupts: Interrupts) -> None:
    """Print the spread of the estimated effect beside stock pytest-benchmark's, at equal time."""
    root = CATTRS.fetch(where)
    subject = Subject(root, ("bench",), interrupts)
    plans = subject.plan()
    print(f"\n## {CATTRS.name}'s {len(plans)} benchmarks, identical code on both sides, {runs} runs\n")
    rows: dict[str, list[float]] = {"turns": [], "stock": []}
    took = {"turns": 0.0, "stock": 0.0}
    fired = tests = 0
    for number in range(runs):
        start = time.monotonic()
        ways = {"turns": lambda d: pair_effects(subject, subject, plans, d, Design.TURNS)}
        effects = gather(pairs, ways, seed=100 + number)["turns"]
        took["turns"] += time.monotonic() - start
        for values in effects.values():
            found = effect(values)
            rows["turns"].append(found.mean)
            fired += found.p_above(0.0) < 0.05
            tests += 1
        each = (time.monotonic() - start) / (2 * len(plans)) * 0.85  # the rest is its own calibration
        start = time.monotonic()
        rows["stock"] += stock_effects(root, list(plans), each, where).values()
        took["stock"] += time.monotonic() - start
    low, high = binom.ppf(0.005, tests, 0.05), binom.ppf(0.995, tests, 0.05)
    print("| | spread of the effect | above +5 % | time |\n|---|---:|---:|---:|")
    for way, values in rows.items():
        above = sum(value > math.log(1.05) for value in values) / len(values)
        print(f"| {way} | {statistics.stdev(values):.2%} | {above:.1%} | {took[way]:.0f} s |")
    print(f"\nstock / turns: {statistics.stdev(rows['stock']) / statistics.stdev(rows['turns']):.1f}")
    print(f"one-sided .05 test fired {fired} of {tests} (99 % binomial bounds {low:.0f} to {high:.0f})", flush=True)


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.measurement", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer pairs: a look, not a claim")
    parser.add_argument("--only", choices=["designs", "stock"])
    parser.add_argument("--cache", type=Path, help="where the library is kept between runs")
    given = parser.parse_args()
    start = time.monotonic()
    with Interrupts() as interrupts, tempfile.TemporaryDirectory() as scratch:
        where = given.cache or Path(scratch)
        where.mkdir(parents=True, exist_ok=True)
        if given.only in (None, "designs"):
            designs(6 if given.quick else 20, where, interrupts)
        if given.only in (None, "stock"):
            stock(2 if given.quick else 5, 8, where, interrupts)
    print(f"\n{time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
