"""Live probes of two real services: nothing planted, 10 % more CPU, 5 ms of waiting, 5 % more CPU.

python -m benchmarks.load.planted [--runs 60] [--where calm neighbour] [--planted same cpu10 wait5 cpu5]

Every finished run is a line of out/load-planted.jsonl, so that a run that was cut short goes on where it was; while
out/pause exists no new one begins. The same data are shown to two rules that others use: "p95 ratio > 1.10", and a
fixed threshold on head alone, 10 % above the median of base's p95 over all runs. Bounds are exact (Clopper-Pearson).
"""

import argparse
import json
import math
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from scipy.stats import beta

from benchmarks.load.services import COMMANDS, place
from benchmarks.neighbour import neighbour
from perfgate.config.probe import LoadSuite
from perfgate.core.judge import judge
from perfgate.core.load.histogram import merged
from perfgate.core.model import Revision, Run
from perfgate.core.policy import Policy, Rule
from perfgate.core.verdict import Verdict
from perfgate.host.git import Repository
from perfgate.host.interrupt import Interrupts
from perfgate.measure.session import Effort, measure_alone, measure_pairs
from perfgate.measure.sides import PreparedSide
from perfgate.pipeline.probing import probe

OUT = Path("out")
RESULTS, PAUSE = OUT / "load-planted.jsonl", OUT / "pause"
JUDGED = ("latency.p50", "latency.mean", "latency.p95")


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """What head does more of."""

    cpu: float = 0.0
    """Share of the CPU time of a request."""
    wait_s: float = 0.0
    limit: float
    duration: str


PLANTED = {
    "same": Planted(limit=0.05, duration="20s"),
    "cpu10": Planted(cpu=0.10, limit=0.05, duration="20s"),
    "wait5": Planted(wait_s=0.005, limit=0.05, duration="20s"),
    "cpu5": Planted(cpu=0.05, limit=0.03, duration="40s"),
}
Row = dict[str, Any]


def suite(name: str, duration: str) -> LoadSuite:
    """Return a service's probe, as a project would configure it."""
    command = COMMANDS[name].format(here=Path(__file__).parent / "apps")
    return LoadSuite(runner="load", command=command, requests={"index": "GET /"}, duration=duration)


def side(root: Path, label: str, *, work: float = 1.0, wait_s: float = 0.0) -> PreparedSide:
    """Return a side of which the working directory is empty."""
    return PreparedSide(
        revision=Revision(label=label), place=place(root, work=work, wait_s=wait_s), directory=root
    )  # fmt: skip


def calibrated(name: str, root: Path, interrupts: Interrupts) -> float:
    """Return which share of a request's CPU time `WORK` is: what it takes when doubled tells."""
    table = suite(name, "15s").model_copy(update={"rate": "80/s"})
    job, costs = probe(root, name, table), []
    for work in (1.0, 2.0):
        run = measure_alone(
            Repository(Path(), interrupts=interrupts),
            side(root, "alone", work=work),
            [job],
            Effort(budget_s=120),
            processes=6,
            interrupts=interrupts,
            watch=lambda _: None,
        )
        costs.append(levels(run, "cpu-per-request"))
    return costs[1] / costs[0] - 1


def levels(run: Run, metric: str) -> float:
    """Return the median over the starts."""
    (sample,) = (each for each in run.samples if each.sli.metric.name == metric)
    return median(value for process in sample.processes for value in process)


def pooled(run: Run, q: float) -> float:
    """Return a quantile of all latencies of a run, in seconds: what other gates look at; NaN where none counted."""
    found = merged(each.histogram for each in run.distributions if each.metric == "latency")
    return found.quantile(q) if found.total else math.nan


def trial(name: str, planted: Planted, share: float, seed: int, root: Path, interrupts: Interrupts) -> Row:
    """Run the gate once."""
    policy = Policy(rules=tuple(Rule(sli=f"*:{metric}", limit=planted.limit) for metric in JUDGED))
    base, head = side(root, "base"), side(root, "head", work=1 + planted.cpu / share, wait_s=planted.wait_s)
    job = probe(root, name, suite(name, planted.duration))
    runs = measure_pairs(
        Repository(Path(), interrupts=interrupts), base, head, [job], policy, Effort(budget_s=300, seed=seed),
        interrupts=interrupts, watch=lambda _: None,
    )  # fmt: skip
    rows = judge(*runs, policy)
    method = runs[1].method
    assert method is not None
    return {
        "verdicts": {row.sli.metric.name if row.sli else "": str(row.verdict) for row in rows},
        "changes": {row.sli.metric.name: row.comparison.change.ratio - 1 for row in rows if row.sli and row.comparison},
        "starts": max((len(row.comparison.log_ratios) for row in rows if row.comparison), default=0),
        "took_s": method.took_s,
        "p95": [pooled(run, 0.95) for run in runs],
        "lost": [row.text for row in rows if row.sli is None],
        "warnings": [w.text for run in runs for w in run.warnings],
    }


