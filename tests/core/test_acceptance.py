import math
from dataclasses import replace

import pytest

from perfgate.core.acceptance import by_label, by_trailer
from perfgate.core.judge import judge
from perfgate.core.policy import DEFAULT_RULE, Acceptance, Policy, Rule
from perfgate.core.units import Unit
from perfgate.core.verdict import Verdict
from tests.core.build import failure, noisy_pair, run


def test_a_label_accepts_everything_and_only_if_it_is_there() -> None:
    (found,) = by_label(["bug", "perfgate: accept"], "perfgate: accept", who="ada")

    assert (found.sli, found.up_to, found.who) == ("*", math.inf, "ada")
    assert found.terms == "accepted by ada: the pull request has the label 'perfgate: accept'"
    assert by_label(["bug"], "perfgate: accept") == ()
    assert by_label([""], "") == ()


@pytest.mark.parametrize(
    ("line", "sli", "up_to", "reason"),
    [
        ("Perfgate-Accept: micro/a:time up to 12% checks UTF-8 now", "micro/a:time", 0.12, "checks UTF-8 now"),
        ("Perfgate-Accept: micro/a:time 12 %: checks  UTF-8", "micro/a:time", 0.12, "checks  UTF-8"),
        ("perfgate-accept: * moved to another suite", "*", math.inf, "moved to another suite"),
        ("Perfgate-Accept: micro/a[x:y]:time 2.5% why\r", "micro/a[x:y]:time", 0.025, "why"),
    ],
)
def test_a_trailer_names_what_it_accepts_and_why(line: str, sli: str, up_to: float, reason: str) -> None:
    found, faults = by_trailer(f"faster\n\nwords\n\n{line}\nSigned-off-by: x\n", who="ada")

    assert found == (Acceptance(sli=sli, up_to=up_to, reason=reason, who="ada"),)
    assert faults == ()


@pytest.mark.parametrize(
    "line", ["Perfgate-Accept:", "Perfgate-Accept: micro/a", "Perfgate-Accept: * <why>", "Perfgate-Accept: micro/a 12%"]
)
def test_a_trailer_without_a_reason_does_not_count_and_says_so(line: str) -> None:
    found, faults = by_trailer(f"x\n\n{line}")

    assert found == ()
    assert len(faults) == 1
    assert "gives no reason" in faults[0]
    assert by_trailer("x\n\nNot-Perfgate-Accept: * y") == ((), ())


@pytest.mark.parametrize("bound", ["up to 12", "up to 12,5%", "12 percent", "≤12%", "upto 12%", "<12%", "12"])
def test_a_bound_that_is_not_understood_is_not_taken_for_none(bound: str) -> None:
    found, faults = by_trailer(f"x\n\nPerfgate-Accept: a/b:time {bound} why")

    assert found == ()
    assert "a bound that is not understood" in faults[0]


def test_only_an_acceptance_without_a_bound_lets_a_benchmark_go() -> None:
    base, head = run(noisy_pair(0.0)[0], noisy_pair(0.0, name="kept")[0]), run(noisy_pair(0.0, name="kept")[1])

    for glob in ("micro/parse", "micro/parse:*", "*"):
        (gone,) = (row for row in judge(base, head, _accepting(glob)) if row.benchmark.name == "parse")
        assert (gone.verdict, gone.blocks) == (Verdict.ACCEPTED, False)
        assert gone.text.startswith("accepted: x; base has it, head has not")
    (bounded,) = (r for r in judge(base, head, _accepting("*", up_to=0.5)) if r.benchmark.name == "parse")
    assert (bounded.verdict, bounded.blocks) == (Verdict.MISSING, True)
    assert "worse than what was accepted (accepted up to 50 %: x)" in bounded.text


def test_a_failure_is_never_accepted() -> None:
    (row,) = judge(run(failures=[]), run(failures=[failure("parse")]), _accepting("*"))

    assert row.verdict is Verdict.FAILED


def _accepting(glob: str, **more: float) -> Policy:
    return Policy(accept=(Acceptance(sli=glob, reason="x", **more),))


def test_what_a_policy_changes_is_said_in_words() -> None:
    old = Policy(rules=(Rule(sli="micro/*", limit=0.03), DEFAULT_RULE), expect=("micro/a",), today="2026-01-01")
    loose = Rule(sli="micro/*", limit=2, floor=0.002, floor_unit=Unit.SECOND, critical=False, on_inconclusive=True)
    new = replace(
        old,
        rules=(loose, Rule(sli="x", limit=0.1)),
        expect=(),
        retired=("micro/b",),
        accept=(Acceptance(sli="*", reason="why", up_to=0.1, until="2027-01-01", who="eve"),),
        family_level=0.5,
        margin=0.5,
        trust_stored=True,
        today="2026-01-02",
    )

    assert old.differences(replace(old, today="2026-01-02")) == ()
    assert old.differences(new) == (
        "rule micro/*: 3 % → 200 % with floor 0.002 s, warns only, blocks when inconclusive",
        "rule *:time: 5 % → none",
        "rule x: none → 10 %",
        "expect without micro/a",
        "retired with micro/b",
        "accept with * (accepted up to 10 % by eve until 2027-01-01: why)",
        "false blocks in 0.01 → 0.5 of the runs",
        "margin 1.5 % → 50 %",
        "trust-times false → true",
    )
    assert old.differences(replace(old, rules=old.rules[::-1])) == ("the order of the rules",)
    hidden = replace(old, rules=(*old.rules[:1], Rule(sli="*:time", limit=9), DEFAULT_RULE))
    assert old.differences(hidden) == ("rule *:time: 5 % → 900 %",)
