"""Quantities as people write them: "5%", "2ms", "10m", "64MiB".

Inside perfgate everything is in base units (seconds, bytes, 1/s, 1); text is read here and written in
`render`, so that no other module scales a number.
"""

import math
import re
from enum import StrEnum


class Unit(StrEnum):
    """The base unit of a metric's values."""

    SECOND = "s"
    BYTE = "B"
    PER_SECOND = "1/s"
    SHARE = "share"
    """Of a whole: 0.01 is written 1 %."""
    ONE = "1"


SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
BYTES = {
    "B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30,
}  # fmt: skip
SCALES: dict[Unit, dict[str, float]] = {
    Unit.SECOND: SECONDS,
    Unit.BYTE: BYTES,
    Unit.PER_SECOND: {"/s": 1.0, "k/s": 1e3, "M/s": 1e6},
    Unit.SHARE: {"%": 0.01},
    Unit.ONE: {"": 1.0, "k": 1e3, "M": 1e6},
}

_NUMBER = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([^\d\s]*)\s*", re.ASCII)


def parse_share(text: str) -> float:
    """Return the share that "5%" or "0.5 %" names: 0.05, 0.005.

    Raises: ValueError with the reason, for text without a percent sign or not above zero.
    """
    match = _NUMBER.fullmatch(text)
    if match is None or match[2] != "%":
        raise ValueError(f"{text!r} is not a number with a percent sign, as in 5%")
    if not (share := float(match[1]) / 100) > 0:
        raise ValueError(f"{text!r} is not above zero")
    return share


def parse_part(text: str) -> tuple[int, int]:
    """Return (number, of) of "2/4".

    Raises: ValueError with the reason.
    """
    match = re.fullmatch(r"(\d{1,4})/(\d{1,4})", text.strip())
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise ValueError(f"{text!r} is not a part: write its number and how many there are, as in 2/4")
    return int(match[1]), int(match[2])


def parse_duration(text: str) -> float:
    """Return the seconds of "90s", "1.5m", "2ms" or "1h30m" (parts add up).

    Raises: ValueError with the reason, for an unknown unit or a sum that is not above zero.
    """
    return _parse(text, Unit.SECOND, 'write a number and a unit, as in "90s", "2ms" or "1h30m"')


def written_budget(seconds: float) -> str:
    """Return a duration as an option takes it, rounded up to what a person would type: 40 s is "40s", 301 s "6m"."""
    step = next(step for limit, step in ((60, 10), (300, 30), (math.inf, 60)) if seconds <= limit)
    whole = math.ceil(seconds / step) * step
    return f"{whole // 60}m" if whole % 60 == 0 else f"{whole}s"


def parse_quantity(text: str, unit: Unit) -> float:
    """Return the value of "2ms", "64MiB" or "100/s" in the base unit `unit`.

    Raises: ValueError with the reason.
    """
    units = ", ".join(name for name in SCALES[unit] if name)
    return _parse(text, unit, f"write a number and one of {units}")


def unit_of(text: str) -> Unit | None:
    """Return the base unit that the quantity `text` is written in, None if it is in no known one."""
    match = _NUMBER.match(text)
    return next((unit for unit, scale in SCALES.items() if match and match[2] and match[2] in scale), None)


def _parse(text: str, unit: Unit, advice: str) -> float:
    parts = _NUMBER.findall(text)
    rest = _NUMBER.sub("", text)
    if not parts or rest or any(name not in SCALES[unit] for _, name in parts):
        raise ValueError(f"{text!r} has no unit that is known here; {advice}")
    if not (total := sum(float(number) * SCALES[unit][name] for number, name in parts)) > 0:
        raise ValueError(f"{text!r} is not above zero")
    return total
