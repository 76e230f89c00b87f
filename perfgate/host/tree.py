"""Ending a process with all its descendants, also those that left its group, its session, or its environment.

While `adopting`, this process is the parent of every orphan below it (PR_SET_CHILD_SUBREAPER), so that a child that
wiped its environment and began a session of its own is still found. Should perfgate itself be killed, a watchdog
ends what it started (`watchdog.py`).
"""

import contextlib
import ctypes
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

MARK = "PERFGATE_MEASUREMENT"  # in the environment of all that a measurement starts, so that it can be found
RUN = "PERFGATE_RUN"  # in the environment of everything that this command starts
END_S = 5.0  # after KILL

_SET_DEATH_SIGNAL, _SET_SUBREAPER = 1, 36  # prctl(2)
_LIBC = ctypes.CDLL(None)
_started: set[int] = set()
"""Children that this process holds and will wait for."""
_adopting: list[set[int]] = []
"""While orphans are adopted: the children that were there before."""


def started(process: subprocess.Popen[bytes]) -> None:
    """Note a child that its starter waits for."""
    _started.add(process.pid)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill the process group that `process` leads and collect it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    _started.discard(process.pid)


def kill_marked(mark: str) -> None:
    """Kill every process whose environment carries `mark`: a daemon leaves its group, not its environment.

    Without /proc (macOS) only process groups are ended.
    """
    wanted = f"{MARK}={mark}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if int(entry.name) != os.getpid() and wanted in (entry / "environ").read_bytes().split(b"\0"):
                os.kill(int(entry.name), signal.SIGKILL)


def kill(process: psutil.Process) -> None:
    """Kill one process, and collect it where it is a child."""
    with contextlib.suppress(psutil.Error):
        process.kill()
    with contextlib.suppress(psutil.Error):
        process.wait(timeout=END_S)


@contextmanager
def adopting() -> Iterator[None]:
    """Become the parent of orphans that are left meanwhile; whatever is left of them in the end is killed."""
    known = {child.pid for child in psutil.Process().children()}
    outermost = not _adopting
    _adopting.append(known)
    adopts = sys.platform == "linux" and _LIBC.prctl(_SET_SUBREAPER, 1, 0, 0, 0) == 0
    try:
        yield
    finally:
        kill_orphans()
        _adopting.pop()
        if adopts and outermost:
            _LIBC.prctl(_SET_SUBREAPER, 0, 0, 0, 0)


def kill_orphans() -> None:
    """Kill every process below this one that no step here started, with its descendants.

    Does nothing where orphans are not adopted. Called where nothing that was started on purpose still runs as an
    orphan: a service that went on as a daemon is one.
    """
    if not _adopting:
        return
    before = set().union(*_adopting)
    for _ in range(10):  # one that is killed may have forked meanwhile
        orphans = [each for each in psutil.Process().children() if each.pid not in before | _started]
        if not orphans:
            return
        for orphan in orphans:
            with contextlib.suppress(psutil.Error):
                for child in orphan.children(recursive=True):
                    kill(child)
            kill(orphan)


def die_with_parent() -> None:
    """Have this process killed once its parent is gone; for a child between fork and exec."""
    _LIBC.prctl(_SET_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)


@contextmanager
def watched() -> Iterator[None]:
    """Have everything that is started meanwhile ended by a watchdog, should this process be killed."""
    mark = secrets.token_hex(8)
    read, write = os.pipe()
    try:
        watchdog = subprocess.Popen(
            (sys.executable, "-I", "-S", str(Path(__file__).with_name("watchdog.py")), f"{RUN}={mark}"),
            stdin=read,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    finally:
        os.close(read)
    started(watchdog)
    before = os.environ.get(RUN)
    os.environ[RUN] = mark
    try:
        yield
    finally:
        os.environ.pop(RUN, None)
        if before is not None:
            os.environ[RUN] = before
        kill_group(watchdog)
        os.close(write)
