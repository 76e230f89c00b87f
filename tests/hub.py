"""A stateful GitHub in a process: its API over a real bare repository, git over HTTP, and artifacts on another host.

Every request and every answer is held against GitHub's own description; what that does not say (sizes, rights,
paging) is written here from GitHub's documentation.
"""

import io
import json
import re
import subprocess
import threading
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from tests import githttp
from tests.github_description import asked, check, filled

REPOSITORY = "octo/lib"
ROOT = f"/repos/{REPOSITORY}"
BOT = {"login": "github-actions[bot]", "type": "Bot", "id": 41898282}
ALL = frozenset({"contents: write", "pull-requests: write", "checks: write", "statuses: write", "actions: read"})
LONGEST_COMMENT = 65_536
API = "https://api.github.com"
Answer = tuple[int, Any, dict[str, str]]


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.answer: Answer = (
            status,
            {"message": message, "documentation_url": "https://docs.github.com"},
            headers or {},
        )


@dataclass(kw_only=True)
class Fault:
    """An answer that GitHub gives instead of its usual one, so many times."""

    what: str
    """Verb and path, a regular expression."""
    answer: Answer
    times: int = 1


@dataclass(kw_only=True)
class Hub:
    """The state, and what was asked."""

    repository: Path
    """A bare repository."""
    rights: frozenset[str] = ALL
    me: str | None = None
    """Whose the token is; None is a job's."""
    pulls: list[dict[str, Any]] = field(default_factory=list)
    comments: list[dict[str, Any]] = field(default_factory=list)
    checks: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    artifacts: dict[int, tuple[str, bytes]] = field(default_factory=dict)
    expired: set[int] = field(default_factory=set)
    made: dict[int, str] = field(default_factory=dict)
    """Artifact to when it was made."""
    locked: bool = False
    faults: list[Fault] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    """What was against GitHub's description; a test that leaves any fails."""
    address: str = ""
    before_post: Callable[[], Any] | None = None
    """Happens once, between somebody's looking for a comment and making one."""
    before_answer: Callable[[], Any] | None = None
    """Happens before each answer about comments."""
    merges: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Commits that are not in the repository, to their parents: merge commits that GitHub made of a pull request."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fail(self, what: str, status: int, message: str, *, times: int = 1, **headers: str) -> None:
        """Answer `what` with an error, so many times."""
        plain = {name.replace("_", "-"): value for name, value in headers.items()}
        self.faults.append(Fault(what=what, answer=Refused(status, message, plain).answer, times=times))

    def git(self, *args: str) -> str:
        done = subprocess.run(["git", *args], cwd=self.repository, check=True, capture_output=True, text=True)
        return done.stdout

    def say(self, body: str, *, issue: int = 7, **user: Any) -> dict[str, Any]:
        """Add a comment to an issue."""
        number = len(self.comments) + 1 + max((c["id"] for c in self.comments), default=1000)
        url = f"https://github.com/{REPOSITORY}/pull/7#issuecomment-{number}"
        who = {**BOT, **user}
        when = f"2026-01-{2 + number // 1440 % 20:02}T{number // 60 % 24:02}:{number % 60:02}:00Z"
        made = filled(
            "issue-comment",
            id=number,
            body=body,
            user=filled("simple-user", **who),
            html_url=url,
            created_at=when,
            issue_url=f"{API}/repos/{REPOSITORY}/issues/{issue}",
        )
        self.comments.append(made)
        return made

    def hand_on(self, run: int, files: dict[str, str | bytes] | bytes, *, name: str = "perfgate") -> int:
        """Keep an artifact of a run: files, or the archive itself."""
        if isinstance(files, dict):
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
                for path, content in files.items():
                    archive.writestr(path, content)
            files = packed.getvalue()
        number = 100 + len(self.artifacts)
        self.artifacts[number] = (f"{run}:{name}", files)
        return number

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes, accept: str) -> Answer:
        """Answer one request."""
        self.asked.append(f"{method} {path}")
        if self.before_answer is not None and "/comments" in path:
            self.before_answer()
        for fault in self.faults:
            if fault.times and re.search(fault.what, f"{method} {path}"):
                fault.times -= 1
                return fault.answer
        try:
            for verb, pattern, does in ROUTES:
                if verb == method and (match := re.fullmatch(pattern, path)):
                    with self.lock:
                        return does(self, match, query, json.loads(body) if body else {})
        except Refused as exc:
            return exc.answer
        return 404, {"message": "Not Found", "documentation_url": "x"}, {}

    def need(self, right: str) -> None:
        """Refuse what the token may not do."""
        kind, _, level = right.partition(": ")
        if right not in self.rights and not (level == "read" and f"{kind}: write" in self.rights):
            raise Refused(403, "Resource not accessible by integration", {"X-Accepted-GitHub-Permissions": right})


