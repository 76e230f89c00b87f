"""Gives this process its own copy of the code of a side's extension modules.

The kernel maps a file's pages from its page cache: every process gets the same physical memory while the file stays
there. Two builds of the same source lie at different physical memory, so the CPU's caches hold them differently. That
moved benchmarks by up to 14 % with machine code that was the same byte for byte (benchmarks.placement), by the same
amount in every process. A page that is written to is copied to fresh memory (mmap(2), MAP_PRIVATE). So each process
writes to every page what is there already.

Needs nothing but the standard library of Python 3.8.
"""

import os
import platform
import shutil
import tempfile

LARGEST = 64 * 2**20  # bytes of one file; more would take longer than it is worth
PAGE = 4096
READ, WRITE, EXECUTE = 1, 2, 4


def own_code(home, maps="/proc/self/maps"):
    """Return (start, end, executable) of the read-only mappings of the libraries below the directory `home`."""
    found, libraries = [], set()
    if not os.path.exists(maps):
        return []
    with open(maps, encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            parts = line.rstrip("\n").split(None, 5)
            if len(parts) < 6 or not parts[5].startswith(home + os.sep):
                continue
            start, _, end = parts[0].partition("-")
            if parts[1][2] == "x":
                libraries.add(parts[5])
            if parts[1][0] == "r" and parts[1][1] == "-" and parts[1][3] == "p":
                found.append((int(start, 16), int(end, 16), parts[1][2] == "x", parts[5]))
    return [each[:3] for each in found if each[3] in libraries and each[1] - each[0] <= LARGEST]


def move(mappings, rng):
    """Copy these mappings to fresh memory, page by page in random order; return the bytes that were moved.

    Where the system forbids it, they stay where they are.
    """
    # Elsewhere, what was written as data must be told to the instruction cache.
    if not mappings or platform.machine() not in ("x86_64", "AMD64"):
        return 0
    try:
        import ctypes
    except ImportError:
        return 0
    protect = ctypes.CDLL(None).mprotect
    protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    moved = 0
    for start, end, executable in mappings:
        usual = READ | (EXECUTE if executable else 0)
        if protect(start, end - start, usual | WRITE):
            continue
        pages = list(range(start, end, PAGE))
        rng.shuffle(pages)
        for page in pages:
            byte = ctypes.c_ubyte.from_address(page)
            byte.value = byte.value
        protect(start, end - start, usual)
        moved += end - start
    return moved


def copy_anew(program, home):
    """Put a fresh copy of a machine-code program below `home` in its place; return whether that was done.

    For programs that are run as commands: nothing of ours runs inside of them, but a new copy is read into other pages.
    """
    place = os.path.abspath(program) if os.sep in program else shutil.which(program) or ""
    if not place.startswith(home + os.sep) or os.path.islink(place):
        return False
    try:
        with open(place, "rb") as file:
            code = file.read(4) == b"\x7fELF" and os.path.getsize(place) <= LARGEST
        if not code or (hasattr(os, "listxattr") and os.listxattr(place)):  # capabilities would be lost
            return False
        handle, fresh = tempfile.mkstemp(dir=os.path.dirname(place))
        os.close(handle)
        shutil.copy2(place, fresh)
        os.replace(fresh, place)
    except OSError:
        return False
    return True
