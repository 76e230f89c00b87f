"""Store `branch`: files on an orphan branch of the remote, written by compare-and-swap.

Each append fetches one commit and the trees on its way, adds files, and pushes only if the branch has not changed
meanwhile; else it starts again. Cost and time do not grow with what is stored.
"""

import hashlib
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import PurePosixPath

from perfgate.errors import StoreError
from perfgate.host.clone import Address, Clone
from perfgate.host.interrupt import Interrupts
from perfgate.host.scratch import scratch
from perfgate.stores.columns import FORMAT, check_format
from perfgate.stores.placing import placed

TRIES = 30
LONGEST_WAIT_S = 15.0
BESIDE = 2  # appends of verdicts for each of runs, about


class BranchStore:
    """The files of a branch."""

    def __init__(self, clone: Clone, interrupts: Interrupts) -> None:
        self._clone, self._interrupts = clone, interrupts
        self._files: dict[str, str] | None = None
        self.name = f"branch {clone.branch} of {clone.url}"

    def paths(self, under: str = "") -> tuple[str, ...]:
        """Return all paths, or those in the directory `under`, by requests that do not grow with the branch."""
        if under:
            tip = self._clone.tip()
            found = self._walk(tip, under) if tip else {}
            self._files = {**(self._files or {}), **found}
            return tuple(found)
        tip = self._clone.tip(trees=True)
        self._files = self._clone.files(tip) if tip else {}
        if tip:
            self._check(self._files)
        return tuple(self._files)

    def recent(self, most: int) -> tuple[str, ...]:
        """Return the runs that the last `most` appends of runs added, oldest first.

        Where more was appended than `BESIDE` verdicts a run, they are fewer.
        """
        reach = (1 + BESIDE) * most
        tip = self._clone.tip(trees=True, depth=reach + 1)  # where history is cut everything seems added
        self._files = self._clone.files(tip) if tip else {}
        if tip is None:
            return ()
        self._check(self._files)
        appends = [
            [path for status, path in changes if status == "A" and path.startswith("runs/") and path in self._files]
            for _, _, changes in self._clone.log(tip)[:reach]
        ]
        newest = [paths for paths in appends if paths][:most]
        return tuple(path for paths in newest[::-1] for path in paths)

    def read(self, paths: Sequence[str]) -> dict[str, bytes]:
        """Return the contents of paths that `paths` returned, in one request; what is not there is left out."""
        oids = {path: self._files[path] for path in paths if self._files and path in self._files}
        blobs = self._clone.blobs(tuple(dict.fromkeys(oids.values())))
        return {path: blobs[oid] for path, oid in oids.items()}

    def append(self, files: Sequence[tuple[str, bytes]], *, message: str) -> tuple[str, ...]:
        """Add (path, content); return the paths that are new: none where all of it is there already.

        A run's path that is taken by another run gets a number. Raises StoreError.
        """
        paths = [path for path, _ in files]
        for attempt in range(TRIES):
            tip = self._clone.tip()
            new = placed(files, self._present(tip, paths) if tip else {}, self._name_of)
            if not new:
                return ()
            commit = self._clone.commit(new, parent=tip, message=message)
            if self._clone.push(commit, expected=tip):
                return tuple(new)
            self._interrupts.pause(random.uniform(0, min(LONGEST_WAIT_S, 0.1 * 2**attempt)))
        raise StoreError(
            f"{self.name} was changed by another writer {TRIES} times in a row",
            hint="nothing is lost: record the same run file again",
        )

    def rewrite(self, kept: Sequence[str], files: Mapping[str, bytes], *, message: str) -> None:
        """Replace the branch by a first commit with the paths `kept` and `files`; StoreError if it changed since."""
        tip = self._clone.tip(trees=True)
        present = self._clone.files(tip) if tip else {}
        if self._files is None or present != self._files:
            raise StoreError(f"{self.name} was changed meanwhile", hint="run the command again")
        commit = self._clone.commit_anew({path: present[path] for path in kept}, files, message=message)
        if not self._clone.push(commit, expected=tip):
            raise StoreError(f"{self.name} was changed meanwhile", hint="run the command again")

    def faults(self) -> list[str]:
        """Return what is wrong with the branch's history: it must be one line of commits that only add."""
        tip = self._clone.tip(history=True)
        found = []
        for commit, parents, changes in self._clone.log(tip) if tip else []:
            if len(parents) > 1:
                found.append(f"commit {commit[:12]} is a merge")
            found += [
                f"commit {commit[:12]} {'removed' if status == 'D' else 'changed'} {path}"
                for status, path in changes
                if status != "A"
            ]
        return found

    def _present(self, tip: str, paths: Sequence[str]) -> dict[str, str]:
        """Return path to oid of all that lies in the directories of `paths`."""
        found: dict[str, str] = {}
        level = {"": self._clone.root(tip)}
        self._clone.fetch(level.values())
        wanted = {str(parent) for path in paths for parent in PurePosixPath(path).parents if str(parent) != "."}
        while level:
            following = {}
            for place, oid in level.items():
                for name, item in self._clone.tree(oid).items():
                    path = f"{place}/{name}" if place else name
                    if item.kind == "blob":
                        found[path] = item.oid
                    elif path in wanted:
                        following[path] = item.oid
            if "" in level:
                self._clone.fetch([*following.values(), *([found[FORMAT]] if FORMAT in found else [])])
                self._check(found)
            self._clone.fetch(following.values())
            level = following
        return found

    def _walk(self, tip: str, under: str) -> dict[str, str]:
        found = self._present(tip, [f"{under}/x", "names/x", "environments/x"])
        return {
            path: oid for path, oid in found.items() if not path.startswith("runs/") or path.startswith(f"{under}/")
        }

    def _check(self, files: Mapping[str, str]) -> None:
        if FORMAT not in files:
            raise StoreError(
                f"{self.name} exists and is not perfgate's: it has no {FORMAT}",
                hint="name another branch in perfgate.toml: [perfgate] results-branch",
            )
        check_format(self._clone.blobs([files[FORMAT]])[files[FORMAT]], self.name)

    def _name_of(self, data: bytes, like: str) -> str:
        """Return the oid of a blob, by the hash that the repository uses."""
        kind = hashlib.sha256 if len(like) == 64 else hashlib.sha1
        return kind(b"blob %d\0" % len(data) + data).hexdigest()


@contextmanager
def open_branch(address: Address, branch: str, *, interrupts: Interrupts) -> Iterator[BranchStore]:
    """Hold the store on `branch` at `address`."""
    with scratch("store") as home:
        yield BranchStore(Clone(home, address, branch, interrupts=interrupts), interrupts)
