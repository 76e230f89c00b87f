"""`perfgate gate` as a job runs it: a real event, a real checkout, the files that the runner reads."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from perfgate.core.policy import Policy, Rule
from perfgate.publishers import actions
from perfgate.publishers.github.event import NO_COMMIT, Activity, Asked, asked
from perfgate.render import annotations
from tests.core.build import failure, noisy_pair, run
from tests.live import SLOWER, WAITING, WAITS, Project
from tests.test_render import made

REPOSITORY = {"default_branch": "main", "full_name": "octo/lib"}


def pull(head: str = "p2", *, of: str = "octo/lib", by: str = "ada") -> dict[str, Any]:
    return {
        "number": 7,
        "pull_request": {
            "head": {"sha": head, "repo": {"full_name": of}},
            "base": {"sha": "stale", "ref": "main", "repo": {"full_name": "octo/lib"}},
        },
        "sender": {"login": by},
        "repository": REPOSITORY,
    }


def push(ref: str = "refs/heads/topic", **more: Any) -> dict[str, Any]:
    return {"ref": ref, "before": "b" * 40, "repository": REPOSITORY, **more}


GROUP = {"merge_group": {"base_sha": "g" * 40, "base_ref": "refs/heads/main"}}


@pytest.mark.parametrize(
    ("name", "event", "activity", "base", "ref"),
    [
        ("pull_request", pull(), Activity.GATE, "p1", "main"),
        ("pull_request", pull("checked-out"), Activity.GATE, None, "main"),
        ("pull_request", pull("moved on"), Activity.GATE, None, "main"),
        ("merge_group", GROUP, Activity.GATE, "g" * 40, "main"),
        ("merge_group", {}, Activity.GATE, "p1", None),
        ("push", push(), Activity.GATE, "b" * 40, "main"),
        ("push", push(before=NO_COMMIT), Activity.GATE, None, "main"),
        ("push", push(forced=True), Activity.GATE, None, "main"),
        ("push", push("refs/tags/v1", before=NO_COMMIT), Activity.GATE, "p1", "main"),
        ("push", push("refs/tags/v1"), Activity.GATE, "b" * 40, "main"),
        ("push", push("refs/heads/main"), Activity.RECORD, None, None),
        ("push", push(deleted=True), Activity.NOTHING, None, None),
        ("schedule", {}, Activity.RECORD, None, None),
        ("workflow_dispatch", {"repository": REPOSITORY}, Activity.GATE, "p1", "main"),
        ("workflow_run", {}, Activity.PUBLISH, None, None),
        ("issues", {}, Activity.NOTHING, None, None),
        ("", {"pull_request": "x"}, Activity.NOTHING, None, None),
    ],
)
def test_an_event_asks_for_one_thing(
    name: str, event: dict[str, Any], activity: Activity, base: str | None, ref: str | None
) -> None:
    found = asked(name, event, head="checked-out", parents=("p1", "p2"))

    assert (found.activity, found.base, found.base_ref) == (activity, base, ref)
    assert found.why


@pytest.mark.parametrize(
    ("event", "fork"),
    [(pull(), False), (pull(of="eve/lib"), True), (pull(by="dependabot[bot]"), True), (pull(of=None), True)],  # type: ignore[arg-type]
)
def test_a_fork_and_dependabot_have_a_token_that_can_only_read(event: dict[str, Any], fork: bool) -> None:
    found = asked("pull_request", event, head="checked-out", parents=("p1", "p2"))

    assert (found.fork, found.number) == (fork, 7)


def test_an_event_without_anything_known_is_still_an_answer() -> None:
    assert asked("pull_request", {"number": "x"}, head="h", parents=()) == Asked(
        activity=Activity.GATE, why="a pull request, compared with where it left its base", first=True
    )


@pytest.mark.parametrize("more", [{"before": NO_COMMIT}, {"forced": True}])
def test_all_commits_of_a_new_or_rewritten_branch_are_compared(tmp_path: Path, more: dict[str, Any]) -> None:
    """Only the first commit of the branch is slower; its last one changes a page."""
    upstream = Project(tmp_path / "upstream")
    upstream.commit("base", perfgate_toml=WAITING, waits_sh=WAITS)
    upstream.git("switch", "--quiet", "-c", "topic")
    upstream.commit("slower", waits_sh=SLOWER)
    upstream.commit("docs", README_md="x")
    job = Job(tmp_path, upstream, depth=0, at="refs/heads/topic")

    done = job.gate("push", push(**more))

    assert done.returncode == 1, done.stdout + done.stderr
    assert job.outputs()["base-sha"] == upstream.git("rev-parse", "main")
    assert "compared with where it left main" in done.stderr


def test_a_new_branch_in_a_clone_without_its_history_is_compared_with_the_parent(tmp_path: Path) -> None:
    upstream = Project(tmp_path / "upstream")
    upstream.git("config", "uploadpack.allowAnySHA1InWant", "true")
    upstream.commit("base", perfgate_toml=WAITING, waits_sh=WAITS)
    upstream.commit("more", README_md="x")
    upstream.git("switch", "--quiet", "-c", "topic")
    upstream.commit("slower", waits_sh=SLOWER)
    job = Job(tmp_path, upstream, depth=1, at="refs/heads/topic")
    job.project.git("update-ref", "-d", "refs/remotes/origin/main")

    done = job.gate("push", push(before=NO_COMMIT))

    assert done.returncode == 1, done.stdout + done.stderr
    assert job.outputs()["base-sha"] == upstream.git("rev-parse", "main")


def test_a_first_commit_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    upstream = Project(tmp_path / "upstream")
    upstream.commit("base", perfgate_toml=WAITING, waits_sh=WAITS)
    upstream.git("branch", "topic")
    job = Job(tmp_path, upstream, depth=0, at="refs/heads/main")

    done = job.gate("workflow_dispatch", {"repository": REPOSITORY})

    assert done.returncode == 2
    assert "nothing to compare: HEAD is the first commit" in done.stderr


def test_only_words_of_the_change_itself_speak_for_it() -> None:
    merged = asked("merge_group", GROUP, head="m", parents=("base", "theirs"))
    squashed = asked("merge_group", GROUP, head="m", parents=("base",))

    assert (merged.speaks, merged.trusted) == ("theirs", False)
    assert (squashed.speaks, squashed.trusted) == ("m", False)
    assert asked("pull_request", pull(), head="m", parents=("p1", "p2")).trusted is True
    assert asked("pull_request", pull(of="eve/lib"), head="m", parents=("p1", "p2")).trusted is False


class Job:
    """A checkout as actions/checkout makes it, with the files of a step."""

    def __init__(self, tmp_path: Path, upstream: Project, *, depth: int, at: str = "refs/pull/7/merge") -> None:
        self.project = Project(tmp_path / "checkout")
        self.project.git("remote", "add", "origin", f"file://{upstream.root}")
        deep = [f"--depth={depth}"] if depth else []
        self.project.git(
            "fetch",
            "--quiet",
            *deep,
            "origin",
            f"+{at}:refs/remotes/pull/7/merge",
            "+refs/heads/*:refs/remotes/origin/*",
        )
        self.project.git("checkout", "--quiet", "--detach", "refs/remotes/pull/7/merge")
        self.head = upstream.git("rev-parse", "topic")
        self.output, self.summary, self.event = (tmp_path / name for name in ("output", "summary", "event.json"))

    def gate(self, name: str, event: dict[str, Any], *args: str) -> subprocess.CompletedProcess[str]:
        if "pull_request" in event and event["pull_request"]["head"]["sha"] == "p2":
            event["pull_request"]["head"]["sha"] = self.head
        self.event.write_text(json.dumps(event))
        return self.project.perfgate(
            "gate", "--report", "../report", *args,
            GITHUB_ACTIONS="true", GITHUB_EVENT_NAME=name, GITHUB_EVENT_PATH=str(self.event),
            GITHUB_OUTPUT=str(self.output), GITHUB_STEP_SUMMARY=str(self.summary),
        )  # fmt: skip

    def outputs(self) -> dict[str, str]:
        return {
            name: value
            for name, _, value in re.findall(r"(?ms)^([\w-]+)<<(end-\w+)\n(.*?)\n\2$", self.output.read_text())
        }


@pytest.fixture
def upstream(tmp_path: Path) -> Project:
    """main went on after a pull request branched off, and GitHub made the merge commit of both."""
    project = Project(tmp_path / "upstream")
    project.git("config", "uploadpack.allowAnySHA1InWant", "true")
    project.commit("base", perfgate_toml=WAITING, waits_sh=WAITS)
    project.git("switch", "--quiet", "-c", "topic")
    project.commit("slower", waits_sh=SLOWER)
    project.git("switch", "--quiet", "main")
    project.commit("main goes on", README_md="x")
    project.git("switch", "--quiet", "--detach")
    project.git("merge", "--quiet", "--no-ff", "-m", "merge", "topic")
    project.git("update-ref", "refs/pull/7/merge", "HEAD")
    project.git("switch", "--quiet", "main")
    return project


def test_a_gate_that_is_told_to_look_away_still_wants_what_is_expected(tmp_path: Path, upstream: Project) -> None:
    upstream.commit("expects", perfgate_toml=f'perfgate.expect = ["cli/waits"]\n{WAITING}')
    upstream.git("switch", "--quiet", "--detach")
    upstream.git("merge", "--quiet", "--no-ff", "-m", "merge", "topic")
    upstream.git("update-ref", "refs/pull/7/merge", "HEAD")
    job = Job(tmp_path, upstream, depth=2)

    done = job.gate("pull_request", pull(), "--budget", "20s", "-k", "rests")

    assert done.returncode == 3, done.stdout + done.stderr
    assert "1 missing" in done.stdout
    assert "the configuration expects it" in done.stdout


def test_a_pull_request_with_a_regression_fails_the_job_and_says_where(tmp_path: Path, upstream: Project) -> None:
    job = Job(tmp_path, upstream, depth=2)

    done = job.gate("pull_request", pull())

    assert done.returncode == 1, done.stdout + done.stderr
    outputs = job.outputs()
    assert outputs["activity"] == "gate"
    assert (outputs["verdict"], outputs["regressions"], outputs["compared"]) == ("regression", "1", "2")
    assert outputs["base-sha"] == upstream.git("rev-parse", "main")
    assert outputs["head-sha"] == upstream.git("rev-parse", "refs/pull/7/merge")
    assert "### ❌ 1 regression" in job.summary.read_text()
    assert Path(job.project.root, outputs["report-path"]).read_text() == job.summary.read_text()[:-1]
    assert {path.name for path in (tmp_path / "report").iterdir()} == {
        "base.json",
        "head.json",
        "report.html",
        "report.json",
        "report.md",
    }
    assert re.search(r"^::error title=perfgate%3A regression::cli/waits:time: ", done.stdout, re.M)
    assert "compared with what it would be merged into" in done.stderr


def test_jobs_that_share_the_benchmarks_are_judged_as_one(tmp_path: Path, upstream: Project) -> None:
    job = Job(tmp_path, upstream, depth=2)
    parts = [
        job.gate("pull_request", pull(), "--shard", f"{number}/3", "--report", f"../parts/{number}")
        for number in (1, 2, 3)
    ]
    merged = job.gate("pull_request", pull(), "--merge", "../parts")
    again = job.gate("pull_request", pull(of="eve/lib"), "--merge", "../report")
    runs = [json.loads((tmp_path / "parts" / f"{n}" / "head.json").read_text())["run"] for n in (1, 2, 3)]
    for name in ("head.json", "base.json"):
        (tmp_path / "parts" / "2" / name).unlink()
    lost = job.gate("pull_request", pull(), "--merge", "../parts")
    nothing = job.gate("pull_request", pull(), "--merge", "../parts/2")
    job.project.git("checkout", "--quiet", "HEAD^1")
    on_base = job.gate("pull_request", pull())
    job.project.git("checkout", "--quiet", "refs/remotes/pull/7/merge")
    job.project.git("commit", "--quiet", "--allow-empty", "-m", "another")
    elsewhere = job.gate("pull_request", pull(), "--merge", "../report")
    odd = job.gate("pull_request", pull(), "--shard", "4/3")

    # Two benchmarks in three parts: one has nothing to do, and says no more.
    assert sorted(done.returncode for done in parts) == [0, 0, 1], [done.stderr for done in parts]
    assert sorted(len(run["offered"]) for run in runs) == [0, 1, 1]
    assert (merged.returncode, again.returncode) == (1, 1), merged.stderr + again.stderr
    assert merged.stdout.startswith("❌ 1 regression · ")
    assert again.stdout.startswith("❌ 1 regression · ")
    assert (lost.returncode, nothing.returncode, odd.returncode, elsewhere.returncode) == (2, 2, 2, 2)
    assert re.search("error: part 2/3 is missing", lost.stderr)
    assert "has no runs of jobs with --shard" in nothing.stderr
    assert "which is checked out" in elsewhere.stderr
    assert on_base.returncode == 2
    assert "HEAD is on main already: nothing of the pull request is checked out" in on_base.stderr
    assert "--shard: '4/3' is not a part" in odd.stderr


def test_a_change_cannot_loosen_its_own_limit_and_a_trailer_or_label_accepts(tmp_path: Path, upstream: Project) -> None:
    upstream.git("switch", "--quiet", "topic")
    upstream.commit("looser", perfgate_toml=WAITING.replace("20%", "3000%"))
    upstream.git(
        "commit", "--quiet", "--allow-empty", "-m", "x\n\nPerfgate-Accept: *waits:time up to 3000% it does more"
    )
    head = upstream.git("rev-parse", "HEAD")
    upstream.git("switch", "--quiet", "--detach", "main")
    upstream.git("merge", "--quiet", "--no-ff", "-m", "merge", "topic")
    upstream.git("update-ref", "refs/pull/7/merge", "HEAD")
    job = Job(tmp_path, upstream, depth=2)
    outsider = pull(head, of="eve/lib")
    labelled = pull(head, of="eve/lib")
    labelled["pull_request"]["labels"] = [{"name": "perfgate: accept"}]

    blocked = job.gate("pull_request", outsider)
    trailer = job.gate("pull_request", pull(head), "--merge", "../report")
    label = job.gate("pull_request", labelled, "--merge", "../report")
    config = job.gate("pull_request", outsider, "--config", "/dev/null")

    assert (blocked.returncode, trailer.returncode, label.returncode, config.returncode) == (1, 0, 0, 2), blocked.stderr
    assert "this change alters the policy; until it is merged that of base counts: rule *:time: 20 %" in blocked.stdout
    assert "accepted up to 3000 %: it does more" in trailer.stdout
    assert "accepted: the pull request has the label 'perfgate: accept'" in label.stdout
    assert "the configuration must be committed: base's decides" in config.stderr


def test_a_base_that_the_checkout_lacks_is_fetched_or_the_line_is_named(tmp_path: Path, upstream: Project) -> None:
    job = Job(tmp_path, upstream, depth=1)
    job.project.git("update-ref", "-d", "refs/remotes/origin/main")
    upstream.git("switch", "--quiet", "--orphan", "gone")
    base = asked("push", push(before=upstream.git("rev-parse", "main")), head="", parents=())

    fine = job.gate("push", push(before=base.base), "--budget", "1ms")
    lost = job.gate("push", push(before="1" * 40))
    nowhere = job.gate("pull_request", pull(upstream.git("rev-parse", "refs/pull/7/merge")))

    assert "the time budget of" in fine.stderr
    assert lost.returncode == 3
    assert "the base 111111111111 is not in this clone, and cannot be fetched" in lost.stderr
    assert "fetch-depth: 2" in lost.stderr
    assert "::error title=perfgate::the base 111111111111 is not in this clone" in lost.stderr
    assert nowhere.returncode == 2
    assert "cannot tell where HEAD left main" in nowhere.stderr
    assert "fetch-depth: 0" in nowhere.stderr


def test_where_the_head_itself_is_checked_out_the_base_is_where_it_branched_off(
    tmp_path: Path, upstream: Project
) -> None:
    job = Job(tmp_path, upstream, depth=0, at="refs/heads/topic")

    done = job.gate("pull_request", pull(upstream.git("rev-parse", "topic")))

    assert done.returncode == 1, done.stderr
    assert job.outputs()["base-sha"] == upstream.git("rev-parse", "main~1")


def test_an_event_that_asks_for_something_else_is_answered_at_once(tmp_path: Path, upstream: Project) -> None:
    job = Job(tmp_path, upstream, depth=1)

    done = job.gate("push", push("refs/heads/main"))

    assert done.returncode == 0
    assert "a push to main, the default branch: nothing to compare, and nothing was measured" in done.stderr
    assert job.outputs() == {"activity": "record"}
    assert not job.summary.exists()


def test_outside_of_a_job_the_way_out_is_said(project: Project) -> None:
    project.two_commits()
    project.put("event.json", "nonsense")

    outside = project.perfgate("gate", GITHUB_EVENT_PATH="")
    damaged = project.perfgate("gate", GITHUB_EVENT_PATH="event.json")

    assert (outside.returncode, damaged.returncode) == (2, 2)
    assert "this is no GitHub Actions job" in outside.stderr
    assert "perfgate compare BASE" in outside.stderr
    assert "event.json is not an event" in damaged.stderr


def test_no_output_can_end_its_own_field(tmp_path: Path) -> None:
    path = tmp_path / "output"
    actions.write_outputs(path, {"a": "x\nb<<end\ny\nend\n", "c": ""})
    actions.write_outputs(path, {"d": "z"})

    found = re.findall(r"(?ms)^(\w+)<<(end-\w+)\n(.*?)\n\2$", path.read_text())

    assert [(name, value) for name, _, value in found] == [("a", "x\nb<<end\ny\nend\n"), ("c", ""), ("d", "z")]


def test_a_summary_that_is_too_large_is_cut_at_a_line(tmp_path: Path) -> None:
    path = tmp_path / "summary"
    actions.write_summary(path, "é" * 99 + "\n" + "\n".join(["| row |"] * 200_000))

    assert path.stat().st_size < 1_048_576
    assert path.read_text().endswith("| row |\n\n…the rest is in the report file.\n")


def test_annotations_are_ten_of_a_level_and_cannot_be_broken_out_of() -> None:
    slow = [noisy_pair(0.2, pairs=15, seed=i, name=f"slow::{i}") for i in range(12)]
    warns = noisy_pair(0.2, pairs=15, seed=50, name="warns")
    evil = failure("evil", text="50 %\n::set-output name=x::y")
    base = run(*(pair[0] for pair in slow), warns[0])
    head = run(*(pair[1] for pair in slow), warns[1], failures=[evil])
    policy = Policy(rules=(Rule(sli="*warns*", limit=0.05, critical=False), *Policy().rules))

    lines = annotations.render(made(base, head, policy)).splitlines()

    assert [line.partition(" ")[0] for line in lines] == ["::error"] * 10 + ["::warning"]
    assert lines[-1].startswith("::warning title=perfgate%3A regression::micro/warns:time: 998 µs → ")
    assert all(line.startswith("::") for line in lines)
    only = annotations.render(made(run(), run(failures=[evil])))
    assert "50 %25%0A:\ufffd:set-output" in only
