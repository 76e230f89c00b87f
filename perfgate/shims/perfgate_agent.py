"""The user's side of the turn protocol: two pipes, one JSON message a line, and the drawn memory layout.

Runs inside the interpreter of the code under test, beside whatever that imports, so it needs nothing but
the standard library of Python 3.8 and is imported only by its neighbours in this directory.
"""

import gc
import json
import os
import resource
import sys
import time
from random import Random

import perfgate_heap
import perfgate_pages

clock = time.perf_counter  # bound now: a test that freezes time later must not freeze this
cpu_clock = time.process_time
thread_clock = time.thread_time

LONG_CALL_S = 0.2

LAYOUTS = []
METHOD_CACHE = 2**12  # places
NUMBERS_OF_A_TYPE = 500  # from 3.13 on a type gets a thousand at most
COUNTS = []  # the module that counts, in a process that is there for it
SETTLED = [0.0, 0.0]  # what scheduled() said before the first benchmark
KEPT = []  # what scramble() leaves alive, for the life of the process


class CannotCount(Exception):
    """Why something cannot be counted here."""


class Channel:
    """This process's end of the pipes."""

    def __init__(self):
        read, write = (int(number) for number in os.environ.pop("PERFGATE_CHANNEL").split(","))
        os.set_inheritable(read, False)
        os.set_inheritable(write, False)
        self._in, self._out, self._pid, self._buffer = read, write, os.getpid(), b""

    def send(self, kind, **message):
        """Send one message; a forked child that got here by returning must not speak for its parent."""
        self._only_parent()
        left = memoryview(json.dumps(dict(message, kind=kind)).encode() + b"\n")
        while left:
            left = left[os.write(self._out, left) :]

    def receive(self):
        """Wait for the next message; end at once if the other end is closed."""
        self._only_parent()
        while b"\n" not in self._buffer:
            chunk = os.read(self._in, 65536)
            if not chunk:
                os._exit(0)
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        return json.loads(line)

    def _only_parent(self):
        if os.getpid() != self._pid:
            os._exit(0)


class Layout:
    """Draws this process's memory layout from a seed, so that what the code under test allocates lands elsewhere.

    Layout then is spread that pairs average out, no bias that they cannot see.
    Source: Curtsinger & Berger 2013, doi:10.1145/2451116.2451141, who move code and data of native programs.
    """

    def __init__(self, seed, *, with_holes=False):
        self.rng = Random(seed)
        self.with_holes = with_holes  # a benchmark begins among holes that are drawn, not beside closed ones
        self.pooled = perfgate_heap.has_pools()
        self.kept = []
        self.home = os.path.dirname(os.getcwd())  # of the side: its files, and its environment
        self.moved = set()

    def scramble(self):
        """Move everything that is imported from here on; return what was drawn.

        Many objects of random sizes are allocated and a random half of them freed: holes for what comes. A random
        number of pages is mapped (extension modules land elsewhere), and of functions compiled.
        """
        rng = self.rng
        renumber_types(rng.randrange(METHOD_CACHE))
        blocks = self.perforated(rng.randrange(10_000, 80_000), rng.randrange(50, 1_500))
        mapped = bytes(rng.randrange(2**19, 2**23))  # never touched: costs addresses only
        count = rng.randrange(20, 400)
        lines = ["def f%d(a, b=%d):\n    return [a, b, %d]" % (i, i, rng.randrange(9)) for i in range(count)]
        names = {}
        exec(compile("\n".join(lines), "<layout>", "exec"), names)
        KEPT.extend([blocks, mapped, names])
        return [len(blocks), sum(map(len, blocks)), count]

    def find_spec(self, name, path=None, target=None):
        """Find no module, but move what is imported from here on: how far apart two modules lie is layout too."""
        KEPT.append(self.perforated(self.rng.randrange(80), self.rng.randrange(12)))
        renumber_types(self.rng.randrange(60))

    def settle(self):
        """Close the holes that imports left, for the life of the process."""
        perfgate_heap.raise_threshold()
        if self.pooled:
            KEPT.append(perfgate_heap.filled())

    def stir(self):
        """Start a benchmark in fresh memory, at places that are drawn.

        The code of extension modules that came since the last time moves to other physical memory, too.
        """
        new = [each for each in perfgate_pages.own_code(self.home) if each not in self.moved]
        perfgate_pages.move(new, self.rng)
        self.moved.update(new)
        self.kept = []
        self.place_anew()

    def place_anew(self):
        """Close the holes again, since setting up and importing leave new ones, and draw a new starting point."""
        if self.pooled:
            self.kept.append(perfgate_heap.filled())
        if self.pooled and not self.with_holes:
            self.kept.append(perfgate_heap.shifted(self.rng))
        else:
            self.kept.append(self.perforated(self.rng.randrange(4_000, 8_000), self.rng.randrange(20)))

    def perforated(self, small, large):
        """Return a random half of as many new blocks; the others are free again."""
        sizes, coins = (self.rng.getrandbits(8 * n).to_bytes(n, "little") for n in (small, small + large))
        blocks = [bytes(16 + 2 * size) for size in sizes]
        blocks += [bytes(size) for size in self.rng.choices(range(520, 5_000), k=large)]
        return [block for block, coin in zip(blocks, coins) if coin & 1]


