"""The versions in lock files: what is read of each kind, and that the setup of a side installs them."""

import http.server
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from perfgate.project.files import Files
from perfgate.project.locks import constraints, lock_of
from tests.live import Project

UV = """
version = 1
[[package]]
name = "mine"
version = "0.1"
source = { editable = "." }
[[package]]
name = "Plain_Name"
version = "1.0"
source = { registry = "https://index.example/simple" }
wheels = [{ url = "https://files.example/plain_name-1.0-py3-none-any.whl", hash = "sha256:0" }]
[[package]]
name = "numbers"
version = "2.0"
source = { registry = "https://index.example/simple" }
resolution-markers = ["python_full_version < '3.11'"]
[[package]]
name = "numbers"
version = "3.0"
source = { registry = "https://index.example/simple" }
resolution-markers = ["python_full_version == '3.11.*'", "python_full_version >= '3.12'"]
wheels = [
    { url = "https://files.example/numbers-3.0-cp311-cp311-manylinux_2_17_x86_64.whl" },
    { url = "https://files.example/numbers-3.0-cp312-cp312-win_amd64.whl" },
]
[[package]]
name = "from-git"
version = "4.0"
source = { git = "https://example.org/from-git#0123" }
[[package]]
name = "setuptools"
version = "60.0"
source = { registry = "https://index.example/simple" }
"""
POETRY = """
[[package]]
name = "plain-name"
version = "1.0"
optional = false
files = [{file = "plain_name-1.0-cp38-abi3-manylinux_2_17_x86_64.whl", hash = "sha256:0"}]
[[package]]
name = "for-extra"
version = "1.1"
markers = 'extra == "more" and python_version < "3.12"'
[[package]]
name = "for-old"
version = "1.2"
markers = 'python_version < "3.12"'
[[package]]
name = "from-git"
version = "4.0"
[package.source]
type = "git"
url = "https://example.org/from-git"
"""
PDM = """
[[package]]
name = "plain-name"
version = "1.0"
marker = 'sys_platform == "linux"'
[[package]]
name = "plain-name"
version = "1.0"
extras = ["more"]
[[package]]
name = "mine"
version = "0.1"
path = "."
"""
PYLOCK = """
lock-version = "1.0"
[[packages]]
name = "plain-name"
version = "1.0"
marker = "python_version >= '3.9'"
wheels = [{name = "plain_name-1.0-py3-none-any.whl", path = "wheels/plain_name-1.0-py3-none-any.whl"}]
[[packages]]
name = "here"
version = "2.0"
directory = {path = "here"}
"""
BROKEN = """
[[package]]
name = "two"
version = "1.0"
[[package]]
name = "two"
version = "2.0"
[[package]]
name = "odd name; rm"
version = "1.0"
[[package]]
version = "1.0"
"""


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            UV,
            (
                "numbers==2.0 ; python_full_version < '3.11'",
                "numbers==3.0 ; ((python_full_version == '3.11.*') or (python_full_version >= '3.12'))"
                " and (python_version == '3.11' or python_version == '3.12')",
                "plain-name==1.0",
            ),
        ),
        (
            POETRY,
            (
                "for-extra==1.1",
                'for-old==1.2 ; python_version < "3.12"',
                "plain-name==1.0 ; python_version >= '3.8'",
            ),
        ),
        (PDM, ("plain-name==1.0",)),
        (PYLOCK, ("plain-name==1.0 ; python_version >= '3.9'",)),
        (BROKEN, ()),
        ("[[package", ()),
        ("package = 1", ()),
    ],
    ids=["uv", "poetry", "pdm", "pylock", "ambiguous", "not TOML", "no packages"],
)
def test_a_lock_file_gives_the_versions_that_come_from_an_index(text: str, lines: tuple[str, ...]) -> None:
    assert constraints(text, build_tools={"setuptools"}) == lines


def test_the_lock_file_is_that_of_the_project_else_that_of_the_workspace() -> None:
    def of(*paths: str) -> str:
        return lock_of(Files(paths=paths, read=lambda path: b""), "packages/a")

    assert of("uv.lock", "packages/a/poetry.lock", "other/uv.lock") == "packages/a/poetry.lock"
    assert of("uv.lock", "other/uv.lock") == "uv.lock"
    assert of("other/uv.lock") == ""


OLD = "1.16.0"
CHECK = f"""\
import six
assert six.__version__ == "{OLD}", six.__version__

def test_f(benchmark):
    benchmark(len, "x")
"""
LOCKED = f'[[package]]\nname = "six"\nversion = "{OLD}"\n'


@pytest.fixture
def with_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


