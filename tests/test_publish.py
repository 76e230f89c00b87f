"""`perfgate publish` against a GitHub that keeps state: each request and answer is valid by GitHub's description."""

import contextlib
import io
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from perfgate import codec
from perfgate.cli import main
from perfgate.core.model import Run
from perfgate.errors import StoreError
from perfgate.publishers.github import client
from tests import hub as fake
from tests.core.build import noisy_pair, run
from tests.github_description import filled
from tests.hub import Hub
from tests.live import Project
from tests.test_stores import bare, stored

POLICY = '[suite.micro]\n[[rule]]\nsli = "micro/*:time"\nlimit = "5%"\n'
RUN = 4711


def both(effect: float = 0.12, *, more: float = 0.0) -> dict[str, Run]:
    """Two runs, as a measuring job hands them on."""
    pairs = [noisy_pair(effect, pairs=18), noisy_pair(more, pairs=18, seed=2, name="other")]
    base, head = run(*(pair[0] for pair in pairs)), run(*(pair[1] for pair in pairs), label="HEAD")
    return {
        "base.json": replace(base, revision=replace(base.revision, commit="b" * 40)),
        "head.json": replace(head, revision=replace(head.revision, commit="c" * 40)),
    }


@dataclass(kw_only=True)
class World:
    """A repository with a pull request, and the job that publishes."""

    hub: Hub
    project: Project
    event: Path
    head: str

    def ran(self, runs: dict[str, Run], *, run_id: int = RUN) -> None:
        """Let a job have measured these."""
        self.hub.hand_on(run_id, {name: codec.dump_run(each) for name, each in runs.items()})

    def happened(self, *, number: int = 1, attempt: int = 1, run_id: int = RUN, **more: Any) -> dict[str, Any]:
        return {
            "action": "completed",
            "repository": {"id": 1, "full_name": fake.REPOSITORY},
            "workflow_run": {
                "id": run_id, "run_number": number, "run_attempt": attempt, "event": "pull_request",
                "path": ".github/workflows/perfgate.yml", "head_sha": self.head, "head_branch": "topic",
                "html_url": f"https://github.com/{fake.REPOSITORY}/actions/runs/{run_id}",
                "repository": {"id": 1}, "head_repository": {"id": 2, "owner": {"login": "eve"}},
                "pull_requests": [], **more,
            },
        }  # fmt: skip

    def publish(self, *args: str, event: dict[str, Any] | None = None, **environ: str) -> "Done":
        self.event.write_text(json.dumps(event or self.happened()))
        self.hub.asked.clear()
        output = self.event.parent / "output"
        output.unlink(missing_ok=True)
        variables = {
            "GITHUB_EVENT_NAME": "workflow_run", "GITHUB_EVENT_PATH": str(self.event), "GITHUB_OUTPUT": str(output),
            "GITHUB_API_URL": f"{self.hub.address}/api/v3", "GITHUB_SERVER_URL": self.hub.address,
            "GITHUB_REPOSITORY": fake.REPOSITORY, "PERFGATE_TOKEN": "writer", "GITHUB_ACTIONS": "true", **environ,
        }  # fmt: skip
        out, err = io.StringIO(), io.StringIO()
        with (
            mock.patch.dict(os.environ, variables),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = main.run(["publish", *args])
        return Done(code=code, out=out.getvalue(), err=err.getvalue())

    def pull(self, **more: Any) -> dict[str, Any]:
        made = pull(self.head, **more)
        self.hub.pulls.append(made)
        self.hub.merges["c" * 40] = ("b" * 40, self.head)  # what GitHub made of it, and the job checked out
        return made

    @property
    def comment(self) -> str:
        (only,) = self.hub.comments
        return str(only["body"])


@dataclass(kw_only=True)
class Done:
    code: int
    out: str
    err: str


def pull(sha: str, *, number: int = 7, **more: Any) -> dict[str, Any]:
    """A pull request from eve's fork."""
    return filled(
        "pull-request-simple",
        number=number,
        state="open",
        user={"login": "eve"},
        author_association="CONTRIBUTOR",
        head={"sha": sha, "ref": "topic", "repo": {"id": 2, "full_name": "eve/lib"}, "user": {"login": "eve"}},
        base={"ref": "main", "sha": "d" * 40, "repo": {"id": 1, "full_name": fake.REPOSITORY}},
        **more,
    )


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(client, "LONGEST_WAIT_S", 1)
    remote = bare(tmp_path / "server" / "octo" / "lib")
    project = Project(tmp_path / "project")
    project.put("perfgate.toml", POLICY)
    project.commit("base")
    project.git("remote", "add", "origin", str(remote))
    project.git("push", "--quiet", "origin", "main")
    project.git("switch", "--quiet", "-c", "topic")
    head = project.commit("slower", lib_py="x")
    project.git("push", "--quiet", "origin", "topic")
    hub = Hub(repository=remote)
    with fake.serving(hub):
        made = World(hub=hub, project=project, event=tmp_path / "event.json", head=head)
        yield made
    assert hub.broken == []


def test_a_regression_is_commented_and_checked_and_resolved_once_it_is_gone(world: World) -> None:
    world.pull()
    world.ran(both(0.12))

    red = world.publish()
    first = world.comment
    world.hub.artifacts.clear()
    world.ran(both(0.0), run_id=RUN + 1)
    green = world.publish(event=world.happened(number=2, run_id=RUN + 1))
    world.hub.artifacts.clear()
    world.ran(both(0.0), run_id=RUN + 2)
    again = world.publish(event=world.happened(number=3, run_id=RUN + 2))

    assert (red.code, green.code, again.code) == (0, 0, 0), red.err + green.err
    assert first.startswith(f"<!-- perfgate:v1:default -->\n<!-- head={world.head} run=1.1 -->\n### ❌ 1 regression · ")
    assert "— make it faster, or accept it\n" in first
    assert "`micro/parse:time`" in first
    assert f"git fetch origin {'b' * 40} {'c' * 40} && perfgate compare {'b' * 12} {'c' * 12} --seed 1" in first
    assert "add the label `perfgate: accept` and run the job again" in first
    assert "`Perfgate-Accept: micro/parse:time up to 14% <why>`" in first
    assert "\n**Resolved:** what an earlier run found is gone.\n" in world.comment
    assert "### ✅ no regression · 2 unchanged — no action needed" in world.comment
    assert "comment: edited" in again.err
    assert [check["conclusion"] for check in world.hub.checks] == ["failure", "success", "success"]
    assert {check["name"] for check in world.hub.checks} == {"perfgate/verdict"}
    assert {check["head_sha"] for check in world.hub.checks} == {world.head}
    assert world.hub.checks[0]["external_id"] == f"{RUN}:7:failure"
    assert "pull request 7: ❌ 1 regression · 1 unchanged" in red.err
    assert world.hub.statuses == []


def test_what_changes_nothing_is_not_commented_unless_asked(world: World) -> None:
    world.pull()
    world.ran(both(0.0))

    quiet = world.publish()
    failures = world.publish("--comment", "failures")
    assert world.hub.comments == []
    always = world.publish("--comment", "always", "--status", "--no-check")
    once_more = world.publish("--comment", "always", "--no-check")
    never = world.publish("--comment", "never", "--key", "nightly", "--status")

    assert "comment: skipped: there is nothing to say" in quiet.err
    assert "comment: skipped" in failures.err
    assert "comment: created" in always.err
    assert "comment: unchanged" in once_more.err
    assert "comment" not in never.err
    assert [check["name"] for check in world.hub.checks] == ["perfgate/verdict"] * 2 + ["perfgate/verdict (nightly)"]
    assert [(s["context"], s["state"]) for s in world.hub.statuses] == [
        ("perfgate/status", "success"),
        ("perfgate/status (nightly)", "success"),
    ]


def test_three_hundred_comments_cost_at_most_eighteen_requests(world: World) -> None:
    for number in range(300):
        world.hub.say(f"words {number}", login="ada", type="User")
    world.project.git("switch", "--quiet", "main")
    world.project.put("pyproject.toml", '[tool.perfgate]\nbudget = "1m"\n')
    world.project.git("rm", "--quiet", "perfgate.toml")
    world.project.commit("another place")
    world.project.git("push", "--quiet", "origin", "main")
    world.pull()
    world.ran(both())

    made = world.publish()
    first = list(world.hub.asked)
    world.publish(event=world.happened(number=2))

    assert made.code == 0, made.err
    assert len(world.hub.comments) == 301
    assert len(first) <= 18, first
    assert len(world.hub.asked) <= 18, world.hub.asked
    assert "comment: created" in made.err


def test_a_marker_in_somebody_else_s_comment_makes_it_nobody_s(world: World) -> None:
    forged = world.hub.say("<!-- perfgate:v1:default -->\nforged", login="eve", type="User")
    world.pull()
    world.ran(both())

    by_job = world.publish()
    world.hub.me = "eve"
    world.hub.comments.pop()
    by_her = world.publish(event=world.happened(number=2))

    assert "comment: created" in by_job.err
    assert "comment: edited" in by_her.err
    assert forged["body"].startswith("<!-- perfgate:v1:default -->\n<!-- head=")


def test_an_older_run_that_ends_later_leaves_the_comment(world: World) -> None:
    world.pull()
    world.ran(both(0.0))
    world.ran(both(0.12), run_id=RUN + 1)
    world.publish(event=world.happened(number=9, attempt=2, run_id=RUN + 1))
    newer = world.comment

    older = world.publish(event=world.happened(number=9, attempt=1))

    assert "comment: skipped: a later run has spoken" in older.err
    assert world.comment == newer


def test_two_publishers_at_once_leave_one_comment_with_the_later_word(world: World) -> None:
    world.pull()
    world.ran(both(0.12))
    text = f"<!-- perfgate:v1:default -->\n<!-- head={world.head} run=1.1 -->\nsomebody else's"
    world.hub.before_post = lambda: world.hub.say(text) and None

    done = world.publish(event=world.happened(number=2))

    assert done.code == 0, done.err
    assert "### ❌ 1 regression" in world.comment
    assert "run=2.1" in world.comment
    assert world.hub.comments[0]["id"] == 1001


def test_the_base_s_policy_counts_and_the_comment_says_what_the_change_would_loosen(world: World) -> None:
    world.project.put("perfgate.toml", POLICY.replace("5%", "200%"))
    world.head = world.project.commit("looser")
    world.project.git("push", "--quiet", "origin", "topic")
    world.pull()
    world.ran(both(0.12))

    done = world.publish()

    assert done.code == 0, done.err
    assert "### ❌ 1 regression" in world.comment
    assert "this change alters the policy; until it is merged that of base counts" in world.comment
    assert "rule micro/\\*:time: 5 % → 200 %" in world.comment.replace("\u2060", "")


def test_a_suite_that_the_change_takes_away_is_missed_and_what_it_measures_otherwise_is_said(world: World) -> None:
    world.project.git("switch", "--quiet", "main")
    world.project.put("perfgate.toml", f"{POLICY}[suite.other]\n")
    world.project.commit("another suite")
    world.project.git("push", "--quiet", "origin", "main")
    world.project.git("switch", "--quiet", "topic")
    world.project.put(
        "perfgate.toml", POLICY.replace("[suite.micro]", '[perfgate]\nbudget = "1s"\n[suite.micro]\nselect = "a"')
    )
    world.head = world.project.commit("less")
    world.project.git("push", "--quiet", "origin", "topic")
    world.pull()
    world.ran(both(0.0))

    world.publish()

    assert "### 🚫 not everything could be measured · 1 missing · 2 unchanged" in world.comment
    assert "this change alters what is measured, or how: budget, suite.micro, suite.other" in world.comment
    assert world.hub.checks[0]["conclusion"] == "failure"


def test_what_is_only_accepted_or_not_known_is_not_resolved(world: World) -> None:
    made = world.pull()
    world.ran(both(0.12))
    world.publish()
    made["labels"] = [filled("label", description="x", name="perfgate: accept")]

    world.publish(event=world.happened(number=2))

    assert "☑️" in world.comment
    assert "Resolved" not in world.comment


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("x = [", "is not TOML"),
        ("[" * 5000, "is not TOML"),
        ("x = 1" + "1" * 5000, "is not TOML"),
        (".".join(["a"] * 3_000) + " = 1", "cannot be read"),
        ('y = """\n[' + " " * 30_000 + '\n"""', "not a key that perfgate knows"),
        ("#" * (2**20 + 1), "at most 1,048,576 are read"),
        ("[perfgate]\nnonsense = 1\n", "not a key that perfgate knows"),
    ],
)
def test_a_configuration_that_cannot_be_read_is_said_and_never_blocks(world: World, content: str, words: str) -> None:
    world.project.put("perfgate.toml", content)
    world.head = world.project.commit("broken")
    world.project.git("push", "--quiet", "origin", "topic")
    world.pull()
    world.ran(both(0.0))
    head = world.publish("--comment", "always")

    world.project.git("push", "--quiet", "origin", "topic:main")
    base = world.publish(event=world.happened(number=2))

    assert (head.code, base.code) == (0, 0), head.err + base.err
    assert "the configuration on base cannot be read, so the defaults count" in world.comment
    assert words in world.comment.replace("\\", "")
    assert world.hub.checks[-1]["conclusion"] == "success"


