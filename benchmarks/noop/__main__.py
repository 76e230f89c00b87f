"""What edits that change nothing do to benchmarks: the bias that pairs cannot average out.

    python -m benchmarks.noop [--pythons PYTHON ...] [--shims before=DIRECTORY] [--replay]

Twenty-odd kinds of edits (`edits`) that leave what the benchmarks run as it was, over the suites of `suites`: fifty
workloads and an extension module in C, one of them alone, and the benchmarks of two libraries that others wrote. Each
kind is measured in pairs against the code before it. Of each benchmark the t statistic of its effect is taken: over all
benchmarks their root mean square is about 1 where nothing but chance moves them. Which one is moved most is asked of
the first half of the pairs, and by how much of the other, so that it is not chance that is chosen. `--shims` measures
the same pairs with other code of perfgate inside the benchmarks' processes, in the same minutes.

What was measured is kept in out/noop.jsonl, a line for each cell of the table, and not measured again: so it can be
ended at any time and goes on where it was. `--replay` prints the table alone.
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
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

import numpy as np

from benchmarks.measurement.__main__ import MARK, TIMEOUT_S
from benchmarks.neighbour import neighbour
from benchmarks.noop.edits import ANYWHERE, KINDS, WORST
from benchmarks.noop.suites import SUITES, Suite
from perfgate.core.comparison import pair_effect
from perfgate.core.model import Design
from perfgate.core.ports import Launch, Place
from perfgate.core.schedule import Turns, draw_pair, turns_for
from perfgate.core.stats.paired import effect
from perfgate.host import cpus
from perfgate.host.interrupt import Interrupts
from perfgate.measure import scout
from perfgate.measure.turns import Pairing, run_pair
from perfgate.runners.pytest_benchmark import PytestBenchmark


def made(home: Path, kind: str, suite: Suite) -> Path:
    """Make the side that has an edit of this kind; return its directory."""
    side = home / (f"side-{list(KINDS).index(kind):02}" + "-with-a-much-longer-path" * (kind == "longer path"))
    suite.make(side)
    KINDS[kind](side, [side / module for module in suite.modules])
    return side


def started(suite: Suite, side: Path, python: str, shims: Path | None) -> Launch:
    """Return how to start the benchmarks of a side, with other shims if there are some."""
    environ = (("PYTHONPATH", f"{side / 'src'}:{side}"), ("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1"))
    runner = PytestBenchmark(paths=suite.paths, args=("-p", "pytest_benchmark.plugin"))
    launch = runner.launch(Place(root=str(side), python=python, environ=environ), names=())
    if shims is None:
        return launch
    script = str(shims / Path(launch.argv[1]).name)
    return Launch(argv=(launch.argv[0], script, *launch.argv[2:]), cwd=launch.cwd, environ=launch.environ)


def planned(launch: Launch, interrupts: Interrupts) -> dict[str, Turns]:
    """Run each benchmark once; return the turns of all that take turns well."""
    draw = draw_pair(0, "plan", 0, cpus=())
    found = scout.survey(launch, draw, calibrate=True, timeout_s=TIMEOUT_S, mark=MARK, interrupts=interrupts)
    assert not found.complaints, found.complaints
    assert not found.journey.troubles, found.journey.troubles
    return {name: turns_for(found.iteration_s[name]) for name in found.names if "command" not in name}


NOW = "now"
FLIPS = 2000


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What one edit did in one condition, to one suite, under one interpreter, with one kind of shims."""

    suite: str
    kind: str
    where: str
    python: str
    shims: str
    seed: int
    pairs: dict[str, list[float]]
    """Benchmark to the log ratios of its pairs."""
    pair_s: dict[str, float]
    starved: list[tuple[float, float]]
    """Of each pair: which share of its time base, and head, waited for a CPU."""

    @property
    def key(self) -> tuple[object, ...]:
        """What is not measured twice, but for how many pairs."""
        return self.suite, self.kind, self.where, self.python, self.shims, self.seed


