"""perfgate ended at random moments: `python -m tests.kills [--times 200] [--seed 1]`.

Each run of a command gets SIGKILL, SIGTERM, or SIGINT at a random moment, half of them while pairs are measured or a
service is under load. Afterwards nothing that it started may run, the results branch must be whole, and what was left
in the temporary directory must be gone after the next command.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.live import BENCHMARK, LIBRARY, SERVICE, Project

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
GONE_S = 30.0
HEARD_S = 20.0  # ten times what is promised: others use this machine too
CONFIG = """\
[perfgate]
budget = "40s"
effort = "30s"
margin = "0.1%"
[suite.micro]
[suite.web]
runner = "load"
command = "python app.py {port}"
requests = { a = "GET /" }
rate = "40/s"
duration = "12s"
[[rule]]
sli = "*"
limit = "0.2%"
"""
COMMANDS = {
    "pairs": ("compare", "HEAD~1", "--suite", "micro"),
    "a load probe": ("compare", "HEAD~1", "--suite", "web"),
    "load": ("load", "web", "--duration", "8s"),
    "record": ("record", "run.json"),
    "history": ("history",),
}
MEASURING = {"pairs": "measuring: pair", "a load probe": "measuring: pair", "load": "preparing"}
"""Command to what it says once it measures."""


@dataclass(slots=True)
class Ended:
    """How one run ended."""

    what: str
    number: signal.Signals
    after_s: float
    code: int
    heard_s: float
    measuring: bool


class Killing:
    """A project whose commands are ended."""

    def __init__(self, home: Path, rng: random.Random) -> None:
        self.rng, self.scratch = rng, home / "tmp"
        self.scratch.mkdir()
        self.environ = {"PERFGATE_CACHE": str(home / "cache"), "TMPDIR": str(self.scratch)}
        self.project = Project(home / "project")
        subprocess.run(["git", "init", "--quiet", "--bare", str(home / "remote")], check=True)
        self.project.git("remote", "add", "origin", str(home / "remote"))
        self.project.put(".gitignore", "run.json\n")
        self.project.commit("base", perfgate_toml=CONFIG, app_py=SERVICE, lib_py=LIBRARY, test_lib_py=BENCHMARK)
        self.project.commit("head", lib_py=LIBRARY + "# changed\n")
        self.project.git("push", "--quiet", "origin", "HEAD:main")
        done = self.project.perfgate("measure", "--suite", "micro", "-o", "run.json", **self.environ)
        assert done.returncode == 0, done.stderr
        self.project.perfgate("compare", "HEAD~1", "--budget", "8s", **self.environ)  # sides are prepared

    def once(self, what: str, *, measuring: bool) -> Ended:
        """Start a command, end it at a random moment, and look at what is left."""
        number = self.rng.choice(SIGNALS)
        log = self.scratch.parent / "log"
        with log.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "perfgate", *COMMANDS[what]],
                cwd=self.project.root, env={**os.environ, **self.environ}, stdin=subprocess.DEVNULL, stdout=file,
                stderr=file,
            )  # fmt: skip
        start = time.monotonic()
        while measuring and MEASURING[what] not in log.read_text() and process.poll() is None:
            time.sleep(0.02)
        time.sleep(self.rng.uniform(0, 4.0 if measuring else 2.5))
        after_s = time.monotonic() - start
        process.send_signal(number)
        sent = time.monotonic()
        code = process.wait(timeout=HEARD_S + 600)
        heard_s = time.monotonic() - sent
        assert code in (0, 1, 3, 130, -number), f"{what}: {code}: {log.read_text()[-2000:]}"
        assert heard_s < HEARD_S, f"{what}: ended {heard_s:.1f} s after {number.name}"
        deadline = time.monotonic() + GONE_S
        while left := self.project.processes():
            assert time.monotonic() < deadline, f"{what}: left after {number.name}: {left}"
            time.sleep(0.05)
        return Ended(what, number, after_s, code, heard_s, measuring)

    def whole(self) -> None:
        """Run what comes next: the store is whole, and nothing of the killed is left."""
        done = self.project.perfgate("baseline", "verify", **self.environ)
        assert done.returncode == 0, done.stdout + done.stderr
        assert list(self.scratch.glob("perfgate-*")) == [], list(self.scratch.iterdir())
        assert self.project.git("status", "--porcelain") == ""


def kill(times: int, seed: int) -> list[Ended]:
    """End so many commands, half of them while they measure."""
    rng = random.Random(seed)
    home = Path(tempfile.mkdtemp(prefix="kills-"))
    try:
        killing, found = Killing(home, rng), []
        for number in range(times):
            measuring = number % 2 == 0
            what = rng.choice(sorted(MEASURING if measuring else COMMANDS))
            found.append(killing.once(what, measuring=measuring))
            if number % 5 == 4 or number == times - 1:
                killing.whole()
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a row a command and signal."""
    parser = argparse.ArgumentParser(prog="python -m tests.kills")
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    found = kill(given.times, given.seed)
    print("| command | signal | while measuring | times | longest until the end, s | exit codes |")
    print("|---|---|---:|---:|---:|---|")
    for what, number in sorted({(each.what, each.number) for each in found}):
        mine = [each for each in found if (each.what, each.number) == (what, number)]
        codes = ", ".join(f"{code} ×{count}" for code, count in sorted(Counter(each.code for each in mine).items()))
        measuring, longest = sum(each.measuring for each in mine), max(each.heard_s for each in mine)
        print(f"| {what} | {number.name} | {measuring} | {len(mine)} | {longest:.1f} | {codes} |")
    print(f"\n{len(found)} ended, nothing left, the results branch whole, temporary files gone after the next command")


if __name__ == "__main__":
    main()
