"""What a killed process leaves in the temporary directory is gone after the next command."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from perfgate.host.scratch import LOCK, scratch, sweep, sweep_once
from tests.live import Project
from tests.test_stores import bare

HOLDS = """\
import sys, time
from perfgate.host.scratch import scratch
with scratch("test") as home:
    (home / "secret").write_text("x")
    print(home, flush=True)
    time.sleep(1000)
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary directory of this test alone."""
    found = tmp_path / "tmp"
    found.mkdir()
    monkeypatch.setenv("TMPDIR", str(found))
    monkeypatch.setattr("tempfile.tempdir", str(found))
    sweep_once.cache_clear()
    return found


def holder() -> tuple[subprocess.Popen[str], Path]:
    process = subprocess.Popen([sys.executable, "-c", HOLDS], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_what_is_in_use_stays_and_what_was_left_goes(place: Path) -> None:
    living, used = holder()
    dead, left = holder()
    end(dead)
    try:
        removed = sweep()

        assert (removed, left.exists(), used.exists()) == (1, False, True)
    finally:
        end(living)


def test_afterwards_nothing_is_there(place: Path) -> None:
    with scratch("test") as home:
        assert home.stat().st_mode & 0o777 == 0o700
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("kind", ["a link", "no lock", "another name", "a young lock"])
def test_what_is_not_its_own_is_left_alone(place: Path, kind: str) -> None:
    precious = place.parent / "precious"
    precious.mkdir()
    made = place / ("other-x" if kind == "another name" else "perfgate-x")
    if kind == "a link":
        made.symlink_to(precious)
    elif kind != "a young lock":
        made.mkdir()
    if kind != "no lock":
        made.with_name(made.name + LOCK).touch()

    assert sweep() == 0
    assert precious.exists()
    assert len(list(place.iterdir())) == (1 if kind in ("no lock", "a young lock") else 2)


def test_an_old_lock_without_a_directory_goes(place: Path) -> None:
    lock = place / f"perfgate-x{LOCK}"
    lock.touch()
    os.utime(lock, (time.time() - 3600,) * 2)

    assert sweep() == 1
    assert list(place.iterdir()) == []


def test_a_store_that_was_killed_is_gone_after_the_next_run(place: Path, project: Project) -> None:
    """The clone of the results branch lies there while a run is recorded."""
    remote = bare(project.root.parent / "remote")
    project.commit("base", x_txt="x")
    project.git("remote", "add", "origin", str(remote))
    process = project.start("history")
    deadline = time.monotonic() + 120
    while not list(place.glob("perfgate-*")) and process.poll() is None:
        assert time.monotonic() < deadline
    process.send_signal(signal.SIGKILL)
    process.communicate()

    project.perfgate("history")

    assert list(place.glob("perfgate-*")) == []
