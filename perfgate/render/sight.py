"""What `perfgate doctor` says of a project's benchmarks, as text."""

import math
from collections.abc import Iterator

from perfgate.core.fitness import GOAL, Fitness, Sight
from perfgate.render import phrases

COLUMNS = ("benchmark", "level", "spread of a pair", "two builds differ by", "sees from", "limit")
HONEST = 1.5  # rms t up to which a few SLIs come by chance


def sight(found: Fitness, budget_s: float) -> str:
    """Return a table of what a comparison sees of each SLI, what is unfit and what to do, and what it all takes."""
    rows = [COLUMNS, *(_row(each) for each in sorted(found.sights, key=_worst_first))]
    widths = [max(len(row[place]) for row in rows) for place in range(len(COLUMNS))]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows]
    return "\n".join([*lines, "", *_unfit(found), *_blind(found), *_whole(found, budget_s)])


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
        words = "no time is enough" if each.needed_s is None else f"--effort {math.ceil(each.needed_s)}s"
        yield f"to see {phrases.share(GOAL * each.limit)} of {phrases.name(str(each.sli))}: {words}"


def _whole(found: Fitness, budget_s: float) -> Iterator[str]:
    if found.rms_t is not None:
        words = "as chance has it" if found.rms_t <= HONEST else "by more than chance"
        yield f"two builds differ {words}: rms t {found.rms_t:.2f} (1 is chance alone)"
    takes = f"a comparison takes {phrases.seconds(found.takes_s)} at most, less where the answer is clear"
    over = f", and its budget is {phrases.seconds(budget_s)}: raise it" if found.takes_s > budget_s else ""
    yield takes + over
    if any(each.visible is None for each in found.sights):
        yield "too few pairs to say more of some: give them more time, as in --budget 5m"
