"""A real project for tests: real git, real processes, the real command line."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from perfgate.core.ports import Place
from perfgate.core.schedule import draw_pair, turns_for
from perfgate.host.interrupt import Interrupts
from perfgate.measure import scout
from perfgate.measure.scout import Survey
from perfgate.measure.turns import Design, Pairing, PairResult, run_pair
from perfgate.runners.pytest_benchmark import PytestBenchmark

COVERED = {name: value for name, value in os.environ.items() if name == "COVERAGE_PROCESS_CONFIG"}
"""What makes a Python process count for coverage; conftest.py takes it away from all that tests start."""
# perfgate itself counts; the many processes that it starts do not: each would take a tenth of a second more.
STARTED = ["-c", "import os; os.environ.pop('COVERAGE_PROCESS_CONFIG', 0); from perfgate.__main__ import main; main()"]

# Work whose time follows from its argument alone.
LIBRARY = """\
def spin(n):
    total = 0
    for i in range(n):
        total += i * i
    return total
"""
BENCHMARK = """\
from lib import spin


def steady(n):
    total = 0
    for i in range(n):
        total += i
    return total


def test_spin(benchmark):
    benchmark(spin, 2000)


def test_other(benchmark):
    benchmark(steady, 800)
"""


SERVICE = """\
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args):
        pass

ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
"""A web service that answers everything with nothing."""


WAITING = """\
[suite.cli]
runner = "command"
[suite.cli.benchmarks]
waits = "sh waits.sh"
rests = "sleep 0.005"
[[rule]]
sli = "*:time"
limit = "20%"
"""
"""Benchmarks that cost no CPU: for what is the same whatever is measured, and however."""
WAITS = "sleep 0.01\n"
SLOWER = "sleep 0.12\n"
"""Twelve times as long: beside other tests three times may not be enough, nor repeat."""


class Project:
    """A git repository in a temporary directory."""

    def __init__(self, root: Path, *, there: bool = False) -> None:
        self.root = root
        if not there:
            root.mkdir(parents=True)
            self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *args: str) -> str:
        done = subprocess.run(["git", *args], cwd=self.root, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def write(self, **files: str) -> None:
        """Write files; `__` in a keyword stands for `/`, `_py` and the like at its end for the suffix."""
        for key, text in files.items():
            stem, _, suffix = key.rpartition("_")
            self.put(f"{stem.replace('__', '/')}.{suffix}", text)

    def put(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def commit(self, message: str = "change", **files: str) -> str:
        self.write(**files)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def two_commits(self, *, factor: float = 1.0) -> None:
        """Base, and a head whose `spin` does `factor` times the work."""
        self.commit("base", lib_py=LIBRARY, test_lib_py=BENCHMARK)
        self.commit("head", lib_py=LIBRARY.replace("range(n)", f"range(int(n * {factor}))"))

    def two_commits_of_commands(self) -> None:
        """Base, and a head that waits longer."""
        self.commit("base", perfgate_toml=WAITING, waits_sh=WAITS)
        self.commit("head", waits_sh=SLOWER)

    def start(self, *args: str, **environ: str) -> subprocess.Popen[str]:
        """Start perfgate in the project."""
        return subprocess.Popen(
            [sys.executable, *STARTED, *args],
            cwd=self.root,
            env={**os.environ, **COVERED, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def perfgate(self, *args: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run perfgate in the project to its end."""
        process = self.start(*args, **environ)
        out, err = process.communicate(timeout=240)
        return subprocess.CompletedProcess(args, process.returncode, out, err)

    def pids(self, words: str) -> list[int]:
        """Return the processes in or below this project whose command line holds `words`."""
        return [int(line.split(":")[0]) for line in self.processes() if words in line]

    def processes(self) -> list[str]:
        """Return number and command line of everything that runs in or below this project or its cache."""
        home = str(self.root.parent)
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                where = str((entry / "cwd").readlink())
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if where.startswith(home) and state != "Z" and entry.name != str(os.getpid()):
                found.append(f"{entry.name}: {words}")
        return found

    def snapshot(self) -> dict[str, Any]:
        """Return all that perfgate must leave as it is: every file, those of git's own included, and every branch."""
        files = {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and "__pycache__" not in path.parts
        }
        return {"files": files, "refs": self.git("for-each-ref")}


def place(root: Path, python: str = sys.executable) -> Place:
    return Place(root=str(root), python=python, environ=(("PYTHONPATH", str(root)),))


def explore(root: Path, *, python: str = sys.executable, timeout_s: float = 20.0, **options: Any) -> Survey:
    """Run every benchmark below `root` once, in a process of its own."""
    launch = PytestBenchmark(**options).launch(place(root, python), names=())
    with Interrupts() as interrupts:
        return scout.survey(
            launch,
            draw_pair(1, "scout", 0, cpus=()),
            calibrate=True,
            timeout_s=timeout_s,
            mark=f"test-{os.getpid()}",
            interrupts=interrupts,
        )


def one_pair(
    root: Path, *, head: Path | None = None, python: str = sys.executable, timeout_s: float = 20.0, **options: Any
) -> PairResult:
    """Run one pair of the benchmarks below `root`, against those below `head` if that is another."""
    survey = explore(root, python=python, timeout_s=timeout_s, **options)
    runner = PytestBenchmark(**options)
    pairing = Pairing(
        suite="s",
        launches=tuple(runner.launch(place(side, python), names=()) for side in (root, head or root)),
        design=Design.TURNS,
        timeout_s=timeout_s,
        mark=f"test-{os.getpid()}",
    )
    plans = {name: turns_for(survey.iteration_s.get(name) or 1e-3, most=survey.most.get(name)) for name in survey.names}
    with Interrupts() as interrupts:
        return run_pair(pairing, draw_pair(1, "s", 0, cpus=()), plans, interrupts=interrupts)
