"""Hostile artifacts and configurations for the publishing half: the targets `artifact`, `configuration` and `large`.

Part of `python -m tests.fuzz`. An artifact is refused by ArtifactError and nothing else, or judged, and then a pass
must be one that its numbers give, worked out here another way. A configuration of head never raises, and a suite
that it lost is expected all the same.
"""

import io
import json
import math
import random
import subprocess
import sys
import tempfile
import time
import tomllib
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from scipy.stats import trim_mean

from perfgate import codec
from perfgate.core.model import Kind, Reason, Run, Sample
from perfgate.core.policy import Policy, Rule
from perfgate.core.report import Outcome, report
from perfgate.errors import ArtifactError
from perfgate.pipeline.publish import LARGEST_HEAD
from perfgate.pipeline.terms import Said, terms
from perfgate.publishers.github import artifact, check
from perfgate.publishers.github.wording import reworded
from perfgate.render import markdown
from tests.core.build import noisy_pair, run

ROOT = Path(__file__).parent.parent
LONGEST_S = 30.0
LARGEST = 500 * 2**20
POLICY = Policy(rules=(Rule(sli="*:time", limit=0.05), Rule(sli="*:errors", limit=0.05)))
BASE = '[suite.micro]\n[suite.other]\npaths = ["x"]\n[[rule]]\nsli = "micro/*:time"\nlimit = "5%"\n'


def honest(effect: float) -> dict[str, bytes]:
    """Two runs of three benchmarks, one of which got slower by `effect`."""
    pairs = [
        noisy_pair(effect if number == 0 else 0.0, pairs=18, seed=number, name=f"b{number}") for number in range(3)
    ]
    base, head = run(*(pair[0] for pair in pairs)), run(*(pair[1] for pair in pairs), label="HEAD")
    commits = {"base.json": (base, "b" * 40), "head.json": (head, "c" * 40)}
    return {
        name: codec.dump_run(replace(side, revision=replace(side.revision, commit=commit))).encode()
        for name, (side, commit) in commits.items()
    }


SEEDS = [honest(0.0), honest(0.12), honest(-0.3)]


def packed(files: dict[str, bytes], *, how: int = zipfile.ZIP_STORED) -> bytes:
    """Return an archive."""
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", how, compresslevel=1) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return found.getvalue()


def judged(base: Run, head: Run) -> tuple[Outcome, str]:
    """Do what the publishing half does with two runs; return the outcome and GitHub's word for it."""
    one, other = reworded(base, label="main", side="base"), reworded(head, label="pull request 7", side="head")
    found = report(one, other, POLICY, repeat="x", version="1")
    page = markdown.fitted(found, room=60_000)
    assert len(page) <= 60_000
    return found.outcome, check.conclusion(found)


def unearned(base: Run, head: Run) -> str:
    """Return why a pass is not what these numbers give; empty where it is."""
    theirs, mine = ({sample.sli: sample for sample in side.samples} for side in (base, head))
    for failure in head.failures:
        if failure.reason not in (Reason.SKIPPED, Reason.ABSENT, Reason.NO_TIME):
            return f"{failure.benchmark} failed on head: {failure.reason}"
    gone = {sli.benchmark for sli in theirs} - head.benchmarks
    if gone:
        return f"{min(gone)} is not on head"
    shared = [(theirs[sli], mine[sli]) for sli in theirs.keys() & mine.keys() if POLICY.rule_for(sli)]
    if not any(one.sli.metric.name == "time" or one.sli.metric.kind is not Kind.NOISY for one, _ in shared):
        return "nothing was compared"
    reasons = (_slower(one, other) for one, other in shared if (rule := POLICY.rule_for(one.sli)) and rule.critical)
    return next(filter(None, reasons), "")


