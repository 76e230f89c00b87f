"""What the project calls too slow: rules over SLIs, first match wins.

Separate from the schema of the configuration file, which is only one way to write a policy down.
"""

import math
import re
from dataclasses import dataclass, replace
from functools import lru_cache

from perfgate.core.model import METRICS, TIME, Benchmark, Direction, Kind, Metric, Run, Sli
from perfgate.core.units import Unit

FAMILY_LEVEL = 0.01  # one in a hundred runs that changed nothing may be blocked at most; the margin makes it rarer
STRICT_LEVEL = 0.001
PASS_LEVEL = 0.02  # a regression of exactly the limit is called a pass at most this often
MAX_SKIPPED = 0.2  # of a suite, on both sides, before the headline says it
MARGIN = 0.015  # an edit that changes nothing moved workloads by .4 %, a standard deviation: see docs/method.md


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What one glob of SLIs may lose."""

    sli: str
    limit: float
    """Share of base that head may be worse by; 0.05 reads 5 %."""
    floor: float = 0.0
    """In the metric's unit: a change below it never counts."""
    floor_unit: Unit | None = None
    slo: float | None = None
    """In the metric's unit: what head must not be worse than, whatever base is."""
    slo_unit: Unit | None = None
    critical: bool = True
    """Blocks; otherwise it only warns."""
    on_inconclusive: bool = False
    """Whether an answer that could not be given blocks as well."""
    until: str = ""
    """The last day on which it counts, ISO 8601, before the rules after it do again; empty has no end."""
    max_skipped: float = MAX_SKIPPED
    """Share of a suite's benchmarks that may be skipped on both sides before the headline says so."""
    better: Direction | None = None
    """Which way is better, where no file says so."""

    def covers(self, sli: Sli) -> bool:
        """Return whether this rule speaks of `sli`; a diagnostic metric must be named, `*` is not enough."""
        if sli.metric.diagnostic and not self.sli.endswith(f":{sli.metric.name}"):
            return False
        return matches(self.sli, str(sli))


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What the project says of a metric that perfgate does not know."""

    metric: str
    better: Direction | None = None
    unit: Unit | None = None
    kind: Kind | None = None

    def of(self, metric: Metric) -> Metric:
        """Return the metric as stated."""
        return replace(
            metric,
            direction=self.better or metric.direction,
            guessed=metric.guessed and self.better is None,
            unit=self.unit or metric.unit,
            kind=self.kind or metric.kind,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """An accepted regression: how large, why, until when."""

    sli: str
    """A glob, as in a rule."""
    reason: str
    up_to: float = math.inf
    """Share of base that head may be worse by; infinite covers a benchmark that went missing as well."""
    until: str = ""
    """The last day on which it counts, ISO 8601 (such dates compare as texts); empty has no end."""
    who: str = ""

    @property
    def terms(self) -> str:
        """In words: how far, by whom, until when, why."""
        words = ["accepted"]
        words += [f"up to {100 * self.up_to:g} %"] if math.isfinite(self.up_to) else []
        words += [f"by {self.who}"] if self.who else []
        words += [f"until {self.until}"] if self.until else []
        return f"{' '.join(words)}: {self.reason}"


DEFAULT_RULE = Rule(sli="*:time", limit=0.05)
DEFAULT_RULES = (
    DEFAULT_RULE,
    Rule(sli="*:rate", limit=0.05),
    Rule(sli="*:instructions", limit=0.005),
    Rule(sli="*:calls", limit=0.005),
    Rule(sli="*:allocations", limit=0.01),
    Rule(sli="*:bytes", limit=0.01),
    Rule(sli="*:peak-memory.own", limit=0.05),
    Rule(sli="*:latency.p50", limit=0.05),
    Rule(sli="*:latency.mean", limit=0.05),
    Rule(sli="*:latency.p95", limit=0.10),  # its spread is three times that of the median
    Rule(sli="*:errors", limit=0.05),
    Rule(sli="*:slow", limit=0.05),
    Rule(sli="*:queries", limit=0.01),
    Rule(sli="*:queries.repeated", limit=0.01),
    Rule(sli="*:capacity", limit=0.05),
    Rule(sli="*:capacity.slo", limit=0.05),
    Rule(sli="*:cpu-per-request", limit=0.10, critical=False),  # what costs users shows in the latency as well
)
"""What counts where no rule of the project does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """All that judging needs to know beside the runs."""

    rules: tuple[Rule, ...] = DEFAULT_RULES
    expect: tuple[str, ...] = ()
    """Globs of benchmarks (`suite/name`) that must give a sample, whatever base has."""
    retired: tuple[str, ...] = ()
    """Globs of benchmarks that may vanish without being missed."""
    family_level: float = FAMILY_LEVEL
    margin: float = MARGIN
    accept: tuple[Acceptance, ...] = ()
    today: str = ""
    """ISO 8601, for what expires; empty where nothing does."""
    trust_stored: bool = False
    """Whether a time may block against a stored baseline: only on a machine that is always the same and idle."""
    metrics: tuple[Statement, ...] = ()

    @property
    def states(self) -> bool:
        """Whether it says anything of a metric."""
        return bool(self.metrics) or any(rule.better for rule in self.rules)

    def stated(self, sli: Sli) -> Sli:
        """Return the SLI, its metric as the configuration states it; what perfgate knows itself stays as it is."""
        metric = sli.metric
        if metric.name in METRICS or not self.states:
            return sli
        metric = next((one.of(metric) for one in self.metrics if one.metric == metric.name), metric)
        rule = self.rule_for(replace(sli, metric=metric))
        if rule is not None and rule.better is not None:
            metric = replace(metric, direction=rule.better, guessed=False)
        return replace(sli, metric=metric)

    def restated(self, run: Run) -> Run:
        """Return the run, its metrics as the configuration states them."""
        if not self.states:
            return run
        samples = tuple(replace(sample, sli=self.stated(sample.sli)) for sample in run.samples)
        return replace(run, samples=samples)

    def rule_for(self, sli: Sli) -> Rule | None:
        """Return the first matching rule, without a floor or SLO in another unit; None if no rule applies."""
        unknown = sli.metric.name not in METRICS and not sli.metric.diagnostic
        # Somebody put it into a file, and which way is better may be a guess: it warns until a rule names it.
        usual = Rule(sli=f"*:{sli.metric.name}", limit=0.05, critical=False) if unknown else None
        current = (rule for rule in self.rules if not rule.until or rule.until >= self.today)
        rule = next((rule for rule in current if rule.covers(sli)), usual)
        if rule is not None and rule.floor_unit not in (None, sli.metric.unit):
            rule = replace(rule, floor=0.0, floor_unit=None)
        if rule is not None and rule.slo_unit not in (None, sli.metric.unit):
            rule = replace(rule, slo=None, slo_unit=None)
        return rule

    def acceptances(self, name: str) -> tuple[Acceptance, ...]:
        """Return all acceptances that speak of the SLI, or of the whole benchmark, `name`; expired ones too."""
        names = (name, f"{name}:{TIME.name}")
        return tuple(one for one in self.accept if any(matches(one.sli, each) for each in names))

    def weighed(self, rule: Rule, metric: Metric, *, stored: bool) -> Rule:
        """Return `rule` as it counts for this evidence: what noise may have moved since then only warns."""
        informs = stored and metric.kind is Kind.NOISY and not self.trust_stored
        return replace(rule, critical=False) if informs else rule

    def with_limit(self, limit: float) -> "Policy":
        """Return this policy with the same limit in every rule."""
        return replace(self, rules=tuple(replace(rule, limit=limit) for rule in self.rules))

    def unmet(self, present: frozenset[Benchmark]) -> tuple[str, ...]:
        """Return the expectations that no benchmark in `present` meets."""
        return tuple(glob for glob in self.expect if not any(matches(glob, str(b)) for b in present))

    @property
    def _order(self) -> list[tuple[str, str]]:
        return list(dict.fromkeys((rule.sli, rule.until) for rule in self.rules))

    def differences(self, other: "Policy") -> tuple[str, ...]:
        """Say in words what `other` would have differently; today's date is no difference."""
        found = []
        # Of two rules for one glob the first counts, of those with an end until then.
        mine, theirs = ({(rule.sli, rule.until): rule for rule in policy.rules[::-1]} for policy in (self, other))
        for key in dict.fromkeys((rule.sli, rule.until) for rule in (*self.rules, *other.rules)):
            old, new = mine.get(key), theirs.get(key)
            if old != new:
                found.append(f"rule {key[0]}: {_rule_words(old)} → {_rule_words(new)}")
        if mine.keys() == theirs.keys() and self._order != other._order:
            found.append("the order of the rules")
        for label, olds, news in (
            ("expect", self.expect, other.expect),
            ("retired", self.retired, other.retired),
            ("accept", _accept_words(self), _accept_words(other)),
        ):
            found += [f"{label} without {text}" for text in olds if text not in news]
            found += [f"{label} with {text}" for text in news if text not in olds]
        if self.family_level != other.family_level:
            found.append(f"false blocks in {self.family_level:g} → {other.family_level:g} of the runs")
        if self.margin != other.margin:
            found.append(f"margin {100 * self.margin:g} % → {100 * other.margin:g} %")
        if self.metrics != other.metrics:
            found.append("what is said of metrics")
        if self.trust_stored != other.trust_stored:
            found.append(f"trust-times {self.trust_stored} → {other.trust_stored}".lower())
        return tuple(found)


