"""What a pull request may try against the half that publishes: each attempt ends red, or without effect."""

import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from perfgate.cli import main
from perfgate.publishers.github import artifact, wording
from tests import fuzz, fuzz_publish
from tests import hub as fake
from tests.test_hostile_artifacts import HONEST
from tests.test_publish import POLICY, RUN, World, both, pull, world

__all__ = ["world"]  # the fixture


def documents() -> dict[str, Any]:
    return {name: json.loads(data) for name, data in HONEST.items()}


def hand_on(world: World, found: dict[str, Any]) -> None:
    world.pull()
    world.hub.hand_on(RUN, {name: json.dumps(document) for name, document in found.items()})


def conclusions(world: World) -> list[str]:
    return [str(check["conclusion"]) for check in world.hub.checks]


def base_commit(world: World, text: str, *, branch: str = "main") -> None:
    """Put a policy on a base branch."""
    world.project.git("switch", "--quiet", "-C", branch, "origin/main")
    world.project.put("perfgate.toml", text)
    world.project.commit("policy")
    world.project.git("push", "--quiet", "origin", branch)
    world.project.git("switch", "--quiet", "topic")


@pytest.mark.parametrize("how", ["renamed", "deleted", "emptied"])
def test_a_configuration_that_went_away_is_not_taken_for_unchanged(world: World, how: str) -> None:
    """GitHub lists a renamed file by its new name alone: head has no such file any more."""
    base_commit(world, f"{POLICY}[suite.other]\n[suite.third]\npaths = ['bench3']\n")
    project = world.project
    project.git("merge", "--quiet", "--no-edit", "main")
    if how == "renamed":
        project.git("mv", "perfgate.toml", "old-perfgate.toml.txt")
    elif how == "deleted":
        project.git("rm", "--quiet", "perfgate.toml")
    if how == "emptied":
        project.put("perfgate.toml", "[suite.micro]\nselect = 'other'\n")
    else:
        project.put("pyproject.toml", "[tool.perfgate.suite.micro]\nselect = 'other'\n")
    world.head = project.commit("tidy")
    project.git("push", "--quiet", "origin", "topic")
    world.pull()
    world.ran(both(0.0))

    world.publish("--comment", "always")

    assert conclusions(world) == ["failure"]
    assert "2 missing" in world.comment
    assert "this change alters what is measured, or how: suite.micro, suite.other, suite.third" in world.comment


def test_a_lax_branch_cannot_turn_the_same_commit_green(world: World) -> None:
    """A second pull request of the same head commit, from another branch, goes where everything is allowed."""
    base_commit(world, POLICY.replace("5%", "900%"), branch="old")
    world.pull(number=7)
    world.ran(both(0.12))
    world.publish()
    other = world.pull(number=8)
    other["head"] = {**other["head"], "ref": "topic2"}
    other["base"] = {**other["base"], "ref": "old"}
    world.ran(both(0.12), run_id=RUN + 1)

    second = world.publish(event=world.happened(number=2, run_id=RUN + 1, head_branch="topic2"))

    assert conclusions(world) == ["failure", "failure"]
    assert world.hub.checks[-1]["output"]["title"].startswith("pull request 7, into main: ❌ 1 regression")
    assert "pull request 8: ✅" in second.err or "pull request 8: ⚠️" in second.err


def test_other_numbers_of_another_pull_request_do_not_hide_a_red_check(world: World) -> None:
    """Against a base that is as slow there is no regression: the check stays red while the first is."""
    world.pull(number=7)
    world.ran(both(0.12))
    world.publish()
    other = world.pull(number=8)
    other["head"] = {**other["head"], "ref": "topic2"}
    world.ran(both(0.0), run_id=RUN + 1)

    world.publish(event=world.happened(number=2, run_id=RUN + 1, head_branch="topic2"))
    assert conclusions(world) == ["failure", "failure"]
    assert world.hub.checks[-1]["output"]["title"] == "pull request 7, with the same head, is red"

    world.ran(both(0.0), run_id=RUN + 2)
    world.publish(event=world.happened(number=3, run_id=RUN + 2))
    world.ran(both(0.0), run_id=RUN + 3)
    world.publish(event=world.happened(number=4, run_id=RUN + 3, head_branch="topic2"))

    assert conclusions(world)[2:] == ["success", "success"]