def _slower(base: Sample, head: Sample) -> str:
    if base.sli.metric.kind is not Kind.NOISY or base.sli.metric.diagnostic:
        return ""
    one, other = (dict(zip(side.pairs, side.processes, strict=True)) for side in (base, head))
    pairs = sorted(one.keys() & other.keys())
    if len(pairs) < 6:
        return f"{base.sli} has {len(pairs)} pairs"
    levels = [(median(one[pair]), median(other[pair])) for pair in pairs]
    if min(min(level) for level in levels) <= 0:
        return f"{base.sli} has values without a ratio"
    ratios = [math.log(head / base) for base, head in levels]
    lower = base.sli.metric.direction == "lower"
    change = float(trim_mean(ratios, 1 / 12)) * (1 if lower else -1)
    return f"{base.sli} is {change:+.3f} worse" if change > math.log1p(0.05) + 1e-9 else ""


def try_artifact(rng: random.Random, damaged: Callable[[bytes, random.Random], bytes]) -> bool:
    """Change an honest artifact, hand it on; return whether it was read."""
    files = dict(rng.choice(SEEDS))
    for name in rng.sample(sorted(files), k=rng.choice((1, 1, 2))):
        files[name] = damaged(files[name], rng)
    data = packed(files)
    if rng.random() < 0.1:
        data = damaged(data, rng)
    try:
        base, head = artifact.unpack(data)
    except ArtifactError as exc:
        assert exc.message.isprintable()
        return False
    outcome, word = judged(base, head)
    if word == "success":
        assert outcome is Outcome.PASS
        why = unearned(base, head)
        assert not why, why
    return True


def try_configuration(rng: random.Random, damaged: Callable[[bytes, random.Random], bytes]) -> bool:
    """Change a configuration, and read it as head's; return whether it could be read."""
    data = damaged(rng.choice(configurations()), rng)
    found = terms({"perfgate.toml": BASE.encode()}.get, {"perfgate.toml": data}.get, Said(), largest=LARGEST_HEAD)
    words = " ".join(warning.text for warning in found.warnings)
    if "cannot be read" in words:
        return False
    suites = tomllib.loads(data.decode()).get("suite", {"benchmarks": {}})
    lost = {"micro", "other"} - suites.keys()
    assert {f"{name}/*" for name in lost} <= set(found.policy.expect), (lost, found.policy.expect)
    assert found.policy.rules[0].limit == 0.05
    return True


def configurations() -> list[bytes]:
    """Return configurations that people write, and some that nobody should."""
    if not _found:
        paths = [*ROOT.glob("examples/**/perfgate.toml"), ROOT / "pyproject.toml"]
        _found.extend(path.read_bytes() for path in paths)
        _found.append(BASE.encode())
    return _found


_found: list[bytes] = []
TARGETS = {"artifact": try_artifact, "configuration": try_configuration}


def document(samples: list[Any], **more: Any) -> bytes:
    found = json.loads(SEEDS[0]["head.json"])
    found["run"] |= {"samples": samples, "offered": [], "failures": [], **more}
    return json.dumps(found, separators=(",", ":")).encode()


def many(
    count: int,
    processes: int,
    turns: int,
    *,
    kind: str = "noisy",
    name: str = "b",
    trials: int = 0,
    plan: Sequence[int] = (),
) -> bytes:
    """Return a run of many SLIs."""
    sample = json.loads(SEEDS[0]["head.json"])["run"]["samples"][0]
    metric = sample["sli"]["metric"] | ({"name": "errors", "unit": "share", "kind": kind} if trials else {})
    rng = random.Random(1)
    return document(
        [
            sample
            | {
                "sli": {"benchmark": {"suite": "micro", "name": f"{name}{number}"}, "metric": metric},
                "processes": [
                    [round(rng.uniform(0.4, 0.6) if trials else rng.gauss(1.0, 0.01), 4) for _ in range(turns)]
                    for _ in range(processes)
                ],
                "pairs": list(range(processes)),
                "planned": plan[number] if plan else processes,
                "trials": [trials] * processes if trials else [],
            }
            for number in range(count)
        ]
    )


