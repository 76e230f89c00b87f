"""`perfgate compare` as a person runs it: real git, real processes, real numbers."""

import json
import re
import subprocess
import sys
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest

from perfgate import codec
from perfgate.core.model import Environment, Revision, Run
from tests.live import BENCHMARK, LIBRARY, SLOWER, WAITING, WAITS, Project

SPIN, OTHER = "benchmarks/test_lib.py::test_spin", "benchmarks/test_lib.py::test_other"
SHORT = ("--budget", "180s", "--seed", "1")


def verdicts(text: str) -> dict[str, str]:
    """Benchmark to verdict of a JSON report."""
    rows = json.loads(text)["report"]["judgements"]
    return {f"{row['benchmark']['suite']}/{row['benchmark']['name']}": row["verdict"] for row in rows}


def test_without_configuration_a_slower_head_is_blocked_and_the_innocent_pass(project: Project) -> None:
    project.two_commits(factor=1.6)
    before = project.snapshot()

    done = project.perfgate("compare", "HEAD~1", *SHORT)

    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.startswith("❌ 1 regression · 1 unchanged\n")
    assert f"  regression  {SPIN}:time" in done.stdout
    assert project.snapshot() == before
    assert "again: perfgate compare " in done.stdout


def test_every_format_tells_the_same(project: Project, tmp_path: Path) -> None:
    project.commit("base", perfgate_toml=WAITING, waits_sh=WAITS)
    project.commit("head", waits_sh=WAITS + "\n")
    saved = tmp_path / "runs"
    first = project.perfgate("compare", "HEAD~1", "HEAD", *SHORT, "--save", str(saved), "--format", "json")
    assert set(verdicts(first.stdout).values()) == {"pass"}, first.stdout
    files = str(saved / "base.json"), str(saved / "head.json")

    again = project.perfgate("compare", *files)
    junit = project.perfgate("compare", *files, "--format", "junit")
    page = project.perfgate("compare", *files, "-o", str(tmp_path / "page.md"))

    assert (again.returncode, again.stdout.splitlines()[0]) == (0, "✅ no regression · 2 unchanged")
    assert len(fromstring(junit.stdout.encode()).findall(".//testcase")) == 2
    assert page.stdout == ""
    assert (tmp_path / "page.md").read_text().startswith("### ✅ no regression · 2 unchanged — no action needed\n")


def test_two_runs_of_their_own_are_no_proof(project: Project, tmp_path: Path) -> None:
    project.two_commits_of_commands()
    one, other = str(tmp_path / "one.json"), str(tmp_path / "other.json")
    measured = project.perfgate("measure", "HEAD~1", "--processes", "6", "-o", one)
    assert measured.returncode == 0, measured.stderr
    project.perfgate("measure", "--processes", "6", "-o", other)

    done = project.perfgate("compare", one, other)
    mixed = project.perfgate("compare", one, "HEAD", "--processes", "6", "--format", "json")

    assert done.returncode == 0
    assert "❔ not everything could be decided · 2 inconclusive" in done.stdout
    assert "only pairs can tell a change from a busy machine" in done.stdout
    assert set(verdicts(mixed.stdout).values()) == {"inconclusive"}


def test_the_dirty_working_tree_is_a_legal_head(project: Project) -> None:
    project.commit("base", perfgate_toml=WAITING, waits_sh=WAITS)
    project.write(waits_sh=SLOWER)
    before = project.snapshot()

    done = project.perfgate("compare", "HEAD", *SHORT, "--format", "json")

    assert done.returncode == 1, done.stderr
    assert verdicts(done.stdout)["cli/waits"] == "regression"
    assert project.snapshot() == before


