"""The answers that there are, and a row of the report: what is said of one SLI, and why."""

from dataclasses import dataclass
from enum import StrEnum

from perfgate.core.comparison import Comparison
from perfgate.core.model import Benchmark, Sli
from perfgate.core.policy import Rule


class Verdict(StrEnum):
    """The answer for one SLI, or what stands in its place."""

    REGRESSION = "regression"
    ACCEPTED = "accepted"
    FAILED = "failed"
    MISSING = "missing"
    INCONCLUSIVE = "inconclusive"
    NO_BASELINE = "no-baseline"
    IMPROVEMENT = "improvement"
    NEW = "new"
    PASS = "pass"
    SKIPPED = "skipped"


BAD = (Verdict.REGRESSION, Verdict.FAILED, Verdict.MISSING)
"""What blocks where it is critical."""
UNKNOWN = (Verdict.INCONCLUSIVE, Verdict.NO_BASELINE)
"""Neither good nor bad is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What it would take to settle an inconclusive SLI."""

    pairs: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """One row of the report."""

    benchmark: Benchmark
    verdict: Verdict
    critical: bool
    blocks: bool
    """Whether this row alone keeps the gate from passing."""
    text: str = ""
    """Why, where no number says it."""
    rule: Rule | None = None
    sli: Sli | None = None
    comparison: Comparison | None = None
    visible: float | None = None
    """Smallest share of worsening that this run would have seen, where it could not tell."""
    needs: Needs | None = None
    retired: bool = False
    """Whether the configuration says that it may be gone."""

    @property
    def name(self) -> str:
        """The SLI, or the benchmark where no SLI was compared."""
        return str(self.sli or self.benchmark)


def blocks(verdict: Verdict, rule: Rule | None) -> bool:
    """Return whether a row of this verdict keeps the gate from passing."""
    if rule is not None and not rule.critical:
        return False
    if verdict in UNKNOWN:
        return rule is not None and rule.on_inconclusive
    return verdict in BAD
