"""Colour and progress: alive on a terminal, plain lines elsewhere, all of it on standard error."""

import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from perfgate.measure.session import Progress, Watcher

if TYPE_CHECKING:
    from rich.console import RenderableType

LINE_EVERY_S = 20.0  # often enough that a CI log does not look dead, seldom enough to be read
SHOWN = 6  # undecided benchmarks under the progress line

_COLOURS = {
    "regression": "red",
    "failed": "red",
    "missing": "red",
    "improved": "green",
    "inconclusive": "yellow",
}


def wants_colour() -> bool:
    """Return whether standard output is a terminal that may be coloured."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def coloured(text: str) -> str:
    """Return the text report with its headline bold and its verdicts coloured."""

    def paint(match: re.Match[str]) -> str:
        return match[1] + click.style(match[2], fg=_COLOURS[match[2]], bold=True)

    first, _, rest = text.partition("\n")
    words = "|".join(_COLOURS)
    return click.style(first, bold=True) + "\n" + re.sub(rf"(?m)^(  )({words})\b", paint, rest)


@contextmanager
def progress() -> Iterator[Watcher]:
    """Yield a watcher that shows how the measurement stands."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console  # noqa: PLC0415 - 45 ms that only a terminal needs
    from rich.live import Live  # noqa: PLC0415

    with Live(console=Console(stderr=True), transient=True, refresh_per_second=4) as live:

        def show(state: Progress) -> None:
            if state.lasting:
                live.console.print(f"perfgate: {state.text}", markup=False, highlight=False, soft_wrap=True)
            else:
                live.update(_screen(state))

        yield show


class _Lines:
    """Progress as log lines: each new step, then one every twenty seconds."""

    def __init__(self) -> None:
        self._text, self._at = "", 0.0

    def __call__(self, state: Progress) -> None:
        now = time.monotonic()
        if state.lasting or state.text != self._text or now - self._at > LINE_EVERY_S:
            self._text, self._at = state.text, now
            click.echo(f"perfgate: {summary(state)}", err=True)


def summary(state: Progress) -> str:
    """Return the state in one line."""
    if not state.total:
        return f"{state.text}: {state.detail}" if state.detail else state.text
    used = f"{state.used_s:.0f} s of at most {state.budget_s:.0f} s"
    return f"{state.text}: pair {state.pair}, {state.decided} of {state.total} decided, {used}"


def _screen(state: Progress) -> "RenderableType":
    from rich.console import Group  # noqa: PLC0415
    from rich.spinner import Spinner  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    lines = [
        Text(
            f"    {s.name[:60]:60} {s.pairs:3} of {s.planned} pairs   {_change(s.ratio, s.low, s.high)}",
            style="dim",
        )
        for s in state.undecided[:SHOWN]
    ]
    more = len(state.undecided) - SHOWN
    tail = [Text(f"    and {more} more", style="dim")] if more > 0 else []
    return Group(Spinner("dots", text=Text(f" {summary(state)}")), *lines, *tail)


def _change(ratio: float, low: float, high: float) -> str:
    if low == 0:
        return f"{100 * (ratio - 1):+.1f} %"
    return f"{100 * (ratio - 1):+.1f} % [{100 * (low - 1):+.1f}, {100 * (high - 1):+.1f}]"
