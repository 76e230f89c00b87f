from collections.abc import Sequence
from dataclasses import replace

import pytest

from perfgate.core.audit import Decision, audit
from perfgate.core.baseline import StoredRun
from perfgate.core.comparison import Change
from perfgate.core.history import Release, Trend, trends
from perfgate.core.levels import Level, Levels, Point, Points
from perfgate.core.model import TIME, Benchmark, Environment, Metric
from perfgate.core.outlook import Accepted, Commit, Outlook, Regression, Standing, State, accepted, standings, together
from perfgate.core.past import Past
from perfgate.core.policy import Acceptance, Policy, Rule
from perfgate.core.verdict import Verdict
from tests.core.build import BYTES, HERE, THERE, sli

DAY = 86_400
STEP = [1.0, 1.01, 0.99, 1.0, 1.01, 1.0, 0.99, 1.01, 1.0, 1.0] * 2
POLICY = Policy(rules=(Rule(sli="*:time", limit=0.05), Rule(sli="*:bytes", limit=0.01)))


def commits(count: int, **accepts: Acceptance) -> dict[str, Commit]:
    return {
        f"c{i}": Commit(
            oid=f"c{i}", second=DAY * i, subject=f"commit {i}", accepts=tuple(filter(None, [accepts.get(f"c{i}")]))
        )
        for i in range(count)
    }


def looked(
    values: Sequence[float],
    *,
    metric: Metric = TIME,
    policy: Policy = POLICY,
    places: Sequence[Environment] | None = None,
    decided: Sequence[Decision] = (),
    later: int = 0,
    release: Release | None = None,
    **accepts: Acceptance,
) -> tuple[Standing, ...]:
    known = commits(len(values) + later, **accepts)
    runs = [
        StoredRun(
            commit=f"c{i}", suite="micro", environment=places[i] if places else HERE, committed="", started=f"{i:03}",
            levels=Levels.of({sli(metric=metric): Level(median=value, low=value, high=value, n=3)}),
        )
        for i, value in enumerate(values)
    ]  # fmt: skip
    found = trends(runs, {oid: place for place, oid in enumerate(known)}, policy, release)
    return standings(found, known, policy, audit(decided), accepted(decided))


def past(found: tuple[Trend, ...]) -> Past:
    return Past(trends=found, alarms=(), since="", place="", runs=0, elsewhere=0, shallow=False, faults=())


def slower(values: Sequence[float] = STEP, by: float = 1.2) -> list[float]:
    return [*values, *(by * value for value in values)]


def test_what_stayed_slower_is_open_and_known_by_its_level_and_moves() -> None:
    (standing,) = looked(slower())

    assert [one.state for one in standing.regressions] == [State.OPEN]
    assert standing.open == standing.regressions
    assert standing.level == pytest.approx(1.2)
    assert not standing.short
    assert not standing.drifted
    week, month, quarter = standing.moves
    assert week is not None
    assert week.ratio == pytest.approx(1, abs=0.01)
    assert month is not None
    assert month.ratio == pytest.approx(1.2, abs=0.02)
    assert quarter is None  # nothing is older than 40 days


def test_a_day_just_behind_a_change_has_the_new_level() -> None:
    (standing,) = looked([*STEP, *(1.2 * value for value in STEP[:9])])

    week = standing.moves[0]
    assert week is not None
    assert week.ratio == pytest.approx(1, abs=0.01)


def test_what_drifted_since_the_release_is_told() -> None:
    release = Release(name="v1", commits=frozenset(f"c{i}" for i in range(20)), budget=0.1)

    assert looked(slower(), release=release)[0].drifted
    assert not looked(slower(by=1.0), release=release)[0].drifted


def test_what_is_slower_and_what_is_faster_is_no_change_together() -> None:
    release = Release(name="v1", commits=frozenset(f"c{i}" for i in range(20)), budget=0.1)
    (up,), (down,) = looked(slower(), release=release), looked(slower(by=1 / 1.2), release=release)

    assert together([up]) == pytest.approx(1.2, abs=0.02)
    assert together([up, down]) == pytest.approx(1, abs=0.01)
    assert together(looked(slower())) is None


