import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from perfgate.host.service import free_port
from tests.live import Project

POSTGRES = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)
WITH_AGENTS = ("tests.test_pytest_benchmark", "tests.test_measure")
"""Tests in which what runs in the user's interpreter counts for coverage."""


settings.register_profile("untimed", deadline=None)  # how long an example takes depends on what runs beside it
settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--renew", action="store_true", help="write golden files anew; review the diff")


@pytest.fixture(autouse=True)
def _own_surroundings(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the user's git configuration, cache, or perfgate variables."""
    for name in list(os.environ):
        if name.startswith("PERFGATE_") or name in ("VIRTUAL_ENV", "PYTHONPATH", "NO_COLOR", "CI"):
            monkeypatch.delenv(name)
    if request.module.__name__ not in WITH_AGENTS:
        monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
    monkeypatch.setenv("PERFGATE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PERFGATE_EFFORT", "2s")  # what is planted is large, and nobody waits for what is not
    if request.module.__name__ != "tests.test_pytest_benchmark":  # half of pytest's start is plug-ins of our own
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        monkeypatch.setenv("PYTEST_PLUGINS", "pytest_benchmark.plugin")
    monkeypatch.setenv("PERFGATE_CANARY", "false")  # half of the processes of a run of two benchmarks
    monkeypatch.setenv("PIP_COMPILE", "0")  # of what is installed a tenth is ever imported
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "Test")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "test@example.invalid")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """An empty repository; afterwards nothing that was started from it may still run."""
    made = Project(tmp_path / "project")
    yield made
    assert made.processes() == []


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare text with a file under tests/golden, or write that file with --renew."""

    def check(name: str, text: str) -> None:
        path = Path(__file__).parent / "golden" / name
        if request.config.getoption("--renew"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return check


@pytest.fixture(scope="session")
def old_plugin(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An interpreter with the oldest pytest-benchmark and pytest that are supported."""
    return _with_packages(tmp_path_factory.mktemp("oldest"), "pytest==7.4.0", "pytest-benchmark==4.0.0")


@pytest.fixture(scope="session")
def old_codspeed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An interpreter with pytest-codspeed of the line before the newest."""
    return _with_packages(tmp_path_factory.mktemp("codspeed"), "pytest==8.4.2", "pytest-codspeed==3.1.2")


def _with_packages(home: Path, *packages: str) -> str:
    venv = home / "venv"
    subprocess.run([sys.executable, "-m", "virtualenv", "--quiet", str(venv)], check=True)
    python = venv / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
    return str(python)


@pytest.fixture
def dsn(tmp_path: Path) -> Iterator[str]:
    """A PostgreSQL of this test alone; it refuses to run as root."""
    if POSTGRES is None:
        pytest.skip("PostgreSQL is missing: run .ci/tools")
    as_user = ["runuser", "-u", "nobody", "--"] if os.getuid() == 0 else []
    home = Path(subprocess.run(["mktemp", "-d"], check=True, capture_output=True, text=True).stdout.strip())
    home.chmod(0o777)
    port = free_port()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
    initdb = [POSTGRES / "initdb", "-D", home / "db", "-U", "me", "--auth=trust", "--no-sync"]
    subprocess.run([*as_user, *initdb], check=True, **quiet)  # type: ignore[call-overload]
    options = f"-c listen_addresses=127.0.0.1 -c unix_socket_directories={home} -c fsync=off -p {port}"
    control = [*as_user, POSTGRES / "pg_ctl", "-D", home / "db", "-w"]
    subprocess.run([*control, "-o", options, "start"], check=True, **quiet)  # type: ignore[call-overload]
    yield f"postgresql://me@127.0.0.1:{port}/postgres"
    subprocess.run([*control, "-m", "immediate", "stop"], check=True, **quiet)  # type: ignore[call-overload]
    shutil.rmtree(home)
