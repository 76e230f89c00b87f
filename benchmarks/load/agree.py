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
LOCUSTFILE = f"""\
from locust import FastHttpUser, between, task


class Visitor(FastHttpUser):
    wait_time = between({0.5 * USERS / RATE:g}, {1.5 * USERS / RATE:g})  # users of one rhythm would queue together

    @task
    def index(self):
        self.client.get("/", name="index")
"""


def by(table: LoadSuite, root: Path, seed: int, interrupts: Interrupts) -> Run:
    """Load the same code on both sides; return what base says."""
    effort = Effort(budget_s=300, seed=seed)
    base, head = side(root, "base"), side(root, "head")
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
    found: dict[str, list[float]] = {"own": [], "locust": []}
    print("| run | own generator, p50 | Locust on two workers, p50 | Locust / own |\n|---|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as home, Interrupts() as interrupts:
        root = Path(home)
        (root / "locustfile.py").write_text(LOCUSTFILE)
        theirs = LoadSuite(runner="load", command=own.command, duration="15s", **told)
        for number in range(runs):
            for name, table in (("own", own), ("locust", theirs)):
                found[name].append(p50(by(table, root, number, interrupts)))
            mine, other = found["own"][-1], found["locust"][-1]
            print(f"| {number + 1} | {1e3 * mine:.2f} ms | {1e3 * other:.2f} ms | {other / mine:.2f} |", flush=True)
    print(f"\nmedian of Locust / own: {median(found['locust']) / median(found['own']):.2f}")


if __name__ == "__main__":
    main()