def done() -> list[Row]:
    """Return what was finished before."""
    if not RESULTS.exists():
        return []
    return [json.loads(line) for line in RESULTS.read_text().splitlines()]


def keep(row: Row) -> None:
    """Add a line."""
    with RESULTS.open("a") as file:
        file.write(json.dumps(row) + "\n")


def missing(given: argparse.Namespace) -> Iterator[tuple[str, str, str, int]]:
    """Say which runs are still to be made, services in turn."""
    there = {(row["where"], row["planted"], row["service"], row["number"]) for row in done() if "planted" in row}
    for where in given.where:
        for planted in given.planted:
            for number in range(given.runs):
                key = (where, planted, list(COMMANDS)[number % len(COMMANDS)], number)
                if key not in there:
                    yield key


def shares(root: Path, interrupts: Interrupts) -> dict[str, float]:
    """Return what `WORK` is of a request for each service, measured once."""
    found = {row["service"]: row["share"] for row in done() if "share" in row}
    for name in COMMANDS:
        if name not in found:
            found[name] = calibrated(name, root, interrupts)
            keep({"service": name, "share": found[name]})
            print(f"  {name}: WORK is {found[name]:.0%} of a request's CPU", file=sys.stderr, flush=True)
    return found


def blocked(row: Row) -> bool:
    """Return whether the gate went red."""
    return str(Verdict.REGRESSION) in row["verdicts"].values()


def exact(count: int, of: int) -> str:
    """Return "38 of 40 [83, 99 %]" with exact bounds."""
    low = beta.ppf(0.025, count, of - count + 1) if count else 0.0
    high = beta.ppf(0.975, count + 1, of - count) if count < of else 1.0
    return f"{count} of {of} [{100 * low:.2g}, {100 * high:.3g} %]"


def report() -> None:
    """Print the table of all that was finished."""
    rows = [row for row in done() if "planted" in row]
    usual = {
        name: median(row["p95"][0] for row in rows if row["service"] == name and row["p95"][0] > 0)
        for name in {row["service"] for row in rows}
    }
    print(
        "| | planted | blocked | p50, mean, p95 | inconclusive | p95 ratio > 1.10 | fixed threshold | starts | a run |"
    )
    print("|---|---|---|---|---:|---|---|---:|---:|")
    for where in ("calm", "neighbour"):
        for planted in PLANTED:
            mine = [row for row in rows if (row["where"], row["planted"]) == (where, planted)]
            if not mine:
                continue
            many = len(mine)
            each = ", ".join(str(sum(row["verdicts"].get(name) == "regression" for row in mine)) for name in JUDGED)
            unsure = sum("inconclusive" in row["verdicts"].values() and not blocked(row) for row in mine)
            ratio = sum(row["p95"][1] / row["p95"][0] > 1.10 for row in mine)
            fixed = sum(row["p95"][1] > 1.10 * usual[row["service"]] for row in mine)
            print(
                f"| {where} | {planted} | {exact(sum(map(blocked, mine)), many)} | {each} | {unsure}"
                f" | {exact(ratio, many)} | {exact(fixed, many)} | {sum(row['starts'] for row in mine) / many:.1f}"
                f" | {sum(row['took_s'] for row in mine) / many:.0f} s |"
            )


def main() -> None:
    """Make the runs that are missing, then print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load.planted")
    parser.add_argument("--runs", type=int, default=60, help="of each kind, over both services")
    parser.add_argument("--where", nargs="+", default=["calm", "neighbour"], choices=["calm", "neighbour"])
    parser.add_argument("--planted", nargs="+", default=list(PLANTED), choices=list(PLANTED))
    given = parser.parse_args()
    OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home, Interrupts() as interrupts:
        share = shares(Path(home), interrupts)
        for where, planted, name, number in list(missing(given)):
            while PAUSE.exists():
                time.sleep(1)
            seed = random.Random(f"{where} {planted} {number}").randrange(2**31)
            with neighbour(where == "neighbour", seed=number):
                row = trial(name, PLANTED[planted], share[name], seed, Path(home), interrupts)
            keep({"where": where, "planted": planted, "service": name, "number": number, **row})
            print(f"  {where} {planted} {name} {number}: {row['verdicts']}", file=sys.stderr, flush=True)
    report()


if __name__ == "__main__":
    main()
