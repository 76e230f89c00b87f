"""Counts what a benchmark does, in place of timing it: instructions, function calls, allocations, statements.

Runs inside the interpreter of the code under test, like its neighbours, in a process of its own in which nothing is
timed. Each kind of count runs the benchmark anew, so that none counts what another costs.
"""

import ctypes
import gc
import mmap
import os
import platform
import socket
import sys
import tempfile

import perfgate_queries
from perfgate_agent import CannotCount

# A function of two instructions' worth: hand the argument's address to valgrind, return its answer. Outside of valgrind
# the rotations by 128 bits in all change nothing. Source: valgrind.h, "the magic sequence" for amd64.
_REQUEST = bytes.fromhex("4889f8 31d2 48c1c703 48c1c70d 48c1c73d 48c1c733 4887db 4889d0 c3".replace(" ", ""))
_RUNNING = 0x1001
_CALLGRIND = 0x43540000  # "CT"; callgrind.h counts its requests from there
_ZERO, _DUMP, _START, _STOP = (_CALLGRIND + number for number in (1, 3, 4, 5))
_FREEING = ("FREE", "MUNMAP", "PYMALLOC_FREE")
_UNSEEN = ("psycopg2", "asyncpg", "MySQLdb", "pymysql", "oracledb", "pyodbc", "duckdb")
WARM = 3  # runs before the one that counts: caches fill, and CPython specialises its bytecode
MOST_RUNS = 3  # that one kind takes of a benchmark which may not be run as often as one likes


def prepare():
    """Watch connections to databases, where that is wanted: before the user's code is imported."""
    if perfgate_queries.ON:
        perfgate_queries.watch_all()


def counted(what, turn, loops, most):
    """Return {metric: value of one iteration} and {metric: text} of what is said of it.

    `most` is how many iterations the benchmark stands, None any number.
    """
    values, notes = {}, {}
    if most is not None and most < MOST_RUNS * len(what):
        raise CannotCount("it may be run %d times in one process, %d are needed" % (most, MOST_RUNS * len(what)))
    loops = loops if most is None else 1
    for _ in range(WARM if most is None else 0):
        turn(loops)
    for kind in what:
        gc.collect()
        found = _KINDS[kind](turn, loops)
        values.update(found[0])
        notes.update(found[1])
    return values, notes


def _beyond_the_harness(count, loops):
    """Return what one iteration does: what the harness itself does is the same for one and for many."""
    return (count(loops + 1) - count(1)) / loops


def _instructions(turn, loops):
    client = _client()
    label = ctypes.cast(ctypes.c_char_p(b"perfgate"), ctypes.c_void_p).value

    def count(times):
        client(_START)
        client(_ZERO)
        turn(times)
        client(_DUMP, label)
        client(_STOP)
        return _last_total(os.environ["PERFGATE_CALLGRIND"])

    on = gc.isenabled()
    gc.disable()  # a collection comes once in 700 containers, whichever code makes the 700th: half a percent, by chance
    try:
        return {"instructions": _beyond_the_harness(count, loops)}, {}
    finally:
        if on:
            gc.enable()


_clients = []


def _client():
    """Return a function that sends valgrind a request; the first that starts to count translates code anew."""
    if not _clients:
        if platform.machine() not in ("x86_64", "AMD64"):
            raise CannotCount("instructions can be counted on x86-64 only, this is %s" % platform.machine())
        try:
            memory = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        except OSError as exc:
            raise CannotCount("this system lets no process write code into its memory: %s" % exc.strerror)
        memory.write(_REQUEST)
        address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        call = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.POINTER(ctypes.c_uint64))(address)

        def send(request, argument=0):
            words = (ctypes.c_uint64 * 6)(request, argument)
            return call(ctypes.cast(words, ctypes.POINTER(ctypes.c_uint64)))

        if not send(_RUNNING):
            raise CannotCount("this process does not run in valgrind")
        _clients.extend([send, memory])
    return _clients[0]


def _last_total(stem):
    """Return the instructions of the latest dump of callgrind."""
    home, name = os.path.split(stem)
    dumps = [entry for entry in os.listdir(home) if entry.startswith(name + ".")]
    found = total(os.path.join(home, max(dumps, key=lambda entry: int(entry.rpartition(".")[2]))))
    for entry in dumps:
        os.unlink(os.path.join(home, entry))
    return found


