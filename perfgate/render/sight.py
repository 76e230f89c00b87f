"""What `perfgate doctor` says of a project's benchmarks, as text."""

import math
from collections.abc import Iterator

from perfgate.core.fitness import GOAL, Fitness, Sight
from perfgate.core.model import Design
from perfgate.render import phrases

COLUMNS = (
    "benchmark",
    "level",
    "noise of a pair",
    "two builds differ by",
    "blocks from",
    "limit",
    "lowest usable limit",
)
CHANCE = 0.01  # p below which two builds differ by more than that


def sight(found: Fitness, budget_s: float) -> str:
    """Return a table of what a comparison sees of each SLI, what is unfit and what to do, and what it all takes."""
    rows = [COLUMNS, *(_row(each) for each in sorted(found.sights, key=_worst_first))]
    return "\n".join([*phrases.table(rows), "", *_unfit(found), *_blind(found), *_whole(found, budget_s)])


def _worst_first(each: Sight) -> float:
    return -math.inf if each.visible is None else -each.visible / max(each.limit, 1e-9)


def _row(each: Sight) -> tuple[str, ...]:
    return (
        phrases.name(str(each.sli)),
        phrases.value(each.level, each.sli.metric.unit),
        f"{100 * each.spread:.2g} %" if math.isfinite(each.spread) else "?",
        phrases.change(each.change),
        f"{100 * each.visible:.1f} %" if each.visible is not None else f"? in {each.pairs} pairs",
        phrases.share(each.limit),
        phrases.share(each.holds) if each.holds else "?" if each.visible is None else "none",
    )


def _unfit(found: Fitness) -> Iterator[str]:
    for benchmark, faults in found.faults.items():
        yield f"unfit: {phrases.name(str(benchmark))}"
        for fault in faults:
            yield f"  {fault.code}: {phrases.line(fault.what)}"
            yield f"    try: {fault.do}"
        yield ""


def _blind(found: Fitness) -> Iterator[str]:
    """Say what it would take, where a comparison misses what it should see."""
    for each in found.sights:
        if each.visible is None or each.visible <= GOAL * each.limit:
            continue
        words = "no --effort is enough" if each.effort_s is None else f"--effort {math.ceil(each.effort_s)}s"
        words = "a longer duration, or more starts" if each.design is Design.LOAD else words
        yield f"to block from {phrases.share(GOAL * each.limit)} of {phrases.name(str(each.sli))}: {words}"


def _whole(found: Fitness, budget_s: float) -> Iterator[str]:
    if found.p_alike is not None:
        words = "no more than chance explains" if found.p_alike >= CHANCE else "by more than chance explains"
        yield f"the two builds differ {words} (p {found.p_alike:.2g})"
    takes = f"a comparison takes up to {phrases.seconds(found.takes_s)} of measuring, less where the answer is clear"
    over = f", and its budget is {phrases.seconds(budget_s)}: raise it" if found.takes_s > budget_s else ""
    yield takes + over
    if any(each.visible is None for each in found.sights):
        yield "some benchmarks got too few pairs for a figure: give them more time, as in --budget 5m"