def test_what_came_back_went_away() -> None:
    (standing,) = looked([*slower(), *STEP])

    assert [one.state for one in standing.regressions] == [State.WENT_AWAY]
    assert standing.open == ()


@pytest.mark.parametrize(
    ("acceptance", "state"),
    [
        (Acceptance(sli="*parse*", reason="for safety", up_to=0.3), State.ACCEPTED),
        (Acceptance(sli="*parse*", reason="for safety", up_to=0.1), State.OPEN),
        (Acceptance(sli="other", reason="for safety"), State.OPEN),
        (Acceptance(sli="*parse*", reason="for safety", until="2026-12-31"), State.ACCEPTED),
    ],
)
def test_the_configuration_and_a_commit_accept_up_to_a_size(acceptance: Acceptance, state: State) -> None:
    configured = Policy(rules=POLICY.rules, accept=(acceptance,), today="2026-12-31")

    assert [one.state for one in looked(slower(), policy=configured)[0].regressions] == [state]
    assert [one.state for one in looked(slower(), c20=acceptance)[0].regressions] == [state]
    assert [one.state for one in looked(slower(), c3=acceptance)[0].regressions] == [State.OPEN]


def test_an_acceptance_that_expired_hides_nothing() -> None:
    past = Acceptance(sli="*", reason="for now", until="2026-01-31")
    policy = Policy(rules=POLICY.rules, accept=(past,), today="2026-02-01")

    assert [one.state for one in looked(slower(), policy=policy)[0].regressions] == [State.OPEN]


def test_of_a_retired_benchmark_nothing_stays_open() -> None:
    policy = Policy(rules=POLICY.rules, retired=("micro/parse",))

    assert [one.state for one in looked(slower(), policy=policy)[0].regressions] == [State.FORMER]


def test_two_recordings_of_one_commit_that_differ_blame_that_commit() -> None:
    known = commits(3, c1=Acceptance(sli="*", reason="meant"))
    runs = [
        StoredRun(commit=commit, suite="micro", environment=HERE, committed="", started=f"{i}",
                  levels=Levels.of({sli(metric=BYTES): Level(median=value, low=value, high=value, n=1)}))
        for i, (commit, value) in enumerate((("c0", 5.0), ("c1", 5.0), ("c1", 7.0), ("c2", 7.0)))
    ]  # fmt: skip
    found = trends(runs, {oid: place for place, oid in enumerate(known)}, POLICY, None)
    (standing,) = standings(found, known, POLICY, audit([]), ())

    assert [(one.shift.at, one.state) for one in standing.regressions] == [("c1", State.ACCEPTED)]


def test_where_nothing_was_measured_since_nothing_is_known() -> None:
    runs = [
        StoredRun(commit=f"c{i}", suite=suite, environment=HERE, committed="", started=f"{i:03}",
                  levels=Levels.of({replace(sli(), benchmark=Benchmark(suite=suite, name="parse")):
                                    Level(median=1.0, low=1.0, high=1.0, n=1)}))
        for suite, count in (("alive", 60), ("asleep", 50)) for i in range(count)
    ]  # fmt: skip
    known = commits(60)
    found = trends(runs, {oid: place for place, oid in enumerate(known)}, POLICY, None)
    alive, asleep = standings(found, known, POLICY, audit([]), ())

    assert [move is not None for move in alive.moves] == [True, True, False]
    assert [move is not None for move in asleep.moves] == [False, True, False]


def test_what_the_gate_accepted_in_the_range_is_accepted_with_its_terms() -> None:
    name = str(sli())
    decided = Decision(
        base="c19", head="c20", same=False, started="2026-01-01", verdicts=((name, Verdict.ACCEPTED),),
        reasons=((name, "accepted by @ada: safer"),),
    )  # fmt: skip
    (one,) = looked(slower(), decided=[decided])[0].regressions

    assert (one.state, one.reason) == (State.ACCEPTED, "accepted by @ada: safer")
    assert accepted([decided]) == (
        Accepted(started="2026-01-01", head="c20", name=name, terms="accepted by @ada: safer"),
    )


