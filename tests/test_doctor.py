"""`perfgate doctor --workflows`: each fault is found where it is, and what init writes has none."""

from pathlib import Path

import pytest
import yaml

from perfgate.cli import main
from perfgate.cli.workflows import MEASURES, TELLS, Choices, workflows
from perfgate.publishers.github.workflow_faults import CHOICES, INPUTS, faults
from tests.live import BENCHMARK, LIBRARY, Project

GOOD = workflows(Choices(branch="main", python="3.13", action=f"perfgate/perfgate@{'a' * 40}"))


def changed(path: str, old: str, new: str) -> dict[str, str]:
    assert old in GOOD[path], old
    return {**GOOD, path: GOOD[path].replace(old, new, 1)}


def test_what_init_writes_has_no_fault() -> None:
    assert faults(GOOD) == []


@pytest.mark.parametrize(
    ("path", "old", "new", "what", "do"),
    [
        (MEASURES, f"@{'a' * 40}", "@v1", "is not pinned to a commit", "pin the commit in full"),
        (
            MEASURES,
            "  pull_request:\n",
            "  pull_request_target:\n",
            "pull_request_target with code of a pull request",
            "perfgate init",
        ),
        (
            TELLS,
            "    steps:\n",
            "    steps:\n      - uses: actions/checkout@x\n",
            "workflow_run with code of a pull request",
            "without a checkout",
        ),
        (MEASURES, "  merge_group:\n", "", "no merge_group", "merge_group:"),
        (
            MEASURES,
            "  pull_request:\n",
            "  pull_request:\n    paths: [src]\n",
            "never starts waits for ever",
            "run always",
        ),
        (
            MEASURES,
            "    timeout-minutes: 60\n",
            "    if: github.actor != 'x'\n",
            "skipped required check counts as passed",
            "take the if away",
        ),
        (
            MEASURES,
            "    timeout-minutes: 60\n",
            "    needs: build\n",
            "skipped where a job that it needs fails",
            "if: ${{ !cancelled() }}",
        ),
        (MEASURES, "    timeout-minutes: 60\n", "    continue-on-error: true\n", "it never blocks", "take it away"),
        (
            MEASURES,
            "        if: ${{ !cancelled() }} # a red verdict is handed on too\n",
            "",
            "not uploaded where the gate is red",
            "!cancelled()",
        ),
        (MEASURES, "          persist-credentials: false\n", "", "leaves its token", "persist-credentials: false"),
        (
            MEASURES,
            "          fetch-depth: 2 # the merge commit, and what it would be merged into\n",
            "",
            "has no base",
            "fetch-depth: 2",
        ),
        (
            MEASURES,
            "      contents: read # to check the code out\n",
            "",
            "lacks a permission that gate needs",
            "{contents: read}",
        ),
        (
            MEASURES,
            "      contents: read # to check the code out\n",
            "      contents: write\n",
            "with contents: write",
            "let this job read",
        ),
        (
            MEASURES,
            "      contents: write # to push to the branch perfgate-results\n",
            "      contents: read\n",
            "that record needs",
            "{contents: write}",
        ),
        (TELLS, "      pull-requests: write # to comment\n", "", "that publish needs", "{pull-requests: write}"),
        (MEASURES, "github.event.pull_request.number || github.sha", "github.ref", "results are lost", "github.sha"),
        (
            TELLS,
            "workflows: [perfgate]",
            "workflows: [other]",
            "listens to other, but the workflow that measures is called perfgate",
            "workflows: [perfgate]",
        ),
        (
            TELLS,
            "          mode: publish\n",
            "          mode: publish\n          workflow: x.yml\n",
            "publishes runs of x.yml",
            MEASURES,
        ),
        (TELLS, "permissions: {}", "permissions: {", "is no YAML", "close what is open"),
        (TELLS, "mode: publish\n", "mode: pubish\n", "mode is pubish", "one of auto, gate"),
        (
            TELLS,
            "mode: publish\n",
            "mode: publish\n          coment: never\n",
            "coment is not an input",
            "did you mean comment?",
        ),
        (
            TELLS,
            "mode: publish\n",
            'mode: publish\n          record: "true"\n',
            "lacks a permission that publish needs",
            "{contents: write}",
        ),
        (TELLS, "mode: publish\n", "mode: publish\n          zzz: x\n", "zzz is not an input", "docs/github.md"),
        (
            MEASURES,
            "      - uses: actions/checkout@",
            "      - uses: other/checkout@",
            "checks nothing out",
            "actions/checkout",
        ),
        (
            MEASURES,
            "      pull-requests: read # to see the label that accepts a change\n",
            "",
            "gate needs",
            "pull-requests",
        ),
    ],
)
def test_each_fault_is_named_with_its_line_and_what_to_do(path: str, old: str, new: str, what: str, do: str) -> None:
    found = faults(changed(path, old, new))

    assert [fault for fault in found if what in fault.what and do in fault.do and fault.path == path], found
    assert all(1 <= fault.line <= len(GOOD[fault.path].splitlines()) + 2 for fault in found)


