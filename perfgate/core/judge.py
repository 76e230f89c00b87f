"""From comparisons to verdicts: is head worse than base by more than this SLI's limit?

Pure and deterministic: the orchestrator asks at every look, the report asks at the end, and a caller that has
the runs can ask again; all get the same answer. The rule, with worse-is-positive log ratios d of n pairs:

- regression: the lower bound of the mean of d (trimmed, see `stats.paired`) is above the margin, and the estimate
  above the limit. The bound's level comes from Holm over the critical SLIs, spent over the looks as
  `question.blocking_levels` says.
- pass: the upper bound is below the limit (its own level, spent evenly).
- improvement: a pass whose upper bound is below minus the margin.
- else inconclusive. Too few pairs, or no pairs at all, is never anything else.

What is counted (errors) is asked by Fisher's exact test, and whether the excess is there from start to start. An SLO
is one more question of the same family: is head's own level significantly beyond it, and base's not?

Where base differs from itself in the same minutes (`control`), the pairs of that run decide nothing.

Against a stored baseline the same rule is asked once, of the interval in which earlier runs predict the next;
for times the answer informs and blocks only where the policy trusts the machine.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from perfgate.core.comparison import TESTED, Comparison, Evidence, compare, effect_of, sign, worsening
from perfgate.core.control import disturbance, withheld
from perfgate.core.gaps import gaps, lacking, unmet, without_numbers
from perfgate.core.model import Kind, Run
from perfgate.core.policy import PASS_LEVEL, Policy, Rule
from perfgate.core.question import (
    Answer,
    Asked,
    CountQuestion,
    Question,
    ShareQuestion,
    answer,
    bursting,
    most_more,
    within,
)
from perfgate.core.schedule import CONFIRMING, FIRST_LOOK
from perfgate.core.stats import paired, power
from perfgate.core.stats.scale import Signs
from perfgate.core.verdict import BAD, UNKNOWN, Judgement, Needs, Verdict, blocks

GUESSED = 'which way is better is a guess: write better = "higher" or "lower" into its rule'
LARGEST_VISIBLE = 9.0  # share of base; a run that could only have seen more than that saw nothing


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
    broken = {row.benchmark: row for row in without_numbers(base, head, policy)}
    lost = lacking(base, head)
    covered = [
        (c, rule)
        for c, rule in covered
        if c.sli.benchmark not in broken and (c.sli.benchmark, c.sli.metric.name) not in lost
    ]
    asked = [_Asked.about(c, rule) for c, rule in covered]
    answers = iter(answer([question for one in asked for question in one.questions], policy))
    startup_s = head.method.startup_s if head.method else 0.0
    rows = [_row(one, [next(answers) for _ in one.questions], policy, startup_s) for one in asked]
    if disturbed := disturbance(head.method, comparisons, math.log1p(policy.margin)):
        rows = withheld(rows, disturbed)
    everything = (*_explained(rows), *broken.values(), *gaps(base, head, policy), *unmet(head, policy))
    return tuple(_accepted(row, policy) if row.verdict in _ACCEPTABLE else row for row in everything)


def _explained(rows: Sequence[Judgement]) -> list[Judgement]:
    """Return the rows; where time and instructions of a benchmark tell different things, with what that means."""
    verdicts = {(row.benchmark, row.sli.metric.name): row.verdict for row in rows if row.sli}
    other = {"time": ("instructions", "though it does no more than before: memory, caches, or waiting"),
             "instructions": ("time", "though it takes no longer")}  # fmt: skip
    found = []
    for row in rows:
        metric, words = other.get(row.sli.metric.name if row.sli else "", ("", ""))
        fine = verdicts.get((row.benchmark, metric)) in (Verdict.PASS, Verdict.IMPROVEMENT)
        told = row.verdict is Verdict.REGRESSION and fine
        found.append(replace(row, text="; ".join(filter(None, [row.text, words]))) if told else row)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A comparison and the questions that it raises: against base, and against the rule's own SLO."""

    comparison: Comparison
    rule: Rule
    change: Question | CountQuestion | None
    slo: Question | ShareQuestion | None

    @classmethod
    def about(cls, c: Comparison, rule: Rule) -> Self:
        change: Question | CountQuestion | None = None
        slo: Question | ShareQuestion | None = None
        if c.evidence in TESTED:
            stored = c.evidence is Evidence.STORED
            change = Question.about(c.sli.metric, rule, c.effects, planned=c.planned, base=c.base, stored=stored)
            if rule.slo is not None:
                slo = within(rule, c.levels[1], c.planned, worse=sign(c.sli.metric))
        elif c.counts is not None:
            change = CountQuestion(rule=rule, counts=c.counts)
            if rule.slo is not None:
                slo = ShareQuestion(rule=rule, counts=c.counts.head)
        return cls(comparison=c, rule=rule, change=change, slo=slo)

    @property
    def questions(self) -> tuple[Asked, ...]:
        return tuple(question for question in (self.change, self.slo) if question is not None)


