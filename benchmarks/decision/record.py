"""Records real pairs, and processes as other gates start them, of the workloads in `suite`, on the machine at hand."""

import gzip
import json
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random

from benchmarks.decision.suite.amounts import UNITS
from benchmarks.measurement.__main__ import MARK, TIMEOUT_S, Subject
from benchmarks.neighbour import neighbour
from perfgate.core.comparison import pair_effect
from perfgate.core.model import Design
from perfgate.core.schedule import PairDraw, draw_pair
from perfgate.host import cpus
from perfgate.host.environment import environment
from perfgate.host.interrupt import Interrupts
from perfgate.measure.turns import Pairing, PairResult, run_pair

SUITE = Path(__file__).parent / "suite"
WORKS = (0.0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.075, 0.10)
PLANTED = {f"+{100 * share:g} %": share for share in WORKS if share}
MODES = {
    "variance": "varies by 10 %",
    "warm-up": "slower at first",
    "burst": "one process of five is slower by half",
    "held up": "always slower by half in a fifth of the time",
}
SAME, CONDITIONS = "same", ("calm", "neighbour", "drift")
SHORT = (SAME, "+4 %", "+7.5 %", "+10 %")


KINDS = (SAME, *PLANTED, *MODES)
EDIT = "edit: "  # begins the names of kinds that change nothing, as `benchmarks.noop` recorded them


