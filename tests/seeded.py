"""A repository with a recorded history in which one knows what happened: `python -m tests.seeded DIRECTORY`.

Commits by `git fast-import`, runs in a directory store: nothing is measured, everything else is real.
"""

import math
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from perfgate.core.audit import Decision
from perfgate.core.baseline import StoredRun
from perfgate.core.levels import Level
from perfgate.core.model import METRICS, Benchmark, Environment, Kind, Sli
from perfgate.core.verdict import Verdict
from perfgate.stores.archive import Archive
from perfgate.stores.directory import open_directory

HOUR = 3600
START = 1_790_000_000
OLD = Environment(facts=(("cpu", "model X"), ("kernel", "6.1"), ("python", "cpython 3.12.1")))
NEW = Environment(facts=(("cpu", "model Y"), ("kernel", "6.8"), ("python", "cpython 3.12.1")))
CONFIG = """\
[baseline]
directory = "runs"
[suite.micro]
paths = ["benchmarks"]
[suite.shop]
runner = "command"
[suite.shop.benchmarks]
index = "true"
[[rule]]
sli = "shop/*:latency.p95"
limit = "10%"
slo = "30ms"
[[rule]]
sli = "*:time"
limit = "5%"
[[accept]]
sli = "micro/parse_config:time"
up-to = "20%"
reason = "validates every key now, see #12"
until = 2027-03-01
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One SLI: where its level begins, and what it is multiplied by from which commit on."""

    level: float
    changes: Mapping[int, float]
    noise: float = 0.01


def sli(name: str) -> Sli:
    """Return the SLI `suite/benchmark:metric`."""
    whole, _, metric = name.rpartition(":")
    suite, _, benchmark = whole.partition("/")
    return Sli(benchmark=Benchmark(suite=suite, name=benchmark), metric=METRICS[metric])


STORY = {
    "micro/parse_header:time": Told(level=1.2e-3, changes={90: 1.25}),
    "micro/parse_config:time": Told(level=4.0e-3, changes={60: 1.15}),
    "micro/render_page:time": Told(level=2.5e-2, changes={40: 1.3, 70: 1 / 1.3}),
    "micro/tokenise:time": Told(level=3.0e-5, changes={50: 0.8}),
    "micro/quiet:time": Told(level=8.0e-6, changes={}),
    "micro/noisy:time": Told(level=5.0e-4, changes={}, noise=0.08),
    "micro/parse_header:instructions": Told(level=150_000, changes={90: 1.25}, noise=0.0),
    "shop/index:latency.p95": Told(level=2.4e-2, changes={105: 1.3}, noise=0.03),
}
"""What happened: commit 90 slowed parse_header, and nothing else is open but the shop's index since 105."""
SUBJECTS = {
    40: "Render pages with the new engine",
    50: "Tokenise in one pass",
    60: "Validate every key of the configuration",
    70: "Cache what the new engine compiled",
    90: "Accept headers with comments",
    105: "Show related items on the index",
}


def commits(root: Path, count: int, subjects: Mapping[int, str], *, tags: Mapping[str, int]) -> list[str]:
    """Make a repository of empty commits, six hours apart; return their names, oldest first."""
    root.mkdir(parents=True, exist_ok=True)
    stream = ["reset refs/heads/main\n"]
    config = CONFIG.encode()
    for number in range(count):
        subject = subjects.get(number, f"Work on part {number}")
        stream.append(f"commit refs/heads/main\nmark :{number + 1}\n")
        stream.append(f"committer A. Person <a@example.org> {START + 6 * HOUR * number} +0000\n")
        stream.append(f"data {len(subject.encode())}\n{subject}\n")
        stream.append(f"from :{number}\n" if number else "")
        stream.append("" if number else f"M 100644 inline perfgate.toml\ndata {len(config)}\n{CONFIG}\n")
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "fast-import", "--quiet", data="".join(stream).encode())
    git(root, "checkout", "--quiet", "-f", "main")
    names = git(root, "rev-list", "--reverse", "main").split()
    for tag, number in tags.items():
        git(root, "tag", tag, names[number])
    return names


def git(root: Path, *args: str, data: bytes = b"") -> str:
    """Run git there."""
    return subprocess.run(["git", "-C", str(root), *args], input=data, capture_output=True, check=True).stdout.decode()


def runs(
    names: Sequence[str], story: Mapping[str, Told], environment: Callable[[int], Environment], *, first: int = 0
) -> list[StoredRun]:
    """Return a stored run of every suite for every commit; `first` is the number of the first of them."""
    found = []
    suites = sorted({sli(name).benchmark.suite for name in story})
    for number, commit in enumerate(names, start=first):
        rng, stamp = Random(number), iso(number)
        levels: dict[str, dict[Sli, Level]] = {suite: {} for suite in suites}
        for name, told in story.items():
            factor = math.prod(change for at, change in told.changes.items() if at <= number)
            value = told.level * factor * math.exp(rng.gauss(0, told.noise))
            value = float(round(value)) if sli(name).metric.kind is Kind.EXACT else value
            width = value * told.noise * rng.uniform(0.4, 0.9)
            levels[sli(name).benchmark.suite][sli(name)] = Level(
                median=value, low=value - width, high=value + width, n=10
            )
        found += [
            StoredRun(commit=commit, suite=suite, environment=environment(number), committed=stamp, started=stamp,
                      levels=levels[suite])
            for suite in suites
        ]  # fmt: skip
    return found


def iso(number: int) -> str:
    """Return when commit `number` was made."""
    return datetime.fromtimestamp(START + 6 * HOUR * number, UTC).isoformat()


def decisions(names: Sequence[str]) -> list[Decision]:
    """Return what the gate said of some changes."""
    found = []
    for number in range(10, len(names), 10):
        verdicts = [("micro/quiet:time", Verdict.PASS), ("micro/noisy:time", Verdict.INCONCLUSIVE)]
        reasons = []
        if number == 60:
            verdicts.append(("micro/parse_config:time", Verdict.ACCEPTED))
            reasons.append(("micro/parse_config:time", "accepted by @maintainer: validates every key now"))
        found.append(
            Decision(base=names[number - 1], head=names[number], same=False, started=iso(number),
                     verdicts=tuple(verdicts), reasons=tuple(reasons))
        )  # fmt: skip
    return found


def seed(root: Path, count: int = 120) -> list[str]:
    """Make the repository and its stored runs; return the commits, oldest first."""
    names = commits(root, count, SUBJECTS, tags={"v1.0": count // 4, "v1.1": count // 2})
    with open_directory(root / "runs") as store:
        kept = Archive(store)
        kept.record(runs(names, STORY, lambda number: OLD if number < 30 else NEW), message="seeded")
        kept.record_decisions(decisions(names), message="seeded")
    return names


if __name__ == "__main__":
    print(f"{len(seed(Path(sys.argv[1])))} commits")
