"""What a results branch costs as it grows, and what the other known layout costs for the same writes.

    python -m benchmarks.store [--commits 10000] [--benchmarks 500]

A real bare repository over file://, filled to 100, 1,000 and 10,000 commits; at each size the real store appends,
reads one commit's run and the last 200 runs of one series. Then the writes of a layout that rewrites one JSON file.
"""

import argparse
import hashlib
import json
import math
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from perfgate.core.baseline import StoredRun
from perfgate.core.levels import Level
from perfgate.core.model import TIME, Benchmark, Environment, Sli
from perfgate.host.clone import Address
from perfgate.host.interrupt import Interrupts
from perfgate.stores import columns
from perfgate.stores.archive import Archive
from perfgate.stores.branch import open_branch

BRANCH = "perfgate-results"
HERE = Environment(facts=(("cpu", "model X"), ("kernel", "6.8"), ("python", "cpython 3.12.1")))
REPEATS = 9
WINDOW = 200
OTHER_COMMITS = (10, 50, 100)


def commit_of(number: int) -> str:
    """Return a commit's name."""
    return hashlib.sha1(b"%d" % number).hexdigest()


def run_of(number: int, names: list[str]) -> StoredRun:
    """Return a run of all benchmarks: each has a level of its own and 3 % of noise."""
    rng = Random(number)
    levels = {}
    for place, name in enumerate(names):
        middle = 1e-6 * 1.02**place * math.exp(rng.gauss(0, 0.03))
        width = middle * rng.uniform(0.002, 0.02)
        sli = Sli(benchmark=Benchmark(suite="micro", name=name), metric=TIME)
        levels[sli] = Level(median=middle, low=middle - width, high=middle + width, n=10)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(1_700_000_000 + 3600 * number))
    return StoredRun(
        commit=commit_of(number), suite="micro", environment=HERE, committed=stamp, started=stamp, levels=levels
    )


def git(remote: Path, *args: str, data: bytes = b"") -> bytes:
    """Run git in the remote."""
    return subprocess.run(["git", "-C", str(remote), *args], input=data, capture_output=True, check=True).stdout


def fill(remote: Path, first: int, last: int, names: list[str]) -> None:
    """Append runs as the store would, without its fetching and pushing."""
    stream = subprocess.Popen(["git", "-C", str(remote), "fast-import", "--quiet"], stdin=subprocess.PIPE)
    assert stream.stdin is not None
    for number in range(first, last):
        start = f"from refs/heads/{BRANCH}^0\n" if number == first and first else ""
        head = f"commit refs/heads/{BRANCH}\ncommitter x <x@y> {1_700_000_000 + number} +0000\ndata 1\nx\n{start}"
        stream.stdin.write(head.encode())
        for path, data in columns.pack(run_of(number, names))[1].items():
            if number == first or path.startswith("runs/"):
                stream.stdin.write(b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(data), data))
    stream.stdin.close()
    assert stream.wait() == 0
    git(remote, "repack", "-a", "-d", "-q")


def timed(work: Callable[[int], object]) -> float:
    """Return the median milliseconds of a piece of work."""
    taken = []
    for number in range(REPEATS):
        start = time.perf_counter()
        work(number)
        taken.append(time.perf_counter() - start)
    return 1000 * statistics.median(taken)


def pushed(remote: Path, commits: int) -> float:
    """Return the mean kB of the packs that the last `commits` pushes sent."""
    sizes = []
    for back in range(commits):
        wanted = f"{BRANCH}~{back}\n^{BRANCH}~{back + 1}\n".encode()
        pack = git(remote, "pack-objects", "--revs", "--thin", "--stdout", "--delta-base-offset", "-q", data=wanted)
        sizes.append(len(pack) / 1000)
    return statistics.mean(sizes)


def on_disk(remote: Path) -> float:
    """Return the MB of the repacked repository's objects."""
    git(remote, "repack", "-a", "-d", "-q", "-f", "--depth=50", "--window=20")
    return sum(file.stat().st_size for file in (remote / "objects").rglob("*") if file.is_file()) / 1e6


