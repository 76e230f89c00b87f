"""Where a revision lives while it is measured: a worktree of its own and an environment built for it.

Kept in a cache under a key of commit and build configuration, so that the second run starts at once; equal
key lengths give both sides equal path lengths, which is one difference less. A lock that dies with its
process keeps two measurements out of one directory: the second takes the next slot.

What a measurement leaves in a side would be in the next one's base. So what the build made is listed, and before each
use everything else is removed; where a file of the build itself has changed, the side is built anew. In a CI job,
whose pull requests are strangers to each other, no side is used twice.
"""

import contextlib
import hashlib
import json
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from perfgate.core.model import Revision
from perfgate.core.ports import Place
from perfgate.errors import BuildError, GitError
from perfgate.host import checkouts, files
from perfgate.host.cache import OTHER_CACHE
from perfgate.host.git import Repository
from perfgate.host.interrupt import Interrupts
from perfgate.measure.build import Build, create_environment, own_environment, run_setup

UNUSED_S = 30 * 24 * 3600.0  # after which a prepared side makes room
KEPT = 20  # prepared sides of a repository that are kept; those unused for longest make room
SLOTS = 8  # measurements of one revision at once on one machine; more is a loop gone wild


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedSide:
    """A side that is ready to be measured."""

    revision: Revision
    place: Place
    directory: Path
    """All that belongs to this side: what it imports as its own must come from here."""
    left_out: tuple[str, ...] = ()
    """Paths of submodules that the user's own checkout has not initialised either."""


@contextmanager
def prepared(
    repository: Repository, revision: Revision, build: Build, *, interrupts: Interrupts, again: bool = False
) -> Iterator[PreparedSide]:
    """Hold a side of `revision`, built and clean, for as long as the context lasts.

    Args:
        again: this process will want the same side once more, so it stays even where none is kept between runs.

    Raises: BuildError where its setup fails, GitError where it cannot be checked out.
    """
    assert revision.commit is not None
    submodules = checkouts.submodules(repository, revision.commit)
    inside = [[each.path, str(each.source)] for each in submodules]
    key = hashlib.sha256(json.dumps([revision.commit, build.identity, inside]).encode()).hexdigest()[:12]
    with _slot(repository.cache, key) as directory:
        tree, done = directory / "tree", directory / "ready"
        try:
            if (
                (kept_between_runs() or directory in _kept)
                and done.exists()
                and _reset(repository, revision.commit, directory)
            ):
                done.touch()
            else:
                _evict(repository)
                _create(repository, revision, build, directory, interrupts)
                files.write(done, json.dumps(_listed(repository, tree, directory)))
        except (BuildError, GitError, OSError) as exc:
            _remove(repository, directory)
            if isinstance(exc, OSError):
                raise BuildError(f"cannot prepare {revision} in {directory}: {exc.strerror}") from exc
            raise
        except BaseException:
            _remove(repository, directory)
            raise
        place = _place(tree, directory / "venv", build)
        _kept.add(directory)
        try:
            left_out = tuple(each.path for each in submodules if each.source is None)
            yield PreparedSide(revision=revision, place=place, directory=directory, left_out=left_out)
        finally:
            if not again and not kept_between_runs():
                _remove(repository, directory)


_kept: set[Path] = set()
"""Sides that this process made itself, and may take again whatever the rule for others' is."""


def share_files(repository: Repository, side: PreparedSide, source: PreparedSide, paths: tuple[str, ...]) -> None:
    """Make `paths` in `side` what they are in `source`, so that both sides run the same benchmarks.

    A side that is its own source gets its own files back.
    """
    commit, tree = str(source.revision.commit), Path(side.place.root)
    if not paths or not repository.git("diff", "--name-only", commit, "--", *paths, cwd=tree):
        return
    present = [path for path in paths if repository.tree(commit, path)]
    repository.git("rm", "-r", "-q", "-f", "--ignore-unmatch", "--", *paths, cwd=tree)
    if present:
        repository.git("checkout", "-q", commit, "--", *present, cwd=tree)


def clean(repository: Repository) -> tuple[int, int]:
    """Remove the unused prepared sides; return how many were removed and how many are in use."""
    freed = [_free(repository, directory) for directory in _slots(repository)]
    return sum(freed), len(freed) - sum(freed)


def _slots(repository: Repository) -> list[Path]:
    return sorted(repository.cache.glob("*-[0-9]"))


def _evict(repository: Repository) -> None:
    """Remove the sides that were not used for a month, and of the others all but the latest."""
    used = {}
    for directory in _slots(repository):
        with contextlib.suppress(OSError):
            used[directory] = (directory / "ready").stat().st_mtime
    for place, directory in enumerate(sorted(used, key=used.__getitem__, reverse=True)):
        if place >= KEPT or time.time() - used[directory] > UNUSED_S:
            _free(repository, directory)


