"""Processes that start at the same addresses: what the system draws by chance must not tell the sides apart.

Where the interpreter's code lies decides which of its branches disturb each other in the CPU's predictor: 2 to 4 %
of a short loop, drawn anew by the system at every start. It cannot be told to draw the same twice, only not to draw.
"""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

NO_RANDOMIZE = 0x0040000  # ADDR_NO_RANDOMIZE of <sys/personality.h>; inherited by children, effective at exec
ASK = 0xFFFFFFFF


@contextmanager
def fixed_addresses() -> Iterator[bool]:
    """Let processes that are started meanwhile begin at the same addresses; yield whether the system agreed."""
    if sys.platform != "linux":
        yield False
        return
    personality = ctypes.CDLL(None).personality
    personality.argtypes, personality.restype = [ctypes.c_ulong], ctypes.c_int
    before = personality(ASK)
    agreed = before >= 0 and personality(before | NO_RANDOMIZE) >= 0
    try:
        yield agreed
    finally:
        if agreed:
            personality(before)


def can_fix() -> bool:
    """Return whether the system can be told; a container may refuse."""
    with fixed_addresses() as agreed:
        return agreed
