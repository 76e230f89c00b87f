"""Whose code each side runs, with real builds: a slower head is found or refused, whatever built it, never passed."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from perfgate.project.distribution import project as read_project
from perfgate.project.files import Files
from tests.live import LIBRARY, Project

SHORT = ("--budget", "60s", "--effort", "1s", "--seed", "1")
TOOLS = sysconfig.get_path("purelib")
"""Where pytest, the build back-ends and compilers' helpers of this environment are: environments here borrow them."""
BENCHMARK = "from {module} import spin\n\ndef test_spin(benchmark):\n    benchmark(spin, 300)\n"
C = """\
#define PY_SSIZE_T_CLEAN
#include <Python.h>
static PyObject *spin(PyObject *self, PyObject *arg) {
    volatile long total = 0;
    for (long i = 0; i < PyLong_AsLong(arg) * FACTOR; i++) total += i;
    return PyLong_FromLong(total);
}
static PyMethodDef methods[] = {{"spin", spin, METH_O, 0}, {0, 0, 0, 0}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_spin", 0, -1, methods};
PyMODINIT_FUNC PyInit__spin(void) { return PyModule_Create(&module); }
"""
SETUPTOOLS = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "fastlib"
version = "1"
[tool.setuptools]
packages = {packages}
"""
EXTENSION = """\
from setuptools import Extension, setup
setup(ext_modules=[Extension("fastlib._spin", ["fastlib/_spin.c"])])
"""
FROM_C = "from fastlib._spin import spin\n"
MESON = """\
project('fastlib', 'c')
py = import('python').find_installation(pure: false)
py.install_sources('fastlib/__init__.py', subdir: 'fastlib')
py.extension_module('_spin', 'fastlib/_spin.c', subdir: 'fastlib', install: true)
"""
CMAKE = """\
cmake_minimum_required(VERSION 3.18)
project(fastlib LANGUAGES C)
find_package(Python REQUIRED COMPONENTS Interpreter Development.Module)
Python_add_library(_spin MODULE fastlib/_spin.c WITH_SOABI)
install(TARGETS _spin DESTINATION fastlib)
"""
CYTHON = """\
def spin(long n):
    cdef long i, total = 0
    cdef volatile long sink = 0
    for i in range(n * FACTOR):
        sink = sink + i
    return sink
"""
CFFI_BUILD = """\
from cffi import FFI
ffi = FFI()
ffi.cdef("long spin(long n);")
ffi.set_source("fastlib._native", "long spin(long n) {"
    " volatile long total = 0; for (long i = 0; i < n * FACTOR; i++) total += i; return total; }")
