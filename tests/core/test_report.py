import pytest

from perfgate.core.model import Reason, Run
from perfgate.core.policy import DEFAULT_RULE, Policy, Rule
from perfgate.core.report import Outcome, Report, report
from perfgate.core.verdict import Verdict
from tests.core.build import failure, noisy_pair, run


def made(base: Run, head: Run, policy: Policy | None = None) -> Report:
    return report(base, head, policy or Policy(), repeat="perfgate compare a b", version="1")


def suite(*effects: float, pairs: int = 15) -> tuple[Run, Run]:
    samples = [noisy_pair(effect, pairs=pairs, seed=i, name=f"b{i}") for i, effect in enumerate(effects)]
    return run(*(base for base, _ in samples)), run(*(head for _, head in samples))


@pytest.mark.parametrize(
    ("report_", "outcome", "code"),
    [
        (made(*suite(0.0, 0.0)), Outcome.PASS, 0),
        (made(*suite(0.0, 0.2)), Outcome.REGRESSION, 1),
        (made(*suite(0.0, 0.2), Policy(rules=(Rule(sli="*", limit=0.05, critical=False),))), Outcome.PASS, 0),
        (made(suite(0.0)[0], run(failures=[failure("b0")])), Outcome.INCOMPLETE, 3),
        (made(run(), run()), Outcome.INCOMPLETE, 3),
        (made(*suite(0.0, 0.0, pairs=4)), Outcome.INCONCLUSIVE, 0),
        (
            made(*suite(0.0, pairs=4), Policy(rules=(Rule(sli="*", limit=0.05, on_inconclusive=True),))),
            Outcome.INCONCLUSIVE,
            4,
        ),
    ],
)
def test_the_outcome_and_its_exit_code(report_: Report, outcome: Outcome, code: int) -> None:
    assert (report_.outcome, report_.exit_code) == (outcome, code)


def test_a_regression_outweighs_what_is_missing() -> None:
    base, head = suite(0.2)
    both = made(base, run(*head.samples, failures=[failure("gone", Reason.RAISED)]))

    assert both.outcome is Outcome.REGRESSION


def test_rows_come_worst_first_and_what_blocks_before_what_warns() -> None:
    base, head = suite(0.1, 0.3, 0.2)
    policy = Policy(rules=(Rule(sli="micro/b1:*", limit=0.05, critical=False), DEFAULT_RULE))

    assert [row.benchmark.name for row in made(base, head, policy).of(Verdict.REGRESSION)] == ["b2", "b0", "b1"]


def test_what_has_no_ratio_comes_first() -> None:
    base, head = suite(0.3)
    mixed = made(base, run(*head.samples, failures=[failure("broken")]))

    assert [row.verdict for row in mixed.of(Verdict.REGRESSION, Verdict.FAILED)] == [Verdict.FAILED, Verdict.REGRESSION]


def test_counts_are_given_in_the_order_of_their_weight() -> None:
    counts = made(*suite(0.0, 0.2, 0.0, -0.2)).counts

    assert list(counts.items()) == [(Verdict.REGRESSION, 1), (Verdict.IMPROVEMENT, 1), (Verdict.PASS, 2)]


def test_a_rule_that_speaks_of_nothing_measured_is_named() -> None:
    base, head = noisy_pair(0.0)
    policy = Policy(rules=(Rule(sli="micro/pasre*", limit=0.01), Rule(sli="other/*", limit=0.1), DEFAULT_RULE))

    found = report(run(base), run(head), policy, repeat="", version="")

    assert [warning.text for warning in found.warnings] == [
        "the rule for 'micro/pasre*' covers nothing that was measured"
    ]
