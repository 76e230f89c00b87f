"""The verdict as a check run and as a commit status: what a rule of the repository can require.

Their names differ from each other and from the measuring job's: GitHub asks for all that share a required name.
"""

import re
from dataclasses import dataclass

from perfgate.core.report import Outcome, Report
from perfgate.errors import Exit
from perfgate.publishers.github.client import PAGE, Client

CHECK = "perfgate/verdict"
STATUS = "perfgate/status"
LONGEST_SUMMARY = 65_000  # characters; GitHub takes 65,535
LONGEST_DESCRIPTION = 140
MOST_PAGES = 20  # of checks of one commit
SEVERITY = ("success", "neutral", "failure")
"""GitHub's words, from good to bad."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOf:
    """What a check speaks of: the workflow run, the pull requests that it measured, and what became of these."""

    run_id: int
    pulls: tuple[int, ...]
    result: str
    """GitHub's word for what the run itself showed; the check may be red for another pull request."""

    @property
    def text(self) -> str:
        """As GitHub keeps it with the check."""
        return f"{self.run_id}:{','.join(map(str, self.pulls))}:{self.result}"

    @classmethod
    def parsed(cls, text: str) -> "CheckOf | None":
        """Return what a text says; None where it is not one of ours."""
        found = re.fullmatch(r"(\d{1,20}):(\d{1,10}(?:,\d{1,10})*):(\w{1,20})", text)
        return cls(run_id=int(found[1]), pulls=tuple(map(int, found[2].split(","))), result=found[3]) if found else None


def conclusion(report: Report) -> str:
    """Return GitHub's word for the outcome; neutral lets a merge pass, and says that nothing was proven."""
    if report.exit_code != Exit.PASSED:
        return "failure"
    return "success" if report.outcome is Outcome.PASS else "neutral"


def named(name: str, key: str) -> str:
    """Return the name of a check, told apart from those of other gates of the same repository."""
    return name if key == "default" else f"{name} ({key})"


def create_check(
    client: Client, *, key: str, head_sha: str, result: str, title: str, summary: str, url: str, of: CheckOf
) -> str:
    """Set the check on a commit, complete from the start: one that is never completed would hang. Return its address.

    Raises: PublishError.
    """
    made = client.send(
        "POST",
        "/check-runs",
        {
            "name": named(CHECK, key),
            "head_sha": head_sha,
            "status": "completed",
            "conclusion": result,
            "external_id": of.text,
            "details_url": url,
            "output": {"title": title[:250], "summary": summary},
        },
    )
    return str(made["html_url"])


def results(client: Client, *, key: str, head_sha: str) -> dict[int, list[tuple[int, int, str]]]:
    """Return what the runs of a commit showed so far: pull request to (run, check, result); later ones are larger.

    Raises: PublishError.
    """
    found: dict[int, list[tuple[int, int, str]]] = {}
    name = named(CHECK, key)
    for page in range(1, MOST_PAGES + 1):
        options = {"check_name": name, "filter": "all", "per_page": PAGE, "page": page}
        listed = client.get(f"/commits/{head_sha}/check-runs", **options)["check_runs"]
        for each in listed:
            of = CheckOf.parsed(str(each.get("external_id") or ""))
            if of is not None and each.get("name") == name:
                for number in of.pulls:
                    found.setdefault(number, []).append((of.run_id, int(each["id"]), of.result))
        if len(listed) < PAGE:
            break
    return found


def create_status(client: Client, *, key: str, head_sha: str, result: str, title: str, url: str) -> None:
    """Set the status on a commit, for servers and tokens that have no checks.

    Raises: PublishError.
    """
    body = {
        "state": "failure" if result == "failure" else "success",
        "context": named(STATUS, key),
        "description": title if len(title) <= LONGEST_DESCRIPTION else f"{title[: LONGEST_DESCRIPTION - 1]}…",
        "target_url": url,
    }
    client.send("POST", f"/statuses/{head_sha}", body)