def _paged(hub: Hub, items: list[Any], query: dict[str, str], path: str) -> Answer:
    size, page = min(int(query.get("per_page", 30)), 100), int(query.get("page", 1))
    more = len(items) > page * size
    link = {"Link": f'<{hub.address}/api/v3{path}?page={page + 1}>; rel="next"'} if more else {}
    return 200, items[(page - 1) * size : page * size], link


def _pulls(hub: Hub, match: re.Match[str], query: dict[str, str], body: Any) -> Answer:
    found = [p for p in hub.pulls if p["state"] == query.get("state", "open")]
    if "head" in query:
        found = [p for p in found if f"{p['head']['user']['login']}:{p['head']['ref']}" == query["head"]]
    return _paged(hub, found, query, match[0])


def _comments(hub: Hub, match: re.Match[str], query: dict[str, str], body: Any) -> Answer:
    mine = [c for c in hub.comments if c["issue_url"].endswith(f"/{match[1]}")]
    found = [c for c in mine if c["created_at"] >= query.get("since", "")]
    return _paged(hub, found, query, match[0])


def _comment(hub: Hub, match: re.Match[str], query: dict[str, str], body: Any) -> Answer:
    hub.need("pull-requests: write")
    _commentable(hub, body)
    if (happens := hub.before_post) is not None:
        hub.before_post = None
        happens()
    return 201, hub.say(body["body"], issue=int(match[1])), {}


def _commentable(hub: Hub, body: Any) -> None:
    if hub.locked:
        raise Refused(403, "Unable to create comment because issue is locked.")
    if len(body["body"]) > LONGEST_COMMENT:
        raise Refused(422, "body is too long (maximum is 65536 characters)")


def _edit(hub: Hub, match: re.Match[str], query: dict[str, str], body: Any) -> Answer:
    hub.need("pull-requests: write")
    _commentable(hub, body)
    found = next((c for c in hub.comments if c["id"] == int(match[1])), None)
    if found is None:
        raise Refused(404, "Not Found")
    found["body"] = body["body"]
    return 200, found, {}


def _delete(hub: Hub, match: re.Match[str], query: dict[str, str], body: Any) -> Answer:
    hub.need("pull-requests: write")
    hub.comments = [c for c in hub.comments if c["id"] != int(match[1])]
    return 204, None, {}


def _check(hub: Hub, match: re.Match[str], query: dict[str, str], body: Any) -> Answer:
    hub.need("checks: write")
    if body.get("status") == "completed" and "conclusion" not in body:
        raise Refused(422, "conclusion is required")
    number = len(hub.checks) + 1
    output = filled("check-run")["output"] | body["output"]
    made = filled(
        "check-run", **{**body, "output": output, "id": number, "html_url": f"https://github.com/checks/{number}"}
    )
    hub.checks.append(made)
    return 201, made, {}


def _status(hub: Hub, match: re.Match[str], query: dict[str, str], body: Any) -> Answer:
    hub.need("statuses: write")
    if len(body["description"]) > 140:
        raise Refused(422, "description is too long (maximum is 140 characters)")
    made = filled("status", **body)
    hub.statuses.append({**made, "sha": match[1]})
    return 201, made, {}


