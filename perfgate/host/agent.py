"""A benchmark process at the other end of two pipes: one JSON message a line, each answered in turn.

The orchestrator holds the only token: an agent runs when it was told to and waits otherwise, so two agents
on one CPU never run at once.
"""

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from perfgate.core.ports import Launch
from perfgate.host.interrupt import ASK_S, Interrupts
from perfgate.host.tree import die_with_parent, kill_group, started

CHANNEL = "PERFGATE_CHANNEL"
LONGEST_MESSAGE = 64 * 2**20  # bytes; a list of 100,000 long names stays below it
LOG_TAIL = 8192

Message = dict[str, Any]


class AgentGone(Exception):
    """The process ended or closed its end while an answer was due."""


class AgentSilent(Exception):
    """No answer within the time allowed."""


class Agent:
    """One started benchmark process; leaving the context kills it and its group."""

    def __init__(self, launch: Launch, *, environ: Mapping[str, str], interrupts: Interrupts) -> None:
        self._interrupts = interrupts
        self._buffer = b""
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        try:
            self._process = subprocess.Popen(
                launch.argv,
                cwd=launch.cwd,
                env={**os.environ, **environ, **dict(launch.environ), CHANNEL: f"{theirs_in:05d},{theirs_out:05d}"},
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=subprocess.STDOUT,
                pass_fds=(theirs_in, theirs_out),
                start_new_session=True,
                preexec_fn=die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - one call of libc
            )
            started(self._process)
        except BaseException:
            os.close(self._out)
            os.close(self._in)
            self._log.close()
            raise
        finally:
            os.close(theirs_in)
            os.close(theirs_out)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        kill_group(self._process)
        os.close(self._in)
        os.close(self._out)
        self._log.close()

    def send(self, **message: object) -> None:
        """Send one message.

        Raises: AgentGone if the agent has ended.
        """
        left = memoryview(json.dumps(message).encode() + b"\n")
        try:
            while left:
                left = left[os.write(self._out, left) :]
        except BrokenPipeError as exc:
            raise AgentGone from exc

    def receive(self, *, timeout_s: float) -> Message:
        """Wait for the next message.

        Raises: AgentGone, AgentSilent, Interrupted.
        """
        deadline = time.monotonic() + timeout_s
        while b"\n" not in self._buffer:
            self._interrupts.check()
            left = deadline - time.monotonic()
            if left <= 0:
                raise AgentSilent
            if select.select([self._in], [], [], min(ASK_S, left))[0]:
                self._read()
            elif self._process.poll() is not None and not select.select([self._in], [], [], 0)[0]:
                raise AgentGone  # a child that it forked may still hold the pipe open
        line, _, self._buffer = self._buffer.partition(b"\n")
        try:
            message = json.loads(line)
        except ValueError as exc:
            raise AgentGone from exc
        if not isinstance(message, dict):
            raise AgentGone
        return {key: _printable(value) for key, value in message.items()}

    def finish(self, *, timeout_s: float) -> None:
        """Give the process a moment to end by itself, so that its own clean-up runs."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline and not self._interrupts.heard():
            try:
                self._process.wait(timeout=min(ASK_S, timeout_s))
            except subprocess.TimeoutExpired:
                continue
            return

    def last_words(self) -> str:
        """Return what the process printed last, and how it ended if it did."""
        self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, self._log.tell() - LOG_TAIL))
        text = self._log.read().decode(errors="replace").strip()
        status = self._process.poll()
        how = "" if status is None else _how_ended(status)
        return "\n".join(part for part in (how, text) if part)

    def _read(self) -> None:
        chunk = os.read(self._in, 65536)
        if not chunk or len(self._buffer) > LONGEST_MESSAGE:
            raise AgentGone
        self._buffer += chunk


def _printable(value: Any) -> Any:
    """Replace what no file can hold: the half characters that stand for a file name's undecodable bytes."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, list):
        return [_printable(item) for item in value]
    return value


def _how_ended(status: int) -> str:
    return f"killed by signal {-status}" if status < 0 else f"exited with status {status}"
