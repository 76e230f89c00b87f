"""Choosing benchmarks on the command line: by name, by path, with another limit."""

import subprocess
from pathlib import Path

import pytest

from perfgate import codec
from tests.live import LIBRARY, WAITING, WAITS, Project
from tests.test_compare import SHORT

FILES = """\
from lib import spin

def test_quick(benchmark):
    benchmark(spin, 50)

def test_slow(benchmark):
    benchmark(spin, 100)
"""


@pytest.fixture
def two_files(project: Project) -> Project:
    project.commit("base", lib_py=LIBRARY, tests__test_a_py=FILES, tests__test_b_py=FILES)
    project.commit("head", lib_py=LIBRARY.replace("range(n)", "range(int(n * 1.5))"))
    return project


def measured(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Return the benchmarks of a JSON report, without their suite."""
    rows = codec.load_report(done.stdout.encode(), name="report").judgements
    return sorted(row.benchmark.name.removeprefix("tests/") for row in rows)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["-k", "a.py*quick"], ["test_a.py::test_quick"]),
        (["-k", "quick", "--exclude", "_b"], ["test_a.py::test_quick"]),
        (["--exclude", "slow", "--exclude", "_a.py"], ["test_b.py::test_quick"]),
        (["--", "tests/test_b.py::test_slow"], ["test_b.py::test_slow"]),
        (["--benchmark", "slow", "--", "tests/test_a.py"], ["test_a.py::test_slow"]),
        (["-k", "quick", "--", "tests"], ["test_a.py::test_quick", "test_b.py::test_quick"]),
    ],
)
def test_only_what_was_asked_for_is_measured(two_files: Project, options: list[str], names: list[str]) -> None:
    done = two_files.perfgate("compare", "HEAD~1", "HEAD", *SHORT, "--effort", "1s", "--format", "json", *options)

    assert done.returncode == 1, done.stderr
    assert measured(done) == names


def test_the_report_says_what_it_leaves_out_and_how_to_do_it_again(two_files: Project) -> None:
    two_files.put("perfgate.toml", '[suite.micro]\npaths = ["tests"]\n[perfgate]\nexpect = ["micro/*test_b*"]\n')

    done = two_files.perfgate("compare", "HEAD~1", *SHORT, "-k", "quick", "--limit", "90%", "--", "tests/test_a.py")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "note: only benchmarks that match `-k quick -- tests/test_a.py` were measured" in done.stdout
    assert "(limit 90 %)" in done.stdout
    assert done.stdout.strip().endswith("-k quick --limit 90% -- tests/test_a.py")


def test_paths_are_seen_from_where_one_stands(two_files: Project) -> None:
    below = Project(two_files.root / "tests", there=True)

    done = below.perfgate("compare", "HEAD~1", "HEAD", *SHORT, "--format", "json", "--", "test_b.py::test_quick")
    outside = below.perfgate("compare", "HEAD~1", "--", "../../other.py")

    assert measured(done) == ["test_b.py::test_quick"]
    assert outside.returncode == 2
    assert "'../../other.py' is outside of" in outside.stderr


def test_where_nothing_is_called_so_the_names_are_listed(two_files: Project) -> None:
    nothing = two_files.perfgate("compare", "HEAD~1", *SHORT, "-k", "tset_quick")
    nowhere = two_files.perfgate("compare", "HEAD~1", *SHORT, "--", "lib.py")
    wrong = two_files.perfgate("compare", "HEAD~1", "--limit", "3")

    assert (nothing.returncode, nowhere.returncode, wrong.returncode) == (2, 2, 2)
    assert (
        "no benchmark matches `-k tset_quick`; there are:\n  benchmarks/tests/test_a.py::test_quick" in nothing.stderr
    )
    assert "'lib.py' is not in any suite" in nowhere.stderr
    assert "--limit: '3' is not a number with a percent sign" in wrong.stderr


def test_base_s_other_benchmarks_are_not_missed(two_files: Project) -> None:
    two_files.git("rm", "-q", "tests/test_b.py")
    two_files.commit("fewer")

    chosen = two_files.perfgate("compare", "HEAD~1", "HEAD", *SHORT, "-k", "a.py::test_quick")
    lost = two_files.perfgate("compare", "HEAD~1", "HEAD", *SHORT, "-k", "quick")

    assert chosen.returncode == 0, chosen.stdout
    assert "1 unchanged" in chosen.stdout
    assert lost.returncode == 3
    assert "1 missing" in lost.stdout


def test_commands_programs_and_files_are_chosen_alike(project: Project, tmp_path: Path) -> None:
    program = f'{WAITING}[suite.made]\nrunner = "size"\nbenchmarks = {{ a = "lib.py", b = "waits.sh" }}\n'
    program += '[suite.read]\nrunner = "command"\nreads = "bmf"\nbenchmarks = { prog = "python3 prog.py" }\n'
    bmf = 'print(\'{"one": {"latency": {"value": 5.0}}, "two": {"latency": {"value": 5.0}}}\')'
    project.commit("base", perfgate_toml=program, waits_sh=WAITS, lib_py=LIBRARY, prog_py=bmf)
    given = tmp_path / "base.json"

    rests = project.perfgate("measure", "--processes", "2", "-k", "rests", "-o", str(given))
    size = project.perfgate("compare", "HEAD", "HEAD", *SHORT, "-k", "made/a", "--format", "json")
    read = project.perfgate("compare", "HEAD", "HEAD", *SHORT, "-k", "/two", "--format", "json")
    files = project.perfgate("compare", str(given), str(given), "-k", "waits", "--format", "json")

    assert rests.returncode == 0, rests.stderr
    run = codec.load_run(given.read_bytes(), name="run")
    assert {sample.sli.benchmark.name for sample in run.samples} == {"rests"}
    assert measured(size) == ["a"]
    assert measured(read) == ["prog/two"]
    assert measured(files) == []
