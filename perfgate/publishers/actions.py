"""What a step of GitHub Actions hands to its job: summary and outputs.

Limits are GitHub's: a summary above 1 MiB is dropped whole, outputs are for small facts.
"""

import secrets
from collections.abc import Mapping
from pathlib import Path

from perfgate.core.report import Report
from perfgate.core.verdict import Verdict

LARGEST_SUMMARY = 1_000_000  # bytes


def outputs(report: Report, files: Mapping[str, Path]) -> dict[str, str]:
    """Return the step's outputs: small facts, and the paths of everything large."""
    counts = report.counts
    return {
        "verdict": str(report.outcome),
        "regressions": str(counts.get(Verdict.REGRESSION, 0)),
        "improvements": str(counts.get(Verdict.IMPROVEMENT, 0)),
        "compared": str(sum(row.comparison is not None for row in report.judgements)),
        "base-sha": report.base.revision.commit or "",
        "head-sha": report.head.revision.commit or "",
        **{name: str(path) for name, path in files.items()},
    }


def write_outputs(path: Path, found: Mapping[str, str]) -> None:
    """Append outputs to the file that GITHUB_OUTPUT names, so that no value can end its own field."""
    text = ""
    for name, value in found.items():
        end = f"end-{secrets.token_hex(8)}"
        text += f"{name}<<{end}\n{value}\n{end}\n"
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def write_summary(path: Path, page: str) -> None:
    """Append a Markdown page to the job's summary, cut at a line where it would be too large."""
    data = page.encode()
    if len(data) > LARGEST_SUMMARY:
        kept = data[:LARGEST_SUMMARY].rpartition(b"\n")[0].decode(errors="ignore")
        page = f"{kept}\n\n…the rest is in the report file."
    with path.open("a", encoding="utf-8") as file:
        file.write(page + "\n")