@dataclass(slots=True, kw_only=True)
class Recording:
    """What was measured: condition to kind to workload to the pairs' log ratios; and other gates' processes."""

    machine: str = ""
    taken_s: float = 0.0
    pairs: dict[str, dict[str, dict[str, list[float]]]] = field(default_factory=dict)
    pair_s: dict[str, float] = field(default_factory=dict)
    """Workload to the seconds that it takes of a pair."""
    startup_s: float = 0.0
    processes: dict[str, list[tuple[str, dict[str, list[float]]]]] = field(default_factory=dict)
    """Condition to (kind, workload to rounds) of one process after the other."""

    def save(self, path: Path) -> None:
        """Write it, compressed, with five digits."""
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(asdict(self), default=str)
        text = re.sub(r"-?\d+\.\d{6,}(e-?\d+)?", lambda found: f"{float(found[0]):.5g}", text)
        path.write_bytes(gzip.compress(text.encode(), mtime=0))

    def thinned(self, *, workloads: int, kinds: Sequence[str]) -> "Recording":
        """Return some of the pairs alone, for a test."""
        names = sorted(self.pair_s)
        chosen = [names[number * len(names) // workloads] for number in range(workloads)]
        return Recording(
            machine=self.machine,
            startup_s=self.startup_s,
            pair_s={name: self.pair_s[name] for name in chosen},
            processes={condition: [] for condition in self.pairs},
            pairs={
                condition: {kind: {name: found[kind][name] for name in chosen} for kind in kinds}
                for condition, found in self.pairs.items()
            },
        )

    def add_edits(self, file: Path) -> None:
        """Add what `benchmarks.noop` recorded with this code and interpreter: a kind for each edit and suite."""
        for line in file.read_text(encoding="utf-8").splitlines():
            cell = json.loads(line)
            if cell["shims"] == "now" and cell["python"] == platform.python_version():
                suite = cell["suite"]
                found = {f"{suite}/{name}": pairs for name, pairs in cell["pairs"].items()}
                self.pairs[cell["where"]].setdefault(f"{EDIT}{cell['kind']}", {}).update(found)
                self.pair_s |= {f"{suite}/{name}": seconds for name, seconds in cell["pair_s"].items()}

    @classmethod
    def load(cls, path: Path) -> "Recording":
        """Read what `save` wrote."""
        return cls(**json.loads(gzip.decompress(path.read_bytes())))


def place(root: Path, kind: str) -> Path:
    """Make a side that does what `kind` says; return its directory."""
    side = root / f"side-{KINDS.index(kind):02}"
    shutil.copytree(SUITE, side, ignore=shutil.ignore_patterns("__pycache__"))
    units, mode = round(UNITS * (1 + PLANTED.get(kind, 0.0))), kind if kind in MODES else ""
    (side / "amounts.py").write_text(f"UNITS = {units}\nONLY = ()\nMORE = {{}}\nMODE = {mode!r}\n")
    return side


@contextmanager
def drifting(progress: Callable[[], float]) -> Iterator[Callable[[], None]]:
    """From the middle on keep both CPUs half busy: yields what must be called between two pairs."""
    busy: list[subprocess.Popen[bytes]] = []

    def step() -> None:
        if progress() >= 0.5 and not busy:
            code = "import time\nwhile True:\n    sum(range(20000)); time.sleep(0.0004)"
            busy.extend(subprocess.Popen([sys.executable, "-c", code]) for _ in cpus.allowed())

    try:
        yield step
    finally:
        for process in busy:
            process.kill()
            process.wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much to record."""

    workloads: int
    """Evenly chosen."""
    pairs: int
    """Of each kind."""
    processes: int
    """Of identical code, for the other gates."""
    kinds: Sequence[str] = KINDS
    """Where it is calm; elsewhere fewer."""
    conditions: Sequence[str] = CONDITIONS


def record(scratch: Path, size: Size, seed: int) -> Recording:
    """Record everything."""
    start = time.monotonic()
    with Interrupts() as interrupts:
        recorder = _Recorder(scratch, size.workloads, seed, interrupts)
        for condition in size.conditions:
            recorder.pairs(condition, size.kinds if condition == "calm" else SHORT, size.pairs)
            recorder.processes(condition, size.processes)
    recorder.found.taken_s = time.monotonic() - start
    return recorder.found


class _Recorder:
    def __init__(self, scratch: Path, workloads: int, seed: int, interrupts: Interrupts) -> None:
        self.seed, self.interrupts = seed, interrupts
        self.sides = {kind: Subject(place(scratch, kind), ("test_work.py",), interrupts) for kind in KINDS}
        plans = list(self.sides[SAME].plan().items())
        many = min(workloads, len(plans))
        self.plans = dict(plans[number * len(plans) // many] for number in range(many))
        facts = dict(environment(()).facts)
        self.found = Recording(machine=", ".join(facts[key] for key in ("cpu", "cpus", "python") if key in facts))

    def pairs(self, condition: str, kinds: Sequence[str], count: int) -> None:
        """Record pairs of all kinds in random order, each against the same base."""
        rng, kept = Random(f"{self.seed}:{condition}"), self.found.pairs.setdefault(condition, {})
        todo = [(number, kind) for number in range(count) for kind in rng.sample(kinds, len(kinds))]
        for number, kind in self._through(condition, "pair", todo):
            launches = (self.sides[SAME].launch, self.sides[kind].launch)
            pairing = Pairing(suite="", launches=launches, design=Design.TURNS, timeout_s=TIMEOUT_S, mark=MARK)
            result = self._run(pairing, draw_pair(self.seed, kind, number, cpus=cpus.allowed()))
            self.found.startup_s = result.startup_s
            for name, sides in result.readings.items():
                self.found.pair_s[name] = result.seconds[name]
                effect = pair_effect(Design.TURNS, sides[0].values["time"], sides[1].values["time"])
                kept.setdefault(kind, {}).setdefault(name, []).append(effect)

    def processes(self, condition: str, count: int) -> None:
        """Record processes of one side each: two of identical code, one of either planted kind, and again."""
        todo = [kind for _ in range(count // 2) for kind in (SAME, SAME, "+7.5 %", "+10 %")]
        kept = self.found.processes.setdefault(condition, [])
        for number, kind in self._through(condition, "process", list(enumerate(todo))):
            launches = (self.sides[kind].launch,)
            pairing = Pairing(
                suite="", launches=launches, design=Design.ALONE, timeout_s=TIMEOUT_S, mark=MARK, draw_layout=False
            )
            result = self._run(pairing, draw_pair(self.seed, "alone", number, cpus=()))
            rounds = {name: reading[0].values["time"] for name, reading in result.readings.items()}
            kept.append((kind, rounds))

    def _run(self, pairing: Pairing, draw: PairDraw) -> PairResult:
        result = run_pair(pairing, draw, self.plans, interrupts=self.interrupts)
        assert not result.troubles, result.troubles
        return result

    def _through(self, condition: str, what: str, todo: Sequence[tuple[int, str]]) -> Iterator[tuple[int, str]]:
        """Go through it under the condition, saying how far it is."""
        done = 0
        with neighbour(condition == "neighbour"), drifting(lambda: done / len(todo) * (condition == "drift")) as step:
            for done, each in enumerate(todo):
                step()
                print(f"\r{condition}: {what} {done + 1} of {len(todo)}   ", end="", file=sys.stderr, flush=True)
                yield each
        print(file=sys.stderr)
