"""Runs a project's own pytest with its own plug-ins, and lets the orchestrator time what they benchmark.

Started as a script by the interpreter of the code under test; its first argument is the JSON list of the
paths to collect, the others go to pytest. It
drives pytest-benchmark's fixture class rather than replace the fixture: the plug-in and other people's
conftest files check for that class. pytest-codspeed's fixture and marker are driven likewise.
"""

import dis
import gc
import importlib.util
import json
import os
import subprocess
import sys
import time

import perfgate_agent as agent

channel = agent.start()
sys.path[0] = os.getcwd()  # as `python -m pytest` has it
del __file__  # a spawned multiprocessing child must not take this script for the user's main module
os.environ.pop("CODSPEED_ENV", None)  # its own instrument would time beside ours

try:
    import pytest
except ImportError as exc:
    how = "is not installed" if getattr(exc, "name", None) == "pytest" else "cannot be imported"
    channel.send("offer", benchmarks=[], errors=["%s: pytest %s in %s" % (exc, how, sys.executable)])
    sys.exit(1)

_current = []  # the item that runs, so that a fixture's call knows its benchmark
_measured, _refused = set(), set()


def main():
    """Run pytest on the paths given, one benchmark after the other as the orchestrator asks."""
    # Tools that would time, split or watch the tests themselves are told to keep out.
    quiet = {"xdist": ["-n0"], "pytest_cov": ["--no-cov"], "pytest_timeout": ["--timeout=0"]}
    if os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD"):
        quiet = {}
    options = [flag for name, flags in quiet.items() if importlib.util.find_spec(name) for flag in flags]
    options += [
        "-p",
        "no:cacheprovider",
        "-p",
        "no:randomly",
        "-p",
        "no:pytest-randomly",
        "--rootdir",
        os.getcwd(),
    ]
    wanted = json.loads(sys.argv[1])
    paths = [path for path in wanted if os.path.exists(path)]
    if wanted and not paths:  # base may not have them yet; with no path pytest would look everywhere
        channel.send("offer", benchmarks=[], errors=[])
        channel.receive()  # "run", of nothing
        channel.receive()  # "next"
        return agent.bye(channel)
    leave_git_alone()
    try:
        return pytest.main(paths + sys.argv[2:] + options, plugins=[Plugin()])
    finally:
        agent.bye(channel, packages=agent.packages() if agent.exploring() else {})


def leave_git_alone():
    """Keep pytest-benchmark from asking git six times, in every process, how to call a file that is never written.

    `git describe --dirty` looks at every file of the tree: in a large one that is most of a process's start. It takes
    an error for "there is no git"; other callers get an answer.
    """
    ask = subprocess.check_output

    def check_output(*args, **options):
        if sys._getframe(1).f_globals.get("__name__") == "pytest_benchmark.utils":
            raise OSError("not needed here")
        return ask(*args, **options)

    subprocess.check_output = check_output


