"""Bad input and faults: a clear word, the right exit code, nothing lost and nothing left behind."""

import contextlib
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.live import BENCHMARK, LIBRARY, WAITING, WAITS, Project
from tests.test_compare import SHORT, verdicts


def wait_for(process: subprocess.Popen[str], word: str) -> None:
    """Read the process's standard error until `word` comes."""
    assert process.stderr is not None
    for line in process.stderr:
        if word in line:
            return
    pytest.fail(f"it ended without saying {word!r}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("word", ["preparing base", "exploring", "measuring: pair 1"])
def test_a_signal_at_any_moment_leaves_nothing(project: Project, number: signal.Signals, word: str) -> None:
    project.two_commits()
    before = project.snapshot()
    scratch = project.root.parent / "scratch"
    scratch.mkdir()

    process = project.start("compare", "HEAD~1", "--budget", "300s", TMPDIR=str(scratch))
    wait_for(process, word)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)

    assert process.returncode == 130, out + err
    assert project.processes() == []
    assert project.snapshot() == before
    assert list(scratch.iterdir()) == []
    assert list((project.root / ".git").glob("worktrees/*/locked")) == []
    assert list((project.root / ".git").rglob("*.lock")) == []
    if word.startswith("measuring"):
        assert "note: interrupted: only what was measured until then counts" in out
        assert "inconclusive" in out
    else:
        assert "error: interrupted" in err


def test_a_killed_perfgate_takes_its_processes_along_and_the_next_run_is_fine(project: Project) -> None:
    project.two_commits_of_commands()
    process = project.start("compare", "HEAD~1", "--budget", "300s")
    wait_for(process, "exploring")
    process.kill()
    process.communicate()

    deadline = time.monotonic() + 60
    while project.processes() and time.monotonic() < deadline:
        os.sched_yield()
    assert project.processes() == []
    again = project.perfgate("compare", "HEAD~1", *SHORT, "--format", "json")

    assert again.returncode == 1, again.stderr


def test_a_build_that_is_killed_half_way_is_done_again(project: Project) -> None:
    project.commit("base", waits_sh=WAITS)
    project.put("perfgate.toml", '[build]\nisolate = "none"\nsetup = ["echo begun; sleep 1000"]\n' + WAITING)
    process = project.start("compare", "HEAD")
    wait_for(process, "preparing base")
    deadline = time.monotonic() + 60
    while not (building := project.pids("sleep 1000")) and time.monotonic() < deadline:
        os.sched_yield()
    process.kill()
    process.communicate()
    assert building
    while left := project.pids("sleep 1000"):
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    project.put("perfgate.toml", '[build]\nisolate = "none"\nsetup = ["true"]\n' + WAITING)
    again = project.perfgate("compare", "HEAD", *SHORT)

    assert again.returncode == 0, again.stderr


@pytest.mark.parametrize(
    ("args", "code", "message", "hint"),
    [
        (("no-such-branch",), 2, "'no-such-branch' is not a branch, tag or commit of", "git log --oneline"),
        (("none.json", "HEAD"), 2, "the file none.json does not exist", "it was looked for in "),
        (("--help-me",), 2, "No such option", None),
        (("HEAD~1", "HEAD", "HEAD"), 2, "unexpected extra argument", None),
        (("--option-like",), 2, "No such option", None),
    ],
)
def test_a_wrong_argument_is_a_usage_error(
    project: Project, args: tuple[str, ...], code: int, message: str, hint: str | None
) -> None:
    project.two_commits()

    done = project.perfgate("compare", *args)

    assert done.returncode == code
    assert message in done.stderr
    assert hint is None or hint in done.stderr
    assert "Traceback" not in done.stderr


def test_a_base_that_a_shallow_clone_lacks_comes_with_the_fetch_command(project: Project, tmp_path: Path) -> None:
    first = project.commit("one", lib_py=LIBRARY, test_lib_py=BENCHMARK)
    project.commit("two")
    subprocess.run(
        ["git", "clone", "--quiet", "--depth=1", f"file://{project.root}", str(tmp_path / "shallow")], check=True
    )
    shallow = Project.__new__(Project)
    shallow.root = tmp_path / "shallow"

    by_commit, by_branch, relative = (shallow.perfgate("compare", base) for base in (first, "other", "HEAD~1"))

    assert {by_commit.returncode, by_branch.returncode, relative.returncode} == {2}
    assert f"try: git fetch --depth=1 origin {first}" in by_commit.stderr
    assert "try: git fetch --depth=1 origin other:refs/remotes/origin/other" in by_branch.stderr
    assert "try: git fetch --unshallow origin" in relative.stderr


def test_outside_a_repository_it_says_so(tmp_path: Path) -> None:
    outside = Project.__new__(Project)
    outside.root = tmp_path

    done = outside.perfgate("compare", "HEAD")

    assert done.returncode == 2
    assert "is not in a git repository" in done.stderr


