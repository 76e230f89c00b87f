"""The pictures of docs/method.md, drawn from what `benchmarks.decision` and `benchmarks.noop` recorded.

    python -m benchmarks.pictures [--recorded out/decision.json.gz] [--edits out/noop.jsonl] [--to docs/images]

A picture whose recording is not there is left as it is.
"""

import argparse
import math
from pathlib import Path
from random import Random
from statistics import median

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from benchmarks.decision.__main__ import NOOP, OUT, POLICY, blocked, caught, detected, visible
from benchmarks.decision.record import PLANTED, SAME, Recording
from benchmarks.decision.replay import MEMBERS, draw, play
from benchmarks.decision.rivals import RIVALS
from benchmarks.noop.__main__ import NOW, Cell, kept
from perfgate.core.stats import paired
from perfgate.core.verdict import Verdict

PLAYS = 300
NEAR, MIDDLE = 12.0, 50.0  # per cent: names of what lies so close stand together, on the side with room
OURS, THEIRS = "#1f6feb", "#8b949e"
WORSE = "+7.5 %"
BEFORE = "before"  # as `benchmarks.noop --shims before=DIRECTORY` names them


def percent(log_ratio: float) -> float:
    """Return a log ratio as a percentage."""
    return 100 * math.expm1(log_ratio)


def noise(recording: Recording) -> Figure:
    """Identical code: what a process after another process seems to change, and what a pair does."""
    processes = [rounds for kind, rounds in recording.processes["calm"] if kind == SAME]
    blocks = [
        percent(math.log(median(head[name]) / median(base[name])))
        for base, head in zip(processes[::2], processes[1::2], strict=False)
        for name in base
    ]
    pairs = [percent(effect) for found in recording.pairs["calm"][SAME].values() for effect in found]
    figure, axes = plt.subplots(figsize=(7, 2.8))
    bins = [x / 2 for x in range(-30, 31)]
    for values, colour, label in ((blocks, THEIRS, "one process, then another"), (pairs, OURS, "a pair, in turns")):
        axes.hist(values, bins, density=True, color=colour, alpha=0.7, label=label)
    axes.set(xlabel="apparent change of identical code, %", yticks=[])
    axes.legend(frameon=False)
    return figure


def power(recording: Recording) -> Figure:
    """How often a planted slowdown is blocked, by its size."""
    sizes = [100 * share for share in PLANTED.values()]
    found = [caught(recording, "calm", kind, PLAYS, Random(kind)) for kind in PLANTED]
    figure, axes = plt.subplots(figsize=(7, 2.8))
    for verdict, colour in ((Verdict.REGRESSION, OURS), (Verdict.INCONCLUSIVE, "#d29922"), (Verdict.PASS, THEIRS)):
        shares = [100 * counts[verdict] / counts.total() for counts in found]
        axes.plot(sizes, shares, "o-", color=colour, label=str(verdict))
    axes.axvline(5, color="#d0d7de", zorder=0)
    axes.set(xlabel="planted, % of its own work (limit 5 %)", ylabel="% of runs")
    axes.legend(frameon=False)
    return figure


def rivals(recording: Recording) -> Figure:
    """Suites of identical code that are blocked, against regressions that are caught, by every rule."""
    figure, axes = plt.subplots(figsize=(7, 5))
    together: dict[tuple[int, int], tuple[tuple[float, float], list[str]]] = {}
    for rival in RIVALS:
        place = 100 * blocked(recording, "neighbour", rival)[0], 100 * detected(recording, "neighbour", rival, WORSE)
        axes.plot(*place, "o", color=THEIRS)
        near = round(place[0] / NEAR), round(place[1] / NEAR)
        together.setdefault(near, (place, []))[1].append(rival.name.partition(",")[0])
    for place, names in together.values():
        right = place[0] > MIDDLE
        text, align = "\n".join(dict.fromkeys(names)), "right" if right else "left"
        shift = (-6 if right else 6, 0)
        axes.annotate(text, place, fontsize=6, xytext=shift, textcoords="offset points", ha=align, va="center")
    rng = Random(0)
    played = [play(draw(recording, "neighbour", rng), recording, POLICY).verdicts for _ in range(PLAYS)]
    false = 100 * sum(Verdict.REGRESSION in verdicts for verdicts in played) / PLAYS
    counts = caught(recording, "neighbour", WORSE, PLAYS, rng)
    place = false, 100 * counts[Verdict.REGRESSION] / counts.total()
    axes.plot(*place, "o", color=OURS, markersize=9)
    axes.annotate("perfgate", place, color=OURS, xytext=(8, -4), textcoords="offset points", weight="bold")
    axes.set(
        xlabel=f"suites of {MEMBERS} with nothing new that are blocked, %", ylabel=f"{WORSE} that is blocked, %",
        xlim=(-3, 103), ylim=(-5, 108),
    )  # fmt: skip
    return figure


