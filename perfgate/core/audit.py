"""Whether the gate can be trusted, from what became of its own verdicts: how often a block was no regression.

A block that the same two commits, measured again, contradicted, or that fell on a change of nothing, speaks against the
benchmark. One that was accepted may have been right; if all of them are, the benchmark guards nothing.
Two commits count once, however often they were measured: people repeat what was red.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from perfgate.core.stats import counts
from perfgate.core.verdict import UNKNOWN, Verdict

LEVEL = 0.05  # two bounds of a share
DOUBTED = 2  # blocks of one SLI that were no regression: from there on it is proposed for quarantine
OVERRIDDEN = 3  # and as many that were all accepted
_CLEAR = (Verdict.PASS, Verdict.IMPROVEMENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What one run of the gate said of the SLIs that may block."""

    base: str
    """Commit."""
    head: str
    same: bool
    """Head changed no file of base."""
    started: str
    """UTC, ISO 8601."""
    verdicts: tuple[tuple[str, Verdict], ...]
    """SLI and verdict."""
    invalid: bool = False
    """A canary said so."""
    reasons: tuple[tuple[str, str], ...] = ()
    """SLI to how and why it was accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What became of one SLI's verdicts; each is a number of pairs of commits."""

    name: str
    judged: int
    inconclusive: int
    """Never anything else."""
    blocked: int
    """Regressions, the accepted ones among them."""
    overridden: int
    """Accepted regressions."""
    flipped: int
    """Regressions that at least as many measurements of the same two commits contradicted."""
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
        """Return the bounds (95 %, exact, as if blocks came one by one) of the share not doubted; None without any."""
        if not self.blocked:
            return None
        stood = self.blocked - self.doubted
        low, high = (bound(stood, self.blocked, LEVEL / 2) for bound in (counts.lower_share, counts.upper_share))
        return low, high


def audit(decisions: Sequence[Decision], *, since: str = "") -> Audit:
    """Return what became of the verdicts of `decisions`, in any order, from the day `since` (ISO 8601) on."""
    recent = [one for one in decisions if one.started >= since]
    seen: dict[str, dict[tuple[str, str, bool], list[Verdict]]] = {}
    for one in recent:
        for name, verdict in one.verdicts:
            seen.setdefault(name, {}).setdefault((one.base, one.head, one.same), []).append(verdict)
    records = [_record(name, about) for name, about in seen.items()]
    telling = [record for record in records if record.blocked or record.inconclusive]
    return Audit(
        records=tuple(sorted(telling, key=lambda r: (-r.doubted, -r.blocked, -r.inconclusive / r.judged, r.name))),
        runs=len(recent),
        invalid=sum(one.invalid for one in recent),
        judged=sum(record.judged for record in records),
        inconclusive=sum(record.inconclusive for record in records),
        blocked=sum(record.blocked for record in records),
        doubted=sum(record.doubted for record in records),
    )


def _record(name: str, about: dict[tuple[str, str, bool], list[Verdict]]) -> Record:
    blocked = overridden = flipped = null = 0
    for (_, _, same), verdicts in about.items():
        red = sum(verdict in (Verdict.REGRESSION, Verdict.ACCEPTED) for verdict in verdicts)
        if not red:
            continue
        blocked += 1
        if same:
            null += 1
        elif sum(verdict in _CLEAR for verdict in verdicts) >= red:
            flipped += 1
        else:
            overridden += Verdict.ACCEPTED in verdicts
    return Record(
        name=name,
        judged=len(about),
        inconclusive=sum(all(verdict in UNKNOWN for verdict in verdicts) for verdicts in about.values()),
        blocked=blocked,
        overridden=overridden,
        flipped=flipped,
        null=null,
    )
