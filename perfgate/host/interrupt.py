"""Ctrl-C and SIGTERM as a flag that is asked for, so that neither can strike between two steps.

A handler that raises would do so anywhere: after a process was started and before anybody knows of it.
Everything here that waits asks every fifth of a second, so the answer comes within one.
"""

import signal
import time
from types import FrameType, TracebackType
from typing import Self

from perfgate.errors import Interrupted

ASK_S = 0.2
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """While entered, the first signal sets a flag; a second Ctrl-C ends the program the ordinary way."""

    def __init__(self) -> None:
        self.requested = False
        self._previous: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, previous in self._previous.items():
            signal.signal(number, previous)  # type: ignore[arg-type]  # whatever signal() gave is what it takes

    def pause(self, seconds: float) -> None:
        """Wait; raise Interrupted as soon as a signal came."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.check()
            time.sleep(min(ASK_S, left))

    def check(self) -> None:
        """Raise Interrupted if a signal came."""
        if self.requested:
            raise Interrupted("interrupted")

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.requested and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.requested = True
