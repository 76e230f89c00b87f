"""What the gate decided, kept beside the stored runs, and what became of it."""

import math
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from perfgate import codec
from perfgate.core.audit import Audit, Decision, audit
from perfgate.core.control import disturbance
from perfgate.core.report import Report
from perfgate.errors import UsageError
from perfgate.host import files
from perfgate.host.git import Repository
from perfgate.pipeline.stored import archive
from perfgate.pipeline.workshop import Workshop

QUARANTINE = timedelta(days=30)


def is_report(name: str) -> bool:
    """Return whether a file is a report of perfgate's, judged by how it begins."""
    path = Path(name)
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return f'"{codec.REPORT_KIND}"'.encode() in file.read(100)


def decided(report: Report, repository: Repository | None = None) -> Decision:
    """Return what a report says, short enough to be kept for ever.

    Args:
        repository: where the commits may be looked up; None knows only whether they are the same one.

    Raises: UsageError where a side is no commit.
    """
    base, head = (side.revision.commit for side in (report.base, report.head))
    if base is None or head is None or report.base.revision.dirty or report.head.revision.dirty:
        raise UsageError("the report is of no two commits", hint="compare two commits, or let the gate write it")
    same = base == head or (repository is not None and repository.alike(base, head))
    return Decision(
        base=base,
        head=head,
        same=same,
        started=report.started,
        verdicts=tuple((row.name, row.verdict) for row in report.judgements),
        invalid=bool(disturbance(report.method, math.log1p(report.margin))),
    )


def record(names: Sequence[str], shop: Workshop) -> tuple[tuple[str, ...], str]:
    """Append what report files say; return the paths that are new, and where."""
    repository = shop.repository()
    loaded = shop.load_config(repository.root)
    reports = [codec.load_report(files.read(Path(name), largest=codec.LARGEST), name=name) for name in names]
    decisions = [decided(report, repository) for report in reports]
    with archive(repository, loaded, shop) as kept:
        return kept.record_decisions(decisions, message=message(decisions)), kept.store.name


def message(decisions: Sequence[Decision]) -> str:
    """Return the message of the commit that keeps them."""
    return f"verdicts of {', '.join(dict.fromkeys(one.head[:12] for one in decisions))}\n"


def audited(shop: Workshop) -> tuple[Audit, tuple[str, ...]]:
    """Return what became of all that was kept, and which files of it are damaged."""
    repository = shop.repository()
    with archive(repository, shop.load_config(repository.root), shop) as kept:
        found, faults = kept.decisions()
    return audit(found), faults


def quarantine(name: str, why: str, today: date) -> str:
    """Return the rule by which an SLI only warns, for a while."""
    until = today + QUARANTINE
    text = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'[[rule]]  # {why}\nsli = "{text}"\ncritical = false\nuntil = {until.isoformat()}'