def renumber_types(count):
    """Let types that come from here on have numbers that are `count` higher.

    CPython finds attributes of a type in a cache, at a place made of the type's number and the address of the name. Two
    that share a place drive each other out. As types are numbered in order and some names always have the same address,
    that is so in every process alike: 1.5 % of a benchmark. Each change of a type takes a number.
    Source: CPython, Objects/typeobject.c, MCACHE_HASH_METHOD() and assign_version_tag().
    """
    if sys.implementation.name != "cpython":
        return
    for taken in range(count):
        if taken % NUMBERS_OF_A_TYPE == 0:
            changing = type("Changing", (), {})
        changing.drawn = taken
        hasattr(changing, "drawn")  # looked up, it needs a new number


def start():
    """Open the channel, draw the layout, say hello."""
    channel = Channel()
    if os.environ.pop("PERFGATE_COUNT", ""):
        import perfgate_counts  # now: later the user's own directories come first on the path

        perfgate_counts.prepare()
        COUNTS.append(perfgate_counts)
    seed = os.environ.pop("PERFGATE_LAYOUT", "")
    drawn = []
    if seed:
        layout = Layout(int(seed), with_holes=bool(os.environ.pop("PERFGATE_HOLES", "")))
        drawn = layout.scramble()
        LAYOUTS.append(layout)
        sys.meta_path.insert(0, layout)
    python = {
        "python": "%s %s" % (sys.implementation.name, sys.version.split()[0]),
        "build": " ".join(sys.version.split()[1:]),
    }
    channel.send("hello", layout=drawn, python=python)
    return channel


def settle():
    """Take all that lives now out of the garbage collector's sight, and stop drawing at imports.

    A full collection walks over pytest and every imported module, clears the free lists on the way, and comes at a
    moment that 20,000 more objects anywhere shift: 1 % of a benchmark, and no property of what it runs.
    """
    sys.meta_path[:] = [finder for finder in sys.meta_path if finder not in LAYOUTS]
    gc.collect()
    getattr(gc, "freeze", int)()  # PyPy has none
    for layout in LAYOUTS:
        layout.settle()
    SETTLED[:] = scheduled()


def stir():
    """Begin a benchmark: with nothing to collect, and what it allocates placed anew where a layout is drawn."""
    gc.collect()
    for layout in LAYOUTS:
        layout.stir()


def pin(cpu):
    """Put every thread of this process on `cpu`; None leaves them where they are."""
    if cpu is None or not hasattr(os, "sched_setaffinity"):
        return
    for thread in os.listdir("/proc/self/task"):
        try:
            os.sched_setaffinity(int(thread), {cpu})
        except OSError:
            pass  # a thread that ended meanwhile; a refusal was noticed before any agent was started


def bye(channel, **more):
    """Say the last word: how often this process was made to wait since settle(), and how long."""
    ran, starved = scheduled()
    channel.send(
        "bye",
        preempted=resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw,
        ran_s=ran - SETTLED[0],
        starved_s=starved - SETTLED[1],
        **more,
    )


