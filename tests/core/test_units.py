import pytest

from perfgate.core.units import Unit, parse_duration, parse_quantity, parse_share, unit_of


@pytest.mark.parametrize(("text", "share"), [("5%", 0.05), ("0.5 %", 0.005), ("200%", 2.0)])
def test_a_share_is_a_number_with_a_percent_sign(text: str, share: float) -> None:
    assert parse_share(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["5", "5 percent", "-5%", "%", "", "0%", "five%"])
def test_what_is_no_share_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(ValueError, match=repr(text)):
        parse_share(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("1.5m", 90), ("2ms", 0.002), ("1h30m", 5400), ("250µs", 250e-6), ("3 min", 180)]
)
def test_a_duration_is_numbers_with_units_that_add_up(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["90", "1x", "", "s", "1m x", "0s", "-1s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"unit|above zero"):
        parse_duration(text)


def test_quantities_are_read_in_the_base_unit_of_their_metric() -> None:
    assert parse_quantity("64KiB", Unit.BYTE) == 65536
    assert parse_quantity("2 ms", Unit.SECOND) == pytest.approx(0.002)
    with pytest.raises(ValueError, match="KiB"):
        parse_quantity("2ms", Unit.BYTE)


def test_a_unit_is_known_by_its_name() -> None:
    assert unit_of("2ms") is Unit.SECOND
    assert unit_of("64KiB") is Unit.BYTE
    assert unit_of("100/s") is Unit.PER_SECOND
    assert unit_of("3 parsecs") is None
    assert unit_of("") is None
