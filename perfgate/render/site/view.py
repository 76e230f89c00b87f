"""What the pages say of an outlook: names of files, words, colours, small pictures."""

import hashlib
import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from statistics import median

from markupsafe import Markup

from perfgate.core.budget import Budget
from perfgate.core.comparison import Change, sign
from perfgate.core.history import FEWEST_RUNS, Shift, Trend, smallest
from perfgate.core.model import Benchmark, Kind, Sli
from perfgate.core.outlook import CURRENT_DAYS, DAY_S, DAYS, Outlook, Regression, Standing, State, together
from perfgate.core.policy import matches
from perfgate.render import audited, phrases
from perfgate.render.trend import notes

MOST_STEPS = 50  # changes of level of one trend
SPARKS = 60  # points of a small picture
SPARK_WIDTH, SPARK_HEIGHT = 120, 24
LONGEST_SLUG = 60
FACTS = ("cpu", "python")  # that name an environment for a reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A change in a table."""

    text: str
    look: str
    """`worse`, `better`, `same` or `unknown`."""
    order: float
    """To sort by: how much worse, as a share."""
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One SLI in the overview, and the head of its page."""

    standing: Standing
    slug: str
    name: str
    level: str
    spark: Markup
    moves: tuple[Cell, ...]
    """Over each of `DAYS`, then since the last release."""
    state: str
    look: str
    environments: tuple[str, ...]
    """Fingerprints."""
    last: str
    """Day of the newest commit with a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A change of level, as a table shows it."""

    sli: Sli
    slug: str
    shift: Shift
    look: str
    change: str
    levels: str
    state: str
    reason: str
    subject: str
    """Of the likeliest commit."""
    day: str
    others: int
    """Commits that may be to blame beside it."""
    reach: tuple[float, float]
    """What of the picture to look at, as places among the recorded commits."""
    environment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A suite in the overview."""

    name: str
    slis: int
    open: int
    drifted: int
    change: Cell
    """Of all that is judged, since the last release."""


