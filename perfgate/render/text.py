"""The report for a terminal: the verdict first, then what changed, then how to see it again."""

from perfgate.core.report import Report
from perfgate.core.verdict import BAD, UNKNOWN, Judgement, Verdict
from perfgate.render import phrases

PLOTTED = (*BAD, *UNKNOWN, Verdict.ACCEPTED, Verdict.IMPROVEMENT)
SHOW_ALL = 15  # rows up to which the unchanged are listed too: they fit on a screen


def render(report: Report) -> str:
    """Return the report as plain text."""
    changed = report.of(*BAD) + report.of(Verdict.ACCEPTED) + report.of(Verdict.IMPROVEMENT)
    unsettled = report.of(*UNKNOWN)
    quiet = report.of(Verdict.NEW) + report.of(Verdict.PASS, Verdict.SKIPPED)
    shown = quiet if len(report.judgements) <= SHOW_ALL else report.of(Verdict.NEW)
    parts = [
        phrases.headline(report),
        f"{phrases.name(str(report.base.revision))} → {phrases.name(str(report.head.revision))}",
        f"⚠️ {phrases.busy(report)}" if phrases.busy(report) else "",
        *(_table(rows) for rows in (changed, unsettled, shown) if rows),
        f"{len(quiet) - len(shown)} results without a change are not listed; --format markdown lists all"
        if len(shown) < len(quiet)
        else "",
        "\n".join(f"note: {text}" for text in phrases.doubts(report)),
        "\n".join(
            line
            for line in (
                phrases.method(report),
                phrases.enough(report),
                f"try: {phrases.advice(report)}" if phrases.all_skipped(report) else "",
                f"again: {phrases.line(report.repeat)}" if report.repeat else "",
            )
            if line
        ),
    ]
    return "\n\n".join(part for part in parts if part)


def _table(rows: tuple[Judgement, ...]) -> str:
    shown = phrases.alike(rows)
    cells = [_cells(row, many) for row, many in shown]
    widths = [max(len(line[column]) for line in cells) for column in range(4)]
    lines = []
    for (row, _), line in zip(shown, cells, strict=True):
        columns = [
            line[0].ljust(widths[0]),
            line[1].ljust(widths[1]),
            line[2].rjust(widths[2]),
            line[3].ljust(widths[3]),
        ]
        lines.append(f"  {'  '.join(columns)}".rstrip())
        if row.verdict in PLOTTED and (plot := phrases.plot(row)):
            lines.append(f"      {plot}")
        if reason := phrases.why(row):
            lines += [f"      {part}" for part in reason.splitlines()]
    return "\n".join(lines)


def _cells(row: Judgement, many: int) -> tuple[str, str, str, str]:
    word = {Verdict.PASS: "unchanged", Verdict.IMPROVEMENT: "improved"}.get(row.verdict, str(row.verdict))
    if many > 1:
        return word, f"{many} benchmarks, {phrases.name(row.name)} among them", "", ""
    if row.comparison is None:
        return word, phrases.name(row.name), "", ""
    base, head = phrases.levels(row.comparison)
    limit = f"(limit {phrases.limit(row)})" if row.rule else ""
    return (
        word,
        phrases.name(row.name),
        f"{base} → {head}",
        f"{phrases.changed(row.comparison)}  {limit}",
    )