@pytest.mark.parametrize(
    ("permissions", "what"),
    [
        ("", "whatever permissions the repository's setting gives"),
        ("permissions: write-all\n", "more permissions than it needs"),
    ],
)
def test_permissions_that_nobody_thought_of(permissions: str, what: str) -> None:
    text = f"on:\n  push:\n{permissions}jobs:\n  a:\n    steps:\n      - run: pip install perfgate && perfgate gate\n"

    assert [fault.what for fault in faults({"x.yml": text}) if what in fault.what]


def test_an_artifact_that_nobody_uploads_is_missed() -> None:
    renamed = faults(changed(MEASURES, "          name: perfgate\n", "          name: results\n"))
    gone = faults(changed(MEASURES, "actions/upload-artifact@", "somebody/upload@"))

    assert [f.what for f in renamed if f.path == TELLS] == [
        "it publishes the artifact perfgate, but the gate uploads results"
    ]
    assert [f.what for f in gone if f.path == TELLS] == [
        "it publishes the artifact perfgate, but the gate uploads none"
    ]


def test_a_command_that_never_fails_never_blocks() -> None:
    text = "on: [pull_request, merge_group]\njobs:\n  a:\n    steps:\n      - run: perfgate gate || true\n"

    assert [f for f in faults({"x.yml": text}) if "it never blocks" in f.what]


def test_the_inputs_it_knows_are_those_of_the_action() -> None:
    action = yaml.safe_load((Path(__file__).resolve().parent.parent / "action.yml").read_text())

    assert set(action["inputs"]) == INPUTS
    assert set(CHOICES) <= INPUTS


def test_other_people_s_workflows_are_left_alone() -> None:
    other = "on: pull_request_target\njobs:\n  a:\n    steps:\n      - uses: actions/checkout@v1\n"

    assert faults({**GOOD, "other.yml": other}) == []
    (nothing,) = faults({"other.yml": other})
    assert nothing.what == "no workflow runs perfgate"


def test_the_command_says_where_and_ends_with_two(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project.root)
    assert main.run(["doctor", "--workflows"]) == 2
    assert "no workflow runs perfgate\n  try: perfgate init writes two" in capsys.readouterr().out

    for path, text in GOOD.items():
        project.put(path, text)
    assert main.run(["doctor", "--workflows"]) == 0
    assert "looked at 2 workflows: none of the known faults" in capsys.readouterr().err

    project.put(MEASURES, GOOD[MEASURES].replace("fetch-depth: 2", "fetch-depth: 1"))
    assert main.run(["doctor", "--workflows"]) == 2
    assert f"{MEASURES}:" in capsys.readouterr().out


def test_the_project_s_own_workflows_have_no_fault() -> None:
    root = Path(__file__).resolve().parent.parent
    own = {str(path.relative_to(root)): path.read_text() for path in (root / ".github" / "workflows").glob("*.yml")}

    assert [fault for fault in faults(own) if fault.what != "no workflow runs perfgate"] == []


def test_where_nothing_can_be_measured_it_says_that_and_a_missing_workflow_is_no_fault(project: Project) -> None:
    skipped = f"import pytest\npytestmark = pytest.mark.skip('not here')\n{BENCHMARK}"
    project.commit("base", lib_py=LIBRARY, test_lib_py=skipped)
    nothing = project.perfgate("doctor", "--budget", "5s", "--isolate", "none")
    project.commit("mended", test_lib_py=BENCHMARK)
    fine = project.perfgate("doctor", "--budget", "5s", "--isolate", "none")

    assert nothing.returncode == 3, nothing.stdout + nothing.stderr
    assert "no benchmark could be measured" in nothing.stdout
    assert "not measured: benchmarks/test_lib.py::test_spin: Skipped: not here" in nothing.stdout
    assert fine.returncode == 0, fine.stdout + fine.stderr
    assert "no workflow runs perfgate yet: perfgate init writes two" in fine.stderr