def test_both_sides_run_head_s_benchmarks(project: Project) -> None:
    """Head's file measures something else by the same name: base must too, or it would look like a change of code."""
    project.commit("base", lib_py=LIBRARY, test_lib_py=BENCHMARK.replace("2000", "200"))
    project.commit("head", test_lib_py=BENCHMARK)

    shared = project.perfgate("compare", "HEAD~1", *SHORT, "--format", "json")
    project.put("perfgate.toml", '[suite.benchmarks]\nbenchmarks-from = "each"\n')
    each = project.perfgate("compare", "HEAD~1", *SHORT, "--format", "json")

    assert verdicts(shared.stdout)[SPIN] == "pass", shared.stdout + shared.stderr
    assert verdicts(each.stdout)[SPIN] == "regression"


def test_what_only_one_side_has_is_new_or_missing(project: Project) -> None:
    extra = "\n\ndef test_{0}(benchmark):\n    benchmark(lib.{0})\n"
    base = "import lib\n" + extra.format("gone") + extra.format("kept")
    head = "import lib\n" + extra.format("fresh") + extra.format("kept")
    project.commit("base", lib_py="def gone():\n    pass\n\n\ndef kept():\n    pass\n", test_x_py=base)
    project.commit("head", lib_py="def fresh():\n    pass\n\n\ndef kept():\n    pass\n", test_x_py=head)

    done = project.perfgate("compare", "HEAD~1", *SHORT, "--format", "json", "--save", "runs")
    text = project.perfgate("compare", "runs/base.json", "runs/head.json")

    found = {name.rpartition("::")[2]: verdict for name, verdict in verdicts(done.stdout).items()}
    assert found["test_gone"] == "missing"
    assert found["test_kept"] == "pass"
    assert found["test_fresh"] == "new"
    assert done.returncode == 3
    assert "🚫 not everything could be measured" in text.stdout
    assert "base has it, head has not" in text.stdout


def test_a_module_with_new_benchmarks_that_base_cannot_import_is_new(project: Project) -> None:
    project.two_commits()
    project.commit("more", more_py="def f():\n    pass\n", test_more_py=(
        "from more import f\n\n\ndef test_f(benchmark):\n    benchmark(f)\n"
    ))  # fmt: skip

    done = project.perfgate("compare", "HEAD~1", *SHORT, "--format", "json")

    assert verdicts(done.stdout)["benchmarks/test_more.py::test_f"] == "new", done.stdout + done.stderr
    assert done.returncode == 0


COMMANDS = """\
[suite.cli]
runner = "command"
[suite.cli.benchmarks]
script = "{python} script.py"
fails = "{python} -c 'import sys; sys.exit(\\"out of cheese\\")'"
absent = "no-such-program --help"

[[rule]]
sli = "cli/*:peak-memory"
limit = "20%"
[[rule]]
sli = "cli/*"
limit = "30%"
"""


def test_commands_are_benchmarks_with_time_memory_and_status(project: Project) -> None:
    config = COMMANDS.format(python=sys.executable)
    project.commit("base", script_py="sum(i * i for i in range(100_000))\n", perfgate_toml=config)
    slow = "kept = bytearray(50_000_000)\nsum(i * i for i in range(1_000_000))\n"
    project.commit("head", script_py=slow)

    done = project.perfgate("compare", "HEAD~1", *SHORT, "--format", "json")

    rows = json.loads(done.stdout)["report"]["judgements"]
    found = {
        (row["benchmark"]["name"], (row["sli"] or {"metric": {"name": ""}})["metric"]["name"]): row for row in rows
    }
    assert found["script", "time"]["verdict"] == "regression", done.stdout + done.stderr
    assert found["script", "peak-memory"]["verdict"] == "regression"
    assert ("script", "cpu") not in found
    assert "exit status 1: out of cheese" in found["fails", ""]["text"]
    assert "cannot start no-such-program" in found["absent", ""]["text"]
    assert done.returncode == 1


