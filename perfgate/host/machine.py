"""What of this machine hurts measurements, read from what the kernel counts."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from perfgate.host import cpus

MUCH_STOLEN = 0.01  # of the CPU time
MUCH_BUSY = 0.2  # of the CPU time, while perfgate rests
STEADY = ("performance", "")  # governors that keep a frequency; no governor is the hypervisor's affair
ROOT = Path("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hurt:
    """What makes numbers worse here, and what to do."""

    what: str
    do: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """What the kernel has counted until now; a difference of two is a stretch of time."""

    busy: float = 0.0
    """CPU ticks of all processes."""
    idle: float = 0.0
    stolen: float = 0.0
    swapped: int = 0
    """Pages, in and out."""
    throttled: int = 0
    """Periods in which a container's quota was used up."""
    too_hot: int = 0
    """Times that a CPU slowed down."""


def counters(root: Path = ROOT) -> Counters:
    """Read them; what the system does not count is 0."""
    first, *_ = _text(root / "proc/stat").splitlines() or ["cpu"]
    ticks = [float(value) for value in first.split()[1:9]] + [0.0] * 8
    user, nice, system, idle, waiting, interrupt, soft, stolen = ticks[:8]
    pages = _pairs(root / "proc/vmstat")
    hot = (root / "sys/devices/system/cpu").glob("cpu*/thermal_throttle/core_throttle_count")
    return Counters(
        busy=user + nice + system + interrupt + soft,
        idle=idle + waiting,
        stolen=stolen,
        swapped=pages.get("pswpin", 0) + pages.get("pswpout", 0),
        throttled=_pairs(root / "sys/fs/cgroup/cpu.stat").get("nr_throttled", 0),
        too_hot=sum(int(_text(path) or 0) for path in hot),
    )


def hurts(before: Counters, after: Counters, *, root: Path = ROOT) -> list[Hurt]:
    """Return what hurt between two readings, or does so all the time."""
    return [*_always(root), *_meanwhile(before, after)]


def watched(seconds: float) -> list[Hurt]:
    """Do nothing for a while, and return what hurt meanwhile."""
    before = counters()
    time.sleep(seconds)
    return hurts(before, counters())


def _always(root: Path) -> Iterator[Hurt]:
    allowed = cpus.allowed()
    if len(allowed) == 1:
        yield Hurt(
            what="only one CPU: perfgate itself runs on the CPU of the benchmarks", do="give the runner two CPUs"
        )
    if not cpus.can_pin():
        yield Hurt(
            what="CPU pinning is unavailable; expect about three times the noise",
            do="on Linux, allow sched_setaffinity in the container; macOS has none",
        )
    quota, _, period = _text(root / "sys/fs/cgroup/cpu.max").partition(" ")
    if quota.isdigit() and period.isdigit() and int(quota) < int(period) * max(1, len(allowed)):
        share = int(quota) / int(period)
        yield Hurt(
            what=f"the container may use {share:g} of {len(allowed)} CPUs: it is paused whenever these are used up",
            do="give it whole CPUs of its own (cpuset) instead of a quota",
        )
    governors = {_text(path) for path in (root / "sys/devices/system/cpu").glob("cpu*/cpufreq/scaling_governor")}
    if moving := sorted(governors - set(STEADY)):
        yield Hurt(
            what=f"the CPU's frequency moves with the load (governor {', '.join(moving)})",
            do="sudo cpupower frequency-set --governor performance",
        )


def _meanwhile(before: Counters, after: Counters) -> Iterator[Hurt]:
    busy, stolen = after.busy - before.busy, after.stolen - before.stolen
    total = busy + stolen + after.idle - before.idle
    if total > 0 and stolen / total > MUCH_STOLEN:
        yield Hurt(
            what=f"the hypervisor gave {stolen / total:.0%} of the CPU time to other machines",
            do="use a dedicated runner; on this one perfgate needs more pairs",
        )
    if total > 0 and busy / total > MUCH_BUSY:
        yield Hurt(what=f"other processes used {busy / total:.0%} of the CPU time", do="stop other programs, or wait")
    if (pages := after.swapped - before.swapped) > 0:
        yield Hurt(what=f"the machine swapped ({pages:,} pages)", do="give it more memory, or stop other programs")
    if (periods := after.throttled - before.throttled) > 0:
        yield Hurt(what=f"the container's CPU quota was used up {periods:,} times", do="raise the quota, or remove it")
    if (times := after.too_hot - before.too_hot) > 0:
        yield Hurt(what=f"a CPU became too hot and slowed down {times:,} times", do="cool it, or measure less at once")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _pairs(path: Path) -> dict[str, int]:
    """Return a file of names and numbers."""
    words = [line.split() for line in _text(path).splitlines()]
    return {line[0]: int(line[1]) for line in words if len(line) == 2 and line[1].isdigit()}
