"""Running a command to its end: output kept, Ctrl-C heard, nothing left behind."""

import math
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from perfgate.core.ports import Launch
from perfgate.host.interrupt import ASK_S, Interrupts
from perfgate.host.tree import kill_group, started

TAIL_LINES = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended."""

    status: int
    printed: bytes
    """Standard output."""
    complaints: bytes
    """Standard error, where that was kept apart."""

    @property
    def output(self) -> str:
        """All that it said."""
        return (self.printed + self.complaints).decode(errors="replace")

    @property
    def tail(self) -> str:
        """The last lines, which is where the reason stands."""
        return "\n".join(self.output.rstrip().splitlines()[-TAIL_LINES:])


def together(
    launches: Sequence[Launch], *, interrupts: Interrupts, timeout_s: float, meanwhile: Callable[[], None]
) -> list[Ended]:
    """Run several commands at once, each in a process group of its own, and wait for all.

    Args:
        meanwhile: called ten times a second or so.

    Raises: Interrupted, after all are dead; OSError when one cannot start; TimeoutError.
    """
    interrupts.check()
    deadline = time.monotonic() + timeout_s
    with ExitStack() as stack:
        running = []
        for launch in launches:
            sink = stack.enter_context(tempfile.TemporaryFile())
            process = subprocess.Popen(
                launch.argv,
                cwd=launch.cwd,
                env={**os.environ, **dict(launch.environ)},
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            started(process)
            stack.callback(kill_group, process)
            running.append((process, sink))
        while any(process.poll() is None for process, _ in running):
            interrupts.check()
            if time.monotonic() > deadline:
                raise TimeoutError
            meanwhile()
            time.sleep(ASK_S)
        ended = []
        for process, sink in running:
            sink.seek(0)
            ended.append(Ended(status=process.returncode, printed=sink.read(), complaints=b""))
        return ended


def run(
    argv: Sequence[str] | str,
    *,
    cwd: Path,
    interrupts: Interrupts,
    environ: Mapping[str, str] | None = None,
    data: bytes = b"",
    apart: bool = False,
    timeout_s: float = math.inf,
) -> Ended:
    """Run `argv` (a string goes to the shell) in a process group of its own and wait for it.

    Args:
        data: what it finds on standard input.
        apart: whether standard error is kept apart, or mixed in as it comes.

    Raises: Interrupted when a signal came, after the whole group is dead; OSError when it cannot start; TimeoutError.
    """
    interrupts.check()
    deadline = time.monotonic() + timeout_s
    with (
        tempfile.TemporaryFile() as source,
        tempfile.TemporaryFile() as sink,
        tempfile.TemporaryFile() as complaints,
    ):
        source.write(data)
        source.seek(0)
        process = subprocess.Popen(
            argv,
            cwd=cwd,
            env=dict(os.environ if environ is None else environ),
            shell=isinstance(argv, str),
            stdin=source,
            stdout=sink,
            stderr=complaints if apart else subprocess.STDOUT,
            start_new_session=True,
        )
        started(process)
        try:
            while True:
                try:
                    status = process.wait(timeout=ASK_S)
                    break
                except subprocess.TimeoutExpired:
                    interrupts.check()
                    if time.monotonic() > deadline:
                        raise TimeoutError from None
        finally:
            kill_group(process)
        sink.seek(0)
        complaints.seek(0)
        return Ended(status=status, printed=sink.read(), complaints=complaints.read())