"""
RUST = """\
#[no_mangle]
pub extern "C" fn spin(n: i64) -> i64 {
    let mut total: i64 = 0;
    for i in 0..n * FACTOR { total = std::hint::black_box(total.wrapping_add(i)); }
    total
}
"""
CARGO = '[package]\nname = "fastlib"\nversion = "1.0.0"\nedition = "2021"\n[lib]\ncrate-type = ["cdylib"]\n'


def backend(name: str, requires: str, more: str = "") -> str:
    return (
        f'[build-system]\nrequires = ["{requires}"]\nbuild-backend = "{name}"\n'
        f'[project]\nname = "fastlib"\nversion = "1"\n{more}'
    )


@dataclass(frozen=True)
class Way:
    """One way in which a project gets into its environment."""

    files: Mapping[str, str]
    """FACTOR stands for how slow it is."""
    install: tuple[str, ...] = ("python -m pip install --quiet --no-build-isolation --no-deps -e .",)
    module: str = "fastlib"
    needs: str = ""
    """A program that has to be there."""
    environ: Mapping[str, str] = field(default_factory=dict)


PURE = LIBRARY.replace("range(n)", "range(n * FACTOR)")
IN_C = {"fastlib/__init__.py": FROM_C, "fastlib/_spin.c": C, "setup.py": EXTENSION}
WITH_SETUPTOOLS = {**IN_C, "pyproject.toml": SETUPTOOLS.format(packages='["fastlib"]')}
EDITABLE = "python -m pip install --quiet --no-build-isolation --no-deps -e . --config-settings editable_mode="
WAYS = {
    "setuptools, lenient": Way(WITH_SETUPTOOLS, (f"{EDITABLE}lenient",)),
    "setuptools, strict": Way(WITH_SETUPTOOLS, (f"{EDITABLE}strict",)),
    "setuptools, compat": Way(WITH_SETUPTOOLS, (f"{EDITABLE}compat",)),
    "meson-python": Way(
        {
            "fastlib/__init__.py": FROM_C,
            "fastlib/_spin.c": C,
            "meson.build": MESON,
            "pyproject.toml": backend("mesonpy", "meson-python"),
        }
    ),
    "scikit-build-core": Way(
        {
            "fastlib/__init__.py": FROM_C,
            "fastlib/_spin.c": C,
            "CMakeLists.txt": CMAKE,
            "pyproject.toml": backend("scikit_build_core.build", "scikit-build-core"),
        }
    ),
    "maturin": Way(
        {
            "src/lib.rs": RUST,
            "Cargo.toml": CARGO,
            "python/fastlib/__init__.py": "from fastlib._native import lib\nspin = lib.spin\n",
            "pyproject.toml": backend(
                "maturin",
                "maturin",
                '[tool.maturin]\nbindings = "cffi"\npython-source = "python"\nmodule-name = "fastlib._native"\n',
            ),
        },
        needs="cargo",
    ),
    "Cython": Way(
        {
            "fastlib/__init__.py": FROM_C,
            "fastlib/_spin.pyx": CYTHON,
            "setup.py": EXTENSION.replace("_spin.c", "_spin.pyx"),
            "pyproject.toml": SETUPTOOLS.format(packages='["fastlib"]'),
        }
    ),
    "cffi": Way(
        {
            "fastlib/__init__.py": "from fastlib._native import lib\nspin = lib.spin\n",
            "build_native.py": CFFI_BUILD,
            "setup.py": 'from setuptools import setup\nsetup(cffi_modules=["build_native.py:ffi"])\n',
            "pyproject.toml": SETUPTOOLS.format(packages='["fastlib"]'),
        }
    ),
    "cffi, from a library": Way(
        {
            "fastlib/__init__.py": (
                "import pathlib\nfrom cffi import FFI\nffi = FFI()\nffi.cdef('long spin(long n);')\n"
                "spin = ffi.dlopen(str(pathlib.Path(__file__).with_name('libspin.so'))).spin\n"
            ),
            "fastlib/spin.c": (
                "long spin(long n) { volatile long total = 0;\n"
                "for (long i = 0; i < n * FACTOR; i++) total += i; return total; }\n"
            ),
            "pyproject.toml": SETUPTOOLS.format(packages='["fastlib"]'),
        },
        (
            "gcc -O1 -shared -fPIC -o fastlib/libspin.so fastlib/spin.c",
            "python -m pip install --quiet --no-build-isolation --no-deps -e .",
        ),
    ),
    "a .pth": Way({"code/fastlib.py": PURE}, ('pwd | sed s:$:/code: > "$SITE/own.pth"',)),
    "PYTHONPATH": Way({"code/fastlib.py": PURE}, (), environ={"PYTHONPATH": "code"}),
    "src layout": Way(
        {
            "src/fastlib/__init__.py": "from fastlib.core import spin\n",
            "src/fastlib/core.py": PURE,
            "pyproject.toml": backend("hatchling.build", "hatchling"),
        }
    ),
    "a namespace package": Way(
        {
            "src/company/fastlib/__init__.py": "from company.fastlib._spin import spin\n",
            "src/company/fastlib/_spin.c": C,
            "setup.py": (
                "from setuptools import Extension, setup\n"
                'setup(ext_modules=[Extension("company.fastlib._spin", ["src/company/fastlib/_spin.c"])])\n'
            ),
            "pyproject.toml": SETUPTOOLS.format(packages='["company.fastlib"]') + 'package-dir = {"" = "src"}\n',
        },
        module="company.fastlib",
    ),
    "a package below another directory": Way(
        {
            "libraries/one/fastlib/__init__.py": PURE,
            "libraries/one/pyproject.toml": SETUPTOOLS.format(packages='["fastlib"]'),
        },
        ("python -m pip install --quiet --no-build-isolation --no-deps -e libraries/one",),
    ),
}


def run(line: str, root: Path, environ: Mapping[str, str]) -> None:
    done = subprocess.run(line, cwd=root, env=dict(environ), shell=True, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{line}: {done.stdout[-3000:]}{done.stderr[-3000:]}"


def environment(root: Path) -> dict[str, str]:
    """Make `.venv`, which borrows the tools of this environment, and return the variables that activate it."""
    venv = root / ".venv"
    subprocess.run([sys.executable, "-m", "virtualenv", "--quiet", "--no-download", str(venv)], check=True)
    site = next(venv.glob("lib/python*/site-packages"))
    (site / "zz_tools.pth").write_text(TOOLS + "\n")
    path = os.pathsep.join([str(venv / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**os.environ, "VIRTUAL_ENV": str(venv), "PATH": path, "SITE": str(site), "CC": "gcc"}


def two_commits(project: Project, way: Way) -> None:
    """Base, and a head whose code does thirty times the work; benchmarks beside it."""
    project.put(".gitignore", ".venv\nbuild\ntarget\n*.so\n*.egg-info\n__pycache__\n_native.c\n_spin.c.o\n")
    project.put("test_speed.py", BENCHMARK.format(module=way.module))
    for factor in (1, 30):
        for name, text in way.files.items():
            project.put(name, text.replace("FACTOR", str(factor)))
        project.commit(f"factor {factor}")


def set_up(way: Way) -> str:
    """Return the configuration by which each side is built in an environment of its own."""
    borrow = f'echo {TOOLS} > "$(python -c \'import sysconfig; print(sysconfig.get_path("purelib"))\')/zz_tools.pth"'
    site = "export SITE=$(python -c 'import sysconfig; print(sysconfig.get_path(\"purelib\"))'); "
    lines = [borrow, *(site + line for line in way.install)]
    own = "".join(f'[sides.{side}.environment]\nPYTHONPATH = "code"\n' for side in ("base", "head") if way.environ)
    return f"[build]\nsetup = {json.dumps(lines)}\n{own}"


needed = [pytest.param(name, id=name) for name in WAYS]


@pytest.mark.parametrize("name", needed)
@pytest.mark.timeout(600)
def test_a_slower_head_never_passes_however_the_project_was_built(project: Project, name: str) -> None:
    """Installed once, in the project's own environment, editable and not; then once a side, as the refusal says."""
    way = WAYS[name]
    if way.needs and shutil.which(way.needs) is None:
        pytest.skip(f"{way.needs} is missing: run .ci/tools")
    two_commits(project, way)
    environ = environment(project.root)
    for line in way.install:
        run(line, project.root, environ)
    path = str(project.root / way.environ["PYTHONPATH"]) if way.environ else ""
    keep = {"VIRTUAL_ENV": environ["VIRTUAL_ENV"], "PATH": environ["PATH"], "PYTHONPATH": path}

    shared = project.perfgate("compare", "HEAD~1", *SHORT, **keep)

    assert_not_passed(shared)

    copies = [line.replace(" -e .", " .").replace(" -e ", " ./") for line in way.install if " -e " in line]
    for line in copies:
        project.git("clean", "-fdxq", "-e", ".venv")
        run(f"python -m pip uninstall --quiet --yes fastlib; {line.partition(' --config')[0]}", project.root, environ)
    copied = project.perfgate("compare", "HEAD~1", *SHORT, **keep)

    assert_not_passed(copied)

    project.put("perfgate.toml", set_up(way))
    own = project.perfgate("compare", "HEAD~1", *SHORT, PATH=environ["PATH"])

    assert own.returncode == 1, own.stdout + own.stderr
    assert "  regression  benchmarks/test_speed.py::test_spin:time" in own.stdout


