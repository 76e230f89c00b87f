"""What of a machine hurts measurements, read from trees as the kernel shows them."""

import re
from pathlib import Path

import pytest

from perfgate.host import cpus, machine
from perfgate.host.machine import Counters
from tests.live import Project

CALM = {
    "proc/stat": "cpu  100 0 50 1000 10 1 2 0 0 0\ncpu0 1 2 3\n",
    "proc/vmstat": "nr_free_pages 12\npswpin 3\npswpout 4\nallocstall_dma 0\n",
    "sys/fs/cgroup/cpu.stat": "usage_usec 5\nnr_periods 9\nnr_throttled 0\n",
    "sys/fs/cgroup/cpu.max": "max 100000\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "performance\n",
    "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": "0\n",
}


def tree(root: Path, **changes: str) -> Path:
    """Write what the kernel would show, with some files changed: `__` in a keyword stands for `/`."""
    for name, text in (CALM | {key.replace("__", "/"): text for key, text in changes.items()}).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.fixture(autouse=True)
def _two_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpus, "allowed", lambda: (0, 1))
    monkeypatch.setattr(cpus, "can_pin", lambda: True)


def test_a_calm_machine_has_nothing_that_hurts(tmp_path: Path) -> None:
    root = tree(tmp_path)
    before = machine.counters(root)

    assert before == Counters(busy=153, idle=1010, stolen=0, swapped=7, throttled=0, too_hot=0)
    assert machine.hurts(before, before, root=root) == []
    assert machine.hurts(before, Counters(busy=160, idle=1200, swapped=7), root=root) == []


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (Counters(busy=153, idle=1100, stolen=10, swapped=7), "the hypervisor gave 10% of the CPU time"),
        (Counters(busy=203, idle=1060, swapped=7), "other processes used 50% of the CPU time"),
        (Counters(busy=153, idle=1100, swapped=2007), r"the machine swapped \(2,000 pages\)"),
        (Counters(busy=153, idle=1100, swapped=7, throttled=12), "CPU quota was used up 12 times"),
        (Counters(busy=153, idle=1100, swapped=7, too_hot=3), "too hot and slowed down 3 times"),
    ],
)
def test_what_happened_meanwhile_is_said(tmp_path: Path, after: Counters, words: str) -> None:
    root = tree(tmp_path)

    (hurt,) = machine.hurts(machine.counters(root), after, root=root)

    assert hurt.do
    assert re.search(words, hurt.what), hurt.what


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("sys/fs/cgroup/cpu.max", "150000 100000", "the container may use 1.5 of 2 CPUs"),
        ("sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "powersave", "governor powersave"),
    ],
)
def test_what_always_hurts_is_said(tmp_path: Path, name: str, text: str, words: str) -> None:
    root = tree(tmp_path, **{name.replace("/", "__"): text})
    now = machine.counters(root)

    (hurt,) = machine.hurts(now, now, root=root)

    assert words in hurt.what


def test_one_cpu_and_no_choice_of_it_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpus, "allowed", lambda: (0,))
    monkeypatch.setattr(cpus, "can_pin", lambda: False)

    found = machine.hurts(Counters(), Counters(), root=tmp_path)

    assert ["only one CPU" in found[0].what, "CPU pinning is unavailable" in found[1].what] == [True, True]


def test_a_system_that_counts_nothing_has_nothing_to_say(tmp_path: Path) -> None:
    assert machine.counters(tmp_path) == Counters()


def test_doctor_looks_at_this_machine_and_at_the_workflows(project: Project) -> None:
    done = project.perfgate("doctor")

    machine_said = done.stdout.partition(".github")[0]
    assert "try: " in machine_said or "nothing was seen that makes measurements worse" in done.stderr
    assert "no workflow runs perfgate yet" in done.stderr
    assert done.returncode == 2  # there is no commit
    assert "has no commit yet" in done.stderr


BAD = """\
import datetime
import socket
import threading
import time

HEARD = socket.create_server(("127.0.0.1", 0))
KEPT = [0] * 3000


def spin(n=3000):
    total = 0
    for i in range(n):
        total += i * i
    return total


def threads():
    worker = threading.Thread(target=spin)
    worker.start()
    worker.join()


def sleeps():
    time.sleep(0.002)


def network():
    with socket.create_connection(HEARD.getsockname()):
        HEARD.accept()[0].close()


def long():
    return spin(1_500_000)


def never_settles():
    KEPT.append(len(KEPT))
    return sum(KEPT)


def by_the_hour():
    return spin(6000 if datetime.datetime.now().hour < 12 else 3000)


def test_threads(benchmark):
    benchmark(threads)


def test_sleeps(benchmark):
    benchmark(sleeps)


def test_network(benchmark):
    benchmark(network)


def test_long(benchmark):
    benchmark(long)


def test_never_settles(benchmark):
    benchmark(never_settles)


def test_by_the_hour(benchmark):
    benchmark(by_the_hour)


def test_good(benchmark):
    benchmark(spin)
"""


def test_doctor_names_each_fault_of_a_bad_suite_and_none_of_a_good_benchmark(project: Project) -> None:
    project.commit("bad", lib_py="", test_bad_py="import lib\n" + BAD)

    done = project.perfgate("doctor", "--budget", "60s")

    assert done.returncode == 0, done.stderr
    blocks = [block.partition("\n") for block in done.stdout.split("unfit: ")[1:]]
    named = {name.partition("::test_")[2]: re.findall(r"(?m)^  ([\w-]+): ", text) for name, _, text in blocks}
    wanted = {
        "threads": "threads", "sleeps": "sleeps", "network": "network", "long": "long",
        "never_settles": "warm-up", "by_the_hour": "clock",
    }  # fmt: skip
    assert {name: code for name, code in wanted.items() if code in named.get(name, ())} == wanted, done.stdout
    assert set(named.get("good", ())) <= {"unstable", "long"}, done.stdout  # it may be, beside the other tests
    assert "asks what time it is: datetime.now (test_bad.py:" in done.stdout
    assert "test_bad.py::test_good:time" in done.stdout


def test_doctor_runs_the_gate_on_identical_code(project: Project) -> None:
    project.two_commits_of_commands()

    done = project.perfgate("doctor", "--aa", "2")

    assert done.returncode == 0, done.stderr
    assert done.stdout.count(" of 2: ") == 2
    assert "identical code: blocked in 0 of 2 runs; of 4 verdicts " in done.stdout


def test_doctor_refuses_a_time_that_is_none(project: Project) -> None:
    done = project.perfgate("doctor", "--budget", "soon")

    assert done.returncode == 2
    assert "--budget" in done.stderr


def test_doctor_of_what_takes_no_time_says_so(project: Project) -> None:
    project.commit("sizes", data_bin="x", perfgate_toml='[suite.s]\nrunner = "size"\nbenchmarks = { all = "*.bin" }\n')

    done = project.perfgate("doctor")

    assert done.returncode == 2
    assert "sizes are compared exactly" in done.stderr