def scheduled():
    """Return the seconds that the main thread was on a CPU, and that it waited for one while it could have run.

    Linux counts both (proc(5), /proc/PID/schedstat); elsewhere they are 0.
    """
    try:
        with open("/proc/self/schedstat", encoding="ascii") as file:
            ran, starved = file.read().split()[:2]
    except (OSError, ValueError):
        return 0.0, 0.0
    return int(ran) / 1e9, int(starved) / 1e9


def timed(batch):
    """Wrap `batch(loops) -> seconds` as a turn: values of one iteration, by metric."""

    def turn(loops):
        cpu = cpu_clock()
        seconds = batch(loops)
        return {"time": seconds / loops, "cpu": (cpu_clock() - cpu) / loops}

    return turn


def offer_turns(channel, name, turn, most=None, least=None, about=None, count=None):
    """Offer benchmark `name` and run the turns that are asked for.

    `turn(loops)` returns {metric: value of one iteration}; `most` is how many iterations it stands in all,
    `least` by metric the value up to which nothing can be told apart, `about` what its author says of it;
    `count(what, loops)` returns values and notes where this process is not the one to count in.
    """
    for layout in LAYOUTS:
        layout.place_anew()
    channel.send("ready", name=name, most=most, least=least or {}, about=about or {})
    while True:
        order = channel.receive()
        if order["do"] == "leave":
            return
        if order["do"] == "turn":
            start = clock()
            values = turn(order["loops"])
            channel.send("turn", values=values, elapsed=clock() - start)
        elif order["do"] == "calibrate":
            channel.send("calibrated", **calibrate(turn, order["turn_s"], most))
        elif order["do"] == "count":
            channel.send("counted", **counted(count or within(turn, most), order))


def within(turn, most):
    """Return what counts in this process."""
    return lambda what, loops: COUNTS[0].counted(what, turn, loops, most)


def counted(count, order):
    """Return what one iteration does, by metric, and what is said of it; or why it cannot be counted."""
    try:
        values, notes = count(order["what"], order["loops"])
    except CannotCount as exc:
        return {"values": {}, "notes": {}, "cannot": str(exc)}
    return {"values": values, "notes": notes, "cannot": ""}


def calibrate(turn, turn_s, most):
    """Return the seconds of one iteration, its values, and how many CPUs it keeps busy."""
    loops = 1
    spent, busy, beside, watched = 0, 0.0, 0.0, 0.0
    while True:
        start, cpu, own, children = clock(), cpu_clock(), thread_clock(), children_clock()
        values = turn(loops)
        elapsed, used = clock() - start, cpu_clock() - cpu
        spent, watched = spent + loops, watched + elapsed
        busy += used + children_clock() - children
        beside += used - (thread_clock() - own)
        # The first call pays for caches and imports, so it says nothing; unless it took so long that a second would
        # cost more than it tells.
        if elapsed >= turn_s / 2 and (spent > loops or elapsed > LONG_CALL_S):
            break
        if loops > 10**8 or (most is not None and spent >= most):
            break  # a clock that stands still, or a benchmark that may run no more
        if elapsed < turn_s / 2 and most is None:
            loops = loops * 2 if elapsed > turn_s / 20 else loops * 10
    # On a busy machine two threads may get one CPU between them: that another thread worked is enough.
    cpus = max(busy / watched, 1 + beside / busy) if watched > 0 and busy > 0 else 0.0
    return {"iteration_s": elapsed / loops, "values": values, "cpus": cpus}


def children_clock():
    """Return the CPU seconds of child processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def exploring():
    """Return whether this process is there to look at a side, and notes what it loads."""
    return bool(os.environ.get("PERFGATE_ORIGINS"))


def note_origins():
    """Note what has been loaded so far, where this process looks at a side."""
    if "perfgate_origins" in sys.modules:
        sys.modules["perfgate_origins"].dump()


def packages():
    """Return what is installed, but for what comes from a directory: that is the project itself."""
    import importlib.metadata

    return {
        found.metadata["Name"]: found.version
        for found in importlib.metadata.distributions()
        if found.metadata["Name"] and '"file://' not in (found.read_text("direct_url.json") or "")
    }