def test_a_closed_pull_request_holds_nothing_back(world: World) -> None:
    first = world.pull(number=7)
    world.ran(both(0.12))
    world.publish()
    first["state"] = "closed"
    other = world.pull(number=8)
    other["head"] = {**other["head"], "ref": "topic2"}
    world.ran(both(0.0), run_id=RUN + 1)

    world.publish(event=world.happened(number=2, run_id=RUN + 1, head_branch="topic2"))

    assert conclusions(world) == ["failure", "success"]


def test_two_pull_requests_of_one_branch_get_an_answer_each(world: World) -> None:
    base_commit(world, POLICY.replace("5%", "900%"), branch="old")
    world.pull(number=7)
    other = world.pull(number=8)
    other["base"] = {**other["base"], "ref": "old"}
    world.ran(both(0.12))

    done = world.publish("--comment", "always")

    bodies = {comment["issue_url"].rpartition("/")[2]: comment["body"] for comment in world.hub.comments}
    assert done.code == 0, done.err
    assert "### ❌ 1 regression" in bodies["7"]
    assert "limit 900" in bodies["8"] or "900 %" in bodies["8"]
    assert "### ❌" not in bodies["8"]
    assert conclusions(world) == ["failure"]
    assert world.hub.checks[0]["external_id"] == f"{RUN}:7,8:failure"


def test_too_many_pull_requests_of_one_commit_are_not_green(world: World) -> None:
    for number in range(7, 19):
        world.pull(number=number)
    world.ran(both(0.0))

    world.publish("--comment", "never")

    assert conclusions(world) == ["failure"]
    assert "12 open pull requests have this head commit; at most 10" in world.hub.checks[0]["output"]["summary"]


def counted(found: dict[str, Any], trials: Any, value: Any) -> None:
    metric = {"name": "errors", "unit": "share", "direction": "lower", "kind": "counted", "diagnostic": False}
    for name, document in found.items():
        sample = document["run"]["samples"][0]
        count = len(sample["pairs"])
        sample["sli"]["metric"] = metric
        sample["processes"] = [[value if name == "head.json" else value / 2]] * count
        sample["trials"] = [trials] * count


def changed(**method: Any) -> dict[str, Any]:
    found = documents()
    for document in found.values():
        document["run"]["method"].update(method)
    return found


def of_trials(trials: Any, value: Any) -> dict[str, Any]:
    found = documents()
    counted(found, trials, value)
    return found


def with_sample(**fields: Any) -> dict[str, Any]:
    found = documents()
    for document in found.values():
        document["run"]["samples"][0].update(fields)
    return found


ODD = {
    "a control of e**1000": lambda: changed(controls=[[1000.0, 1000.5, 1001.0, 1000.2, 1000.7, 1000.9]]),
    "a control of e**-51": lambda: changed(controls=[[-51.0] * 6]),
    "controls without end": lambda: changed(controls=[[0.1] * 6] * 1001),
    "a negative seed": lambda: changed(seed=-1),
    "a negative budget": lambda: changed(budget_s=-5.0),
    "no trials": lambda: of_trials(0, 0.5),
    "negative trials": lambda: of_trials(-5, 0.5),
    "a billion trials": lambda: of_trials(10**9, 0.5),
    "2**70 trials": lambda: of_trials(2**70, 0.5),
    "10**400 trials": lambda: of_trials(10**400, 0.5),
    "more bad ones than there are": lambda: of_trials(10, 5.0),
    "a negative share": lambda: of_trials(10, -3.0),
    "a share of 1e18": lambda: of_trials(10, 1e18),
    "a pair before the first": lambda: with_sample(pairs=[-1, *range(1, 18)]),
    "a plan of less than nothing": lambda: with_sample(planned=-1),
    "a negative time of a pair": lambda: with_sample(pair_s=-1.0),
}