class Plugin:
    """pytest's hooks: choose the benchmarks, run those that are asked for."""

    def __init__(self):
        self.loaded = []
        self.errors = []
        self.broken = {}
        self.skipped = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config):
        """Switch pytest-benchmark on and put our timing into the fixtures."""
        for option in ("benchmark_disable", "benchmark_skip", "benchmark_enable", "codspeed"):
            if hasattr(config.option, option):
                setattr(config.option, option, False)
        for option in ("benchmark_compare", "benchmark_autosave", "benchmark_save", "benchmark_json"):
            if hasattr(config.option, option):
                setattr(config.option, option, None)
        self.loaded = [name for name in ("pytest_benchmark", "pytest_codspeed") if name + ".plugin" in sys.modules]
        if "pytest_benchmark" in self.loaded:
            drive_pytest_benchmark()
        if "pytest_codspeed" in self.loaded:
            drive_pytest_codspeed()

    def pytest_collectreport(self, report):
        """Keep what could not be collected: a silent loss would be a benchmark that stopped running."""
        if report.failed and report.nodeid:
            self.broken[report.nodeid] = str(report.longrepr)[-2000:]
        elif report.failed:
            self.errors.append("collection: %s" % str(report.longrepr)[-2000:])
        elif report.skipped and may_hold_benchmarks(report.nodeid):
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self.skipped[report.nodeid] = reason.replace("Skipped: ", "", 1)[-2000:]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session):
        """Offer the benchmarks, run the chosen ones in the order asked for."""
        chosen = {item.nodeid: item for item in session.items if self.is_benchmark(item)}
        if not self.loaded:
            there = any(importlib.util.find_spec(name) for name in ("pytest_benchmark", "pytest_codspeed"))
            how = "loaded by pytest" if there else "installed"
            self.errors.append("neither pytest-benchmark nor pytest-codspeed is %s in %s" % (how, sys.executable))
        channel.send("offer", benchmarks=list(chosen), errors=self.errors, broken=self.broken, skipped=self.skipped)
        order = channel.receive()
        agent.pin(order["cpu"])
        agent.settle()
        items = [chosen[name] for name in order["names"]]
        root = os.getcwd()
        for item, following in zip(items, [*items[1:], None]):
            channel.receive()  # "next": the other side must not be running while this one sets up
            agent.stir()
            _current[:] = [item]
            reports = Outcome()
            item.config.pluginmanager.register(reports)
            try:
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            finally:
                item.config.pluginmanager.unregister(reports)
            os.chdir(root)
            outcome, text = reports.summary(item.nodeid)
            agent.note_origins()
            channel.send("finished", name=item.nodeid, outcome=outcome, text=text[-2000:])
        channel.receive()
        return True

    def is_benchmark(self, item):
        """Return whether this test measures something: by the fixture, or as a whole by codspeed's marker."""
        names = getattr(item, "fixturenames", ())
        return "benchmark" in names or "codspeed_benchmark" in names or self.is_whole(item)

    def is_whole(self, item):
        """Return whether the test function itself is the benchmark."""
        names = getattr(item, "fixturenames", ())
        marked = item.get_closest_marker("codspeed_benchmark") or item.get_closest_marker("benchmark")
        fixture = "benchmark" in names or "codspeed_benchmark" in names
        return bool(marked) and not fixture and "pytest_codspeed" in self.loaded

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem):
        """Time a whole test; others go the ordinary way."""
        if not self.is_whole(pyfuncitem):
            return None
        arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
        measure(Stopwatch(), pyfuncitem.obj, (), arguments)
        return True


def may_hold_benchmarks(path):
    """Return whether a file that was skipped as a whole speaks of benchmarks at all."""
    try:
        with open(path, "rb") as file:
            return b"benchmark" in file.read()
    except OSError:
        return False


class Outcome:
    """Hears how one test ended."""

    def __init__(self):
        self.reports = []

    def pytest_runtest_logreport(self, report):
        """Keep the report of each phase."""
        self.reports.append(report)

    def summary(self, nodeid):
        """Return passed, failed or skipped, with the reason."""
        for report in self.reports:
            if report.failed:
                crash = getattr(report.longrepr, "reprcrash", None)
                where = "" if report.when == "call" else "in %s: " % report.when
                return "failed", where + (crash.message if crash else str(report.longrepr))
        for report in self.reports:
            if report.skipped:
                reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
                return "skipped", getattr(report, "wasxfail", "") or reason
        if nodeid in _refused and nodeid not in _measured:
            return "skipped", "the test checks arguments that the benchmark fixture rejects"
        if nodeid not in _measured:
            return "nothing", "the test never called its benchmark fixture"
        return "passed", ""


class Stopwatch:
    """How a fixture wants its calls timed, and who else wants to hear the times."""

    def __init__(self, timer=agent.clock, gc_off=False, record=lambda seconds: None):
        self.timer, self.gc_off, self.record = timer, gc_off, record

    def time(self, function, args, kwargs, calls):
        """Return the seconds of `calls` calls and what the last one returned."""
        again, result, timer = range(calls), None, self.timer
        gc_on = gc.isenabled()
        if self.gc_off:
            gc.disable()
        try:
            start = timer()
            for _ in again:
                result = function(*args, **kwargs)
            seconds = timer() - start
        finally:
            if gc_on:
                gc.enable()
        self.record(seconds / calls)
        return seconds, result


def measure(watch, function, args, kwargs):
    """Let the orchestrator time `function`, then return what one more call returns."""

    def batch(loops):
        return watch.time(function, args, kwargs, loops)[0]

    offer(agent.timed(batch))
    return watch.time(function, args, kwargs, 1)[1]