def _row(one: _Asked, found: Sequence[Answer], policy: Policy, startup_s: float) -> Judgement:
    if isinstance(one.change, Question):
        row = _tested_row(one.comparison, one.change, found[0], policy, startup_s)
    elif one.change is not None:
        unsure = found[0].verdict is Verdict.INCONCLUSIVE
        row = _judgement(one.comparison, one.rule, found[0].verdict, _doubt(one.change) if unsure else "")
    else:
        row = _plain_row(one.comparison, one.rule)
    row = _unless_guessed(_unless_hidden(row, one.comparison), one.comparison)
    return _within_slo(row, one, found[-1].verdict) if one.slo else row


def _unless_hidden(row: Judgement, c: Comparison) -> Judgement:
    """Return the row; as inconclusive where a change may be there and not show."""
    hidden = next((w.text for w in c.warnings if w.hides), "")
    if not hidden or row.verdict not in (Verdict.PASS, Verdict.IMPROVEMENT):
        return row
    text = "; ".join(dict.fromkeys(filter(None, [hidden, row.text])))
    found = Verdict.INCONCLUSIVE
    return replace(row, verdict=found, blocks=blocks(found, row.rule), text=text)


def _doubt(question: CountQuestion) -> str:
    if (starts := len(question.counts.head)) < FIRST_LOOK:
        return f"{starts} of at least {FIRST_LOOK} starts"
    if bursting(question.counts):
        return "more than on base, but in too few starts to be sure: bad ones come in bursts"
    return f"up to {100 * most_more(question.counts):.1f} percentage points more could hide in so few"


def _within_slo(row: Judgement, one: _Asked, found: Verdict) -> Judgement:
    """Return the row with its SLO: one that is missed with confidence is a regression, unless base misses it too."""
    if found is Verdict.REGRESSION and _base_misses(one):
        return replace(row, text="; ".join(filter(None, [row.text, "misses its SLO, as base does"])))
    if found is Verdict.REGRESSION:
        text = "misses its SLO"
    elif found is Verdict.INCONCLUSIVE and row.verdict not in (*BAD, *UNKNOWN):
        text = "too close to its SLO to tell"
    else:
        return row
    text = "; ".join(filter(None, [row.text, text]))
    return replace(row, verdict=found, blocks=blocks(found, one.rule), text=text)


def _base_misses(one: _Asked) -> bool:
    c = one.comparison
    if isinstance(one.slo, ShareQuestion) and c.counts is not None:
        return replace(one.slo, counts=c.counts.base).crosses(PASS_LEVEL)
    over = within(one.rule, c.levels[0], c.planned, worse=sign(c.sli.metric)).effects
    return over.scale.effect(over.values).below(PASS_LEVEL) > 0


_ACCEPTABLE = (Verdict.REGRESSION, Verdict.MISSING)


def _accepted(row: Judgement, policy: Policy) -> Judgement:
    """Return a regression or a missing benchmark as accepted if an acceptance covers it; else say why none counts."""
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
    spread, margin = effect_of(c), c.scale.of(policy.margin)

    def settles(more: paired.Effect | Signs) -> bool:
        blocked = more.below(found.level) > margin and more.mean > question.limit
        return blocked or more.above(PASS_LEVEL) < question.limit

    good = found.verdict in (Verdict.PASS, Verdict.IMPROVEMENT)
    hidden = next((w.text for w in c.warnings if w.hides), "") if good else ""
    if hidden:
        found = replace(found, verdict=Verdict.INCONCLUSIVE)
    undecided = found.verdict is Verdict.INCONCLUSIVE and question.looked
    total = FIRST_LOOK if not question.looked else power.pairs_needed(spread, settles) if undecided else None
    total = None if question.stored else found.accused_by + CONFIRMING if found.accused_by else total
    missing = max(0, total - len(c.log_ratios)) if total else 0
    visible = math.inf
    if isinstance(spread, paired.Effect):
        effect = power.visible_effect(spread, margin=margin, limit=question.limit, level=found.level)
        visible = c.scale.share(effect)
    doubt = hidden or _unrepeated(c, found) or (_no_share(spread, question) if undecided else "")
    return replace(
        _judgement(c, question.rule, found.verdict, doubt),
        visible=visible if undecided and visible < LARGEST_VISIBLE else None,
        needs=Needs(pairs=missing, seconds=missing * (c.pair_s + startup_s)) if missing else None,
    )


