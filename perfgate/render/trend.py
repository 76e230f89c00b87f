"""What the stored runs say, as text: what changed and stands, then what drifted, then every trend in one line."""

from perfgate.core.budget import Budget
from perfgate.core.comparison import Change
from perfgate.core.history import FEWEST_RUNS, Replay, Shift, Trend
from perfgate.core.model import Kind, Sli
from perfgate.core.past import Past
from perfgate.core.verdict import Verdict
from perfgate.render import phrases

SHOWN_ALARMS = 10  # of a replay
SHOWN_PERIODS = 5


def render(past: Past) -> str:
    """Return the history as plain text."""
    drifted = [trend for trend in past.trends if trend.drift and trend.drift.exceeded]
    shifted = [(trend, shift) for trend in past.trends for shift in trend.shifts if (trend, shift) not in past.alarms]
    parts = [
        _headline(past, len(drifted)),
        _block(f"Slower since {past.since}, and still so", [_shift(*alarm) for alarm in past.alarms]),
        _block("Drifted beyond the budget", [_drift(trend) for trend in drifted]),
        _block("Other changes of level", [_shift(*shift) for shift in shifted]),
        _block("Error budgets", [line for budget in past.budgets for line in _budget(budget)]),
        _block("Trends", [_line(trend) for trend in past.trends]),
        *(_replay(label, replay) for label, replay in past.replays),
        "\n".join(f"note: {phrases.line(text)}" for text in notes(past)),
    ]
    return "\n\n".join(part for part in parts if part)


def _headline(past: Past, drifted: int) -> str:
    count = len(past.alarms)
    said = [f"{count} change{'s' * (count != 1)} for the worse"] if count else []
    said += [f"{drifted} drifted beyond the budget"] if drifted else []
    spent = sum(budget.left < 0 for budget in past.budgets)
    said += [f"{spent} error budget{'s' * (spent != 1)} used up"] if spent else []
    if not past.trends:
        parts = [
            f"❔ no stored runs of these benchmarks for the commits of HEAD's history in {past.place}",
            "try: perfgate record (stores a run of HEAD), or perfgate baseline list (shows what is stored)",
        ]
        return "\n\n".join([*parts, *(f"note: {phrases.line(text)}" for text in notes(past))])
    fine = (
        "❔ too few runs to tell whether something got worse" if past.unknown else "✅ nothing got worse and stayed so"
    )
    what = f"❌ {' · '.join(said)}" if said else fine
    series = len({(trend.sli, trend.environment) for trend in past.trends})
    return f"{what} since {past.since} · {series} series of {past.runs:,} stored runs in {past.place}"


def _block(title: str, lines: list[str]) -> str:
    return "\n".join([title, *(f"  {line}" for line in lines)]) if lines else ""


def _shift(trend: Trend, shift: Shift) -> str:
    unit = trend.sli.metric.unit
    levels = f"{phrases.value(shift.before, unit)} → {phrases.value(shift.level, unit)}"
    change = phrases.change(Change(ratio=shift.ratio, low=shift.low, high=shift.high))
    gone = "  (went away)" if shift.went_away else ""
    commits = f"{shift.after[:9]}..{shift.until[:9]}"
    return f"{phrases.name(str(trend.sli))}  {levels}  {change}  {commits}, likeliest {shift.at[:9]}{gone}"


def _drift(trend: Trend) -> str:
    assert trend.drift is not None
    found = Change(ratio=trend.drift.ratio, low=trend.drift.low, high=trend.drift.high)
    return f"{phrases.name(str(trend.sli))}  {phrases.change(found)} since {phrases.line(trend.drift.since)}"


def _budget(budget: Budget) -> list[str]:
    """Return what is left of an error budget, then how fast each release burned it."""
    unit = budget.sli.metric.unit
    may = (1 - budget.objective) * budget.runs
    slo = f"SLO {phrases.value(budget.slo, unit)} in {100 * budget.objective:g} % of the runs"
    head = (
        f"{phrases.name(str(budget.sli))}  {slo}"
        f"  missed {budget.missed} of {budget.runs}, {may:.1f} may  {100 * budget.left:.0f} % of the budget left"
    )
    burns = [
        f"{phrases.line(p.name)}: burn {p.burn:.1f} ({p.missed} of {p.runs})" for p in budget.periods[-SHOWN_PERIODS:]
    ]
    return [head, f"  {', '.join(burns)}"]


def _line(trend: Trend) -> str:
    values = trend.points.values
    last = phrases.value(values[-1], trend.sli.metric.unit)
    since = ""
    if trend.drift is not None:
        found = Change(ratio=trend.drift.ratio, low=trend.drift.low, high=trend.drift.high)
        since = f"  {phrases.change(found)} since {phrases.line(trend.drift.since)}"
    return f"{phrases.sparkline(values):{phrases.WIDTH}}  {last:>9}  {phrases.name(str(trend.sli))}{since}"


def _replay(label: str, replay: Replay) -> str:
    counts = ", ".join(f"{count:,} {verdict}" for verdict in Verdict if (count := replay.verdicts.get(verdict)))
    wolf = len(replay.alarms) - replay.confirmed
    lines = [
        f"{replay.runs:,} runs judged against the runs before them: {counts or 'no run has one before it'}",
        f"{len(replay.alarms)} regressions, {replay.confirmed} of them at a change that stayed; false alarms: {wolf}",
    ]
    by_sli: dict[Sli, list[str]] = {}
    for commit, sli in replay.alarms:
        by_sli.setdefault(sli, []).append(commit)
    most = sorted(by_sli.items(), key=lambda item: (-len(item[1]), str(item[0])))
    lines += [
        f"  {len(commits)} x {phrases.name(str(sli))}, last {commits[-1][:9]}" for sli, commits in most[:SHOWN_ALARMS]
    ]
    return _block(f"With {phrases.line(label)}", lines)


def notes(past: Past) -> list[str]:
    """Return what a reader must know of what is not there."""
    short = sum(len(trend.points) < FEWEST_RUNS and trend.sli.metric.kind is Kind.NOISY for trend in past.trends)
    environments = len({trend.environment for trend in past.trends})
    why = ", or this shallow clone lacks: git fetch --unshallow" if past.shallow else ""
    return [
        *past.faults,
        *([f"{short} of these series have fewer than {FEWEST_RUNS} runs, too few to find a change"] if short else []),
        *(
            [f"{environments} environments; each has its own series, because their times cannot be compared"]
            if environments > 1
            else []
        ),
        *(
            [f"{past.elsewhere:,} stored runs are of commits that HEAD does not descend from{why}"]
            if past.elsewhere
            else []
        ),
    ]
