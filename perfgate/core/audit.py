"""Whether the gate can be trusted, from what became of its own verdicts: how often a block was no regression.

A block that the same two commits, measured again, did not show, or that fell on a change of nothing, speaks against the
benchmark. One that somebody accepted may have been right; where that happens to all of them, nobody is guarded by it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from perfgate.core.stats import counts
from perfgate.core.verdict import UNKNOWN, Verdict

LEVEL = 0.05  # two bounds of a share
DOUBTED = 2  # blocks of one SLI that were no regression: from there on it is proposed for quarantine
OVERRIDDEN = 3  # and as many that were all accepted


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What one run of the gate said."""

    base: str
    """Commit."""
    head: str
    same: bool
    """Head changed no file of base."""
    started: str
    """UTC, ISO 8601."""
    verdicts: tuple[tuple[str, Verdict], ...]
    """SLI, or benchmark, and verdict."""
    invalid: bool = False
    """The canary said so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What became of one SLI's verdicts."""

    name: str
    judged: int
    inconclusive: int
    blocked: int
    """Regressions, the accepted ones among them."""
    overridden: int
    """Regressions that somebody accepted."""
    flipped: int
    """Regressions that the same two commits, measured again, did not show."""
    null: int
    """Regressions where head changed no file."""

    @property
    def doubted(self) -> int:
        """Blocks that were no regression."""
        return self.flipped + self.null

    @property
    def why(self) -> str:
        """Why it should only warn until it was mended; empty where it need not."""
        if self.doubted >= DOUBTED:
            return f"{self.doubted} of its {self.blocked} blocks were no regression"
        if self.overridden >= OVERRIDDEN and self.overridden + self.doubted == self.blocked:
            return f"all of its {self.blocked} blocks were overridden"
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What became of all of them."""

    records: tuple[Record, ...]
    """Most doubted first, without those that were always clear."""
    runs: int
    invalid: int
    judged: int
    inconclusive: int
    blocked: int
    doubted: int

    @property
    def trust(self) -> tuple[float, float] | None:
        """Return the bounds (95 %, exact) of the share of blocks that stood; None without any."""
        if not self.blocked:
            return None
        stood = self.blocked - self.doubted
        low, high = (bound(stood, self.blocked, LEVEL / 2) for bound in (counts.lower_share, counts.upper_share))
        return low, high


def audit(decisions: Sequence[Decision]) -> Audit:
    """Return what became of the verdicts of `decisions`, in any order."""
    again: dict[tuple[str, str, str], set[Verdict]] = {}
    seen: dict[str, list[tuple[Decision, Verdict]]] = {}
    for one in decisions:
        for name, verdict in one.verdicts:
            again.setdefault((one.base, one.head, name), set()).add(verdict)
            seen.setdefault(name, []).append((one, verdict))
    records = [_record(name, about, again) for name, about in seen.items()]
    telling = [record for record in records if record.blocked or record.inconclusive]
    return Audit(
        records=tuple(sorted(telling, key=lambda r: (-r.doubted, -r.blocked, -r.inconclusive / r.judged, r.name))),
        runs=len(decisions),
        invalid=sum(one.invalid for one in decisions),
        judged=sum(record.judged for record in records),
        inconclusive=sum(record.inconclusive for record in records),
        blocked=sum(record.blocked for record in records),
        doubted=sum(record.doubted for record in records),
    )


def _record(
    name: str, found: Sequence[tuple[Decision, Verdict]], again: dict[tuple[str, str, str], set[Verdict]]
) -> Record:
    red = [(one, verdict) for one, verdict in found if verdict in (Verdict.REGRESSION, Verdict.ACCEPTED)]
    shown = [(one, verdict) for one, verdict in red if not one.same]
    flipped = [one for one, _ in shown if again[one.base, one.head, name] & {Verdict.PASS, Verdict.IMPROVEMENT}]
    return Record(
        name=name,
        judged=len(found),
        inconclusive=sum(verdict in UNKNOWN for _, verdict in found),
        blocked=len(red),
        overridden=sum(verdict is Verdict.ACCEPTED and one not in flipped for one, verdict in shown),
        flipped=len(flipped),
        null=len(red) - len(shown),
    )
