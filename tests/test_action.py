"""The Action and the workflows that `perfgate init` writes, run by GitHub's own parser and expression engine."""

import copy
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from perfgate.publishers.github.workflow_faults import faults
from tests import hub as fake
from tests import runner
from tests.hub import Hub
from tests.live import BENCHMARK, LIBRARY, SLOWER, WAITING, WAITS, Project
from tests.runner import ROOT, Runner
from tests.test_publish import pull
from tests.test_stores import bare

ACTION = f"{runner.ACTION}@{'a' * 40}"
GATE = ".github/workflows/perfgate.yml"
REPORT = ".github/workflows/perfgate-report.yml"


@pytest.fixture(scope="session")
def runner_temp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One RUNNER_TEMP for all, in which the Action has installed perfgate: once, whichever worker is first."""
    own = tmp_path_factory.getbasetemp()
    temp = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "runner"
    temp.mkdir(exist_ok=True)
    install = ["bash", str(ROOT / "action" / "install.sh")]
    with FileLock(f"{temp}.lock"):
        environ = {"PATH": f"{runner.BIN}:/usr/bin:/bin", "RUNNER_TEMP": str(temp), "GITHUB_OUTPUT": os.devnull}
        environ["PIP_COMPILE"] = "0"
        subprocess.run(install, env={**os.environ, **environ}, check=True)
    assert (temp / "perfgate" / "ready").exists()
    return temp


@dataclass(kw_only=True)
class Site:
    """A repository on a GitHub, and its runner."""

    hub: Hub
    project: Project
    runner: Runner

    def merge(self, number: int = 7) -> str:
        """Make GitHub's merge commit of `topic` into main; return it."""
        self.project.git("switch", "--quiet", "--detach", "main")
        self.project.git("merge", "--quiet", "--no-ff", "-m", "merge", "topic")
        sha = self.project.git("rev-parse", "HEAD")
        self.project.git("push", "--quiet", "--force", "origin", f"HEAD:refs/pull/{number}/merge", "topic")
        self.project.git("switch", "--quiet", "topic")
        return sha

    def gate(self, *, fork: bool = True, **more: Any) -> dict[str, Any]:
        """Run the measuring workflow for the pull request as it is now."""
        sha, head = self.merge(), self.project.git("rev-parse", "topic")
        event = copy.deepcopy(next(e for e in runner.webhooks("pull_request") if e["action"] == "synchronize"))
        theirs = "eve/lib" if fork else fake.REPOSITORY
        event["number"] = event["pull_request"]["number"] = 7
        event["pull_request"]["head"] |= {"sha": head, "ref": "topic"}
        event["pull_request"]["head"]["repo"] |= {"full_name": theirs, "id": 2}
        event["pull_request"]["base"]["ref"] = "main"
        event["pull_request"]["base"]["repo"] |= {"full_name": fake.REPOSITORY}
        event["repository"] |= {"full_name": fake.REPOSITORY, "default_branch": "main"}
        self.hub.pulls[:] = [pull(head)]
        return self.runner.run(
            "pull_request",
            event,
            sha=sha,
            ref="refs/pull/7/merge",
            workflow=self.project.root / GATE,
            token="reader",
            **more,
        )

    def report(self, measured: dict[str, Any]) -> dict[str, Any]:
        """Run the telling workflow after a measuring one."""
        files = {path.name: path.read_bytes() for path in (measured["store"] / "perfgate").iterdir()}
        self.hub.hand_on(measured["run_id"], files)
        event = copy.deepcopy(next(e for e in runner.webhooks("workflow_run") if e["action"] == "completed"))
        event["repository"] |= {"id": 1, "full_name": fake.REPOSITORY}
        event["workflow_run"] |= {
            "id": measured["run_id"], "run_number": measured["run_number"], "run_attempt": 1, "event": "pull_request",
            "path": GATE, "head_sha": self.project.git("rev-parse", "topic"), "head_branch": "topic",
            "pull_requests": [],
        }  # fmt: skip
        event["workflow_run"]["repository"] |= {"id": 1}
        event["workflow_run"]["head_repository"] = {"id": 2, "full_name": "eve/lib", "owner": {"login": "eve"}}
        main = self.project.git("rev-parse", "main")
        done = self.runner.run(
            "workflow_run", event, sha=main, ref="refs/heads/main", workflow=self.project.root / REPORT
        )
        return dict(done["jobs"]["report"])


