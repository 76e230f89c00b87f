"""The canary: base measured against itself in the same minutes. What differs there is no change of code.

Where it does, nobody is blamed and nobody is cleared: a machine that tells two processes of the same code apart may
do so with all others, in either direction.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from perfgate.core.comparison import Evidence
from perfgate.core.model import Method
from perfgate.core.stats import paired
from perfgate.core.verdict import Judgement, Verdict, blocks

CONTROL_PAIRS = 6
CONTROL_LEVEL = 0.005  # one-sided, in either direction, and beyond the margin: one valid run in thousands

_IN_PAIRS = (Evidence.PAIRED, Evidence.COUNTED)


def disturbance(method: Method | None, margin: float) -> str:
    """Return what the machine did to base alone; empty where nothing was seen, or nobody looked.

    Args:
        margin: log ratio that an edit of nothing may make.
    """
    for control in method.controls if method else ():
        found = paired.effect(control) if len(control) >= CONTROL_PAIRS else None
        if found and found.p_beyond(margin) <= CONTROL_LEVEL:
            change = 100 * math.expm1(found.mean)
            return (
                f"base differed from itself by {change:+.1f} % in these minutes, so this run is invalid: run it again"
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
