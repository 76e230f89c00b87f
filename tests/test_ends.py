"""How perfgate ends: exit codes whatever becomes of its output, signals heard in time, nothing left behind."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests import kills
from tests.live import LIBRARY, SERVICE, STARTED, Project

NUMBERS = [{"name": "job", "unit": "ns", "value": 100}]
PERFGATE = shlex.join([sys.executable, *STARTED])


@pytest.fixture
def two_files(tmp_path: Path) -> Path:
    """A directory with two equal result files."""
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text(json.dumps(NUMBERS))
    return tmp_path


def shell(line: str, directory: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which `perfgate` is the command; its output is that of the line."""
    script = f'set -o pipefail; perfgate() {{ {PERFGATE} "$@"; }}; {line}'
    return subprocess.run(
        ["bash", "-c", script],
        cwd=directory,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("perfgate compare a.json b.json", 0),
        ("perfgate compare a.json b.json -o out.txt >&-", 0),
        ("perfgate compare a.json b.json 2>&-", 0),
        ("perfgate compare a.json b.json 2>/dev/full", 0),
        ("perfgate compare a.json b.json -o out.txt <&- >&- 2>&-", 0),
        ("perfgate compare a.json b.json >&-", 3),
        ("perfgate compare a.json b.json <&- >&- 2>&-", 3),
        ("perfgate compare a.json b.json >/dev/full", 3),
        ("perfgate compare a.json b.json >/dev/full 2>/dev/full", 3),
        ("perfgate compare nosuch a.json 2>&-", 2),
        ("perfgate compare nosuch a.json 2>/dev/full", 2),
        ("perfgate compare nosuch a.json >/dev/full 2>&-", 2),
        ("perfgate nosuch 2>/dev/full", 2),
        ("perfgate --help >/dev/full", 3),
        ("perfgate config schema >&-", 3),
        ("perfgate compare a.json b.json | true; exit ${PIPESTATUS[0]}", 0),
        ("perfgate convert nosuch.json 2>&1 | true; exit ${PIPESTATUS[0]}", 2),
        ("perfgate convert --list | head -1; exit ${PIPESTATUS[0]}", 0),
    ],
)
def test_exit_codes_hold_whatever_becomes_of_the_output(two_files: Path, line: str, code: int) -> None:
    assert shell(line, two_files).returncode == code


def test_a_full_disk_is_said_with_what_to_do(two_files: Path) -> None:
    done = shell("perfgate compare a.json b.json >/dev/full", two_files)

    assert "error: cannot write to standard output: No space left on device" in done.stderr
    assert "try: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "utf-8"])
def test_an_encoding_that_lacks_a_character_gets_another(two_files: Path, encoding: str) -> None:
    done = shell("perfgate compare a.json b.json | iconv -f latin1", two_files, PYTHONIOENCODING=encoding)

    assert done.returncode == 0, done.stderr
    assert "1 inconclusive" in done.stdout


@pytest.mark.parametrize("command", ["compare HEAD~1", "config check", "measure", "init", "history"])
def test_a_directory_that_is_gone_is_a_fault_of_the_call(tmp_path: Path, command: str) -> None:
    done = shell(f"mkdir gone; cd gone; rmdir ../gone; perfgate {command}", tmp_path)

    assert done.returncode == 2, done.stderr
    assert "the current directory no longer exists" in done.stderr


def ended_within(process: subprocess.Popen[str], seconds: float) -> int:
    """Wait for the end; ten times as long where the machine is busy is still far from waiting for the other side."""
    return process.wait(timeout=10 * seconds)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_is_heard_while_standard_input_is_waited_for(two_files: Path, number: signal.Signals) -> None:
    """A read that goes on after the signal would wait for ever."""
    process = subprocess.Popen(
        [sys.executable, *STARTED, "compare", "-", "b.json"],
        cwd=two_files,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: len(psutil.Process(process.pid).children()) > 0)  # its watchdog, after the handlers
    process.send_signal(number)

    assert ended_within(process, 2.0) == 130
    process.communicate()


def wait_until(condition: object, timeout_s: float = 120.0) -> None:
    """Wait until `condition()` holds."""
    assert callable(condition)
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


DRIP = """\
import socket, sys, time
listening = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    connection, _ = listening.accept()
    try:
        for byte in b"HTTP/1.1 200 OK" + b" " * 10**6:
            connection.send(bytes([byte]))
            time.sleep(0.3)
    except OSError:
        pass
"""
PROBE = """\
[suite.s]
runner = "load"
command = "python app.py {port}"
requests = { a = "GET /" }
ready = "/"
"""


