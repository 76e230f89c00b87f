"""Two checks that a run is valid: base does not differ from itself, and neighbouring pairs are not correlated.

The canary measures base against itself in the same minutes, so a difference there is not caused by the code. Correlated
pairs contain less information than their number suggests, which makes the intervals too narrow. If either check fails,
all results from pairs become inconclusive: such a machine could show a difference in either direction.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from perfgate.core.comparison import Comparison, Evidence
from perfgate.core.model import Method
from perfgate.core.stats import paired
from perfgate.core.stats.serial import serial
from perfgate.core.verdict import Judgement, Verdict, blocks

CONTROL_PAIRS = 6
CONTROL_LEVEL = 0.005  # one-sided, in either direction, and beyond the margin: one valid run in thousands
MOST_SERIAL = 0.2  # correlation of a pair's effect with the next one's, up to which intervals are wide enough

_IN_PAIRS = (Evidence.PAIRED, Evidence.COUNTED)


def disturbance(method: Method | None, comparisons: Sequence[Comparison], margin: float) -> str:
    """Return why the run is invalid; empty if it is valid, or has too few pairs to check.

    Args:
        comparisons: all of the run.
        margin: log ratio that an edit of nothing may make.
    """
    for control in method.controls if method else ():
        found = paired.effect(control) if len(control) >= CONTROL_PAIRS else None
        if found and found.p_beyond(margin) <= CONTROL_LEVEL:
            change = 100 * math.expm1(found.mean)
            return (
                f"base differed from itself by {change:+.1f} % in these minutes, so this run is invalid: run it again"
            )
    pairs = serial([c.log_ratios for c in comparisons if c.evidence is Evidence.PAIRED], allowed=MOST_SERIAL)
    if pairs and pairs.p <= CONTROL_LEVEL:
        return (
            f"the effects of neighbouring pairs were correlated ({pairs.correlation:.2f} over all benchmarks), so the "
            "noise came in waves and this run is invalid: run it again"
        )
    return ""


def withheld(rows: Sequence[Judgement], text: str) -> list[Judgement]:
    """Return the rows; where pairs decided, as inconclusive, with why."""
    return [
        replace(
            row, verdict=Verdict.INCONCLUSIVE, blocks=blocks(Verdict.INCONCLUSIVE, row.rule), text=text, needs=None,
            visible=None,
        )
        if row.comparison and row.comparison.evidence in _IN_PAIRS
        else row
        for row in rows
    ]  # fmt: skip
