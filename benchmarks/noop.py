"""What edits that change nothing do to benchmarks: the bias that pairs cannot average out.

    python -m benchmarks.noop [--pairs 20] [--kinds ...] [--where calm neighbour] [--shims old=DIRECTORY]

Twenty-odd kinds of edits that leave what the benchmarks run as it was, over fifty workloads in the modules of
`decision/suite` and an extension module in C. Each kind is measured in pairs against the code before it. Of each
benchmark the t statistic of its effect is taken: over all benchmarks their root mean square is 1 where nothing but
chance moves them. `--shims` measures the same pairs with other
code of perfgate inside the benchmarks' processes, in the same minutes.
"""

import argparse
import math
import re
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random

from benchmarks.decision.record import SUITE, renamed, reordered, unused
from benchmarks.measurement.__main__ import MARK, TIMEOUT_S
from benchmarks.neighbour import neighbour
from perfgate.core.comparison import pair_effect
from perfgate.core.model import TIME, Design
from perfgate.core.ports import Launch, Place
from perfgate.core.schedule import Turns, draw_pair, turns_for
from perfgate.core.stats.paired import effect
from perfgate.host import cpus
from perfgate.host.interrupt import Interrupts
from perfgate.measure import scout
from perfgate.measure.turns import Pairing, run_pair
from perfgate.runners.pytest_benchmark import PytestBenchmark

EXTRA = """

def splitting():
    return collections.Counter(TEXT.split()).most_common(3)


def compressing():
    return zlib.compress(BLOCK)


def merging():
    return {**RECORD, **{word: 1 for word in TEXT[:88].split()}}


def joining():
    return ",".join(map(str, NUMBERS))


def nesting():
    return [(word, {word: [word]}) for word in TEXT[:88].split()]


def replacing():
    return TEXT.replace("fox", "wolf").title()


def native():
    return tiny.pairs(60)


WORK.update({each.__name__: each for each in (splitting, compressing, merging, joining, nesting, replacing, native)})
"""
"""Workloads whose time depends on where small objects lie; the first two have more than one usual time."""
C_SOURCE = """\
#include <Python.h>
static PyObject *pairs(PyObject *self, PyObject *arg) {
    long many = PyLong_AsLong(arg);
    PyObject *list = PyList_New(0);
    for (long i = 0; list && i < many; i++) {
        PyObject *pair = Py_BuildValue("(ll)", i, i * i);
        if (!pair || PyList_Append(list, pair) < 0) { Py_XDECREF(pair); Py_CLEAR(list); break; }
        Py_DECREF(pair);
    }
    return list;
}
static PyMethodDef methods[] = {{"pairs", pairs, METH_O, ""}, {NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "tiny", "", -1, methods};
PyMODINIT_FUNC PyInit_tiny(void) { return PyModule_Create(&module); }
"""
IMPORTS = "import ast, asyncio, calendar, difflib, pydoc, email.message, http.client, inspect, xml.dom.minidom\n"


def compiled(side: Path, source: str = C_SOURCE) -> None:
    """Build the extension module of a side."""
    (side / "tiny.c").write_text(source)
    include = sysconfig.get_paths()["include"]
    command = ["cc", "-O2", "-g", "-shared", "-fPIC", f"-I{include}", "tiny.c", "-o", "tiny.so"]
    subprocess.run(command, cwd=side, check=True)


def text(change: Callable[[str], str]) -> Callable[[Path], None]:
    """Return the edit that changes the source of the workloads."""

    def edit(side: Path) -> None:
        work = side / "work.py"
        work.write_text(change(work.read_text()))

    return edit


def before_functions(lines: str) -> Callable[[str], str]:
    """Return the change that puts `lines` between the imports and the first definition."""

    def change(source: str) -> str:
        place = source.index("\nTEXT = ") + 1
        return source[:place] + lines + source[place:]

    return change


def at_end(lines: str) -> Callable[[str], str]:
    """Return the change that appends `lines`."""
    return lambda source: source + lines


def documented(source: str) -> str:
    """Give each function a long docstring."""
    return re.sub(
        r"(?m)^((?:async )?def \w+\(.*\):\n)",
        r'\1    """Do one unit.\n\n    ' + "More about it. " * 30 + '\n    """\n',
        source,
    )


def annotated(source: str) -> str:
    """Give each function a return type."""
    return re.sub(r"(?m)^((?:async )?def \w+\(.*\)):\n", r"\1 -> object:\n", source)


