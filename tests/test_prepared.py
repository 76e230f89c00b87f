"""A prepared side is what its commit and its build made it, whatever an earlier measurement left there."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.live import BENCHMARK, LIBRARY, Project

SHORT = ("--budget", "60s", "--seed", "1")
WRITES = """\
import os, pathlib
pathlib.Path({where!r}).parent.mkdir(parents=True, exist_ok=True)
pathlib.Path({where!r}).write_text({text!r})
"""


def trees(project: Project) -> list[Path]:
    return sorted((project.root.parent / "cache").glob("*/*-0/tree"))


@pytest.mark.parametrize(
    "where", ["conftest.py", "deep/er/__init__.py", "libs/__init__.py", "sitecustomize.py", "__pycache__/x.pyc", "../x"]
)
def test_what_one_change_left_in_base_is_not_in_the_next_one_s(project: Project, where: str) -> None:
    """The code of one pull request writes into the base that the next is compared with."""
    poison = "open('poisoned', 'w').close()\n"
    project.commit("base", lib_py=LIBRARY, test_lib_py=BENCHMARK)
    base = project.git("rev-parse", "HEAD")
    project.git("switch", "--quiet", "-c", "first")
    project.commit("first", test_lib_py=WRITES.format(where=where, text=poison) + BENCHMARK)
    project.git("switch", "--quiet", "main")
    project.git("switch", "--quiet", "-c", "second")
    project.commit("second", lib_py=LIBRARY + "# a comment\n")

    project.perfgate("compare", base, "first", *SHORT)
    (tree,) = [tree for tree in trees(project) if (tree / ".git").exists() and head_of(tree) == base]
    assert (tree / where).exists()
    (tree / "poisoned").unlink(missing_ok=True)  # what the first run loaded itself
    done = project.perfgate("compare", base, "second", *SHORT)

    assert done.returncode == 0, done.stdout + done.stderr
    assert not (tree / where).exists()
    assert not (tree / "poisoned").exists()


def head_of(tree: Path) -> str:
    return subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=tree, check=True, capture_output=True, text=True
    ).stdout.strip()


def built(project: Project) -> int:
    """Return how often a side was built."""
    count = project.root.parent / "count"
    return len(count.read_text().splitlines()) if count.exists() else 0


def with_build(project: Project) -> None:
    setup = f"echo built >> {project.root.parent / 'count'}; mkdir -p made/empty; echo fast > made/data.txt"
    config = f'[build]\nsetup = ["{setup}"]\n[suite.cli]\nrunner = "command"\n[suite.cli.benchmarks]\nt = "sh t.sh"\n'
    project.commit("base", perfgate_toml=config, t_sh="cat made/data.txt\n")


@pytest.mark.parametrize(
    "change", ["content", "mode", "gone", "a link", "an empty directory gone", "the worktree's link"]
)
def test_a_side_whose_build_was_altered_is_built_anew(project: Project, change: str) -> None:
    with_build(project)
    assert project.perfgate("compare", "HEAD", "HEAD", *SHORT).returncode == 0
    data = trees(project)[0] / "made" / "data.txt"
    if change == "content":
        data.write_text("slow\n")
    elif change == "mode":
        data.chmod(0o777)
    elif change == "an empty directory gone":
        (data.parent / "empty").rmdir()
    elif change == "the worktree's link":
        (trees(project)[0] / ".git").write_text("gitdir: /nowhere\n")
    else:
        data.unlink()
    if change == "a link":
        data.symlink_to("/etc/hostname")
    before = built(project)

    done = project.perfgate("compare", "HEAD", "HEAD", *SHORT)

    assert done.returncode == 0, done.stdout + done.stderr
    assert built(project) > before
    assert data.read_text() == "fast\n"


def test_an_untouched_side_is_built_once(project: Project) -> None:
    with_build(project)
    for _ in range(3):
        assert project.perfgate("compare", "HEAD", "HEAD", *SHORT).returncode == 0

    assert built(project) == 2


@pytest.mark.parametrize("variable", ["CI", "GITHUB_ACTIONS"])
def test_in_a_job_nothing_is_used_again(project: Project, variable: str) -> None:
    """On a runner of one's own, the next job is of somebody else's pull request."""
    with_build(project)
    for _ in range(2):
        assert project.perfgate("compare", "HEAD", "HEAD", *SHORT, **{variable: "true"}).returncode == 0

    assert built(project) == 4
    assert trees(project) == []
    assert project.git("worktree", "list").count("\n") == 0


def test_the_user_s_own_programs_are_not_started(project: Project) -> None:
    """A file watcher of the repository's own configuration, as a template may have set it."""
    watcher = project.root.parent / "watcher"
    watcher.write_text(f"#!/bin/sh\ntouch {project.root.parent / 'ran'}\n")
    watcher.chmod(0o755)
    project.commit("base", lib_py=LIBRARY, test_lib_py=BENCHMARK)
    project.git("config", "core.fsmonitor", str(watcher))

    done = project.perfgate("compare", "HEAD", "HEAD", *SHORT)

    assert done.returncode == 0, done.stderr
    assert not (project.root.parent / "ran").exists()
    assert os.access(watcher, os.X_OK)
