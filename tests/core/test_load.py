import math
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.core.load.arrivals import DRAIN_S, WINDOW_S, Phase, arrivals, constant, spike, stress, windows
from perfgate.core.load.histogram import GROWTH, Histogram, counted, histogram, merged
from perfgate.core.load.plan import BUSIEST, Plan, Shape, Slo, fitting_rate
from perfgate.core.load.tally import (
    TOTAL,
    Answer,
    Served,
    Shares,
    answered,
    joined,
    lag,
    late,
    needed,
    overlapping,
    summed,
    tally,
)
from perfgate.core.load.traffic import Call, Request, at, draw, fault, fill

GET = Request(name="get", method="GET", path="/x")


def test_two_sides_get_the_same_calls_in_random_order_at_the_rate_that_was_asked() -> None:
    found = arrivals(constant(200, 2.0), sides=2, seed=1)
    calls = [[a.call for a in found if a.side == side] for side in (0, 1)]
    first = [one.side for one, other in zip(found[::2], found[1::2], strict=True) if one.call == other.call]

    assert calls[0] == calls[1] == list(range(400))
    assert len(first) == 400
    assert 150 < sum(first) < 250
    assert [a.at_s for a in found] == sorted(a.at_s for a in found)
    assert found == arrivals(constant(200, 2.0), sides=2, seed=1)


def test_one_side_alone_gets_all_of_them() -> None:
    found = arrivals(constant(100, 1.0), sides=1, seed=1)

    assert [a.call for a in found] == list(range(100))


def test_gaps_are_even_with_jitter_or_exponential() -> None:
    even = np.diff([a.at_s for a in arrivals(constant(100, 20), sides=1, seed=2)])
    poisson = np.diff([a.at_s for a in arrivals(constant(100, 20), sides=1, seed=2, poisson=True)])

    assert even.min() >= 0.006 - 1e-9
    assert even.max() <= 0.014 + 1e-9
    assert len(set(even.round(6))) > 100
    assert poisson.std() == pytest.approx(poisson.mean(), rel=0.1)
    assert poisson.mean() == pytest.approx(0.01, rel=0.1)


@pytest.mark.parametrize(
    ("phases", "counts"),
    [
        (spike(100, 5.0), [100, 100, 400, 100, 100]),
        (stress(100, 4.0), [50, 100, 150, 200]),
        ((Phase(seconds=4, begin=0, end=200),), [25, 75, 125, 175]),
        ((Phase(seconds=2, begin=200, end=0),), [150, 50]),
    ],
)
def test_a_shape_gives_each_second_what_it_says(phases: tuple[Phase, ...], counts: list[int]) -> None:
    found = arrivals(phases, sides=1, seed=3)
    seen = [sum(second <= a.at_s < second + 1 for a in found) for second in range(len(counts))]

    assert all(abs(one - other) <= 2 for one, other in zip(seen, counts, strict=True)), seen


def test_windows_belong_to_one_side_and_are_drained_in_between() -> None:
    found = windows(100, 2.4, seed=4)
    by_window: dict[int, list[tuple[int, float]]] = {}
    for arrival in found:
        number = int(arrival.at_s / (WINDOW_S + DRAIN_S) + 1e-9)
        by_window.setdefault(number, []).append((arrival.side, arrival.at_s - number * (WINDOW_S + DRAIN_S)))

    assert all(len({side for side, _ in window}) == 1 for window in by_window.values())
    assert all(at_s <= WINDOW_S for window in by_window.values() for _, at_s in window)
    assert sorted(a.call for a in found if a.side == 0) == sorted(a.call for a in found if a.side == 1)
    assert len(found) == pytest.approx(2 * 100 * 2.4, rel=0.02)


def plan(**changes: object) -> Plan:
    return Plan(**{"requests": (GET,), "seconds": 2.0, "warmup_s": 0.0, "starts": 9, **changes})  # type: ignore[arg-type]


