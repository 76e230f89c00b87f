"""Close the heap holes that imports leave, and start each benchmark at random places in fresh memory.

Importing code frees the memory that compiling and unmarshalling used, which leaves holes; unused code leaves more of
them. The benchmark's objects are then scattered on one side and next to each other on the other, a bias of up to 2 %.

CPython keeps objects of up to 512 bytes in pools: 16 KiB of memory for one size (4 KiB before 3.10) behind a header of
48 bytes. A pool with free slots is used before a fresh one. What is larger comes from malloc, and glibc's takes what
was freed before it takes anew from the top of the heap.

glibc also maps each block above a threshold anew, and the threshold grows when such a block is freed. A module that
reads a large file raises it on its side only, where allocating 200 kB is then thirty times as fast.

Source: CPython, Objects/obmalloc.c, "Pool table" and pymalloc_alloc(); glibc, malloc/malloc.c, _int_malloc(), and
mallopt(3), M_MMAP_THRESHOLD.
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

LARGEST_MAPPED = 2**25 - 2**16  # bytes; the threshold is 32 MiB at most (DEFAULT_MMAP_THRESHOLD_MAX)
PROBE = 2**18  # bytes; hardly a hole is as large, so a block of this size comes from the top of the heap
BLOCKS = tuple(2**power for power in range(17, 9, -1))
PLACES = 2**12  # of 16 bytes, where the top of the heap may begin: two addresses 4 KiB apart are in each other's way
CACHED, FEWEST = 1024, 8  # of each size up to here glibc keeps up to seven blocks aside (tcache)
MOST_OF_BLOCKS = 2**23  # bytes, if there is no end to the holes


def has_pools():
    """Return whether this interpreter allocates small objects in such pools: not PyPy, nor without the GIL."""
    usual = os.environ.get("PYTHONMALLOC", "") in ("", "default", "pymalloc") and not sys.flags.dev_mode
    built_so = sys.implementation.name == "cpython" and "free-threading" not in sys.version
    return usual and built_so and sys.maxsize > 2**32


def raise_threshold():
    """Let blocks of up to 32 MiB come from the heap, as if one had been freed before; once a process is enough."""
    bytes(LARGEST_MAPPED)  # free again at once


def filled():
    """Allocate until the next object of each size comes from fresh memory; return what keeps it so while it lives.

    Nothing that the garbage collector counts is made on the way: how many holes there were must not decide when it
    comes next.
    """
    kept = []
    fill_blocks(kept)
    fill_pools(kept)
    return kept


def fill_blocks(kept):
    """Use up what malloc has below the top of its heap: large blocks first, so that few of them do."""
    top, left = id(bytes(PROBE)), MOST_OF_BLOCKS
    for size in BLOCKS + tuple(range(CACHED - STEP, LARGEST, -STEP)):
        fewest = FEWEST if size <= CACHED else 1
        while left > 0 and (fewest > 0 or id(kept[-1]) < top):
            kept.append(bytes(size - EMPTY))
            left -= size
            fewest -= 1


def fill_pools(kept):
    """Use up the pools that are part full, of each size."""
    for size in range(STEP, LARGEST + 1, STEP):
        lead, row = LEAD if size <= SMALL else 0, min(ROW, (POOL - HEADER) // size // 2)
        near, far = HEADER + 2 * (lead + row) * size, (row - 1 + BESIDE) * size
        for _ in range(MOST // (size * (lead + row))):
            add(kept, size, lead + row)
            first = id(kept[-row])
            if first % POOL < near and 0 < id(kept[-1]) - first <= far:
                break


def shifted(rng):
    """Allocate a drawn part of a pool of each size, and a drawn block; return what keeps them.

    The block moves the top of the heap by up to sixteen pages. Without it the distance in memory between what a
    benchmark allocates there (the code of functions, types) and what was imported would be the same in every process.
    """
    kept = [bytes(2 * CACHED + STEP * rng.randrange(PLACES))]
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
