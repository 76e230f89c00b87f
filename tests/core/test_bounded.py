"""What takes bounded time whatever a pull request hands on: globs, and Fisher's test of very many requests."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import hypergeom

from perfgate.core.policy import matches
from perfgate.core.stats import counts


@given(st.text("ab*?/", max_size=9), st.text("ab/\n", max_size=10))
def test_a_glob_covers_what_its_regular_expression_does(glob: str, text: str) -> None:
    parts = {"*": ".*", "?": "."}
    pattern = "".join(parts.get(char) or re.escape(char) for char in glob)

    assert matches(glob, text) == (re.fullmatch(pattern, text, re.DOTALL) is not None)


@pytest.mark.parametrize("glob", ["micro/*a*a*a*z:time", "*a?*a?*a?*z", "**************z"])
def test_a_glob_of_many_stars_looks_at_a_name_once(glob: str) -> None:
    assert not any(matches(glob, f"micro/{'a' * 440}{number}:time") for number in range(2_000))


@pytest.mark.parametrize(
    ("base", "head"),
    [
        ((3_000_000, 6_000_000), (3_004_000, 6_000_000)),
        ((1_500_000, 5_000_000), (1_500_100, 5_000_000)),
        ((2_000, 6_000_000), (2_100, 6_000_000)),
        ((300, 1_000), (330, 1_000)),
    ],
)
def test_fisher_of_very_many_is_that_of_scipy(base: tuple[int, int], head: tuple[int, int]) -> None:
    expected = float(hypergeom.sf(head[0] - 1, base[1] + head[1], base[0] + head[0], head[1]))

    assert counts.fisher(base, head) == pytest.approx(expected, rel=1e-3)


def test_fisher_far_below_what_chance_gives_is_certain() -> None:
    assert counts.fisher((4_000_000, 6_000_000), (1_000, 6_000_000)) == 1.0
