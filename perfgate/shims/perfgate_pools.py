"""Use up the holes that imports left in CPython's small-object allocator, and begin anew at places that are drawn.

Objects of up to 512 bytes lie in pools: 16 KiB of memory for one size (4 KiB before 3.10) behind a header of 48 bytes.
A pool with free slots is used before a fresh one. Importing code frees what compiling and unmarshalling needed, so it
leaves pools part full, and code that is only there, and never called, leaves more of them. What a benchmark allocates
then is scattered over holes on one side and packed on the other: 2 % of a short benchmark, in every process.

Source: CPython, Objects/obmalloc.c, "Pool table" and pymalloc_alloc().
"""

import os
import sys

POOL = 2**14 if sys.version_info >= (3, 10) else 2**12
HEADER = 48
STEP, LARGEST = 16, 512
SMALL, LEAD = 64, 4  # up to this size, so many objects take the slots that looking at addresses has just freed
ROW = 8  # objects side by side near the start of a pool: it is fresh, so those before it are full
BESIDE = 3  # slots between them that the interpreter may have taken meanwhile
MOST = 300_000  # bytes of one size, if there is no end to the holes
FLOAT = 32  # the size of a float, and of the numbers that looking at addresses makes
EMPTY = sys.getsizeof(b"")


def has_pools():
    """Return whether this interpreter allocates small objects in such pools: not PyPy, nor without the GIL."""
    usual = os.environ.get("PYTHONMALLOC", "") in ("", "default", "pymalloc") and not sys.flags.dev_mode
    built_so = sys.implementation.name == "cpython" and "free-threading" not in sys.version
    return usual and built_so and sys.maxsize > 2**32


def filled():
    """Allocate until the next object of each size comes from a fresh pool; return what keeps it so while it lives.

    Nothing that the garbage collector counts is made on the way: how many holes there were must not decide when it
    comes next.
    """
    kept = []
    for size in range(STEP, LARGEST + 1, STEP):
        lead, row = LEAD if size <= SMALL else 0, min(ROW, (POOL - HEADER) // size // 2)
        near, far = HEADER + 2 * (lead + row) * size, (row - 1 + BESIDE) * size
        for _ in range(MOST // (size * (lead + row))):
            add(kept, size, lead + row)
            first = id(kept[-row])
            if first % POOL < near and 0 < id(kept[-1]) - first <= far:
                break
    return kept


def shifted(rng):
    """Allocate a part of a pool of each size, drawn; return what keeps the rest of it where it then begins."""
    kept = []
    for size in range(STEP, LARGEST + 1, STEP):
        add(kept, size, rng.randrange((POOL - HEADER) // size))
    return kept


def add(kept, size, count):
    """Append new objects that take `size` bytes each, making nothing else on the way."""
    length = size - EMPTY
    while count:
        if size == STEP:
            kept.append(object())
        elif size == FLOAT:
            kept.append(0.37 * count)
        else:
            kept.append(bytes(length))
        count -= 1