def measured(
    suite: Suite,
    sides: tuple[Path, Path],
    cells: Mapping[str, Cell],
    ways: Mapping[str, Path | None],
    python: str,
    plans: dict[str, Turns],
    *,
    pairs: int,
    interrupts: Interrupts,
) -> None:
    """Add to each way's cell what the pairs show, the ways measured in turn."""
    first = next(iter(cells.values()))
    seed = zlib.crc32(f"{first.suite} {first.kind} {first.where} {first.python} {first.seed}".encode())
    for number in range(pairs):
        draw = draw_pair(seed, "noop", number, cpus=cpus.allowed())
        for way in Random(f"{seed}:{number}").sample(sorted(ways), len(ways)):
            launches = tuple(started(suite, side, python, ways[way]) for side in sides)
            pairing = Pairing(suite="", launches=launches, design=Design.TURNS, timeout_s=TIMEOUT_S, mark=MARK)
            result = run_pair(pairing, draw, plans, interrupts=interrupts)
            assert not result.troubles, result.troubles
            base, head = (facts[-1] for facts in result.facts)
            cells[way].starved.append(tuple(f.starved_s / max(1e-9, f.starved_s + f.ran_s) for f in (base, head)))
            for name, read in result.readings.items():
                effect = pair_effect(Design.TURNS, *(read[side].values["time"] for side in (0, 1)))
                cells[way].pairs.setdefault(short(name), []).append(effect)
                cells[way].pair_s[short(name)] = result.seconds[name]


def row(cell: Cell) -> str:
    """Return a row of the table."""
    rms, most = by_chance(cell)
    spread = statistics.median(statistics.stdev(values) for values in cell.pairs.values())
    half = min(map(len, cell.pairs.values())) // 2
    seen = {name: effect(values[:half]) for name, values in cell.pairs.items()}
    worst = max(seen, key=lambda name: abs(seen[name].mean) / seen[name].se)
    again = effect(cell.pairs[worst][half:])
    count = len(cell.pairs[worst])
    return (
        f"| {cell.suite} | {cell.kind} | {cell.where} | {cell.python} | {cell.shims} | {count} "
        f"| {rms:.2f} (at most {most:.2f}) | {spread:.2%} "
        f"| {worst} {seen[worst].mean:+.2%}, then {again.mean:+.2%} ± {again.se:.2%} |"
    )


def starvation(cells: Sequence[Cell]) -> Iterator[str]:
    """Yield, by condition, how far a pair lies from the others and how long it waited for a CPU, and what both share.

    How far: the mean over its benchmarks of the distance from the median, in median distances (5 at most).
    """
    for where in dict.fromkeys(cell.where for cell in cells):
        far, waited = list[float](), list[float]()
        for cell in (cell for cell in cells if cell.where == where):
            distances = []
            for values in cell.pairs.values():
                middle = statistics.median(values)
                usual = statistics.median(abs(value - middle) for value in values) or 1e-12
                distances.append([min(5.0, abs(value - middle) / usual) for value in values])
            far += [statistics.fmean(at) for at in zip(*distances, strict=True)]
            waited += [max(shares) for shares in cell.starved]
        shared = statistics.correlation(far, waited) if len(set(waited)) > 1 else math.nan
        yield (f"| {where} | {len(waited)} | {statistics.median(waited):.1%} | {max(waited):.1%} | {shared:+.2f} |")


def by_chance(cell: Cell) -> tuple[float, float]:
    """Return the rms of the t statistics, and what chance alone exceeds once in a hundred tables.

    Chance: the pairs with their signs drawn anew, a pair's the same for all benchmarks, because what they share (the
    place of a function that all of them call) moves them together.
    """
    table = np.array([values[: min(map(len, cell.pairs.values()))] for values in cell.pairs.values()])
    signs = np.random.default_rng(1).choice((-1.0, 1.0), (FLIPS, table.shape[1]))
    signs[0] = 1.0  # as they were
    squares, count = (table**2).sum(axis=1), table.shape[1]
    means = signs @ table.T / count
    errors = np.maximum((squares - count * means**2) / (count * (count - 1)), 1e-300)
    found = np.sqrt((means**2 / errors).mean(axis=1))
    return float(found[0]), float(np.quantile(found, 0.99))


def short(name: str) -> str:
    """Return the name of a benchmark, without its file, and of a workload without what all have."""
    path, bracket, case = name.partition("[")
    function = path.rpartition("::")[2]
    return case.removesuffix("]") if function == "test_work" else f"{function}{bracket}{case}"


