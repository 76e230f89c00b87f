"""Check commits out without writing into the user's repository.

The worktrees belong to a bare repository in perfgate's cache. It borrows the objects of the user's repository
("alternates", gitrepository-layout(5)) and includes its configuration. So a read-only checkout can be measured, too.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from filelock import FileLock

from perfgate.errors import BuildError, GitError
from perfgate.host import files
from perfgate.host.cache import OTHER_CACHE
from perfgate.host.git import GITLINK, Repository, quoted


@dataclass(frozen=True, slots=True, kw_only=True)
class Submodule:
    """A repository inside of a commit."""

    path: str
    commit: str
    source: Path | None
    """The git directory of the user's own clone of it; None if the user never initialised it."""


def add(repository: Repository, tree: Path, commit: str) -> None:
    """Check `commit` out at `tree`, with those submodules that the user's own checkout has.

    Raises: GitError, BuildError where a submodule has no such commit and it cannot be fetched.
    """
    store = repository.store
    try:
        store.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{store}.lock"):
            _refresh(repository, store)
    except OSError as exc:
        raise BuildError(f"cannot write to {store}: {exc.strerror}", hint=OTHER_CACHE) from exc
    repository.git("worktree", "add", "--quiet", "--force", "--detach", str(tree), commit, cwd=store)
    for submodule in submodules(repository, commit):
        _fill(repository, submodule, repository.root / submodule.path, tree / submodule.path)


def remove(repository: Repository, tree: Path) -> None:
    """Remove `tree` and its entry, also one that a killed `git worktree add` left locked.

    Done by hand: `git worktree prune` spares locked entries, and this must work while everything stops.
    """
    files.remove_tree(tree)
    for entry in (repository.store / "worktrees").glob("*"):
        pointer = entry / "gitdir"
        if pointer.is_file() and Path(pointer.read_text(encoding="utf-8").strip()).parent.resolve() == tree.resolve():
            shutil.rmtree(entry, ignore_errors=True)


def submodules(repository: Repository, commit: str) -> tuple[Submodule, ...]:
    """Return the submodules of a commit."""
    root = repository.root
    return tuple(_submodules(repository, commit, repository.common_directory, root, root))


def _submodules(repository: Repository, commit: str, home: Path, checkout: Path, cwd: Path) -> Iterator[Submodule]:
    """Yield the submodules of a commit.

    Args:
        home: the git directory of the user's repository that has the commit.
        checkout: where the user has it checked out.
        cwd: a directory in which git finds the commit.
    """
    lines = repository.git("ls-tree", "-r", "-z", "--full-tree", commit, cwd=cwd).split("\0")
    links = {
        path: facts.split()[2]
        for facts, _, path in (line.partition("\t") for line in lines)
        if facts.startswith(GITLINK)
    }
    if not links:
        return
    pattern = r"^submodule\..*\.path$"
    try:
        named = repository.git("config", "--null", f"--blob={commit}:.gitmodules", "--get-regexp", pattern, cwd=cwd)
    except GitError:
        return  # a gitlink that no .gitmodules explains: `git submodule` knows nothing of it either
    for line in named.split("\0"):
        key, _, path = line.partition("\n")
        name = key.removeprefix("submodule.").removesuffix(".path")
        if path in links and ".." not in PurePosixPath(name).parts and not name.startswith("/"):
            # The second is where an old git, or `git clone` by hand, leaves the repository of a submodule.
            places = (home / "modules" / name, checkout / path / ".git")
            source = next((place for place in places if place.is_dir()), None)
            yield Submodule(path=path, commit=links[path], source=source)


def _refresh(repository: Repository, store: Path) -> None:
    """Make the bare repository, or bring it up to date with the user's."""
    home = repository.common_directory
    if not all((store / name).exists() for name in ("HEAD", "config", "refs")):
        form = repository.git("rev-parse", "--show-object-format")
        plain = {"GIT_DEFAULT_REF_FORMAT": "files"}
        repository.git("init", "--bare", "--quiet", "--template=", f"--object-format={form}", str(store), environ=plain)
    files.write(store / "config", _configuration(repository))
    files.write(store / "objects" / "info" / "alternates", f"{home / 'objects'}\n")
    # Tools that take a version from git walk to the nearest tag.
    tags = repository.git("for-each-ref", "--format=%(objectname) %(refname)", "refs/tags")
    files.write(store / "packed-refs", f"{tags}\n" if tags else "")
    for name in ("shallow", "info/attributes", "info/sparse-checkout"):
        source = repository.root / repository.git("rev-parse", "--git-path", name)
        if source.is_file():
            (store / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(source, store / name)
        else:
            (store / name).unlink(missing_ok=True)


_CARRIED = ("extensions.partialClone", "core.sparseCheckout", "core.sparseCheckoutCone")
"""Settings that git does not take from an included file, or that `git sparse-checkout` keeps apart."""


def _configuration(repository: Repository) -> str:
    home = repository.common_directory
    carried = {key: value for key in _CARRIED if (value := repository.asks("config", key))}
    settings = [
        *([("lfs.storage", str(home / "lfs"))] if (home / "lfs").is_dir() else []),
        ("include.path", str(home / "config")),
        ("core.repositoryFormatVersion", "1"),
        ("core.bare", "true"),
        ("core.hooksPath", "/dev/null"),
        ("core.fsmonitor", "false"),
        ("extensions.objectFormat", repository.git("rev-parse", "--show-object-format")),
        ("gc.auto", "0"),
        ("maintenance.auto", "false"),
        *carried.items(),
    ]
    keys = [(*key.split("."), value) for key, value in settings]
    return "".join(f"[{section}]\n\t{name} = {quoted(value)}\n" for section, name, value in keys)


def _fill(repository: Repository, submodule: Submodule, checkout: Path, place: Path) -> None:
    """Check a submodule out from the user's own clone of it, and what is inside of it likewise."""
    if submodule.source is None:
        return
    # A local clone of the user's own, which is what git would warn of had a stranger named the path.
    local = ("-c", "protocol.file.allow=always")
    repository.git(*local, "clone", "--quiet", "--shared", "--no-checkout", str(submodule.source), str(place))
    borrowed = place / ".git" / "objects" / "info" / "alternates"  # changes that are not committed are in our own store
    files.write(borrowed, f"{borrowed.read_text(encoding='utf-8')}{repository.store / 'objects'}\n")
    if not repository.succeeds("cat-file", "-e", f"{submodule.commit}^{{commit}}", cwd=place):
        _bring(repository, submodule, place)
    repository.git("checkout", "--quiet", "--detach", submodule.commit, cwd=place)
    for inner in _submodules(repository, submodule.commit, submodule.source, checkout, place):
        _fill(repository, inner, checkout / inner.path, place / inner.path)


def _bring(repository: Repository, submodule: Submodule, place: Path) -> None:
    source = f"--git-dir={submodule.source}"
    try:
        url = repository.git(source, "remote", "get-url", "origin")
        repository.git("fetch", "--quiet", url, submodule.commit, cwd=place)
    except GitError as exc:
        raise BuildError(
            f"the submodule {submodule.path} is wanted at {submodule.commit[:12]}, which your clone of it does not "
            f"have, and which cannot be fetched: {exc.message.partition('fatal: ')[2].partition(chr(10))[0]}",
            hint=f"git -C {submodule.path} fetch origin {submodule.commit}",
        ) from exc