def test_a_side_is_built_in_an_environment_of_its_own_and_used_again(project: Project) -> None:
    """An isolated side has an editable install of its own tree; the second run builds nothing."""
    setup = "echo built >> ../count; python -m pip list > /dev/null; cp waits.sh built.sh"
    config = WAITING.replace("sh waits.sh", "sh built.sh") + f'[build]\nsetup = ["{setup}"]\n'
    project.commit("base", waits_sh=WAITS, perfgate_toml=config)
    project.commit("head", waits_sh=SLOWER)
    cache = project.root.parent / "cache"

    first = project.perfgate("compare", "HEAD~1", *SHORT, "--format", "json")
    second = project.perfgate("compare", "HEAD~1", *SHORT, "--format", "json")

    assert first.returncode == second.returncode == 1, first.stderr
    assert [path.read_text() for path in cache.glob("*/*/count")] == ["built\n", "built\n"]
    assert len({len(str(path)) for path in cache.glob("*/*/tree")}) == 1

    cleaned = project.perfgate("clean")

    assert "removed 2 prepared sides" in cleaned.stderr
    assert list(cache.glob("*/*-0")) == []
    assert project.git("worktree", "list").count("\n") == 0


def test_a_side_that_runs_the_other_s_code_is_refused_with_the_paths(project: Project) -> None:
    """A conftest that puts the user's own checkout first: both sides would run head."""
    hijack = f"import sys\nsys.path.insert(0, {str(project.root)!r})\nimport lib\n"
    project.commit("base", lib_py=LIBRARY, test_lib_py=BENCHMARK, conftest_py=hijack)
    project.commit("head", lib_py=LIBRARY.replace("range(n)", "range(2 * n)"))

    done = project.perfgate("compare", "HEAD~1", *SHORT)

    assert done.returncode == 3
    assert "the sides did not run their own code" in done.stderr
    assert f"base loaded {project.root / 'lib.py'} (lib), which is your checkout's" in done.stderr
    assert "try: give each side its own environment" in done.stderr


def test_a_sequential_suite_is_measured_side_after_side(project: Project) -> None:
    project.two_commits_of_commands()
    project.put("perfgate.toml", WAITING.replace('"command"', '"command"\ndesign = "sequential"'))

    done = project.perfgate("compare", "HEAD~1", "--budget", "180s")

    assert "  regression  cli/waits:time" in done.stdout, done.stdout
    assert "pairs of fresh processes, one after the other" in done.stdout


def test_base_is_measured_against_itself_beside_the_rest(project: Project) -> None:
    project.two_commits_of_commands()

    done = project.perfgate("compare", "HEAD~1", *SHORT, "--format", "json", PERFGATE_CANARY="true")

    found = json.loads(done.stdout)["report"]
    (control,) = found["method"]["controls"]
    assert len(control) == 6
    # What base and head differ by is twelvefold; base and base are alike.
    assert max(map(abs, control)) < 0.5
    assert done.returncode == 1, done.stdout + done.stderr


def test_two_measurements_at_once_do_not_meet(project: Project) -> None:
    project.two_commits_of_commands()
    running = [project.start("compare", "HEAD~1", *SHORT, "--format", "json") for _ in range(2)]
    outputs = [process.communicate(timeout=240) for process in running]

    assert [process.returncode for process in running] == [1, 1], outputs
    found = [json.loads(out)["report"]["judgements"] for out, _ in outputs]
    assert [[row["verdict"] for row in rows if row["blocks"]] for rows in found] == [["regression"]] * 2


def test_the_base_defaults_to_where_the_branch_left(project: Project, tmp_path: Path) -> None:
    project.commit("base", perfgate_toml=WAITING, waits_sh=WAITS)
    project.git("clone", "--quiet", "--bare", ".", str(tmp_path / "origin.git"))
    project.git("remote", "add", "origin", str(tmp_path / "origin.git"))
    project.git("fetch", "--quiet", "origin")
    nothing = project.perfgate("compare")
    project.git("switch", "--quiet", "-c", "change")
    project.commit("slower", waits_sh=SLOWER)

    done = project.perfgate("compare", *SHORT)

    assert (nothing.returncode, "nothing to compare: HEAD is already on" in nothing.stderr) == (2, True)
    assert done.returncode == 1, done.stderr
    assert "merge base with origin/main" in done.stdout


