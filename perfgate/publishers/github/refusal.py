"""What GitHub's refusals mean, each with the exact lines that mend it."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from github import GithubException
from github.GithubException import RateLimitExceededException

from perfgate.errors import PublishError

_RIGHTS = {
    "/issues": ("write comments", "pull-requests: write"),
    "/check-runs": ("create check runs", "checks: write"),
    "/commits": ("read the checks of a commit", "checks: write"),
    "/statuses": ("set statuses", "statuses: write"),
    "/actions": ("read artifacts", "actions: read"),
    "/pulls": ("read pull requests", "pull-requests: read"),
    "/contents": ("read the repository", "contents: read"),
    "/compare": ("read the repository", "contents: read"),
}
"""First part of a path to what is done there, and the permission that it takes."""


def refusal(exc: Exception, verb: str, path: str, repository: str) -> PublishError:
    """Return the error for what GitHub, or the way to it, said."""
    if not isinstance(exc, GithubException):
        return PublishError(
            f"GitHub gave no answer that could be read ({verb} {path}): {_short(exc)}",
            hint="the verdict stands; run the job again",
        )
    status, headers = exc.status, {key.lower(): value for key, value in (exc.headers or {}).items()}
    said = _message(exc)
    if isinstance(exc, RateLimitExceededException) or status == 429 or "retry-after" in headers:
        return PublishError(f"GitHub's rate limit is used up: {said}{_until(headers)}", hint=_LATER)
    if status == 403 and "locked" in said.lower():
        return PublishError("the conversation is locked, so perfgate cannot comment there", kind="locked")
    if status in (403, 404) and (right := _right(path, verb, status)):
        what, permission = right
        hint = f"add to the job:\n    permissions:\n      {permission}\nlisting one permission sets all others to none"
        if "check" in what:
            hint += "\na personal access token cannot create check runs at all: use status there"
        if accepted := headers.get("x-accepted-github-permissions"):
            hint += f"\nGitHub asks for: {accepted}"
        may = "may not" if status == 403 else "cannot"
        return PublishError(f"the token {may} {what} in {repository}: {said}", hint=hint, kind="forbidden")
    if status == 401:
        return PublishError(f"the token is not valid: {said}", hint="pass the job's own: token: ${{ github.token }}")
    return PublishError(f"GitHub refused {verb} {path} of {repository} with {status}: {said}", hint=_LATER)


_LATER = "the verdict stands; run the job again later"


def _right(path: str, verb: str, status: int) -> tuple[str, str] | None:
    """Return what is missing; a 404 on reading may be a right too, as GitHub hides what it does not show."""
    found = next((right for start, right in _RIGHTS.items() if path.startswith(start)), None)
    if status == 404 and verb != "GET":
        return None
    if path.startswith("/issues") and verb == "GET":
        return "read comments", "pull-requests: read"
    return found


def _message(exc: GithubException) -> str:
    data = exc.data if isinstance(exc.data, Mapping) else {}
    text = str(data.get("message") or exc.message or exc.data or "no reason given")
    faults = data.get("errors")
    return f"{text} {faults}"[:500] if faults else text[:500]


def _until(headers: Mapping[str, str]) -> str:
    reset = str(headers.get("x-ratelimit-reset", ""))
    if not reset.isdigit() or int(reset) < time.time():
        return ""
    return f" (until {datetime.fromtimestamp(int(reset), UTC):%H:%M} UTC)"


def _short(exc: Exception) -> str:
    """Return the reason at the bottom: what lies around it is about connection pools."""
    cause: Any = exc.args[0] if exc.args else exc
    reason = getattr(cause, "reason", None) or cause
    return str(reason).rpartition("): ")[2][:300]