def real_lock(project: Project) -> None:
    """Let uv itself lock an old version."""
    table = '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.9"\n'
    project.write(pyproject_toml=f'{table}dependencies = ["six", "pytest-benchmark"]\n')
    command = ["uv", "lock", "--quiet", "--upgrade-package", f"six=={OLD}"]
    subprocess.run(command, cwd=project.root, check=True)


@pytest.mark.parametrize("tool", ["python -m pip install", "uv pip install"])
@pytest.mark.usefixtures("with_uv")
def test_the_setup_installs_what_is_locked(project: Project, tool: str) -> None:
    """Base is older than the lock file, and installs the newest."""
    project.commit("base", bench__test_f_py=CHECK.replace("==", "!="))
    real_lock(project)
    config = (
        f'[build]\nlock = "uv.lock"\nsetup = ["{tool} six pytest-benchmark"]\n[suite.b]\nrunner = "pytest-benchmark"\n'
    )
    project.commit("head", perfgate_toml=f'{config}benchmarks-from = "each"\n', bench__test_f_py=CHECK)

    done = project.perfgate("compare", "HEAD~1", "--budget", "60s", "--seed", "1")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 unchanged" in done.stdout
    assert f"six (1.17.0, {OLD})" in done.stdout, "that the sides differ is said"


def test_a_lock_file_that_head_does_not_have_is_an_error(project: Project) -> None:
    config = '[build]\nlock = "sub/uv.lock"\nsetup = ["true"]\n[suite.b]\nrunner = "pytest-benchmark"\n'
    project.commit("base", perfgate_toml=config, test_f_py=CHECK)

    done = project.perfgate("measure", "HEAD", "--budget", "60s")

    assert done.returncode == 2
    assert "has no sub/uv.lock" in done.stderr
    assert "take lock out of [build] in perfgate.toml" in done.stderr


def test_without_configuration_the_lock_file_counts_and_one_that_does_not_fit_is_left_out(project: Project) -> None:
    project.commit("base", bench__test_f_py=CHECK, requirements_txt="six\n", uv_lock=LOCKED)
    project.commit("head")

    done = project.perfgate("compare", "HEAD~1", "--isolate", "venv", "--budget", "60s", "--seed", "1")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "an environment of its own with the versions in uv.lock" in done.stderr

    project.commit("base", bench__test_f_py=CHECK.replace("==", "!="), uv_lock=LOCKED.replace(OLD, "99.0"))

    done = project.perfgate("measure", "HEAD", "--isolate", "venv", "--budget", "60s", "--processes", "2")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "the setup failed with the versions in uv.lock; trying the newest ones" in done.stderr


def test_versions_with_which_nothing_can_be_collected_are_left_out(project: Project) -> None:
    project.commit("base", bench__test_f_py=CHECK.replace("==", "!="), requirements_txt="six\n", uv_lock=LOCKED)
    project.commit("head")

    done = project.perfgate("compare", "HEAD~1", "--isolate", "venv", "--budget", "60s", "--seed", "1")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing can be collected with the versions in uv.lock; trying the newest ones" in done.stderr


@pytest.fixture
def index(tmp_path: Path) -> Iterator[http.server.ThreadingHTTPServer]:
    """An index of packages that holds one wheel, which it may stop to serve."""
    home = tmp_path / "index" / "tiny"
    home.mkdir(parents=True)
    source = tmp_path / "tiny"
    source.mkdir()
    (source / "pyproject.toml").write_text('[project]\nname = "tiny"\nversion = "1"\n')
    (source / "tiny.py").write_text("")
    subprocess.run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", home, source], check=True)
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=home.parent)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.usefixtures("with_uv")
def test_without_a_network_uv_takes_what_it_has_in_its_cache(
    project: Project, index: http.server.ThreadingHTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    address = f"http://127.0.0.1:{index.server_port}"
    config = f"""\
[build]
setup = ["uv pip install --default-index {address} tiny"]
[suite.b]
runner = "command"
[suite.b.benchmarks]
f = "python -c 'import tiny'"
"""
    project.commit("base", perfgate_toml=config)
    measure = ("measure", "HEAD", "--processes", "2", "--budget", "60s")
    done = project.perfgate(*measure)
    assert done.returncode == 0, done.stdout + done.stderr
    index.shutdown()
    index.socket.close()
    project.commit("head")

    done = project.perfgate(*measure)

    assert done.returncode == 0, done.stdout + done.stderr

    shutil.rmtree(tmp_path / "uv")
    project.commit("another")

    done = project.perfgate(*measure)

    assert done.returncode == 3
    assert "connect to a network" in done.stderr