def _artifacts(hub: Hub, match: re.Match[str], query: dict[str, str], body: Any) -> Answer:
    hub.need("actions: read")
    wanted = f"{match[1]}:{query['name']}"
    found = [
        filled(
            "artifact",
            id=number,
            name=query["name"],
            size_in_bytes=len(data),
            expired=number in hub.expired,
            created_at=hub.made.get(number, "2026-01-02T03:04:05Z"),
        )
        for number, (name, data) in hub.artifacts.items()
        if name == wanted
    ]
    return 200, {"total_count": len(found), "artifacts": found}, {}


def _archive(hub: Hub, match: re.Match[str], query: dict[str, str], body: Any) -> Answer:
    hub.need("actions: read")
    return 302, None, {"Location": f"{hub.address.replace('127.0.0.1', 'localhost')}/blob/{match[1]}?signature=x"}


def _contents(hub: Hub, match: re.Match[str], query: dict[str, str], body: Any) -> Answer:
    hub.need("contents: read")
    try:
        return 200, hub.git("cat-file", "blob", f"{query['ref']}:{match[1]}").encode(), {}
    except subprocess.CalledProcessError:
        raise Refused(404, "Not Found") from None


def _compare(hub: Hub, match: re.Match[str], query: dict[str, str], body: Any) -> Answer:
    hub.need("contents: read")
    base, _, head = match[1].partition("...")
    if {base, head} & {parents[0] for parents in hub.merges.values()}:  # it stands on the base branch
        here = filled("commit", sha=base, commit={"message": "x"})
        return 200, filled("commit-comparison", status="ahead", base_commit=here, merge_base_commit=here), {}
    try:
        hub.git("rev-parse", "--verify", "--quiet", f"{base}^{{commit}}")
        fork = hub.git("merge-base", base, head).strip()
    except subprocess.CalledProcessError:
        raise Refused(404, "Not Found") from None
    ends = [hub.git("rev-parse", end).strip() for end in (base, head)]
    status = "identical" if ends[0] == ends[1] else "ahead" if fork == ends[0] else "behind" if fork == ends[1] else ""
    one, other = (filled("commit", sha=sha, commit={"message": "x"}) for sha in (ends[0], fork))
    commits = [
        filled("commit", sha=sha, commit={"message": hub.git("log", "-1", "--format=%B", sha)})
        for sha in hub.git("rev-list", "--reverse", f"{base}..{head}").split()
    ]
    files = [filled("diff-entry", filename=name) for name in hub.git("diff", "--name-only", f"{base}...{head}").split()]
    found = filled("commit-comparison", commits=commits, files=files, total_commits=len(commits))
    return 200, {**found, "status": status or "diverged", "base_commit": one, "merge_base_commit": other}, {}


def _pull(hub: Hub, match: re.Match[str], query: dict[str, str], body: Any) -> Answer:
    hub.need("pull-requests: read")
    found = next((p for p in hub.pulls if p["number"] == int(match[1])), None)
    if found is None:
        raise Refused(404, "Not Found")
    return 200, filled("pull-request", **found), {}


def _commit(hub: Hub, match: re.Match[str], query: dict[str, str], body: Any) -> Answer:
    hub.need("contents: read")
    try:
        message, own = "merge", hub.merges.get(match[1])
        if own is None:
            message = hub.git("log", "-1", "--format=%B", match[1])
            own = tuple(hub.git("log", "-1", "--format=%P", match[1]).split())
    except subprocess.CalledProcessError:
        raise Refused(404, "Not Found") from None
    parents = [{"sha": sha, "url": f"{API}/x", "html_url": f"{API}/x"} for sha in own]
    return 200, filled("git-commit", sha=match[1], message=message, parents=parents), {}