def kept(file: Path) -> list[Cell]:
    """Return what was measured before."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [Cell(**json.loads(line)) for line in lines]


def wanted(options: argparse.Namespace) -> Iterator[tuple[str, str, str, str, tuple[str, ...]]]:
    """Yield suite, kind, condition, interpreter and the shims in turn, of all that is measured."""
    others = tuple(name for name, _ in options.shims)
    for where in options.where:
        for kind in options.kinds:
            for suite in options.suites:
                ours, first = SUITES[suite].ours, where == "calm"
                if ours or (kind in ANYWHERE and (first or kind in WORST)):
                    here = others if kind in WORST and ours and first else ()
                    yield suite, kind, where, sys.executable, (NOW, *here)
        for python in options.pythons if where == "calm" else ():
            for kind in WORST:
                yield options.suites[0], kind, where, python, (NOW,)


def version(python: str) -> str:
    """Return the version of an interpreter."""
    code = "import platform; print(platform.python_version())"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def named(text: str) -> tuple[str, Path]:
    """Read NAME=DIRECTORY."""
    name, _, place = text.partition("=")
    return name, Path(place).resolve()


def main() -> None:
    """Measure what is missing, and print a row for each kind of edit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=KINDS)
    parser.add_argument("--where", nargs="*", default=["calm", "neighbour"], choices=["calm", "neighbour"])
    parser.add_argument("--suites", nargs="*", default=list(SUITES), choices=SUITES)
    parser.add_argument("--pythons", nargs="*", default=[], help="interpreters for the five worst kinds")
    parser.add_argument(
        "--shims", nargs="*", default=[], type=named, metavar="NAME=DIRECTORY", help="for the five worst kinds"
    )
    parser.add_argument("--only", default="", help="workloads whose name holds this")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("out") / "noop.jsonl")
    parser.add_argument("--replay", action="store_true", help="measure nothing")
    options = parser.parse_args()
    began = time.monotonic()
    if not options.replay:
        options.out.parent.mkdir(exist_ok=True)
        measure(options)
    columns = (
        "suite | edit | where | Python | shims | pairs | rms t | spread of a pair | moved most, and in other pairs"
    )
    print(f"| {columns} |\n|---|---|---|---|---|---:|---:|---:|---|")
    cells = kept(options.out)
    for cell in cells:
        print(row(cell))
    print(
        "\n| where | pairs | waited for a CPU: median | most | correlation with how far a pair lies from the others |"
    )
    print("|---|---:|---:|---:|---:|")
    print("\n".join(starvation(cells)))
    print(f"\n{time.monotonic() - began:.0f} s")


def measure(options: argparse.Namespace) -> None:
    """Measure what is missing."""
    plans: dict[tuple[str, str], dict[str, Turns]] = {}
    there = {cell.key for cell in kept(options.out)}
    ways: dict[str, Path | None] = {NOW: None, **dict(options.shims)}
    versions = {python: version(python) for python in (sys.executable, *options.pythons)}
    with tempfile.TemporaryDirectory() as scratch, Interrupts() as interrupts:
        for number, (name, kind, where, python, asked) in enumerate(wanted(options)):
            about = {"suite": name, "kind": kind, "where": where, "python": versions[python], "seed": options.seed}
            cells = {way: Cell(**about, shims=way, pairs={}, pair_s={}, starved=[]) for way in asked}
            cells = {way: cell for way, cell in cells.items() if cell.key not in there}
            if not cells:
                continue
            home, suite = Path(scratch) / str(number), SUITES[name]
            sides = made(home / "base", "identical", suite), made(home / "head", kind, suite)
            if (name, python) not in plans:
                found = planned(started(suite, sides[0], python, None), interrupts)
                plans[name, python] = {each: turns for each, turns in found.items() if options.only in each}
            with neighbour(where == "neighbour"):
                measured(
                    suite,
                    sides,
                    cells,
                    {way: ways[way] for way in cells},
                    python,
                    plans[name, python],
                    pairs=options.pairs * suite.times,
                    interrupts=interrupts,
                )
            with options.out.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(asdict(cell)) + "\n" for cell in cells.values())
            for cell in cells.values():
                print(row(cell), file=sys.stderr, flush=True)
            shutil.rmtree(home)


if __name__ == "__main__":
    main()
