"""Runs command lines as benchmarks: one turn is one whole process, from start to its collected end.

Started by perfgate's own interpreter, once a side and pair; stays on its CPU, which the commands inherit.
Arguments: name and command line (JSON list) in turns.
"""

import json
import os
import resource
import shutil
import sys
import tempfile
from random import Random

import perfgate_agent as agent
import perfgate_counts
import perfgate_origins
import perfgate_pages

RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # what wait4 counts in


class CommandFailed(Exception):
    """The command could not be started or ended with another status than 0."""


def main(arguments):
    """Offer the commands, run the chosen ones."""
    rng, drawn = Random(int(os.environ.get("PERFGATE_LAYOUT", "0"))), "PERFGATE_LAYOUT" in os.environ
    for name in ("PERFGATE_LAYOUT", "PERFGATE_HOLES"):
        os.environ.pop(name, None)  # what is drawn goes to the commands, not to this process
    channel = agent.start()
    commands = dict(zip(arguments[::2], map(json.loads, arguments[1::2])))
    channel.send("offer", benchmarks=list(commands), errors=[])
    order = channel.receive()
    agent.pin(order["cpu"])
    for name in order["names"]:
        channel.receive()  # "next"
        if drawn and not agent.exploring():
            perfgate_pages.copy_anew(commands[name][0], os.path.dirname(os.getcwd()))
        outcome, text = "passed", ""
        try:
            with tempfile.TemporaryFile() as sink:
                argv = commands[name]
                agent.offer_turns(
                    channel,
                    name,
                    lambda loops, argv=argv: run(argv, sink, rng),
                    least=own_peak(),
                    count=lambda what, loops, argv=argv: (instructions(argv, sink), {}),
                )
        except CommandFailed as exc:
            outcome, text = "failed", str(exc)
        if agent.exploring():
            perfgate_origins.note_program(commands[name][0])
        channel.send("finished", name=name, outcome=outcome, text=text)
    channel.receive()
    agent.bye(channel)


def run(argv, sink, rng):
    """Run a command once; return its wall and CPU seconds and its largest resident set in bytes."""
    environ = dict(os.environ, PYTHONHASHSEED=str(rng.randrange(2**32)), PERFGATE_PAD="x" * rng.randrange(4096))
    wall, usage = finished(argv, environ, sink)
    return {"time": wall, "cpu": usage.ru_utime + usage.ru_stime, "peak-memory": usage.ru_maxrss * RSS_UNIT}


def instructions(argv, sink):
    """Run a command in valgrind; return what it and its children did, from their start to their end."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise agent.CannotCount("valgrind is not installed")
    with tempfile.TemporaryDirectory() as home:
        out = "--callgrind-out-file=%s" % os.path.join(home, "%p")
        options = ["--tool=callgrind", "--trace-children=yes", "--quiet", out]
        finished([valgrind, *options, *argv], dict(os.environ, PYTHONHASHSEED="0"), sink)
        return {"instructions": sum(perfgate_counts.total(os.path.join(home, name)) for name in os.listdir(home))}


def finished(argv, environ, sink):
    """Run a command to its end; return its wall seconds and what it used."""
    sink.seek(0)
    sink.truncate()
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_DUP2, sink.fileno(), 2),
    ]
    start = agent.clock()
    try:
        child = os.posix_spawnp(argv[0], argv, environ, file_actions=actions)
    except OSError as exc:
        raise CommandFailed("cannot start %s: %s" % (argv[0], exc.strerror))
    _, status, usage = os.wait4(child, 0)
    wall = agent.clock() - start
    if status != 0:
        sink.seek(0)
        words = sink.read()[-2000:].decode(errors="replace").strip()
        raise CommandFailed("%s: %s" % (ended(status), words or "it printed nothing on standard error"))
    return wall, usage


def own_peak():
    """Return what a child's peak memory cannot fall below: until it is replaced, it shares this process's memory."""
    try:
        with open("/proc/self/status") as status:  # what getrusage says was handed down by our own parent likewise
            return {"peak-memory": next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))}
    except (OSError, StopIteration):
        return {"peak-memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT}


def ended(status):
    """Say how a process ended."""
    if os.WIFSIGNALED(status):
        return "killed by signal %d" % os.WTERMSIG(status)
    return "exit status %d" % os.WEXITSTATUS(status)


if __name__ == "__main__":
    main(sys.argv[1:])
