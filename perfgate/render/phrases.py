"""What a report's parts are called and how its numbers are written, the same in every format.

Numbers are given to the digits that their interval supports, names made safe for one line.
"""

import math
import unicodedata
from collections import Counter
from collections.abc import Sequence

from perfgate.core.comparison import Change, Comparison, Evidence, sign
from perfgate.core.model import PREPARING, Design
from perfgate.core.policy import Rule
from perfgate.core.question import FEWEST_STORED
from perfgate.core.report import Outcome, Report, Trail
from perfgate.core.schedule import effort_for
from perfgate.core.skips import install_advice
from perfgate.core.units import Unit, written_budget
from perfgate.core.verdict import UNKNOWN, Judgement, Verdict
from perfgate.errors import Exit
from perfgate.render.command import harmless

LONGEST_NAME = 160
LONGEST_REASON = 400
FEW_ALIKE = 3  # rows without numbers that say the same; more are told as one
REASON_LINES = 5  # of what a failed benchmark said; the report as JSON has all

ICONS = {
    Verdict.REGRESSION: "❌",
    Verdict.ACCEPTED: "☑️",
    Verdict.FAILED: "🚫",
    Verdict.MISSING: "🚫",
    Verdict.INCONCLUSIVE: "❔",
    Verdict.NO_BASELINE: "❔",
    Verdict.IMPROVEMENT: "🚀",
    Verdict.NEW: "🆕",
    Verdict.PASS: "✅",
    Verdict.SKIPPED: "⏭️",
}
COUNTED = {
    Verdict.REGRESSION: ("regression", "regressions"),
    Verdict.ACCEPTED: ("accepted", "accepted"),
    Verdict.FAILED: ("failed", "failed"),
    Verdict.MISSING: ("missing", "missing"),
    Verdict.IMPROVEMENT: ("improved", "improved"),
    Verdict.PASS: ("unchanged", "unchanged"),
    Verdict.INCONCLUSIVE: ("inconclusive", "inconclusive"),
    Verdict.NO_BASELINE: ("without a baseline", "without a baseline"),
    Verdict.NEW: ("new", "new"),
    Verdict.SKIPPED: ("skipped", "skipped"),
}
"""In the order of the headline."""
_OPENINGS = {
    Outcome.REGRESSION: "❌",
    Outcome.INCOMPLETE: "🚫 not everything could be measured ·",
    Outcome.INCONCLUSIVE: "❔ not everything could be decided ·",
    Outcome.NO_BASELINE: "❔ nothing to compare with ·",
    Outcome.PASS: "✅ no regression ·",
}
_ADVICE = {
    Outcome.REGRESSION: "make it faster, or accept it",
    Outcome.INCOMPLETE: "fix the failed benchmarks and restore the missing ones",
    Outcome.INCONCLUSIVE: "measure longer: raise --effort or --budget",
    Outcome.NO_BASELINE: "record a baseline first",
}
_BARS = "▁▂▃▄▅▆▇█"
WIDTH = 40  # of a line of bars
PLOT = 19  # of an interval: a comment is narrow
_SCALES: dict[Unit, tuple[tuple[float, str], ...]] = {
    Unit.SECOND: ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")),
    Unit.BYTE: ((2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"), (1.0, "B")),
    Unit.PER_SECOND: ((1e6, "M/s"), (1e3, "k/s"), (1.0, "/s")),
    Unit.SHARE: ((0.01, "%"),),
    Unit.ONE: ((1.0, ""),),
}
_PLURAL = ("instructions", "calls", "allocations")  # told how they repeat
_DESIGNS = {
    Design.TURNS: "pairs of fresh processes taking turns on one CPU",
    Design.SEQUENTIAL: "pairs of fresh processes, one after the other",
    Design.LOAD: "starts of both services under the same load",
    Design.ALONE: "fresh processes of one side at a time",
}


def headline(report: Report) -> str:
    """Return the verdict in one line, as in "❌ 1 regression · 2 improved · 38 unchanged"."""
    counts = report.counts
    parts = [f"{counts[v]} {words[counts[v] > 1]}" for v, words in COUNTED.items() if v in counts]
    opening = _OPENINGS[report.outcome]
    if report.outcome is Outcome.PASS and Verdict.REGRESSION in counts:
        opening = "⚠️ nothing that blocks ·"
    elif report.outcome is Outcome.PASS and report.mostly_skipped:
        opening = "⚠️ no regression in what was measured ·"
    if all_skipped(report):
        opening = "🚫 nothing was measured ·"
    skipped = [f"{each.skipped} of {each.of} in suite {name(each.suite, 40)} skipped" for each in report.mostly_skipped]
    if skipped and not all_skipped(report):
        parts = [part for part in parts if not part.endswith(" skipped")] + skipped
    return f"{opening} {' · '.join(parts) or 'nothing was measured'}"


def all_skipped(report: Report) -> bool:
    """Return whether every benchmark was skipped, so that nothing is known."""
    return bool(report.judgements) and all(row.verdict is Verdict.SKIPPED for row in report.judgements)


def advice(report: Report) -> str:
    """Return what a reader has to do, in a few words."""
    if report.exit_code == Exit.PASSED:
        return "no action needed"
    if all_skipped(report):
        reasons = [row.text for row in report.judgements]
        return install_advice(reasons) or "make the benchmarks run: every one of them was skipped"
    return _ADVICE[report.outcome]


def trail(found: Trail) -> str:
    """Return what was recorded of an SLI, as a line of bars and its ends."""
    unit = found.sli.metric.unit
    return f"{sparkline(found.values)} {value(found.values[0], unit)} → {value(found.values[-1], unit)}"


def sparkline(values: Sequence[float]) -> str:
    """Return values (n >= 1) as a line of bars, at most `WIDTH`, each the median-like middle of its share of them."""
    if len(values) > WIDTH:
        shares = [values[i * len(values) // WIDTH : (i + 1) * len(values) // WIDTH] for i in range(WIDTH)]
        values = [sorted(share)[len(share) // 2] for share in shares]
    low, high = min(values), max(values)
    if high == low:
        return _BARS[3] * len(values)
    return "".join(_BARS[round((value - low) / (high - low) * (len(_BARS) - 1))] for value in values)


def line(text: str) -> str:
    """Return text fit for one line of a page or a log: no control characters, no command for a CI system."""
    plain = (
        text
        if text.isprintable()
        else "".join("\ufffd" if unicodedata.category(char)[0] == "C" else char for char in text)
    )
    return harmless(plain)


def name(text: str, longest: int = LONGEST_NAME) -> str:
    """Return a benchmark's name, or another text, fit for one line, the middle of a long one left out."""
    safe = line(text)
    if len(safe) <= longest:
        return safe
    tail = min(40, longest // 2)
    return f"{safe[: longest - tail - 1]}…{safe[-tail:]}"


def scales(unit: Unit) -> tuple[tuple[float, str], ...]:
    """Return what amounts of a unit are written in: (so many of the unit, its name), largest first."""
    return _SCALES[unit]


def value(amount: float, unit: Unit, *, spread: float = 0.01) -> str:
    """Return an amount with its unit, to the digits that a relative uncertainty of `spread` leaves."""
    scale, label = next(((s, n) for s, n in _SCALES[unit] if abs(amount) >= 0.9995 * s), _SCALES[unit][-1])
    scaled = amount / scale
    if 0 < abs(scaled) < 0.1:  # no smaller unit has a name
        return f"{scaled:.3g} {label}".strip()
    digits = 3 if not 0 < spread < math.inf else min(5, max(2, 1 - math.floor(math.log10(spread))))
    whole = len(str(int(abs(scaled))))
    return f"{scaled:.{max(0, digits - whole)}f} {label}".strip()


def change(found: Change) -> str:
    """Return a change with its interval: "+10.6 % [+9.8, +11.5]", or "2.31× [2.25, 2.37]" from double on."""
    if not math.isfinite(found.ratio):
        return "from nothing"
    half = (found.high - found.low) / 2
    bounds = "" if half == 0 else " [no interval]"
    if found.ratio >= 2:
        decimals = _decimals(half)
        if 0 < half < math.inf:
            bounds = f" [{found.low:.{decimals}f}, {found.high:.{decimals}f}]"
        return f"{found.ratio:.{decimals}f}×{bounds}"
    decimals = _decimals(100 * half)
    if 0 < half < math.inf:
        bounds = f" [{_percent(found.low, decimals)}, {_percent(found.high, decimals)}]"
    return f"{_percent(found.ratio, decimals)} %{bounds}"


def changed(found: Comparison) -> str:
    """Return what changed: the change with its interval, or the counts of what is counted."""
    if found.counts is None:
        return change(found.change)
    base, head = (f"{bad:,} of {of:,}" for bad, of in found.counts.totals)
    return f"{base} → {head}"


def plot(row: Judgement) -> str:
    """Return a row's interval as a line: `0` is no change, `┃` the limit, `├─●─┤` what is known; empty without one."""
    c = row.comparison
    if c is None or row.rule is None or c.counts is not None:
        return ""
    limit = (1 + row.rule.limit) ** sign(c.sli.metric)
    marks = {"├": c.change.low, "┤": c.change.high, "0": 1.0, "┃": limit, "●": c.change.ratio}
    least, most = min(marks.values()), max(marks.values())
    if not math.isfinite(most):
        return ""
    places = {mark: round((ratio - least) / (most - least) * (PLOT - 1)) for mark, ratio in marks.items()}
    cells = ["─" if places["├"] <= place <= places["┤"] else "·" for place in range(PLOT)]
    for mark, place in places.items():  # what comes later is more to the point
        cells[place] = mark
    return "".join(cells)


def share(amount: float) -> str:
    """Return a share as a percentage without needless zeros: 0.05 is "5 %"."""
    return f"{100 * amount:.3g} %"


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines, the columns aligned: the first to the left, the others to the right."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows]


def seconds(amount: float) -> str:
    """Return a duration for a person: "45 s", "4 min", "1.5 h"."""
    if amount < 100:
        return f"{amount:.0f} s"
    return f"{amount / 60:.0f} min" if amount < 6000 else f"{amount / 3600:.1f} h"


def levels(found: Comparison) -> tuple[str, str]:
    """Return base's and head's level."""
    spread = (found.change.high - found.change.low) / 2
    unit = found.sli.metric.unit
    both = found.base, found.head
    if unit is Unit.ONE and found.evidence is Evidence.EXACT and all(level.is_integer() for level in both):
        return f"{both[0]:,.0f}", f"{both[1]:,.0f}"
    return value(found.base, unit, spread=spread), value(found.head, unit, spread=spread)


def limit(row: Judgement) -> str:
    """Return what the row's rule allows."""
    if row.rule is None:
        return ""
    counted = row.comparison is not None and row.comparison.counts is not None
    return allowed(row.rule, critical=row.critical, counted=counted)


def allowed(rule: Rule, *, critical: bool, counted: bool = False) -> str:
    """Return what a rule allows; of what is counted it allows no more."""
    floor = f", at least {value(rule.floor, rule.floor_unit)}" if rule.floor_unit else ""
    slo = f", SLO {value(rule.slo, rule.slo_unit)}" if rule.slo is not None and rule.slo_unit else ""
    warns = "" if critical else ", warns only"
    warns += f" until {rule.until}" if rule.until else ""
    return f"{'no more' if counted else share(rule.limit)}{floor}{slo}{warns}"


def why(row: Judgement) -> str:
    """Return what stands behind a verdict that no number explains: what was seen, what would settle it."""
    if row.verdict is not Verdict.INCONCLUSIVE or row.comparison is None or row.text:
        return "\n".join(name(line, LONGEST_REASON) for line in row.text.strip().splitlines()[:REASON_LINES])
    pairs = len(row.comparison.log_ratios)
    what = "stored run" if row.comparison.evidence is Evidence.STORED else "pair"
    seen = f"{pairs} {what}{'s' * (pairs != 1)}"
    if row.visible is not None:
        seen += f" could see ≥ {share(row.visible)}"
    if row.comparison.evidence is Evidence.STORED:
        few = f"; {FEWEST_STORED} are needed" if pairs < FEWEST_STORED else ""
        return f"{seen}{few}; pairs decide it at once: perfgate compare REVISION"
    if row.needs is None:
        return f"{seen}; too close to the limit, or too noisy, for more pairs to decide it"
    more = f"{seen}; {row.needs.pairs} more would decide it, about {seconds(row.needs.seconds)}"
    if pairs < row.comparison.planned:
        return more  # by a longer budget, which the report asks for once
    if row.comparison.design is Design.LOAD:
        return f"{more} (raise the suite's duration)"
    effort = effort_for(pairs + row.needs.pairs, row.comparison.pair_s)
    return f"{more} (--effort {math.ceil(effort)}s)"


def enough(report: Report) -> str:
    """Return the budget that would decide every benchmark, if this one was too short; else nothing."""
    if report.method is None:
        return ""
    rows = [
        (row.needs.pairs, row.comparison.pair_s)
        for row in report.of(*UNKNOWN)
        if row.needs and row.comparison and len(row.comparison.log_ratios) < row.comparison.planned
    ]
    if not rows and not report.method.enough_s:
        return ""
    more_s = sum(pairs * pair_s for pairs, pair_s in rows)
    more_s += max((pairs for pairs, _ in rows), default=0) * report.method.startup_s
    enough_s = max(report.method.enough_s, report.method.took_s + 1.25 * more_s)
    return f"to decide all benchmarks: --budget {written_budget(enough_s)}"


def method(report: Report) -> str:
    """Return how it was measured, in one line; empty for files."""
    if report.method is None:
        return ""
    compared = [row.comparison for row in report.judgements if row.comparison and row.comparison.log_ratios]
    counts = sorted(len(c.log_ratios) for c in compared) or [0]
    pairs = str(counts[0]) if counts[0] == counts[-1] else f"{counts[0]} to {counts[-1]}"
    parts = [
        *([f"{pairs} {_design(report.design, counts[-1])}"] if counts[-1] else []),
        f"{seconds(report.method.took_s)} of a budget of {seconds(report.method.budget_s)}{_phases(report)}",
        f"seed {report.method.seed}",
        *_repeating(report),
    ]
    return " · ".join(parts)


def _design(design: Design, pairs: int) -> str:
    plural, _, rest = _DESIGNS[design].partition("s ")
    return f"{plural} {rest}" if pairs == 1 and design is not Design.ALONE else _DESIGNS[design]


def _phases(report: Report) -> str:
    """Return what the time went into."""
    assert report.method is not None
    parts = [f"{name} {seconds(spent)}" for name, spent in report.method.phases if spent >= 1 and name != PREPARING]
    before = dict(report.method.phases).get(PREPARING, 0.0)
    told = f": {', '.join(parts)}" if len(parts) > 1 else ""
    return f"{told}; {seconds(before)} before that for preparing" if before >= 1 else told


def alike(rows: Sequence[Judgement]) -> list[tuple[Judgement, int]]:
    """Return rows, each with how many it represents: many rows without numbers and with the same text become one."""
    many = Counter((row.verdict, row.text) for row in rows if row.comparison is None)
    found: dict[object, tuple[Judgement, int]] = {}
    for row in rows:
        same = (row.verdict, row.text)
        key = same if row.comparison is None and row.text and many[same] > FEW_ALIKE else row.name
        found[key] = (found[key][0], found[key][1] + 1) if key in found else (row, 1)
    return list(found.values())


def _repeating(report: Report) -> list[str]:
    """Return how well what is counted repeated here, from process to process of one side."""
    worst: dict[str, float] = {}
    for c in [row.comparison for row in report.judgements if row.comparison]:
        for levels in c.levels:
            if c.evidence is Evidence.EXACT and len(levels) > 1 and max(levels) > 0:
                spread = (max(levels) - min(levels)) / max(levels)
                worst[c.sli.metric.name] = max(spread, worst.get(c.sli.metric.name, 0.0))
    return [
        f"{name} {f'repeat within {share(spread)}' if spread else 'were the same in all processes of a side'}"
        for name, spread in worst.items()
        if name in _PLURAL
    ]


def decision(report: Report) -> str:
    """Return the rule of the decision, in one sentence."""
    return (
        f"A regression is worse than its limit, and significantly more than {share(report.margin)} worse than base. "
        f"At most 1 in {1 / report.family_level:.0f} runs that change nothing is blocked. Intervals are 99 %."
    )


MUCH_STARVED = 0.2  # of the time benchmarks waited for a CPU: a report begins with it
APART = 0.02  # of base: a quotient of the columns that is so far outside of the change's interval is explained


def busy(report: Report) -> str:
    """Return how busy the machine was, if that was too busy to measure well; else nothing."""
    if report.starved < MUCH_STARVED:
        return ""
    return (
        f"the machine was too busy: benchmarks waited for a CPU {report.starved:.0%} of the time while other processes "
        "used it. Intervals are wide, and the times are longer than on an idle machine"
    )


def _columns(report: Report) -> list[str]:
    """Say why a change is not the quotient of the two columns, where that leaves its interval."""
    apart = [
        row
        for row in report.judgements
        if (c := row.comparison) is not None
        and c.evidence is Evidence.PAIRED
        and min(c.base, c.head) > 0
        and not c.change.low - APART <= c.head / c.base <= c.change.high + APART
    ]
    if not apart:
        return []
    rows = f"{name(apart[0].name)}{f' and {len(apart) - 1} more' if len(apart) > 1 else ''}"
    return [f"the change is estimated from pairs, the columns are medians over all processes: they differ for {rows}"]


def doubts(report: Report) -> list[str]:
    """Return every warning once: the run's, then each SLI's with its name."""
    own = [*_columns(report), *(line(warning.text) for warning in report.warnings)]
    rows = [
        f"{name(row.name)}: {line(warning.text)}"
        for row in report.judgements
        if row.comparison and row.comparison.evidence is Evidence.PAIRED
        for warning in row.comparison.warnings
    ]
    return [*own, *rows]


def _decimals(half: float) -> int:
    if not 0 < half < math.inf:
        return 1
    return min(3, max(0, -math.floor(math.log10(half))))


def _percent(ratio: float, decimals: int) -> str:
    text = f"{100 * (ratio - 1):+.{decimals}f}"
    return text.replace("-", "−") if float(text) else text.lstrip("+-")