def test_a_plan_draws_what_it_was_configured_to() -> None:
    stages = plan(stages=((1.0, 100.0), (3.0, 100.0)), rate=0.0)

    assert plan().phases(10) == constant(10, 2.0)
    assert plan(shape=Shape.SPIKE).phases(10) == spike(10, 2.0)
    assert plan(shape=Shape.STRESS).phases(10) == stress(10, 2.0)
    assert [(p.seconds, p.begin, p.end) for p in stages.phases(0.0)] == [(0.5, 0.0, 100.0), (1.5, 100.0, 100.0)]
    assert plan().arrivals(50, sides=2, seed=1, apart=True) == windows(50, 2.0, seed=1)
    assert plan().arrivals(50, sides=1, seed=1, apart=True) == arrivals(constant(50, 2.0), sides=1, seed=1)


def test_the_rate_leaves_a_shared_cpu_calm() -> None:
    assert fitting_rate(2e-3) == pytest.approx(BUSIEST / 2e-3)
    assert (fitting_rate(1e-6), fitting_rate(0.0), fitting_rate(1.0)) == (250, 250, 5)


@given(st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=200), st.floats(0, 1))
def test_a_quantile_is_within_a_bucket_of_the_value_of_its_rank(values: list[float], q: float) -> None:
    low = np.quantile(values, q, method="lower")
    high = np.quantile(values, q, method="higher")

    found = histogram(values).quantile(q)

    assert low / GROWTH * (1 - 1e-9) <= found <= high * GROWTH * (1 + 1e-9)


@given(st.lists(st.lists(st.floats(1e-6, 1e3), max_size=20), max_size=5))
def test_histograms_merge_exactly(parts: list[list[float]]) -> None:
    assert merged(map(histogram, parts)) == histogram(value for part in parts for value in part)


def test_a_histogram_knows_its_mean_and_what_lies_above() -> None:
    values = [0.001] * 90 + [0.1] * 10

    found = histogram(values)

    assert found.total == 100
    assert found.mean == pytest.approx(0.0109, rel=0.01)
    assert found.above(0.01) == 10
    assert histogram([0.0]).quantile(0.5) == pytest.approx(1e-9, rel=0.01)


