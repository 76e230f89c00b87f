"""The commands over stored runs, in a real repository with a real remote."""

import contextlib
import io
import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from unittest import mock

import pytest

from perfgate import codec
from perfgate.cli import main
from perfgate.core.model import (
    TIME,
    Benchmark,
    Design,
    Environment,
    Failure,
    Metric,
    Reason,
    Revision,
    Run,
    Sample,
    Sli,
    Warning,
)
from perfgate.core.policy import Policy
from perfgate.core.report import report
from perfgate.host.environment import ci_job
from perfgate.host.git import Repository
from perfgate.host.interrupt import Interrupts
from tests.core.build import BYTES, noisy_pair, run
from tests.live import BENCHMARK, LIBRARY, Project

HERE = Environment(facts=(("cpu", "X"), ("python", "3.11")))
DAY = 86_400


class Stored(Project):
    """A project with a remote, a history of commits a day apart, and runs that nobody needs to measure."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.remote = root.parent / "remote.git"
        subprocess.run(["git", "init", "--quiet", "--bare", str(self.remote)], check=True)
        subprocess.run(["git", "-C", str(self.remote), "config", "uploadpack.allowFilter", "true"], check=True)
        self.git("remote", "add", "origin", f"file://{self.remote}")
        self.commits: list[str] = []
        self.put(".gitignore", "*.json\n")

    def perfgate(self, *args: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run perfgate in this process: what is tested here is the store, and a start costs a second."""
        out, err = io.StringIO(), io.StringIO()
        with (
            contextlib.chdir(self.root),
            mock.patch.dict(os.environ, environ),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = main.run(args)
        return subprocess.CompletedProcess(args, code, out.getvalue(), err.getvalue())

    def day(self, *, days: float = 1) -> str:
        """Commit a day after the last commit."""
        self.clock = getattr(self, "clock", 1_767_225_600) + int(days * DAY)
        self.git("add", "--all")
        environ = {**os.environ, "GIT_COMMITTER_DATE": f"{self.clock} +0000", "GIT_AUTHOR_DATE": f"{self.clock} +0000"}
        argv = ["git", "commit", "--quiet", "--allow-empty", "-m", "x"]
        subprocess.run(argv, cwd=self.root, check=True, env=environ)
        self.commits.append(self.git("rev-parse", "HEAD"))
        return self.commits[-1]

    def run_file(
        self, commit: str, value: float, *, name: str = "a", metric: Metric = TIME, facts: Environment = HERE
    ) -> str:
        """Write a run of `commit`, as `perfgate measure` would."""
        rng = Random(f"{commit}{value}")
        values = tuple((value * math.exp(rng.gauss(0, 0.01) if metric is TIME else 0),) for _ in range(10))
        sli = Sli(benchmark=Benchmark(suite="micro", name=name), metric=metric)
        sample = Sample(sli=sli, processes=values, pairs=tuple(range(10)), design=Design.ALONE)
        started = f"2026-01-01T00:00:{len(self.commits) % 60:02}+00:00"
        run = Run(revision=Revision(label="x", commit=commit), environment=facts, samples=(sample,), started=started)
        path = self.root / f"run-{commit[:8]}-{name}-{value:g}.json"
        path.write_text(codec.dump_run(run))
        return path.name

    def record(self, *files: str) -> subprocess.CompletedProcess[str]:
        done = self.perfgate("record", *files)
        assert done.returncode == 0, done.stderr
        return done

    def past(self, values: list[float], **options: object) -> None:
        """Record a run a day."""
        self.record(*[self.run_file(self.day(), value, **options) for value in values])  # type: ignore[arg-type]


@pytest.fixture
def project(tmp_path: Path) -> Stored:
    return Stored(tmp_path / "project")


def test_a_history_is_filled_from_older_commits_and_says_where_it_goes(project: Stored) -> None:
    project.put("test_lib.py", BENCHMARK)
    project.put("lib.py", LIBRARY)
    for number in range(5):
        project.put("lib.py", "raise OSError('no disk')\n" if number == 1 else LIBRARY)
        project.day()
    project.put("untracked.txt", "of no commit")

    empty = project.perfgate("report", "-o", str(project.root.parent / "site"))
    told = project.perfgate("record", "HEAD~4..HEAD", "--every", "2", "--dry-run")
    nothing = project.perfgate("baseline", "list")
    one = project.perfgate("record", "HEAD", "--processes", "1")
    done = project.perfgate("record", "HEAD~4..HEAD", "--every", "2", "--processes", "1")
    again = project.perfgate("record", "HEAD~4..HEAD", "--every", "2", "--processes", "1")
    whole = project.perfgate("record", "HEAD~4..HEAD", "--processes", "1")
    refused = project.perfgate("record")

    place = f"branch perfgate-results of file://{project.remote}"
    first, last = project.commits[2][:9], project.commits[4][:9]
    would = f"perfgate: would store runs of 2 commits, from {first} to {last}, in {place}, which holds nothing yet"
    assert "note: nothing is stored in" in empty.stderr
    assert would in told.stderr
    assert nothing.stdout == ""
    assert f"perfgate: storing a run of HEAD ({project.commits[4][:9]}) in {place}, which holds nothing" in one.stderr
    assert done.returncode == again.returncode == 0, done.stderr
    assert done.stdout.startswith("recorded 1 run, in branch")
    assert f"measuring {project.commits[2][:9]}, 1 of 1" in done.stderr
    assert "storing nothing" in again.stderr
    assert whole.returncode == 3
    assert f"error: {project.commits[1][:9]} could not be measured: the benchmarks" in whole.stderr
    assert whole.stdout.startswith("recorded 1 run, in branch")
    assert "untracked.txt\ntry: commit or ignore these files" in refused.stderr


def test_what_is_measured_is_recorded_listed_shown_and_compared_with(project: Stored) -> None:
    project.put("lib.py", LIBRARY)
    project.put("test_lib.py", BENCHMARK)
    project.put("perfgate.toml", '[environment]\nrunner = "mine"\n')
    commit = project.day()

    recorded = project.perfgate("record", "--processes", "2")
    listed = project.perfgate("baseline", "list")
    shown = project.perfgate("baseline", "show")
    project.day()
    compared = project.perfgate("compare", "baseline", "--processes", "2", "--format", "json")
    chosen = project.perfgate("compare", "baseline", "--processes", "2", "--format", "json", "-k", "spin")

    assert recorded.returncode == 0, recorded.stderr
    assert recorded.stdout.startswith(f"recorded 1 run, in branch perfgate-results of file://{project.remote}\n")
    assert f"{commit[:12]}  " in listed.stdout
    assert "1 stored run in branch" in listed.stderr
    assert "runner mine" in shown.stdout
    assert "benchmarks/test_lib.py::test_spin:time  " in shown.stdout
    assert compared.returncode == 0, compared.stderr
    report = json.loads(compared.stdout)["report"]
    assert report["base"]["revision"]["label"] == "baseline, 1 commit before"
    assert [row["verdict"] for row in report["judgements"]] == ["inconclusive"] * 2
    (row,) = json.loads(chosen.stdout)["report"]["judgements"]
    assert row["benchmark"]["name"] == "test_lib.py::test_spin"


def test_a_file_recorded_twice_is_there_once(project: Stored) -> None:
    file = project.run_file(project.day(), 1.0)

    first, second = project.record(file), project.record(file)

    assert first.stdout.startswith("recorded 1 run, in")
    assert second.stdout.startswith("recorded 0 runs, 1 known already, in")


def test_the_checkout_is_left_byte_by_byte(project: Stored) -> None:
    """Detached, dirty, shallow and sparse, all at once."""
    project.put("kept/a.txt", "a")
    project.put("left/b.txt", "b")
    for _ in range(3):
        project.day()
    project.git("push", "--quiet", "origin", "HEAD:main")
    clone = Stored.__new__(Stored)
    clone.root, clone.commits = project.root.parent / "clone", []
    subprocess.run(
        ["git", "clone", "--quiet", "--depth=2", "--branch=main", f"file://{project.remote}", str(clone.root)],
        check=True,
    )
    clone.git("sparse-checkout", "set", "kept")
    clone.git("checkout", "--quiet", "--detach")
    clone.put("kept/a.txt", "changed")
    file = clone.run_file(clone.git("rev-parse", "HEAD"), 1.0)
    before = clone.snapshot()

    for command in (
        ["record", file],
        ["baseline", "list"],
        ["baseline", "verify"],
        ["history"],
        ["compare", "baseline", file],
    ):
        done = clone.perfgate(*command)
        assert done.returncode == 0, done.stderr

    assert clone.snapshot() == before


def test_exact_metrics_block_against_the_stored_baseline(project: Stored) -> None:
    project.put("perfgate.toml", '[[rule]]\nsli = "*:bytes"\nlimit = "1%"\n')
    project.past([1000.0] * 3, metric=BYTES)
    commit = project.day()
    same, more = (project.run_file(commit, value, metric=BYTES) for value in (1000.0, 1020.0))

    passed = project.perfgate("compare", "baseline", same)
    blocked = project.perfgate("compare", "baseline", more)

    assert (passed.returncode, blocked.returncode) == (0, 1), passed.stderr + blocked.stderr
    assert passed.stdout.startswith("✅ no regression · 1 unchanged")
    assert "baseline, 1 commit before" in passed.stdout
    assert "+2.0 %" in blocked.stdout


def test_a_stored_time_warns_and_blocks_where_the_machine_is_trusted(project: Stored) -> None:
    project.past([1.0] * 9)
    slow = project.run_file(project.day(), 1.5)

    warned = project.perfgate("compare", "baseline", slow)
    project.put("perfgate.toml", "[baseline]\ntrust-times = true\n")
    trusted = project.perfgate("compare", "baseline", slow)

    assert (warned.returncode, trusted.returncode) == (0, 1), warned.stderr + trusted.stderr
    assert warned.stdout.startswith("⚠️ nothing that blocks · 1 regression")
    assert "warns only" in warned.stdout


def test_times_that_are_trusted_on_a_hosted_runner_are_warned_of_in_every_report(project: Stored) -> None:
    hosted = replace(HERE, facts=(*HERE.facts, ("image", "ubuntu24")))
    for _ in range(8):
        project.record(project.run_file(project.day(), 1.0, facts=hosted))
    same = project.run_file(project.day(), 1.0, facts=hosted)

    before = project.perfgate("compare", "baseline", same)
    project.put("perfgate.toml", "[baseline]\ntrust-times = true\n")
    after = project.perfgate("compare", "baseline", same)

    assert "trust-times is on, but this run is of a hosted runner" not in before.stdout
    assert "trust-times is on, but this run is of a hosted runner" in after.stdout


def test_no_baseline_says_why(project: Stored) -> None:
    there = replace(HERE, facts=(("cpu", "Y"), ("python", "3.11")))
    first = project.day()
    file = project.run_file(project.day(), 1.0)

    def said() -> str:
        done = project.perfgate("compare", "baseline", file)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("❔ nothing to compare with · 1 without a baseline\n")
        return done.stdout

    assert "no run of micro is stored in branch perfgate-results of" in said()
    project.git("switch", "--quiet", "--orphan", "other")
    project.record(project.run_file(project.day(), 1.0))
    assert "none of the 1 stored runs of micro is of an ancestor of head" in said()
    project.record(project.run_file(first, 1.0, facts=there))
    assert "from another environment (cpu: Y against X)" in said()


def test_an_old_baseline_is_warned_of(project: Stored) -> None:
    project.past([1.0])
    file = project.run_file(project.day(days=45), 1.0)

    done = project.perfgate("compare", "baseline", file)

    assert "note: the baseline of micro is 45 days old" in done.stdout


def test_a_benchmark_that_fell_silent_is_warned_of_and_fails_the_record_later(project: Stored) -> None:
    project.past([1.0], name="gone")
    project.past([1.0])

    soon = project.perfgate("record", project.run_file(project.day(days=9), 1.0))
    late = project.perfgate("record", project.run_file(project.day(days=35), 1.0))
    project.put("perfgate.toml", '[perfgate]\nretired = ["micro/gone"]\n')
    retired = project.perfgate("record", project.run_file(project.day(), 1.0))

    assert soon.returncode == 0
    assert "warning: micro/gone was last recorded 10 days ago and is not in this run" in soon.stderr
    assert late.returncode == 3
    assert "error: micro/gone was last recorded 45 days ago" in late.stderr
    assert 'try: fix it, or write under [perfgate]: retired = ["micro/gone"]' in late.stderr
    assert late.stdout.startswith("recorded 1 run")
    assert retired.returncode == 0
    assert "micro/gone" not in retired.stderr


def test_history_names_the_commits_of_a_change_and_the_drift(project: Stored) -> None:
    values = [1e-3] * 20 + [1.2e-3] * 15
    for value in values:
        project.run_file(project.day(), value)
    project.git("tag", "v1.0", project.commits[10])
    project.record(*[path.name for path in sorted(project.root.glob("run-*.json"))])

    done = project.perfgate("history", "--check")
    since = project.perfgate("history", "--check", "--since", project.commits[30], "-k", "a")
    other = project.perfgate("history", "--check", "-k", "nothing-like-it")
    form = project.perfgate("history", "--format", "json", "-n", "10")

    assert done.returncode == 1, done.stderr
    first, *rest = done.stdout.splitlines()
    assert first.startswith(
        "❌ 1 change for the worse · 1 drifted beyond the budget since v1.0 · 1 series of 35 stored runs"
    )
    text = "\n".join(rest)
    assert f"likeliest {project.commits[20][:9]}" in text
    assert "micro/a:time  1.00 ms → 1.20 ms  +20" in text
    assert "since v1.0" in text
    assert since.stdout.startswith("❌ 1 drifted beyond the budget since")
    assert (other.returncode, other.stdout.startswith("❔ no stored runs")) == (3, True)
    past = json.loads(form.stdout)["history"]
    assert [len(trend["points"]) for trend in past["trends"]] == [10]


def test_history_shows_what_is_left_of_an_error_budget(project: Stored) -> None:
    project.put("perfgate.toml", '[history]\nobjective = "90%"\n[[rule]]\nsli = "*"\nlimit = "50%"\nslo = "1.5ms"\n')
    project.past([1e-3] * 18 + [2e-3, 1e-3])
    project.git("tag", "v1.0", project.commits[9])

    kept = project.perfgate("history", "--check", "--since", project.commits[-1])
    project.past([2e-3, 2e-3])
    spent = project.perfgate("history", "--check", "--since", "HEAD")

    assert kept.returncode == 0, kept.stdout
    assert (
        "Error budgets\n  micro/a:time  SLO 1.50 ms in 90 % of the runs"
        "  missed 1 of 20, 2.0 may  50 % of the budget left\n"
        "    v1.0: burn 0.0 (0 of 10), since v1.0: burn 1.0 (1 of 10)\n"
    ) in kept.stdout
    assert (spent.returncode, spent.stdout.startswith("❌ 1 error budget used up")) == (1, True)


def test_a_replay_shows_two_policies_side_by_side(project: Stored) -> None:
    project.past([1e-3] * 20 + [1.2e-3] * 15)
    project.put("other.toml", '[[rule]]\nsli = "*"\nlimit = "50%"\n')

    done = project.perfgate("history", "--replay", "other.toml")

    assert done.returncode == 0, done.stderr
    before, _, after = done.stdout.partition("With other.toml")
    assert "With defaults\n  34 runs judged against the runs before them: " in before
    assert " regressions, " in before
    assert "x micro/a:time, last " in before
    assert "  0 regressions, " in after


def test_a_shallow_clone_and_a_short_series_say_that_they_cannot_tell(project: Stored) -> None:
    project.past([1e-3] * 9)
    project.git("push", "--quiet", "origin", "HEAD:main")
    clone = Stored.__new__(Stored)
    clone.root = project.root.parent / "clone"
    subprocess.run(
        ["git", "clone", "--quiet", "--depth=2", "--branch=main", f"file://{project.remote}", str(clone.root)],
        check=True,
    )

    whole, shallow = project.perfgate("history"), clone.perfgate("history")

    headline = "❔ too few runs to tell whether something got worse since the first run · 1 series of 9 stored runs"
    assert whole.stdout.startswith(headline)
    assert "note: 1 of these series have fewer than 14 runs, too few to find a change" in whole.stdout
    assert "7 stored runs are of commits that HEAD does not descend from, or this shallow clone lacks" in shallow.stdout


def reported(project: Stored, base: str, head: str, *, effect: float = 0.2, second: int = 0) -> str:
    """Write the report of a gate that compared two commits, and return its name."""
    one, other = noisy_pair(effect)
    started = f"{datetime.now(UTC).date()}T05:06:{second:02}+00:00"
    sides = [
        replace(run(samples), revision=Revision(label="x", commit=commit or None), started=started)
        for samples, commit in ((one, base), (other, head))
    ]
    path = project.root / f"report-{second}.json"
    path.write_text(codec.dump_report(report(*sides, Policy(), repeat="", version="0")))
    return path.name


def test_verdicts_are_kept_and_audited_and_survive_compacting(project: Stored) -> None:
    base, head = project.day(), project.day()
    project.put("a.txt", "changed")
    changed = project.day()
    nothing = reported(project, base, head)
    red, green = reported(project, head, changed, second=1), reported(project, head, changed, effect=0.0, second=2)
    project.past([1.0, 1.0])

    first = project.record(nothing, red, green)
    again = project.record(red, project.run_file(changed, 1.0))
    compacted = project.perfgate("baseline", "compact", "--keep", "1")
    verified = project.perfgate("baseline", "verify")
    audit = project.perfgate("doctor", "--audit")

    assert first.stdout.startswith("recorded the verdicts of 3 reports, 0 known already, in branch perfgate-results")
    assert first.stdout.count("\n") == 1
    assert "recorded the verdicts of 0 reports, 1 known already" in again.stdout
    assert "recorded 1 run, in" in again.stdout
    assert compacted.returncode == 0, compacted.stderr
    assert verified.returncode == 0, verified.stderr
    assert audit.returncode == 0, audit.stderr
    lines = audit.stdout.splitlines()
    assert lines[1].split() == ["micro/parse:time", "2", "0", "%", "2", "1", "1", "0"]
    assert "trust: 0 of 2 blocks were not contradicted" in audit.stdout
    project.put("perfgate.toml", "[suite.micro]\n" + audit.stdout.partition("perfgate.toml\n")[2])
    assert project.perfgate("config", "check").returncode == 0


def test_a_dry_run_of_a_report_stores_nothing(project: Stored) -> None:
    base, head = project.day(), project.day()

    done = project.record("--dry-run", reported(project, base, head))
    both = project.record("--dry-run", reported(project, base, head, second=1), project.run_file(head, 1.0))

    assert "would store the verdicts of 1 report in branch perfgate-results" in done.stderr
    assert "would store 1 run in branch perfgate-results" in both.stderr
    assert project.git("ls-remote", f"file://{project.remote}") == ""


def test_a_report_of_no_two_commits_is_refused_and_a_damaged_verdict_is_named(project: Stored) -> None:
    base, head = project.day(), project.day()
    (project.root / "perfgate.toml").write_text('[baseline]\ndirectory = "kept"\n')
    refused = project.perfgate("record", reported(project, "", head))
    elsewhere = project.perfgate("record", reported(project, "f" * 40, head, second=1))
    project.record(reported(project, base, head))
    (kept,) = (project.root / "kept").glob("verdicts/*/*.json")
    kept.write_text(kept.read_text().replace("regression", "pass"))

    audit = project.perfgate("doctor", "--audit")

    assert refused.returncode == 2
    assert "the report is of no two commits" in refused.stderr
    assert (elsewhere.returncode, "which this clone does not have" in elsewhere.stderr) == (2, True)
    assert audit.returncode == 3
    assert "was changed after it was written" in audit.stderr
    assert "no verdict is kept yet" in audit.stdout


def test_compacting_nothing_is_refused_and_leaves_nothing_behind(project: Stored) -> None:
    project.day()

    done = project.perfgate("baseline", "compact", "--keep", "3")

    assert (done.returncode, "nothing is stored in" in done.stderr) == (3, True)
    project.record(project.run_file(project.day(), 1.0))


def test_a_directory_inside_the_repository_is_no_change_of_it(project: Stored) -> None:
    project.put("perfgate.toml", '[baseline]\ndirectory = "kept"\n')
    project.put(".gitignore", "*.json\n")
    project.past([1.0] * 2)

    assert project.git("status", "--porcelain") == ""
    assert (project.root / "kept" / "format.json").is_file()


def test_what_failed_is_said_and_what_was_interrupted_is_not_kept(project: Stored) -> None:
    file = project.run_file(project.day(), 1.0)
    run = codec.load_run((project.root / file).read_bytes(), name=file)
    broken = Failure(benchmark=Benchmark(suite="micro", name="b"), reason=Reason.RAISED, text="ValueError: no\nmore")
    half = replace(run, warnings=(Warning(code="interrupted", text="interrupted"),))
    (project.root / "broken.json").write_text(codec.dump_run(replace(run, failures=(broken,))))
    (project.root / "half.json").write_text(codec.dump_run(half))

    failed, interrupted = project.perfgate("record", "broken.json"), project.perfgate("record", "half.json")

    assert (failed.returncode, failed.stdout.startswith("recorded 1 run")) == (3, True)
    assert "error: micro/b raised: ValueError: no\n" in failed.stderr
    assert (interrupted.returncode, "was interrupted" in interrupted.stderr) == (2, True)


def test_no_store_is_noticed_before_anything_is_measured(project: Stored) -> None:
    project.put("lib.py", LIBRARY)
    project.put("test_lib.py", BENCHMARK)
    project.day()
    project.git("remote", "set-url", "origin", "file:///nowhere.git")

    for command in (["record"], ["compare", "baseline"]):
        done = project.perfgate(*command)
        assert (done.returncode, "exploring" in done.stderr) == (3, False), done.stderr


def test_a_repository_without_a_commit_is_told_so(tmp_path: Path) -> None:
    empty = Stored(tmp_path / "empty")
    empty.git("remote", "remove", "origin")
    empty.git("remote", "add", "origin", "file:///nowhere.git")

    done = empty.perfgate("history")

    assert (done.returncode, "has no commit yet" in done.stderr) == (2, True)


def test_compacting_and_history_go_together(project: Stored) -> None:
    project.past([1e-3] * 12)

    done = project.perfgate("baseline", "compact", "--keep", "5")
    verified = project.perfgate("baseline", "verify")
    past = project.perfgate("history", "--format", "json")

    assert done.returncode == 0, done.stderr
    assert "rolled 7 runs up into 7" in done.stderr
    assert (verified.returncode, verified.stdout) == (0, "")
    assert len(json.loads(past.stdout)["history"]["trends"][0]["points"]) == 12


def test_compacting_keeps_the_last_commit_of_one_second(project: Stored) -> None:
    for _ in range(5):
        project.day(days=0)
    project.record(*[project.run_file(commit, 1.0) for commit in project.commits])

    done = project.perfgate("baseline", "compact", "--keep", "1")
    listed = project.perfgate("baseline", "list")
    again = project.perfgate("baseline", "compact", "--keep", "9")

    assert "rolled 4 runs up into 1" in done.stderr
    assert listed.stdout.splitlines()[0].startswith(project.commits[-1][:12])
    assert "1 stored run and 1 roll-up of older ones in branch" in listed.stderr
    assert again.returncode == 0, again.stderr


def test_changes_that_are_not_committed_do_not_count_as_a_commit(project: Stored) -> None:
    project.past([1.0])
    project.day()
    project.put("more.txt", "not committed")
    with Interrupts() as interrupts:
        revision = Repository(project.root, interrupts=interrupts).working_tree()
    file = project.run_file(str(revision.commit), 1.0)
    measured = codec.load_run((project.root / file).read_bytes(), name=file)
    (project.root / file).write_text(codec.dump_run(replace(measured, revision=revision)))

    done = project.perfgate("compare", "baseline", file)

    here = project.commits[-1][:9]
    assert f"baseline, 1 commit before ({project.commits[0][:9]}) → working tree on {here} with changes" in done.stdout
    assert "days old" not in done.stdout


def test_a_damaged_file_is_named_by_every_command_that_meets_it(project: Stored) -> None:
    project.put("perfgate.toml", '[baseline]\ndirectory = "stored"\n')
    project.put(".gitignore", "*.json\nstored\n")
    project.past([1e-3] * 9)
    victim = next((project.root / "stored" / "runs").rglob("*.json"))
    commit = victim.parent.name
    victim.write_bytes(victim.read_bytes()[:-10])

    verified = project.perfgate("baseline", "verify")
    shown = project.perfgate("baseline", "show", commit)
    past = project.perfgate("history")
    compared = project.perfgate("compare", "baseline", project.run_file(project.day(), 1e-3))

    assert verified.returncode == 3
    assert verified.stdout.startswith("runs/")
    assert verified.stdout.count("is truncated") == 1
    assert "9 stored runs in directory" in verified.stderr
    assert (shown.returncode, "is truncated" in shown.stderr) == (3, True)
    assert "is truncated" in past.stdout
    assert compared.returncode == 0, compared.stderr
    assert "is truncated" in compared.stdout


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (("record", "nothing"), 2, "'nothing' is not a branch, tag or commit"),
        (("record", "nothing..HEAD"), 2, "'nothing' is not a branch, tag or commit"),
        (("record",), 2, "the working tree has uncommitted changes:\n  changed.txt\n"),
        (("record", "dirty.json"), 2, "belongs to no commit"),
        (("record", "unknown.json"), 2, "which this clone does not have"),
        (("record", "empty.json"), 2, "hold nothing that could be recorded"),
        (("baseline", "show"), 2, "nothing is stored of HEAD"),
        (("baseline", "show", "no-such"), 2, "not a branch, tag or commit"),
        (("history", "--since", "no-such"), 2, "not a branch, tag or commit"),
    ],
)
def test_what_cannot_be_is_a_usage_error(project: Stored, args: tuple[str, ...], code: int, message: str) -> None:
    commit = project.day()
    project.put("changed.txt", "x")
    for name, revision in (
        ("dirty", Revision(label="working tree", commit=commit, dirty=True)),
        ("unknown", Revision(label="x", commit="1" * 40)),
        ("empty", Revision(label="x", commit=commit)),
    ):
        samples = json.loads((project.root / project.run_file(commit, 1.0)).read_text())["run"]["samples"]
        run = codec.load_run((project.root / project.run_file(commit, 1.0)).read_bytes(), name="x")
        assert samples
        kept = run.samples if name != "empty" else ()
        (project.root / f"{name}.json").write_text(codec.dump_run(replace(run, revision=revision, samples=kept)))

    done = project.perfgate(*args)

    assert (done.returncode, message in done.stderr) == (code, True), done.stderr