def _free(repository: Repository, directory: Path) -> bool:
    """Remove a prepared side; return whether it was unused."""
    lock = FileLock(f"{directory}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    try:
        _remove(repository, directory)
    finally:
        lock.release()  # the lock's file stays: another process may be about to take it
    return True


@contextmanager
def _slot(cache: Path, key: str) -> Iterator[Path]:
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise BuildError(f"cannot write to {cache}: {exc.strerror}", hint=OTHER_CACHE) from exc
    for slot in range(SLOTS):
        directory = cache / f"{key}-{slot}"
        lock = FileLock(f"{directory}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        except OSError as exc:
            raise BuildError(f"cannot write to {cache}: {exc.strerror}", hint=OTHER_CACHE) from exc
        try:
            directory.mkdir(exist_ok=True)
            yield directory
        finally:
            lock.release()
        return
    raise BuildError(f"{SLOTS} measurements of this revision are already running", hint="wait for one to end")


def _create(repository: Repository, revision: Revision, build: Build, directory: Path, interrupts: Interrupts) -> None:
    _remove(repository, directory)
    directory.mkdir(parents=True)
    tree, venv = directory / "tree", directory / "venv"
    checkouts.add(repository, tree, str(revision.commit))
    if build.isolated:
        create_environment(venv, build, interrupts=interrupts)
    run_setup(build, revision, _place(tree, venv, build), log=directory / "build.log", interrupts=interrupts)


def kept_between_runs() -> bool:
    """Return whether prepared sides may be used again: not in CI, where each run is of another change."""
    return not any(os.environ.get(name, "").lower() in ("true", "1") for name in ("CI", "GITHUB_ACTIONS"))


def _reset(repository: Repository, commit: str, directory: Path) -> bool:
    """Leave of a side what the commit holds and what its build made; return whether that is all still as it was."""
    tree = directory / "tree"
    try:
        made = json.loads((directory / "ready").read_text(encoding="utf-8"))
        repository.git("read-tree", "--reset", commit, cwd=tree)  # also of what git was told to overlook
        repository.git("checkout", "--quiet", "--force", "--detach", commit, cwd=tree)
        found = _listed(repository, tree, directory)
        if not isinstance(made, dict) or any(found.get(path) != stamp for path, stamp in made.items()):
            return False
    except (OSError, ValueError, GitError):
        return False
    for path in sorted(found.keys() - made.keys(), reverse=True):  # what is inside a directory first
        place = directory / path
        if place.is_dir() and not place.is_symlink():
            files.remove_tree(place)
        else:
            with contextlib.suppress(OSError):
                place.unlink(missing_ok=True)
    return _listed(repository, tree, directory) == made


def _listed(repository: Repository, tree: Path, directory: Path) -> dict[str, list[int]]:
    """Return all below `directory` that no commit holds, with what tells whether it changed.

    Left out is what running alone makes: the bytecode of an environment's packages. That of the tree is not, as it
    could outlive its source.
    """
    tracked = {f"tree/{path}" for path in repository.git("ls-files", "-z", cwd=tree).split("\0")}
    found: dict[str, list[int]] = {}
    for home, directories, names in os.walk(directory):
        inside = Path(home).relative_to(directory).as_posix()
        if inside.startswith("venv/"):
            directories[:] = [name for name in directories if name != "__pycache__"]
        for name in (*directories, *names):
            path = name if inside == "." else f"{inside}/{name}"
            if path not in tracked and path not in _NOTES:
                state = (directory / path).lstat()
                plain = stat.S_ISDIR(state.st_mode)
                found[path] = [state.st_mode] if plain else [state.st_mode, state.st_size, state.st_mtime_ns]
    return found


_NOTES = ("ready", "build.log")
"""Written here about a side."""


def _remove(repository: Repository, directory: Path) -> None:
    checkouts.remove(repository, directory / "tree")
    files.remove_tree(directory)


def _place(tree: Path, venv: Path, build: Build) -> Place:
    if build.isolated:
        environ = (*own_environment(venv), *build.environ)
        return Place(root=str(tree), python=str(venv / "bin" / "python"), environ=environ)
    # Its own code first, whatever the current environment has installed; `src` before the root.
    path = [str(tree / "src"), str(tree)] if (tree / "src").is_dir() else [str(tree)]
    inherited = [os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else []
    binaries = str(Path(build.python).parent)
    return Place(
        root=str(tree),
        python=build.python,
        environ=(
            ("PYTHONPATH", os.pathsep.join(path + inherited)),
            ("PATH", os.pathsep.join([binaries, os.environ.get("PATH", os.defpath)])),
            *build.environ,
        ),
    )
