"""The user's side of the turn protocol: two pipes, one JSON message a line, and the drawn memory layout.

Runs inside the interpreter of the code under test, beside whatever that imports, so it needs nothing but
the standard library of Python 3.8 and is imported only by its neighbours in this directory.
"""

import json
import os
import resource
import sys
import time
from random import Random

clock = time.perf_counter  # bound now: a test that freezes time later must not freeze this
cpu_clock = time.process_time
thread_clock = time.thread_time

KEPT = []  # what scramble() leaves alive, for the life of the process


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
        """Wait for the next message; when nobody is left to send one, end at once."""
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


def scramble(seed):
    """Draw this process's memory layout; return what was drawn.

    A random number of objects of random sizes is allocated and a random half of them freed, a random number of
    pages is mapped, and a random number of functions is compiled, so that what is imported next (extension
    modules included) lands elsewhere with each seed. Layout then is spread that pairs average out, no bias that
    they cannot see.
    Source: Curtsinger & Berger 2013, doi:10.1145/2451116.2451141, who move code and data of native programs.
    """
    rng = Random(seed)
    KEPT.append(bytes(rng.randrange(2**19, 2**23)))  # large enough to be mapped, never touched: costs addresses only
    small = [bytes(size) for size in rng.choices(range(16, 520), k=rng.randrange(5_000, 60_000))]
    large = [bytes(size) for size in rng.choices(range(520, 20_000), k=rng.randrange(50, 1_500))]
    blocks = small + large
    for place in rng.sample(range(len(blocks)), len(blocks) // 2):
        blocks[place] = None
    functions = rng.randrange(20, 400)
    source = "\n".join("def f%d(a, b=%d):\n    return [a, b, %d]" % (i, i, rng.randrange(9)) for i in range(functions))
    names = {}
    exec(compile(source, "<layout>", "exec"), names)
    kept = [block for block in blocks if block is not None]
    KEPT.extend([kept, names])
    return [len(blocks), sum(map(len, kept)), functions]


def start():
    """Open the channel, draw the layout, say hello."""
    channel = Channel()
    seed = os.environ.pop("PERFGATE_LAYOUT", "")
    layout = scramble(int(seed)) if seed else []
    python = {
        "python": "%s %s" % (sys.implementation.name, sys.version.split()[0]),
        "build": " ".join(sys.version.split()[1:]),
    }
    channel.send("hello", layout=layout, python=python)
    return channel


def pin(cpu):
    """Put every thread of this process on `cpu`; None leaves them where they are."""
    if cpu is None or not hasattr(os, "sched_setaffinity"):
        return
    for thread in os.listdir("/proc/self/task"):
        try:
            os.sched_setaffinity(int(thread), {cpu})
        except OSError:
            pass  # a thread that ended meanwhile; a refusal was noticed before any agent was started


def preempted():
    """Return how often this process was made to wait so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


def timed(batch):
    """Wrap `batch(loops) -> seconds` as a turn: values of one iteration, by metric."""

    def turn(loops):
        cpu = cpu_clock()
        seconds = batch(loops)
        return {"time": seconds / loops, "cpu": (cpu_clock() - cpu) / loops}

    return turn


def offer_turns(channel, name, turn, most=None):
    """Offer benchmark `name` and run the turns that are asked for.

    `turn(loops)` returns {metric: value of one iteration}; `most` is how many iterations it stands in all.
    """
    channel.send("ready", name=name, most=most)
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
        # The first call pays for caches and imports, however slow it was: it says nothing.
        if elapsed >= turn_s / 2 and spent > loops:
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
