"""Ctrl-C and SIGTERM as a flag that is asked for, so that neither can strike between two steps.

A handler that raises would do so anywhere: after a process was started and before anything knows of it. Whatever
waits here asks every fifth of a second. What does not ask within a second (a long computation, a request that hangs,
a read from standard input) is interrupted where it is: it starts no processes.
"""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self

from perfgate.errors import Interrupted

ASK_S = 0.2
UNHEARD_S = 1.0  # after which a signal that no step asked about is raised
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def cpu_limit(seconds: float, error: Exception) -> Iterator[None]:
    """Raise `error` from whatever runs once it has used so many seconds of CPU; in the main thread alone."""

    def over(number: int, frame: FrameType | None) -> None:
        raise error

    before = signal.signal(signal.SIGVTALRM, over)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


class Interrupts:
    """While entered, the first signal sets a flag; a second Ctrl-C ends the program the ordinary way."""

    def __init__(self) -> None:
        self.requested = False
        self._heard = False
        self._previous: dict[signal.Signals, object] = {}
        self._timer = (0.0, 0.0)

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hear()
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
            self._hear()
            raise Interrupted("interrupted")

    def heard(self) -> bool:
        """Return whether a signal came, for a step that ends by itself then."""
        if self.requested:
            self._hear()
        return self.requested

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.requested and number == signal.SIGINT:
            raise KeyboardInterrupt
        if not self.requested:
            self.requested = True
            self._previous.setdefault(signal.SIGALRM, signal.signal(signal.SIGALRM, self._raise))
            self._timer = signal.setitimer(signal.ITIMER_REAL, UNHEARD_S)

    def _raise(self, number: int, frame: FrameType | None) -> None:
        if not self._heard:
            self._heard = True
            raise Interrupted("interrupted")

    def _hear(self) -> None:
        """Take note that the signal was heard: nothing is raised any more."""
        if self.requested and not self._heard:
            self._heard = True
            signal.setitimer(signal.ITIMER_REAL, *self._timer)
