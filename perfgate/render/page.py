"""The report as one page that needs nothing else: the verdict, a table to sort and filter, every pair drawn.

Drawn by a script in the page from the numbers in it; without scripts the table says it all.
"""

import base64
import hashlib
import math
from typing import Any

from perfgate.core.comparison import Comparison, sign
from perfgate.core.report import Report
from perfgate.core.stats.scale import Scale
from perfgate.core.verdict import BAD, UNKNOWN, Judgement, Verdict
from perfgate.render import html, phrases

MOST_DRAWN = 2_000  # rows of which the pairs are in the page, worst first: ten thousand would be 20 MB
OPENED = (*BAD, *UNKNOWN, Verdict.ACCEPTED, Verdict.IMPROVEMENT)
MOST_OPENED = 20
DIGITS = 5
FURTHEST = 1e9  # to sort by, of what has no ratio: JavaScript reads no infinity


def render(report: Report) -> str:
    """Return the report as HTML."""
    rows = report.of(*Verdict)
    scripts = [html.asset(name) for name in ("site.js", "report.js")]
    return (
        html.environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            phrases=phrases,
            rows=rows,
            drawn=[_drawn(row, report) if row.comparison else None for row in rows[:MOST_DRAWN]],
            opened={row.name for row in rows[:MOST_OPENED] if row.verdict in OPENED},
            left_out=max(0, len(rows) - MOST_DRAWN),
            style=html.asset("site.css"),
            scripts=scripts,
            hashes=" ".join(f"'sha256-{_hash(script)}'" for script in scripts),
            worse=_worse,
        )
    )


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _worse(row: Judgement) -> float:
    """Return what to sort a row's change by: the share by which head is worse."""
    if row.comparison is None:
        return FURTHEST
    ratio, towards = row.comparison.change.ratio, sign(row.comparison.sli.metric)
    if not 0 < ratio < math.inf:
        return FURTHEST * towards * (1 if ratio > 0 else -1)
    return towards * math.log(ratio)


def _drawn(row: Judgement, report: Report) -> dict[str, Any] | None:
    """Return what a row's picture shows: changes in per cent, levels in the metric's unit."""
    c = row.comparison
    assert c is not None
    towards = sign(c.sli.metric)

    def lost(share: float) -> float:
        return round(100 * c.scale.share(towards * c.scale.of(share)), 3)

    signs = c.scale is Scale.SIGN
    return {
        "pairs": [] if signs else [round(100 * c.scale.share(towards * effect), 3) for effect in c.log_ratios],
        "change": [_bound(100 * (bound - 1)) for bound in (c.change.low, c.change.ratio, c.change.high)],
        "limit": lost(row.rule.limit) if row.rule and not signs else None,
        "margin": 0.0 if signs else lost(report.margin),
        "levels": [[_rounded(value) for value in side] for side in _levels(c)],
        "scales": phrases.scales(c.sli.metric.unit),
        "text": phrases.changed(c),
    }


def _levels(c: Comparison) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return c.levels if all(c.levels) else ((c.base,), (c.head,))


def _bound(percent: float) -> float | None:
    return round(percent, 3) if math.isfinite(percent) else None


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