def assert_not_passed(done: subprocess.CompletedProcess[str]) -> None:
    """A regression that was found, a refusal that names the file, or what cannot even be built or imported."""
    words = "the sides did not run their own code", "ran no code of its own", "cannot be collected", "setup of"
    refused = done.returncode == 3 and any(word in done.stderr for word in words)
    found = done.returncode == 1 and "  regression  benchmarks/test_speed.py::test_spin:time" in done.stdout
    assert found or refused, f"{done.returncode}: {done.stdout}{done.stderr}"
    if "did not run their own code" in done.stderr:
        assert "[build]\n    setup = [" in done.stderr


def test_what_is_the_same_in_both_commits_may_come_from_anywhere(project: Project) -> None:
    """A helper of the checkout that no commit changed is not held against it; one that changed is."""
    project.put("tools/helper.py", LIBRARY)
    project.put("lib.py", "import helper\n\ndef spin(n):\n    return helper.spin(n)\n")
    project.put("test_lib.py", "from lib import spin\n\ndef test_spin(benchmark):\n    benchmark(spin, 200)\n")
    project.commit("base")
    project.commit("head", other_py="")

    same = project.perfgate("compare", "HEAD~1", *SHORT, PYTHONPATH=str(project.root / "tools"))
    project.put("tools/helper.py", LIBRARY + "# edited\n")
    changed = project.perfgate("compare", "HEAD~1", *SHORT, PYTHONPATH=str(project.root / "tools"))

    assert same.returncode == 0, same.stderr
    assert changed.returncode == 3
    assert f"base loaded {project.root / 'tools/helper.py'} (helper), which is your checkout's" in changed.stderr


