"""End to end: what was not measured is never green, the time budget holds, and nobody is blamed for its end."""

import time

import pytest

from tests.live import BENCHMARK, LIBRARY, Project

SKIPPED = """\
import pytest
pytestmark = pytest.mark.skip("pytest-codspeed needs to be installed")

def test_a(benchmark):
    benchmark(lambda: 1)

def test_b(benchmark):
    benchmark(lambda: 1)
"""
ABSENT = """\
import pytest
absent = pytest.importorskip("absent_library")

def test_c(benchmark):
    benchmark(lambda: 1)
"""
SHORT = ("--budget", "60s", "--seed", "1")


def test_skipped_benchmarks_alone_end_with_3_and_the_line_that_mends_it(project: Project) -> None:
    project.commit("base", lib_py=LIBRARY, test_lib_py=SKIPPED)
    project.commit("head", lib_py=LIBRARY + "# changed\n")

    done = project.perfgate("compare", "HEAD~1", *SHORT)

    assert done.returncode == 3
    assert done.stdout.startswith("🚫 nothing was measured · 2 skipped\n")
    assert "pytest-codspeed needs to be installed" in done.stdout
    assert "try: install it where the benchmarks run: python -m pip install pytest-codspeed" in done.stdout


def test_a_file_that_skips_itself_is_listed_with_its_reason(project: Project) -> None:
    """Beside files that are measured, and beside one that has nothing to do with benchmarks."""
    other = "import pytest\npytest.importorskip('absent_library')\n\ndef test_z():\n    pass\n"
    project.commit("base", lib_py=LIBRARY, test_lib_py=BENCHMARK, test_absent_py=ABSENT, test_other_py=other)
    project.commit("head")

    done = project.perfgate("compare", "HEAD~1", "--suite", "benchmarks", *SHORT)

    assert "  skipped  " in done.stdout.replace("skipped      ", "skipped  "), done.stdout
    assert "benchmarks/test_absent.py" in done.stdout
    assert "could not import 'absent_library'" in done.stdout
    assert "test_other.py" not in done.stdout
    assert "1 of 3 in suite benchmarks skipped" in done.stdout.splitlines()[0]


def test_a_file_that_skips_itself_is_named_where_nothing_else_is_there(project: Project) -> None:
    project.commit("base", lib_py=LIBRARY, test_absent_py=ABSENT)
    project.commit("head")

    done = project.perfgate("compare", "HEAD~1", *SHORT)

    assert done.returncode == 3
    assert "no benchmarks found in test_absent.py" in done.stderr
    assert "test_absent.py was skipped: could not import 'absent_library'" in done.stderr
    assert "python -m pip install absent-library" in done.stderr


def test_a_file_that_only_head_skips_leaves_its_benchmarks_missing(project: Project) -> None:
    project.commit("base", lib_py=LIBRARY, test_lib_py=BENCHMARK, test_more_py=BENCHMARK)
    project.commit("head", test_more_py="import pytest\npytest.importorskip('absent_library')\n" + BENCHMARK)

    done = project.perfgate("compare", "HEAD~1", *SHORT)

    assert done.returncode == 3
    assert "missing" in done.stdout
    assert "benchmarks/test_more.py::test_spin" in done.stdout
    assert "could not import 'absent_library'" in done.stdout


def test_the_time_is_measured_first_and_what_got_no_turn_is_inconclusive(project: Project) -> None:
    """Counting instructions of a slow start-up does not fit into what is left."""
    project.put(
        "perfgate.toml",
        '[suite.cli]\nrunner = "command"\nmetrics = ["instructions"]\n'
        '[suite.cli.benchmarks]\nt = "python work.py"\n[[rule]]\nsli = "*:time"\nlimit = "90%"\n',
    )
    project.commit("base", work_py="for _ in range(4_000_000): pass\n")
    project.commit("head", other_py="")

    done = project.perfgate("compare", "HEAD~1", "--budget", "20s", "--seed", "1", PERFGATE_EFFORT="30s")

    assert "cli/t:time" in done.stdout, done.stdout + done.stderr
    assert "raised on head" not in done.stdout
    assert "cli/t:instructions" in done.stdout
    assert "not measured: the time budget ended before its turn (raise --budget)" in done.stdout
    assert done.returncode == 0