def test_on_an_environment_of_long_ago_nobody_knows() -> None:
    values = [*slower(), *([5.0] * 40)]
    (standing,) = looked(values, places=[HERE] * 40 + [THERE] * 40)

    assert [one.state for one in standing.regressions] == [State.FORMER]
    assert [len(trend.points) for trend in standing.trends] == [40, 40]
    assert standing.trends[0].environment == THERE.fingerprint


def test_environments_of_the_same_days_are_all_current() -> None:
    values = [value * (1.2 if i >= 40 else 1) for i, value in enumerate(STEP * 4)]
    (standing,) = looked(values, places=[HERE, THERE] * 40)

    assert [one.state for one in standing.regressions] == [State.OPEN, State.OPEN]


def test_exact_values_and_those_without_a_ratio_have_a_level_too() -> None:
    assert looked([5.0, 5.0, 7.0], metric=BYTES)[0].level == 7.0
    assert looked([5.0, 5.0, 7.0], metric=BYTES)[0].moves == (None, None, None)
    assert looked([0.0] * 9)[0].moves[0] == Change(ratio=1.0, low=1.0, high=1.0)
    assert [one.state for one in looked([5.0, 0.0, 5.0], metric=BYTES)[0].regressions] == [State.OPEN]
    assert looked([1.0] * 9)[0].short
    assert looked([5.0], metric=BYTES)[0].short
    assert not looked([5.0, 5.0], metric=BYTES)[0].short
    assert looked([1.0] * 9, policy=Policy(rules=()))[0].rule is None


def test_a_new_environment_is_unknown_whatever_the_former_one_knew() -> None:
    def trend(environment: str, runs: int, name: str = "a") -> Trend:
        made = [Point(commit=f"c{i}", committed="", value=1.0, low=1.0, high=1.0) for i in range(runs)]
        return Trend(sli=sli(name), environment=environment, points=Points.of(made), shifts=())

    former, now = trend("former", 40), trend("new", 3)

    assert past((now, former)).unknown
    assert not past((former, now)).unknown
    assert not past((now, trend("new", 40, "b"))).unknown


def test_inconclusive_answers_are_counted() -> None:
    said = [
        Decision(base="a", head=f"b{i}", same=False, started="2026", verdicts=((str(sli()), verdict),))
        for i, verdict in enumerate((Verdict.PASS, Verdict.INCONCLUSIVE))
    ]
    (standing,) = looked([1.0] * 9, decided=said)

    assert (standing.judged, standing.inconclusive) == (2, 1)


def test_regressions_of_all_are_newest_first() -> None:
    (first,), (second,) = looked(slower()), looked([*STEP, *slower()])
    whole = Outlook(
        past=past(()), project="p", address="", commits=commits(80), releases=(), environments={},
        standings=(first, second), audit=audit([]), ledger=(), policy=POLICY, drift_budget=0.1,
        version="1",
    )  # fmt: skip

    assert [one.shift.at for one in whole.regressions] == ["c40", "c20"]
    assert whole.open == whole.regressions
    assert all(isinstance(one, Regression) for one in whole.open)


def test_points_and_levels_are_what_they_were_made_of() -> None:
    made = [Point(commit=f"c{i}", committed="", value=float(i), low=0.0, high=9.0) for i in range(3)]
    points = Points.of(made)
    levels = Levels.of({sli(): Level(median=1.0, low=0.5, high=2.0, n=3)})

    assert list(points) == made
    assert points[1:] == Points.of(made[1:])
    assert points != made
    assert hash(points) == hash(tuple(made))
    assert repr(points) == repr(made)
    assert levels == {sli(): Level(median=1.0, low=0.5, high=2.0, n=3)}
    assert repr(levels) == repr({sli(): Level(median=1.0, low=0.5, high=2.0, n=3)})
    assert sli("other") not in levels
