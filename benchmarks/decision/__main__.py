"""How often gates are right: real pairs recorded on this machine, played through perfgate's core and others' rules.

    python -m benchmarks.decision [--quick] [--recorded FILE] [--replays 3000] [--live 60]

Records 30 of fifty workloads (see `suite`): identical code, planted real work, changes of spread and of warm-up; calm,
beside a bursting neighbour, and with a machine that becomes busy half-way. Then plays suites of 50 drawn from them,
with what `benchmarks.noop` recorded among them, and last runs perfgate itself (`live`). A suite goes round the recorded
pairs, from a random one on, with the sides of identical code swapped by chance. Same recording and seed, same table.
Bounds are exact (Clopper-Pearson, 95 % two-sided).
"""

import argparse
import math
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from statistics import fmean, median

from benchmarks.decision import live
from benchmarks.decision.live import share
from benchmarks.decision.record import EDIT, MODES, PLANTED, SAME, Recording, Size, record
from benchmarks.decision.replay import MEMBERS, cases, changed_nothing, draw, drawn_from, play
from benchmarks.decision.rivals import RIVALS, Rival
from perfgate.core.fitness import visible_at_last
from perfgate.core.policy import Policy
from perfgate.core.schedule import NORMAL_EFFORT_S, planned_pairs
from perfgate.core.stats import paired
from perfgate.core.verdict import UNKNOWN, Verdict

OUT, NOOP = Path("out") / "decision.json.gz", Path("out") / "noop.jsonl"
CAUGHT = ("+7.5 %", "+10 %")
TIGHT, TWICE = 0.02, "+4 %"
MARGINS = (0.0, 0.002, 0.004, 0.006, 0.008, 0.01, 0.015)
POLICY = Policy()
FULL = Size(workloads=30, pairs=16, processes=40)
QUICK = Size(workloads=8, pairs=6, processes=32, kinds=(SAME, "+5 %", *CAUGHT), conditions=("calm", "neighbour"))


