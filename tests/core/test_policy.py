import pytest

from perfgate.core.model import CPU, PEAK_MEMORY, Benchmark
from perfgate.core.policy import DEFAULT_RULE, Policy, Rule, matches
from perfgate.core.units import Unit
from tests.core.build import sli


@pytest.mark.parametrize(
    ("glob", "text", "covered"),
    [
        ("*:time", "micro/parse:time", True),
        ("micro/parse[a-b]:time", "micro/parse[a-b]:time", True),
        ("micro/parse[ab]:time", "micro/parsea:time", False),
        ("micro/pars?:time", "micro/parse:time", True),
        ("micro/*", "cli/parse:time", False),
        ("*", "two\nlines", True),
        ("micro", "micro/parse:time", False),
    ],
)
def test_globs_cover_the_whole_name_and_brackets_are_themselves(glob: str, text: str, covered: bool) -> None:
    assert matches(glob, text) is covered


def test_the_first_rule_that_covers_an_sli_counts() -> None:
    first, second = Rule(sli="micro/parse:time", limit=0.01), Rule(sli="micro/*", limit=0.1)
    policy = Policy(rules=(first, second))

    assert policy.rule_for(sli("parse")) is first
    assert policy.rule_for(sli("other")) is second
    assert Policy(rules=()).rule_for(sli()) is None
    assert Policy().rule_for(sli()) is DEFAULT_RULE


def test_a_rule_with_an_end_counts_until_then() -> None:
    quarantine = Rule(sli="micro/parse:time", limit=0.05, critical=False, until="2026-03-04")

    for today, critical in (("2026-03-04", False), ("2026-03-05", True), ("", False)):
        rule = Policy(rules=(quarantine, DEFAULT_RULE), today=today).rule_for(sli("parse"))
        assert rule is not None
        assert rule.critical is critical


def test_a_quarantine_is_a_difference_beside_the_rule_that_it_stands_before() -> None:
    usual = Rule(sli="*:time", limit=0.05)
    changed = Policy(rules=(Rule(sli="*:time", limit=0.05, critical=False, until="2026-03-04"), usual))

    assert Policy(rules=(usual,)).differences(changed) == ("rule *:time: none → 5 %, warns only, until 2026-03-04",)


def test_a_diagnostic_metric_is_judged_only_where_it_is_named() -> None:
    assert not Rule(sli="micro/*", limit=0.1).covers(sli(metric=CPU))
    assert Rule(sli="micro/*:cpu", limit=0.1).covers(sli(metric=CPU))


def test_a_floor_speaks_of_its_own_unit_alone() -> None:
    rule = Rule(sli="*", limit=0.1, floor=0.002, floor_unit=Unit.SECOND)

    policy = Policy(rules=(rule,))
    fitted = policy.rule_for(sli(metric=PEAK_MEMORY))

    assert policy.rule_for(sli()) is rule
    assert fitted is not None
    assert (fitted.limit, fitted.floor, fitted.floor_unit) == (0.1, 0.0, None)


def test_an_expectation_is_unmet_where_nothing_of_that_name_is() -> None:
    policy = Policy(expect=("micro/parse*", "micro/gone"))

    assert policy.unmet(frozenset({Benchmark(suite="micro", name="parse[1]")})) == ("micro/gone",)
