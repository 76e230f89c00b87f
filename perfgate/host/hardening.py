"""What makes it harder for the code that is measured to reach into perfgate itself, in a job.

It runs as the same user, so none of this is a border: see SECURITY.md. It keeps honest code from doing it by
accident, and makes dishonest code show itself.
"""

import ctypes
import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_SET_DUMPABLE = 4  # prctl(2)
MOST_FILES = 65_536  # a child closes that many descriptors one by one where it cannot list its own
JOB_FILES = ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY", "GITHUB_STATE")
JOB_TOKENS = ("ACTIONS_RUNTIME_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL")


@contextmanager
def job_hidden() -> Iterator[None]:
    """Keep the job's files and tokens out of the environment of all that is started meanwhile."""
    kept = {name: os.environ.pop(name) for name in (*JOB_FILES, *JOB_TOKENS) if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)


def keep_memory_private() -> bool:
    """Let no other process of this user read this one's memory or first environment; return whether that worked."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if sys.platform != "linux" or not 0 < soft <= MOST_FILES:
        return False
    return bool(ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0, 0, 0, 0) == 0)