FULL: dict[str, Callable[[], bytes]] = {
    "5,000 benchmarks of 42 pairs": lambda: many(5_000, 42, 9),
    "1,000 benchmarks of 42 pairs of 60 turns": lambda: many(1_000, 42, 60),
    "190 plans that differ": lambda: many(190, 1_000, 1, plan=range(500, 690)),
    "names of 500 letters": lambda: many(5_000, 20, 1, name="a" * 490),
    "400 benchmarks of 1,000 processes": lambda: many(400, 1_000, 1),
    "counted, 10,000,000 requests each": lambda: many(5_000, 40, 1, kind="counted", trials=10_000_000),
    "values up to the limit": lambda: many(40, 1_000, 90),
    "failures": lambda: document(
        [],
        failures=[
            {"benchmark": {"suite": "a", "name": f"b{i}"}, "reason": "raised", "text": "x" * 9_000, "metrics": []}
            for i in range(5_000)
        ],
    ),
    "offers": lambda: document([], offered=[{"suite": "a", "name": f"b{i % 5000}"} for i in range(140_000)]),
    "lists of nothing": lambda: document([], processes=[[] for _ in range(590_000)]),
    "warnings": lambda: document(
        [], warnings=[{"code": f"x{i}", "text": "y" * 9_000, "hides": True} for i in range(6_000)]
    ),
    "numbers for samples": lambda: document([1] * 3_900_000),
    "numbers for values of another kind": lambda: document([], offered=[1] * 3_900_000),
    "white space": lambda: b" " * (artifact.LARGEST_RUN - 10_000) + document([]),
    "one long text": lambda: document([], started="x" * (artifact.LARGEST_RUN - 10_000)),
}
"""Artifacts of the largest size that is read."""


def judge_full(path: str) -> None:
    """Judge an archive; print what became of it, the seconds and the bytes that it took."""
    start = time.process_time()
    try:
        word = judged(*artifact.unpack(Path(path).read_bytes()))[1]
    except ArtifactError as exc:
        word = f"refused: {exc.message[:70]}"
    print(json.dumps([word, time.process_time() - start, _peak()]))


def _peak() -> int:
    """Return the most memory that this process had, in bytes; what its parent had is in getrusage's figure as well."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def full() -> None:
    """Judge the largest artifacts, each in a process of its own; print a row each."""
    print("| artifact | MB | outcome | s | MiB |\n|---|---:|---|---:|---:|")
    for case, make in FULL.items():
        with tempfile.NamedTemporaryFile() as file:
            one = make()
            file.write(packed({"base.json": one, "head.json": one}, how=zipfile.ZIP_DEFLATED))
            file.flush()
            ask = f"from tests.fuzz_publish import judge_full; judge_full({file.name!r})"
            done = subprocess.run([sys.executable, "-c", ask], cwd=ROOT, capture_output=True, text=True, check=True)
        word, seconds, peak = json.loads(done.stdout)
        print(f"| {case} | {len(one) / 1e6:.0f} | {word} | {seconds:.1f} | {peak / 2**20:.0f} |", flush=True)
        assert seconds < LONGEST_S, case
        assert peak < LARGEST, case


def fuzz(target: str, cases: int, seed: int, damaged: Callable[[bytes, random.Random], bytes]) -> tuple[int, int]:
    """Try so many cases of a target; return how many were read and how many refused."""
    tried, read, longest, before = TARGETS[target], 0, 0.0, _peak()
    for number in range(cases):
        start = time.process_time()
        try:
            read += tried(random.Random(f"{target} {seed} {number}"), damaged)
        except Exception:
            print(f"{target}: --seed {seed}, case {number} broke it", file=sys.stderr)
            raise
        longest = max(longest, time.process_time() - start)
    assert longest < LONGEST_S, longest
    assert _peak() < LARGEST or _peak() == before
    return read, cases - read
