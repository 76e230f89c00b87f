"""Error budgets: how often the recorded runs missed an SLO, and how much of what that may be is left.

Beyer, Murphy, Rensin, Kawahara & Thorne 2018, "The Site Reliability Workbook", chapters 2 and 5: an objective of 95 %
leaves a budget of 5 % of the runs; a burn of 1 uses it up exactly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from perfgate.core.comparison import sign
from perfgate.core.history import Trend
from perfgate.core.model import Sli
from perfgate.core.policy import Policy, Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The runs between two releases."""

    name: str
    """The release at its end, or what it is since."""
    runs: int
    missed: int
    burn: float
    """Share missed over share that may be missed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What one SLI's stored runs say of its SLO, whatever machine they ran on."""

    sli: Sli
    slo: float
    """In the metric's unit."""
    objective: float
    """Share of the runs that must keep it, below 1."""
    runs: int
    missed: int
    periods: tuple[Period, ...]
    """Oldest first; those without runs are left out."""

    @property
    def left(self) -> float:
        """Share of the budget that is not used up; negative where more was."""
        return 1 - _burn(self.missed, self.runs, self.objective)


def budgets(
    trends: Sequence[Trend],
    order: Mapping[str, int],
    policy: Policy,
    releases: Sequence[tuple[str, str]],
    objective: float,
) -> tuple[Budget, ...]:
    """Return a budget for every SLI that has an SLO and stored runs.

    Args:
        order: commit to its place, oldest 0.
        releases: (name, commit), those whose commit is unknown are left out.
    """
    known = sorted((order[commit], name) for name, commit in releases if commit in order)
    found = []
    for sli in dict.fromkeys(trend.sli for trend in trends):
        rule = policy.rule_for(sli)
        if rule is None or rule.slo is None:
            continue
        runs = [
            (order[commit], _missed(rule, sli, value))
            for trend in trends if trend.sli == sli
            for commit, value in zip(trend.points.commits, trend.points.values, strict=True)
        ]  # fmt: skip
        found.append(
            Budget(
                sli=sli,
                slo=rule.slo,
                objective=objective,
                runs=len(runs),
                missed=sum(missed for _, missed in runs),
                periods=_periods(runs, known, objective),
            )
        )
    return tuple(found)


def _periods(
    runs: Sequence[tuple[int, bool]], releases: Sequence[tuple[int, str]], objective: float
) -> tuple[Period, ...]:
    since = f"since {releases[-1][1]}" if releases else "all"
    ends = [*releases, (1 + max(place for place, _ in runs), since)]
    found, begin = [], -1
    for end, name in ends:
        mine = [missed for place, missed in runs if begin < place <= end]
        begin = end
        if mine:
            count = sum(mine)
            burn = _burn(count, len(mine), objective)
            found.append(Period(name=name, runs=len(mine), missed=count, burn=burn))
    return tuple(found)


def _missed(rule: Rule, sli: Sli, value: float) -> bool:
    assert rule.slo is not None
    return sign(sli.metric) * (value - rule.slo) > 0


def _burn(missed: int, runs: int, objective: float) -> float:
    return missed / runs / (1 - objective)
