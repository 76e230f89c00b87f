"""A server that freezes for 1 s of every 5 s under 200 requests/s: what each load generator says of it.

python -m benchmarks.load.stalls

Who arrives at a random moment waits until the freeze ends: the truth is p90 500 ms, p95 750 ms, p99 950 ms, plus what a
server needs to work off who waited, which for nginx is little. Needs nginx; of wrk, hey, h2load and Locust, what is
missing is left out.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.load.services import nginx
from perfgate.core.load.arrivals import arrivals, constant
from perfgate.core.load.tally import Answer, lag, tally
from perfgate.host.interrupt import Interrupts
from perfgate.measure.start import generator

CYCLE_S, FROZEN_S, RATE, SECONDS = 5.0, 1.0, 200.0, 20.0
TRUTH = {"p50": None, "p90": 500.0, "p95": 750.0, "p99": 950.0}
Quantiles = dict[str, float]


def freezing(process: subprocess.Popen[bytes], stop: threading.Event) -> None:
    """Stop and continue the server until told to end."""
    while not stop.wait(CYCLE_S - FROZEN_S):
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(FROZEN_S)
        os.kill(process.pid, signal.SIGCONT)


def perfgate(port: int) -> Quantiles:
    """Our own generator; says its lag and how exactly it held the rate, too."""
    planned = arrivals(constant(RATE, SECONDS), sides=1, seed=1)
    with Interrupts() as interrupts, generator(interrupts) as agent:
        agent.send(
            targets=[f"http://127.0.0.1:{port}"],
            timeout_s=10.0,
            seed=1,
            requests=[{"name": "index", "method": "GET", "path": "/"}],
            rows=[],
            calls=[[0, -1]] * len(planned),
            arrivals=planned,
        )
        message = agent.receive(timeout_s=SECONDS + 30)
    answers = [Answer(*record) for record in message["answers"]]
    (found,) = tally(answers, ["index"], sides=1, since_s=0.0, until_s=SECONDS)
    sent = sorted(answer.sent_s for answer in answers)
    held = (len(sent) - 1) / (sent[-1] - sent[0]) / RATE
    print(f"perfgate sent {len(answers)} of {len(planned)}, at {100 * held:.2f} % of the rate,", end=" ")
    print(f"one in a hundred {1e3 * lag(answers, 0.99):.2f} ms late or more")
    return {name: 1e3 * found["total"].values[f"latency.{name}"] for name in TRUTH}


def wrk(port: int) -> Quantiles:
    """wrk, 10 connections, as fast as it goes: it has no rate."""
    out = said(["wrk", "-t1", "-c10", f"-d{SECONDS:.0f}s", "--latency", f"http://127.0.0.1:{port}/"])
    found = re.findall(r"^\s+(50|90|99)%\s+([\d.]+)(us|ms|s)", out, flags=re.MULTILINE)
    return {f"p{share}": float(value) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit] for share, value, unit in found}


def hey(port: int) -> Quantiles:
    """hey, 10 workers of 20 requests/s each."""
    out = said(["hey", "-z", f"{SECONDS:.0f}s", "-c", "10", "-q", f"{RATE / 10:.0f}", f"http://127.0.0.1:{port}/"])
    found = re.findall(r"(50|90|95|99)%+ in ([\d.]+) secs", out)
    return {f"p{share}": 1e3 * float(value) for share, value in found}


def h2load(port: int) -> Quantiles:
    """h2load, 10 connections of 20 requests/s each, by its log of single requests."""
    with tempfile.TemporaryDirectory() as home:
        log = Path(home) / "log"
        count = f"{RATE * SECONDS:.0f}"
        command = ["h2load", "--h1", "-n", count, "-c", "10", "--rps", f"{RATE / 10:.0f}", f"--log-file={log}"]
        said([*command, f"http://127.0.0.1:{port}/"])
        return ranked([float(line.split("\t")[2]) / 1e3 for line in log.read_text().splitlines()])


LOCUSTFILE = """
from locust import HttpUser, constant_throughput, task
class User(HttpUser):
    wait_time = constant_throughput(20)
    @task
    def index(self):
        self.client.get("/")
"""


def locust(port: int) -> Quantiles:
    """Locust, 10 users of 20 requests/s each."""
    with tempfile.TemporaryDirectory() as home:
        (Path(home) / "locustfile.py").write_text(LOCUSTFILE)
        command = [
            sys.executable,
            "-m",
            "locust",
            "-f",
            f"{home}/locustfile.py",
            "--headless",
            "-u",
            "10",
            "-r",
            "10",
            "--json",
        ]
        out = said([*command, "-t", f"{SECONDS:.0f}s", "--host", f"http://127.0.0.1:{port}"], quiet=True)
    times = {float(ms): count for ms, count in json.loads(out)[0]["response_times"].items()}
    return ranked([ms for ms, count in times.items() for _ in range(count)])


def said(command: list[str], *, quiet: bool = False) -> str:
    """Run a tool and return what it printed."""
    errors = subprocess.DEVNULL if quiet else subprocess.STDOUT
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=errors, text=True, check=True, timeout=120).stdout


def ranked(milliseconds: list[float]) -> Quantiles:
    """Return the quantiles of single values."""
    ordered = sorted(milliseconds)
    return {name: ordered[min(len(ordered) - 1, int(float(name[1:]) / 100 * len(ordered)))] for name in TRUTH}


TOOLS: dict[str, Callable[[int], Quantiles]] = {
    "perfgate": perfgate, "wrk": wrk, "hey": hey, "h2load": h2load, "locust": locust
}  # fmt: skip


def main() -> None:
    """Let each tool load the same freezing server, one after the other, and print what it says."""
    print("| generator | p50 ms | p90 ms | p95 ms | p99 ms |\n|---|---:|---:|---:|---:|")
    print("| truth | – | 500 | 750 | 950 |")
    with tempfile.TemporaryDirectory() as home, nginx(Path(home)) as (process, port):
        for name, tool in TOOLS.items():
            if name not in ("perfgate", "locust") and shutil.which(name) is None:
                print(f"| {name} | not on the path | | | |")
                continue
            stop = threading.Event()
            thread = threading.Thread(target=freezing, args=(process, stop))
            thread.start()
            try:
                found = tool(port)
            finally:
                stop.set()
                thread.join()
            cells = [f"{found[label]:.2f}" if label in found else "–" for label in TRUTH]
            print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
