"""What our generator costs and how exactly it sends, beside wrk, on one server that hardly works.

python -m benchmarks.load.cost

nginx where it is there, else uvicorn. wrk has no rate: it is the floor of what a request can take.
"""

import re
import resource
import shutil
import subprocess
import tempfile
from pathlib import Path

from benchmarks.load.services import nginx, running
from perfgate.core.load.arrivals import arrivals, constant
from perfgate.core.load.histogram import histogram
from perfgate.core.load.tally import Answer, lag
from perfgate.host.interrupt import Interrupts
from perfgate.measure.start import generator

SECONDS, RATES = 4.0, (200, 400, 600, 800, 1000, 1250, 1500, 1750, 2000, 2500, 3000)
GET = {"name": "index", "method": "GET", "path": "/"}


def sent(port: int, rate: float) -> tuple[float, float, float]:
    """Return p50 (s), lag p99 (s) and the generator's CPU a request (s)."""
    planned = arrivals(constant(rate, SECONDS), sides=1, seed=1)
    with Interrupts() as interrupts, generator(interrupts) as agent:
        agent.send(
            targets=[f"http://127.0.0.1:{port}"], timeout_s=10.0, seed=1, requests=[GET], rows=[],
            calls=[[0, -1]] * len(planned), arrivals=planned,
        )  # fmt: skip
        message = agent.receive(timeout_s=SECONDS + 30)
    answers = [Answer(*record) for record in message["answers"]]
    counted = [answer for answer in answers if answer.intended_s > 0.5]
    p50 = histogram(answer.latency_s for answer in counted).quantile(0.5)
    return p50, lag(counted, 0.99), message["busy_s"] / len(answers)


def by_wrk(port: int) -> tuple[float, float]:
    """Return p50 (s) and CPU a request (s) of wrk with one connection."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = ["taskset", "-c", "1", "wrk", "-t1", "-c1", f"-d{SECONDS:.0f}s", "--latency", f"http://127.0.0.1:{port}/"]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    value, unit = re.findall(r"50%\s+([\d.]+)(us|ms)", out)[0]
    requests = int(re.findall(r"(\d+) requests in", out)[0])
    return float(value) * {"us": 1e-6, "ms": 1e-3}[unit], used / requests


def main() -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory() as made:
        home = Path(made)
        if shutil.which("nginx"):
            with nginx(home) as (_, port):
                tables(port, "nginx")
        else:
            with running("uvicorn", home) as (_, port):
                tables(port, "uvicorn")


def tables(port: int, server: str) -> None:
    """Print what is seen at one server."""
    floor, theirs = by_wrk(port)
    print(
        f"| rate to {server} | p50 | lag p99 | CPU a request | p50 / wrk | CPU / wrk |\n|---|---:|---:|---:|---:|---:|"
    )
    best = 0.0
    for rate in RATES:
        p50, late, cpu = sent(port, rate)
        cells = [f"{1e3 * p50:.2f} ms", f"{1e3 * late:.2f} ms", f"{1e6 * cpu:.0f} µs", f"{p50 / floor:.1f}"]
        print(f"| {rate}/s | {' | '.join(cells)} | {cpu / theirs:.0f} |", flush=True)
        best = max(best, rate) if late < 1e-3 else best
    print(f"| wrk, as fast as it goes | {1e3 * floor:.3f} ms | – | {1e6 * theirs:.1f} µs | 1 | 1 |")
    print(f"\nhighest rate whose lag p99 is below 1 ms: {best}/s")


if __name__ == "__main__":
    main()