def seen(recording: Recording) -> Figure:
    """The smallest effect that 95 of 100 runs block, of each workload."""
    figure, axes = plt.subplots(figsize=(7, 2.4))
    for condition, colour in zip(recording.pairs, (OURS, "#d29922", THEIRS), strict=False):
        values = [100 * value for value in visible(recording, condition)]
        axes.plot(values, [100 * (n + 1) / len(values) for n in range(len(values))], color=colour, label=condition)
    axes.set(xlabel="smallest effect that is blocked in 95 of 100 runs, %", ylabel="% of workloads", xscale="log")
    axes.set_xticks([2, 3, 5, 10, 20, 50], ["2", "3", "5", "10", "20", "50"])
    axes.minorticks_off()
    axes.legend(frameon=False)
    return figure


def holes(cells: list[Cell]) -> Figure:
    """What 200 functions that nobody calls do to a benchmark: heap left as it falls, and with its holes closed."""
    kind = "unused functions"
    found = {cell.shims: cell.pairs["splitting"] for cell in cells if cell.suite == "one" and cell.kind == kind}
    figure, axes = plt.subplots(figsize=(7, 2.2))
    for height, (shims, label) in enumerate(((NOW, "holes closed"), (BEFORE, "holes left open"))):
        rng, change = Random(1), paired.effect(found[shims])
        heights = [height + rng.uniform(-0.2, 0.2) for _ in found[shims]]
        colour = OURS if shims == NOW else THEIRS
        axes.plot([percent(value) for value in found[shims]], heights, ".", color=colour, alpha=0.6)
        bounds = [percent(change.below(0.005)), percent(change.above(0.005))]
        axes.plot(bounds, [height, height], color="black", linewidth=3, solid_capstyle="butt")
        axes.annotate(
            f"{label}: {percent(change.mean):+.2f} % [{bounds[0]:+.2f}, {bounds[1]:+.2f}]",
            (0, height + 0.32),
            ha="center",
        )
    axes.axvline(0, color="#d0d7de", zorder=0)
    axes.set(xlabel="apparent change by an edit that changes nothing, %", yticks=[], ylim=(-0.4, 1.6))
    return figure


def main() -> None:
    """Draw them all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pictures")
    parser.add_argument("--recorded", type=Path, default=OUT)
    parser.add_argument("--edits", type=Path, default=NOOP)
    parser.add_argument("--to", type=Path, default=Path("docs/images"))
    given = parser.parse_args()
    mpl.rcParams.update(
        {"svg.hashsalt": "perfgate", "axes.spines.top": False, "axes.spines.right": False, "font.size": 9}
    )
    given.to.mkdir(parents=True, exist_ok=True)
    if given.recorded.exists():
        recording = Recording.load(given.recorded)
        for draw_it in (noise, power, rivals, seen):
            save(draw_it(recording), given.to / f"{draw_it.__name__}.svg")
    if cells := kept(given.edits):
        save(holes(cells), given.to / "holes.svg")


def save(figure: Figure, path: Path) -> None:
    """Write a picture."""
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    print(path)


if __name__ == "__main__":
    main()