@pytest.fixture
def site(tmp_path: Path, runner_temp: Path) -> Iterator[Site]:
    """A project with the workflows of `perfgate init`, and a pull request that waits longer."""
    remote = bare(tmp_path / "server" / "octo" / "lib")
    subprocess.run(["git", "-C", remote, "config", "uploadpack.allowAnySHA1InWant", "true"], check=True)
    project = Project(tmp_path / "project")
    project.write(lib_py=LIBRARY, test_lib_py=BENCHMARK)
    done = project.perfgate("init", "--action", ACTION)
    assert done.returncode == 0, done.stderr
    project.commit("base", perfgate_toml=WAITING, waits_sh=WAITS)
    project.git("remote", "add", "origin", str(remote))
    project.git("push", "--quiet", "origin", "main")
    project.git("switch", "--quiet", "-c", "topic")
    project.commit("slower", waits_sh=SLOWER)
    hub = Hub(repository=remote)
    with fake.serving(hub) as address:
        yield Site(hub=hub, project=project, runner=Runner(place=tmp_path / "runs", temp=runner_temp, server=address))
    assert hub.broken == []


def test_a_pull_request_from_a_fork_is_blocked_told_told_again_and_resolved(site: Site) -> None:
    red = site.gate()
    job = red["jobs"]["perfgate"]

    assert job["result"] == "failure", job["log"]
    assert red["jobs"]["record"]["result"] == "skipped"
    outputs = job["steps"]["__2"]["outputs"]
    assert (outputs["activity"], outputs["verdict"], outputs["regressions"]) == ("gate", "regression", "1"), job["log"]
    assert outputs["base-sha"] == site.project.git("rev-parse", "main")
    assert "### ❌ 1 regression" in job["summary"]
    assert any(line.startswith("::error title=perfgate%3A regression::") for line in job["annotations"])
    assert job["permissions"] == {"contents": "read", "pull-requests": "read"}

    told = site.report(red)
    assert told["result"] == "success", told["log"]
    (first,) = site.hub.comments
    assert "### ❌ 1 regression" in first["body"]

    site.project.commit("slower still", other_py="x = 1\n")
    site.merge()
    site.hub.pulls[:] = [pull(site.project.git("rev-parse", "topic"))]
    site.report({**red, "run_id": 1, "run_number": red["run_number"] + 1})  # as fast as before: the same numbers
    (second,) = site.hub.comments
    assert second["id"] == first["id"]
    assert site.project.git("rev-parse", "topic") in second["body"]

    site.project.commit("mended", waits_sh=WAITS)
    green = site.gate()
    assert green["jobs"]["perfgate"]["result"] == "success", green["jobs"]["perfgate"]["log"]
    site.report(green)
    (last,) = site.hub.comments
    assert last["id"] == first["id"]
    assert "**Resolved:**" in last["body"]
    assert "### ✅ no regression · 2 unchanged — no action needed" in last["body"]
    assert [check["conclusion"] for check in site.hub.checks] == ["failure", "failure", "success"]


def test_a_merge_group_is_gated_and_what_is_merged_is_recorded(site: Site) -> None:
    site.project.commit("mended", waits_sh=WAITS, more_py="x = 1\n")
    sha, base = site.merge(), site.project.git("rev-parse", "main")
    event = copy.deepcopy(runner.webhooks("merge_group")[0])
    event["merge_group"] |= {
        "base_sha": base, "head_sha": sha, "base_ref": "refs/heads/main",
        "head_ref": f"refs/heads/gh-readonly-queue/main/pr-7-{base}",
    }  # fmt: skip
    event["repository"] |= {"full_name": fake.REPOSITORY, "default_branch": "main"}
    site.hub.pulls[:] = [pull(site.project.git("rev-parse", "topic"))]
    queued = site.runner.run(
        "merge_group", event, sha=sha, ref=event["merge_group"]["head_ref"], workflow=site.project.root / GATE
    )

    assert queued["jobs"]["perfgate"]["result"] == "success", queued["jobs"]["perfgate"]["log"]
    assert queued["jobs"]["perfgate"]["steps"]["__2"]["outputs"]["base-sha"] == base
    assert queued["jobs"]["record"]["result"] == queued["jobs"]["site"]["result"] == "skipped"
    assert "GET /repos/octo/lib/pulls/7" in site.hub.asked

    site.project.git("push", "--quiet", "origin", f"{sha}:main")
    pushed = copy.deepcopy(runner.webhooks("push")[0])
    pushed |= {"ref": "refs/heads/main", "before": base, "after": sha, "deleted": False, "forced": False}
    pushed["repository"] |= {"full_name": fake.REPOSITORY, "default_branch": "main"}
    workflow, switched_on = site.project.root / GATE, {"PERFGATE_PAGES": "true"}
    merged = site.runner.run("push", pushed, sha=sha, ref="refs/heads/main", workflow=workflow, vars=switched_on)

    record = merged["jobs"]["record"]
    assert merged["jobs"]["perfgate"]["result"] == "success", merged["jobs"]["perfgate"]["log"]
    assert record["result"] == "success", record["log"]
    assert record["permissions"] == {"contents": "write"}
    assert record["steps"]["__2"]["outputs"]["recorded"] == "1"
    stored = site.hub.git("ls-tree", "-r", "--name-only", "perfgate-results")
    assert f"runs/{sha[:2]}/{sha}/" in stored
    pages = merged["jobs"]["site"]
    assert pages["result"] == "success", pages["log"]
    assert pages["permissions"] == {"contents": "read", "id-token": "write", "pages": "write"}
    assert pages["steps"]["deployment"]["outputs"]["page_url"] == "https://octo.github.io/lib/"
    made = merged["store"] / "github-pages"
    assert "cli/waits:time" in (made / "index.html").read_text(encoding="utf-8")
    assert f"https://octo.github.io/{pushed['repository']['name']}/" in (made / "regressions.atom").read_text("utf-8")


