import json
from pathlib import Path

import pytest

from perfgate.config.load import Loaded, load
from perfgate.config.reference import markdown
from perfgate.config.schema import CommandSuite, Config, PytestSuite
from perfgate.core.policy import DEFAULT_RULES, Acceptance
from perfgate.core.units import Unit
from perfgate.errors import ConfigError
from tests.live import Project

FULL = """\
[perfgate]
budget = "5m"
strictness = "strict"
margin = "1%"
expect = ["micro/parse*"]
retired = ["micro/old"]

[build]
setup = ["python -m pip install -e ."]

[suite.micro]
paths = ["benchmarks"]
benchmarks-from = "each"

[suite.cli]
runner = "command"
timeout = "10s"
[suite.cli.benchmarks]
help = "mytool --help"

[[rule]]
sli = "micro/parse_*:time"
limit = "3%"
floor = "2ms"
on-inconclusive = "fail"

[[rule]]
sli = "cli/*"
limit = "10%"
critical = false
"""


def read(tmp_path: Path, text: str, name: str = "perfgate.toml", **environ: str) -> Loaded:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return load(tmp_path, environ=environ)


def faults(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    return caught.value.message


def test_a_full_file_becomes_suites_and_a_policy(tmp_path: Path) -> None:
    config = read(tmp_path, FULL).config
    policy = config.policy()

    assert config.suite["micro"] == PytestSuite(paths=("benchmarks",), **{"benchmarks-from": "each"})
    assert config.suite["cli"] == CommandSuite(runner="command", timeout="10s", benchmarks={"help": "mytool --help"})
    assert [(rule.sli, rule.limit, rule.critical) for rule in policy.rules] == [
        ("micro/parse_*:time", 0.03, True),
        ("cli/*", 0.10, False),
        ("*:time", 0.05, True),
        *((rule.sli, rule.limit, rule.critical) for rule in DEFAULT_RULES[1:]),
    ]
    assert (policy.rules[0].floor, policy.rules[0].floor_unit) == (pytest.approx(0.002), Unit.SECOND)
    assert policy.rules[0].on_inconclusive
    assert (policy.family_level, policy.margin) == (0.001, 0.01)
    assert (policy.expect, policy.retired) == (("micro/parse*",), ("micro/old",))


def test_an_acceptance_is_bounded_reasoned_and_dated(tmp_path: Path) -> None:
    text = (
        '[suite.micro]\n[[accept]]\nsli = "micro/*"\nup-to = "12%"\nreason = "UTF-8"\nuntil = 2027-01-31\nwho = "Ada"\n'
    )
    policy = read(tmp_path, text).config.policy(today="2026-11-21")

    assert policy.accept == (Acceptance(sli="micro/*", up_to=0.12, reason="UTF-8", until="2027-01-31", who="Ada"),)
    assert policy.today == "2026-11-21"


def test_nothing_is_required(tmp_path: Path) -> None:
    loaded = load(tmp_path, environ={})

    assert (loaded.config, loaded.source) == (Config(), "defaults")
    assert loaded.config.suite == {"benchmarks": PytestSuite()}


def test_the_same_keys_may_stand_in_pyproject(tmp_path: Path) -> None:
    text = '[project]\nname = "x"\n[tool.perfgate]\nbudget = "5m"\n[[tool.perfgate.rule]]\nsli = "*"\nlimit = "1%"\n'
    loaded = read(tmp_path, text, "pyproject.toml")

    assert loaded.config.perfgate.budget == "5m"
    assert loaded.config.rule[0].limit == "1%"
    assert loaded.origins["perfgate", "budget"] == "pyproject.toml:4"
    assert loaded.origins["rule", "0", "limit"] == "pyproject.toml:7"


def test_a_pyproject_without_the_table_counts_as_none(tmp_path: Path) -> None:
    assert read(tmp_path, '[project]\nname = "x"\n', "pyproject.toml").source == "defaults"


def test_a_flag_beats_the_environment_which_beats_the_file(tmp_path: Path) -> None:
    (tmp_path / "perfgate.toml").write_text('[perfgate]\nbudget = "1m"\nmargin = "3%"\n')
    flags = {("perfgate", "budget"): "3m"}
    loaded = load(tmp_path, environ={"PERFGATE_BUDGET": "2m", "PERFGATE_STRICTNESS": "strict"}, flags=flags)

    assert (loaded.config.perfgate.budget, loaded.origins["perfgate", "budget"]) == ("3m", "flag --budget")
    assert loaded.config.perfgate.strictness == "strict"
    assert loaded.origins["perfgate", "strictness"] == "environment PERFGATE_STRICTNESS"
    assert loaded.origins["perfgate", "margin"] == "perfgate.toml:3"


def test_every_fault_is_shown_at_once_with_its_line_and_the_nearest_key(tmp_path: Path) -> None:
    message = faults(
        tmp_path,
        '[perfgate]\nbugdet = "5m"\nmargin = "5"\n[suite.micro]\npath = ["b"]\n[suite.cli]\nrunner = "comand"\n'
        '[[rule]]\nlimit = "3%"\n[[rule]]\nsli = "*"\nlimit = 5\ncritical = "no"\n[ruel]\n',
    )

    assert message.splitlines() == [
        "the configuration has 8 faults:",
        "  perfgate.toml:2: perfgate.bugdet is not a key that perfgate knows; did you mean 'budget'?",
        "  perfgate.toml:3: perfgate.margin: '5' is not a number with a percent sign, as in 5%",
        "  perfgate.toml:5: suite.micro.path is not a key that perfgate knows; did you mean 'paths'?",
        "  perfgate.toml:7: suite.cli.runner is 'comand'; "
        "it must be one of 'pytest-benchmark', 'pyperf', 'command', 'size', 'load'",
        "  perfgate.toml:8: rule[0].sli is missing",
        "  perfgate.toml:12: rule[1].limit is 5: input should be a text in quotes",
        "  perfgate.toml:13: rule[1].critical is 'no': input should be a valid boolean",
        "  perfgate.toml:14: ruel is not a key that perfgate knows; did you mean 'rule'?",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[perfgate\n", "is not TOML"),
        ('[[rule]]\nsli = "*"\nfloor = "3 parsecs"\n', "has no unit that is known here"),
        ('[[rule]]\nsli = "*"\nfloor = "0ms"\n', "is not above zero"),
        ('[suite.a]\npaths = ["/etc"]\n', "must be a path below the root"),
        ('[suite.a]\npaths = ["."]\n', "not the root itself"),
        ('[suite.a]\npaths = ["../b"]\n', "must be a path below the root"),
        ('[suite.a]\nrunner = "command"\n', r"suite.a.benchmarks is missing"),
        ('[suite.a]\nrunner = "command"\nbenchmarks = {}\n', "suite.a.benchmarks is {}"),
        ("suite = 3\n", "suite is 3"),
        ("[suite]\n", "suite is {}"),
        ("[suite]\na = 3\n", "suite.a is 3"),
        ('[perfgate]\nbudget = "forever"\n', "has no unit"),
        ("x = 1\n", "x is not a key that perfgate knows$"),
        ('results-branch = "x"\n', r"toml:1: results-branch is not a key .*; write it under \[perfgate\]"),
        ('[suite.a]\n[[rule]]\nsli = "b/*"\n', "toml: 'b/\\*' speaks of a suite that is none of a"),
        ('[perfgate]\nexpect = "a/*"\n', "input should be a list of texts"),
        ('[[accept]]\nsli = "*"\nup-to = "5%"\nreason = "x"\n', r"accept\[0\].until is missing"),
        ('[[accept]]\nsli = "*"\nup-to = "5%"\nreason = "x"\nuntil = "soon"\n', "accept.*until is 'soon'"),
        ('[suite.a]\npaths = ["./"]\n', "not the root itself"),
        ('[suite.a]\npaths = ["*"]\n', "must be a plain path"),
        ('[suite.a]\npaths = [":/"]\n', "must be a plain path"),
        (
            '[suite.a]\nrunner = "command"\n[suite.a.benchmarks]\nx = "echo \'"\n',
            "cannot be split into words: no closing",
        ),
        ('[suite.a]\nrunner = "command"\n[suite.a.benchmarks]\nx = " "\n', "an empty command line"),
        ('[[rule]]\nsli = "*:time"\nfloor = "64KiB"\n', "another unit than time, which is in s"),
    ],
)
def test_a_fault_says_what_and_where(tmp_path: Path, text: str, message: str) -> None:
    import re

    assert re.search(message, faults(tmp_path, text))


def test_a_wrong_flag_is_not_a_fault_of_the_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, environ={}, flags={("perfgate", "budget"): "1"})

    assert caught.value.message.startswith("--budget: '1' has no unit")


