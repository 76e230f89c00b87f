"""What the physical memory under identical machine code does to a benchmark, left as it falls and drawn anew.

    python -m benchmarks.placement [--placements 12] [--pairs 6]

One wheel with extension modules is installed twice, so both sides run the same bytes. A placement is a fresh copy of
these files on both sides: the kernel reads a copy into other pages. In each placement the same benchmarks are measured
in pairs twice: with the pages left where the page cache has them, and moved in every process, as perfgate does.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from importlib.resources import files
from pathlib import Path

from benchmarks.measurement.__main__ import MARK, TIMEOUT_S
from perfgate.core.comparison import pair_effect
from perfgate.core.model import Design
from perfgate.core.ports import Launch, Place
from perfgate.core.schedule import draw_pair, turns_for
from perfgate.core.stats.paired import effect
from perfgate.host import cpus
from perfgate.host.interrupt import Interrupts
from perfgate.measure import scout
from perfgate.measure.turns import Pairing, run_pair
from perfgate.runners.pytest_benchmark import PytestBenchmark

WHEELS = ("multidict==6.7.0", "pytest-benchmark==5.1.0", "pytest==8.4.2")
LIMIT = 0.05
BENCHMARKS = """
import pytest
from multidict import CIMultiDict, MultiDict
WORDS = ["key-%d" % number for number in range(500)]

@pytest.fixture(params=[MultiDict, CIMultiDict])
def kind(request):
    return request.param

def test_add(benchmark, kind):
    def add():
        made = kind()
        for word in WORDS:
            made.add(word, word)
    benchmark(add)

def test_getall(benchmark, kind):
    made = kind([(word, word) for word in WORDS])
    def getall():
        for word in WORDS:
            made.getall(word)
    benchmark(getall)

def test_update(benchmark, kind):
    other = dict.fromkeys(WORDS, "value")
    def update():
        kind().update(other)
    benchmark(update)

def test_pop(benchmark, kind):
    pairs = [(word, word) for word in WORDS]
    def pop():
        made = kind(pairs)
        for word in WORDS:
            made.pop(word)
    benchmark(pop)
"""
UNMOVED = "def own_code(home, maps=''):\n    return []\n\ndef move(mappings, rng):\n    return 0\n"


def made(home: Path) -> Place:
    """Make one side: a tree, and an environment with the wheel."""
    tree, venv = home / "tree", home / "venv"
    tree.mkdir(parents=True)
    (tree / "test_it.py").write_text(BENCHMARKS)
    subprocess.run([sys.executable, "-m", "virtualenv", "--quiet", str(venv)], check=True)
    subprocess.run([venv / "bin" / "python", "-m", "pip", "install", "--quiet", *WHEELS], check=True)
    return Place(root=str(tree), python=str(venv / "bin" / "python"), environ=(("PYTHONPATH", ""),))


def copied_anew(place: Place) -> None:
    """Let the kernel read the extension modules of a side into other pages."""
    for path in (Path(place.python).parents[1] / "lib").rglob("*.so"):
        fresh = path.with_suffix(".fresh")
        shutil.copy2(path, fresh)
        fresh.replace(path)


def unmoved(launch: Launch, shims: Path) -> Launch:
    """Return the same process, which leaves its pages where they are."""
    script = shims / Path(launch.argv[1]).name
    return Launch(argv=(launch.argv[0], str(script), *launch.argv[2:]), cwd=launch.cwd, environ=launch.environ)


def main() -> None:
    """Print, for both ways, how far the effects of identical code lie from zero."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--placements", type=int, default=12)
    parser.add_argument("--pairs", type=int, default=6)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, Interrupts() as interrupts:
        home = Path(scratch)
        shims = home / "shims"
        shutil.copytree(str(files("perfgate") / "shims"), shims)
        (shims / "perfgate_pages.py").write_text(UNMOVED)
        places = [made(home / name) for name in ("base", "head")]
        runner = PytestBenchmark(paths=("test_it.py",))
        launches = tuple(runner.launch(place, names=()) for place in places)
        draw = draw_pair(0, "plan", 0, cpus=())
        seen = scout.survey(launches[0], draw, calibrate=True, timeout_s=TIMEOUT_S, mark=MARK, interrupts=interrupts)
        plans = {name: turns_for(seen.iteration_s[name]) for name in seen.names}
        ways = {"left": tuple(unmoved(launch, shims) for launch in launches), "moved": launches}
        ratios: dict[str, list[float]] = defaultdict(list)
        strange: dict[str, list[float]] = defaultdict(list)
        for placement in range(options.placements):
            for place in places:
                copied_anew(place)
            logs: dict[tuple[str, str], list[float]] = defaultdict(list)
            for number in range(options.pairs):
                for way, both in ways.items():
                    pairing = Pairing(suite="", launches=both, design=Design.TURNS, timeout_s=TIMEOUT_S, mark=MARK)
                    drawn = draw_pair(placement, way, number, cpus=cpus.allowed())
                    result = run_pair(pairing, drawn, plans, interrupts=interrupts)
                    for name, sides in result.readings.items():
                        values = [sides[side].values["time"] for side in (0, 1)]
                        logs[way, name].append(pair_effect(Design.TURNS, *values))
            for (way, _), found in logs.items():
                seen_effect = effect(found)
                ratios[way].append(seen_effect.mean)
                strange[way].append(seen_effect.mean / max(seen_effect.se, 1e-6))
    many = len(plans)
    print(
        f"{many} benchmarks of identical machine code in {options.placements} placements, {options.pairs} pairs each\n"
    )
    print("| pages of the code | spread of the effects | largest | rms t | beyond 5 % |")
    print("|---|---:|---:|---:|---:|")
    for way, words in (("left", "where the page cache has them"), ("moved", "moved in every process")):
        effects = ratios[way]
        rms = statistics.fmean(t * t for t in strange[way]) ** 0.5
        beyond = sum(abs(each) > LIMIT for each in effects)
        print(
            f"| {words} | {100 * statistics.pstdev(effects):.2f} % | {100 * max(map(abs, effects)):.1f} % | {rms:.1f} "
            f"| {beyond} of {len(effects)} |"
        )


if __name__ == "__main__":
    main()