def _rule_words(rule: Rule | None) -> str:
    if rule is None:
        return "none"
    words = f"{100 * rule.limit:g} %"
    words += f" with floor {rule.floor:g} {rule.floor_unit}" if rule.floor_unit else ""
    words += f" with SLO {rule.slo:g} {rule.slo_unit}" if rule.slo_unit else ""
    words += f", {100 * rule.max_skipped:g} % may be skipped" if rule.max_skipped != MAX_SKIPPED else ""
    words += f", {rule.better} is better" if rule.better else ""
    words += "" if rule.critical else ", warns only"
    words += f", until {rule.until}" if rule.until else ""
    return words + (", blocks when inconclusive" if rule.on_inconclusive else "")


def _accept_words(policy: Policy) -> tuple[str, ...]:
    return tuple(f"{one.sli} ({one.terms})" for one in policy.accept)


def matches(glob: str, text: str) -> bool:
    """Return whether `glob` covers `text` whole: `*` is anything, `?` one character, all else itself.

    Brackets are plain characters, so that a parametrised test's name can be pasted as it is. Takes time in proportion
    to the text, whatever the glob: names come from a pull request.
    """
    first, between, last = _pieces(glob)
    if last is None:
        return first.fits(text, 0) and len(text) == first.length
    if len(text) < first.length + last.length or not first.fits(text, 0):
        return False
    at, end = first.length, len(text) - last.length
    for piece in between:  # the leftmost place leaves most room for the next: there is nothing to go back for
        if (at := piece.find(text, at, end)) < 0:
            return False
        at += piece.length
    return last.fits(text, end)