def test_data_of_the_checkout_that_differ_between_the_sides_are_refused(project: Project) -> None:
    """Read by an absolute path, both sides would do head's work; what no commit holds is the same for both."""
    read = f"open({str(project.root / 'work.txt')!r}).read(), open({str(project.root / 'big.bin')!r}).read()"
    project.put("lib.py", f"SIZE = int(({read})[0])\n\ndef spin():\n    return sum(range(SIZE))\n")
    project.put("test_lib.py", "from lib import spin\n\ndef test_spin(benchmark):\n    benchmark(spin)\n")
    project.put(".gitignore", "big.bin\n")
    project.put("big.bin", "x")
    project.commit("base", work_txt="100")
    project.commit("head", work_txt="9000")

    done = project.perfgate("compare", "HEAD~1", *SHORT)

    assert done.returncode == 3
    assert f"base loaded {project.root / 'work.txt'}, which is your checkout's" in done.stderr
    assert "big.bin" not in done.stderr


def test_a_child_process_that_loads_the_other_code_is_seen(project: Project) -> None:
    """The benchmark itself imports its own side; the program that it starts imports the checkout's."""
    child = f"import sys; sys.path.insert(0, {str(project.root)!r}); import lib; lib.spin(1)"
    bench = (
        "import subprocess, sys\nfrom lib import spin\n\n"
        f"def test_spin(benchmark):\n    spin(1)\n    benchmark(subprocess.run, [sys.executable, '-c', {child!r}])\n"
    )
    project.commit("base", lib_py=LIBRARY, test_lib_py=bench)
    project.commit("head", lib_py=LIBRARY.replace("range(n)", "range(n * 30)"))

    done = project.perfgate("compare", "HEAD~1", *SHORT)

    assert done.returncode == 3
    assert f"base loaded {project.root / 'lib.py'} (lib), which is your checkout's" in done.stderr


@pytest.mark.parametrize("reads", ["", 'reads = "custom"\n'], ids=["timed", "its numbers read"])
def test_a_command_that_runs_the_checkout_is_refused(project: Project, reads: str) -> None:
    project.put("tool.py", 'print(\'[{"name": "a", "unit": "s", "value": FACTOR}]\')\n')
    command = f"python {project.root}/tool.py"
    project.put(
        "perfgate.toml", f'[suite.cli]\nrunner = "command"\n{reads}[suite.cli.benchmarks]\nt = {json.dumps(command)}\n'
    )
    for factor in (1, 30):
        project.put("tool.py", f'import lib\nprint(\'[{{"name": "a", "unit": "s", "value": {factor}}}]\')\n')
        project.commit("change", lib_py=f"FACTOR = {factor}\n")

    done = project.perfgate("compare", "HEAD~1", *SHORT)

    assert done.returncode == 3
    assert f"base loaded {project.root / 'lib.py'} (lib), which is your checkout's" in done.stderr


