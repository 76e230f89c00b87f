"""What a GitHub event asks of perfgate, and which commit is base; pure.

Base of a pull request is the first parent of the merge commit that GitHub checks out, not `pull_request.base.sha`: that
is where the base branch stood at the last push to the pull request, and would charge it with what others merged since.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

NO_COMMIT = "0" * 40  # what a push says came before the first commit of a branch


class Activity(StrEnum):
    """What is to be done."""

    GATE = "gate"
    RECORD = "record"
    PUBLISH = "publish"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an event asks for."""

    activity: Activity
    why: str
    """In a sentence, for the log."""
    base: str | None = None
    """A commit; None if the merge base with `base_ref` is used, or nothing is compared."""
    base_ref: str | None = None
    """The branch that head would go to."""
    otherwise: str | None = None
    """The base to use if the clone cannot give the merge base, or if `base_ref` already contains head."""
    first: bool = False
    """Whether head has no parent: there is nothing to compare it with."""
    fork: bool = False
    """From a fork or from Dependabot: the token can read and nothing else, whatever the workflow says."""
    number: int | None = None
    """Of the pull request."""
    labels: tuple[str, ...] = ()
    """Of the pull request, when the event happened: a job that is run again gets the same event."""
    speaks: str | None = None
    """The commit whose trailers count, if it was pushed by a person with write access."""
    trusted: bool = False
    """Whether it was, as far as the event says."""
    author: str = ""
    """Who opened the pull request."""


def asked(name: str, event: Mapping[str, Any], *, head: str, parents: Sequence[str]) -> Asked:
    """Return what the event `name` asks for.

    Args:
        event: the payload; keys that are missing are taken as unknown.
        head: the commit that is checked out.
        parents: its parents, as the commit itself says: a shallow clone has them though it lacks their contents.
    """
    match name:
        case "pull_request" | "pull_request_target":
            found = _pull_request(event, head, parents)
        case "merge_group":
            base = _text(event, "merge_group", "base_sha") or _first(parents)
            ref = _branch(_text(event, "merge_group", "base_ref"))
            number = re.search(r"/pr-(\d{1,9})-", _text(event, "merge_group", "head_ref") or "")
            found = Asked(
                activity=Activity.GATE,
                why="a merge group",
                base=base,
                base_ref=ref,
                # The pull request's own head; squashed, what the group made of it. Never base.
                speaks=parents[1] if len(parents) > 1 else head or None,
                number=int(number[1]) if number else None,
            )
        case "push":
            found = _push(event, parents)
        case "workflow_run":
            found = Asked(activity=Activity.PUBLISH, why="a workflow has run")
        case "schedule":
            found = Asked(activity=Activity.RECORD, why="a schedule")
        case "workflow_dispatch":
            why = "started by hand, compared with the commit before"
            found = Asked(activity=Activity.GATE, why=why, base=_first(parents), base_ref=_default(event))
        case _:
            found = Asked(activity=Activity.NOTHING, why=f"the event {name or '(none)'!r} asks for nothing")
    return replace(found, first=found.activity is Activity.GATE and found.base is None and not parents)


def _pull_request(event: Mapping[str, Any], head: str, parents: Sequence[str]) -> Asked:
    theirs, ours = (_text(event, "pull_request", side, "repo", "full_name") for side in ("head", "base"))
    robot = _text(event, "sender", "login") == "dependabot[bot]"
    number, pull = event.get("number"), event.get("pull_request")
    last = _text(event, "pull_request", "head", "sha")
    merged = last in parents[1:]
    # The merge commit's first parent; where a branch itself was checked out, where it left the base branch.
    base = _first(parents) if merged else None
    return Asked(
        activity=Activity.GATE,
        why="a pull request, compared with " + ("what it would be merged into" if merged else "where it left its base"),
        base=base,
        base_ref=_text(event, "pull_request", "base", "ref"),
        fork=theirs != ours or robot,
        number=number if isinstance(number, int) else None,
        labels=labels_of(pull),
        speaks=last,
        trusted=may_write(pull),
        author=_text(event, "pull_request", "user", "login") or "",
    )


def labels_of(pull: Any) -> tuple[str, ...]:
    """Return the names of a pull request's labels; only who may triage can set one."""
    listed = pull.get("labels") if isinstance(pull, Mapping) else None
    names = [_text(label, "name") for label in listed] if isinstance(listed, list) else []
    return tuple(name for name in names if name)


def may_write(pull: Any) -> bool:
    """Return whether the commits of a pull request come from a person with write access.

    That is certain of the repository's own branches and of its owner; a member of an organisation may only read.
    """
    if not isinstance(pull, Mapping):
        return False
    theirs, ours = (_text(pull, side, "repo", "full_name") for side in ("head", "base"))
    inside = theirs is not None and theirs == ours
    return inside or _text(pull, "author_association") == "OWNER"


def _push(event: Mapping[str, Any], parents: Sequence[str]) -> Asked:
    branch, default = _branch(_text(event, "ref")), _default(event)
    if event.get("deleted") is True:
        return Asked(activity=Activity.NOTHING, why="a branch was deleted")
    if branch is not None and branch == default:
        return Asked(activity=Activity.RECORD, why=f"a push to {branch}, the default branch")
    before, head = _text(event, "before"), _text(event, "after")
    known = before if before and before != NO_COMMIT and event.get("forced") is not True else None
    if branch is None:
        why, base, otherwise = "a push to a tag", known or _first(parents), None
    elif known is None:  # the first push of a branch, or one that rewrote it: all its commits are new
        why, base, otherwise = f"a push to {branch}, compared with where it left {default}", None, _first(parents)
    else:
        why, base, otherwise = f"a push to {branch}", known, None
    return Asked(
        activity=Activity.GATE, why=why, base=base, base_ref=default, otherwise=otherwise, speaks=head, trusted=True
    )


def _first(parents: Sequence[str]) -> str | None:
    return parents[0] if parents else None


def _default(event: Mapping[str, Any]) -> str | None:
    return _text(event, "repository", "default_branch")


def _branch(ref: str | None) -> str | None:
    return ref.removeprefix("refs/heads/") if ref and ref.startswith("refs/heads/") else None


def _text(event: Any, *path: str) -> str | None:
    found = event
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else None
