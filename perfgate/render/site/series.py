"""The data files of the site: scripts, because a page that is opened from a disk may load nothing else.

Values are whole numbers in a unit of their own, as many digits as were stored: ten thousand points are 150 kB.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from perfgate.core.history import Trend
from perfgate.core.levels import Points
from perfgate.core.model import Kind
from perfgate.core.outlook import Standing
from perfgate.core.stats import describe
from perfgate.render import phrases
from perfgate.render.html import script
from perfgate.render.site.view import View

DIGITS = 5  # of the smallest value
WHOLE = 2**53  # up to which JavaScript's numbers are whole


def history(view: View) -> str:
    """Return the commits that were recorded, and the releases among them."""
    commits = [view.outlook.commits[oid] for oid in view.recorded]
    content = {
        "oid": view.recorded,
        "second": [commit.second for commit in commits],
        "subject": [phrases.name(commit.subject) for commit in commits],
        "releases": [[place, phrases.name(name, 40)] for place, name in view.releases()],
        "address": view.outlook.address,
    }
    return f"perfgate.history({script(content)});\n"


def load(standing: Standing, view: View) -> str:
    """Return an SLI's series, one an environment."""
    every = [value for trend in standing.trends for value in trend.points.values]
    power = 0 if standing.sli.metric.kind is Kind.EXACT else _power(every)
    rule = standing.rule
    content = {
        "scales": phrases.scales(standing.sli.metric.unit),
        "power": power,
        "slo": rule.slo if rule else None,
    }
    series = ",".join(_series(trend, standing, power, view) for trend in standing.trends)
    return f'perfgate.load({script(content)[:-1]},"series":[{series}]}});\n'


def _power(values: Sequence[float]) -> int:
    """Return how many decimals make all of `values` whole to `DIGITS` digits; 0 where none do."""
    sizes = [abs(value) for value in values if value]
    if not sizes:
        return 0
    power = DIGITS - 1 - math.floor(math.log10(min(sizes)))
    return power if power < 300 and max(sizes) < WHOLE / 10.0**power else 0


def _series(trend: Trend, standing: Standing, power: int, view: View) -> str:
    points = trend.points
    places = [view.places[oid] for oid in points.commits]
    told = {id(one.shift): one for one in standing.regressions}
    steps = [view.step(trend, shift, told.get(id(shift))) for shift in view.marked(standing, trend)]
    content: dict[str, Any] = {
        "environment": view.environment(trend.environment),
        "levels": _levels(trend, places) if len(steps) == len(trend.shifts) else [],
        "shifts": [
            {"at": view.places[s.shift.at], "text": s.change, "worse": s.shift.worse, "state": s.state} for s in steps
        ],
    }
    columns = {"place": _joined(_differences(places)), "value": _whole(points.values, power)}
    if standing.sli.metric.kind is not Kind.EXACT:
        columns |= {"low": _below(points, power), "high": _above(points, power)}
    text = ",".join(f'"{name}":[{numbers}]' for name, numbers in columns.items())
    return f"{script(content)[:-1]},{text}}}"


def _levels(trend: Trend, places: Sequence[int]) -> list[tuple[int, int, float]]:
    """Return each level as (first place, last place, median)."""
    values = trend.points.values
    return [(places[start], places[end - 1], describe.median(values[start:end])) for start, end in trend.levels]


def _differences(places: Sequence[int]) -> list[int]:
    return [place - before for before, place in zip([0, *places], places, strict=False)]


def _whole(values: Iterable[float], power: int) -> str:
    return _joined(_number(value, power) for value in values)


def _below(points: Points, power: int) -> str:
    return _joined(_number(value - low, power) for value, low in zip(points.values, points.low, strict=True))


def _above(points: Points, power: int) -> str:
    return _joined(_number(high - value, power) for value, high in zip(points.values, points.high, strict=True))


def _number(value: float, power: int) -> float:
    if not power:
        return int(value) if value.is_integer() and abs(value) < WHOLE else value
    return round(value * 10.0**power)


def _joined(numbers: Iterable[float]) -> str:
    return ",".join(map(repr, numbers))