def test_a_repository_without_a_commit_says_so(project: Project) -> None:
    project.write(lib_py=LIBRARY)

    done = project.perfgate("measure")

    assert (done.returncode, "has no commit yet" in done.stderr) == (2, True)


def test_no_benchmarks_says_where_it_looked(project: Project) -> None:
    project.commit("base", lib_py=LIBRARY, test_lib_py="def test_nothing():\n    pass\n")
    anywhere = project.perfgate("compare", "HEAD")
    project.put("perfgate.toml", '[suite.micro]\npaths = ["benchmarks"]\n')
    somewhere = project.perfgate("compare", "HEAD")

    assert (anywhere.returncode, somewhere.returncode) == (3, 3)
    assert f"no benchmarks found in {project.root}: looked through 2 Python files" in anywhere.stderr
    assert "suite 'micro': benchmarks does not exist in working tree" in somewhere.stderr


def test_a_benchmark_file_that_cannot_be_imported_stops_head(project: Project) -> None:
    project.commit("base", lib_py=LIBRARY, test_lib_py=BENCHMARK)
    project.commit("head", test_lib_py="import no_such_module\n" + BENCHMARK)

    done = project.perfgate("compare", "HEAD~1")

    assert done.returncode == 3
    assert "no-such-module cannot be installed here" in done.stderr
    assert "the benchmarks cannot be collected with the environment that perfgate made for them" in done.stderr
    assert "No module named 'no_such_module'" in done.stderr


BROKEN = "import lib.no_such_part\n" + BENCHMARK.replace("def test_", "def test_other_")


def test_a_benchmark_file_that_breaks_fails_alone_and_the_others_are_measured(project: Project) -> None:
    """On head, its benchmarks are known from base; on both sides the file itself has the row."""
    project.commit("base", lib_py=LIBRARY, test_lib_py=BENCHMARK, test_other_py=BROKEN[BROKEN.index("\n") + 1 :])
    project.commit("head", test_other_py=BROKEN, lib_py=LIBRARY.replace("range(n)", "range(10 * n)"))
    project.commit("later", readme_md="text")

    broke = project.perfgate("compare", "HEAD~2", "HEAD~1", *SHORT)
    was_broken = project.perfgate("compare", "HEAD~1", "HEAD", *SHORT)
    alone = project.perfgate("measure", "--budget", "5s", "--processes", "2")

    assert broke.returncode == 1
    assert "1 regression" in broke.stdout.partition("\n")[0]
    assert re.search(r"failed +benchmarks/test_other.py::test_other_spin$", broke.stdout, re.MULTILINE)
    assert "raised on head: its file cannot be collected: ModuleNotFoundError" in broke.stdout
    assert "missing" not in broke.stdout
    assert was_broken.returncode == 3
    assert re.search(r"failed +\S*test_other.py$", was_broken.stdout, re.MULTILINE)
    assert "2 unchanged" in was_broken.stdout
    assert alone.returncode == 0, alone.stderr
    assert "failed: benchmarks/test_other.py: its file cannot be collected: ModuleNotFoundError" in alone.stderr


def test_a_conftest_that_breaks_pytest_shows_pytest_s_words(project: Project) -> None:
    project.commit("base", lib_py=LIBRARY, test_lib_py=BENCHMARK, conftest_py="raise RuntimeError('no luck')\n")

    done = project.perfgate("compare", "HEAD")

    assert done.returncode == 3
    assert "the benchmark process ended before it listed its benchmarks" in done.stderr
    assert "no luck" in done.stderr


def test_a_setup_that_fails_shows_its_last_lines_and_leaves_nothing(project: Project) -> None:
    config = '[build]\nisolate = "none"\nsetup = ["seq 100; echo no compiler >&2; exit 4"]\n'
    project.commit("base", lib_py=LIBRARY, test_lib_py=BENCHMARK, perfgate_toml=config)
    done = project.perfgate("compare", "HEAD")

    assert done.returncode == 3
    assert "exited with status 4\n72\n" in done.stderr
    assert "100\nno compiler\n" in done.stderr
    assert list((project.root.parent / "cache").glob("*/*-0")) == []
    assert project.git("worktree", "list").count("\n") == 0


def test_an_interpreter_that_does_not_exist_is_named(project: Project) -> None:
    project.commit("base", lib_py=LIBRARY, test_lib_py=BENCHMARK)
    project.put("perfgate.toml", '[build]\npython = "/no/such/python"\n')
    used = project.perfgate("compare", "HEAD")
    project.put("perfgate.toml", '[build]\npython = "/no/such/python"\nisolate = "venv"\n')
    built = project.perfgate("compare", "HEAD")

    assert (used.returncode, built.returncode) == (3, 3)
    assert "/no/such/python" in used.stderr
    assert "/no/such/python" in built.stderr
    assert "Traceback" not in used.stderr + built.stderr


