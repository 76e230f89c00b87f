import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.core.stats.scalability import (
    USERS,
    Curve,
    Step,
    cost_of_a_million,
    fitted,
    in_flight,
    sustained,
)


def curve(gain: float, contention: float, crosstalk: float) -> Curve:
    return Curve(gain=gain, contention=contention, crosstalk=crosstalk, most_users=max(USERS))


def steps(law: Curve) -> list[Step]:
    return [Step(users=users, throughput=law.throughput(users)) for users in USERS]


@given(
    gain=st.floats(1, 1e4),
    contention=st.floats(0, 0.95),
    crosstalk=st.one_of(st.just(0.0), st.floats(1e-4, 0.1)),
)
def test_the_law_is_found_again_in_what_it_gave(gain: float, contention: float, crosstalk: float) -> None:
    law = curve(gain, contention, crosstalk)

    found = fitted(steps(law))

    assert found.capacity == pytest.approx(law.capacity, rel=1e-6)
    assert found.gain == pytest.approx(gain, rel=1e-5)
    assert found.contention == pytest.approx(contention, abs=1e-5)


def test_a_service_that_queues_has_its_capacity_where_it_was_tried_last() -> None:
    law = curve(900.0, 0.7, 0.0)

    assert law.best_users == max(USERS)
    assert law.capacity == law.throughput(max(USERS)) < 900.0 / 0.7


def test_a_service_that_bends_has_its_capacity_at_the_bend() -> None:
    law = curve(1000.0, 0.1, 0.05)

    assert law.best_users == pytest.approx(math.sqrt(0.9 / 0.05))
    assert law.capacity > max(law.throughput(users) for users in USERS)


def test_a_service_that_only_gets_slower_with_more_users_has_its_capacity_with_one() -> None:
    found = fitted(steps(curve(500.0, 1.2, 0.0)))

    assert found.contention == pytest.approx(1.2)
    assert (found.best_users, found.capacity) == (1.0, pytest.approx(500.0))


def test_more_users_than_one_never_help_a_service_that_only_disturbs_itself() -> None:
    assert curve(100.0, 0.5, 5.0).best_users == 1.0


def test_a_tenth_less_is_a_tenth_less() -> None:
    base, head = (fitted(steps(curve(gain, 0.6, 0.002))) for gain in (1500.0, 1350.0))

    assert head.capacity / base.capacity == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("latencies", "rate"),
    [
        ((1e-3, 2e-3, 3e-3), 300.0),
        ((1e-3, 10e-3, 100e-3), 200.0),
        ((1e-3, 1e-3, 100e-3), 250.0),
        ((20e-3, 30e-3, 40e-3), None),
    ],
)
def test_the_sustained_rate_lies_where_the_bound_is_crossed(latencies: tuple[float, ...], rate: float | None) -> None:
    found = sustained(list(zip((100.0, 200.0, 300.0), latencies, strict=True)), 10e-3)

    assert found == (None if rate is None else pytest.approx(rate))


def test_nothing_tried_is_nothing_sustained() -> None:
    assert sustained([], 1.0) is None


def test_what_it_means() -> None:
    assert in_flight(1500.0, 4e-3) == pytest.approx(6.0)
    assert cost_of_a_million(3.6e-3, 0.05) == pytest.approx(0.05)