def test_a_program_of_the_checkout_is_refused(project: Project) -> None:
    project.put("build/tool", "#!/bin/sh\nsleep 0.01\n")
    (project.root / "build/tool").chmod(0o755)
    line = json.dumps(str(project.root / "build/tool"))
    project.put("perfgate.toml", f'[suite.cli]\nrunner = "command"\n[suite.cli.benchmarks]\nt = {line}\n')
    project.put(".gitignore", "build\n")
    project.commit("base")
    project.commit("head")

    done = project.perfgate("compare", "HEAD~1", *SHORT)

    assert done.returncode == 3
    assert f"base loaded {project.root / 'build/tool'}, which is your checkout's" in done.stderr


def test_one_side_alone_is_checked_too(project: Project) -> None:
    """What is recorded of a commit is of that commit."""
    hijack = f"import sys\nsys.path.insert(0, {str(project.root)!r})\nimport generated\n"
    project.put(".gitignore", "generated.py\n")
    project.put("generated.py", LIBRARY)
    project.put("test_lib.py", "from generated import spin\n\ndef test_spin(benchmark):\n    benchmark(spin, 200)\n")
    project.commit("base", conftest_py=hijack, lib_py="")

    done = project.perfgate("measure", "-o", "run.json", "--budget", "20s")

    assert done.returncode == 3
    assert f"loaded {project.root / 'generated.py'} (generated), which is your checkout's" in done.stderr


def test_a_folder_that_is_called_like_a_dependency_is_not_held_against_it() -> None:
    """A build back-end of the tree lies in `packaging/`; the library of that name is another project's."""
    build = b'[build-system]\nbuild-backend = "pep517_backend.hooks"\nbackend-path = ["packaging"]\n'
    files = ["packaging/pep517_backend/__init__.py", "packaging/README.rst", "yarl/__init__.py", "pyproject.toml"]

    found = read_project(Files(paths=tuple(files), read={"pyproject.toml": build}.get))

    assert not found.defines("packaging")
    assert not found.defines("packaging.version")
    assert not found.defines("pep517_backend")
    assert found.defines("yarl._quoting_c")


@pytest.mark.parametrize(
    ("files", "ours", "foreign"),
    [
        (["mylib/__init__.py", "setup.py", "tests/test_a.py"], ["mylib", "mylib._x"], ["tests", "setup", "other"]),
        (["src/pkg/__init__.py", "src/single.py"], ["pkg.deep", "single"], ["src2"]),
        (["one.py", "test_one.py", "conftest.py", "benchmarks/test_x.py"], ["one"], ["test_one", "conftest"]),
        (["python/native.c", "a-b/c.py"], ["native"], ["a-b"]),
        (["src/company/tool/__init__.py"], ["company.tool.x"], ["company", "company.other"]),
        (["packages/a/pyproject.toml", "packages/a/src/deep/__init__.py"], ["deep"], ["packages.b"]),
        ([], [], ["anything"]),
    ],
)
def test_the_modules_of_a_project_are_those_that_it_builds(
    files: list[str], ours: list[str], foreign: list[str]
) -> None:
    found = read_project(Files(paths=tuple(files), read=lambda _: None))

    assert all(map(found.defines, ours))
    assert not any(map(found.defines, foreign))


@pytest.mark.parametrize(
    ("name", "text", "root", "distribution"),
    [
        ("pyproject.toml", '[project]\nname = "My_Lib"\n[tool.maturin]\npython-source = "py"\n', "py", "my-lib"),
        ("pyproject.toml", '[tool.setuptools.packages.find]\nwhere = ["code"]\n', "code", ""),
        ("pyproject.toml", '[tool.setuptools]\npackage-dir = {"" = "code"}\n', "code", ""),
        ("pyproject.toml", '[tool.poetry]\nname = "x"\npackages = [{include = "x", from = "code"}]\n', "code", "x"),
        ("pyproject.toml", '[tool.hatch.build.targets.wheel]\npackages = ["code/x"]\n', "code", ""),
        ("setup.cfg", "[metadata]\nname = x.y\n[options]\npackage_dir =\n    = code\n", "code", "x-y"),
        ("setup.py", "setup(name='x', package_dir={'': 'code'})\n", "code", "x"),
        ("pyproject.toml", "not [ toml", "", ""),
    ],
)
def test_build_files_say_where_modules_lie_and_what_they_are_called(
    name: str, text: str, root: str, distribution: str
) -> None:
    found = read_project(Files(paths=(name,), read={name: text.encode()}.get))

    assert root in found.roots
    assert found.names == ({distribution} if distribution else set())
