"""Do many writers lose anything? Eight processes record ten runs each, at once, over real HTTP.

    python -m benchmarks.store.writers

Then the same with `kill -9` at random moments, each killed writer run again.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.store.__main__ import BRANCH, git, run_of
from perfgate.host.clone import Address
from perfgate.host.interrupt import Interrupts
from perfgate.stores.archive import Archive
from perfgate.stores.branch import open_branch
from tests.githttp import WRITER, serving

WRITERS, RUNS = 8, 10
NAMES = [f"test_{i}" for i in range(50)]


def write(url: str, writer: int) -> None:
    """Record the runs of one writer, one push each."""
    address = Address(url=url, push_url=url)
    with Interrupts() as interrupts:
        for number in range(RUNS):
            with open_branch(address, BRANCH, interrupts=interrupts) as store:
                Archive(store).record([run_of(writer * RUNS + number, NAMES)], message="record")


def start(url: str, writer: int, scratch: str) -> subprocess.Popen[bytes]:
    """Start a writer."""
    argv = [sys.executable, "-m", "benchmarks.store.writers", url, str(writer)]
    return subprocess.Popen(argv, start_new_session=True, env={**os.environ, "TMPDIR": scratch})


def trial(*, kill: bool) -> str:
    """Let all writers write at once; return a row of the table."""
    rng = random.Random(1)
    with tempfile.TemporaryDirectory() as scratch, Interrupts() as interrupts, serving(Path(scratch)) as place:
        remote = Path(scratch) / "remote.git"
        subprocess.run(["git", "init", "--quiet", "--bare", str(remote)], check=True)
        for key in ("uploadpack.allowFilter", "http.receivepack"):
            git(remote, "config", key, "true")
        url = f"http://{WRITER}:x@{place}/remote.git"
        began = time.monotonic()
        running = {writer: start(url, writer, scratch) for writer in range(WRITERS)}
        killed = refused = 0
        while running:
            time.sleep(rng.uniform(0.2, 0.8) if kill else 0.2)
            if kill and killed < 3 * WRITERS:
                victim = rng.choice(list(running))
                if running[victim].poll() is None:
                    os.killpg(running[victim].pid, signal.SIGKILL)
                    running[victim].wait()
                    killed += 1
                    running[victim] = start(url, victim, scratch)
            for writer, process in list(running.items()):
                if process.poll() is not None:
                    refused += process.returncode != 0
                    del running[writer]
        took = time.monotonic() - began
        with open_branch(Address(url=url, push_url=url), BRANCH, interrupts=interrupts) as store:
            archive = Archive(store)
            runs = archive.read(archive.entries()).runs
            faults = archive.verify()
        kept = len({run.commit for run in runs})
        name = f"`kill -9` {killed} times, run again" if kill else "undisturbed"
        doubled = len(runs) - kept
        return f"| {name} | {kept} of {WRITERS * RUNS} | {doubled} | {refused} | {len(faults)} | {took:.0f} s |"


def main() -> None:
    """Print the table, or be one of the writers."""
    if len(sys.argv) == 3:
        write(sys.argv[1], int(sys.argv[2]))
        return
    print(f"### {WRITERS} writers, {RUNS} runs each, at once over HTTP\n")
    print("| | kept | doubled | writers refused | faults by verify | took |\n|---|---:|---:|---:|---:|---:|")
    for kill in (False, True):
        print(trial(kill=kill))


if __name__ == "__main__":
    main()
