"""A git repository as perfgate needs it: revisions, the working tree as a commit, what commits hold.

perfgate writes nothing into it: new objects go into a store in perfgate's cache (see `checkouts`), and git reads both.
The exception is `bring`, which fetches a commit that a clone in CI lacks.
"""

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from perfgate.core.model import Revision
from perfgate.errors import BuildError, GitError, UsageError
from perfgate.host import command
from perfgate.host.cache import OTHER_CACHE, cache_of
from perfgate.host.interrupt import Interrupts
from perfgate.host.scratch import scratch

# An identity and a date that never change make the commit of a working tree depend on its content alone.
_NEUTRAL_AUTHOR = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (
        ("NAME", "perfgate"),
        ("EMAIL", "perfgate@localhost"),
        ("DATE", "2000-01-01T00:00:00Z"),
    )
}


SAFE = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false")
"""Options of every git command: programs that the repository's own configuration names are not started."""
USUAL_BRANCHES = ("main", "master", "trunk", "develop")


GITLINK = "160000"
"""The mode of a submodule in a tree."""


class Repository:
    """The repository around a directory."""

    def __init__(self, directory: Path, *, interrupts: Interrupts) -> None:
        self._interrupts = interrupts
        self._added: dict[str, str] = {}  # to git's environment
        self.root = directory
        try:
            self.root = Path(self.git("rev-parse", "--show-toplevel"))
        except FileNotFoundError as exc:
            raise GitError("git is not installed", hint="install git and try again") from exc
        except GitError as exc:
            if "dubious ownership" in exc.message:
                hint = f"git config --global --add safe.directory {directory}"
                raise UsageError(f"git does not trust {directory}, which belongs to another user", hint=hint) from exc
            said = exc.message.rpartition("fatal: ")[2]
            why = "" if said.startswith("not a git repository") else f": {said}"
            raise UsageError(
                f"{directory} is not in a git repository{why}",
                hint="change to a project under git; or put this one under git: git init && git add . && git commit",
            ) from exc
        self.common_directory = (self.root / self.git("rev-parse", "--git-common-dir")).resolve()
        """What all worktrees of this repository share: its identity on this machine."""
        self.cache = cache_of(self.common_directory)
        """Where perfgate keeps what it prepares for this repository."""
        self._added = {"GIT_ALTERNATE_OBJECT_DIRECTORIES": quoted(str(self.store / "objects"))}

    @property
    def store(self) -> Path:
        """Return the bare repository, in the cache, that holds what perfgate adds."""
        return self.cache / "store.git"

    def git(self, *args: str, cwd: Path | None = None, environ: dict[str, str] | None = None) -> str:
        """Run git and return what it printed, stripped.

        Raises: GitError with git's last words.
        """
        # A hook of the user's must not run for what perfgate does on the side.
        argv = ("git", *SAFE, "-c", "advice.detachedHead=false", *args)
        variables = self._environ() | (environ or {})
        ended = command.run(argv, cwd=cwd or self.root, environ=variables, interrupts=self._interrupts, apart=True)
        if ended.status:
            raise GitError(f"git {' '.join(args)}: {ended.tail or f'exit status {ended.status}'}")
        return ended.printed.decode(errors="surrogateescape").strip()

    def _environ(self) -> dict[str, str]:
        """Return the environment of every git command, without what a hook of git's that called us has set."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k.startswith("GIT_CONFIG")}
        return clean | {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", **self._added}

    def asks(self, *args: str) -> str | None:
        """Return what git printed, None where it refused: for questions that may have no answer."""
        try:
            return self.git(*args)
        except GitError:
            return None

    def succeeds(self, *args: str, cwd: Path | None = None) -> bool:
        """Return whether git did as it was told: for questions whose answer is the exit status."""
        try:
            self.git(*args, cwd=cwd)
        except GitError:
            return False
        return True

    def revision(self, name: str) -> Revision:
        """Return the commit that `name` means.

        Raises: UsageError where there is none here, with what to do about it.
        """
        commit = self.asks("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        if commit is not None:
            return Revision(label=name, commit=commit)
        self.head()  # a repository without a commit says that first
        message = f"{name!r} is not a branch, tag or commit of {self.root}"
        if self.asks("rev-parse", "--is-shallow-repository") == "true":
            raise UsageError(f"{message}; this clone is shallow and may lack it", hint=self._fetch_hint(name))
        hint = "git log --oneline lists commits, git tag lists tags; a result file must exist"
        if name.startswith("HEAD~"):
            before = int(self.git("rev-list", "--count", "--first-parent", "HEAD")) - 1
            if not before:
                hint = "commit once more, or: perfgate compare HEAD"
                raise UsageError(f"{name}: HEAD is the first commit", hint=hint)
            raise UsageError(f"{name}: HEAD has {before} commit{'s' * (before > 1)} before it", hint=hint)
        raise UsageError(message, hint=hint)

    def _fetch_hint(self, name: str) -> str:
        remote = self.remote() or "origin"
        if set(name) <= set("0123456789abcdef") and len(name) == 40:
            return f"git fetch --depth=1 {remote} {name}"
        plain = name.removeprefix(f"{remote}/")
        if any(mark in plain for mark in "~^@{"):
            return f"git fetch --unshallow {remote}"
        return f"git fetch --depth=1 {remote} {plain}:refs/remotes/{remote}/{plain}, then name {remote}/{plain}"

    def remote(self) -> str | None:
        """Return the remote to ask about the default branch."""
        remotes = (self.asks("remote") or "").split()
        return "origin" if "origin" in remotes else next(iter(remotes), None)

    def default_branch(self) -> str:
        """Return the name of the branch that changes go to: the remote's, else the one that is checked out, or main."""
        origin = self.remote() or "origin"
        if remote := self.asks("symbolic-ref", "--quiet", "--short", f"refs/remotes/{origin}/HEAD"):
            return remote.partition("/")[2]
        usual = [*USUAL_BRANCHES, self.asks("config", "init.defaultBranch") or "main"]
        for name in usual:
            for ref in (f"refs/remotes/{origin}/{name}", f"refs/heads/{name}"):
                if self.asks("rev-parse", "--verify", "--quiet", ref):
                    return name
        # Nothing was committed yet, or to one branch alone.
        branches = (self.asks("for-each-ref", "--format=%(refname:short)", "refs/heads") or "").split()
        current = self.asks("symbolic-ref", "--quiet", "--short", "HEAD")
        return branches[0] if len(branches) == 1 else current or "main"

    def fork_point(self) -> Revision:
        """Return where HEAD left the default branch: what a change is compared with when nothing is said.

        Raises: UsageError where that cannot be known, or where HEAD itself is that commit.
        """
        self.head()  # a repository without a commit says that first
        hint = "name the base: perfgate compare HEAD~1"
        remote = self.remote()
        names = [f"refs/remotes/{remote}/{branch}" for branch in ("HEAD", *USUAL_BRANCHES) if remote]
        names += [f"refs/heads/{branch}" for branch in USUAL_BRANCHES]
        for name in names:
            if self.asks("rev-parse", "--verify", "--quiet", name) is None:
                continue
            if (base := self.asks("merge-base", "HEAD", name)) is None:
                raise UsageError(f"HEAD and {name} have no common commit in this clone", hint="git fetch --unshallow")
            if base == self.git("rev-parse", "HEAD") and not self.is_dirty():
                plain = name.removeprefix("refs/heads/").removeprefix("refs/remotes/")
                raise UsageError(f"nothing to compare: HEAD is already on {plain}", hint=hint)
            return Revision(label=f"merge base with {name.removeprefix('refs/remotes/')}", commit=base)
        raise UsageError(
            f"no default branch to compare with: there is none of {', '.join(USUAL_BRANCHES)}",
            hint="name the base: perfgate compare BRANCH; or once for all: git remote set-head origin --auto",
        )

    def ancestors(self, commit: str, *, most: int = 10_000) -> dict[str, int]:
        """Return `commit` and its ancestors with the second of each (UTC, since 1970), newest first.

        In a shallow clone these are fewer than there are.
        """
        output = self.git("log", f"--max-count={most}", "--format=%H %ct", "--end-of-options", commit)
        return {oid: int(second) for oid, _, second in (line.partition(" ") for line in output.splitlines())}

    def log(self, commit: str, *, most: int) -> tuple[tuple[str, int, str], ...]:
        """Return (commit, second (UTC, since 1970), message) of `commit` and its ancestors, newest first."""
        output = self.git("log", "-z", f"--max-count={most}", "--format=%H %ct%n%B", "--end-of-options", commit)
        found = (entry.partition("\n") for entry in output.split("\0") if entry)
        return tuple((head.partition(" ")[0], int(head.rpartition(" ")[2]), message) for head, _, message in found)

    def distance(self, ancestor: str, commit: str) -> int:
        """Return how many commits lie between."""
        return int(self.git("rev-list", "--count", f"{ancestor}..{commit}"))

    def parents(self, commit: str) -> tuple[str, ...]:
        """Return the parents of `commit` as it names them, whether or not a shallow clone has them."""
        lines = self.git("cat-file", "commit", commit).partition("\n\n")[0].splitlines()
        return tuple(line.removeprefix("parent ") for line in lines if line.startswith("parent "))

    def has(self, commit: str) -> bool:
        """Return whether this clone holds `commit`."""
        return self.asks("cat-file", "-e", f"{commit}^{{commit}}") is not None

    def alike(self, one: str, other: str) -> bool:
        """Return whether this clone holds both commits, and they hold the same files."""
        trees = [self.asks("rev-parse", "--verify", "--quiet", f"{commit}^{{tree}}") for commit in (one, other)]
        return trees[0] is not None and trees[0] == trees[1]

    def bring(self, commit: str) -> None:
        """Fetch `commit` alone, without its history.

        Raises: GitError with what to write into the workflow.
        """
        remote = self.remote() or "origin"
        try:
            self.git("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--depth=1", remote, commit)
        except GitError as exc:
            raise GitError(
                f"the base {commit[:12]} is not in this clone, and cannot be fetched: {exc.message}",
                hint="in the step that uses actions/checkout:\n    with:\n      fetch-depth: 2",
            ) from exc

    def is_shallow(self) -> bool:
        """Return whether this clone lacks the older commits."""
        return self.asks("rev-parse", "--is-shallow-repository") == "true"

    def last_tag(self, glob: str) -> tuple[str, str] | None:
        """Return (name, commit) of the newest tag like `glob` that HEAD descends from, None without one."""
        name = self.asks("describe", "--tags", "--abbrev=0", f"--match={glob}", "HEAD")
        return (name, self.git("rev-parse", f"refs/tags/{name}^{{commit}}")) if name else None

    def tags(self, glob: str) -> tuple[tuple[str, str], ...]:
        """Return (name, commit) of all tags like `glob`."""
        form = "%(objectname) %(*objectname) %(refname:short)"
        lines = self.git("for-each-ref", f"--format={form}", f"refs/tags/{glob}").splitlines()
        return tuple((name, peeled or direct) for direct, peeled, name in (line.split(" ", 2) for line in lines))

    def changed_files(self) -> tuple[str, ...]:
        """Return the files of the working tree that differ from HEAD, untracked ones among them."""
        changed = self.git("diff", "--name-only", "-z", "HEAD").split("\0")
        untracked = self.git("ls-files", "-z", "--others", "--exclude-standard").split("\0")
        return tuple(path for path in (*changed, *untracked) if path)

    def line(self, names: str) -> list[str]:
        """Return the commits of a range `A..B` along the first parents, oldest first.

        Raises: UsageError where git does not know it.
        """
        try:
            found = self.git("rev-list", "--reverse", "--first-parent", "--end-of-options", names, "--")
        except GitError as exc:
            for end in re.split(r"\.{2,3}", names):  # the end that is wrong says it better
                self.revision(end or "HEAD")
            raise UsageError(
                f"{names!r} is not a range of revisions of {self.root}", hint="write it as git does: v1.0..HEAD"
            ) from exc
        return found.split()

    def is_dirty(self) -> bool:
        """Return whether the working tree holds anything that HEAD does not."""
        return bool(self.git("status", "--porcelain"))

    def head(self) -> str:
        """Return the commit that is checked out."""
        if (commit := self.asks("rev-parse", "--verify", "--quiet", "HEAD")) is None:
            raise UsageError(f"{self.root} has no commit yet", hint="git commit first")
        return commit

    def working_tree(self) -> Revision:
        """Return the working tree as a commit: HEAD where nothing changed, else a new one that no branch has.

        Ignored files stay out, untracked ones are in, and what is changed inside of submodules is, too. Index and
        checkout are left as they are.
        """
        head = self.head()
        commit = self._with_changes(self.root, head)
        if commit == head:
            return Revision(label="working tree", commit=commit)
        return Revision(label=f"working tree on {head[:9]}", commit=commit, dirty=True)

    def _with_changes(self, place: Path, head: str) -> str:
        """Return a commit of what is checked out at `place`, here or in a submodule; `head` if that is it."""
        home = place / self.git("rev-parse", "--git-common-dir", cwd=place)
        objects = self.store / "objects"
        _make(objects)
        environ = {
            "GIT_OBJECT_DIRECTORY": str(objects),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": quoted(str(home.resolve() / "objects")),
        }
        with scratch("index") as directory:
            index = directory / "index"
            mine = place / self.git("rev-parse", "--git-path", "index", cwd=place)
            if mine.exists():
                # With its time: git trusts an entry only if the index is younger than the file.
                shutil.copy2(mine, index)
            own = environ | {"GIT_INDEX_FILE": str(index)}
            self.git("add", "--all", cwd=place, environ=own)
            for path, commit in self._changed_submodules(place, own):
                self.git("update-index", "--cacheinfo", f"{GITLINK},{commit},{path}", cwd=place, environ=own)
            tree = self.git("write-tree", cwd=place, environ=own)
        if tree == self.git("rev-parse", f"{head}^{{tree}}", cwd=place, environ=environ):
            return head
        return self.git(
            "commit-tree", tree, "-p", head, "-m", "working tree", cwd=place, environ=environ | _NEUTRAL_AUTHOR
        )

    def _changed_submodules(self, place: Path, environ: dict[str, str]) -> Iterator[tuple[str, str]]:
        """Yield (path, commit) of the submodules that are checked out below `place` with changes of their own."""
        for line in self.git("ls-files", "--stage", "-z", cwd=place, environ=environ).split("\0"):
            facts, _, path = line.partition("\t")
            inside = place / path
            if not facts.startswith(GITLINK) or not (inside / ".git").exists():
                continue
            head = self.git("rev-parse", "--verify", "HEAD", cwd=inside)
            if (commit := self._with_changes(inside, head)) != head:
                yield path, commit

    def tree(self, commit: str, *paths: str) -> tuple[str, ...]:
        """Return the paths of all files in `commit`, or of those below `paths`."""
        output = self.git("-c", "core.quotePath=false", "ls-tree", "-r", "-z", "--name-only", commit, "--", *paths)
        return tuple(path for path in output.split("\0") if path)

    def blobs(self, commit: str) -> dict[str, str]:
        """Return path to object name of all files in `commit`."""
        output = self.git("-c", "core.quotePath=false", "ls-tree", "-r", "-z", commit)
        lines = (line.partition("\t") for line in output.split("\0") if line)
        return {path: facts.split()[2] for facts, _, path in lines if facts.split()[1] == "blob"}

    def content(self, commit: str, path: str) -> bytes | None:
        """Return what a file holds in `commit`, None where there is no such file."""
        text = self.asks("cat-file", "blob", f"{commit}:{path}")
        return None if text is None else text.encode(errors="surrogateescape")

    def contents(self, commit: str, paths: Sequence[str], *, largest: int) -> dict[str, bytes]:
        """Return what files hold in `commit`, by path, those of more than `largest` bytes and missing ones left out."""
        names = {path: f"{commit}:{path}" for path in paths if "\n" not in path}
        asked = "\n".join(names.values()).encode(errors="surrogateescape") + b"\n"
        sizes = self._batch("--batch-check=%(objecttype) %(objectsize)", asked).decode(errors="replace").splitlines()
        wanted = [
            path
            for path, line in zip(names, sizes, strict=True)
            if (kind := line.split())[0] == "blob" and int(kind[1]) <= largest
        ]
        data = self._batch("--batch", "\n".join(names[p] for p in wanted).encode(errors="surrogateescape") + b"\n")
        found, place = {}, 0
        for path in wanted:
            head = data.index(b"\n", place)
            size = int(data[place:head].split()[2])
            found[path] = data[head + 1 : head + 1 + size]
            place = head + size + 2
        return found

    def _batch(self, form: str, asked: bytes) -> bytes:
        argv = ("git", *SAFE, "cat-file", form)
        ended = command.run(
            argv, cwd=self.root, environ=self._environ(), interrupts=self._interrupts, data=asked, apart=True
        )
        if ended.status:
            raise GitError(f"git cat-file {form}: {ended.tail}")
        return ended.printed

    def message(self, commit: str) -> str:
        """Return the message of `commit`, empty where this clone does not have it."""
        return (self.asks("cat-file", "commit", commit) or "").partition("\n\n")[2]

    def commit_all(self, message: str) -> None:
        """Commit everything in the working tree, with a neutral author."""
        self.git("add", "--all")
        self.git(
            "-c", "commit.gpgSign=false", "commit", "--quiet", "--no-verify", "-m", message, environ=_NEUTRAL_AUTHOR
        )


def quoted(text: str) -> str:
    """Return a text in double quotes, as git's configuration and its lists of directories take it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _make(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise BuildError(f"cannot write to {directory}: {exc.strerror}", hint=OTHER_CACHE) from exc


def create_repository(root: Path, *, interrupts: Interrupts) -> Repository:
    """Make an empty repository at `root`."""
    root.mkdir(parents=True, exist_ok=True)
    ended = command.run(("git", "init", "--quiet", str(root)), cwd=root, interrupts=interrupts)
    repository = Repository(root, interrupts=interrupts)
    if ended.status or repository.root.resolve() != root.resolve():
        raise GitError(f"git cannot make a repository in {root}: {ended.tail}")
    return repository
