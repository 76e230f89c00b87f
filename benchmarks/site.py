"""What the trend site costs of a long history, and how soon a browser shows it.

    python -m benchmarks.site [--commits 10000] [--slis 500]

A real repository and a real results branch; `perfgate report` in a process of its own, then headless Chromium, each
page opened from the disk five times. The floor of the build is reading every stored file once.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from perfgate.host.clone import Address
from perfgate.host.interrupt import Interrupts
from perfgate.stores import columns
from perfgate.stores.branch import open_branch
from tests import seeded
from tests.browser import Watched, chromium

BRANCH = "perfgate-results"
OPENED = 5


def story(count: int) -> dict[str, seeded.Told]:
    """Return so many SLIs: every tenth time changed its level once, each twentieth is a size that no commit leaves."""
    times = {
        f"micro/benchmark_{i:03}:time": seeded.Told(
            level=1e-6 * 1.02**i, changes={1000 + 17 * i: 1.2} if i % 10 == 0 else {}, noise=0.02
        )
        for i in range(count - count // 20)
    }
    sizes = {
        f"micro/wheel_{i:03}:bytes": seeded.Told(level=1e5 * 1.02**i, changes={}, noise=1e-3)
        for i in range(count // 20)
    }
    return times | sizes


def filled(home: Path, commits: int, slis: int) -> Path:
    """Make the repository with its results branch; return it."""
    root, remote = home / "project", home / "remote.git"
    names = seeded.commits(root, commits, {}, tags={"v1.0": commits // 2})
    (root / "perfgate.toml").write_text("", encoding="utf-8")
    subprocess.run(["git", "init", "--quiet", "--bare", str(remote)], check=True)
    stream = subprocess.Popen(["git", "-C", str(remote), "fast-import", "--quiet"], stdin=subprocess.PIPE)
    assert stream.stdin is not None
    known = set()
    told = story(slis)
    for number, name in enumerate(names):
        (run,) = seeded.runs([name], told, lambda _: seeded.NEW, first=number)
        path, files = columns.pack(run)
        stream.stdin.write(
            f"commit refs/heads/{BRANCH}\ncommitter x <x@y> {seeded.START + number} +0000\ndata 1\nx\n".encode()
        )
        for each, data in files.items():
            if each == path or each not in known:
                stream.stdin.write(b"M 100644 inline %s\ndata %d\n%s\n" % (each.encode(), len(data), data))
        known |= files.keys() - {path}
    stream.stdin.close()
    stream.wait()
    seeded.git(root, "remote", "add", "origin", f"file://{remote}")
    return root


def read_once(root: Path) -> float:
    """Return the seconds that reading every stored file takes: less no site can take."""
    start = time.perf_counter()
    address = Address(url=seeded.git(root, "remote", "get-url", "origin").strip(), push_url="", settings=())
    with Interrupts() as interrupts, open_branch(address, BRANCH, interrupts=interrupts) as store:
        store.read(store.paths())
    return time.perf_counter() - start


def built(root: Path, out: Path) -> tuple[float, float]:
    """Build the site; return seconds, and MiB at the peak."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "perfgate", "report", "-o", str(out)], cwd=root, check=True)
    seconds = time.perf_counter() - start
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def opened(out: Path) -> list[tuple[str, float]]:
    """Return page and the median of the seconds until it answers, and until its picture is drawn."""
    (name, *_) = sorted((out / "sli").iterdir())
    found = []
    with chromium() as browser:
        for label, path in (("overview", out / "index.html"), ("an SLI", name)):
            taken = []
            for _ in range(OPENED):
                with Watched(browser) as tab:
                    start = time.perf_counter()
                    page = tab.open(f"file://{path}")
                    if label == "overview":
                        page.wait_for_function("document.querySelector('#shown').textContent")
                    page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
                    taken.append(time.perf_counter() - start)
                    assert tab.complaints == []
            found.append((label, statistics.median(taken)))
    return found


def main() -> None:
    """Fill, build, open, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.site", description=__doc__)
    parser.add_argument("--commits", type=int, default=10_000)
    parser.add_argument("--slis", type=int, default=500)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        root = filled(home, given.commits, given.slis)
        floor = read_once(root)
        seconds, peak = built(root, home / "site")
        size = sum(path.stat().st_size for path in (home / "site").rglob("*") if path.is_file())
        files = sum(path.is_file() for path in (home / "site").rglob("*"))
        print(f"{given.commits:,} commits x {given.slis} SLIs: built in {seconds:.0f} s, {seconds / floor:.1f} times")
        print(f"what reading the files takes; {peak:,.0f} MiB at the peak, {files:,} files, {size / 1e6:.0f} MB")
        for label, took in opened(home / "site"):
            print(f"{label}: {took:.2f} s until it is drawn and answers")


if __name__ == "__main__":
    main()
