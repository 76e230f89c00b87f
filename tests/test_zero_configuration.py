"""Nothing is configured: what perfgate finds, builds, mends and says by itself."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from perfgate.errors import BuildError
from perfgate.host import interpreters
from perfgate.host.interrupt import Interrupts
from tests.live import BENCHMARK, LIBRARY, Project

LIBRARY_PROJECT = '[project]\nname = "lib"\nversion = "1"\n[tool.setuptools]\npy-modules = ["lib"]\n'
SHORT = ("--budget", "60s", "--seed", "1")
C_SETUP = """\
from setuptools import Extension, setup
setup(name="fastlib", version="1", packages=["fastlib"], ext_modules=[Extension("fastlib._fast", ["fastlib/_fast.c"])])
"""
C_CODE = """\
#include <Python.h>
static PyObject *work(PyObject *self, PyObject *unused) {
    volatile long total = 0;
    for (long i = 0; i < LOOPS; i++) total += i;
    return PyLong_FromLong(total);
}
static PyMethodDef methods[] = {{"work", work, METH_NOARGS, ""}, {NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_fast", "", -1, methods};
PyMODINIT_FUNC PyInit__fast(void) { return PyModule_Create(&module); }
"""


def test_a_compiled_project_gets_an_environment_a_side_and_what_turns_out_to_be_missing(project: Project) -> None:
    """The import of `six` is one that no file shows; nothing of the user's repository changes."""
    for name in ("fastlib", "bench"):
        (project.root / name).mkdir()
    (project.root / "fastlib" / "__init__.py").write_text("")
    (project.root / "bench" / "conftest.py").write_text("import importlib\nimportlib.import_module('six')\n")
    (project.root / "bench" / "test_fast.py").write_text(
        "from fastlib._fast import work\ndef test_work(benchmark):\n    benchmark(work)\n"
    )
    (project.root / "fastlib" / "_fast.c").write_text(C_CODE.replace("LOOPS", "2000"))
    project.commit("base", setup_py=C_SETUP)
    (project.root / "fastlib" / "_fast.c").write_text(C_CODE.replace("LOOPS", "20000"))
    project.commit("head")
    before = (project.root / ".git" / "config").read_bytes(), project.git("for-each-ref"), project.git("status", "-s")

    done = project.perfgate("compare", "HEAD~1", *SHORT)

    assert done.returncode == 1, done.stderr
    assert "Each side gets an environment of its own, because the project compiles code:" in done.stderr
    assert "the benchmarks also need six; installing it" in done.stderr
    after = (project.root / ".git" / "config").read_bytes(), project.git("for-each-ref"), project.git("status", "-s")
    assert after == before

    again = project.perfgate("measure", "--processes", "2", *SHORT)

    assert again.returncode == 0, again.stderr
    assert "also need" not in again.stderr, "what was learnt is remembered"


def test_a_back_end_without_editable_installs_is_installed_plainly_on_both_sides(project: Project) -> None:
    """As poetry-core was before PEP 660: an old commit, or an old pin."""
    backend = "from setuptools.build_meta import build_wheel, get_requires_for_build_wheel, build_sdist\n"
    table = f"""{LIBRARY_PROJECT}[build-system]
requires = ["setuptools"]
build-backend = "backend"
backend-path = ["inside"]
"""
    project.commit(
        "base", lib_py=LIBRARY, inside__backend_py=backend, pyproject_toml=table, bench__test_lib_py=BENCHMARK
    )
    project.commit("head")

    done = project.perfgate("compare", "HEAD~1", "--isolate", "venv", "--effort", "1s", *SHORT)
    again = project.perfgate("compare", "HEAD~1", "--isolate", "venv", "--effort", "1s", *SHORT)

    assert done.returncode == 0, done.stderr
    assert "does not support editable installs, so each side gets a plain install" in done.stderr
    assert again.returncode == 0, again.stderr
    assert "editable" not in again.stderr, "what was learnt is remembered"


@pytest.mark.parametrize("isolate", ["none", "venv"])
def test_a_file_that_head_breaks_is_never_left_out_in_silence(project: Project, isolate: str) -> None:
    project.commit("base", lib_py=LIBRARY, test_a_py=BENCHMARK, test_b_py=BENCHMARK)
    project.commit("head", test_b_py=f"raise OSError('no device')\n{BENCHMARK}")

    for _ in range(2):  # what is remembered of the first run changes nothing
        done = project.perfgate("compare", "HEAD~1", "--isolate", isolate, *SHORT)

        assert done.returncode == 3, done.stdout
        assert "failed  benchmarks/test_b.py::test_spin\n" in done.stdout
        assert "its file cannot be collected: OSError: no device" in done.stdout


@pytest.mark.parametrize("isolate", ["none", "venv"])
def test_a_benchmark_file_that_head_removes_is_missing(project: Project, isolate: str) -> None:
    project.commit("base", lib_py=LIBRARY, test_a_py=BENCHMARK, test_b_py=BENCHMARK)
    project.git("rm", "-q", "test_b.py")
    project.commit("head")

    done = project.perfgate("compare", "HEAD~1", "--isolate", isolate, *SHORT)

    assert done.returncode == 3, done.stdout + done.stderr
    assert "missing" in done.stdout
    assert "test_b.py::" in done.stdout


def test_a_project_whose_benchmarks_are_all_gone_is_not_green(project: Project) -> None:
    project.commit("base", lib_py=LIBRARY, test_a_py=BENCHMARK)
    project.git("rm", "-q", "test_a.py")
    project.commit("head")

    done = project.perfgate("compare", "HEAD~1", *SHORT)

    assert done.returncode == 3
    assert "no benchmarks found" in done.stderr


def test_where_nothing_can_be_collected_the_error_says_where_and_what_to_do(project: Project) -> None:
    project.commit("base", lib_py=LIBRARY, test_a_py=f"import no_such_library_anywhere\n{BENCHMARK}")
    project.commit("head")

    done = project.perfgate("compare", "HEAD~1", *SHORT)

    assert done.returncode == 3
    assert "no-such-library-anywhere cannot be installed here; trying without it" in done.stderr
    assert "the benchmarks cannot be collected with the environment that perfgate made for them" in done.stderr
    assert "python -m pip install no-such-library-anywhere" in done.stderr


def test_a_project_without_benchmarks_is_told_at_once_what_was_looked_for(project: Project) -> None:
    project.commit("base", lib_py=LIBRARY)
    project.commit("head", asv_conf_json="{}", bench__speed_py="@measured\ndef f(): ...\n")

    done = project.perfgate("compare", "HEAD~1", *SHORT)

    assert done.returncode == 3
    assert "no benchmarks found in" in done.stderr
    assert "looked through 2 Python files for tests that use the `benchmark` fixture" in done.stderr
    assert "  named for benchmarks, but of no harness that is known: bench/speed.py\n" in done.stderr
    assert "perfgate init writes a perfgate.toml" in done.stderr


@pytest.fixture
def interrupts() -> Iterator[Interrupts]:
    with Interrupts() as found:
        yield found


def test_an_interpreter_is_asked_what_it_has(tmp_path: Path, interrupts: Interrupts) -> None:
    found = interpreters.inspect(sys.executable, tmp_path, ["json", "no_such_module"], interrupts=interrupts)

    assert found.modules == {"json"}
    assert "pytest" in found.distributions
    assert found.owner == "the environment that perfgate runs in"
    assert found.satisfies(f"=={found.version}")
    assert not found.satisfies("<3")
    assert found.satisfies("not a version")


def test_an_interpreter_that_is_gone_is_named_with_the_way_out(tmp_path: Path, interrupts: Interrupts) -> None:
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to("/no/such/python3")
    assert interpreters.default_python(tmp_path) == str(python)

    with pytest.raises(BuildError, match=r"the project's \.venv\) points to /no/such/python3, which is gone") as caught:
        interpreters.inspect(str(python), tmp_path, [], interrupts=interrupts)

    assert caught.value.hint is not None
    assert caught.value.hint.startswith(f"remove {tmp_path / '.venv'} and create it again")
    with pytest.raises(BuildError, match=r"Python interpreter not found: python9\.9"):
        interpreters.inspect("python9.9", tmp_path, [], interrupts=interrupts)
    with pytest.raises(BuildError, match="does not start"):
        interpreters.inspect("/bin/false", tmp_path, [], interrupts=interrupts)


def test_a_shim_that_selects_nothing_is_told_apart(
    tmp_path: Path, interrupts: Interrupts, monkeypatch: pytest.MonkeyPatch
) -> None:
    shim = tmp_path / "shims" / "python3.13"
    shim.parent.mkdir()
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    real = tmp_path / "versions" / "3.13.2" / "bin" / "python"
    real.parent.mkdir(parents=True)
    real.write_text("")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", f"{shim.parent}:/nowhere")

    with pytest.raises(BuildError, match="is a shim of pyenv") as caught:
        interpreters.inspect("python3.13", tmp_path / "project", [], interrupts=interrupts)

    assert caught.value.hint == f"name the interpreter itself: PERFGATE_PYTHON={real}"
    assert interpreters.fitting(">=3.13,<3.14", like="3.11.7") == str(real)
    assert interpreters.fitting("<3", like="3.11.7") is None


def test_whose_interpreter_it_is_is_said_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONDA_PREFIX", "/conda/envs/x")
    monkeypatch.setenv("CONDA_DEFAULT_ENV", "x")
    monkeypatch.setenv("VIRTUAL_ENV", "/active")

    assert interpreters.owner_of("/conda/envs/x/bin/python", tmp_path) == "the conda environment x"
    assert interpreters.owner_of("/active/bin/python", tmp_path) == "the active virtual environment"
    assert interpreters.owner_of("/other/bin/python", tmp_path) == "the interpreter of [build] python"
    assert interpreters.owner_of("python3", tmp_path) == "the interpreter on the path"
    assert os.environ["VIRTUAL_ENV"] == "/active"


def test_a_project_that_needs_another_python_gets_it_or_says_so(project: Project) -> None:
    table = '[project]\nname = "lib"\nversion = "1"\nrequires-python = ">=3.99"\n'
    project.commit("base", lib_py=LIBRARY, test_a_py=BENCHMARK, pyproject_toml=table)
    project.commit("head")

    done = project.perfgate("compare", "HEAD~1", *SHORT)

    assert done.returncode == 3
    assert "the project needs Python >=3.99" in done.stderr
    assert "PERFGATE_PYTHON=/path/to/python" in done.stderr


def test_setup_commands_get_an_interpreter_that_the_project_runs_on(project: Project, tmp_path: Path) -> None:
    """As without a configuration: what `init` wrote and tried must run in the next command, too."""
    table = '[project]\nname = "lib"\nversion = "1"\nrequires-python = ">=3.20"\n'
    config = '[build]\nsetup = ["true"]\n[suite.c]\nrunner = "command"\n[suite.c.benchmarks]\nf = "python -c pass"\n'
    project.commit("base", pyproject_toml=table, perfgate_toml=config)
    newer = tmp_path / "bin" / "python3.20"
    newer.parent.mkdir()
    newer.symlink_to(Path(sys.executable).resolve())
    measure = ("measure", "HEAD", "--processes", "2", *SHORT)

    done = project.perfgate(*measure, PATH=f"{newer.parent}{os.pathsep}{os.environ['PATH']}")

    assert done.returncode == 0, done.stderr
    assert (
        f"the project needs Python >=3.20 and the environment that perfgate runs in has {sys.version.split()[0]}"
        in (done.stderr)
    )
    assert f"so the sides use {newer}" in done.stderr

    project.commit("named", perfgate_toml=config.replace("[build]", f'[build]\npython = "{sys.executable}"'))

    done = project.perfgate(*measure, PATH=f"{newer.parent}{os.pathsep}{os.environ['PATH']}")

    assert done.returncode == 0, done.stderr
    assert "so the sides use" not in done.stderr


def test_odd_names_line_ends_and_other_people_s_code_are_no_obstacle(project: Project) -> None:
    """Spaces and accents in names, Windows line ends, two harnesses at once, benchmarks of vendored code."""
    windows = BENCHMARK.replace("\n", "\r\n")
    script = "import pyperf\nfrom lib import spin\npyperf.Runner().bench_func('spun', spin, 100)\n"
    for name, text in (
        ("lib.py", LIBRARY.replace("\n", "\r\n")),
        ("my benchmarks/test_größe.py", windows),
        ("bench/run.py", script),
        ("vendor/other/benchmarks/test_theirs.py", "raise OSError('not ours')\n" + BENCHMARK),
        ("node_modules/x/test_theirs.py", BENCHMARK),
        ("pytest.ini", "[pytest]\r\ntestpaths = my benchmarks\r\n"),
    ):
        path = project.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    project.commit("base")
    project.root = project.root.rename(project.root.with_name("a project, with spaces"))
    before = project.snapshot()

    done = project.perfgate("compare", "HEAD", "HEAD", *SHORT)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 unchanged" in done.stdout
    assert "my benchmarks/test_größe.py::test_spin" in done.stdout
    assert "bench/run.py::spun" in done.stdout
    assert project.snapshot() == before


def test_a_broken_pyproject_is_said_with_its_line(project: Project) -> None:
    project.commit("base", pyproject_toml="[project\nname = ", lib_py=LIBRARY, test_lib_py=BENCHMARK, setup_cfg="[[[")

    done = project.perfgate("compare", "HEAD", "HEAD", *SHORT)

    assert done.returncode == 2
    assert "error: pyproject.toml is not TOML: Expected ']' at the end of a table declaration (at line 1" in done.stderr
    assert "try: fix that line" in done.stderr
