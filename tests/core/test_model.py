import math
from dataclasses import replace

import pytest

from perfgate.core.model import LONGEST_NAME, Benchmark, Environment, Revision, Run
from tests.core.build import HERE, THERE, failure, run, sample, sli


def test_an_sli_is_written_suite_name_metric() -> None:
    assert str(sli("parse[a:b]")) == "micro/parse[a:b]:time"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("parse[a:b]", "parse[a:b]"),
        ("größe [日本] 🏎️", "größe [日本] 🏎️"),
        ("a\u202eb", "a\\u202eb"),
        ("two\nlines\x1b[31m", "two\\nlines\\x1b[31m"),
        ("filler \u3164", "filler \\u3164"),
        ("half \ud800", "half \\ud800"),
    ],
)
def test_a_name_is_written_in_characters_that_can_be_seen(name: str, shown: str) -> None:
    assert Benchmark.of("micro", name).name == shown


def test_very_long_names_stay_apart() -> None:
    made = {Benchmark.of("micro", "x" * 600 + end).name for end in ("a", "b", "b")}

    assert len(made) == 2
    assert {len(name) for name in made} == {LONGEST_NAME}


def test_a_sample_refuses_what_is_no_measurement() -> None:
    with pytest.raises(ValueError, match="not finite"):
        sample([[1.0, math.nan]])
    with pytest.raises(ValueError, match="not finite"):
        sample([[math.inf]])
    with pytest.raises(ValueError, match="without values"):
        sample([[1.0], []])
    with pytest.raises(ValueError, match="without values"):
        sample([])


def test_a_sample_has_one_pair_number_a_process() -> None:
    good = sample([[1.0], [2.0]])
    fields = {"sli": good.sli, "processes": good.processes, "design": good.design}
    with pytest.raises(ValueError, match="2 processes but 1 pairs"):
        type(good)(**fields, pairs=(0,))
    with pytest.raises(ValueError, match="listed twice"):
        type(good)(**fields, pairs=(0, 0))


def test_a_run_lists_an_sli_once() -> None:
    with pytest.raises(ValueError, match="twice"):
        run(sample([[1.0]]), sample([[2.0]]))


def test_a_run_knows_what_it_measured_and_what_it_could_not() -> None:
    offered = Benchmark(suite="micro", name="c")
    made: Run = replace(run(sample([[1.0]], "a"), failures=[failure("b")]), offered=(offered,))

    assert made.benchmarks == {Benchmark(suite="micro", name="a"), Benchmark(suite="micro", name="b"), offered}


def test_environments_are_equal_by_their_facts_and_name_what_differs() -> None:
    swapped = Environment(facts=tuple(reversed(HERE.facts)))

    assert swapped.fingerprint == HERE.fingerprint
    assert HERE.fingerprint != THERE.fingerprint
    assert HERE.differences(THERE) == ("cpu: model X against model Y",)
    assert HERE.differences(Environment(facts=())) == (
        "cpu: model X against unknown",
        "python: cpython 3.11 against unknown",
    )


@pytest.mark.parametrize(
    ("revision", "text"),
    [
        (Revision(label="main", commit="0123456789abcdef"), "main (012345678)"),
        (
            Revision(label="working tree on fedcba987", commit="0123456789abcdef", dirty=True),
            "working tree on fedcba987 with changes",
        ),
        (Revision(label="0123456", commit="0123456789abcdef"), "012345678"),
        (Revision(label="base.json"), "base.json"),
    ],
)
def test_a_revision_is_shown_by_its_name_and_commit(revision: Revision, text: str) -> None:
    assert str(revision) == text
