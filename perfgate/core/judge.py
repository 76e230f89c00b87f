"""From comparisons to verdicts: is head worse than base by more than this SLI's limit?

Pure and deterministic: the orchestrator asks at every look, the report asks at the end, and whoever has
the runs can ask again; all get the same answer. The rule, with worse-is-positive log ratios d of n pairs:

- regression: the lower bound of the mean of d is above the margin, and the estimate above the limit. The
  bound's level comes from Holm over the critical SLIs and O'Brien-Fleming spending over the looks.
- pass: the upper bound is below the limit (its own level, spent evenly).
- improvement: a pass whose upper bound is below minus the margin.
- else inconclusive. Too few pairs, or no pairs at all, is never anything else.

Against a stored baseline the same rule is asked once, of the interval in which earlier runs foretell the next;
for times the answer informs and blocks only where the policy trusts the machine.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from perfgate.core.comparison import TESTED, Comparison, Evidence, compare, effect_of, worsening
from perfgate.core.model import TIME, Benchmark, Direction, Failure, Reason, Run, Sli, gone
from perfgate.core.policy import PASS_LEVEL, Policy, Rule, matches
from perfgate.core.schedule import FIRST_LOOK, looks
from perfgate.core.stats import paired, power
from perfgate.core.stats.multiplicity import step_down
from perfgate.core.stats.sequential import Spending, nominal_levels


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
LARGEST_VISIBLE = math.log(10)  # log ratio; who could only have seen more than that saw nothing
FEWEST_STORED = 8  # stored runs before they foretell the next


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of one SLI: its pairs so far and what they are measured against."""

    rule: Rule
    log_ratios: tuple[float, ...]
    planned: int
    base: float
    """Level of base, in the metric's unit: turns an absolute floor into a share."""
    stored: bool = False
    """Not pairs: head's value against each stored one."""

    @property
    def looks(self) -> tuple[tuple[float, paired.Effect], ...]:
        """At each look so far: the share of the planned information, and what was seen; none before the first."""
        if self.stored:
            return ((1.0, paired.prediction(self.log_ratios)),) if len(self.log_ratios) >= FEWEST_STORED else ()
        measured = len(self.log_ratios)
        planned = max(self.planned, measured)
        at = looks(measured, planned) if measured >= FIRST_LOOK else ()
        return tuple((pairs / planned, paired.effect(self.log_ratios[:pairs])) for pairs in at)

    @property
    def limit(self) -> float:
        """Log ratio above which head is too much worse: the limit or the floor, whichever allows more."""
        return math.log1p(max(self.rule.limit, self.rule.floor / self.base if self.base > 0 else 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the pairs say."""

    verdict: Verdict
    level: float
    """One-sided level of the block test at the last look."""
    settled: bool
    """More pairs would not change what is said."""


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

    @property
    def name(self) -> str:
        """The SLI, or the benchmark where no SLI was compared."""
        return str(self.sli or self.benchmark)


def answer(questions: Sequence[Question], policy: Policy) -> tuple[Answer, ...]:
    """Answer all questions of one run together: the family shares the error."""
    seen = [question.looks for question in questions]
    level = dict.fromkeys((True, False), policy.family_level)
    blocked: dict[int, float] = {}
    margin = math.log1p(policy.margin)
    for critical, family_level in level.items():
        family = [i for i, question in enumerate(questions) if question.rule.critical is critical]

        def crosses(place: int, at: float, family: list[int] = family) -> bool:
            return _crosses(seen[family[place]], at, margin)

        rejected = step_down(len(family), family_level, crosses)
        blocked |= {family[place]: at for place, at in rejected.items()}
        level[critical] = family_level / max(1, len(family) - len(rejected))
    return tuple(
        _answer(question, seen[i], blocked.get(i), level[question.rule.critical], margin)
        for i, question in enumerate(questions)
    )


_Looks = Sequence[tuple[float, paired.Effect]]


def _crosses(seen: _Looks, level: float, margin: float) -> bool:
    """Return whether the lower bound was above the margin at any look so far."""
    levels = nominal_levels(Spending.OBRIEN_FLEMING, level, tuple(share for share, _ in seen)) if seen else ()
    return any(found.p_above(margin) <= nominal for (_, found), nominal in zip(seen, levels, strict=True))


def _answer(question: Question, seen: _Looks, blocked_at: float | None, family_level: float, margin: float) -> Answer:
    if not seen:
        return Answer(verdict=Verdict.INCONCLUSIVE, level=family_level, settled=False)
    shares, found = tuple(share for share, _ in seen), seen[-1][1]
    level = nominal_levels(Spending.OBRIEN_FLEMING, blocked_at or family_level, shares)[-1]
    upper = found.above(nominal_levels(Spending.POCOCK, PASS_LEVEL, shares)[-1])
    if blocked_at is not None and found.mean > question.limit:
        return Answer(verdict=Verdict.REGRESSION, level=level, settled=True)
    if upper >= question.limit:
        return Answer(verdict=Verdict.INCONCLUSIVE, level=level, settled=False)
    if upper < -margin:
        return Answer(verdict=Verdict.IMPROVEMENT, level=level, settled=True)
    # A pass that leans towards an improvement may use its time to become one.
    return Answer(verdict=Verdict.PASS, level=level, settled=found.mean >= -margin)


def judge(
    base: Run, head: Run, policy: Policy, comparisons: Sequence[Comparison] | None = None
) -> tuple[Judgement, ...]:
    """Judge every SLI that was compared and that a rule covers, and every benchmark that gave none.

    Args:
        comparisons: where they are not those of base with head, but with more than one stored run.
    """
    comparisons = compare(base, head) if comparisons is None else comparisons
    covered = [(c, rule) for c in comparisons if (rule := policy.rule_for(c.sli)) is not None]
    covered = [(c, policy.weighed(rule, c.sli.metric, stored=c.evidence is Evidence.STORED)) for c, rule in covered]
    broken = {row.benchmark: row for row in _without_numbers(base, head, policy)}
    covered = [(c, rule) for c, rule in covered if c.sli.benchmark not in broken]
    questions = [
        Question(
            rule=rule, log_ratios=c.log_ratios, planned=c.planned, base=c.base, stored=c.evidence is Evidence.STORED
        )
        for c, rule in covered
        if c.evidence in TESTED
    ]
    answers = iter(zip(questions, answer(questions, policy), strict=True))
    startup_s = head.method.startup_s if head.method else 0.0
    rows = [
        _tested_row(c, *next(answers), policy, startup_s) if c.evidence in TESTED else _plain_row(c, rule)
        for c, rule in covered
    ]
    everything = (*rows, *broken.values(), *_gaps(base, head, policy), *_unmet(head, policy))
    return tuple(_accepted(row, policy) if row.verdict in _ACCEPTABLE else row for row in everything)


_ACCEPTABLE = (Verdict.REGRESSION, Verdict.MISSING)


def _accepted(row: Judgement, policy: Policy) -> Judgement:
    """Return what is worse, or missing, as accepted where somebody stands for it, or say why that does not count."""
    worse = worsening(row.comparison) if row.comparison else math.inf
    said = [row.text] if row.text else []
    for acceptance in policy.acceptances(row.name):
        if acceptance.until and acceptance.until < policy.today:
            said.append(f"an acceptance has expired ({acceptance.terms})")
        elif worse > acceptance.up_to:
            said.append(f"worse than what was accepted ({acceptance.terms})")
        else:
            return replace(row, verdict=Verdict.ACCEPTED, blocks=False, text="; ".join([acceptance.terms, *said]))
    return replace(row, text="; ".join(said))


def _tested_row(c: Comparison, question: Question, found: Answer, policy: Policy, startup_s: float) -> Judgement:
    spread, margin = effect_of(c), math.log1p(policy.margin)

    def settles(more: paired.Effect) -> bool:
        blocked = more.below(found.level) > margin and more.mean > question.limit
        return blocked or more.above(PASS_LEVEL) < question.limit

    hidden = next((w.text for w in c.warnings if w.hides), "") if found.verdict is Verdict.PASS else ""
    if hidden:
        found = replace(found, verdict=Verdict.INCONCLUSIVE)
    undecided = found.verdict is Verdict.INCONCLUSIVE and bool(question.looks)
    total = FIRST_LOOK if not question.looks else power.pairs_needed(spread, settles) if undecided else None
    total = None if question.stored else total
    missing = max(0, total - len(c.log_ratios)) if total else 0
    visible = power.visible_effect(spread, margin=margin, limit=question.limit, level=found.level)
    return Judgement(
        benchmark=c.sli.benchmark,
        sli=c.sli,
        rule=question.rule,
        comparison=c,
        verdict=found.verdict,
        critical=question.rule.critical,
        blocks=_blocks(found.verdict, question.rule),
        text=hidden,
        visible=math.expm1(visible) if undecided and visible < LARGEST_VISIBLE else None,
        needs=Needs(pairs=missing, seconds=missing * (c.pair_s + startup_s)) if missing else None,
    )


def _plain_row(c: Comparison, rule: Rule) -> Judgement:
    verdict = _exact_verdict(c, rule) if c.evidence is Evidence.EXACT else Verdict.INCONCLUSIVE
    return Judgement(
        benchmark=c.sli.benchmark,
        sli=c.sli,
        rule=rule,
        comparison=c,
        verdict=verdict,
        critical=rule.critical,
        blocks=_blocks(verdict, rule),
        text=c.warnings[-1].text if c.evidence is not Evidence.EXACT else "",
    )


def _exact_verdict(c: Comparison, rule: Rule) -> Verdict:
    lower = c.sli.metric.direction is Direction.LOWER
    worse, better = (c.head, c.base) if lower else (c.base, c.head)
    # Products, not quotients: 101 against 100 is exactly 1 %, and 0 against 0 is nothing.
    if worse > better * (1 + rule.limit) and worse - better > rule.floor:
        return Verdict.REGRESSION
    return Verdict.IMPROVEMENT if better > worse * (1 + rule.limit) else Verdict.PASS


def _without_numbers(base: Run, head: Run, policy: Policy) -> list[Judgement]:
    """Return a row for each benchmark that cannot be compared, for the reason that weighs most."""
    failed_base = {failure.benchmark: failure for failure in base.failures}
    failed_head = {failure.benchmark: failure for failure in head.failures}
    rows = []
    for benchmark in sorted(base.benchmarks | head.benchmarks):
        theirs, mine = failed_base.get(benchmark), failed_head.get(benchmark)
        if benchmark not in base.benchmarks:
            theirs = Failure(benchmark=benchmark, reason=Reason.ABSENT, text="only head has it")
        if benchmark not in head.benchmarks:
            mine = Failure(benchmark=benchmark, reason=Reason.ABSENT, text=gone(benchmark))
        if (found := _verdict_without_numbers(theirs, mine)) is not None:
            rows.append(_row_without_numbers(benchmark, *found, policy))
    return rows


def _gaps(base: Run, head: Run, policy: Policy) -> list[Judgement]:
    """Return a row for all that should have been compared and was not, though nothing failed."""
    slis = [frozenset(sample.sli for sample in run.samples) for run in (base, head)]
    failed = {failure.benchmark for run in (base, head) for failure in run.failures}
    shared = (base.benchmarks & head.benchmarks) - failed
    found = []
    for side, other, verdict, text in (
        (slis[0], slis[1], Verdict.MISSING, "base has this metric, head has not"),
        (slis[1], slis[0], Verdict.NEW, "only head has this metric"),
    ):
        alone = sorted(sli for sli in side - other if sli.benchmark in shared)
        ruled = [(sli, rule) for sli in alone if (rule := policy.rule_for(sli)) is not None]
        found += [
            Judgement(
                benchmark=sli.benchmark, sli=sli, rule=rule, verdict=verdict, critical=rule.critical,
                blocks=_blocks(verdict, rule), text=text,
            )
            for sli, rule in ruled
        ]  # fmt: skip
    measured = {sli.benchmark for sli in slis[0] | slis[1]}
    text = "not measured: the time ended before its turn"
    unseen = sorted(shared - measured)
    return found + [_row_without_numbers(benchmark, Verdict.INCONCLUSIVE, text, policy) for benchmark in unseen]


def _verdict_without_numbers(base: Failure | None, head: Failure | None) -> tuple[Verdict, str] | None:
    absent = (Reason.ABSENT, Reason.SKIPPED)
    if head is not None:
        if head.reason not in absent:
            return Verdict.FAILED, f"{head.reason} on head: {head.text}"
        if base is not None and base.reason in absent:
            return Verdict.SKIPPED, head.text
        return Verdict.MISSING, head.text
    if base is None:
        return None
    if base.reason in _NOTHING_THERE:
        return _NOTHING_THERE[base.reason], base.text
    return Verdict.INCONCLUSIVE, f"head runs it, but on base it {_PAST[base.reason]}: {base.text}"


_NOTHING_THERE = {
    Reason.ABSENT: Verdict.NEW,
    Reason.SKIPPED: Verdict.NEW,
    Reason.NO_BASELINE: Verdict.NO_BASELINE,
}
_PAST = {
    Reason.RAISED: "raised",
    Reason.TIMEOUT: "did not end in time",
    Reason.DIED: "took its process down",
    Reason.BAD_VALUE: "gave no usable value",
    Reason.NOTHING: "measured nothing",
}


def _row_without_numbers(benchmark: Benchmark, verdict: Verdict, text: str, policy: Policy) -> Judgement:
    rule = policy.rule_for(Sli(benchmark=benchmark, metric=TIME))
    if verdict is Verdict.MISSING and any(matches(glob, str(benchmark)) for glob in policy.retired):
        verdict, text = Verdict.SKIPPED, f"{text}, as the configuration says (retired)"
    return Judgement(
        benchmark=benchmark,
        verdict=verdict,
        critical=rule is None or rule.critical,
        blocks=_blocks(verdict, rule),
        text=text,
        rule=rule,
    )


def _unmet(head: Run, policy: Policy) -> list[Judgement]:
    measured = frozenset(sample.sli.benchmark for sample in head.samples)
    return [
        Judgement(
            benchmark=Benchmark(suite=glob.partition("/")[0], name=glob.partition("/")[2]),
            verdict=Verdict.MISSING,
            critical=True,
            blocks=True,
            text="the configuration expects it, and nothing of that name was measured",
        )
        for glob in policy.unmet(measured)
    ]


def _blocks(verdict: Verdict, rule: Rule | None) -> bool:
    if rule is not None and not rule.critical:
        return False
    if verdict in UNKNOWN:
        return rule is not None and rule.on_inconclusive
    return verdict in BAD