def wrapped(source: str) -> str:
    """Break calls over two lines."""
    return re.sub(r"(?m)^(    return [\w.]+\()(.+\))$", r"\1\n        \2", source)


def dead(source: str) -> str:
    """Begin each function with a branch that the compiler leaves out."""
    return re.sub(
        r"(?m)^((?:async )?def \w+\(.*\):\n)", r"\1    if False:\n        raise RuntimeError('never')\n", source
    )


def moved(side: Path) -> None:
    """Put the workloads into a package, and import them from there."""
    (side / "inner").mkdir()
    (side / "inner" / "__init__.py").write_text("")
    (side / "work.py").rename(side / "inner" / "work.py")
    (side / "work.py").write_text("from inner.work import *\nfrom inner.work import WORK, command\n")


def more_tests(side: Path) -> None:
    """Add a hundred ordinary tests beside the benchmarks."""
    body = "".join(f"def test_{number}():\n    assert {number} + 1 == {number + 1}\n\n" for number in range(100))
    (side / "test_more.py").write_text(body)
    (side / "conftest.py").write_text("import test_more\n")


CLASSES = "".join(
    f"\n\nclass _Unused{i}:\n    x = {i}\n\n    def get(self):\n        return self.x\n" for i in range(60)
)
RECORDS = "".join(
    f"\n\n@dataclasses.dataclass\nclass _Kind{i}:\n    a: int = {i}\n    b: str = ''\n    c: float = 0.0\n"
    for i in range(20)
)
DECORATORS = "".join(
    f"\n\ndef _with_{i}(function):\n    def inner(*args):\n        return function(*args), {i}\n    return inner\n"
    for i in range(80)
)
LOGGING = "\n\nimport logging\n_LOG = logging.getLogger(__name__)\n" + "".join(
    f"\n\ndef _tell_{i}(what):\n    if _LOG.isEnabledFor(logging.DEBUG):\n        _LOG.debug('%s {i}', what)\n"
    for i in range(60)
)
CONSTANTS = "".join(f"LIMIT_{i} = {i * 1000 + 7}\nNAME_{i} = 'name {i}'\n" for i in range(300))
KINDS: Mapping[str, Callable[[Path], None]] = {
    "identical": lambda side: None,
    "unused functions": text(unused),
    "unused functions in another module": lambda side: (
        (side / "other.py").write_text(unused("")),
        text(before_functions("import other\n"))(side),
    )[1],
    "unused classes": text(at_end(CLASSES)),
    "unused imports": text(before_functions(IMPORTS)),
    "a new dependency": text(before_functions("import pygments.lexers, pygments.formatters\n")),
    "constants": text(before_functions(CONSTANTS)),
    "docstrings": text(documented),
    "comments": text(before_functions("# nothing\n" * 300)),
    "renamed": text(renamed),
    "reordered": text(reordered),
    "moved module": moved,
    "longer path": lambda side: None,
    "another line length": text(wrapped),
    "type hints": text(annotated),
    "more tests": more_tests,
    "big table": text(before_functions("TABLE = {str(i): (i, [i]) for i in range(20_000)}\n")),
    "decorators never applied": text(at_end(DECORATORS)),
    "dead branches": text(dead),
    "logging never enabled": text(at_end(LOGGING)),
    "dataclasses never made": text(at_end(RECORDS)),
    "extension rebuilt": compiled,
    "extension with other line numbers": lambda side: compiled(side, "\n" * 100 + C_SOURCE),
}
"""Name to what it does to a side; "longer path" is in the name of the side's directory."""
WORST = ("unused functions", "unused functions in another module", "unused imports", "reordered", "big table")


def made(home: Path, kind: str) -> Path:
    """Make the side that has an edit of this kind; return its directory."""
    name = f"side-{list(KINDS).index(kind):02}"
    side = home / (name + "-with-a-much-longer-path" * (kind == "longer path"))
    shutil.rmtree(side, ignore_errors=True)
    shutil.copytree(SUITE, side, ignore=shutil.ignore_patterns("__pycache__"))
    work = side / "work.py"
    source = work.read_text().replace("datetime.UTC", "datetime.timezone.utc")  # as Python 3.9 has it
    work.write_text(source.replace("import zlib\n", "import zlib\n\nimport tiny\n", 1) + EXTRA)
    (side / "amounts.py").write_text("UNITS = 50\nONLY = ()\nMORE = {}\nMODE = ''\n")
    compiled(side)
    KINDS[kind](side)
    return side