def measure_rounds(
    watch,
    target,
    args=(),
    kwargs=None,
    setup=None,
    teardown=None,
    rounds=1,
    warmup_rounds=0,
    iterations=1,
    exactly=False,
    profiled=0,
):
    """Do the same for `pedantic`: a set-up before each round, iterations inside it.

    Without a set-up a target is run no more often than its author allowed: it may use something up. With one it may be
    run more often, unless the test needs the rounds `exactly`: it then runs all of them, however many were timed.
    """
    refuse(rounds, warmup_rounds, iterations, setup)

    def made():
        given = setup() if setup else None
        if given and (args or kwargs):
            refused("args and kwargs exclude each other with a setup that returns the arguments", TypeError)
        return given or (args, kwargs or {})

    prepared = [made()] if setup and (args or kwargs) else []  # refused before anything is offered
    ran, results = [0], []

    def one_round():
        here, named = prepared.pop() if prepared else made()
        seconds, result = watch.time(target, here, named, iterations)
        if teardown is not None:
            teardown(*here, **named)
        ran[0] += 1
        results[:] = [result]
        return seconds / iterations

    def extra(calls):
        here, named = made()
        for _ in range(calls):
            results[:] = [target(*here, **named)]
            if teardown is not None:
                teardown(*here, **named)

    wanted = rounds + warmup_rounds
    offer(agent.timed(lambda loops: sum(one_round() for _ in range(loops))), None if setup and not exactly else wanted)
    while not ran[0] or (exactly and ran[0] < wanted):
        one_round()
    if iterations > 1:
        extra(1)  # the plug-in does not keep what a call in a loop returned
    if profiled:
        extra(profiled)
    return results[0]


def refuse(rounds, warmup_rounds, iterations, setup):
    """Raise ValueError for what pytest-benchmark refuses as well."""
    for name, value, least in (
        ("rounds", rounds, 1),
        ("warmup_rounds", warmup_rounds, 0),
        ("iterations", iterations, 1),
    ):
        if not isinstance(value, int) or value < least:
            refused("%s must be an integer of at least %d, not %r" % (name, least, value), ValueError)
    if setup and iterations > 1:
        refused("a setup is run once a round: take iterations away, and raise rounds", ValueError)


def refused(text, error):
    """Raise an error and note that the running test met it: it may be what the test is for."""
    if _current:
        _refused.add(_current[0].nodeid)
    raise error(text)


def checks_rounds(frame):
    """Return whether a caller drops what it gets and asserts something afterwards: what the calls left behind."""
    rest = [each.opname for each in dis.get_instructions(frame.f_code) if each.offset > frame.f_lasti]
    return rest[:1] == ["POP_TOP"] and ("RAISE_VARARGS" in rest or "LOAD_ASSERTION_ERROR" in rest)


def offer(turn, most=None):
    """Offer the running test's benchmark."""
    name = _current[0].nodeid
    _measured.add(name)
    agent.offer_turns(channel, name, turn, most)


def drive_pytest_benchmark():
    """Put our timing below `benchmark(...)`, `benchmark.pedantic(...)`, `weave` and `patch`."""
    from pytest_benchmark.fixture import BenchmarkFixture

    def watch(fixture):
        fixture._add_stats = lambda stats: None  # shown by perfgate, not by the plug-in's own table
        fixture.stats = fixture._make_stats(1)  # a test may look at benchmark.stats afterwards
        timer = agent.clock if fixture._timer is time.perf_counter else fixture._timer
        return Stopwatch(timer, fixture._disable_gc, fixture.stats.update)

    def raw(self, function_to_benchmark, *args, **kwargs):
        return measure(watch(self), function_to_benchmark, args, kwargs)

    def raw_pedantic(self, target, iterations=1, **options):
        profiled = (getattr(self, "cprofile_loops", None) or iterations) if getattr(self, "cprofile", False) else 0
        exactly = checks_rounds(sys._getframe(2))  # of who called the fixture's own method
        options = dict(options, iterations=iterations, exactly=exactly, profiled=profiled)
        return measure_rounds(watch(self), target, **options)

    BenchmarkFixture._raw = raw
    BenchmarkFixture._raw_pedantic = raw_pedantic


def drive_pytest_codspeed():
    """Put our timing below pytest-codspeed's fixture, which only calls through unless its own mode is on."""
    from pytest_codspeed.plugin import BenchmarkFixture

    def call(self, target, *args, **kwargs):
        once(self)
        return measure(Stopwatch(), target, args, kwargs)

    def pedantic(self, target, *args, **options):
        once(self)
        return measure_rounds(Stopwatch(), target, *args, exactly=checks_rounds(sys._getframe(1)), **options)

    def once(fixture):
        if getattr(fixture, "_called", False):  # versions before 4 let it be used again
            raise RuntimeError("The benchmark fixture can only be used once per test")
        fixture._called = True

    BenchmarkFixture.__call__ = call
    BenchmarkFixture.pedantic = pedantic


if __name__ == "__main__":
    sys.exit(main())
