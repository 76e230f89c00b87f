"""The report as workflow commands: GitHub shows each as an annotation of the run and of the pull request.

Limits are GitHub's: of annotations ten of each level a step are kept, a message is cut at 4,096 characters.
"""

from perfgate.core.judge import BAD, UNKNOWN, Judgement
from perfgate.core.report import Report
from perfgate.render import phrases

MOST = 10  # of one level
LONGEST = 4_000  # characters of a message


def render(report: Report) -> str:
    """Return one line for each row that is worth one: what blocks as an error, what else is wrong as a warning."""
    errors = [row for row in report.of(*BAD) if row.blocks]
    warnings = [row for row in report.of(*BAD, *UNKNOWN) if not row.blocks]
    return "\n".join(
        _command(level, row) for level, rows in (("error", errors), ("warning", warnings)) for row in rows[:MOST]
    )


def _command(level: str, row: Judgement) -> str:
    title = _escaped(f"perfgate: {row.verdict}").replace(":", "%3A").replace(",", "%2C")
    return f"::{level} title={title}::{_escaped(_said(row)[:LONGEST])}"


def _said(row: Judgement) -> str:
    if row.comparison is None:
        return f"{phrases.name(row.name)}: {phrases.why(row)}"
    base, head = phrases.levels(row.comparison)
    change = phrases.change(row.comparison.change)
    words = [f"{phrases.name(row.name)}: {base} → {head}, {change} (limit {phrases.limit(row)})", phrases.why(row)]
    return "\n".join(word for word in words if word)


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
