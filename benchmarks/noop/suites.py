"""The benchmarks that edits of nothing are tried on: our own workloads, one of them alone, and what others wrote."""

import shutil
import subprocess
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.decision.record import SUITE
from benchmarks.library import CATTRS, PLUGGY

EXTRA = """

def splitting():
    return collections.Counter(TEXT.split()).most_common(3)


def compressing():
    return zlib.compress(BLOCK)


def merging():
    return {**RECORD, **{word: 1 for word in TEXT[:88].split()}}


def joining():
    return ",".join(map(str, NUMBERS))


def nesting():
    return [(word, {word: [word]}) for word in TEXT[:88].split()]


def replacing():
    return TEXT.replace("fox", "wolf").title()


def buffering():
    return [bytearray(200_000) for _ in range(3)]


def native():
    return tiny.pairs(60)


WORK.update({each.__name__: each for each in (splitting, compressing, merging, joining, nesting, replacing)})
WORK.update({each.__name__: each for each in (buffering, native)})
"""
"""Workloads whose time depends on where objects lie; the first two have more than one usual time."""
ALONE = """\
import collections

import tiny

TEXT = "the quick brown fox jumps over the lazy dog and runs away " * 8


def splitting():
    return collections.Counter(TEXT.split()).most_common(3)


WORK = {"splitting": splitting}


def command(units):
    return units
"""
C_SOURCE = """\
#define Py_LIMITED_API 0x03080000
#include <Python.h>
static PyObject *pairs(PyObject *self, PyObject *arg) {
    long many = PyLong_AsLong(arg);
    PyObject *list = PyList_New(0);
    for (long i = 0; list && i < many; i++) {
        PyObject *pair = Py_BuildValue("(ll)", i, i * i);
        if (!pair || PyList_Append(list, pair) < 0) { Py_XDECREF(pair); Py_CLEAR(list); break; }
        Py_DECREF(pair);
    }
    return list;
}
static PyMethodDef methods[] = {{"pairs", pairs, METH_O, ""}, {NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "tiny", "", -1, methods};
PyMODINIT_FUNC PyInit_tiny(void) { return PyModule_Create(&module); }
"""


@dataclass(frozen=True, kw_only=True)
class Suite:
    """Benchmarks, and how to have them."""

    make: Callable[[Path], None]
    """Puts them into a directory."""
    modules: tuple[str, ...]
    """Those that edits are made to."""
    paths: tuple[str, ...]
    """Of the benchmarks."""
    ours: bool
    """Whether edits may know what is in them."""
    times: int = 1
    """So many pairs in place of one: it has few benchmarks."""


def compiled(side: Path, source: str = C_SOURCE) -> None:
    """Build the extension module of a side."""
    (side / "tiny.c").write_text(source)
    include = sysconfig.get_paths()["include"]
    command = ["cc", "-O2", "-g", "-shared", "-fPIC", f"-I{include}", "tiny.c", "-o", "tiny.so"]
    subprocess.run(command, cwd=side, check=True)


def _ours(alone: bool) -> Callable[[Path], None]:
    def make(side: Path) -> None:
        shutil.copytree(SUITE, side, ignore=shutil.ignore_patterns("__pycache__"))
        work = side / "work.py"
        source = work.read_text().replace("datetime.UTC", "datetime.timezone.utc")  # as Python 3.9 has it
        source = source.replace("import zlib\n", "import zlib\n\nimport tiny\n", 1) + EXTRA
        work.write_text(ALONE if alone else source)
        (side / "amounts.py").write_text("UNITS = 50\nONLY = ()\nMORE = {}\nMODE = ''\n")
        compiled(side)

    return make


SUITES = {
    "fifty": Suite(make=_ours(alone=False), modules=("work.py",), paths=("test_work.py",), ours=True),
    "one": Suite(make=_ours(alone=True), modules=("work.py",), paths=("test_work.py",), ours=True, times=2),
    "cattrs": Suite(
        make=CATTRS.copy,
        modules=("src/cattrs/converters.py", "src/cattrs/gen/__init__.py", "src/cattrs/_compat.py"),
        paths=("bench",),
        ours=False,
    ),
    "pluggy": Suite(
        make=PLUGGY.copy,
        # Not those whose globals its loops read: hundreds of names more in that dict make them slower, by 0.3 %.
        modules=("src/pluggy/_tracing.py", "src/pluggy/_result.py", "src/pluggy/_warnings.py"),
        paths=("testing/benchmark.py",),
        ours=False,
    ),
}
