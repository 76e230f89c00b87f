"""Two canaries: what the machine did to base alone, and whether the pairs of a run are draws of their own.

Base is measured against itself in the same minutes; what differs there is no change of code. And the effect of a pair
says nothing of the next one's, or the intervals are too narrow. Where either is not so, nobody is blamed and nobody is
cleared: such a machine may tell any two processes of the same code apart, in either direction.
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
    """Return why the pairs of these minutes show nothing; empty where nothing speaks against them, or nobody looked.

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
            f"the effect of one pair foretold that of the next (a correlation of {pairs.correlation:.2f} over all "
            "benchmarks): something came and went in these minutes, so this run is invalid: run it again"
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