def _unrepeated(c: Comparison, found: Answer) -> str:
    """Return why what would have been blocked is not; empty where there was nothing to confirm."""
    if not (first := found.accused_by):
        return ""
    fresh, words = c.log_ratios[first:], f"worse in {first} pairs"
    if len(fresh) < CONFIRMING:
        return f"{words}, but there was no time for {CONFIRMING} fresh ones to confirm it"
    return f"{words}, but not in the {len(fresh)} fresh ones after them"


def _no_share(seen: paired.Effect | Signs, question: Question) -> str:
    """Return why the sign test does not decide; empty if differences are shares of base."""
    if not isinstance(seen, Signs) or question.guessed:
        return ""
    return f"base is 0 in all pairs and head differs in {seen.worse + seen.better} of {seen.n}, too few to tell"


def _unless_guessed(row: Judgement, c: Comparison) -> Judgement:
    """Return the row; where the direction is a guess, with that, and never as an improvement."""
    if not c.sli.metric.guessed or row.verdict is Verdict.PASS:
        return row
    if row.verdict is Verdict.IMPROVEMENT:
        row = replace(row, verdict=Verdict.INCONCLUSIVE, blocks=blocks(Verdict.INCONCLUSIVE, row.rule))
    return replace(row, text="; ".join(filter(None, [row.text, GUESSED])))


def _judgement(c: Comparison, rule: Rule, verdict: Verdict, text: str = "") -> Judgement:
    return Judgement(
        benchmark=c.sli.benchmark,
        sli=c.sli,
        rule=rule,
        comparison=c,
        verdict=verdict,
        critical=rule.critical,
        blocks=blocks(verdict, rule),
        text=text,
    )


def _plain_row(c: Comparison, rule: Rule) -> Judgement:
    verdict = _exact_verdict(c, rule) if c.evidence is Evidence.EXACT else Verdict.INCONCLUSIVE
    if doubt := _unsteady(c, rule, verdict):
        return _judgement(c, rule, Verdict.INCONCLUSIVE, doubt)
    changed = c.evidence is not Evidence.EXACT or verdict is Verdict.REGRESSION
    return _judgement(c, rule, verdict, c.warnings[-1].text if changed and c.warnings else "")


def _unsteady(c: Comparison, rule: Rule, verdict: Verdict) -> str:
    """Return why a metric that should be exact says nothing here; empty where it repeated well enough."""
    base, head = c.levels
    if c.evidence is not Evidence.EXACT or not base or not head:
        return ""
    spread = max(max(values) - min(values) for values in c.levels)
    apart = max(min(base), min(head)) - min(max(base), max(head))
    if verdict is not Verdict.PASS and apart <= 0:
        return "varies from start to start, and the sides overlap"
    if verdict is not Verdict.PASS and apart <= spread:
        return "varies from start to start by as much as the sides differ"
    few = min(len(base), len(head)) < FIRST_LOOK
    if few and spread > rule.limit * max(abs(c.base), abs(c.head)) and spread > rule.floor:
        return "varies from start to start by more than its limit"
    return ""


def _exact_verdict(c: Comparison, rule: Rule) -> Verdict:
    if c.sli.metric.kind is Kind.COUNTED:
        return Verdict.PASS  # compared so only where it is no more than it ever was
    over = [rule.slo is not None and sign(c.sli.metric) * (level - rule.slo) > 0 for level in (c.base, c.head)]
    if over == [False, True]:
        return Verdict.REGRESSION
    less, more = sorted((c.base, c.head))
    size = less if less > 0 else abs(c.base)  # what is not above zero has no ratio: the limit is then a share of base
    # Products, not quotients: 101 against 100 is exactly 1 %, and 0 against 0 is nothing.
    if more <= less + size * rule.limit:
        return Verdict.PASS
    if sign(c.sli.metric) * (c.head - c.base) < 0:
        return Verdict.IMPROVEMENT
    return Verdict.REGRESSION if more - less > rule.floor else Verdict.PASS
