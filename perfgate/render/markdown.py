"""The report as GitHub-flavoured Markdown: what a reviewer reads in the comment and the job summary.

Everything that comes from a benchmark or a command is put into code spans and escaped here, never in the
template.
"""

import re

from jinja2 import Environment, PackageLoader, StrictUndefined

from perfgate.core.judge import BAD, UNKNOWN, Judgement, Verdict
from perfgate.core.report import Report
from perfgate.render import phrases


def render(report: Report) -> str:
    """Return the report as Markdown, without trailing blank lines."""
    loader = PackageLoader("perfgate", "render/templates")
    # Not HTML: what would be escaped for HTML is put into code spans by `code` instead.
    environment = Environment(loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)  # noqa: S701
    environment.filters |= {"code": code, "cell": cell}
    text = environment.get_template("report.md.j2").render(
        report=report,
        phrases=phrases,
        changed=report.of(*BAD) + report.of(Verdict.ACCEPTED) + report.of(Verdict.IMPROVEMENT),
        unsettled=report.of(*UNKNOWN),
        everything=sorted(report.judgements, key=lambda row: row.name),
        row=_row,
    )
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def code(text: str) -> str:
    """Return `text` as a code span that nothing in it can end, break a table with, or mention somebody from."""
    safe = phrases.name(text).replace("|", "\\|")
    longest = max((len(run) for run in re.findall("`+", safe)), default=0)
    fence = "`" * (longest + 1)
    space = " " if longest else ""
    return f"{fence}{space}{safe or ' '}{space}{fence}"


def cell(text: str) -> str:
    """Return plain words fit for a table cell; an @ mentions nobody."""
    plain = phrases.line(" ".join(text.split()))
    return re.sub(r"([\\`*_{}\[\]<>|@#!~])", r"\\\1", plain).replace("@", "@\u2060")


def _row(row: Judgement, *, p: bool = False) -> str:
    """Return one table row; `p` adds Mann-Whitney's, which informs and does not decide."""
    icon, name, limit = phrases.ICONS[row.verdict], code(row.name), cell(phrases.limit(row))
    if row.comparison is None:
        return f"| {icon} | {name} | | | {row.verdict} | {limit} |{' |' if p else ''}"
    base, head = phrases.levels(row.comparison)
    change = phrases.change(row.comparison.change)
    bold = f"**{change}**" if row.verdict in (Verdict.REGRESSION, Verdict.ACCEPTED, Verdict.IMPROVEMENT) else change
    last = f" {row.comparison.p:.2g} |" if p else ""
    return f"| {icon} | {name} | {base} | {head} | {bold} | {limit} |{last}"
