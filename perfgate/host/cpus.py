"""Which CPUs this process may use, and staying off the one that is being measured."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


def allowed() -> tuple[int, ...]:
    """Return the CPUs that this process may run on, sorted; none where the system has no affinity (macOS)."""
    if not hasattr(os, "sched_getaffinity"):
        return ()
    return tuple(sorted(os.sched_getaffinity(0)))


def can_pin() -> bool:
    """Return whether the system lets a process choose its CPU; a container may refuse."""
    if not (cpus := allowed()):
        return False
    try:
        os.sched_setaffinity(0, set(cpus))
    except OSError:
        return False
    return True


@contextmanager
def away_from(cpu: int | None) -> Iterator[None]:
    """Keep this process off `cpu` for a while, where there is another one to go to."""
    cpus = set(allowed())
    if cpu is None or not (others := cpus - {cpu}):
        yield
        return
    os.sched_setaffinity(0, others)
    try:
        yield
    finally:
        os.sched_setaffinity(0, cpus)


@contextmanager
def on(cpus: Sequence[int]) -> Iterator[None]:
    """Run on `cpus` alone for a while, and with this process all that it starts meanwhile; none are no wish."""
    if not cpus:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