class View:
    """An outlook for readers."""

    def __init__(self, outlook: Outlook) -> None:
        self.outlook = outlook
        self.days = DAYS
        self.fewest = FEWEST_RUNS
        self.states = {"short": "too few runs", "open": "open regression"}
        recorded = {oid for trend in outlook.past.trends for oid in trend.points.commits}
        self.recorded = [oid for oid in outlook.commits if oid in recorded]
        self.places = {oid: place for place, oid in enumerate(self.recorded)}
        self.order = {oid: place for place, oid in enumerate(outlook.commits)}
        self.notes = notes(outlook.past)
        self.newest = max((outlook.commits[oid].second for oid in self.recorded), default=0)

    @cached_property
    def rows(self) -> list[Row]:
        """One for every SLI: what is open first, then by name."""
        found = [self._row(standing) for standing in self.outlook.standings]
        return sorted(found, key=lambda row: (not row.standing.open, row.name))

    @cached_property
    def suites(self) -> list[Suite]:
        """One for every suite, by name."""
        by_name: dict[str, list[Standing]] = {}
        for standing in self.outlook.standings:
            by_name.setdefault(standing.sli.benchmark.suite, []).append(standing)
        return [
            Suite(
                name=name,
                slis=len(mine),
                open=sum(bool(standing.open) for standing in mine),
                drifted=sum(standing.drifted for standing in mine),
                change=_together(together(mine), smallest(self.outlook.policy)),
            )
            for name, mine in sorted(by_name.items())
        ]

    @cached_property
    def regressions(self) -> dict[State, list[Step]]:
        """What got worse, by what became of it."""
        found: dict[State, list[Step]] = {state: [] for state in State}
        for one in self.outlook.regressions:
            found[one.state].append(self.step(one.trend, one.shift, one))
        return found

    @cached_property
    def silent(self) -> list[Row]:
        """Benchmarks that were recorded before and no longer are, without being retired."""
        return [row for row in self.rows if row.look == "silent"]

    @cached_property
    def _newest_of(self) -> dict[Benchmark, int]:
        """The second of the newest commit at which a benchmark gave any value."""
        found: dict[Benchmark, int] = {}
        for standing in self.outlook.standings:
            name = standing.sli.benchmark
            found[name] = max(found.get(name, 0), self._newest(standing))
        return found

    def _newest(self, standing: Standing) -> int:
        return max(self.outlook.commits[trend.points.commits[-1]].second for trend in standing.trends)

    def of(self, attribute: str) -> list[str]:
        """Return what a filter offers: every suite, metric, environment or state that there is."""
        known = {
            "suite": (row.standing.sli.benchmark.suite for row in self.rows),
            "metric": (row.standing.sli.metric.name for row in self.rows),
            "environment": (one for row in self.rows for one in row.environments),
            "state": (row.look for row in self.rows),
        }
        return sorted(set(known[attribute]))

    def steps(self, standing: Standing) -> list[Step]:
        """Return the changes of level of an SLI that are shown, newest first."""
        told = {id(one.shift): one for one in standing.regressions}
        every = [
            self.step(t, shift, told.get(id(shift))) for t in standing.trends for shift in self.marked(standing, t)
        ]
        return sorted(every, key=lambda step: -self.order[step.shift.at])

    def marked(self, standing: Standing, trend: Trend) -> list[Shift]:
        """Return the changes of a trend that are shown, in order: all, or the last `MOST_STEPS`, above the limit first.

        What is counted exactly may change with every commit.
        """
        told = {id(one.shift) for one in standing.regressions}
        newest = sorted(trend.shifts, key=lambda shift: (id(shift) not in told, -shift.first))[:MOST_STEPS]
        return sorted(newest, key=lambda shift: shift.first)

    def why_none(self, standing: Standing) -> str:
        """Return why no change of level is shown."""
        noisy = standing.sli.metric.kind is not Kind.EXACT
        if standing.short:
            return f"Fewer than {FEWEST_RUNS if noisy else 2} runs: no change of level can be told yet."
        return "None: all that moved here is explained by chance." if noisy else "None: the value never changed."

    def step(self, trend: Trend, shift: Shift, told: Regression | None) -> Step:
        """Return a change of level; `told` is what became of it, None where no limit forbids it."""
        commit, unit = self.outlook.commits[shift.at], trend.sli.metric.unit
        at, width = self.places[shift.at], max(20, len(self.recorded) // 40)
        quiet = ("went away" if shift.went_away else "below the limit") if shift.worse else "better"
        return Step(
            sli=trend.sli,
            slug=slug(trend.sli),
            shift=shift,
            look="worse" if shift.worse else "better",
            change=phrases.change(Change(ratio=shift.ratio, low=shift.low, high=shift.high)),
            levels=f"{phrases.value(shift.before, unit)} → {phrases.value(shift.level, unit)}",
            state=str(told.state) if told else quiet,
            reason=told.reason if told else "",
            subject=commit.subject,
            day=day(commit.second),
            others=max(0, self.order[shift.until] - self.order[shift.after] - 1),
            reach=(max(0, at - width), min(len(self.recorded) - 1, at + width)),
            environment=trend.environment,
        )

    def day_of(self, oid: str) -> str:
        """Return the day of a commit."""
        return day(self.outlook.commits[oid].second)

    def slug(self, sli: Sli) -> str:
        """Return an SLI's name in paths."""
        return slug(sli)

    def limit(self, standing: Standing) -> str:
        """Return what an SLI's rule allows."""
        return phrases.allowed(standing.rule, critical=standing.rule.critical) if standing.rule else ""

    def slo(self, budget: Budget) -> str:
        """Return an SLO, in words."""
        return f"{phrases.value(budget.slo, budget.sli.metric.unit)} in {100 * budget.objective:g} % of the runs"

    @property
    def trust(self) -> str:
        """Return what is said of all verdicts together."""
        return "; ".join(audited.whole(self.outlook.audit))

    def commit_href(self, oid: str) -> str:
        """Return where a commit is looked at; empty where nowhere."""
        return f"{self.outlook.address}/commit/{oid}" if self.outlook.address else ""

    def range_href(self, shift: Shift) -> str:
        """Return where the commits that may be to blame are looked at."""
        return f"{self.outlook.address}/compare/{shift.after}...{shift.until}" if self.outlook.address else ""

    def environment(self, fingerprint: str) -> str:
        """Return what a reader calls an environment."""
        facts = dict(self.outlook.environments[fingerprint].facts)
        return " · ".join([fingerprint, *(phrases.line(facts[name]) for name in FACTS if name in facts)])

    def releases(self) -> list[tuple[float, str]]:
        """Return each release with its place among the recorded commits: behind the last that it holds."""
        orders = [self.order[oid] for oid in self.recorded]
        return [(bisect_right(orders, self.order[oid]) - 0.5, name) for name, oid in self.outlook.releases]

    def _row(self, standing: Standing) -> Row:
        sli, newest = standing.sli, standing.trends[0]
        least = smallest(self.outlook.policy)
        moves = [_cell(sli, change, least) for change in standing.moves]
        drift = newest.drift
        since = Change(ratio=drift.ratio, low=drift.low, high=drift.high) if drift else None
        state, look = self._state(standing)
        return Row(
            standing=standing,
            slug=slug(sli),
            name=str(sli),
            level=phrases.value(standing.level, sli.metric.unit),
            spark=spark(newest, self.marked(standing, newest)),
            moves=(*moves, _cell(sli, since, least)),
            state=state,
            look=look,
            environments=tuple(trend.environment for trend in standing.trends),
            last=day(self.outlook.commits[newest.points.commits[-1]].second),
        )

    def _state(self, standing: Standing) -> tuple[str, str]:
        if standing.open:
            return f"{len(standing.open)} open", "open"
        days, all_days = (
            (self.newest - last) / DAY_S for last in (self._newest(standing), self._newest_of[standing.sli.benchmark])
        )
        if any(matches(glob, str(standing.sli.benchmark)) for glob in self.outlook.policy.retired):
            return "retired", "retired"
        if all_days > CURRENT_DAYS:
            return f"silent for {all_days:.0f} days", "silent"
        if days > CURRENT_DAYS:
            return "not recorded any more", "retired"  # the benchmark is, by another metric
        if standing.drifted:
            return "drifted", "drifted"
        return ("too few runs", "short") if standing.short else ("steady", "steady")


def slug(sli: Sli) -> str:
    """Return an SLI's name in paths: safe on every file system, and its own."""
    plain = re.sub(r"[^a-z0-9]+", "-", str(sli).lower())[:LONGEST_SLUG].strip("-")
    whole = repr((sli.benchmark.suite, sli.benchmark.name, *map(str, _parts(sli))))
    return f"{plain or 'sli'}-{hashlib.sha256(whole.encode()).hexdigest()[:10]}"


def _parts(sli: Sli) -> tuple[object, ...]:
    return sli.metric.name, sli.metric.unit, sli.metric.direction, sli.metric.kind, sli.metric.diagnostic


def day(second: int) -> str:
    """Return a day as ISO 8601, UTC."""
    return datetime.fromtimestamp(second, UTC).date().isoformat()


def _cell(sli: Sli, change: Change | None, least: float) -> Cell:
    """Return a change as a reader needs it: that there is none where chance or the machine explains it."""
    if change is None:
        return Cell(text="", look="unknown", order=0.0, title="not known")
    text = phrases.change(change)
    worse = (change.ratio - 1) * sign(sli.metric)
    small = sli.metric.kind is not Kind.EXACT and abs(worse) < least
    if change.low <= 1 <= change.high or small:
        return Cell(text="=", look="same", order=0.0, title=f"{text}: no more than chance and the machine do")
    return Cell(text=text.partition(" [")[0], look="worse" if worse > 0 else "better", order=worse, title=text)


def _together(factor: float | None, least: float) -> Cell:
    if factor is None:
        return Cell(text="", look="unknown", order=0.0, title="not known")
    text, worse = phrases.change(Change(ratio=factor, low=factor, high=factor)).partition(" [")[0], factor - 1
    look = "same" if abs(worse) < least else "worse" if worse > 0 else "better"
    return Cell(text="=" if look == "same" else text, look=look, order=worse, title=text)


def shrunk(values: Sequence[float], most: int) -> list[float]:
    """Return at most `most` values, each the median of its share."""
    if len(values) <= most:
        return list(values)
    return [median(values[i * len(values) // most : (i + 1) * len(values) // most]) for i in range(most)]


def spark(trend: Trend, shifts: Sequence[Shift]) -> Markup:
    """Return a trend as a small picture, with a mark where it changed its level."""
    values = shrunk(trend.points.values, SPARKS)
    low, high = min(values), max(values)
    room = (high - low) or 1.0

    def at(place: float, value: float) -> tuple[float, float]:
        share = (value - low) / room if high > low else 0.5
        return 2 + place * (SPARK_WIDTH - 4), SPARK_HEIGHT - 3 - share * (SPARK_HEIGHT - 6)

    last = max(1, len(values) - 1)
    line = " ".join(f"{x:.0f},{y:.1f}" for x, y in (at(place / last, v) for place, v in enumerate(values)))
    marks = "".join(
        f'<circle class="{"worse" if shift.worse else "better"}" cx="{x:.0f}" cy="{y:.1f}" r="2.5"/>'
        for shift in shifts
        for x, y in [at(shift.first / max(1, len(trend.points) - 1), min(high, max(low, shift.level)))]
    )
    return Markup(  # noqa: S704 - numbers alone
        f'<svg class="spark" viewBox="0 0 {SPARK_WIDTH} {SPARK_HEIGHT}" aria-hidden="true">'
        f'<polyline points="{line}"/>{marks}</svg>'
    )