@pytest.mark.parametrize("hangs", ["import time\n\ndef test_{n}(benchmark):\n    benchmark(time.sleep, 10**6)\n"])
def test_benchmarks_that_hang_do_not_outlast_the_budget(project: Project, hangs: str) -> None:
    """Each would be waited for, on either side: four minutes in all."""
    for number in range(12):
        project.put(f"test_hang{number}.py", hangs.format(n=number))
    project.put("perfgate.toml", '[suite.micro]\ntimeout = "10s"\n')
    project.commit("base", lib_py=LIBRARY)
    project.commit("head", lib_py=LIBRARY + "# changed\n")
    start = time.monotonic()

    done = project.perfgate("compare", "HEAD~1", "--budget", "45s", "--seed", "1")

    assert time.monotonic() - start < 12 * 10 * 2, done.stderr  # what the waits alone would take
    assert done.returncode == 3, done.stdout + done.stderr
    assert "had run once on both sides" in done.stderr
    assert "head: test_hang0.py::test_0: no answer within 10 s" in done.stderr


def test_benchmarks_that_are_not_reached_are_inconclusive(project: Project) -> None:
    """Exploring takes longer than the budget on base alone, where there is less of it left."""
    slow = "import time\n\ndef test_slow(benchmark):\n    time.sleep(2.5)\n    benchmark(lambda: 1)\n"
    for number in range(4):
        project.put(f"test_slow{number}.py", slow)
    project.commit("base", lib_py=LIBRARY, perfgate_toml='[suite.micro]\nbenchmarks-from = "each"\n')
    project.commit("head", lib_py=LIBRARY + "# changed\n")

    done = project.perfgate("compare", "HEAD~1", "--budget", "17s", "--seed", "1")

    not_reached = "not measured: the time budget ended before its turn" in done.stdout
    assert not_reached or "had run once" in done.stderr, done.stdout + done.stderr
    assert "✅" not in done.stdout


def test_benchmarks_that_cannot_be_listed_in_time_end_with_3(project: Project) -> None:
    project.commit("base", lib_py=LIBRARY, test_lib_py=BENCHMARK, conftest_py="import time\ntime.sleep(10**6)\n")
    project.commit("head", lib_py=LIBRARY + "# changed\n")

    done = project.perfgate("compare", "HEAD~1", "--budget", "4s", "--seed", "1")

    assert done.returncode == 3
    assert "the time budget of 4 s ended before the benchmarks of suite 'benchmarks' had run once" in done.stderr
    assert "try: raise the budget" in done.stderr


def test_a_pair_that_hangs_ends_with_the_budget_and_what_was_measured_counts(project: Project) -> None:
    """It hangs from its second process on, when it has been explored."""
    hang = (
        "import os, time\n\ndef test_hang(benchmark):\n"
        "    benchmark(lambda: time.sleep(0.001 if os.environ.get('PERFGATE_ORIGINS') else 10**6))\n"
    )
    project.put("perfgate.toml", '[suite.micro]\ntimeout = "500s"\npaths = ["test_a.py", "test_z.py"]\n')
    project.commit("base", lib_py=LIBRARY, test_a_py=BENCHMARK, test_z_py=hang)
    project.commit("head", lib_py=LIBRARY + "# changed\n")

    done = project.perfgate("compare", "HEAD~1", "--budget", "30s", "--seed", "1")

    assert "budget" in done.stdout
    assert "micro/test_z.py::test_hang" in done.stdout
    assert "not measured: the time budget ended before its turn" in done.stdout
    assert "micro/test_a.py::test_spin:time" in done.stdout