def test_a_service_that_drips_its_answer_is_not_waited_for_longer_than_its_timeout(project: Project) -> None:
    project.put("perfgate.toml", PROBE + 'start-timeout = "3s"\n')
    project.commit("base", app_py=DRIP)

    done = project.perfgate("load", "s", "--duration", "1s")

    assert done.returncode == 3
    assert "was not ready within 3 s (/ does not answer below 400)" in done.stderr


def test_a_signal_is_heard_while_a_service_drips_its_answer(project: Project) -> None:
    project.put("perfgate.toml", PROBE + 'start-timeout = "500s"\n')
    project.commit("base", app_py=DRIP)
    process = project.start("load", "s", "--duration", "1s")
    wait_until(lambda: project.pids("app.py"))
    process.send_signal(signal.SIGTERM)

    assert ended_within(process, 2.0) == 130
    process.communicate()


DAEMON = """\
import os, sys, time
if os.fork():
    os._exit(0)
os.setsid()
time.sleep(float(os.environ.get("LATE", "0")))
if os.fork():
    os._exit(0)
if os.environ.get("WIPED"):
    os.environ.clear()
    os.execv(sys.executable, [sys.executable, "serve.py", sys.argv[1]])
import runpy
runpy.run_path("serve.py")
"""


@pytest.mark.parametrize("late", ["0", "0.05"])
def test_a_service_that_goes_on_as_a_daemon_is_found_every_time(project: Project, late: str) -> None:
    """One look could fall between its two forks: half of the starts were refused by chance."""
    project.put("perfgate.toml", PROBE.replace('ready = "/"\n', ""))
    project.commit("base", app_py=DAEMON, serve_py=SERVICE)

    codes = [
        project.perfgate("load", "s", "--rate", "20/s", "--duration", "1s", LATE=late).returncode for _ in range(6)
    ]

    assert codes == [0] * 6
    assert project.processes() == []


def test_a_daemon_that_wiped_its_environment_is_ended_too(project: Project) -> None:
    project.put("perfgate.toml", PROBE.replace('ready = "/"\n', ""))
    project.commit("base", app_py=DAEMON, serve_py=SERVICE)

    done = project.perfgate("load", "s", "--rate", "20/s", "--duration", "1s", WIPED="1")

    assert done.returncode in (0, 3), done.stderr  # its processes cannot be told for certain; they must be gone
    assert project.processes() == []


LEAVES = """\
import subprocess

def test_leaves(benchmark):
    subprocess.Popen(["setsid", "env", "-i", "sh", "-c", "sleep 1000 & sleep 2000"])
    benchmark(sum, range(100))
"""


def test_a_child_without_environment_and_session_does_not_outlive_the_run(project: Project) -> None:
    project.commit("base", lib_py=LIBRARY, test_lib_py="from lib import spin\n" + LEAVES)

    done = project.perfgate("compare", "HEAD", "HEAD", "--budget", "60s")

    assert done.returncode == 0, done.stdout + done.stderr
    assert project.processes() == []


@pytest.fixture
def hanging(project: Project) -> Project:
    """A benchmark that never ends once it has been explored, with a child of its own."""
    hang = (
        "import os, subprocess, time\nfrom lib import spin\n\ndef test_hang(benchmark):\n"
        "    spin(1)\n    subprocess.Popen(['sleep', '1000'])\n"
        "    benchmark(lambda: time.sleep(0.001 if os.environ.get('PERFGATE_ORIGINS') else 10**6))\n"
    )
    project.commit("base", lib_py=LIBRARY, test_lib_py=hang)
    return project


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_when_perfgate_dies_while_a_benchmark_hangs(hanging: Project, number: signal.Signals) -> None:
    process = hanging.start("compare", "HEAD", "HEAD", "--budget", "500s")
    wait_until(lambda: not hanging.pids("sleep 1000") and hanging.pids("pytest_agent"))
    wait_until(lambda: len(hanging.pids("sleep 1000")) >= 2)  # both sides of a pair
    process.send_signal(number)
    process.communicate()

    wait_until(lambda: hanging.processes() == [])
    assert process.returncode == (-9 if number == signal.SIGKILL else 130)


def test_commands_ended_at_random_moments_leave_nothing_and_a_whole_branch() -> None:
    assert len(kills.kill(6, seed=3)) == 6