@pytest.mark.parametrize(
    ("more", "message", "accepted"),
    [
        ({"labels": [{"name": "perfgate: accept"}]}, "x", "accepted: the pull request has the label"),
        ({"labels": [{"name": "other"}]}, "x", ""),
        ({"author_association": "OWNER"}, "x\n\nPerfgate-Accept: micro/p*:* up to 20% why", "up to 20 % by eve: why"),
        ({"author_association": "OWNER"}, "x\n\nPerfgate-Accept: micro/p*:* up to 5% why", ""),
        ({}, "x\n\nPerfgate-Accept: * mine", ""),
        ({"author_association": "MEMBER"}, "x\n\nPerfgate-Accept: * mine", ""),
        ({"author_association": "OWNER"}, "x\n\nPerfgate-Accept: *", ""),
    ],
)  # fmt: skip
def test_a_label_accepts_and_a_trailer_by_who_may_write(
    world: World, more: dict[str, Any], message: str, accepted: str
) -> None:
    world.head = world.project.commit(message)
    world.project.git("push", "--quiet", "origin", "topic")
    made = world.pull()
    made.update({key: value for key, value in more.items() if key != "labels"})
    made["labels"] = [filled("label", description="x", **label) for label in more.get("labels", [])]
    world.ran(both(0.12))

    world.publish()

    words = world.comment.replace("\\", "")
    assert ("☑️" in words) is bool(accepted)
    assert accepted in words
    assert world.hub.checks[-1]["conclusion"] == ("success" if accepted else "failure")