def _pulls_of_commit(hub: Hub, match: re.Match[str], query: dict[str, str], body: Any) -> Answer:
    return _paged(hub, [p for p in hub.pulls if p["head"]["sha"] == match[1]], query, match[0])


def _checks_of_commit(hub: Hub, match: re.Match[str], query: dict[str, str], body: Any) -> Answer:
    hub.need("checks: read")
    found = [c for c in hub.checks if c["head_sha"] == match[1] and c["name"] == query.get("check_name", c["name"])]
    return 200, {"total_count": len(found), "check_runs": found[::-1][: int(query.get("per_page", 30))]}, {}


def _user(hub: Hub, match: re.Match[str], query: dict[str, str], body: Any) -> Answer:
    if hub.me is None:
        raise Refused(403, "Resource not accessible by integration")
    return 200, filled("public-user", login=hub.me, user_view_type="public"), {}


ROUTES: list[tuple[str, str, Callable[[Hub, re.Match[str], dict[str, str], Any], Answer]]] = [
    ("GET", rf"{ROOT}/pulls", _pulls),
    ("GET", rf"{ROOT}/issues/(\d+)/comments", _comments),
    ("POST", rf"{ROOT}/issues/(\d+)/comments", _comment),
    ("PATCH", rf"{ROOT}/issues/comments/(\d+)", _edit),
    ("DELETE", rf"{ROOT}/issues/comments/(\d+)", _delete),
    ("GET", rf"{ROOT}/pulls/(\d+)", _pull),
    ("GET", rf"{ROOT}/git/commits/(\w+)", _commit),
    ("GET", rf"{ROOT}/commits/(\w+)/pulls", _pulls_of_commit),
    ("GET", rf"{ROOT}/commits/(\w+)/check-runs", _checks_of_commit),
    ("POST", rf"{ROOT}/check-runs", _check),
    ("POST", rf"{ROOT}/statuses/(\w+)", _status),
    ("GET", rf"{ROOT}/actions/runs/(\d+)/artifacts", _artifacts),
    ("GET", rf"{ROOT}/actions/artifacts/(\d+)/zip", _archive),
    ("GET", rf"{ROOT}/contents/(.+)", _contents),
    ("GET", rf"{ROOT}/compare/(.+)", _compare),
    ("GET", "/user", _user),
]


def application(hub: Hub) -> Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]:
    """Serve the API below /api/v3, artifacts below /blob, and the repository itself."""
    serve_git = githttp.application(hub.repository.parent.parent)

    def serve(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path.startswith("/blob/"):
            secret = "HTTP_AUTHORIZATION" in environ
            data = hub.artifacts[int(path.rpartition("/")[2])][1]
            start("403 Forbidden" if secret else "200 OK", [("Content-Type", "application/zip")])
            return [b"the token went to another host" if secret else data]
        if not path.startswith("/api/v3"):
            return serve_git(environ, start)
        method, path = environ["REQUEST_METHOD"], path.removeprefix("/api/v3")
        query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
        body = environ["wsgi.input"].read()
        status, content, headers = hub.answer(method, path, query, body, environ.get("HTTP_ACCEPT", ""))
        raw = isinstance(content, bytes)
        data = content if raw else b"" if content is None else json.dumps(content).encode()
        kind = "application/vnd.github.raw+json" if raw else "application/json"
        headers = {"Content-Type": kind, **headers} if content is not None else headers
        request = asked(method, path, query, {"Content-Type": environ.get("CONTENT_TYPE", "")}, body)
        if not headers.pop("X-Broken", ""):
            try:
                check(request, status, headers, data, valid=status < 400)
            except Exception as exc:
                hub.broken.append(f"{method} {path} {status}: {exc!r} {exc.__cause__!r}"[:2000])
        start(f"{status} x", [*headers.items()])
        return [data]

    return serve


@contextmanager
def serving(hub: Hub) -> Iterator[str]:
    """Serve on loopback; yield the address."""
    with githttp.running(application(hub)) as address:
        hub.address = f"http://{address}"
        yield hub.address
