"""Runs a project's pyperf scripts with its own pyperf, and lets the orchestrator time what they benchmark.

Started as a script by the interpreter of the code under test; its first argument is the JSON list of the
scripts, the others go to each of them. A script runs as in one of pyperf's own workers: as `__main__`, from its
beginning to the benchmark that is asked for, so that what it sets up on the way is there.
"""

import asyncio
import functools
import json
import os
import runpy
import sys
import tempfile
import textwrap
from random import Random

import command_agent
import perfgate_agent as agent

WORKER = ["--worker", "--loops", "1", "--warmups", "0"]  # what a script asks to know that it is one
TEMPLATE = """
def inner(_times, _timer):
{setup}
    _start = _timer()
    for _ in range(_times):
{statement}
    _seconds = _timer() - _start
{teardown}
    return _seconds
"""

rng = Random(int(os.environ.get("PERFGATE_LAYOUT") or "0"))  # of commands, which get an environment of their own
channel = agent.start()
shims = sys.path.pop(0)
del __file__  # a spawned multiprocessing child must not take this script for the user's main module

try:
    import pyperf
except ImportError as exc:
    channel.send("offer", benchmarks=[], errors=["%s: pyperf is not installed in %s" % (exc, sys.executable)])
    sys.exit(1)


class Enough(BaseException):
    """Ends a script: what comes next is behind it, or nothing does."""


def scripts_at(path):
    """Return a script itself; of a directory the files that speak of pyperf."""
    if not os.path.isdir(path):
        return [path]
    found = []
    for name in sorted(os.listdir(path)):
        script = os.path.join(path, name)
        if name.endswith(".py"):
            with open(script, "rb") as file:
                found += [script] if b"pyperf" in file.read() else []
    return found


class Scripts:
    """The scripts, and which benchmark is waited for."""

    def __init__(self, paths, arguments):
        self.paths = [script for path in paths for script in scripts_at(path)]
        self.arguments = arguments
        self.found = []
        self.waiting = None  # nothing is waited for while benchmarks are only looked for
        self.script = ""

    def look(self):
        """Run each script without running its benchmarks; return those that failed, with the reason."""
        broken = {}
        for path in self.paths:
            if not os.path.exists(path):
                continue  # base may not have it yet
            trouble = self.play(path)
            if trouble:
                broken[path] = trouble
        return broken

    def run(self, names):
        """Run these benchmarks, one after the other as the orchestrator asks."""
        self.waiting = list(names)
        if names:
            channel.receive()  # "next"
        while self.waiting:
            name = self.waiting[0]
            trouble = self.play(name.partition("::")[0])
            if self.waiting and self.waiting[0] == name:
                self.finish("failed", trouble or "the script ended before it came to it")

    def play(self, path):
        """Run a script once; return why it ended before it was meant to."""
        self.script = path
        kept = sys.argv[:], sys.path[:], os.getcwd()
        sys.argv[:] = [path, *self.arguments, *WORKER]
        sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
        sys.path.append(os.getcwd())  # for scripts that are run as modules of a package
        getattr(pyperf.Runner, "_created", set()).clear()  # of the same script's last run
        try:
            runpy.run_path(path, run_name="__main__")
        except Enough:
            pass
        except SystemExit as exc:
            return "it ended with status %s" % exc.code if exc.code else ""
        except Exception as exc:
            return "%s: %s" % (type(exc).__name__, exc)
        finally:
            sys.argv[:], sys.path[:] = kept[:2]
            os.chdir(kept[2])
        return ""

    def reach(self, runner, own_name, make, metadata):
        """Hear of a benchmark: note it, pass it, or run it."""
        runner.parse_args()
        name = "%s::%s" % (self.script, own_name)
        if self.waiting is None:
            if name in self.found:
                raise ValueError("duplicated benchmark name: %r" % own_name)
            self.found.append(name)
            return
        if not self.waiting or self.waiting[0] != name:
            return
        outcome, text = "passed", ""
        about = {str(key): str(value) for key, value in dict(runner.metadata, **(metadata or {})).items()}
        try:
            agent.stir()
            turn, least, count = make()
            agent.offer_turns(channel, name, turn, least=least, about=about, count=count)
        except (Exception, SystemExit) as exc:
            outcome, text = "failed", "%s: %s" % (type(exc).__name__, exc)
        self.finish(outcome, text)
        if not self.waiting or not self.follows(name, self.waiting[0]):
            raise Enough

    def follows(self, name, other):
        """Return whether this run of the script will come to `other` after `name`."""
        places = {each: place for place, each in enumerate(self.found)}
        return other.partition("::")[0] == self.script and places.get(other, 0) > places.get(name, 0)

    def finish(self, outcome, text):
        """Be done with the benchmark that was waited for; wait until the next one may begin."""
        name = self.waiting.pop(0)
        agent.note_origins()
        channel.send("finished", name=name, outcome=outcome, text=text[-2000:])
        if self.waiting:
            channel.receive()  # "next"


