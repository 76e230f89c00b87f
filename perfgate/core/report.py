"""All that any reader may be shown, without formatting.

The one value between judging and showing: every renderer gets this and nothing else, so that the
terminal, the comment and the check can never disagree.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from perfgate.core.comparison import Comparison
from perfgate.core.judge import judge
from perfgate.core.model import (
    TIME,
    WHOLE,
    Benchmark,
    Design,
    Environment,
    Kind,
    Method,
    Revision,
    Run,
    Sli,
    Warning,
    starved_share,
)
from perfgate.core.policy import DEFAULT_RULES, MAX_SKIPPED, Policy
from perfgate.core.verdict import UNKNOWN, Judgement, Verdict
from perfgate.errors import Exit


class Outcome(StrEnum):
    """What the gate as a whole says."""

    PASS = "pass"
    REGRESSION = "regression"
    INCOMPLETE = "incomplete"
    """An expected benchmark is missing or failed: neither good nor bad is known."""
    INCONCLUSIVE = "inconclusive"
    """No regression found, but a critical SLI could not be settled."""
    NO_BASELINE = "no-baseline"
    """No stored run may stand for base."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Which code ran, and where."""

    revision: Revision
    environment: Environment


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """What was recorded of one SLI, oldest first, in the metric's unit."""

    sli: Sli
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedSuite:
    """A suite in which many benchmarks were skipped on both sides."""

    suite: str
    skipped: int
    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One comparison of two runs, judged."""

    outcome: Outcome
    exit_code: int
    judgements: tuple[Judgement, ...]
    base: Side
    head: Side
    family_level: float
    margin: float
    method: Method | None
    design: Design
    warnings: tuple[Warning, ...]
    started: str
    repeat: str
    """The command that measures this again."""
    version: str
    trails: tuple[Trail, ...] = ()
    """Of what changed, from the stored runs."""
    mostly_skipped: tuple[SkippedSuite, ...] = ()
    """Suites that skipped more benchmarks than their rule allows."""
    starved: float = 0.0
    """Share of the time in which benchmarks could run and other processes had their CPU."""
    accept_label: str = ""
    """The label by which this change may be accepted as it is; empty where there is no pull request."""

    def of(self, *verdicts: Verdict) -> tuple[Judgement, ...]:
        """Return the rows of these verdicts, worst first; a critical row before one that only warns."""
        rows = (row for row in self.judgements if row.verdict in verdicts)
        return tuple(sorted(rows, key=lambda row: (not row.blocks, not row.critical, -_worse(row), row.name)))

    @property
    def counts(self) -> dict[Verdict, int]:
        """How many rows each verdict has, in the order of the verdicts' weight."""
        found = Counter(row.verdict for row in self.judgements)
        return {verdict: found[verdict] for verdict in Verdict if found[verdict]}


def report(
    base: Run,
    head: Run,
    policy: Policy,
    *,
    repeat: str,
    version: str,
    comparisons: Sequence[Comparison] | None = None,
) -> Report:
    """Judge two runs, with `comparisons` if they are not simply theirs, and gather what a reader needs."""
    base, head = policy.restated(base), policy.restated(head)
    rows = judge(base, head, policy, comparisons)
    others_measure = head.part != WHOLE and all(row.verdict is Verdict.SKIPPED for row in rows)
    outcome, exit_code = (Outcome.PASS, Exit.PASSED) if others_measure else _outcome(rows)
    return Report(
        outcome=outcome,
        exit_code=exit_code,
        judgements=rows,
        base=Side(revision=base.revision, environment=base.environment),
        head=Side(revision=head.revision, environment=head.environment),
        family_level=policy.family_level,
        margin=policy.margin,
        method=head.method if base.measurement == head.measurement else None,
        design=_design(head),
        warnings=tuple(dict.fromkeys((*base.warnings, *head.warnings, *_idle(base, head, policy)))),
        starved=starved_share(base, head) if base.measurement == head.measurement else 0.0,
        started=head.started,
        repeat=repeat,
        version=version,
        mostly_skipped=_mostly_skipped(rows, policy),
    )


def _mostly_skipped(rows: Sequence[Judgement], policy: Policy) -> tuple[SkippedSuite, ...]:
    suites: dict[str, dict[Benchmark, bool]] = {}
    for row in rows:
        suites.setdefault(row.benchmark.suite, {})[row.benchmark] = row.verdict is Verdict.SKIPPED and not row.retired
    found = []
    for suite, benchmarks in sorted(suites.items()):
        skipped = [benchmark for benchmark, left_out in benchmarks.items() if left_out]
        rules = [policy.rule_for(Sli(benchmark=benchmark, metric=TIME)) for benchmark in skipped]
        most = min((rule.max_skipped for rule in rules if rule), default=MAX_SKIPPED)
        if len(skipped) > most * len(benchmarks):
            found.append(SkippedSuite(suite=suite, skipped=len(skipped), of=len(benchmarks)))
    return tuple(found)


def _design(run: Run) -> Design:
    """Return how most of what is noisy was measured; what is counted is counted by itself."""
    noisy = [sample.design for sample in run.samples if sample.sli.metric.kind is not Kind.EXACT]
    found = noisy or [sample.design for sample in run.samples]
    return Counter(found).most_common(1)[0][0] if found else Design.ALONE


def _idle(base: Run, head: Run, policy: Policy) -> list[Warning]:
    """Return a warning for each rule of a measured suite that speaks of nothing: its limit would be void unseen."""
    slis = {sample.sli for run in (base, head) for sample in run.samples}
    suites = {sli.benchmark.suite for sli in slis}
    found = [
        Warning(code="idle-rule", text=f"the rule for {rule.sli!r} covers nothing that was measured")
        for rule in policy.rules
        if rule not in DEFAULT_RULES and rule.sli.partition("/")[0] in suites and not any(map(rule.covers, slis))
    ]
    covered = {one for name in (*slis, *base.benchmarks, *head.benchmarks) for one in policy.acceptances(str(name))}
    return found + [
        Warning(code="idle-acceptance", text=f"the acceptance of {one.sli!r} covers nothing that is there")
        for one in policy.accept
        if one not in covered and one.sli.partition("/")[0] in suites
    ]


def _outcome(rows: tuple[Judgement, ...]) -> tuple[Outcome, Exit]:
    blocking = {row.verdict for row in rows if row.blocks}
    if Verdict.REGRESSION in blocking:
        return Outcome.REGRESSION, Exit.REGRESSION
    if blocking & {Verdict.FAILED, Verdict.MISSING} or all(row.verdict is Verdict.SKIPPED for row in rows):
        return Outcome.INCOMPLETE, Exit.NOT_MEASURED
    if all(row.verdict in (Verdict.SKIPPED, Verdict.NEW) for row in rows):
        return Outcome.NO_BASELINE, Exit.PASSED
    nothing_known = all(row.verdict in UNKNOWN for row in rows)
    if unknown := {row.verdict for row in rows if row.verdict in UNKNOWN and (row.critical or nothing_known)}:
        outcome = Outcome.NO_BASELINE if unknown == {Verdict.NO_BASELINE} else Outcome.INCONCLUSIVE
        return outcome, Exit.INCONCLUSIVE if blocking else Exit.PASSED
    return Outcome.PASS, Exit.PASSED


def _worse(row: Judgement) -> float:
    if row.comparison is None or not row.comparison.change.ratio > 0:
        return math.inf
    sign = 1 if row.comparison.sli.metric.direction == "lower" else -1
    return sign * math.log(row.comparison.change.ratio)
