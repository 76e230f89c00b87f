"""The one comment on a pull request: found, written, edited, never twice, never by an older run over a newer one.

Ours is a comment that begins with our marker and is by whom the token is; who writes the marker into a comment of
their own changes nothing.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from perfgate.errors import PublishError
from perfgate.publishers.github.client import Client

LONGEST = 65_536  # characters, GitHub's limit
JOB = "github-actions[bot]"  # who a job's own token is
ROOM = 60_000  # characters, for what a comment says; the rest is the job's summary
RACE = timedelta(minutes=10)  # within which another publisher may have looked before us and written since
_STAMP = re.compile(r"<!-- head=[0-9a-f]{40,64} run=(\d{1,12})\.(\d{1,6}) -->")


class When(StrEnum):
    """When a comment is made; one that is there is always kept up to date."""

    CHANGES = "changes"
    """Where anything is other than it was."""
    FAILURES = "failures"
    """Where something blocks."""
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What became of the comment."""

    did: str
    """created, edited, unchanged, skipped: for the log."""
    url: str = ""


def marked(key: str) -> str:
    """Return the marker that a comment of ours begins with."""
    return f"<!-- perfgate:v1:{key} -->"


def post(
    client: Client,
    number: int,
    *,
    key: str,
    head_sha: str,
    order: tuple[int, int],
    wanted: bool,
    body: Callable[[str], str],
) -> Posted:
    """Create or edit the comment `key` on a pull request.

    Args:
        order: of the run; a comment by a later one stays.
        wanted: whether to make one where there is none.
        body: what to say, given what was said before (empty: nothing).

    Raises: PublishError.
    """
    path = f"/issues/{number}/comments"
    mine = _mine(client, client.pages(path), key)
    if not mine and not wanted:
        return Posted(did="skipped: there is nothing to say")
    stamp = f"<!-- head={head_sha} run={order[0]}.{order[1]} -->"
    text = f"{marked(key)}\n{stamp}\n{body(str(mine[0]['body']) if mine else '')}"
    if len(text) > LONGEST:
        raise PublishError(f"the comment has {len(text):,} characters; GitHub takes {LONGEST:,}")
    if mine:
        return _edit(client, mine[0], text, order)
    made = client.send("POST", path, {"body": text})
    since = datetime.fromisoformat(made["created_at"]) - RACE
    recent = client.pages(path, since=f"{since:%Y-%m-%dT%H:%M:%SZ}")
    return _alone(client, made, _mine(client, recent, key), text, order)


def _edit(client: Client, found: dict[str, Any], text: str, order: tuple[int, int]) -> Posted:
    url = str(found["html_url"])
    if (stamp := _STAMP.search(found["body"])) and (int(stamp[1]), int(stamp[2])) > order:
        return Posted(did="skipped: a later run has spoken", url=url)
    if found["body"].replace("\r\n", "\n") == text:
        return Posted(did="unchanged", url=url)
    client.send("PATCH", f"/issues/comments/{found['id']}", {"body": text})
    return Posted(did="edited", url=url)


def _alone(
    client: Client, made: dict[str, Any], mine: list[dict[str, Any]], text: str, order: tuple[int, int]
) -> Posted:
    """Leave one comment where two publishers made one each: the older, saying what the later run says."""
    first = min(mine, key=lambda comment: int(comment["id"]), default=made)
    if first["id"] == made["id"]:
        return Posted(did="created", url=str(made["html_url"]))
    client.send("DELETE", f"/issues/comments/{made['id']}")
    return _edit(client, first, text, order)


def _mine(client: Client, comments: Iterable[Any], key: str) -> list[dict[str, Any]]:
    """Return the comments of ours, oldest first."""
    found = [comment for comment in comments if str(comment.get("body") or "").startswith(marked(key))]
    mine = [comment for comment in found if _author(comment)[0] == JOB]
    if found and not mine:
        me = client.me()
        mine = [comment for comment in found if (_author(comment)[0] == me if me else _author(comment)[1] == "Bot")]
    return sorted(mine, key=lambda comment: int(comment["id"]))


def _author(comment: dict[str, Any]) -> tuple[str, str]:
    user = comment.get("user") or {}
    return str(user.get("login")), str(user.get("type"))
