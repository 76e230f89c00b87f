"""One service under the same load by the own generator and by Locust on two workers: do they see the same median?

python -m benchmarks.load.agree [--runs 3]
"""

import argparse
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.load.planted import side, suite
from perfgate.config.probe import LoadSuite
from perfgate.core.load.tally import TOTAL
from perfgate.core.model import Run
from perfgate.core.policy import Policy
from perfgate.host.git import Repository
from perfgate.host.interrupt import Interrupts
from perfgate.measure.session import Effort, measure_pairs
from perfgate.pipeline.probing import probe

RATE, USERS = 80, 8
WAITS = (0.0, 0.02)  # seconds: what Locust itself takes shows in what is quick
LOCUSTFILE = f"""\
from locust import FastHttpUser, between, task


class Visitor(FastHttpUser):
    wait_time = between({0.5 * USERS / RATE:g}, {1.5 * USERS / RATE:g})  # users of one rhythm would queue together

    @task
    def index(self):
        self.client.get("/", name="index")
"""


def by(table: LoadSuite, wait_s: float, root: Path, seed: int, interrupts: Interrupts) -> Run:
    """Load the same code on both sides; return what base says."""
    effort = Effort(budget_s=300, seed=seed)
    base, head = side(root, "base", wait_s=wait_s), side(root, "head", wait_s=wait_s)
    job = probe(root, "uvicorn", table)
    runs = measure_pairs(
        Repository(Path(), interrupts=interrupts), base, head, [job], Policy(), effort,
        interrupts=interrupts, watch=lambda _: None,
    )  # fmt: skip
    return runs[0]


def p50(run: Run) -> float:
    """Return the median over the starts, of all requests together."""
    found = {sample.sli.benchmark.name: sample for sample in run.samples if sample.sli.metric.name == "latency.p50"}
    sample = found.get(TOTAL) or next(iter(found.values()))
    return median(value for process in sample.processes for value in process)


def main() -> None:
    """Print a row a run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load.agree")
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    own = suite("uvicorn", "15s").model_copy(update={"rate": f"{RATE}/s"})
    told = {"engine": "locust", "locustfile": "locustfile.py", "users": USERS, "workers": 2, "requests": {}}
    print("| a request waits | run | own generator, p50 | Locust on two workers, p50 | Locust / own |")
    print("|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as home, Interrupts() as interrupts:
        root = Path(home)
        (root / "locustfile.py").write_text(LOCUSTFILE)
        theirs = LoadSuite(runner="load", command=own.command, duration="15s", **told)
        for wait_s in WAITS:
            ratios = []
            for number in range(runs):
                mine, other = (p50(by(table, wait_s, root, number, interrupts)) for table in (own, theirs))
                ratios.append(other / mine)
                cells = f"{1e3 * mine:.2f} ms | {1e3 * other:.2f} ms | {ratios[-1]:.2f}"
                print(f"| {1e3 * wait_s:.0f} ms | {number + 1} | {cells} |", flush=True)
            print(f"| {1e3 * wait_s:.0f} ms | median | | | {median(ratios):.2f} |", flush=True)


if __name__ == "__main__":
    main()