def test_what_is_no_table_is_a_fault_beside_a_flag(tmp_path: Path) -> None:
    (tmp_path / "perfgate.toml").write_text('perfgate = "x"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="perfgate is 'x'"):
        load(tmp_path, environ={}, flags={("perfgate", "budget"): "5m"})


@pytest.mark.parametrize("text", ['tool.perfgate = "x"\n', "[[tool.perfgate]]\n"])
def test_a_table_of_pyproject_that_is_none_is_a_fault(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"\[tool.perfgate\] is \w+, not a table"):
        load(tmp_path, environ={})


def test_a_pyproject_whose_tool_is_no_table_has_no_configuration(tmp_path: Path) -> None:
    assert read(tmp_path, "tool = 1\n", name="pyproject.toml").source == "defaults"


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "perfgate.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="is not TOML"):
        load(tmp_path, environ={})


def test_a_file_that_is_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        load(tmp_path, environ={}, path=tmp_path / "other.toml")


def test_the_reference_page_has_every_table() -> None:
    page = markdown()

    assert [name for name in Config.model_fields if f"[{name}]" not in page and f"[{name}." not in page] == []


def test_the_reference_page_is_the_schema(request: pytest.FixtureRequest) -> None:
    page = Path(__file__).parent.parent / "docs" / "configuration.md"
    if request.config.getoption("--renew"):
        page.write_text(markdown(), encoding="utf-8")

    assert page.read_text(encoding="utf-8") == markdown()


def test_every_key_has_its_sentence() -> None:
    assert [line for line in markdown().splitlines() if line.endswith("|  |")] == []


def test_a_fault_is_pointed_at_where_it_stands_whatever_the_suite_is_called(tmp_path: Path) -> None:
    text = '[suite.pyperf]\nrunner = "pyperf"\npaths = 5\n\n[suite.load]\n\nrunner = "loda"\n\n'
    text += '[suite.size]\nrunner = "size"\nx = 1\n'
    (tmp_path / "perfgate.toml").write_text(text)

    with pytest.raises(ConfigError) as caught:
        load(tmp_path, environ={})

    faults = caught.value.message.splitlines()[1:]
    assert [fault.partition(" is ")[0].strip() for fault in faults] == [
        "perfgate.toml:3: suite.pyperf.paths",
        "perfgate.toml:7: suite.load.runner",
        "perfgate.toml:9: suite.size.benchmarks",
        "perfgate.toml:11: suite.size.x",
    ]


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("echo hi | cat", "|"), ("echo hi > out.txt", ">"), ("make && ./run", "&&"), ("echo $HOME", "$HOME"),
        ("ls *.py", "*.py"), ("a; b", ";"),
        ("sh -c 'a | b > c; d $HOME *.py'", ""), ('grep "*" file', ""), ("./run --size=3 'a b'", ""),
    ],
)  # fmt: skip
def test_a_command_line_that_only_a_shell_would_read_is_doubted(project: Project, line: str, word: str) -> None:
    project.put("perfgate.toml", f'[suite.c]\nrunner = "command"\n[suite.c.benchmarks]\na = {json.dumps(line)}\n')

    done = project.perfgate("config", "check")

    assert done.returncode == 0, done.stderr
    assert ("warning: suite c, a: this command line is not run by a shell" in done.stderr) is bool(word)
    assert not word or f"the program receives {word} literally" in done.stderr