def test_a_change_shows_its_past_from_the_results_branch(world: World) -> None:
    runs = both(0.12)
    sli = runs["head.json"].samples[0].sli
    past = [
        replace(
            stored(number, suite="micro"),
            environment=runs["head.json"].environment,
            levels={sli: replace(next(iter(stored().levels.values())), median=(1 + number) * 1e-3)},
        )
        for number in range(4)
    ]
    _record(world, past)
    world.pull()
    world.ran(runs)

    done = world.publish()

    assert done.code == 0, done.err
    assert "`micro/parse:time` so far: ▁▃▆█ 1.00 ms → 4.00 ms in 4 stored runs" in world.comment


def test_the_verdicts_are_kept_beside_the_stored_runs_where_that_is_wanted(world: World) -> None:
    world.pull()["author_association"] = "OWNER"
    world.ran(both(0.12))

    kept, again = world.publish("--record"), world.publish("--record")

    assert (kept.code, again.code) == (0, 0), kept.err
    assert "verdicts: kept, in perfgate-results" in kept.err
    assert "verdicts: kept before, in perfgate-results" in again.err
    remote = ["git", "--git-dir", str(world.hub.repository)]
    listed = subprocess.run(
        [*remote, "ls-tree", "-r", "--name-only", "perfgate-results"], check=True, capture_output=True, text=True
    ).stdout
    assert [path.split("/")[0] for path in listed.split()] == ["format.json", "verdicts"]


