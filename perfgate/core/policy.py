"""What the project calls too slow: rules over SLIs, first match wins.

Separate from the schema of the configuration file, which is only one way to write a policy down.
"""

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from perfgate.core.model import Benchmark, Kind, Metric, Sli
from perfgate.core.units import Unit

FAMILY_LEVEL = 0.01  # one in a hundred runs that changed nothing may be blocked at most; the margin makes it rarer
STRICT_LEVEL = 0.001
PASS_LEVEL = 0.02  # a regression of exactly the limit is called a pass at most this often
MARGIN = 0.02  # what memory layout alone moved a benchmark by, measured: see docs/method.md


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What one glob of SLIs may lose."""

    sli: str
    limit: float
    """Share of base that head may be worse by; 0.05 reads 5 %."""
    floor: float = 0.0
    """In the metric's unit: a change below it never counts."""
    floor_unit: Unit | None = None
    critical: bool = True
    """Blocks; otherwise it only warns."""
    on_inconclusive: bool = False
    """Whether an answer that could not be given blocks as well."""

    def covers(self, sli: Sli) -> bool:
        """Return whether this rule speaks of `sli`; a diagnostic metric must be named, `*` is not enough."""
        if sli.metric.diagnostic and not self.sli.endswith(f":{sli.metric.name}"):
            return False
        return matches(self.sli, str(sli))


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """A regression that somebody stands for: how large, why, until when."""

    sli: str
    """A glob, as in a rule."""
    up_to: float
    """Share of base that head may be worse by."""
    reason: str
    until: str
    """The last day on which it counts, ISO 8601; ISO dates compare as texts."""
    who: str = ""


DEFAULT_RULE = Rule(sli="*:time", limit=0.05)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """All that judging needs to know beside the runs."""

    rules: tuple[Rule, ...] = (DEFAULT_RULE,)
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

    def rule_for(self, sli: Sli) -> Rule | None:
        """Return the first rule that covers `sli`, without a floor of another unit; None means that nobody asked."""
        rule = next((rule for rule in self.rules if rule.covers(sli)), None)
        if rule is None or rule.floor_unit in (None, sli.metric.unit):
            return rule
        return replace(rule, floor=0.0, floor_unit=None)

    def acceptances(self, sli: Sli) -> tuple[Acceptance, ...]:
        """Return all acceptances that speak of `sli`, expired ones too."""
        return tuple(acceptance for acceptance in self.accept if matches(acceptance.sli, str(sli)))

    def weighed(self, rule: Rule, metric: Metric, *, stored: bool) -> Rule:
        """Return `rule` as it counts for this evidence: what noise may have moved since then only warns."""
        informs = stored and metric.kind is Kind.NOISY and not self.trust_stored
        return replace(rule, critical=False) if informs else rule

    def unmet(self, present: frozenset[Benchmark]) -> tuple[str, ...]:
        """Return the expectations that no benchmark in `present` meets."""
        return tuple(glob for glob in self.expect if not any(matches(glob, str(b)) for b in present))


def matches(glob: str, text: str) -> bool:
    """Return whether `glob` covers `text` whole: `*` is anything, `?` one character, all else itself.

    Brackets are plain characters, so that a parametrised test's name can be pasted as it is.
    """
    return _pattern(glob).fullmatch(text) is not None


@lru_cache(maxsize=1024)
def _pattern(glob: str) -> re.Pattern[str]:
    parts = {"*": ".*", "?": "."}
    return re.compile("".join(parts.get(char) or re.escape(char) for char in glob), re.DOTALL)