@dataclass(frozen=True, slots=True)
class _Piece:
    """What stands between two stars of a glob."""

    text: str
    pattern: re.Pattern[str] | None
    """Where it holds a question mark."""

    @property
    def length(self) -> int:
        return len(self.text)

    def fits(self, text: str, at: int) -> bool:
        """Return whether it stands at a place."""
        return bool(self.pattern.match(text, at)) if self.pattern else text.startswith(self.text, at)

    def find(self, text: str, start: int, end: int) -> int:
        """Return the first place of it between two places; -1 without one."""
        if self.pattern is None:
            return text.find(self.text, start, end)
        found = self.pattern.search(text, start, end)
        return found.start() if found else -1


@lru_cache(maxsize=1024)
def _pieces(glob: str) -> tuple[_Piece, tuple[_Piece, ...], _Piece | None]:
    """Return what stands before the first star of a glob, between stars, and after the last; None without a star."""
    texts = re.sub(r"\*+", "*", glob).split("*")
    pieces = [_Piece(text, _with_marks(text) if "?" in text else None) for text in texts]
    if len(pieces) == 1:
        return pieces[0], (), None
    return pieces[0], tuple(piece for piece in pieces[1:-1] if piece.text), pieces[-1]


def _with_marks(text: str) -> re.Pattern[str]:
    return re.compile("".join("." if char == "?" else re.escape(char) for char in text), re.DOTALL)