def measure(remote: Path, size: int, names: list[str], interrupts: Interrupts) -> Iterator[float]:
    """Yield the milliseconds of an append, of reading one and of reading the last 200, at this size."""
    address = Address(url=f"file://{remote}", push_url=f"file://{remote}")
    extra = [run_of(10**6 + size + number, names) for number in range(REPEATS)]

    def append(number: int) -> None:
        with open_branch(address, BRANCH, interrupts=interrupts) as store:
            assert Archive(store).record([extra[number]], message="record")

    def read_one(number: int) -> None:
        with open_branch(address, BRANCH, interrupts=interrupts) as store:
            archive = Archive(store)
            assert len(archive.read(archive.entries_of(commit_of(size // 2 + number))).runs) == 1

    def read_window(number: int) -> None:
        with open_branch(address, BRANCH, interrupts=interrupts) as store:
            archive = Archive(store)
            recent = {commit_of(number) for number in range(max(0, size - WINDOW), size)}
            found = archive.read(entry for entry in archive.entries() if entry.commit in recent)
            assert len(found.runs) == min(size, WINDOW)

    for work in (append, read_one, read_window):
        yield timed(work)


def other_layout(names: list[str], scratch: Path) -> list[tuple[int, float, float]]:
    """Return (commits, kB pushed, MB of the file) of one JSON file that every commit rewrites whole.

    Its entries are those of github-action-benchmark's data.js: name, value, range, unit and extra, a commit each.
    """
    remote = scratch / "other.git"
    subprocess.run(["git", "init", "--quiet", "--bare", str(remote)], check=True)
    history: list[object] = []
    rows = []
    for number in range(max(OTHER_COMMITS)):
        run = run_of(number, names)
        history.append(
            {
                "commit": {
                    "id": run.commit,
                    "message": "x",
                    "timestamp": run.committed,
                    "url": f"https://x/{run.commit}",
                },
                "date": 1_700_000_000_000 + number,
                "benches": [
                    {
                        "name": sli.benchmark.name,
                        "value": 1 / level.median,
                        "unit": "iter/sec",
                        "range": f"stddev: {level.high - level.low}",
                        "extra": f"mean: {1000 * level.median} msec\nrounds: {level.n}",
                    }
                    for sli, level in run.levels.items()
                ],
            }
        )
        data = f"window.BENCHMARK_DATA = {json.dumps({'entries': {'Benchmark': history}}, indent=2)}".encode()
        start = f"from refs/heads/{BRANCH}^0\n" if number else ""
        head = f"commit refs/heads/{BRANCH}\ncommitter x <x@y> {1_700_000_000 + number} +0000\ndata 1\nx\n{start}"
        git(
            remote,
            "fast-import",
            "--quiet",
            data=b"%sM 100644 inline data.js\ndata %d\n%s\n" % (head.encode(), len(data), data),
        )
        if number + 1 in OTHER_COMMITS:
            rows.append((number + 1, pushed(remote, 3), len(data) / 1e6))
    return rows


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--commits", type=int, default=10_000)
    parser.add_argument("--benchmarks", type=int, default=500)
    chosen = parser.parse_args()
    names = [f"benchmarks/test_{i // 25}.py::test_case_{i % 25}[{i}]" for i in range(chosen.benchmarks)]
    sizes = [size for size in (100, 1_000, 10_000) if size <= chosen.commits]
    with tempfile.TemporaryDirectory() as scratch, Interrupts() as interrupts:
        remote = Path(scratch) / "remote.git"
        subprocess.run(["git", "init", "--quiet", "--bare", str(remote)], check=True)
        git(remote, "config", "uploadpack.allowFilter", "true")
        print(f"### A results branch, {chosen.benchmarks} benchmarks a commit\n")
        print(
            "| commits | pushed a commit | on disk | append | read one | read the last 200 |"
            "\n|---:|---:|---:|---:|---:|---:|"
        )
        rows = []
        filled = 0
        for size in sizes:
            fill(remote, filled, size, names)
            tip = git(remote, "rev-parse", BRANCH).decode().strip()
            rows.append(list(measure(remote, size, names, interrupts)))
            sent = pushed(remote, REPEATS)
            git(remote, "update-ref", f"refs/heads/{BRANCH}", tip)
            disk = on_disk(remote)
            filled = size
            append, one, window = rows[-1]
            print(f"| {size:,} | {sent:.1f} kB | {disk:.1f} MB | {append:.0f} ms | {one:.0f} ms | {window:.0f} ms |")
        ratios = [after / before for before, after in zip(rows[0], rows[-1], strict=True)]
        growth = " | ".join(f"{ratio:.2f}" for ratio in ratios)
        print(f"| {sizes[-1]:,} / {sizes[0]:,} | | | {growth} |\n")
        print("### One JSON file, rewritten by every commit\n")
        print("| commits | pushed a commit | the file, which a reader fetches whole |\n|---:|---:|---:|")
        for commits, sent, size in other_layout(names, Path(scratch)):
            print(f"| {commits:,} | {sent:.1f} kB | {size:.1f} MB |")


if __name__ == "__main__":
    main()