def test_a_full_disk_is_said_and_the_next_run_is_fine(project: Project, tmp_path: Path) -> None:
    """A cache that cannot grow: files of at most 1 kB."""
    project.two_commits_of_commands()
    project.commit("big", data_txt="x" * 100_000)
    small = subprocess.run(
        ["bash", "-c", 'ulimit -f 8; trap "" XFSZ; exec "$0" -m perfgate compare HEAD~2', os.sys.executable],  # type: ignore[attr-defined]
        cwd=project.root,
        env={name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")},
        capture_output=True,
        text=True,
        check=False,
    )
    again = project.perfgate("compare", "HEAD~2", *SHORT)

    assert small.returncode == 3, small.stderr
    assert "Traceback" not in small.stderr
    assert again.returncode == 1, again.stderr


def test_a_cache_that_cannot_be_written_is_said(project: Project, tmp_path: Path) -> None:
    project.two_commits()
    (tmp_path / "file").write_text("")

    done = project.perfgate("compare", "HEAD~1", PERFGATE_CACHE=str(tmp_path / "file" / "cache"))

    assert done.returncode == 3
    assert "try: set PERFGATE_CACHE to a directory that you may write to" in done.stderr


NAMES = """\
import pytest

NAMES = ["with spaces", "ünïcödé ✓", "<b>|`mark`up`|</b>", "a\\nb\\x1b[31m", "n" * 10_000]


@pytest.mark.parametrize("n", range(5), ids=NAMES)
def test_named(benchmark, n):
    benchmark(sum, range(100))
"""


def test_names_of_any_kind_are_measured_and_shown_safely(project: Project) -> None:
    project.commit("base", test_names_py=NAMES)

    done = project.perfgate("compare", "HEAD", "--budget", "5s", "--format", "json", "--save", "runs")
    text = project.perfgate("compare", "runs/base.json", "runs/head.json")

    assert len(verdicts(done.stdout)) == 5, done.stderr
    assert "\x1b" not in text.stdout
    assert max(map(len, text.stdout.splitlines())) < 400


def test_a_damaged_run_file_is_refused(project: Project, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"kind": "perfgate run", "schema_version": 99}')

    done = project.perfgate("compare", str(tmp_path / "run.json"), str(tmp_path / "run.json"))

    assert done.returncode == 2
    assert "has schema 99; this perfgate reads up to 1" in done.stderr


def test_a_bug_is_70_and_never_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from perfgate.cli import clean, main

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(clean, "Repository", broken)

    assert main.run(["clean"]) == 70
    assert "this is a bug in perfgate" in capsys.readouterr().err


CAUGHT = (
    BENCHMARK
    + """

def test_caught(benchmark):
    import pytest

    with pytest.raises(ValueError):
        benchmark(int, "no number")
"""
)


def test_an_error_that_the_test_itself_catches_is_a_failed_benchmark(project: Project) -> None:
    project.commit("base", lib_py=LIBRARY, test_lib_py=CAUGHT)

    done = project.perfgate("compare", "HEAD", "HEAD", "--budget", "60s")

    assert done.returncode == 3, done.stderr
    assert re.search(
        r"failed +benchmarks/test_lib.py::test_caught\n +raised on head: it ended while it was", done.stdout
    )
    assert re.search(r"unchanged +benchmarks/test_lib.py::test_other", done.stdout)


def test_a_command_that_is_installed_elsewhere_is_refused(project: Project, tmp_path: Path) -> None:
    """`mytool` from the active environment would be the same on both sides."""
    tool = tmp_path / "bin" / "mytool"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    config = '[suite.cli]\nrunner = "command"\n[suite.cli.benchmarks]\nx = "mytool"\n'
    project.put("mytool/__init__.py", "")
    project.commit("base", perfgate_toml=config)

    done = project.perfgate("compare", "HEAD", "HEAD", PATH=f"{tool.parent}:{os.environ['PATH']}")

    assert done.returncode == 3
    assert f"base loaded {tool}, which is an installed copy of this project" in done.stderr


def test_memory_below_that_of_the_starting_process_is_no_pass(project: Project) -> None:
    config = """[suite.cli]
runner = "command"
[suite.cli.benchmarks]
small = "true"
[[rule]]
sli = "*:peak-memory"
limit = "5%"
on-inconclusive = "fail"
"""
    project.commit("base", perfgate_toml=config)

    done = project.perfgate("compare", "HEAD", "HEAD", "--budget", "30s", "--effort", "1s")

    assert done.returncode == 4, done.stdout + done.stderr
    assert re.search(r"inconclusive +cli/small:peak-memory", done.stdout)
    assert "no more than the process that started it" in done.stdout
