"""The report as GitHub-flavoured Markdown: what a reviewer reads in the comment and the job summary.

Everything that comes from a benchmark or a command is put into code spans and escaped here, never in the
template.
"""

import math
import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from perfgate.core.acceptance import PLACEHOLDER, TRAILER
from perfgate.core.comparison import worsening
from perfgate.core.report import Report
from perfgate.core.verdict import BAD, UNKNOWN, Judgement, Verdict
from perfgate.render import phrases

LONGEST_TEXT = 600  # characters of one warning or reason
_LINKING = re.compile(r"@|#|://|www|GH-(?=\d)|\b[0-9a-f]{7,64}\b|:(?=[\w+-]+:)", re.IGNORECASE)
_STEPS = (1_000, 300, 100, 30, 10, 3, 1)


def render(report: Report) -> str:
    """Return the report as Markdown, without trailing blank lines."""
    return _render(report, most=len(report.judgements) + len(report.warnings))


def fitted(report: Report, *, room: int) -> str:
    """Return the report in at most `room` characters: whole rows are left out, the worst are kept.

    Args:
        room: above 1,000; where not even one row of each kind fits, the verdict stands alone.
    """
    page = render(report)
    for most in _STEPS:
        if len(page) <= room:
            return page
        page = _render(report, most=most)
    if len(page) > room:
        first = f"### {cell(phrases.headline(report))} — {cell(phrases.advice(report))}"
        page = f"{first}\n\nThe rest is too long to be shown here."
    return page


def _render(report: Report, *, most: int) -> str:
    worst, left_out = _cut(report.of(*Verdict), most)
    text = (
        _environment()
        .get_template("report.md.j2")
        .render(
            report=report,
            phrases=phrases,
            changed=_cut(report.of(*BAD) + report.of(Verdict.ACCEPTED) + report.of(Verdict.IMPROVEMENT), most),
            unsettled=_cut(report.of(*UNKNOWN), most),
            everything=(sorted(worst, key=lambda row: row.name), left_out),
            doubts=_cut(phrases.doubts(report), most),
            most=most,
            acceptable=any(row.blocks for row in report.of(Verdict.REGRESSION, Verdict.MISSING)),
            example=_example(report),
            row=_row,
        )
    )
    return re.sub(r"\n{3,}", "\n\n", text).strip()


@cache
def _environment() -> Environment:
    loader = PackageLoader("perfgate", "render/templates")
    # Not HTML: what would be escaped for HTML is put into code spans by `code` instead.
    made = Environment(  # noqa: S701
        loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, auto_reload=False
    )
    made.filters |= {"code": code, "cell": cell}
    return made


def _cut(rows: Sequence[Any], most: int) -> tuple[Sequence[Any], int]:
    """Return the first rows, and how many are left out."""
    return rows[:most], max(0, len(rows) - most)


def _example(report: Report) -> str:
    """Return the line by which the worst of what blocks would be accepted."""
    rows = [row for row in report.of(Verdict.REGRESSION, Verdict.MISSING) if row.blocks]
    if not rows or any(char.isspace() or char in "*?" for char in rows[0].name):  # what follows is a glob
        return ""
    c = rows[0].comparison
    bound = f" up to {math.ceil(110 * worsening(c)) + 1}%" if c and math.isfinite(worsening(c)) else ""
    return f"{TRAILER}: {rows[0].name}{bound} {PLACEHOLDER}"


def code(text: str, longest: int = phrases.LONGEST_NAME) -> str:
    """Return `text` as a code span that nothing in it can end, break a table, or mention a person."""
    safe = phrases.name(text, longest)
    ticks = max((len(run) for run in re.findall("`+", safe)), default=0)
    fence = "`" * (ticks + 1)
    space = " " if ticks else ""
    return f"{fence}{space}{safe or ' '}{space}{fence}"


def cell(text: str, longest: int = LONGEST_TEXT) -> str:
    """Return plain words fit for a table cell, that mention, link and format nothing."""
    plain = phrases.name(" ".join(text.split()), longest)
    # Mentions, numbers of issues, links, commits and emoji that were not meant as such.
    plain = _LINKING.sub(lambda found: f"{found[0][0]}\u2060{found[0][1:]}", plain)
    return re.sub(r"([\\`*_{}\[\]<>|@#!~&$])", r"\\\1", plain)


def _row(row: Judgement, *, p: bool = False) -> str:
    """Return one table row with its interval; `p` has Mann-Whitney's instead, which informs and does not decide."""
    icon, name, limit = phrases.ICONS[row.verdict], code(row.name).replace("|", "\\|"), cell(phrases.limit(row))
    if row.comparison is None:
        return f"| {icon} | {name} | | | {row.verdict} | {limit} | |"
    base, head = phrases.levels(row.comparison)
    change = phrases.changed(row.comparison)
    bold = f"**{change}**" if row.verdict in (Verdict.REGRESSION, Verdict.ACCEPTED, Verdict.IMPROVEMENT) else change
    plot = phrases.plot(row)
    last = f"{row.comparison.p:.2g}" if p else plot and code(plot)
    return f"| {icon} | {name} | {base} | {head} | {bold} | {limit} | {last} |"
