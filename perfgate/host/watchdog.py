"""Ends what perfgate started, once perfgate is gone without having done so itself.

Started as a script of its own: it waits for the end of its standard input, which is when perfgate dies, and then
kills every process that carries the mark given as its argument in its environment. A normal end kills it first.
"""

import os
import signal
import sys
import time

TRIES = 50  # one that is killed may have forked meanwhile
PAUSE_S = 0.1


def main(mark: bytes) -> None:
    """Wait for the end, then end the others."""
    while os.read(0, 65536):
        pass
    quiet = 0
    for _ in range(TRIES):
        quiet = 0 if kill(mark) else quiet + 1
        if quiet > 2:
            return
        time.sleep(PAUSE_S)


def kill(mark: bytes) -> int:
    """Kill every process with `mark` in its environment; return how many there were."""
    killed = 0
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            with open(f"/proc/{entry}/environ", "rb") as file:
                if mark not in file.read().split(b"\0"):
                    continue
            os.kill(int(entry), signal.SIGKILL)
            killed += 1
        except OSError:
            continue
    return killed


if __name__ == "__main__":
    main(os.fsencode(sys.argv[1]))
