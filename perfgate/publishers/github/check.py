"""The verdict as a check run and as a commit status: what a rule of the repository can require.

Their names differ from each other and from the measuring job's: GitHub asks for all that share a required name.
"""

from perfgate.core.report import Outcome, Report
from perfgate.errors import Exit
from perfgate.publishers.github.client import Client

CHECK = "perfgate/verdict"
STATUS = "perfgate/status"
LONGEST_SUMMARY = 65_000  # characters; GitHub takes 65,535
LONGEST_DESCRIPTION = 140


def conclusion(report: Report) -> str:
    """Return GitHub's word for the outcome; neutral lets a merge pass, and says that nothing was proven."""
    if report.exit_code != Exit.PASSED:
        return "failure"
    return "success" if report.outcome is Outcome.PASS else "neutral"


def named(name: str, key: str) -> str:
    """Return the name of a check, told apart from those of other gates of the same repository."""
    return name if key == "default" else f"{name} ({key})"


def create_check(
    client: Client, *, key: str, head_sha: str, result: str, title: str, summary: str, url: str, run_id: int
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
            "external_id": str(run_id),
            "details_url": url,
            "output": {"title": title[:250], "summary": summary},
        },
    )
    return str(made["html_url"])


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
