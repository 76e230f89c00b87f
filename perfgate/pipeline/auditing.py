"""What the gate decided, kept beside the stored runs, and what became of it."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from perfgate import codec
from perfgate.core.audit import Audit, Decision, audit
from perfgate.core.control import disturbance
from perfgate.core.policy import matches
from perfgate.core.report import Report
from perfgate.core.verdict import Verdict
from perfgate.errors import UsageError
from perfgate.host import files
from perfgate.host.git import Repository
from perfgate.pipeline.stored import archive
from perfgate.pipeline.workshop import Workshop

QUARANTINE = timedelta(days=30)
AUDITED = timedelta(days=90)  # what was mended is forgotten


def is_report(name: str) -> bool:
    """Return whether a file is a report of perfgate's, judged by how it begins."""
    try:
        with Path(name).open("rb") as file:
            return f'"{codec.REPORT_KIND}"'.encode() in file.read(100)
    except OSError:
        return False  # the next reader says why


def decided(report: Report, repository: Repository | None = None) -> Decision:
    """Return what a report says, short enough to be kept for ever.

    Args:
        repository: where the commits are looked up; None knows only whether they are the same one.

    Raises: UsageError where a side is no commit, or none that the repository has.
    """
    base, head = (side.revision.commit for side in (report.base, report.head))
    if base is None or head is None or report.base.revision.dirty or report.head.revision.dirty:
        raise UsageError("the report is of no two commits", hint="compare two commits, or let the gate write it")
    for commit in (base, head):
        if repository is not None and not repository.has(commit):
            text = f"the report is of {commit[:12]}, which this clone does not have"
            raise UsageError(text, hint=f"git fetch origin {commit}")
    same = base == head or (repository is not None and repository.alike(base, head))
    compared = [row.comparison for row in report.judgements if row.comparison]
    return Decision(
        base=base,
        head=head,
        same=same,
        started=report.started,
        verdicts=tuple((str(row.sli), row.verdict) for row in report.judgements if row.sli and row.critical),
        invalid=bool(disturbance(report.method, compared, math.log1p(report.margin))),
        reasons=tuple((str(row.sli), row.text) for row in report.of(Verdict.ACCEPTED) if row.sli and row.critical),
    )


def record(names: Sequence[str], shop: Workshop, *, dry_run: bool) -> tuple[tuple[str, ...], str]:
    """Append what report files say, unless it is a dry run; return the paths that are new, and where."""
    repository = shop.repository()
    loaded = shop.load_config(repository.root)
    reports = [codec.load_report(files.read(Path(name), largest=codec.LARGEST), name=name) for name in names]
    decisions = [decided(report, repository) for report in reports]
    with archive(repository, loaded, shop) as kept:
        new = () if dry_run else kept.record_decisions(decisions, message=message(decisions))
        return new, kept.store.name


def message(decisions: Sequence[Decision]) -> str:
    """Return the message of the commit that keeps them."""
    return f"verdicts of {', '.join(dict.fromkeys(one.head[:12] for one in decisions))}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """What became of what was kept of late."""

    audit: Audit
    quarantines: Mapping[str, str]
    """SLI to the rule by which it only warns for a while; none for those that have one."""
    faults: tuple[str, ...]
    """Files that are damaged."""


def audited(shop: Workshop, today: date) -> Audited:
    """Return what became of the verdicts that were kept, of the last `AUDITED`."""
    repository = shop.repository()
    loaded = shop.load_config(repository.root)
    with archive(repository, loaded, shop) as kept:
        found, faults = kept.decisions()
    seen = audit(found, since=(today - AUDITED).isoformat())
    ending = [rule.sli for rule in loaded.config.policy().rules if rule.until]
    proposed = {
        record.name: _quarantine(record.name, record.why, today)
        for record in seen.records
        if record.why and not any(matches(glob, record.name) for glob in ending)
    }
    return Audited(audit=seen, quarantines=proposed, faults=faults)


def _quarantine(name: str, why: str, today: date) -> str:
    until = today + QUARANTINE
    text = json.dumps(name).replace("\x7f", "\\u007f")  # a string in TOML as in JSON
    return f"[[rule]]  # {why}\nsli = {text}\ncritical = false\nuntil = {until.isoformat()}"
