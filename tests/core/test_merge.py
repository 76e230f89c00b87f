from dataclasses import replace

import pytest

from perfgate.core.merge import merged
from perfgate.core.model import WHOLE, Benchmark, Part, Revision, Run, Warning
from perfgate.errors import UsageError
from tests.core.build import THERE, failure, noisy_pair, run


def part(number: int, of: int, *names: str, **more: object) -> Run:
    made = run(*(noisy_pair(0.0, name=name)[0] for name in names), measurement=f"m{number}")
    return replace(made, part=Part(number=number, of=of), **more)  # type: ignore[arg-type]


def test_the_parts_of_a_measurement_are_one_run() -> None:
    slow = replace(part(2, 2).method, took_s=99.0)  # type: ignore[type-var]
    two = part(2, 2, "c", failures=(failure("d"),), environment=THERE, method=slow)

    found = merged([two, part(1, 2, "a", "b")])

    assert found.part == WHOLE
    assert [sample.sli.benchmark.name for sample in found.samples] == ["a", "b", "c"]
    assert [each.benchmark.name for each in found.failures] == ["d"]
    assert found.method is not None
    assert found.method.took_s == 99
    assert [warning.code for warning in found.warnings] == ["other-machines"]
    assert "cpu: model X against model Y" in found.warnings[0].text


def test_both_sides_of_a_measurement_pair_up_again() -> None:
    base, head = merged([part(1, 2, "a"), part(2, 2)]), merged([part(1, 2, "a"), part(2, 2)])

    assert base.measurement == head.measurement
    assert merged([replace(part(1, 1), method=None, warnings=(Warning(code="x", text="y"),))]).method is None


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ([part(1, 3), part(3, 3)], "part 2/3 is missing"),
        ([part(1, 2), part(2, 2), part(2, 2)], "a part is there twice"),
        ([part(1, 2), part(2, 3)], "different measurements"),
        (
            [part(1, 2), part(2, 2, revision=Revision(label="x", commit="other"))],
            "several commits: 0123456789abcdef, other",
        ),
    ],
)
def test_parts_that_do_not_belong_together_are_refused(runs: list[Run], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        merged(runs)


def test_every_benchmark_is_in_one_part_and_stays_there() -> None:
    names = [Benchmark(suite="micro", name=f"b{i}") for i in range(300)]
    parts = [Part(number=number, of=4) for number in (1, 2, 3, 4)]

    assert all(sum(each.holds(name) for each in parts) == 1 for name in names)
    assert all(50 < sum(map(each.holds, names)) < 100 for each in parts)
    assert all(map(WHOLE.holds, names))