def total(path):
    """Return the instructions of one dump."""
    with open(path) as lines:
        return int(next(line for line in lines if line.startswith(("totals:", "summary:"))).split()[1])


def _calls(turn, loops):
    calls = [0]

    def heard(frame, event, argument):
        if event in ("call", "c_call"):
            calls[0] += 1

    def count(times):
        calls[0] = 0
        sys.setprofile(heard)
        try:
            turn(times)
        finally:
            sys.setprofile(None)
        return calls[0]

    return {"calls": _beyond_the_harness(count, loops)}, {}


def _memory(turn, loops):
    """Count with memray where the project has it; tracemalloc knows neither allocations nor native memory."""
    try:
        import memray
    except ImportError:
        return _traced(turn, loops)

    def tracked(times):
        with tempfile.TemporaryDirectory() as home:
            path = os.path.join(home, "memory")
            with memray.Tracker(path, trace_python_allocators=True):
                turn(times)
            with memray.FileReader(path) as reader:
                made = [memray.AllocatorType(record.allocator).name for record in reader.get_allocation_records()]
                return reader.metadata.peak_memory, [name for name in made if name not in _FREEING]

    peak, few = tracked(1)
    many = tracked(loops + 1)[1]
    python, native = (
        (sum(map(kind, many)) - sum(map(kind, few))) / loops
        for kind in (lambda name: name.startswith("PYMALLOC"), lambda name: not name.startswith("PYMALLOC"))
    )
    words = "%.0f by Python's allocator, %.0f by native code" % (python, native)
    return {"allocations": python + native, "peak-memory.own": peak}, {"allocations": words}


def _traced(turn, loops):
    import tracemalloc

    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        turn(1)
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    return {"peak-memory.own": peak}, {
        "peak-memory.own": "Python's allocations only: memray, where it is installed, sees all"
    }


def _queries(turn, loops):
    ledger = perfgate_queries.Ledger()
    with perfgate_queries.counting(ledger):
        turn(1)
    total, repeated, words = ledger.summary()
    unseen = [name for name in _UNSEEN if name in sys.modules]
    if not total and unseen:
        raise CannotCount("it imports %s, whose statements cannot be seen here" % unseen[0])
    return {"queries": total, "queries.repeated": repeated}, {"queries.repeated": words} if repeated else {}


def _habits(turn, loops):
    """Tell which calls of one iteration make its time depend on more than its code, and from where."""
    found = {}

    def heard(frame, event, function):
        habit = _habit(function) if event == "c_call" else None
        if habit and frame.f_globals.get("__name__") == "logging":
            return  # every record has its time
        if habit and habit[0] not in found:
            found[habit[0]] = "%s (%s)" % (
                habit[1],
                perfgate_queries.caller(frame, os.path.dirname(perfgate_queries.__file__)),
            )

    sys.setprofile(heard)
    try:
        turn(1)
    finally:
        sys.setprofile(None)
    return {}, found


_CLOCKS = ("time", "time_ns", "localtime", "gmtime", "ctime", "now", "utcnow", "today")
_SENDING = ("connect", "connect_ex", "send", "sendall", "sendto", "recv", "recv_into", "recvfrom", "sendmsg", "recvmsg")


def _habit(function):
    """Return what a call into C does that time depends on, and its name; None for most."""
    name, owner = function.__name__, getattr(function, "__self__", None)
    module = getattr(function, "__module__", None) or getattr(owner, "__module__", None) or ""
    module = module if isinstance(module, str) else ""
    if name == "sleep" and module == "time":
        return "sleeps", "calls time.sleep"
    if name in ("start_new_thread", "start_joinable_thread") and module == "_thread":
        return "threads", "starts a thread"
    if name in _CLOCKS and module in ("time", "datetime"):
        return "clock", "asks what time it is: %s.%s" % (getattr(owner, "__name__", module), name)
    if name in ("getaddrinfo", "gethostbyname") and module == "_socket":
        return "network", "uses the network: socket.%s" % name
    if name in _SENDING and getattr(owner, "family", None) in (socket.AF_INET, socket.AF_INET6):
        return "network", "uses the network: socket.%s" % name
    return None


_KINDS = {"instructions": _instructions, "calls": _calls, "memory": _memory, "queries": _queries, "habits": _habits}
