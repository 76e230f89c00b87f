"""Notes which files a Python process loads, so that perfgate can tell when a side runs code that is not its own.

Active only where PERFGATE_ORIGINS names a directory: in the processes that explore a side, never in one that is
timed. `origins/sitecustomize.py` imports it into every Python process that inherits the environment, child
processes included. It needs nothing but the standard library of Python 3.8.
"""

import atexit
import os
import sys

HOME = os.environ.get("PERFGATE_ORIGINS", "")
FOREIGN = tuple(part + os.sep for part in os.environ.get("PERFGATE_FOREIGN", "").split(os.pathsep) if part)
"""Directories in which any file that is opened is worth a note: the user's checkout and the other side's directory."""

_CODE = (".py", ".pyc", ".so", ".pyd", ".dylib", ".dll", ".egg", ".zip", ".pyz")
_STANDARD = os.path.dirname(os.path.realpath(os.__file__)) + os.sep
_INSTALLED = ("site-packages", "dist-packages")
_MINE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_noted = set()


def note(kind, path, name=""):
    """Write down one file: `kind` is code, data or program; `name` the module, where that is known."""
    try:
        path = os.fsdecode(path)
        path = path if os.path.isabs(path) else os.path.join(os.getcwd(), path)
    except (TypeError, ValueError, OSError):
        return
    if (kind, path, name) in _noted or path.startswith(_MINE):
        return
    if path.startswith(_STANDARD) and not any(part in path for part in _INSTALLED):
        return
    _noted.add((kind, path, name))
    # Opened anew each time: a daemon closes all descriptors, and another file may have got the number of ours.
    try:
        log = os.open(os.path.join(HOME, str(os.getpid())), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    except OSError:
        return
    try:
        os.write(log, ("%s\0%s\0%s\0\n" % (kind, name, path)).encode(errors="surrogateescape"))
    finally:
        os.close(log)


def note_program(command, environ=None):
    """Write down the program that `command`, the first word of a command line, starts."""
    try:
        command = os.fsdecode(command)
    except TypeError:
        return
    if os.sep in command:
        note("program", command)
        return
    for place in ((environ or os.environ).get("PATH") or os.defpath).split(os.pathsep):
        path = os.path.join(place or ".", command)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            note("program", path)
            return


def dump():
    """Write down all modules that are loaded, and all files that are mapped to be executed."""
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if isinstance(path, str):
            note("code", _source(path), name)
    try:
        with open("/proc/self/maps") as maps:
            mapped = {line.split(None, 5)[5].rstrip("\n") for line in maps if line.count("/") and "x" in line[18:50]}
    except (OSError, IndexError):
        return
    for path in mapped:
        if path.startswith("/") and os.path.realpath(sys.executable) != path:
            note("code", path)


def install():
    """Listen from here on."""
    sys.addaudithook(_heard)
    atexit.register(dump)


def _heard(event, args):
    """Hear of what the interpreter does; an error here would be the user's."""
    try:
        if event == "open":
            _opened(*args[:3])
        elif event == "import":
            if isinstance(args[1], str):  # an extension module
                note("code", args[1], args[0])
        elif event == "ctypes.dlopen":
            if args[0] and os.sep in os.fsdecode(args[0]):
                note("code", args[0])
        elif event == "subprocess.Popen":
            note_program(args[0] or args[1][0], args[3])
        elif event in ("os.posix_spawn", "os.exec"):
            note_program(args[0], args[2] if isinstance(args[2], dict) else None)
    except Exception:
        pass


def _opened(path, mode, flags):
    if isinstance(path, int) or (isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR)):
        return
    path = os.fsdecode(path)
    if path.endswith(_CODE):
        note("code", _source(path))
    elif path.startswith(FOREIGN) or ".." in path:
        note("data", path)


def _source(path):
    """Return the source that a file of bytecode was compiled from."""
    if path.endswith(".pyc"):
        try:
            return sys.modules["_frozen_importlib_external"].source_from_cache(path)
        except (KeyError, ValueError):
            return path
    return path


if HOME and hasattr(sys, "addaudithook"):
    install()
