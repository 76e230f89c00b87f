"""Live runs of `perfgate compare` on a suite of 20: edits that change nothing, and +10 % and +5 % in two benchmarks.

    python -m benchmarks.decision.live [--same 60] [--planted 30]

Each run is a commit: either an edit of `benchmarks.noop` that changes nothing, drawn at random; or one benchmark does
10 % more of its own work, another 5 %, and 18 nothing new. The limit is 3 %. Calm, then beside a bursting neighbour.
The bounds are exact (Clopper-Pearson, 95 % two-sided).
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

from scipy.stats import beta

from benchmarks.decision.suite.amounts import UNITS
from benchmarks.decision.suite.work import WORK
from benchmarks.neighbour import neighbour
from benchmarks.noop.edits import KINDS
from perfgate import codec
from perfgate.core.report import Report
from perfgate.core.verdict import Judgement, Verdict

SUITE = Path(__file__).parent / "suite"
CONFIG = '[suite.s]\npaths = ["test_work.py"]\nargs = ["-p", "no:codspeed"]\n'
ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "pytest_benchmark.plugin"}  # whatever else is there
STRICTER = CONFIG + '[[rule]]\nsli = "*:time"\nlimit = "3%"\n'
TWENTY = (
    "arithmetic", "squares", "generator", "methods", "strings", "formatting", "dictionary", "sets", "sorting", "heap",
    "queueing", "encoding", "decoding", "matching", "digest", "packing", "checking", "decimals", "dates", "translating",
)  # fmt: skip


DRAWN = 6
LIVE = [kind for kind in KINDS if kind not in ("identical", "longer path") and not kind.startswith("extension")]


class Repository:
    """A throw-away project whose head does more work in some of its benchmarks."""

    only: Sequence[str]
    """Which workloads it has; all where empty."""

    def __init__(self, root: Path, config: str, only: Sequence[str] = ()) -> None:
        self.root, self.only = root, only
        shutil.copytree(SUITE, root, ignore=shutil.ignore_patterns("__pycache__"))
        self.git("init", "--quiet", "--initial-branch=main")
        (root / "perfgate.toml").write_text(config)
        self.commit({})

    def git(self, *args: str) -> None:
        """Run git in it."""
        who = ["-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost"]
        subprocess.run(["git", *who, *args], cwd=self.root, check=True)

    def commit(self, planted: Mapping[str, float]) -> None:
        """Commit which benchmarks do how much more, as a share of their work."""
        more = {name: round(UNITS * (1 + share)) for name, share in planted.items()}
        text = f"UNITS = {UNITS}\nONLY = {self.only!r}\nMORE = {more!r}\nMODE = ''\n"
        (self.root / "amounts.py").write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", "change")

    def compare(self, seed: int, budget: str = "10m") -> Report:
        """Run the gate on the last commit."""
        output = self.root.parent / "report.json"
        command = [sys.executable, "-m", "perfgate", "compare", "HEAD~1", "HEAD", "--format", "json"]
        command += ["--seed", str(seed), "--budget", budget, "-o", str(output)]
        environ = os.environ | ALONE
        done = subprocess.run(command, cwd=self.root, check=False, capture_output=True, text=True, env=environ)
        if done.returncode not in (0, 1):
            raise SystemExit(f"perfgate ended with {done.returncode}:\n{done.stderr}")
        return codec.load_report(output.read_bytes(), name=str(output))


def fixed_schedule_s(report: Report) -> float:
    """Return what the same run would have taken with no early leave: every benchmark to its last planned pair."""
    assert report.method is not None
    found = [row.comparison for row in report.judgements if row.comparison]
    most = max(c.planned for c in found)
    return most * report.method.startup_s + sum(c.planned * c.pair_s for c in found)


def measuring_s(report: Report) -> float:
    """Return the time of the pairs that were run, start-ups included."""
    assert report.method is not None
    found = [row.comparison for row in report.judgements if row.comparison]
    return max(len(c.log_ratios) for c in found) * report.method.startup_s + sum(
        len(c.log_ratios) * c.pair_s for c in found
    )


def share(count: int, of: int) -> str:
    """Return "38 of 40 [83, 99 %]" with exact bounds."""
    low = beta.ppf(0.025, count, of - count + 1) if count else 0.0
    high = beta.ppf(0.975, count + 1, of - count) if count < of else 1.0
    return f"{count} of {of} [{100 * low:.3g}, {100 * high:.3g} %]"


def name_of(row: Judgement) -> str:
    """Return the workload of a row."""
    return row.benchmark.name.partition("[")[2].rstrip("]")


def unchanged(where: str, runs: int, rng: random.Random, scratch: Path) -> str:
    """Run edits that change nothing; return their row."""
    blocked = unsure = 0
    took: list[float] = []
    for number in range(runs):
        root, kind = scratch / f"{where}-same-{number}", rng.choice(LIVE)
        repository = Repository(root, STRICTER, TWENTY)
        KINDS[kind](root, [root / "work.py"])
        repository.commit({})
        report = repository.compare(seed=rng.randrange(2**31))
        found = [row for row in report.judgements if row.verdict is Verdict.REGRESSION]
        for row in found:
            print(f"  FALSE BLOCK {where} {number}, {kind}: {name_of(row)} {row.comparison}", flush=True)
        blocked += bool(found)
        unsure += sum(row.verdict is Verdict.INCONCLUSIVE for row in report.judgements)
        took.append(report.method.took_s if report.method else 0.0)
        print(f"  {where} same {number + 1}/{runs}: {took[-1]:.0f} s, {kind}", file=sys.stderr, flush=True)
        shutil.rmtree(root)
    return f"| {where} | {share(blocked, runs)} | {unsure / runs / len(TWENTY):.1%} | {fmean(took):.0f} s |"


def planted(where: str, runs: int, rng: random.Random, scratch: Path) -> str:
    """Run commits with work planted in two benchmarks; return their row."""
    counts: Counter[str] = Counter()
    spent = fixed = took = overhead = 0.0
    for number in range(runs):
        root = scratch / f"{where}-{number}"
        repository = Repository(root, STRICTER, TWENTY)
        large, small = rng.sample(TWENTY, 2)
        repository.commit({large: 0.10, small: 0.05})
        report = repository.compare(seed=rng.randrange(2**31))
        for row in report.judgements:
            name = name_of(row)
            kind = "+10 %" if name == large else "+5 %" if name == small else "same"
            counts[f"{kind} {row.verdict}"] += 1
            if row.verdict is Verdict.REGRESSION and kind == "same":
                print(f"  FALSE BLOCK {where} {number}: {name} {row.comparison}", flush=True)
            if kind != "same" and row.verdict is not Verdict.REGRESSION:
                assert row.comparison is not None
                print(f"  missed {where} {number}: {kind} {name} {row.verdict} {row.comparison.change}", flush=True)
        assert report.method is not None
        spent, fixed = spent + measuring_s(report), fixed + fixed_schedule_s(report)
        took, overhead = took + report.method.took_s, overhead + report.method.overhead_s
        print(f"  {where} planted {number + 1}/{runs}: {report.method.took_s:.0f} s", file=sys.stderr, flush=True)
        shutil.rmtree(root)
    same = sum(count for key, count in counts.items() if key.startswith("same"))
    return (
        f"| {where} | {share(counts['+10 % regression'], runs)} | {share(counts['+5 % regression'], runs)}"
        f" | {share(counts['same regression'], same)} | {counts['same inconclusive'] / same:.1%}"
        f" | {spent / fixed:.0%} | {took / runs:.0f} s | {overhead / took:.0%} |"
    )


def drawn_suites(runs: int, seed: int) -> None:
    """Run suites of six, drawn from all workloads: nothing new `runs` times, then +7.5 % in five of them.

    The limit is the default, 5 %; what is planted is once and a half the limit.
    """
    rng, names = random.Random(seed), list(WORK)
    blocked = caught = slowed = 0
    took: list[float] = []
    with tempfile.TemporaryDirectory() as scratch:
        repository = Repository(Path(scratch) / "project", CONFIG)
        for number in range(runs + runs // 5):
            repository.only = rng.sample(names, DRAWN)
            more = repository.only[:5] if number >= runs else []
            repository.commit({})
            repository.commit(dict.fromkeys(more, 0.075))
            report = repository.compare(seed=rng.randrange(2**31))
            guilty = {f"test_work.py::test_work[{name}]" for name in more}
            found = {row.benchmark.name for row in report.judgements if row.verdict is Verdict.REGRESSION}
            slowed, caught = slowed + len(guilty), caught + len(found & guilty)
            if number < runs:
                blocked += bool(found)
                took.append(report.method.took_s if report.method else 0.0)
            for name in sorted(found ^ guilty):
                print(f"  {'blocked without cause' if name in found else 'not blocked'}: {name}", flush=True)
            print(f"  live {number + 1}/{runs + runs // 5}", file=sys.stderr, flush=True)
    print(f"\nLive, suites of {DRAWN}, nothing new: blocked {share(blocked, runs)}, {fmean(took):.0f} s a run")
    print(f"Live, +7.5 % in five of them: caught {share(caught, slowed)}")


def main() -> None:
    """Run both conditions and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.decision.live", description=__doc__)
    parser.add_argument("--same", type=int, default=60, help="runs in which nothing changed, per condition")
    parser.add_argument("--planted", type=int, default=30, help="runs with planted work, per condition")
    parser.add_argument("--seed", type=int, default=20260304)
    given = parser.parse_args()
    rng, start = random.Random(given.seed), time.monotonic()
    same, slower = list[str](), list[str]()
    with tempfile.TemporaryDirectory() as scratch:
        for where in ("calm", "neighbour"):
            with neighbour(where == "neighbour"):
                if given.same:
                    same.append(unchanged(where, given.same, rng, Path(scratch)))
                if given.planted:
                    slower.append(planted(where, given.planted, rng, Path(scratch)))
    print("\n| edits that change nothing | blocked | inconclusive | a run |\n|---|---|---:|---:|")
    print("\n".join(same))
    columns = ["", "+10 % blocked", "+5 % blocked", "unchanged blocked", "unchanged inconclusive"]
    columns += ["time of the fixed schedule", "a run", "perfgate's own share"]
    print(f"\n| {' | '.join(columns)} |\n|---|---|---|---|---:|---:|---:|---:|")
    print("\n".join(slower))
    print(f"\n{time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