@pytest.mark.parametrize("case", ODD)
def test_an_odd_artifact_is_refused_and_an_earlier_green_does_not_stay(world: World, case: str) -> None:
    world.pull()
    world.ran(both(0.0))
    world.publish("--comment", "always")
    hand_on(world, ODD[case]())
    world.hub.pulls.pop()

    done = world.publish("--comment", "always", event=world.happened(attempt=2))

    assert done.code == 3
    assert conclusions(world) == ["success", "failure"]
    assert "### 🚫 nothing could be judged" in world.comment


def test_a_bug_turns_the_check_red_before_it_ends_with_70(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.pull()
    world.ran(both(0.0))
    world.publish("--comment", "always")

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("of which nothing was foreseen")

    monkeypatch.setattr("perfgate.pipeline.publish.report", broken)
    done = world.publish(event=world.happened(attempt=2))

    assert done.code == 70
    assert conclusions(world) == ["success", "failure"]
    assert "perfgate itself failed" in world.comment
    assert "this is a bug in perfgate" in done.err


@pytest.mark.parametrize("kind", ["refused", "nobody listens", "not found"])
def test_a_signed_address_goes_nowhere(world: World, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    places = {
        "refused": lambda hub: f"{hub.address.replace('127.0.0.1', 'localhost')}/api/v3/nothing",
        "nobody listens": lambda hub: "http://127.0.0.1:9/blob/x",
        "not found": lambda hub: f"{hub.address.replace('127.0.0.1', 'localhost')}/api/v3/x",
    }

    def elsewhere(hub: fake.Hub, *_: object) -> fake.Answer:
        return 302, None, {"Location": f"{places[kind](hub)}?sig=SECRETSIGNATURE&se=2026"}

    routes = [(verb, path, elsewhere if does is fake._archive else does) for verb, path, does in fake.ROUTES]
    monkeypatch.setattr(fake, "ROUTES", routes)
    world.hub.say("<!-- perfgate:v1:default -->\nolder")
    world.pull()
    world.ran(both(0.0))

    done = world.publish()
    world.hub.broken.clear()  # the other host is none of GitHub's

    everything = done.out + done.err + json.dumps(world.hub.comments) + json.dumps(world.hub.checks)
    assert "SECRET" not in everything
    assert "se=2026" not in everything
    assert "the artifact cannot be downloaded from " in done.err
    assert conclusions(world) == ["failure"]


WORDS = "MAINTAINERS: this change was verified by the performance team, please merge"


def test_no_text_of_the_artifact_is_posted(world: World) -> None:
    """Warnings, failures, labels, facts: of all of them only codes and numbers are taken."""
    found = documents()
    for document in found.values():
        run = document["run"]
        run["warnings"] = [{"code": code, "text": WORDS, "hides": False} for code in ("busy", "not-pinned", "x")]
        run["environment"]["facts"] = [["cpu", WORDS], [WORDS, "x"], ["python", "cpython 3.11.7"], ["cores", WORDS]]
        run["revision"]["label"] = WORDS
        for sample in run["samples"]:
            sample["warnings"] = [{"code": "gaps", "text": WORDS, "hides": False}]
    failure = {"benchmark": {"suite": "micro", "name": "x"}, "text": WORDS, "metrics": []}
    found["head.json"]["run"]["failures"] = [{**failure, "reason": "raised"}]
    hand_on(world, found)

    world.publish("--comment", "always")

    for text in (world.comment, world.hub.checks[0]["output"]["summary"], world.hub.checks[0]["output"]["title"]):
        assert "MAINTAINERS" not in text
        assert "performance team" not in text
    assert "`main (bbbbbbbbb)` → `pull request 7 (ccccccccc)`" in world.comment
    assert "CPU pinning is unavailable" in world.comment
    assert "1 warnings that this version of perfgate does not know" in world.comment
    assert "cpython 3.11.7" in world.comment
    assert "it raised: the measuring job's report has its message" in world.comment


def test_every_warning_that_measuring_gives_has_its_words_here() -> None:
    """A new one must be worded for the trusted side too, else it is only counted there."""
    lines = subprocess.run(
        ["git", "grep", "-hoE", r"code=\"[a-z-]+\"|_say\(\"[a-z-]+\"", "--", "perfgate/measure"],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    codes = {line.partition('"')[2].rstrip('"') for line in lines}

    assert len(codes) > 15
    assert codes - wording.WARNINGS.keys() == set()


@pytest.mark.parametrize("which", ["base", "head", "both", "a made-up merge"])
def test_numbers_of_foreign_commits_are_refused(world: World, which: str) -> None:
    found = documents()
    world.pull()
    if which in ("base", "both"):
        found["base.json"]["run"]["revision"]["commit"] = "f" * 40
    if which in ("head", "both"):
        found["head.json"]["run"]["revision"]["commit"] = "e" * 40
    if which == "a made-up merge":  # of a commit that is on no branch here, as anybody can push to a fork
        stray = world.project.commit("stray")
        world.project.git("push", "--quiet", "origin", "HEAD:refs/heads/stray")
        world.project.git("reset", "--quiet", "--hard", "HEAD~1")
        world.hub.merges.clear()
        merge = world.project.git("commit-tree", "HEAD^{tree}", "-p", stray, "-p", world.head, "-m", "merge")
        world.project.git("push", "--quiet", "origin", f"{merge}:refs/heads/merge")
        found["base.json"]["run"]["revision"]["commit"] = stray
        found["head.json"]["run"]["revision"]["commit"] = merge
    world.hub.hand_on(RUN, {name: json.dumps(document) for name, document in found.items()})

    done = world.publish("--record")

    assert done.code == 3
    assert conclusions(world) == ["failure"]
    assert "verdicts" not in done.err


def test_a_real_merge_commit_and_a_plain_head_are_taken(world: World) -> None:
    """What actions/checkout takes by itself, and a branch that was checked out as it is."""
    world.pull()
    world.hub.merges.clear()
    base = world.project.git("rev-parse", "origin/main")
    merge = world.project.git("commit-tree", "HEAD^{tree}", "-p", base, "-p", world.head, "-m", "merge")
    world.project.git("push", "--quiet", "origin", f"{merge}:refs/heads/merge")
    for number, head in enumerate((merge, world.head)):
        found = documents()
        found["base.json"]["run"]["revision"]["commit"] = base
        found["head.json"]["run"]["revision"]["commit"] = head
        world.hub.hand_on(RUN + number, {name: json.dumps(document) for name, document in found.items()})
        done = world.publish(event=world.happened(number=number + 1, run_id=RUN + number))
        assert done.code == 0, done.err

    assert conclusions(world) == ["failure", "failure"]  # a regression of 12 %
    assert "nothing could be judged" not in world.comment


@pytest.mark.parametrize(("conclusion", "result"), [("cancelled", "failure"), ("success", "success")])
def test_an_artifact_of_an_earlier_attempt_counts_only_if_this_one_succeeded(
    world: World, conclusion: str, result: str
) -> None:
    """Some jobs may be run again alone: then the earlier attempt's numbers are still this run's."""
    world.pull()
    world.ran(both(0.0))
    world.hub.made = dict.fromkeys(world.hub.artifacts, "2026-01-01T00:00:00Z")
    event = world.happened(attempt=2, conclusion=conclusion, run_started_at="2026-01-01T01:00:00Z")

    world.publish(event=event)

    assert conclusions(world) == [result]


def test_verdicts_are_kept_under_the_time_of_the_event(world: World) -> None:
    found = documents()
    for document in found.values():
        document["run"]["started"] = "1999-01-01T00:00:00Z"
    made = world.pull()
    made["head"]["repo"] = {**made["head"]["repo"], "id": 1, "full_name": fake.REPOSITORY}
    world.hub.hand_on(RUN, {name: json.dumps(document) for name, document in found.items()})
    event = world.happened(run_started_at="2026-01-01T01:00:00Z")
    event["workflow_run"]["head_repository"] = {"id": 1, "owner": {"login": "eve"}}

    done = world.publish("--record", event=event)

    listed = world.hub.git("ls-tree", "-r", "--name-only", "perfgate-results")
    assert done.code == 0, done.err
    assert "verdicts/2026-01/" in listed
    assert "1999" not in listed


@pytest.mark.parametrize("started", ["../../x", "2026-01-01\n", "x" * 900, "1999-01-01", "now"])
def test_a_start_that_is_no_time_is_refused(world: World, started: str) -> None:
    found = documents()
    for document in found.values():
        document["run"]["started"] = started
    hand_on(world, found)

    assert world.publish().code == 3
    assert conclusions(world) == ["failure"]


@pytest.mark.parametrize("char", ["\u2028", "\u2029", "\u3164", "\u115f", "\u202e", "\u2066", "\x1b", "\u2800"])
def test_a_name_that_shows_nothing_or_turns_around_is_refused(world: World, char: str) -> None:
    found = documents()
    for document in found.values():
        document["run"]["samples"][0]["sli"]["benchmark"]["name"] = f"a{char}b"
    hand_on(world, found)

    assert world.publish().code == 3


@pytest.mark.parametrize("name", ["*", "a?", "par*e"])
def test_no_acceptance_is_proposed_that_would_be_a_glob_for_more(world: World, name: str) -> None:
    found = documents()
    for document in found.values():
        document["run"]["samples"][0]["sli"]["benchmark"]["name"] = name
    hand_on(world, found)

    world.publish()

    assert "### ❌ 1 regression" in world.comment
    assert "Perfgate-Accept" not in world.comment


def bombs() -> dict[str, str]:
    rules = "".join(f'[[rule]]\nsli = "x{number}"\nlimit = "5%"\n' for number in range(900))
    return {
        "a dotted key": ".".join("a" * 20_000) + " = 1",
        "a dotted header": "[" + ".".join("a" * 20_000) + "]",
        "a dotted key of quotes": ".".join(['"a"'] * 10_000) + " = 1",
        "a dotted key with spaces": " . ".join("a" * 10_000) + " = 1",
        "a dotted key in a table": "x = { " + ".".join("a" * 20_000) + " = 1 }",
        "many short dotted keys": "\n".join(f"{'.'.join('a' * 25)}{number} = 1" for number in range(900)),
        "deep nesting": "a = " + "[" * 5000 + "]" * 5000,
        "a long number": "a = " + "9" * 60_000,
        "many rules": rules,
        "many unknown keys": "\n".join(f"bugdet{number} = 1" for number in range(4_000)),
        "much of nothing": "#" * 3_000_000,
    }


@pytest.mark.parametrize("case", bombs())
@pytest.mark.timeout(120)
def test_a_configuration_of_head_takes_no_time_to_refuse(world: World, case: str) -> None:
    """Read by the trusted job: what would take minutes is not read. Each of these takes a second or two."""
    world.project.put("perfgate.toml", bombs()[case])
    world.head = world.project.commit("bomb")
    world.project.git("push", "--quiet", "origin", "topic")
    world.pull()
    world.ran(both(0.0))

    done = world.publish("--comment", "always")

    assert done.code == 0, done.err
    assert len(world.comment) < 65_536
    assert conclusions(world)[0] in ("success", "failure")


@pytest.mark.parametrize(("mark", "words"), [(b"{", "objects"), (b"[", "lists"), (b",", "values")])
def test_too_much_is_refused_before_it_is_parsed(mark: bytes, words: str) -> None:
    piece = {b"{": b'{"suite":"a","name":"b"},', b"[": b"[],", b",": b"1,"}[mark]
    most = {b"{": artifact.MOST_OBJECTS, b"[": artifact.MOST_LISTS, b",": artifact.MOST_VALUES}[mark]
    data = b'{"kind":"perfgate run","run":[' + piece * (most + 1) + b"1]}"

    with pytest.raises(artifact.ArtifactError, match=f"more than .* {words}"):
        artifact.checked(data, "head.json")


def test_the_output_of_a_command_cannot_command_the_job(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")

    main.say("setup failed\n::set-output name=verdict::pass\n  ::add-mask::a\nx ##[error]y", "::stop-commands::x")

    lines = capsys.readouterr().err.splitlines()
    commands = [line for line in lines if line.lstrip().startswith("::")]
    assert commands == [line for line in commands if line.startswith("::error title=perfgate::")]
    assert not any("##[" in line for line in lines)


@pytest.mark.parametrize("target", fuzz_publish.TARGETS)
def test_damaged_artifacts_and_configurations_are_refused_or_judged_by_their_numbers(target: str) -> None:
    read, refused = fuzz_publish.fuzz(target, 250, seed=7, damaged=fuzz.damaged)

    assert read > 10
    assert refused > 10


@pytest.mark.parametrize(
    "case", ["5,000 benchmarks of 42 pairs", "counted, 10,000,000 requests each", "lists of nothing"]
)
def test_the_largest_artifacts_are_judged_within_half_a_minute_and_half_a_gigabyte(case: str, tmp_path: Path) -> None:
    one = fuzz_publish.FULL[case]()
    archive = tmp_path / "archive"
    archive.write_bytes(fuzz_publish.packed({"base.json": one, "head.json": one}, how=zipfile.ZIP_DEFLATED))
    ask = f"from tests.fuzz_publish import judge_full; judge_full({str(archive)!r})"

    done = subprocess.run(
        [sys.executable, "-c", ask], cwd=fuzz_publish.ROOT, capture_output=True, text=True, check=True
    )

    _, cpu_s, peak = json.loads(done.stdout)
    assert peak < fuzz_publish.LARGEST
    assert cpu_s < 10 * fuzz_publish.LONGEST_S  # on a machine that is ten times as busy


def test_numbers_against_another_base_do_not_answer_for_the_first(world: World) -> None:
    """From one branch: red against main, green against an old branch that is as slow."""
    base_commit(world, POLICY, branch="old")
    world.hub.merges.clear()
    first = world.project.git("rev-parse", "origin/main")
    old = world.project.git("rev-parse", "origin/old")
    world.hub.pulls.append(pull(world.head, number=7))
    for number, (base, effect, run_id) in enumerate(((first, 0.12, RUN), (old, 0.0, RUN + 1))):
        if number == 1:
            other = pull(world.head, number=8)
            other["base"] = {**other["base"], "ref": "old"}
            world.hub.pulls.append(other)
        merge = world.project.git("commit-tree", "HEAD^{tree}", "-p", base, "-p", world.head, "-m", "merge")
        world.project.git("push", "--quiet", "origin", f"{merge}:refs/heads/merge{number}")
        runs = both(effect)
        commits = {"base.json": base, "head.json": merge}
        world.ran(
            {name: replace(run, revision=replace(run.revision, commit=commits[name])) for name, run in runs.items()},
            run_id=run_id,
        )
        done = world.publish(event=world.happened(number=number + 1, run_id=run_id))
        assert done.code == 0, done.err

    assert conclusions(world) == ["failure", "failure"]
    assert world.hub.checks[-1]["external_id"] == f"{RUN + 1}:8:success"
    assert world.hub.checks[-1]["output"]["title"] == "pull request 7, with the same head, is red"


def test_a_pull_request_that_was_never_measured_is_not_answered_by_another(world: World) -> None:
    world.pull(number=7)
    other = world.pull(number=8)
    other["head"] = {**other["head"], "ref": "topic2"}
    world.ran(both(0.0))

    world.publish(event=world.happened(head_branch="topic2"))
    assert conclusions(world) == ["failure"]
    assert world.hub.checks[-1]["output"]["title"] == "pull request 7, with the same head, has not been measured"

    world.ran(both(0.0), run_id=RUN + 1)
    world.publish(event=world.happened(number=2, run_id=RUN + 1))

    assert conclusions(world) == ["failure", "success"]


def test_an_older_run_does_not_overwrite_the_check_of_a_later_one(world: World) -> None:
    world.pull()
    world.ran(both(0.12), run_id=RUN + 1)
    world.publish(event=world.happened(number=2, run_id=RUN + 1))
    world.ran(both(0.0))

    done = world.publish()

    assert conclusions(world) == ["failure"]
    assert "check: a later run of this commit has set the check already" in done.err


def test_a_suite_s_name_cannot_mark_up_the_headline(world: World) -> None:
    evil = "![](//e.vil/a) @org/team <h1>"
    found = documents()
    for document in found.values():
        skipped = {"benchmark": {"suite": evil, "name": "x"}, "reason": "skipped", "text": "", "metrics": []}
        document["run"]["failures"] = [skipped]
    hand_on(world, found)

    world.publish("--comment", "always")

    heading = world.comment.splitlines()[2]
    assert "1 of 1 in suite" in heading
    assert "![](" not in heading
    assert "<h1>" not in heading.replace("\\<h1\\>", "")


def test_what_was_refused_is_not_quoted(world: World) -> None:
    world.pull()
    world.hub.say("<!-- perfgate:v1:default -->\nolder")
    found = documents()
    found["head.json"]["kind"] = f"perfgate {WORDS}"
    world.hub.hand_on(RUN, {name: json.dumps(document) for name, document in found.items()})

    world.publish()

    assert "MAINTAINERS" not in world.comment + json.dumps(world.hub.checks)
    assert "The log of the publishing job says why" in world.comment


def test_a_head_that_hides_its_configuration_loses_no_suite(world: World) -> None:
    """Too many dots in a comment: it is not read, and base's suites are expected all the same."""
    base_commit(world, f"{POLICY}[suite.other]\n")
    world.project.put("perfgate.toml", f"# {'a.' * 40}\n[suite.micro]\n")
    world.head = world.project.commit("dots")
    world.project.git("push", "--quiet", "origin", "topic")
    world.pull()
    world.ran(both(0.0))

    world.publish("--comment", "always")

    assert conclusions(world) == ["failure"]
    assert "1 missing" in world.comment


def test_where_github_does_not_say_whose_run_it_is_the_check_is_red(world: World) -> None:
    world.pull()
    world.ran(both(0.0))
    world.publish()
    world.hub.fail(r"GET /repos/octo/lib/pulls$", 500, "oops", times=9)

    done = world.publish(event=world.happened(attempt=2))
    world.hub.broken.clear()

    assert done.code == 3
    assert conclusions(world) == ["success", "failure"]


def test_a_bug_in_the_comment_leaves_the_check(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.pull()
    world.ran(both(0.12))

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("perfgate.pipeline.publish.comment.post", broken)

    assert world.publish().code == 70
    assert conclusions(world) == ["failure"]


def test_values_of_which_no_number_holds_the_ratio_are_no_crash(world: World) -> None:
    found = documents()
    for name, document in found.items():
        sample = document["run"]["samples"][0]
        count = len(sample["pairs"])
        sample["processes"] = [[1e18 if name == "head.json" else 1e-18]] * (count - 1) + [[1e-18]]
    hand_on(world, found)

    assert world.publish().code in (0, 3)
    assert conclusions(world)[0] in ("failure", "neutral")


def test_of_two_attempts_of_one_run_the_later_counts(world: World) -> None:
    world.pull(number=7)
    world.ran(both(0.0))
    world.publish()
    world.ran(both(0.12))
    world.publish(event=world.happened(attempt=2))
    other = world.pull(number=8)
    other["head"] = {**other["head"], "ref": "topic2"}
    world.ran(both(0.0), run_id=RUN + 1)

    world.publish(event=world.happened(number=2, run_id=RUN + 1, head_branch="topic2"))

    assert conclusions(world) == ["success", "failure", "failure"]
    assert world.hub.checks[-1]["output"]["title"] == "pull request 7, with the same head, is red"


@pytest.mark.parametrize("others", [False, True])
def test_a_check_is_set_where_the_earlier_ones_cannot_be_read(world: World, others: bool) -> None:
    """Red where another pull request would have to be known, else what the numbers say."""
    world.pull(number=7)
    if others:
        other = world.pull(number=8)
        other["head"] = {**other["head"], "ref": "topic2"}
    world.ran(both(0.0))
    world.hub.fail(r"GET /repos/octo/lib/commits/\w+/check-runs", 404, "Not Found", times=9)

    world.publish()

    assert conclusions(world) == ["failure" if others else "success"]
