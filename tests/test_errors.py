"""What a stranger is told where something is missing: one golden page, each with what, where, why, and what to do."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live import BENCHMARK, LIBRARY, WAITING, WAITS, Project

BUILDS = """\
[build-system]
requires = {requires}
build-backend = "setuptools.build_meta"
[project]
name = "lib"
version = "1"
"""
EXTENSION = """\
from setuptools import Extension, setup
setup(name="lib", version="1", py_modules=["lib"], ext_modules=[Extension("_lib", ["_lib.c"])])
"""
ISOLATED = "[build]\nsetup = ['''{setup}''']\n[suite.micro]\n"


def plain(project: Project, **files: str) -> None:
    project.commit("base", **{"lib_py": LIBRARY, "test_lib_py": BENCHMARK, **files})


def missing_dependency(project: Project) -> list[str]:
    plain(project, test_lib_py=f"import yaml_of_mine\n{BENCHMARK}")
    return ["compare", "HEAD", "--isolate", "none"]


def missing_dependency_in_the_setup(project: Project) -> list[str]:
    config = ISOLATED.format(setup="python -m pip install pytest-benchmark")
    plain(project, test_lib_py=f"import yaml_of_mine\n{BENCHMARK}", perfgate_toml=config)
    return ["compare", "HEAD"]


def option_of_a_plugin(project: Project) -> list[str]:
    plain(project, pytest_ini="[pytest]\naddopts = --nbmake\n")
    return ["compare", "HEAD", "--isolate", "none"]


def option_that_nobody_knows(project: Project) -> list[str]:
    plain(project, pytest_ini="[pytest]\naddopts = --no-such-option\n")
    return ["compare", "HEAD", "--isolate", "none"]


def conftest_that_raises(project: Project) -> list[str]:
    plain(project, conftest_py="raise OSError('no database')\n")
    return ["compare", "HEAD", "--isolate", "none"]


def one_broken_file(project: Project) -> list[str]:
    plain(project, test_broken_py=f"raise OSError('no device')\n{BENCHMARK}")
    return ["measure", "--processes", "1", "--isolate", "none", "-o", "run.json"]


def nothing_found(project: Project) -> list[str]:
    plain(project, test_lib_py="def test_it():\n    pass\n")
    return ["compare", "HEAD"]


def only_asv(project: Project) -> list[str]:
    project.put("asv.conf.json", "{}")
    project.commit("base", lib_py=LIBRARY, benchmarks__a_py="def time_it():\n    pass\n")
    return ["compare", "HEAD"]


def nothing_of_that_name(project: Project) -> list[str]:
    plain(project)
    return ["compare", "HEAD", "HEAD", "-k", "tset_spin", "--isolate", "none"]


def setup_that_fails(project: Project) -> list[str]:
    plain(project, perfgate_toml=ISOLATED.format(setup="echo working; echo no luck >&2; exit 4"))
    return ["compare", "HEAD"]


def no_compiler(project: Project) -> list[str]:
    setup = "echo \"error: command 'gcc' failed: No such file or directory\"; exit 1"
    plain(project, perfgate_toml=ISOLATED.format(setup=setup))
    return ["compare", "HEAD"]


def no_header(project: Project) -> list[str]:
    plain(project, perfgate_toml=ISOLATED.format(setup="cc -c code.c 2>&1"), code_c="#include <fftw9.h>\n")
    return ["compare", "HEAD"]


def no_network(project: Project) -> list[str]:
    setup = "python -m pip install --no-cache-dir --retries 1 --index-url http://127.0.0.1:9/simple no-such-thing"
    plain(project, perfgate_toml=ISOLATED.format(setup=setup))
    return ["compare", "HEAD"]


def another_python(project: Project) -> list[str]:
    plain(project, pyproject_toml='[project]\nname = "lib"\nversion = "1"\nrequires-python = ">=3.99"\n')
    return ["compare", "HEAD"]


def environment_whose_python_is_gone(project: Project) -> list[str]:
    plain(project, _gitignore=".venv\n")
    python = project.root / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to("/opt/python3.9/bin/python3")
    return ["compare", "HEAD"]


def submodule_that_cannot_be_reached(project: Project) -> list[str]:
    part = Project(project.root.parent / "part")
    part.commit("part", waits_sh=WAITS)
    project.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(part.root), "sub")
    project.commit("base", perfgate_toml=WAITING, waits_sh=WAITS)
    subprocess.run(["git", "update-index", "--cacheinfo", f"160000,{'5' * 40},sub"], cwd=project.root, check=True)
    project.git("commit", "--quiet", "-m", "head")
    part.root.rename(part.root.with_name("gone"))
    return ["compare", "HEAD", "HEAD"]


def no_commit(project: Project) -> list[str]:
    project.write(lib_py=LIBRARY, test_lib_py=BENCHMARK)
    return ["compare", "HEAD~1"]


def one_commit(project: Project) -> list[str]:
    plain(project)
    return ["compare", "HEAD~1"]


def no_repository(project: Project) -> list[str]:
    shutil.rmtree(project.root / ".git")
    return ["compare", "HEAD~1"]


def changes_to_record(project: Project) -> list[str]:
    plain(project)
    project.git("remote", "add", "origin", "/nowhere")
    project.put("perfgate.toml", '[baseline]\ndirectory = "runs"\n')
    return ["record"]


SITUATIONS: dict[str, Callable[[Project], list[str]]] = {
    found.__name__.replace("_", " "): found
    for found in (
        missing_dependency,
        missing_dependency_in_the_setup,
        option_of_a_plugin,
        option_that_nobody_knows,
        conftest_that_raises,
        one_broken_file,
        nothing_found,
        only_asv,
        nothing_of_that_name,
        setup_that_fails,
        no_compiler,
        no_header,
        no_network,
        another_python,
        environment_whose_python_is_gone,
        submodule_that_cannot_be_reached,
        no_commit,
        one_commit,
        no_repository,
        changes_to_record,
    )
}


OTHERS = re.compile(
    r"\s*(/|~|\^|File |Hint: |Traceback:|ERROR: |inifile: |rootdir: |return _boot|import \w|raise |from \w"
    r"|\S+\.py:\d+: in |\d* *\| |compilation terminated|WARNING: )"
)


def told(project: Project, text: str) -> str:
    """Return what was said from the error on, without what differs from machine to machine."""
    text = re.sub(r"(?m)^(perfgate: .*|WARNING: .*|Looking in .*|\[notice\].*)\n", "", text)
    for place, word in (
        (str(project.root.parent / "cache"), "CACHE"),
        (str(project.root), "PROJECT"),
        (str(project.root.parent), "HOME"),
        (sys.executable, "PYTHON"),
        (str(Path(sys.prefix)), "PREFIX"),
    ):
        text = text.replace(place, word)
    text = re.sub(r"CACHE/\w+/\w+-\d", "SIDE", text)
    text = re.sub(r"\b[0-9a-f]{9,40}\b", "COMMIT", text)
    text = re.sub(r"\b3\.\d+\.\d+\b", "VERSION", text)
    text = re.sub(r"(?m)^.*error: unrecognized arguments", "error: unrecognized arguments", text)
    # pytest's, pip's and the compiler's own words change with their versions.
    return "\n".join(line for line in text.strip().splitlines() if not OTHERS.match(line))


@pytest.mark.parametrize("situation", SITUATIONS)
def test_every_message_says_what_where_why_and_what_to_type_next(
    project: Project, situation: str, golden: Callable[[str, str], None]
) -> None:
    args = SITUATIONS[situation](project)

    done = project.perfgate(*args, "--budget", "20s") if args[0] != "record" else project.perfgate(*args)

    assert "Traceback (most recent" not in done.stderr
    assert done.returncode in (0, 2, 3), done.stderr
    said = told(project, done.stderr)
    golden(
        f"errors/{situation.replace(' ', '-')}.txt", f"$ perfgate {' '.join(args)}\n{said}\nexit {done.returncode}\n"
    )
    if done.returncode:
        assert re.search(r"(?m)^try: \S", said), said
