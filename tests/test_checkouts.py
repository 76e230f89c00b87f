"""Sides are checked out beside the user's repository, whatever kind it is, and nothing is written into it."""

import subprocess
from pathlib import Path

import pytest

from tests.live import SLOWER, WAITING, WAITS, Project

SHORT = ("--budget", "20s", "--effort", "1s")
LOCAL = ("-c", "protocol.file.allow=always")


def with_setup(command: str) -> str:
    return f'[build]\nisolate = "none"\nsetup = [{command!r}]\n{WAITING}'


def cloned(project: Project, home: Path, *options: str) -> Project:
    """Return a clone of a project, which is where somebody works."""
    source = f"file://{project.root}"
    subprocess.run(["git", "clone", "--quiet", *options, source, str(home)], check=True, capture_output=True)
    return Project(home, there=True)


def of_parts(project: Project, tmp_path: Path) -> Project:
    """Commit a project with a submodule that has a submodule; return the inner one."""
    inner, part = Project(tmp_path / "inner"), Project(tmp_path / "part")
    inner.commit("inner", waits_sh=WAITS)
    part.git(*LOCAL, "submodule", "--quiet", "add", str(inner.root), "deep/inner")
    part.commit("part")
    project.git(*LOCAL, "submodule", "--quiet", "add", str(part.root), "sub part")
    project.git(*LOCAL, "submodule", "--quiet", "update", "--init", "--recursive")
    project.commit("base", perfgate_toml=WAITING.replace("sh waits.sh", "sh 'sub part/deep/inner/waits.sh'"))
    return inner


def test_submodules_that_the_user_has_are_there_without_a_network(project: Project, tmp_path: Path) -> None:
    of_parts(project, tmp_path)
    (tmp_path / "part").rename(tmp_path / "gone")
    (tmp_path / "inner").rename(tmp_path / "gone too")
    before = project.snapshot()

    for _ in range(2):  # the second from the cache
        done = project.perfgate("compare", "HEAD", "HEAD", *SHORT)
        assert done.returncode == 0, done.stderr
        assert "cli/waits:time" in done.stdout

    assert project.snapshot() == before
    assert project.git("worktree", "list").count("\n") == 0


def test_changes_inside_of_submodules_belong_to_the_working_tree(project: Project, tmp_path: Path) -> None:
    of_parts(project, tmp_path)
    project.put("sub part/deep/inner/waits.sh", SLOWER)
    project.put("sub part/fresh.txt", "not added yet")
    before = project.snapshot()

    done = project.perfgate("compare", "HEAD", *SHORT)

    assert done.returncode == 1, done.stdout + done.stderr
    assert project.snapshot() == before


def test_a_submodule_that_was_never_initialised_is_left_out_and_the_report_says_so(
    project: Project, tmp_path: Path
) -> None:
    part = Project(tmp_path / "part")
    part.commit("part", readme_md="private\n")
    project.git(*LOCAL, "submodule", "--quiet", "add", str(part.root), "private")
    project.commit("base", perfgate_toml=WAITING, waits_sh=WAITS)
    clone = cloned(project, tmp_path / "clone")
    (tmp_path / "part").rename(tmp_path / "gone")
    before = clone.snapshot()

    done = clone.perfgate("compare", "HEAD", "HEAD", *SHORT)

    assert done.returncode == 0, done.stderr
    assert "left out because your checkout has not initialised it: submodule private" in done.stdout
    assert clone.snapshot() == before


def test_a_submodule_whose_commit_nobody_has_is_named_with_what_to_do(project: Project, tmp_path: Path) -> None:
    inner = of_parts(project, tmp_path)
    newer = inner.commit("newer")
    deep = project.root / "sub part" / "deep" / "inner"
    subprocess.run(
        ["git", "update-index", "--cacheinfo", f"160000,{newer},deep/inner"], cwd=deep.parents[1], check=True
    )
    subprocess.run(["git", "commit", "-qm", "newer"], cwd=deep.parents[1], check=True)
    project.git("add", "sub part")
    project.git("commit", "-qm", "head")

    brought = project.perfgate("compare", "HEAD~1", "HEAD", *SHORT)
    inner.root.rename(tmp_path / "gone")
    project.commit("other", waits_sh=WAITS)
    refused = project.perfgate("compare", "HEAD~1", "HEAD", *SHORT)

    assert brought.returncode == 0, brought.stderr
    assert refused.returncode == 3
    assert f"the submodule deep/inner is wanted at {newer[:12]}" in refused.stderr
    assert f"try: git -C deep/inner fetch origin {newer}" in refused.stderr


