"""A private bare clone of one branch, with only the objects that were asked for.

Never touches the user's repository: that lends the address of its remote and how to log in, nothing else. A
command's clone lives in a temporary directory and dies with it.
"""

import base64
import os
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from perfgate.errors import StoreError
from perfgate.host import command
from perfgate.host.git import SAFE, Repository
from perfgate.host.interrupt import Interrupts

LENT = r"^(credential|http|https|url|protocol|ssh)\.|^core\.(sshcommand|askpass)$"
"""Keys of the user's own repository that say how its remote is reached."""
_RACES = (
    "stale info",
    "fetch first",
    "non-fast-forward",
    "cannot lock ref",
    "failed to update ref",
    "reference already exists",
    "incorrect old value",
    "remote ref updated since checkout",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One entry of a tree."""

    mode: str
    kind: str
    oid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A remote and how to log in there."""

    url: str
    push_url: str
    settings: tuple[tuple[str, str], ...] = ()


def address_of(repository: Repository, remote: str, *, token: str = "") -> Address:
    """Return the address of `remote`, with what the repository's own configuration says about reaching it.

    Args:
        token: of GitHub, to log in with instead of what the configuration says.
    """
    listed = repository.asks("config", "--local", "--includes", "--null", "--get-regexp", LENT) or ""
    settings = tuple((key, value) for key, _, value in (line.partition("\n") for line in listed.split("\0") if line))
    url = _absolute(repository.git("remote", "get-url", remote), repository.root)
    if token and re.match("https?://", url):
        # Two headers of that name are refused, so what actions/checkout may have left is not lent.
        settings = tuple(pair for pair in settings if not pair[0].endswith(".extraheader")) + _login(url, token)
    return Address(
        url=url,
        push_url=_absolute(repository.git("remote", "get-url", "--push", remote), repository.root),
        settings=settings,
    )


def address_at(url: str, *, token: str) -> Address:
    """Return the address of a repository that is not checked out here."""
    return Address(url=url, push_url=url, settings=_login(url, token))


def _login(url: str, token: str) -> tuple[tuple[str, str], ...]:
    server = re.match(r"https?://[^/]+/", url)
    assert server is not None
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    return ((f"http.{server[0]}.extraheader", f"AUTHORIZATION: basic {basic}"),)


def _absolute(url: str, root: Path) -> str:
    """Return a path seen from the user's repository as one seen from anywhere; a real address as it is."""
    return url if ":" in url.partition("/")[0] else str(root / url)


class Clone:
    """A bare clone in `directory` of one branch at an address."""

    def __init__(self, directory: Path, address: Address, branch: str, *, interrupts: Interrupts) -> None:
        self.branch, self._directory, self._interrupts = branch, directory, interrupts
        # Neither in an argument nor in a file: an address may hold a password.
        remote = (("remote.origin.url", address.url), ("remote.origin.pushurl", address.push_url))
        self._environ = _lent((*address.settings, *remote))
        self.url = re.sub(r"//[^/\s]*@", "//", address.url)  # it may hold a password
        self._git("init", "--quiet", "--bare", ".")
        self._have: set[str] = set()
        self._all = False

    def tip(self, *, trees: bool = False, history: bool = False, depth: int = 1) -> str | None:
        """Fetch the branch's last commit, with all its trees if wanted; None where there is no such branch.

        Args:
            history: back to the first commit.
            depth: commits to fetch, where not all of them.

        Raises: StoreError with what to do.
        """
        filtering = "--filter=blob:none" if trees or history else "--filter=tree:0"
        shallow = (self._directory / "shallow").exists()
        wanted = [filtering, *([] if not history else ["--unshallow"] if shallow else [])]
        wanted += [] if history else [f"--depth={depth}"]
        ended = self._ask("fetch", "--no-tags", *wanted, "origin", f"refs/heads/{self.branch}")
        if "couldn't find remote ref" in ended.output.lower():
            return None
        if ended.status:
            raise refusal(ended.output, self.url, self.branch, "read")
        self._all = self._all or "filtering not recognized" in ended.output
        commit = self._git("rev-parse", "FETCH_HEAD").decode().strip()
        if trees or history or self._all:
            self._have.update(item.oid for item in self._list("-r", "-t", commit).values() if item.kind == "tree")
        return commit

    def root(self, commit: str) -> str:
        """Return the tree of a commit that was fetched."""
        return re.search(rb"^tree (\w+)", self._git("cat-file", "commit", commit))[1].decode()  # type: ignore[index]

    def fetch(self, oids: Iterable[str]) -> None:
        """Fetch these objects and nothing that they point to, in one request."""
        missing = sorted(set(oids) - self._have)
        if not missing or self._all:
            return
        ended = self._ask(
            "-c", "fetch.negotiationAlgorithm=noop", "fetch", "--no-tags", "--no-write-fetch-head",
            "--recurse-submodules=no", "--filter=tree:0", "--stdin", "origin", data="\n".join(missing).encode() + b"\n",
        )  # fmt: skip
        if ended.status:
            raise refusal(ended.output, self.url, self.branch, "read")
        self._have.update(missing)

    def tree(self, oid: str) -> dict[str, Item]:
        """Return the entries of a tree that was fetched, by name."""
        return self._list(oid)

    def files(self, commit: str) -> dict[str, str]:
        """Return path to oid of all files of a commit whose trees were fetched."""
        return {path: item.oid for path, item in self._list("-r", commit).items()}

    def blobs(self, oids: Sequence[str]) -> dict[str, bytes]:
        """Return the contents of these blobs, fetched in one request."""
        self.fetch(oids)
        output = self._git("cat-file", "--batch", data="\n".join(oids).encode() + b"\n") if oids else b""
        found, at = {}, 0
        while at < len(output):
            end = output.index(b"\n", at)  # no copy of the rest: of ten thousand blobs that would be a terabyte
            oid, _, size = output[at:end].decode().split()
            at = end + 1
            found[oid] = output[at : at + int(size)]
            at += int(size) + 1
        return found

    def commit(self, files: Mapping[str, bytes], *, parent: str | None, message: str) -> str:
        """Make a commit that adds `files` to `parent`; only the trees on their way need to be here."""
        stream = [_commit_header(message), f"from {parent}\n".encode() if parent else b""]
        for path, data in files.items():
            stream += [f"M 100644 inline {path}\ndata {len(data)}\n".encode(), data, b"\n"]
        self._git("fast-import", "--quiet", "--force", data=b"".join(stream))
        return self._git("rev-parse", "refs/perfgate/new").decode().strip()

    def commit_anew(self, kept: Mapping[str, str], files: Mapping[str, bytes], *, message: str) -> str:
        """Make a first commit that holds the blobs `kept` (path to oid), whether they are here or not, and `files`."""
        oids = dict(kept)
        for path, data in files.items():
            oids[path] = self._git("hash-object", "-w", "--stdin", data=data).decode().strip()
        lines = "".join(f"100644 {oid}\t{path}\n" for path, oid in sorted(oids.items()))
        self._git("update-index", "--index-info", data=lines.encode())
        tree = self._git("write-tree", "--missing-ok").decode().strip()
        return self._git("commit-tree", tree, "-m", message, environ=_neutral_author()).decode().strip()

    def push(self, commit: str, *, expected: str | None) -> bool:
        """Make `commit` the branch's tip if `expected` still is (None: if there is no such branch).

        Returns: False if another writer was faster.
        Raises: StoreError where the remote refuses for any other reason.
        """
        ref = f"refs/heads/{self.branch}"
        ended = self._ask(
            "push", "--porcelain", f"--force-with-lease={ref}:{expected or ''}", "origin", f"{commit}:{ref}"
        )
        if ended.status == 0:
            return True
        refused = [line for line in ended.output.splitlines() if line.startswith("!") or "error:" in line]
        hooks = "hook declined" in ended.output or "GH006" in ended.output or "GH013" in ended.output
        if not hooks and any(race in line for line in refused for race in _RACES):
            return False
        raise refusal(ended.output, self.url, self.branch, "write")

    def log(self, commit: str) -> list[tuple[str, list[str], list[tuple[str, str]]]]:
        """Return (commit, parents, [(status, path)]) of the whole history, newest first; needs `tip(history=True)`."""
        output = self._git("log", "--format=%x01%H %P", "--raw", "--no-abbrev", "--no-renames", "-m", "-z", commit)
        found = []
        for part in output.decode(errors="surrogateescape").split("\x01")[1:]:
            head, _, rest = part.partition("\0")
            own, *parents = head.split()
            fields = [field for field in rest.strip("\n").split("\0") if field]
            changes = [(fields[i].rpartition(" ")[2], fields[i + 1]) for i in range(0, len(fields) - 1, 2)]
            found.append((own, parents, changes))
        return found

    def _list(self, *args: str) -> dict[str, Item]:
        output = self._git("ls-tree", "-z", *args).decode(errors="surrogateescape")
        found = {}
        for line in output.split("\0"):
            if line:
                facts, _, path = line.partition("\t")
                mode, kind, oid = facts.split()
                found[path] = Item(mode=mode, kind=kind, oid=oid)
        return found

    def _git(self, *args: str, data: bytes = b"", environ: Mapping[str, str] | None = None) -> bytes:
        ended = self._run(args, data, environ or {})
        if ended.status:
            raise StoreError(f"git {args[0]} failed in a private clone of {self.url}: {ended.tail}")
        return ended.printed

    def _ask(self, *args: str, data: bytes = b"") -> command.Ended:
        """Run a command that speaks with the remote."""
        return self._run(args, data, {})

    def _run(self, args: Sequence[str], data: bytes, more: Mapping[str, str]) -> command.Ended:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k in _KEPT or "_CONFIG" in k}
        quiet = {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_DIR": str(self._directory)}
        argv = ("git", *SAFE, "-c", "gc.auto=0", *args)
        environ = clean | quiet | self._environ | dict(more)  # any command may fetch what is not here yet
        try:
            return command.run(
                argv, cwd=self._directory, environ=environ, interrupts=self._interrupts, data=data, apart=True
            )
        except FileNotFoundError as exc:
            raise StoreError("git is not installed", hint="install git and try again") from exc


_KEPT = ("GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_ASKPASS", "GIT_SSL_CAINFO", "GIT_SSL_NO_VERIFY")


def refusal(output: str, url: str, branch: str, action: str) -> StoreError:
    """Return the error for what git said when it was refused, with the lines that mend it."""
    words = re.sub(r"//[^/\s]*@", "//", "\n".join(line for line in output.splitlines() if line.strip())[-2000:])
    place = f"branch {branch} of {url}"
    if "Permission to" in output or "error: 403" in output:
        right = "write" if action == "write" else "read"
        return StoreError(
            f"the token may not {right} {place}:\n{words}",
            hint=f"add to the job:\n    permissions:\n      contents: {right}\n"
            "if it is there, Settings > Actions > General > Workflow permissions or the organisation forbids it",
        )
    if "GH006" in output or "GH013" in output or "hook declined" in output:
        return StoreError(
            f"{place} is protected, and the push was declined:\n{words}",
            hint="exclude the branch from the rule, or allow the account that records to bypass it",
        )
    if "could not read Username" in output or "Authentication failed" in output or "error: 401" in output:
        return StoreError(
            f"{url} wants to know who asks:\n{words}",
            hint="log in (git credential helper, ssh key), or give the job a token that may read and write contents",
        )
    if "not found" in output.lower() or "does not appear to be a git repository" in output:
        return StoreError(
            f"{url} is not there, or its existence is kept from you:\n{words}",
            hint="check git remote -v; in a job, a permissions block without contents: read takes that right away",
        )
    if "Duplicate header" in output:
        return StoreError(
            f"{url} was sent two logins:\n{words}",
            hint="in the step that uses actions/checkout:\n    with:\n      persist-credentials: false",
        )
    return StoreError(f"cannot {action} {place}:\n{words}", hint="what is stored is whole; run the command again")


def _lent(settings: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return settings as variables: unlike an argument, no other user of the machine sees them."""
    start = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
    pairs: dict[str, str] = {}
    for number, (key, value) in enumerate(settings, start=start):
        pairs |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return {"GIT_CONFIG_COUNT": str(start + len(settings)), **pairs} if settings else {}


def _commit_header(message: str) -> bytes:
    text = message.encode()
    who = f"committer perfgate <perfgate@localhost> {int(time.time())} +0000\n"
    return b"commit refs/perfgate/new\n" + who.encode() + f"data {len(text)}\n".encode() + text + b"\n"


def _neutral_author() -> dict[str, str]:
    return {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in _WHO.items()}


_WHO = {"NAME": "perfgate", "EMAIL": "perfgate@localhost"}
