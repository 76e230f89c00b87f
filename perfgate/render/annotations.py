"""The report as workflow commands: GitHub shows each as an annotation of the run and of the pull request.

Of annotations GitHub keeps ten of each level a step.
"""

from perfgate.core.report import Report
from perfgate.core.verdict import BAD, UNKNOWN, Judgement
from perfgate.render import phrases
from perfgate.render.command import command

MOST = 10  # of one level


def render(report: Report) -> str:
    """Return one line for each row that is worth one: what blocks as an error, what else is wrong as a warning."""
    errors = [row for row in report.of(*BAD) if row.blocks]
    warnings = [row for row in report.of(*BAD, *UNKNOWN) if not row.blocks]
    return "\n".join(
        command(level, f"perfgate: {row.verdict}", _said(row))
        for level, rows in (("error", errors), ("warning", warnings))
        for row in rows[:MOST]
    )


def _said(row: Judgement) -> str:
    if row.comparison is None:
        return f"{phrases.name(row.name)}: {phrases.why(row)}"
    base, head = phrases.levels(row.comparison)
    change = phrases.changed(row.comparison)
    words = [f"{phrases.name(row.name)}: {base} → {head}, {change} (limit {phrases.limit(row)})", phrases.why(row)]
    return "\n".join(word for word in words if word)