def ours(recording: Recording, condition: str, replays: int, rng: Random) -> list[str]:
    """Return perfgate's row of a condition, as cells."""
    blocked, unsure, spent, fixed = 0, 0, 0.0, 0.0
    for number in range(replays):
        played = play(draw(recording, condition, rng), recording, POLICY)
        if Verdict.REGRESSION in played.verdicts:
            blocked += 1
            named = played.names[played.verdicts.index(Verdict.REGRESSION)]
            print(f"  blocked without cause, {condition} {number}: {named}", file=sys.stderr)
        unsure += sum(verdict in UNKNOWN for verdict in played.verdicts)
        spent, fixed = spent + played.spent_s, fixed + played.fixed_s
    found = [caught(recording, condition, kind, max(200, replays // 3), rng) for kind in CAUGHT]
    return [
        share(blocked, replays), *[share(counts[Verdict.REGRESSION], counts.total()) for counts in found],
        f"{sum(counts[Verdict.PASS] + counts[Verdict.IMPROVEMENT] for counts in found)}",
        f"{unsure / replays / MEMBERS:.2%}", f"{spent / fixed:.0%}",
    ]  # fmt: skip


def caught(
    recording: Recording, condition: str, kind: str, plays: int, rng: Random, policy: Policy = POLICY
) -> Counter[Verdict]:
    """Return what became of `kind`, one benchmark of each suite."""
    return Counter(
        play(draw(recording, condition, rng, planted=[kind]), recording, policy).verdicts[-1] for _ in range(plays)
    )


def limited(limit: float, margin: float = POLICY.margin) -> Policy:
    """Return the policy with another limit of times, and another margin."""
    return replace(POLICY, margin=margin, rules=(replace(POLICY.rules[0], limit=limit), *POLICY.rules[1:]))


def demanded(recording: Recording, conditions: Sequence[str], replays: int, seed: int) -> Iterator[str]:
    """Yield rows: suites of edits that change nothing, blocked from the margin on, by two halves of the edits."""
    for margin in MARGINS:
        row = [f"{margin:.1%}"]
        for condition in conditions:
            members = changed_nothing(recording, condition)
            for half in (0, 1):
                rng = Random(f"{seed}:{condition}:{half}")
                mine = [each for each in members if zlib.crc32(" ".join(each).encode()) % 2 == half]
                policy = limited(0.0, margin)
                blocked = sum(
                    Verdict.REGRESSION in play(drawn_from(mine, recording, condition, rng), recording, policy).verdicts
                    for _ in range(replays)
                )
                row.append(f"{blocked} of {replays}")
        yield f"| {' | '.join(row)} |"


def theirs(recording: Recording, rival: Rival) -> list[str]:
    """Return a rival's row: blocked suites and comparisons of identical code, planted work that it caught."""
    row = []
    for condition in recording.pairs:
        suites, single = blocked(recording, condition, rival)
        row.append(f"{suites:.0%} ({single:.1%})")
        row.append(" / ".join(f"{detected(recording, condition, rival, kind):.0%}" for kind in CAUGHT))
    return row


def blocked(recording: Recording, condition: str, rival: Rival) -> tuple[float, float]:
    """Return which share of drawn suites of identical code a rival blocks, and of single benchmarks."""
    found: dict[int, list[bool]] = {}
    for moment, _, seen in cases(recording, condition, rival, SAME):
        found.setdefault(moment, []).append(rival.blocks(seen))
    rng = Random(f"{rival.name}:{condition}")
    suites = [any(rng.choices(at, k=MEMBERS)) for at in found.values() for _ in range(20)]
    return fmean(suites), fmean(one for at in found.values() for one in at)


def detected(recording: Recording, condition: str, rival: Rival, kind: str) -> float:
    """Return which share of planted work a rival blocks."""
    return fmean(rival.blocks(seen) for _, _, seen in cases(recording, condition, rival, kind))


def visible(recording: Recording, condition: str) -> list[float]:
    """Return the smallest effect that each workload's 4 s would block in 95 of 100 runs, whatever its limit."""
    level, found = POLICY.family_level / MEMBERS, []
    for name, values in recording.pairs[condition][SAME].items():
        pairs = planned_pairs(recording.pair_s[name], effort_s=NORMAL_EFFORT_S)
        margin, spread = math.log1p(POLICY.margin), paired.effect(values).sd
        found.append(math.expm1(visible_at_last(spread, pairs, margin=margin, limit=margin, level=level)))
    return sorted(found)


def edited(recording: Recording, kind: str) -> str:
    """Return a row of what makes nothing slower.

    rms t over the workloads (1 is chance alone), what the edit itself moved them by (the standard deviation of the
    effects, without what their own spread explains), the largest effect, how often blocked.
    """
    effects = [paired.effect(values) for values in recording.pairs["calm"][kind].values()]
    rms = math.sqrt(sum((found.mean / found.se) ** 2 for found in effects) / len(effects))
    moved = math.sqrt(max(0.0, sum(found.mean**2 - found.se**2 for found in effects) / len(effects)))
    largest = max(effects, key=lambda found: abs(found.mean))
    counts = caught(recording, "calm", kind, 200, Random(kind))
    cells = f"{rms:.2f} | {moved:.2%} | {math.expm1(largest.mean):+.1%}"
    return f"| {kind} | {cells} | {counts[Verdict.REGRESSION]} of {counts.total()} |"


def report(recording: Recording, replays: int, seed: int) -> None:
    """Print the tables."""
    there = recording.pairs["calm"].keys()
    print(f"{recording.machine}; recorded in {recording.taken_s / 60:.0f} min\n")
    columns = [
        "perfgate",
        "suites of 50, nothing new: blocked",
        "+7.5 % caught",
        "+10 % caught",
        "of these called a pass",
    ]
    columns += ["unchanged: inconclusive", "time of the fixed schedule", "visible at 4 s: median [worst]"]
    print(f"| {' | '.join(columns)} |\n|---|---|---|---|---:|---:|---:|---|")
    for condition in recording.pairs:
        seen = visible(recording, condition)
        cells = ours(recording, condition, replays, Random(f"{seed}:{condition}"))
        print(f"| {condition} | {' | '.join(cells)} | {median(seen):.1%} [{seen[-1]:.0%}] |", flush=True)
    print("\n| planted, calm | regression | inconclusive | pass |\n|---|---:|---:|---:|")
    for kind in (kind for kind in PLANTED if kind in there):
        counts = caught(recording, "calm", kind, 300, Random(f"{seed}:{kind}"))
        passed = counts[Verdict.PASS] + counts[Verdict.IMPROVEMENT]
        cells = [counts[Verdict.REGRESSION], counts[Verdict.INCONCLUSIVE], passed]
        print(f"| {kind} | {' | '.join(f'{count / counts.total():.1%}' for count in cells)} |")
    for condition in recording.pairs:
        if TWICE in recording.pairs[condition]:
            counts = caught(recording, condition, TWICE, 300, Random(f"{seed}:tight"), limited(TIGHT))
            print(
                f"\nlimit {TIGHT:.0%}, {condition}: {TWICE} caught {share(counts[Verdict.REGRESSION], counts.total())}"
            )
    recorded = [condition for condition in recording.pairs if changed_nothing(recording, condition)]
    if recorded:
        print("\nSuites of 50 edits that change nothing, with a limit of 0: blocked, by margin and half of the edits\n")
        halves = " | ".join(f"{condition}: first half | second half" for condition in recorded)
        print(f"| margin | {halves} |\n|---:|{'---:|---:|' * len(recorded)}")
        for row in demanded(recording, recorded, max(100, replays // 10), seed):
            print(row, flush=True)
    print("\n| the same work, calm | rms t | moved by itself | largest effect | blocked |\n|---|---:|---:|---:|---:|")
    print("\n".join(edited(recording, kind) for kind in there if kind in MODES or kind.startswith(EDIT)))
    print("\nBlocked suites of 50 with nothing new (and single benchmarks); caught +7.5 % / +10 %:\n")
    print(f"| other gates' rules | processes | {' | '.join(f'{c}: blocked | caught' for c in recording.pairs)} |")
    print(f"|---|---|{'---:|---:|' * len(recording.pairs)}")
    for rival in RIVALS:
        print(
            f"| {rival.name} | {rival.processes}, {rival.design} | {' | '.join(theirs(recording, rival))} |", flush=True
        )


def main() -> None:
    """Record, play, print; then live."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.decision", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="eight workloads, few pairs, no drift, nothing live")
    parser.add_argument("--recorded", type=Path, help="play this recording, record nothing")
    parser.add_argument("--edits", type=Path, default=NOOP, help="what benchmarks.noop recorded")
    parser.add_argument("--keep", type=Path, help="write a small part of the recording here, as the tests have one")
    parser.add_argument("--replays", type=int, default=3000, help="suites per condition")
    parser.add_argument("--live", type=int, default=60, help="runs of perfgate itself in which nothing changed")
    parser.add_argument("--seed", type=int, default=20261121)
    given = parser.parse_args()
    start = time.monotonic()
    size = FULL
    if given.quick:
        size, given.replays, given.live = QUICK, 100, 0
    if given.recorded:
        recording = Recording.load(given.recorded)
    else:
        with tempfile.TemporaryDirectory() as scratch:
            recording = record(Path(scratch), size, given.seed)
        recording.save(OUT)
    if given.keep:
        recording.thinned(workloads=8, kinds=(SAME, *CAUGHT)).save(given.keep)
    if given.edits.exists():
        recording.add_edits(given.edits)
    report(recording, given.replays, given.seed)
    if given.live:
        live.drawn_suites(given.live, given.seed)
    print(f"\n{(time.monotonic() - start) / 60:.1f} min")


if __name__ == "__main__":
    main()