def test_the_budget_ends_a_measurement_that_is_not_done(project: Project) -> None:
    """Benchmarks that do by chance up to eight times the work are never decided."""
    chance = BENCHMARK.replace("2000)", "random.choice([1000, 2000, 4000, 8000]))")
    chance = chance.replace("800)", "random.choice([400, 800, 1600, 3200]))")
    project.commit("base", lib_py=LIBRARY, test_lib_py=f"import random\n{chance}")
    project.commit("head")

    done = project.perfgate("compare", "HEAD~1", "--budget", "10s", "--effort", "100s")

    assert done.returncode == 0, done.stderr
    assert "note: the budget of 10 s ended before everything was settled" in done.stdout
    assert re.search(r"inconclusive +benchmarks/test_lib.py::test_spin:time", done.stdout)
    assert re.search("to decide all benchmarks: --budget |too noisy|could see ≥|fresh ones after them", done.stdout)


def test_a_budget_that_ends_before_the_first_pair_is_no_pass(project: Project) -> None:
    project.two_commits()

    done = project.perfgate("compare", "HEAD~1", "--budget", "1ms")

    assert done.returncode == 3
    assert "the time budget of 0.001 s ended before the benchmarks of suite 'benchmarks' had run once" in done.stderr


NEWER = (
    BENCHMARK.replace("from lib import spin", "from lib import spin, new")
    + "\n\ndef test_new(benchmark):\n    benchmark(new)\n"
)


def test_benchmarks_that_base_cannot_import_are_measured_by_base_s_own_version(project: Project) -> None:
    project.commit("base", lib_py=LIBRARY, test_lib_py=BENCHMARK)
    slower = LIBRARY.replace("range(n)", "range(2 * n)")
    project.commit("head", lib_py=f"{slower}\n\ndef new():\n    pass\n", test_lib_py=NEWER)

    done = project.perfgate("compare", "HEAD~1", *SHORT, "--format", "json")

    assert done.returncode == 1, done.stderr
    assert verdicts(done.stdout) == {SPIN: "regression", OTHER: "pass", "benchmarks/test_lib.py::test_new": "new"}
    warnings = json.loads(done.stdout)["report"]["warnings"]
    (warning,) = [each for each in warnings if each["code"] == "benchmarks-differ"]
    assert "base cannot run head's version of test_lib.py, so it ran its own: " in warning["text"]


def test_a_conftest_that_base_cannot_import_goes_back_to_base_s_own(project: Project) -> None:
    project.commit("base", lib_py=LIBRARY, bench__test_lib_py=BENCHMARK, bench__conftest_py="import lib\n")
    slower = LIBRARY.replace("range(n)", "range(2 * n)")
    project.commit("head", lib_py=f"{slower}\nnew = 1\n", bench__conftest_py="from lib import new\n")

    done = project.perfgate("compare", "HEAD~1", *SHORT, "--format", "json", PYTHONPATH=".")

    assert done.returncode == 1, done.stderr
    assert verdicts(done.stdout)["benchmarks/bench/test_lib.py::test_spin"] == "regression"
    assert [w["code"] for w in json.loads(done.stdout)["report"]["warnings"]] == ["benchmarks-differ"]


def test_a_base_whose_benchmarks_are_broken_is_measured_with_head_s_and_says_what_may_go_unseen(
    project: Project,
) -> None:
    project.commit("base", lib_py=LIBRARY, test_lib_py=BENCHMARK + "\n:-(\n")
    project.commit("head", test_lib_py=BENCHMARK)

    done = project.perfgate("compare", "HEAD~1", *SHORT, "--format", "json")

    assert done.returncode == 0, done.stderr
    assert set(verdicts(done.stdout)) == {SPIN, OTHER}
    (warning,) = json.loads(done.stdout)["report"]["warnings"]
    assert warning["code"] == "base-not-listed"
    assert "one that head lost may go unseen" in warning["text"]