def test_a_new_project_with_one_benchmark_file_is_gated_with_no_edit(tmp_path: Path, runner_temp: Path) -> None:
    remote = bare(tmp_path / "server" / "octo" / "lib")
    project = Project(tmp_path / "project")
    project.put("test_speed.py", "def test_sort(benchmark):\n    benchmark(sorted, list(range(999, 0, -1)))\n")
    assert project.perfgate("init", "--action", ACTION).returncode == 0
    project.commit("first")
    project.git("remote", "add", "origin", str(remote))
    project.git("push", "--quiet", "origin", "main")
    project.git("switch", "--quiet", "-c", "topic")
    project.commit(
        "slower", test_speed_py="def test_sort(benchmark):\n    benchmark(sorted, list(range(2999, 0, -1)))\n"
    )
    hub = Hub(repository=remote)
    with fake.serving(hub) as address:
        site = Site(hub=hub, project=project, runner=Runner(place=tmp_path / "runs", temp=runner_temp, server=address))
        done = site.gate()["jobs"]["perfgate"]

    assert done["result"] == "failure", done["log"]
    assert "### ❌ 1 regression" in done["summary"], done["log"]
    runner.parse(project.root / GATE, project.root / REPORT)
    _check(project.root)


def _check(root: Path) -> None:
    """Assert that GitHub's schema and an auditor take all workflows below `root`."""
    for command in (
        ["check-jsonschema", "--builtin-schema", "vendor.github-workflows", *root.glob(".github/workflows/*")],
        ["zizmor", "--offline", "--no-progress", "--persona", "auditor", root],
    ):
        argv = [Path(sys.executable).parent / str(command[0]), *command[1:]]
        checked = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout + checked.stderr


EXAMPLES = ROOT / "examples" / "github-action"


def test_the_library_is_as_init_writes_it(tmp_path: Path) -> None:
    project = Project(tmp_path / "library")
    shutil.copytree(EXAMPLES / "library", project.root, dirs_exist_ok=True)
    written = [GATE, REPORT, "perfgate.toml"]
    before = {name: (project.root / name).read_text() for name in written}
    (action,) = set(re.findall(r"perfgate/perfgate@[0-9a-f]{40}", before[GATE]))
    for name in written:
        (project.root / name).unlink()
    (project.root / ".python-version").write_text("3.13\n")

    assert project.perfgate("init", "--action", action).returncode == 0
    assert {name: (project.root / name).read_text() for name in written} == before


@pytest.mark.parametrize("name", ["library", "service", "monorepo"])
def test_the_workflows_of_an_example_pass_all_checkers(name: str, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / name, tmp_path / name)
    place = tmp_path / name / ".github" / "workflows"
    texts = {f".github/workflows/{path.name}": path.read_text() for path in place.iterdir()}

    runner.parse(*place.iterdir())
    _check(tmp_path / name)
    # A gate for each package has no one name that the other workflow could be told.
    assert faults(texts) == []


@pytest.mark.parametrize(
    ("name", "file", "results"),
    [
        ("service", "prices.py", {"measure": "failure", "perfgate": "failure"}),
        ("monorepo", "packages/api/api.py", {"perfgate": "failure"}),
    ],
)
def test_an_example_blocks_what_got_slower(
    name: str, file: str, results: dict[str, str], tmp_path: Path, runner_temp: Path
) -> None:
    remote = bare(tmp_path / "server" / "octo" / "lib")
    project = Project(tmp_path / "project")
    shutil.copytree(EXAMPLES / name, project.root, dirs_exist_ok=True)
    if name == "monorepo":  # one of its two gates will do here
        project.put(GATE, (project.root / GATE).read_text().replace("package: [api, web]", "package: [api]"))
    project.commit("base")
    project.git("remote", "add", "origin", str(remote))
    project.git("push", "--quiet", "origin", "main")
    project.git("switch", "--quiet", "-c", "topic")
    project.put(file, (project.root / file).read_text().replace("return sum(", "return 0 * sum(range(3000)) + sum("))
    project.commit("slower")
    hub = Hub(repository=remote)
    with fake.serving(hub) as address:
        site = Site(hub=hub, project=project, runner=Runner(place=tmp_path / "runs", temp=runner_temp, server=address))
        done = site.gate()

    jobs = done["jobs"]
    assert {job: jobs[job]["result"] for job in results} == results, jobs["perfgate"]["log"]
    assert "### ❌ 1 regression" in jobs["perfgate"]["summary"]
    assert {path.name for path in done["store"].iterdir()} == {
        "service": {"perfgate-part-1", "perfgate-part-2", "perfgate"},
        "monorepo": {"perfgate-api"},
    }[name]