def test_the_verdicts_of_who_may_not_write_are_not_kept(world: World) -> None:
    world.pull()
    world.ran(both(0.12))

    done = world.publish("--record")

    assert done.code == 0
    assert "verdicts: not stored, because its author may not write to the repository" in done.err


def test_verdicts_that_cannot_be_kept_are_an_error_and_the_rest_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.pull()["author_association"] = "OWNER"
    world.ran(both(0.12))

    def declined(*_: object, **__: object) -> None:
        raise StoreError("the server declined")

    monkeypatch.setattr("perfgate.stores.branch.BranchStore.append", declined)
    done = world.publish("--record")

    assert done.code == 3
    assert "the server declined" in done.err
    assert "❌" in world.comment


def _record(world: World, runs: list[Any]) -> None:
    from perfgate.host.clone import Address
    from perfgate.host.interrupt import Interrupts
    from perfgate.stores.archive import Archive
    from perfgate.stores.branch import open_branch

    url = str(world.hub.repository)
    with (
        Interrupts() as interrupts,
        open_branch(Address(url=url, push_url=url), "perfgate-results", interrupts=interrupts) as store,
    ):
        for each in runs:
            Archive(store).record([each], message="x")


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"event": "push"}, "the run was of a push, not of a pull request"),
        ({"path": ".github/workflows/evil.yml"}, "the run was of .github/workflows/evil.yml, not of"),
        ({"repository": {"id": 3}}, "the run was in another repository"),
        ({"head_sha": "e" * 40}, "no open pull request has eeeeeeeeeeee as its head any more"),
        ({"head_repository": {"id": 3, "owner": {"login": "eve"}}}, "no open pull request has"),
        ({"head_branch": "gone"}, "no open pull request has"),
        ({"head_repository": None}, "the fork that the run was of is gone"),
    ],
)
def test_what_is_nobody_s_business_here_is_left_with_a_word(world: World, more: dict[str, Any], why: str) -> None:
    world.pull()
    world.ran(both())

    done = world.publish(event=world.happened(**more))

    assert done.code == 0
    assert why in done.err
    assert (world.hub.comments, world.hub.checks) == ([], [])