def test_a_setup_that_takes_its_version_from_git_finds_the_tags(project: Project, tmp_path: Path) -> None:
    project.commit("old", waits_sh=WAITS)
    project.git("tag", "v1.0")
    project.git("tag", "-a", "-m", "annotated", "v1.1")
    project.commit("base", perfgate_toml=with_setup("git describe --tags | grep v1.1-1-g"))
    shallow = cloned(project, tmp_path / "clone", "--depth=2")
    shallow.git("fetch", "--quiet", "--tags")
    assert shallow.git("rev-parse", "--is-shallow-repository") == "true"

    for where in (project, shallow):
        done = where.perfgate("compare", "HEAD", "HEAD", *SHORT)
        assert done.returncode == 0, done.stderr


def test_a_partial_clone_gets_what_it_lacks(project: Project, tmp_path: Path) -> None:
    project.git("config", "uploadpack.allowFilter", "true")
    project.git("config", "uploadpack.allowAnySHA1InWant", "true")
    project.commit("base", perfgate_toml=WAITING, waits_sh=WAITS)
    project.commit("head", waits_sh="sleep 0.0101\n")
    partial = cloned(project, tmp_path / "clone", "--filter=blob:none")
    missing = partial.git("rev-list", "--objects", "--all", "--missing=print")
    assert "?" in missing
    before = partial.snapshot()

    done = partial.perfgate("compare", "HEAD~1", *SHORT)

    assert done.returncode == 0, done.stderr
    assert partial.snapshot()["refs"] == before["refs"]


def test_a_sparse_checkout_stays_sparse(project: Project) -> None:
    config = with_setup("test ! -e big/data.txt && test -e waits.sh")
    project.commit("base", perfgate_toml=config, waits_sh=WAITS, big__data_txt="x" * 1000)
    project.git("sparse-checkout", "set", "--cone", "small")

    done = project.perfgate("compare", "HEAD", "HEAD", *SHORT)

    assert done.returncode == 0, done.stderr


def test_any_kind_of_repository_will_do(project: Project, tmp_path: Path) -> None:
    project.commit("base", perfgate_toml=WAITING, waits_sh=WAITS)
    project.git("worktree", "add", "--quiet", "-b", "linked", str(tmp_path / "linked tree"))
    linked = Project(tmp_path / "linked tree", there=True)
    outer = Project(tmp_path / "outer")
    outer.git(*LOCAL, "submodule", "--quiet", "add", str(project.root), "part")
    outer.commit("outer")
    part = Project(outer.root / "part", there=True)
    subprocess.run(["git", "init", "-q", "--object-format=sha256", str(tmp_path / "hashed")], check=True)
    hashed = Project(tmp_path / "hashed", there=True)
    hashed.commit("base", perfgate_toml=WAITING, waits_sh=WAITS)

    for where in (linked, part, hashed):
        where.put("waits.sh", "sleep 0.0101\n")  # a working tree that no commit holds
        before = where.snapshot()
        done = where.perfgate("compare", "HEAD", *SHORT, PERFGATE_CACHE=str(tmp_path / 'a "cache": odd'))
        assert done.returncode == 0, done.stderr
        assert "cli/waits:time" in done.stdout
        assert where.snapshot() == before


@pytest.mark.parametrize("name", ["../../evil", "/evil"])
def test_a_submodule_s_name_cannot_lead_elsewhere(project: Project, tmp_path: Path, name: str) -> None:
    part = Project(tmp_path / "part")
    commit = part.commit("part", readme_md="x\n")
    project.put(".gitmodules", f'[submodule "{name}"]\n\tpath = sub\n\turl = {part.root}\n')
    project.git("update-index", "--add", "--cacheinfo", f"160000,{commit},sub")
    project.commit("base", perfgate_toml=WAITING, waits_sh=WAITS)
    evil = project.root / ".git" / "modules" / name
    if name.startswith(".."):
        part.root.joinpath(".git").rename(evil.resolve())

    done = project.perfgate("compare", "HEAD", "HEAD", *SHORT)

    assert done.returncode == 0, done.stderr
    assert not list((tmp_path).glob("**/tree/sub/readme.md"))
