"""What `perfgate init` writes has been tried; what does not work is named."""

import subprocess

import pytest

from perfgate.measure.uncollected import uncollected
from tests.live import BENCHMARK, LIBRARY, Project

PYPROJECT = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "lib"
version = "1"
[project.optional-dependencies]
speed = ["pytest-benchmark"]
[tool.setuptools]
py-modules = ["lib"]
"""


def init(project: Project, *options: str) -> subprocess.CompletedProcess[str]:
    return project.perfgate("init", "--no-workflows", *options)


def test_what_the_benchmarks_need_beside_what_is_seen_is_in_the_written_setup(project: Project) -> None:
    """The module is imported in a way that nobody sees by looking."""
    hidden = f"import importlib\nimportlib.import_module('six')\n{BENCHMARK}"
    project.commit("base", lib_py=LIBRARY, pyproject_toml=PYPROJECT, benchmarks__test_lib_py=hidden)
    before = project.snapshot()

    done = init(project)
    written = (project.root / "perfgate.toml").read_text()
    checked = init(project, "--check")

    assert done.returncode == 0, done.stderr
    assert "the benchmarks also need six; installing it" in done.stderr
    assert "tried it: suite benchmarks: 2 of 2 benchmarks ran" in done.stderr
    assert "pip install -e '.[speed]'" in written
    assert "pip install six" in written
    assert checked.returncode == 0, checked.stderr
    assert "tried perfgate.toml: suite benchmarks: 2 of 2 benchmarks ran" in checked.stderr
    (project.root / "perfgate.toml").unlink()
    assert project.snapshot() == before


def test_what_does_not_run_is_named_and_the_file_is_there_to_be_mended(project: Project) -> None:
    project.commit(
        "base",
        lib_py=LIBRARY,
        benchmarks__test_lib_py=f"{BENCHMARK}\ndef test_bad(benchmark):\n    benchmark(lambda: 1 / 0)\n",
        benchmarks__test_broken_py=f"raise OSError('no device')\n{BENCHMARK}",
        benchmarks__test_skipped_py=f"import pytest\npytest.skip('not here', allow_module_level=True)\n{BENCHMARK}",
    )

    done = init(project)
    (project.root / "benchmarks" / "test_broken.py").unlink()
    still = init(project, "--check")
    project.put("benchmarks/test_lib.py", BENCHMARK)
    mended = init(project, "--check")

    assert done.returncode == 3
    assert "wrote perfgate.toml" in done.stderr
    assert "tried it: suite benchmarks: 2 of 3 benchmarks ran" in done.stderr
    assert "cannot be collected: benchmarks/test_broken.py" in done.stderr
    assert "OSError: no device" in done.stderr
    assert "failed: benchmarks/test_lib.py::test_bad: ZeroDivisionError: division by zero" in done.stderr
    assert "skipped: benchmarks/test_skipped.py: not here" in done.stderr
    assert (
        "next: fix what is listed above, or leave it out of perfgate.toml, then: perfgate init --check" in done.stderr
    )
    assert (still.returncode, mended.returncode) == (3, 0), still.stderr + mended.stderr


def test_a_few_that_fail_are_left_out_by_name_and_the_others_are_gated(project: Project) -> None:
    project.commit(
        "base",
        lib_py=LIBRARY,
        benchmarks__test_lib_py=f"{BENCHMARK}\n@__import__('pytest').mark.parametrize('n', [0, 1])\n"
        "def test_bad(benchmark, n):\n    benchmark(lambda: 1 / n)\n",
    )
    more = "\ndef test_sp(benchmark):\n    raise OSError('no device')\n"  # its name begins that of another
    with (project.root / "benchmarks" / "test_lib.py").open("a") as file:
        file.write(more)
    project.commit("head")

    done = init(project)
    written = (project.root / "perfgate.toml").read_text()
    checked = init(project, "--check")
    compared = project.perfgate("compare", "HEAD~1", "--budget", "60s", "--effort", "1s", "--seed", "1")

    assert done.returncode == 0, done.stderr
    assert "tried it: suite benchmarks: 3 of 5 benchmarks ran" in done.stderr
    assert "failed: benchmarks/test_lib.py::test_bad[0]: ZeroDivisionError" in done.stderr
    assert "what failed is left out by `exclude` under [suite.benchmarks] in perfgate.toml" in done.stderr
    assert "next: read what was written, then try it on your last commit" in done.stderr
    assert '    "benchmarks/test_lib.py::test_bad[0]",\n' in written
    assert checked.returncode == 0, checked.stderr
    assert "3 of 3 benchmarks ran" in checked.stderr
    assert compared.returncode == 0, compared.stdout + compared.stderr
    assert "3 unchanged" in compared.stdout
    assert "2 benchmarks of suite benchmarks left out, as `exclude` under [suite.benchmarks] says" in compared.stdout

    project.put("perfgate.toml", written.replace("benchmarks/test_lib.py::test_bad[0]", "*::test_*"))
    nothing = project.perfgate("compare", "HEAD~1", "--budget", "60s")

    assert nothing.returncode == 3
    assert "suite 'benchmarks': `exclude` leaves out all of its 5 benchmarks" in nothing.stderr


@pytest.mark.parametrize(
    ("pyproject", "said"),
    [
        (PYPROJECT.replace("setuptools.build_meta", "no_such_backend"), "no_such_backend"),
        (PYPROJECT.replace('["setuptools"]', '["no-such-distribution"]'), "no-such-distribution"),
    ],
)
def test_a_project_that_cannot_be_built_is_told_in_the_builder_s_words(
    project: Project, pyproject: str, said: str
) -> None:
    project.commit("base", lib_py=LIBRARY, pyproject_toml=pyproject, benchmarks__test_lib_py=BENCHMARK)

    done = init(project)

    assert done.returncode == 3
    assert "the benchmarks do not run yet: setup of working tree" in done.stderr
    assert said in done.stderr
    assert "wrote perfgate.toml" in done.stderr


def test_nothing_is_run_where_that_is_not_wanted(project: Project) -> None:
    project.commit("base", lib_py=LIBRARY, benchmarks__test_lib_py=f"raise OSError('no device')\n{BENCHMARK}")

    done = init(project, "--no-try")

    assert done.returncode == 0, done.stderr
    assert "tried" not in done.stderr


def test_a_configuration_with_nothing_to_try_says_so(project: Project) -> None:
    project.commit("base", lib_py=LIBRARY, perfgate_toml='[suite.made]\nrunner = "size"\nbenchmarks = { a = "*.py" }\n')

    done = init(project, "--check")

    assert done.returncode == 3
    assert "perfgate.toml has no suite that can be tried here" in done.stderr


def test_the_next_command_is_right_for_an_interpreter_whose_path_has_a_space() -> None:
    error = uncollected("the benchmarks", "/my envs/bin/python", "the project's venv", ["no six"], ["six"])

    assert error.message.startswith("the benchmarks cannot be collected with /my envs/bin/python (the project's venv):")
    assert str(error.hint).startswith("'/my envs/bin/python' -m pip install six\n")
