"""Temporary directories and files that the next command removes, should this one be killed.

Each has a lock that its process holds and the kernel releases when the process ends, however that comes about. A
directory whose lock is free is left over.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

PREFIX = "perfgate-"
LOCK = ".lock"
YOUNG_S = 60.0  # within which a lock may be about to get its directory


@contextmanager
def scratch(purpose: str) -> Iterator[Path]:
    """Hold an empty directory of this user's alone; afterwards it is gone."""
    sweep_once(tempfile.gettempdir())
    handle, name = tempfile.mkstemp(prefix=f"{PREFIX}{purpose}-", suffix=LOCK)
    home = Path(name.removesuffix(LOCK))
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        home.mkdir(mode=0o700)  # after the lock: a directory without one that is held is left over
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)
        Path(name).unlink(missing_ok=True)
        os.close(handle)


@cache
def sweep_once(place: str) -> int:
    """Sweep `place` if this process has not done so yet."""
    return sweep(Path(place))


def sweep(place: Path | None = None) -> int:
    """Remove what killed processes of this user left in the temporary directory; return how much that was."""
    removed, now = 0, time.time()
    for home in list((place or Path(tempfile.gettempdir())).glob(f"{PREFIX}*")):
        with contextlib.suppress(OSError):
            if home.suffix == LOCK:
                alone = not home.with_suffix("").exists() and now - home.lstat().st_mtime > YOUNG_S
                removed += alone and home.lstat().st_uid == os.getuid() and _free(home.with_suffix(""))
            elif home.lstat().st_uid == os.getuid() and home.is_dir() and not home.is_symlink():
                removed += _free(home)
    return removed


def _free(home: Path) -> bool:
    """Remove a directory if its lock exists and no process holds it."""
    lock = home.with_name(home.name + LOCK)
    handle = os.open(lock, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(home, ignore_errors=True)
        lock.unlink(missing_ok=True)
    finally:
        os.close(handle)
    return True