def started(runner: PytestBenchmark, side: Path, python: str, shims: Path | None) -> Launch:
    """Return how to start the benchmarks of a side, with other shims if there are some."""
    environ = (("PYTHONPATH", str(side)), ("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1"))
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


def measured(
    sides: tuple[Path, Path],
    ways: Mapping[str, Path | None],
    python: str,
    plans: dict[str, Turns],
    *,
    pairs: int,
    seed: int,
    interrupts: Interrupts,
) -> dict[str, dict[str, list[float]]]:
    """Return by way and benchmark the log ratios of the pairs, the ways measured in turn."""
    runner = PytestBenchmark(paths=("test_work.py",), args=("-p", "pytest_benchmark.plugin"))
    kept: dict[str, dict[str, list[float]]] = {way: defaultdict(list) for way in ways}
    for number in range(pairs):
        draw = draw_pair(seed, "noop", number, cpus=cpus.allowed())
        for way, shims in Random(f"{seed}:{number}").sample(sorted(ways.items()), len(ways)):
            launches = tuple(started(runner, side, python, shims) for side in sides)
            pairing = Pairing(suite="", launches=launches, design=Design.TURNS, timeout_s=TIMEOUT_S, mark=MARK)
            result = run_pair(pairing, draw, plans, interrupts=interrupts)
            assert not result.troubles, result.troubles
            for name, read in result.readings.items():
                base, head = (read[side].values["time"] for side in (0, 1))
                kept[way][name].append(pair_effect(TIME, Design.TURNS, base, head))
    return kept


def row(kind: str, where: str, way: str, found: Mapping[str, Sequence[float]]) -> str:
    """Return a row of the table."""
    effects = {name: effect(values) for name, values in found.items()}
    strange = {name: one.mean / one.se for name, one in effects.items()}
    rms = math.sqrt(statistics.fmean(t * t for t in strange.values()))
    spread = statistics.median(statistics.stdev(values) for values in found.values())
    worst = max(strange, key=lambda name: abs(strange[name]))
    largest = max(effects, key=lambda name: abs(effects[name].mean))
    return (
        f"| {kind} | {where} | {way} | {rms:.2f} | {100 * spread:.2f} % "
        f"| {short(worst)} {100 * effects[worst].mean:+.2f} % (t {strange[worst]:.1f}) "
        f"| {short(largest)} {100 * effects[largest].mean:+.2f} % ± {100 * effects[largest].se:.2f} |"
    )


def short(name: str) -> str:
    """Return the name of a workload."""
    return name.partition("[")[2].rstrip("]") or name


def main() -> None:
    """Print a row for each kind of edit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=KINDS)
    parser.add_argument("--worst", action="store_const", dest="kinds", const=WORST, help="the five that move most")
    parser.add_argument("--where", nargs="*", default=["calm", "neighbour"], choices=["calm", "neighbour"])
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--shims", nargs="*", default=[], metavar="NAME=DIRECTORY")
    parser.add_argument("--only", default="", help="workloads whose name holds this")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    ways: dict[str, Path | None] = {"now": None}
    ways |= {name: Path(place).resolve() for name, _, place in (each.partition("=") for each in options.shims)}
    print("| edit | where | shims | rms t | spread of a pair | strangest | largest |\n|---|---|---|---:|---:|---|---|")
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch, Interrupts() as interrupts:
        home = Path(scratch)
        base = made(home, "identical")
        runner = PytestBenchmark(paths=("test_work.py",), args=("-p", "pytest_benchmark.plugin"))
        plans = planned(started(runner, base, options.python, None), interrupts)
        plans = {name: turns for name, turns in plans.items() if options.only in name}
        for where in options.where:
            for number, kind in enumerate(options.kinds):
                side = (
                    made(home, kind)
                    if kind != "identical"
                    else shutil.copytree(base, home / "same-00", dirs_exist_ok=True)
                )
                with neighbour(where == "neighbour"):
                    found = measured(
                        (base, side),
                        ways,
                        options.python,
                        plans,
                        pairs=options.pairs,
                        seed=1000 * options.seed + number,
                        interrupts=interrupts,
                    )
                for way in ways:
                    print(row(kind, where, way, found[way]), flush=True)
    print(f"\n{len(plans)} benchmarks, {options.pairs} pairs of each; {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