def test_without_a_remote_the_way_out_is_said(project: Stored) -> None:
    file = project.run_file(project.day(), 1.0)
    project.git("remote", "remove", "origin")

    done = project.perfgate("record", file)

    assert done.returncode == 3
    assert "no remote to keep stored runs on" in done.stderr
    assert "[baseline] directory" in done.stderr


def test_the_login_of_the_repository_is_lent_to_the_private_clone(project: Stored, tmp_path: Path) -> None:
    """As actions/checkout leaves it: a header in the repository's own configuration; a token given counts instead."""
    import base64

    from tests.githttp import WRITER, serving

    subprocess.run(["git", "-C", str(project.remote), "config", "http.receivepack", "true"], check=True)
    file = project.run_file(project.day(), 1.0)
    with serving(tmp_path) as address:
        project.git("remote", "set-url", "origin", f"http://{address}/remote.git")
        refused = project.perfgate("record", file)
        header = base64.b64encode(f"{WRITER}:x".encode()).decode()
        project.git("config", f"http.http://{address}/.extraheader", f"AUTHORIZATION: basic {header}")
        done = project.perfgate("record", file)

        other = project.run_file(project.day(), 1.0)
        wrong = project.perfgate("record", other, PERFGATE_TOKEN="reader")
        right = project.perfgate("record", other, PERFGATE_TOKEN=WRITER)

    assert (refused.returncode, "wants to know who asks" in refused.stderr) == (3, True)
    assert done.returncode == 0, done.stderr
    assert (wrong.returncode, "contents: write" in wrong.stderr) == (3, True)
    assert right.returncode == 0, right.stderr


def test_the_job_that_recorded_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("SERVER_URL", "https://x"), ("REPOSITORY", "o/r"), ("RUN_ID", "7"), ("RUN_ATTEMPT", "2")):
        monkeypatch.setenv(f"GITHUB_{name}", value)
    assert ci_job() == "https://x/o/r/actions/runs/7/attempts/2"
    monkeypatch.delenv("GITHUB_RUN_ID")
    assert ci_job() == ""


def test_help_names_the_new_commands() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "perfgate", "baseline", "--help"], capture_output=True, text=True, check=True
    )
    assert [name for name in ("list", "show", "verify", "compact") if f"  {name}" not in done.stdout] == []
