"""Choosing benchmarks by name and by path."""

from dataclasses import replace

import pytest

from perfgate.core.model import METRICS, Benchmark, Description, Design, Failure, Reason, Revision, Run, Sample, Sli
from perfgate.core.processes import Processes
from perfgate.core.selection import ALL, Selection
from tests.core.build import HERE

NAMES = ("micro/tests/a.py::test_x[1]", "micro/tests/a.py::test_x2", "micro/tests/ab.py::test_y", "load/GET /")


def chosen(**options: tuple[str, ...]) -> list[str]:
    selection = Selection(**options)
    return [
        name for name in NAMES if selection.holds(Benchmark(suite=name.partition("/")[0], name=name.partition("/")[2]))
    ]


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        ({}, [0, 1, 2, 3]),
        ({"only": ("test_x",)}, [0, 1]),
        ({"only": ("test_x[1]",)}, [0]),
        ({"only": ("micro/*a.py",)}, [0, 1]),
        ({"only": ("x2", "GET")}, [1, 3]),
        ({"only": ("test_?",), "exclude": ("a.py",)}, [2]),
        ({"exclude": ("micro/", "load/")}, []),
        ({"paths": ("tests/a.py",)}, [0, 1]),
        ({"paths": ("tests/a.py::test_x",)}, [0]),
        ({"paths": ("tests/a.py::test_x[1]",)}, [0]),
        ({"paths": ("tests",), "exclude": ("[1]",)}, [1, 2]),
        ({"paths": (".",)}, [0, 1, 2, 3]),
        ({"paths": ("tests/a",)}, []),
    ],
)
def test_who_is_chosen(options: dict[str, tuple[str, ...]], numbers: list[int]) -> None:
    assert chosen(**options) == [NAMES[number] for number in numbers]


def test_a_selection_says_itself_as_it_is_typed() -> None:
    asked = Selection(only=("a*",), exclude=("b", "c"), paths=("t.py::x", "t.py::y"))

    assert str(asked) == "-k a* --exclude b --exclude c -- t.py::x t.py::y"
    assert asked.files == ("t.py",)
    assert asked
    assert not ALL


def test_a_run_is_cut_to_what_was_asked_for() -> None:
    benchmarks = [Benchmark(suite="s", name=name) for name in ("a", "b")]
    run = Run(
        revision=Revision(label="x"),
        environment=HERE,
        samples=tuple(
            Sample(
                sli=Sli(benchmark=each, metric=METRICS["time"]),
                processes=Processes([[1.0]]),
                pairs=(0,),
                design=Design.ALONE,
            )
            for each in benchmarks
        ),
        failures=tuple(Failure(benchmark=each, reason=Reason.RAISED, text="") for each in benchmarks),
        offered=tuple(benchmarks),
        described=tuple(Description(benchmark=each, facts=()) for each in benchmarks),
    )

    cut = Selection(only=("/a",)).of(run)

    assert [each.sli.benchmark.name for each in cut.samples] == ["a"]
    assert [each.benchmark.name for each in (*cut.failures, *cut.described)] == ["a", "a"]
    assert [each.name for each in cut.offered] == ["a"]
    assert ALL.of(run) is run
    assert replace(cut, samples=run.samples, failures=run.failures, offered=run.offered, described=run.described) == run
