"""The commands that do not measure, and how the command line answers."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from unittest import mock

import click
import jsonschema
import pytest

from perfgate import registry
from perfgate.cli import console, main, workflows
from perfgate.cli.demo_project import GUILTY, HISTORY
from perfgate.config.load import load
from perfgate.errors import Exit, UsageError
from perfgate.measure.session import Progress, Standing
from tests.live import BENCHMARK, LIBRARY, Project


@pytest.fixture
def inside(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(project.root)
    return project


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["--help"]) == 0
    shown = capsys.readouterr().out

    assert all(f"  {name} " in shown for name in main.COMMANDS)
    assert "Exit codes: 0 passed" in shown


def test_the_page_of_commands_has_every_command_and_only_options_that_there_are() -> None:
    page = (Path(__file__).parent.parent / "docs" / "commands.md").read_text(encoding="utf-8")
    context = click.Context(main.perfgate)
    commands = {name: main.perfgate.get_command(context, name) for name in main.COMMANDS}
    every = [param for command in commands.values() if command for param in command.params]
    options = {word for param in every for word in (*param.opts, *param.secondary_opts)}

    assert re.findall(r"(?m)^\| `perfgate ([\w-]+)", page) == list(main.COMMANDS)
    assert set(re.findall(r"`(--?[a-z][\w-]*)", page)) <= options | {"--help"}


@pytest.mark.parametrize("name", list(main.COMMANDS))
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run([name, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: perfgate {name}")


@pytest.mark.parametrize("argv", [["nonsense"], ["config", "nonsense"], ["compare", "--nonsense"]])
def test_what_is_no_command_is_a_usage_error(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(argv) == 2
    assert "nonsense" in capsys.readouterr().err


def test_ctrl_c_outside_a_measurement_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(**_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(main.perfgate, "main", interrupted)
    assert main.run([]) == 130


def test_config_show_says_where_each_value_came_from(
    inside: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    inside.put("perfgate.toml", '[perfgate]\nbudget = "5m"\n[[rule]]\nsli = "*"\nlimit = "1%"\n')
    monkeypatch.setenv("PERFGATE_STRICTNESS", "strict")

    assert main.run(["config", "show"]) == 0
    lines = capsys.readouterr().out.splitlines()

    assert 'perfgate.budget = "5m"  # perfgate.toml:2' in lines
    assert 'perfgate.strictness = "strict"  # environment PERFGATE_STRICTNESS' in lines
    assert 'perfgate.margin = "1.5%"  # default' in lines
    assert 'rule.0.limit = "1%"  # perfgate.toml:5' in lines
    assert 'suite.benchmarks.benchmarks-from = "head"  # default' in lines


def test_config_check_is_fine_or_lists_all_faults(inside: Project, capsys: pytest.CaptureFixture[str]) -> None:
    inside.put("perfgate.toml", '[perfgate]\nbudget = "5m"\n')
    assert main.run(["config", "check"]) == 0
    inside.put("perfgate.toml", "[perfgate]\nbudget = 5\nx = 1\n")
    assert main.run(["config", "check"]) == 2
    shown = capsys.readouterr()

    assert shown.out == "perfgate.toml: fine; 1 suite, 0 rules\n"
    assert "2 faults" in shown.err
    assert "try: every key: perfgate config schema" in shown.err


def test_config_works_outside_a_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert main.run(["config", "check"]) == 0
    assert capsys.readouterr().out.startswith("defaults: fine")


def test_the_schema_is_valid_and_takes_what_perfgate_takes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["config", "schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(schema)

    jsonschema.validate({"suite": {"cli": {"runner": "command", "benchmarks": {"a": "b"}}}}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"perfgate": {"bugdet": "5m"}}, schema)


def test_init_writes_a_configuration_that_is_fine(inside: Project, capsys: pytest.CaptureFixture[str]) -> None:
    inside.write(
        lib_py=LIBRARY,
        benchmarks__test_lib_py=f"import six\n{BENCHMARK}",
        pyproject_toml='[project]\nname = "lib"\n[project.optional-dependencies]\ntest = ["pytest-benchmark"]\n',
    )

    assert main.run(["init"]) == 0
    said = capsys.readouterr().err
    written = (inside.root / "perfgate.toml").read_text()
    loaded = load(inside.root, environ={})

    assert "found 1 file with pytest benchmarks: benchmarks/test_lib.py" in said
    assert "next: read what was written, then commit it, make a change, and try: perfgate compare HEAD" in said
    assert "records pushes to main" in said
    assert loaded.config.suite["benchmarks"].paths == ("benchmarks",)  # type: ignore[union-attr]
    assert loaded.config.build.setup == ("python -m pip install -e '.[test]' six",)
    assert tomllib.loads(written)["rule"] == [{"sli": "benchmarks/*:time", "limit": "5%"}]

    assert main.run(["init"]) == 0
    assert "everything is there already" in capsys.readouterr().err


def test_init_without_anything_to_find_still_writes_a_start(
    inside: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    inside.write(pyproject_toml="not = [toml\n", test_a_py="def test_a():\n    pass\n")
    (inside.root / "huge.py").write_text("#" * 2**21)

    assert main.run(["init"]) == 0
    said = capsys.readouterr().err
    assert "found no benchmarks" in said
    assert "pyproject.toml cannot be read" in said
    assert "next: write a pytest benchmark" in said
    assert not (inside.root / ".github").exists()
    assert load(inside.root, environ={}).config.suite["benchmarks"].runner == "pytest-benchmark"

    path = inside.root / "perfgate.toml"
    lines = [line for line in path.read_text().splitlines() if not line.startswith(("runner", "# paths"))]
    path.write_text("\n".join(line.removeprefix("# ") if " = " in line else line for line in lines))
    assert main.run(["init"]) == 0
    said = capsys.readouterr().err
    assert load(inside.root, environ={}).config.suite["benchmarks"].runner == "command"
    assert "next: read what was written" in said
    assert (inside.root / ".github/workflows/perfgate.yml").exists()


@pytest.mark.parametrize(
    ("commands", "branch"),
    [
        ([], "main"),
        (["commit --allow-empty -m x", "branch -m trunk", "switch -c feature"], "trunk"),
        (["commit --allow-empty -m x", "branch -m odd"], "odd"),
        (["commit --allow-empty -m x", "switch -c feature"], "main"),
    ],
)
def test_init_knows_the_default_branch_from_wherever_it_is_run(
    inside: Project, commands: list[str], branch: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in commands:
        inside.git(*command.split())
    inside.write(benchmarks__test_lib_py=BENCHMARK)

    assert main.run(["init", "--no-try"]) == 0
    assert f"    branches: [{branch}]\n" in (inside.root / ".github/workflows/perfgate.yml").read_text()


def test_init_pins_the_action_to_what_it_knows(
    inside: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = {"vcs_info": {"commit_id": "c" * 40}}
    monkeypatch.setattr(workflows, "distribution", lambda name: mock.Mock(read_text=lambda file: json.dumps(found)))
    inside.write(benchmarks__test_lib_py=BENCHMARK)
    assert main.run(["init", "--no-try"]) == 0
    assert f"perfgate/perfgate@{'c' * 40}\n" in (inside.root / ".github/workflows/perfgate.yml").read_text()

    (inside.root / ".github/workflows/perfgate.yml").unlink()
    found.clear()
    capsys.readouterr()
    assert main.run(["init"]) == 0
    assert main.run(["init", "--action", "perfgate/perfgate@v1"]) == 2
    said = capsys.readouterr().err
    assert "no workflows were written: this perfgate does not know which commit" in said
    assert "the commit in full (40 digits)" in said
    assert not (inside.root / ".github/workflows/perfgate.yml").exists()


def test_init_names_single_files_where_the_directory_holds_more(inside: Project) -> None:
    inside.write(tests__test_speed_py=BENCHMARK, tests__test_other_py="")

    assert main.run(["init", "--no-workflows"]) == 0
    suite = load(inside.root, environ={}).config.suite["benchmarks"]
    assert suite.paths == ("tests/test_speed.py",)  # type: ignore[union-attr]
    assert suite.benchmarks_from == "each"  # type: ignore[union-attr]
    assert not (inside.root / ".github").exists()


def test_clean_says_what_it_removed(inside: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["clean"]) == 0
    assert "removed 0 prepared sides from" in capsys.readouterr().err


def test_an_adapter_that_nobody_provides_is_named_with_those_that_are() -> None:
    with pytest.raises(
        UsageError, match="nothing installed provides 'yaml'; there are: annotations, html, json, junit, markdown, text"
    ):
        registry.renderer("yaml")
    with pytest.raises(UsageError, match="there are: command, load, pyperf, pytest-benchmark"):
        registry.runner("nose", {})


def test_the_demo_s_history_has_one_guilty_commit() -> None:
    texts = [library for _, library in HISTORY]

    assert len(set(texts)) == len(texts)
    assert next(message for message, library in HISTORY if "range(23)" in library) == GUILTY


STATE = Progress(
    text="measuring",
    pair=7,
    decided=1,
    total=9,
    used_s=12.0,
    budget_s=60.0,
    undecided=tuple(
        Standing(name=f"s/b{i}", pairs=7, planned=42, ratio=1.02, low=0.0 if i else 0.99, high=1.05) for i in range(8)
    ),
)


def test_progress_is_a_line_now_and_then_in_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    with console.progress() as watch:
        for _ in range(5):
            watch(Progress(text="preparing base"))
            watch(Progress(text="preparing base"))
        for number in range(5):
            watch(Progress(text="exploring suite micro", detail=f"head: {number} of 5"))
        watch(STATE)
    lines = capsys.readouterr().err.splitlines()

    assert lines == [
        "perfgate: preparing base",
        "perfgate: exploring suite micro: head: 0 of 5",
        "perfgate: measuring: pair 7, 1 of 9 decided, 12 s of at most 60 s",
    ]


def test_progress_on_a_terminal_shows_the_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    from io import StringIO

    from rich.console import Console

    shown = Console(file=StringIO(), width=120)
    shown.print(console._screen(STATE))
    text = shown.file.getvalue()  # type: ignore[attr-defined]

    assert "pair 7, 1 of 9 decided" in text
    assert "+2.0 % [-1.0, +5.0]" in text
    assert "s/b5" in text
    assert "and 2 more" in text
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with console.progress() as watch:
        watch(STATE)


def test_colour_is_for_terminals_that_want_it(monkeypatch: pytest.MonkeyPatch) -> None:
    painted = console.coloured("❌ 1 regression\n\n  regression  a:time\n  passing regression\n")

    assert "\x1b[31m\x1b[1mregression\x1b[0m  a:time" in painted
    assert "  passing regression\n" in painted
    assert not console.wants_colour()
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert console.wants_colour()
    monkeypatch.setenv("NO_COLOR", "1")
    assert not console.wants_colour()


def test_help_groups_the_commands_and_explains_topics(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["help"]) == 0
    listed = capsys.readouterr().out
    assert [heading for heading in main.GROUPS if f"\n{heading}:\n" in listed] == list(main.GROUPS)

    assert main.run(["help", "exit-codes"]) == 0
    explained = capsys.readouterr().out
    assert [line.split()[0] for line in explained.splitlines()[:7]] == [str(int(code)) for code in Exit]

    assert main.run(["help", "compare"]) == 0
    assert capsys.readouterr().out.startswith("Usage: perfgate compare [OPTIONS]")

    assert main.run(["help", "nothing"]) == 2
    assert "no topic and no command is called 'nothing'" in capsys.readouterr().err


def test_the_shell_completes_commands(monkeypatch: pytest.MonkeyPatch, inside: Project) -> None:
    assert main.run(["help", "completion"]) == 0
    environ = {"_PERFGATE_COMPLETE": "bash_complete", "COMP_WORDS": "perfgate hi", "COMP_CWORD": "1"}

    done = inside.perfgate(**environ)

    assert done.stdout.splitlines() == ["plain,history"]


def test_completing_a_command_loads_none() -> None:
    """What a shell waits for at every press of a key."""
    code = "import sys\nfrom perfgate.cli.main import perfgate\ntry:\n    perfgate(prog_name='perfgate')\n"
    code += (
        "finally:\n    print(*sorted({'numpy', 'scipy', 'pydantic', 'github'} & sys.modules.keys()), file=sys.stderr)"
    )
    environ = {**os.environ, "_PERFGATE_COMPLETE": "bash_complete", "COMP_WORDS": "perfgate co", "COMP_CWORD": "1"}

    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False)

    assert done.stdout.split() == ["plain,compare", "plain,config", "plain,convert"]
    assert done.stderr.strip() == ""
