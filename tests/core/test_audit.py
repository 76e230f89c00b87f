from dataclasses import replace

from perfgate.core.audit import Audit, Decision, audit
from perfgate.core.verdict import Verdict
from perfgate.render.audited import audited

R, P, U, A = Verdict.REGRESSION, Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.ACCEPTED


def decision(head: str, *, same: bool = False, invalid: bool = False, **verdicts: Verdict) -> Decision:
    return Decision(
        base="b", head=head, same=same, started="2026-03-04", verdicts=tuple(verdicts.items()), invalid=invalid
    )


def doubts(*decisions: Decision) -> dict[str, tuple[int, int, int]]:
    return {r.name: (r.flipped, r.null, r.overridden) for r in audit(decisions).records}


def whys(found: Audit) -> dict[str, str]:
    return {record.name: record.why for record in found.records if record.why}


def test_a_block_that_the_same_commits_do_not_show_again_is_doubted() -> None:
    assert doubts(decision("1", a=R), decision("1", a=P), decision("2", a=R), decision("2", a=R)) == {"a": (1, 0, 0)}
    assert doubts(decision("1", a=R), decision("1", a=U)) == {"a": (0, 0, 0)}


def test_a_block_where_nothing_changed_is_doubted_once() -> None:
    assert doubts(decision("1", same=True, a=R), decision("1", same=True, a=P)) == {"a": (0, 1, 0)}


def test_what_was_accepted_may_have_been_right() -> None:
    assert doubts(decision("1", a=A), decision("2", a=A), decision("2", a=P)) == {"a": (1, 0, 1)}
    assert doubts(decision("1", a=R), decision("1", a=A)) == {"a": (0, 0, 1)}


def test_two_commits_count_once_and_the_majority_is_right() -> None:
    found = audit([decision("1", a=R), decision("1", a=R), decision("1", a=P)])

    assert (found.runs, found.judged, found.blocked, found.doubted) == (3, 1, 1, 0)


def test_what_is_long_ago_is_forgotten() -> None:
    old = replace(decision("1", a=R), started="2025-03-04T05:06:07+00:00")

    assert audit([old], since="2026-01-01").runs == 0
    assert audit([old], since="2025-03-04").runs == 1


def test_what_is_always_clear_is_not_listed_and_the_most_doubted_comes_first() -> None:
    found = audit([decision("1", a=P, b=U, c=R, d=R), decision("1", a=P, b=P, c=P, d=R)])

    assert [record.name for record in found.records] == ["c", "d"]
    assert (found.runs, found.judged, found.inconclusive, found.blocked, found.doubted) == (2, 4, 0, 2, 1)


def test_two_doubts_or_nothing_but_overrides_are_a_reason_for_quarantine() -> None:
    flips = [decision(head, a=verdict) for head in "12" for verdict in (R, P)]
    overridden = [decision(head, b=A) for head in "345"]

    found = whys(audit([*flips, *overridden]))

    assert found == {"a": "2 of its 2 blocks were no regression", "b": "all of its 3 blocks were overridden"}
    assert whys(audit([*flips[:2], *overridden[:2], decision("6", b=R)])) == {}
    assert whys(audit([*overridden, decision("6", b=R)])) == {}


def test_trust_is_the_share_of_blocks_that_stood_with_exact_bounds() -> None:
    found = audit([decision(f"{n}", a=R) for n in range(40)] + [decision("0", a=P)])

    assert found.trust is not None
    assert [round(bound, 3) for bound in found.trust] == [0.868, 0.999]
    assert audit([decision("1", a=P)]).trust is None


def test_it_is_told_with_what_to_quarantine() -> None:
    found = audit([decision(head, a=verdict, invalid=True) for head in "12" for verdict in (R, P)])

    text = audited(found, {"a": "RULE"})

    assert text.splitlines()[1].split() == ["a", "2", "0", "%", "2", "2", "0", "0"]
    assert "4 runs of the gate, 4 of them invalid by the canary; 0 % of 2 verdicts inconclusive" in text
    assert "trust: 0 of 2 blocks were not contradicted [0, 84 %]" in text
    assert "proposed for quarantine, a: before the other rules of perfgate.toml\nRULE" in text


def test_without_blocks_or_verdicts_nothing_is_claimed() -> None:
    assert "no verdict is kept yet" in audited(audit([]), {})
    assert "nothing was ever blocked" in audited(audit([decision("1", a=U)]), {})
    assert "0 % of" not in audited(audit([decision("1")]), {})


def test_of_very_many_the_first_are_shown() -> None:
    found = audit([decision("1", **{f"b{n}": U for n in range(40)})])

    assert "and 10 more" in audited(found, {})