def test_github_s_own_parser_takes_every_workflow_here() -> None:
    runner.parse(ROOT / "action.yml", *(ROOT / ".github" / "workflows").glob("*.yml"))


def test_what_the_action_installs_is_locked_by_hashes_and_covers_all_that_is_needed() -> None:
    import tomllib

    lock = (ROOT / "action" / "requirements.txt").read_text(encoding="utf-8")
    locked = {line.partition("==")[0] for line in lock.splitlines() if "==" in line}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = {line.partition(">")[0] for line in project["project"]["dependencies"]} | {"hatchling"}

    assert wanted <= locked
    assert lock.count("--hash=sha256:") >= len(locked)
    assert "://" not in lock


def test_an_old_interpreter_is_said_with_the_lines_to_add(tmp_path: Path) -> None:
    for name in ("python3", "python", "python3.13", "python3.12", "python3.11"):
        old = tmp_path / name
        old.write_text("#!/bin/sh\nexit 1\n")
        old.chmod(0o755)
    done = subprocess.run(
        ["bash", ROOT / "action" / "install.sh"], capture_output=True, text=True, check=False,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "RUNNER_TEMP": str(tmp_path), "GITHUB_OUTPUT": os.devnull},
    )  # fmt: skip
    assert done.returncode == 2
    assert "perfgate needs Python 3.11 or later" in done.stdout
    assert "actions/setup-python" in done.stdout


@pytest.mark.parametrize(
    ("inputs", "name", "command"),
    [
        ({}, "pull_request", "gate --report perfgate-report"),
        ({"suite": "a\n b \n", "budget": "9s", "config": "x.toml"}, "merge_group",
         "gate --report perfgate-report --config x.toml --budget 9s --suite a --suite b"),
        ({"mode": "measure", "report": "out"}, "push", "measure -o out/run.json"),
        ({"mode": "publish", "check": "true", "key": "k"}, "", "publish --key k --check --no-status --no-record"),
        ({"check": "false", "record": "true"}, "workflow_run", "publish --no-check --no-status --record"),
        ({}, "schedule", "record"),
        ({"mode": "site", "url": "https://x.org/"}, "push", "report -o perfgate-site --url https://x.org/"),
        ({}, "issues", "gate --report perfgate-report"),
        ({"directory": "src", "merge": "parts"}, "pull_request",
         "gate --report HERE/perfgate-report --merge HERE/parts"),
        ({"directory": "src", "mode": "site"}, "push", "report -o HERE/perfgate-site"),
    ],
)  # fmt: skip
def test_inputs_become_one_command(tmp_path: Path, inputs: dict[str, str], name: str, command: str) -> None:
    from perfgate.cli.action import arguments

    event = tmp_path / "event.json"
    event.write_text(json.dumps({}))

    found = arguments(inputs, {"GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": str(event)})

    assert " ".join(found) == command.replace("HERE", str(Path.cwd()))


def test_a_checkout_in_a_directory_of_its_own_is_measured(tmp_path: Path) -> None:
    inside = Project(tmp_path / "work" / "src")
    inside.commit("x", perfgate_toml=WAITING, waits_sh=WAITS)
    outside = Project(tmp_path / "work", there=True)

    done = outside.perfgate("action", PERFGATE_INPUTS='{"mode": "measure", "directory": "src", "budget": "10s"}')
    lost = outside.perfgate("action", PERFGATE_INPUTS='{"mode": "measure", "directory": "none"}')

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "work" / "perfgate-report" / "run.json").is_file()
    assert lost.returncode == 2
    assert "directory 'none' does not exist" in lost.stderr


def test_inputs_that_are_wrong_are_said(project: Project) -> None:
    no_mode = project.perfgate("action", PERFGATE_INPUTS='{"mode": "all"}')
    no_files = project.perfgate("action", PERFGATE_INPUTS='{"mode": "record", "runs": "out/*.json"}')
    nobody = project.perfgate("action")

    assert [done.returncode for done in (no_mode, no_files, nobody)] == [2, 2, 2]
    assert "mode: one of auto, gate, measure, record, publish" in no_mode.stderr
    assert "runs: 'out/*.json' fits no file in " in no_files.stderr
    assert "this command is for action.yml alone" in nobody.stderr