scripts = Scripts(json.loads(sys.argv[1]), sys.argv[2:])


def in_process(batch, inner_loops):
    """Return a turn of `batch(loops) -> seconds`, of which each loop is `inner_loops` iterations."""
    turn, parts = agent.timed(batch), inner_loops or 1
    return (lambda loops: {metric: value / parts for metric, value in turn(loops).items()}), {}, None


def bench_time_func(self, name, time_func, *args, inner_loops=None, metadata=None):
    """Time what times itself."""
    scripts.reach(self, name, lambda: in_process(lambda loops: time_func(loops, *args), inner_loops), metadata)


def bench_func(self, name, func, *args, inner_loops=None, metadata=None):
    """Time calls."""
    call = functools.partial(func, *args) if args else func

    def batch(loops):
        again, timer = range(loops), agent.clock
        start = timer()
        for _ in again:
            call()
        return timer() - start

    scripts.reach(self, name, lambda: in_process(batch, inner_loops), metadata)


def bench_async_func(self, name, func, *args, inner_loops=None, metadata=None, loop_factory=None):
    """Time awaited calls, in an event loop of their own for each turn."""

    async def repeated(loops):
        again, timer = range(loops), agent.clock
        start = timer()
        for _ in again:
            await func(*args)
        return timer() - start

    def batch(loops):
        events = (loop_factory or asyncio.new_event_loop)()
        asyncio.set_event_loop(events)
        try:
            return events.run_until_complete(repeated(loops))
        finally:
            asyncio.set_event_loop(None)
            events.close()

    scripts.reach(self, name, lambda: in_process(batch, inner_loops), metadata)


def timeit(
    self, name, stmt=None, setup="pass", teardown="pass", inner_loops=None, duplicate=None, metadata=None, globals=None
):
    """Time statements, as text."""

    def indented(text, by):
        text = text if isinstance(text, str) else "\n".join(text)
        return textwrap.indent(textwrap.dedent(text), " " * by, lambda line: True)

    def make():
        times = duplicate or 1
        names = dict(globals or {})
        statement = "\n".join([indented(name if stmt is None else stmt, 8)] * times)
        source = TEMPLATE.format(setup=indented(setup, 4), statement=statement, teardown=indented(teardown, 4))
        exec(compile(source, "<timeit>", "exec"), names)
        return in_process(lambda loops: names["inner"](loops, agent.clock), (inner_loops or 1) * times)

    scripts.reach(self, name, make, metadata)


def bench_command(self, name, command):
    """Time a process, from its start to its collected end."""

    def make():
        sink = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process

        def count(what, loops):
            raise agent.CannotCount("it is a command: a suite of the runner `command` counts its instructions")

        return (lambda loops: command_agent.run(command, sink, rng)), command_agent.own_peak(), count

    scripts.reach(self, name, make, {"command": " ".join(command)})


for replaced in (bench_time_func, bench_func, bench_async_func, timeit, bench_command):
    setattr(pyperf.Runner, replaced.__name__, replaced)


def main():
    """Offer the benchmarks, run those that are asked for."""
    broken = scripts.look()
    channel.send("offer", benchmarks=scripts.found, errors=[], broken=broken)
    order = channel.receive()
    agent.pin(order["cpu"])
    agent.settle()
    scripts.run(order["names"])
    channel.receive()
    agent.bye(channel, packages=agent.packages() if agent.exploring() else {})


if __name__ == "__main__":
    main()
