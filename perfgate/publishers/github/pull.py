"""Which pull requests a measured run was of: from the event and the API, never from what the run handed on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from perfgate.errors import PublishError, UsageError
from perfgate.publishers.github.client import Client
from perfgate.publishers.github.event import labels_of, may_write


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A workflow run that measured, as the event describes it."""

    id: int
    number: int
    """Counts up with each run of the workflow."""
    attempt: int
    url: str
    head_sha: str
    head_branch: str
    head_owner: str
    head_repository: int
    started: str = ""
    """When this attempt began, ISO 8601; empty where the event does not say."""
    succeeded: bool = True

    @property
    def order(self) -> tuple[int, int]:
        """What a later run has more of."""
        return (self.number, self.attempt)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """A pull request as the API has it now."""

    number: int
    head_sha: str
    base_branch: str
    labels: tuple[str, ...]
    author: str
    may_write: bool
    """Somebody who may write to the repository stands behind its commits."""


def ran(event: Mapping[str, Any], *, workflow: str) -> Ran | str:
    """Return the run that a `workflow_run` event is about, or why there is nothing to publish.

    Args:
        workflow: path of the file that measures; a pull request may add another of the same name.

    Raises: UsageError for an event of another shape.
    """
    try:
        run = event["workflow_run"]
        path = str(run["path"]).partition("@")[0]
        if run["event"] != "pull_request":
            return f"the run was of a {run['event']}, not of a pull request"
        if path != workflow:
            return f"the run was of {path}, not of {workflow}"
        if run["repository"]["id"] != event["repository"]["id"]:
            return "the run was in another repository"
        if run["head_repository"] is None:
            return "the fork that the run was of is gone"
        return Ran(
            id=int(run["id"]),
            number=int(run["run_number"]),
            attempt=int(run["run_attempt"]),
            url=str(run["html_url"]),
            head_sha=str(run["head_sha"]),
            head_branch=str(run["head_branch"]),
            head_owner=str(run["head_repository"]["owner"]["login"]),
            head_repository=int(run["head_repository"]["id"]),
            started=str(run.get("run_started_at") or ""),
            succeeded=run.get("conclusion", "success") == "success",
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise UsageError(f"the event is not a workflow_run of GitHub's: {exc!r}") from exc


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulls:
    """The open pull requests of one head commit."""

    measured: tuple[Pull, ...]
    """Those of the branch that the run measured: each gets an answer."""
    others: tuple[Pull, ...]
    """Those of other branches with the same head commit: a check belongs to the commit, and so to them too."""

    @property
    def numbers(self) -> tuple[int, ...]:
        """Those of the measured."""
        return tuple(pull.number for pull in self.measured)

    @property
    def all(self) -> tuple[Pull, ...]:
        """Every one, the measured first."""
        return (*self.measured, *self.others)


def pulls_of(client: Client, run: Ran) -> Pulls | str:
    """Return the open pull requests whose head the run measured, or why there is none.

    Raises: PublishError.
    """
    head = f"{run.head_owner}:{run.head_branch}"
    mine = {pull.number: pull for each in client.pages("/pulls", state="open", head=head) if (pull := _pull(each, run))}
    if not mine:
        return f"no open pull request has {run.head_sha[:12]} as its head any more: it moved on, or was closed"
    listed = [each for each in client.pages(f"/commits/{run.head_sha}/pulls") if each.get("state") == "open"]
    others = {pull.number: pull for each in listed if (pull := _pull(each, run, anywhere=True))}
    return Pulls(
        measured=tuple(mine[number] for number in sorted(mine)),
        others=tuple(others[number] for number in sorted(others.keys() - mine.keys())),
    )


def _pull(found: Any, run: Ran, *, anywhere: bool = False) -> Pull | None:
    """Return the pull request if its head is the measured commit, in the measured repository or `anywhere`."""
    try:
        head = found["head"]
        if head["sha"] != run.head_sha:
            return None
        if not anywhere and (head["repo"] is None or head["repo"]["id"] != run.head_repository):
            return None
        return Pull(
            number=int(found["number"]),
            head_sha=run.head_sha,
            base_branch=str(found["base"]["ref"]),
            labels=labels_of(found),
            author=str(found["user"]["login"]) if found["user"] else "",
            may_write=may_write(found),
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise PublishError(f"GitHub's answer about a pull request is not understood: {exc!r}") from exc
