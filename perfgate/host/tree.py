"""Ending a process with all its descendants, also those that left its group."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path

MARK = "PERFGATE_MEASUREMENT"  # in the environment of all that a measurement starts, so that it can be found


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill the process group that `process` leads and collect it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def kill_marked(mark: str) -> None:
    """Kill every process whose environment carries `mark`: a daemon leaves its group, not its environment.

    Without /proc (macOS) only process groups are ended.
    """
    wanted = f"{MARK}={mark}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if int(entry.name) != os.getpid() and wanted in (entry / "environ").read_bytes().split(b"\0"):
                os.kill(int(entry.name), signal.SIGKILL)