def test_a_run_that_handed_nothing_on_is_red_and_said_where_something_was_said_before(world: World) -> None:
    world.pull()

    silent = world.publish()
    assert world.hub.comments == []
    number = world.hub.hand_on(RUN, {})
    world.hub.expired.add(number)
    world.hub.say("<!-- perfgate:v1:default -->\nolder")
    done = world.publish(event=world.happened(number=2))

    assert (silent.code, done.code) == (0, 0)
    assert "### 🚫 nothing could be judged" in world.comment
    assert "handed nothing on" in world.comment
    assert [check["conclusion"] for check in world.hub.checks] == ["failure", "failure"]


def test_outside_of_its_job_the_way_is_said(world: World) -> None:
    elsewhere = world.publish(GITHUB_EVENT_NAME="pull_request")
    tokenless = world.publish(PERFGATE_TOKEN="")
    odd = world.publish(event={"workflow_run": {"event": "pull_request"}})
    key = world.publish("--key", "a b -->")

    assert [done.code for done in (elsewhere, tokenless, odd, key)] == [2, 2, 2, 2]
    assert "perfgate publish is for a workflow that runs on workflow_run, not on pull_request" in elsewhere.err
    assert "PERFGATE_TOKEN: ${{ github.token }}" in tokenless.err
    assert "the event is not a workflow_run of GitHub's" in odd.err
    assert "small letters, digits and hyphens" in key.err


def test_the_outputs_are_small_facts(world: World, tmp_path: Path) -> None:
    world.pull()
    world.ran(both())

    world.publish()
    text = (tmp_path / "output").read_text()

    for line in ("regression", "https://github.com/octo/lib/pull/7#issuecomment-1001", "https://github.com/checks/1"):
        assert f"\n{line}\n" in text


def test_a_pull_request_s_workflow_that_pushes_is_real_git(world: World) -> None:
    """The hub's repository is the one that was pushed to: its API and its git show one state."""
    done = subprocess.run(
        ["git", "ls-remote", f"{world.hub.address}/octo/lib", "topic"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(world.head)