def test_a_project_s_first_benchmarks_are_new_and_block_nothing(project: Project) -> None:
    project.commit("base", lib_py=LIBRARY)
    project.commit(
        "head", test_lib_py=BENCHMARK.replace("import spin", "import spin, new"), lib_py=f"{LIBRARY}\nnew = 1\n"
    )

    done = project.perfgate("compare", "HEAD~1", *SHORT)

    assert done.returncode == 0, done.stderr
    assert "2 new" in done.stdout


def test_a_library_that_lies_in_the_directory_of_the_benchmarks_is_refused(project: Project) -> None:
    """Both sides would get head's library with head's benchmarks, and no regression would ever show."""
    project.commit(
        "base", fastlib__lib_py=LIBRARY, fastlib____init___py="",
        fastlib__test_speed_py=BENCHMARK.replace("lib", "fastlib.lib"),
        perfgate_toml='[suite.s]\npaths = ["fastlib"]\n',
    )  # fmt: skip
    project.commit("head", fastlib__lib_py=LIBRARY.replace("range(n)", "range(2 * n)"))

    done = project.perfgate("compare", "HEAD~1", *SHORT)

    assert done.returncode == 3
    assert "base ran no code of its own: fastlib/" in done.stderr
    assert "lies in fastlib, which both sides take from head as their benchmarks" in done.stderr
    assert "name the benchmark files alone" in done.stderr


def test_benchmarks_that_import_nothing_of_the_project_are_refused(project: Project, tmp_path: Path) -> None:
    """Installed elsewhere, editable or not, the same code would run on both sides."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "deep.py").write_text(LIBRARY)
    bench = BENCHMARK.replace("from lib", "from deep")
    project.put("packages/deep/__init__.py", LIBRARY)
    project.commit("base", test_lib_py=bench)
    project.commit("head")

    done = project.perfgate("compare", "HEAD~1", *SHORT, PYTHONPATH=str(tmp_path / "elsewhere"))

    assert done.returncode == 3
    assert "base ran no code of its own: its benchmarks imported no module of this repository" in done.stderr
    assert 'benchmarks-from = "each"' in done.stderr


def test_two_files_are_judged_by_the_rules_of_the_repository_around_them(project: Project) -> None:
    project.two_commits()
    project.put("perfgate.toml", '[perfgate]\nbugdet = "5m"\n')
    (project.root / "sub").mkdir()
    run = Run(revision=Revision(label="x"), environment=Environment(facts=()), samples=())
    (project.root / "sub" / "one.json").write_text(codec.dump_run(run))

    done = subprocess.run(
        [sys.executable, "-m", "perfgate", "compare", "one.json", "one.json"],
        cwd=project.root / "sub", capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 2
    assert "did you mean 'budget'" in done.stderr


def test_a_revision_comes_before_a_file_of_its_name(project: Project) -> None:
    project.two_commits()
    project.put("main", "no run")

    taken = project.perfgate("compare", "main", "no-such-branch")
    named = project.perfgate("compare", "README", "HEAD")
    project.put("README", "no run")
    file = project.perfgate("compare", "README", "HEAD")

    assert "'no-such-branch' is not a branch" in taken.stderr
    assert "'README' is not a branch" in named.stderr
    assert "README is not a result file that perfgate knows" in file.stderr


@pytest.mark.parametrize("args", [("--suite", "nope"), ("--budget", "soon"), ("--config", "none.toml")])
def test_a_wrong_option_is_a_usage_error(project: Project, args: tuple[str, ...]) -> None:
    project.two_commits()

    done = project.perfgate("compare", "HEAD~1", *args)

    assert done.returncode == 2
    assert done.stderr.count("error: ") == 1