@pytest.mark.parametrize("counts", [((2, 1), (1, 1)), ((1, 1), (1, 2)), ((1, 0),)])
def test_a_histogram_out_of_order_or_with_nothing_in_a_bucket_is_none(counts: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(ValueError, match="histogram's"):
        Histogram(counts=counts)


def test_an_empty_histogram_has_no_quantile() -> None:
    with pytest.raises(ValueError, match="empty"):
        Histogram().quantile(0.5)


def test_requests_are_drawn_by_weight_and_filled_from_a_row() -> None:
    rare = Request(name="rare", method="GET", path="/r", weight=1)
    often = Request(name="often", method="GET", path="/o", weight=9)
    drawn = draw([rare, often], [{"a": 1}, {"a": 2}], 1000, seed=1)
    post = Request(
        name="post",
        method="POST",
        path="/items/{id}?q={word}",
        headers=(("X-Token", "t {token}"),),
        json_body='{"id": "{id}", "text": "say {word}", "list": ["{id}", 3]}',
    )

    call = fill(post, 4, {"id": 7, "word": "a b/ü", "token": "s"})

    assert 60 < sum(kind == 0 for kind, _ in drawn) < 140
    assert {row for _, row in drawn} == {0, 1}
    assert draw([rare], [], 2, seed=1) == [(0, -1), (0, -1)]
    assert call == Call(
        request=4,
        method="POST",
        path="/items/7?q=a%20b%2F%C3%BC",
        headers=(("X-Token", "t s"), ("Content-Type", "application/json")),
        body=b'{"id": 7, "text": "say a b/\\u00fc", "list": [7, 3]}',
    )
    assert fill(GET, 0, {}) == Call(request=0, method="GET", path="/x", headers=(), body=b"")
    with pytest.raises(ValueError, match=r"'post' wants \{id\}"):
        fill(post, 0, {"word": "", "token": ""})


CHECKED = Request(
    name="c",
    method="GET",
    path="/",
    status=(200, 201),
    contains="ok",
    expect_headers=(("X-A", "1"), ("X-B", "")),
    expect_json=(("items.0.id", "7"),),
)


@pytest.mark.parametrize(
    ("status", "headers", "body", "said"),
    [
        (200, {"X-A": "1", "X-B": "?"}, b'{"ok": 1, "items": [{"id": 7}]}', ""),
        (404, {}, b"", "status 404"),
        (200, {}, b"no", "does not contain 'ok'"),
        (200, {"X-A": "2"}, b"ok", "header X-A is '2'"),
        (200, {"X-A": "1"}, b"ok", "header X-B is None"),
        (200, {"X-A": "1", "X-B": "?"}, b"ok", "not JSON"),
        (200, {"X-A": "1", "X-B": "?"}, b'{"ok": 1, "items": []}', "nothing at items.0.id"),
        (200, {"X-A": "1", "X-B": "?"}, b'{"ok": 1, "items": [{"id": 8}]}', "items.0.id is 8, not 7"),
    ],
)
def test_an_answer_is_checked_for_all_that_it_must_be(
    status: int, headers: dict[str, str], body: bytes, said: str
) -> None:
    found = fault(CHECKED, status, headers, body)

    assert said in found
    assert bool(said) == bool(found)


def test_without_a_word_all_below_400_is_right() -> None:
    assert [bool(fault(GET, status, {}, b"")) for status in (200, 302, 400, 500)] == [False, False, True, True]


@pytest.mark.parametrize("path", ["a.x", "a.0.b", "a.9", "b"])
def test_a_path_that_leads_nowhere_says_so(path: str) -> None:
    assert at({"a": [1]}, "a.0") == 1
    with pytest.raises(LookupError):
        at({"a": [1]}, path)


def answer(call: int, side: int, latency: float = 0.01, *, lag: float = 0.0, kind: int = 0, **more: object) -> Answer:
    begin = call * 0.01
    return Answer(
        call, kind, side, begin, begin + lag, begin + latency, str(more.get("fault", "")), more.get("queries")
    )  # type: ignore[arg-type]


def test_latency_counts_from_the_intended_start_and_both_of_a_pair_are_dropped() -> None:
    answers = [answer(call, side, 0.01 * (1 + side)) for call in range(100) for side in (0, 1)]
    answers += [answer(100, 0, 9.0, lag=0.001), answer(100, 1, 0.01)]  # left late
    answers += [answer(101, 0, 0.01), answer(101, 1, 7.0, fault="status 500")]

    base, head = tally(answers, ["get"], sides=2, since_s=0.0, until_s=1.02)

    assert list(base) == ["total"]
    assert base["total"].values["latency.p50"] == pytest.approx(0.01, rel=0.005)
    assert head["total"].values["latency.max"] == pytest.approx(0.02)
    assert base["total"].histograms["latency"].total == head["total"].histograms["latency"].total == 100
    assert (base["total"].shares["errors"], head["total"].shares["errors"]) == (
        Shares(bad=0, of=102),
        Shares(bad=1, of=102),
    )
    assert head["total"].values["throughput"] == pytest.approx(101 / 1.02)


def test_each_request_has_its_own_tally_and_warm_up_does_not_count() -> None:
    answers = [answer(c, 0, 0.01 if c % 2 else 0.03, kind=c % 2, queries=(1 + c % 2, c % 2)) for c in range(200)]

    (found,) = tally(answers, ["slow", "fast"], sides=1, since_s=1.0, until_s=2.0)

    assert sorted(found) == ["fast", "slow", "total"]
    assert found["fast"].values["latency.p95"] == pytest.approx(0.01, rel=0.005)
    assert found["total"].histograms["service-time"].total == 100
    assert found["total"].values["queries"] == 1.5
    assert (found["slow"].values["queries.repeated"], found["fast"].values["queries.repeated"]) == (0, 1)


def test_slow_is_five_times_base_s_median_on_both_sides() -> None:
    answers = [answer(c, side, 0.06 if side and c < 7 else 0.01) for c in range(100) for side in (0, 1)]

    base, head = tally(answers, ["get"], sides=2, since_s=0.0, until_s=1.0)

    assert (base["total"].shares["slow"].bad, head["total"].shares["slow"].bad) == (0, 7)


def test_where_nothing_was_served_there_is_no_latency() -> None:
    (found,) = tally([answer(0, 0, fault="status 500")], ["get"], sides=1, since_s=0.0, until_s=1.0)

    assert found["total"].shares == {"errors": Shares(bad=1, of=1)}
    assert "latency.p50" not in found["total"].values
    (nothing,) = tally([], ["get"], sides=1, since_s=0.0, until_s=1.0)
    assert nothing["total"].shares == {}


def test_the_generator_s_own_lag_is_told() -> None:
    answers = [answer(c, 0, lag=0.002 if c < 10 else 0.0001) for c in range(100)]

    assert late(answers) == 0.1
    assert lag(answers, 0.95) == pytest.approx(0.002)
    assert lag(answers, 0.5) == pytest.approx(0.0001)


def test_overlapping_requests_are_those_that_were_under_way_together() -> None:
    alone, both, other = answer(0, 0, 0.005), answer(5, 0, 0.01), answer(5, 1, 0.02)

    assert overlapping([alone, both, other]) == {(0, 5), (1, 5)}


def test_a_quantile_needs_values_beyond_it() -> None:
    assert [needed(q) for q in (0.5, 0.95, 0.99)] == [8, 80, 400]


def test_a_mean_over_random_latencies_is_that_of_their_histogram() -> None:
    rng = Random(1)
    values = [math.exp(rng.gauss(-5, 1)) for _ in range(5000)]

    assert histogram(values).mean == pytest.approx(np.mean(values), rel=0.003)


def test_counted_values_are_those_one_by_one() -> None:
    assert counted([(0.001, 3), (0.5, 1), (0.001, 2)]) == histogram([0.001] * 5 + [0.5])


def served(*latencies_s: float, failed: int = 0, seconds: float = 2.0) -> Served:
    return Served(
        latency=histogram(latencies_s), requests=len(latencies_s) + failed, failed=failed, seconds=seconds
    )  # fmt: skip


def test_what_an_engine_tells_is_summed_a_side_and_slow_is_against_base() -> None:
    base = {TOTAL: served(*[0.001] * 10)}
    head = {TOTAL: served(*[0.001] * 8, 0.02, 0.02, failed=10), "new": served(0.001)}

    one, other = summed([base, head])

    assert one[TOTAL].values["throughput"] == 5.0
    assert one[TOTAL].shares == {"errors": Shares(bad=0, of=10), "slow": Shares(bad=0, of=10)}
    assert other[TOTAL].shares == {"errors": Shares(bad=10, of=20), "slow": Shares(bad=2, of=10)}
    assert other[TOTAL].values["latency.p50"] == pytest.approx(0.001, rel=0.01)
    assert other["new"].shares == {"errors": Shares(bad=0, of=1)}


def test_an_engine_that_served_nothing_tells_no_latency() -> None:
    (nothing,), (lost,) = (summed([{TOTAL: each}]) for each in (served(), served(failed=3)))

    assert (nothing[TOTAL].shares, set(nothing[TOTAL].values)) == ({}, {"throughput"})
    assert lost[TOTAL].shares == {"errors": Shares(bad=3, of=3)}


def test_windows_of_an_engine_join_exactly() -> None:
    found = joined([served(0.001, failed=1), served(0.002, 0.003)])

    assert found == replace(served(0.001, 0.002, 0.003, failed=1), seconds=4.0)


def test_what_was_answered_counts_what_failed_apart() -> None:
    answers = [
        Answer(call=0, request=0, side=0, intended_s=0.0, sent_s=0.0, done_s=0.001, fault=fault)
        for fault in ("", "status 500")
    ]

    found = answered(answers, 0.5)

    assert (found.requests, found.failed, found.latency.total, found.seconds) == (2, 1, 1, 0.5)


def test_an_objective_reads_as_it_is_written() -> None:
    assert str(Slo(label="p95", quantile=0.95, bound_s=0.05)) == "p95 < 50 ms"
