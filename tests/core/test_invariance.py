"""What must not change a verdict, on every path to one: the unit, the sign, the order of sides, benchmarks, files."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfgate.core.baseline import Baseline, base_run, compare_stored
from perfgate.core.comparison import compare
from perfgate.core.history import alarming, trends
from perfgate.core.judge import judge
from perfgate.core.levels import Level
from perfgate.core.model import Benchmark, Direction, Kind, Metric, Run
from perfgate.core.policy import Policy, Rule
from perfgate.core.units import Unit
from perfgate.core.verdict import Verdict
from tests.core.build import run, sample, sli, stored

LOWER = Metric(name="warnings", unit=Unit.ONE)
HIGHER = replace(LOWER, direction=Direction.HIGHER)
GUESSED = replace(LOWER, guessed=True)
POLICY = Policy(rules=(Rule(sli="*:warnings", limit=0.05),), trust_stored=True)

Values = Sequence[float]
Pairs = list[tuple[float, float]]
Path = Callable[[Values, Values, Metric], Verdict]


def sides(base: Values, head: Values, metric: Metric, *, together: bool) -> tuple[Run, Run]:
    """A run a side, of one SLI with one value a process."""
    measurement = "m" if together else None
    one, other = (
        run(sample([[value] for value in values], metric=metric), measurement=measurement) for values in (base, head)
    )
    return one, other


def of_pairs(base: Values, head: Values, metric: Metric) -> Verdict:
    (row,) = judge(*sides(base, head, metric, together=True), POLICY)
    return row.verdict


def of_exact_values(base: Values, head: Values, metric: Metric) -> Verdict:
    return of_pairs(base, head, replace(metric, kind=Kind.EXACT))


def of_two_files(base: Values, head: Values, metric: Metric) -> Verdict:
    (row,) = judge(*sides(base, head, metric, together=False), POLICY)
    return row.verdict


def of_stored_runs(base: Values, head: Values, metric: Metric) -> Verdict:
    mine = run(sample([[head[0]]], metric=metric), measurement=None)
    baseline = Baseline(suite="micro", runs=stored(base, metric), distance=1)
    (row,) = judge(base_run([baseline], mine), mine, POLICY, compare_stored([baseline], mine))
    return row.verdict


def of_history(base: Values, head: Values, metric: Metric) -> Verdict:
    runs = stored([*base, *head], metric)
    order = {one.commit: place for place, one in enumerate(runs)}
    (trend,) = trends(runs, order, POLICY, None)
    alarmed = alarming(trend, POLICY.rule_for(trend.sli), frozenset(order))
    if alarmed:
        return Verdict.REGRESSION
    return Verdict.IMPROVEMENT if trend.shifts else Verdict.PASS


PATHS: dict[str, Path] = {
    "pairs": of_pairs,
    "exact values": of_exact_values,
    "two files": of_two_files,
    "stored runs": of_stored_runs,
    "history": of_history,
}
paths = pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)


def planted(level: float, spread: float, effect: float, pairs: int) -> tuple[Values, Values]:
    """Base and head of which head is worse by `effect`, a share of the level, or of 1 where that is 0."""
    rng, size = Random(1), abs(level) or 1.0
    noise = [spread * size * rng.gauss(0, 1) for _ in range(2 * pairs)]
    return [level + one for one in noise[:pairs]], [level + effect * size + one for one in noise[pairs:]]


CASES = [
    planted(level, spread, effect, pairs)
    for level in (0.0, 1.0, 100.0, -50.0)
    for spread in (0.0, 0.003, 0.3)
    for effect in (0.0, 0.2, -0.2, 3.0, -3.0)
    for pairs in (6, 20, 42)
]
FINITE = st.floats(min_value=-1e6, max_value=1e6, allow_nan=False).map(lambda value: round(value, 3))
PAIRED = st.lists(st.tuples(FINITE, FINITE), min_size=6, max_size=30)
FACTORS = (2.0**-20, 0.125, 32.0, 2.0**30)  # powers of two: they round nothing
METRICS = (LOWER, HIGHER, GUESSED)


def scaled(values: Values, factor: float) -> list[float]:
    return [factor * value for value in values]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (of_pairs, {Verdict.PASS, Verdict.REGRESSION, Verdict.IMPROVEMENT, Verdict.INCONCLUSIVE}),
        (of_exact_values, {Verdict.PASS, Verdict.REGRESSION, Verdict.IMPROVEMENT, Verdict.INCONCLUSIVE}),
        (of_two_files, {Verdict.INCONCLUSIVE}),
        (of_stored_runs, {Verdict.PASS, Verdict.REGRESSION, Verdict.IMPROVEMENT, Verdict.INCONCLUSIVE}),
        (of_history, {Verdict.PASS, Verdict.REGRESSION, Verdict.IMPROVEMENT}),
    ],
)
def test_the_cases_hold_every_verdict_that_a_path_gives(path: Path, expected: set[Verdict]) -> None:
    assert {path(base, head, LOWER) for base, head in CASES} == expected


@paths
@pytest.mark.parametrize("factor", FACTORS)
def test_the_unit_does_not_matter(path: Path, factor: float) -> None:
    for base, head in CASES:
        for metric in METRICS:
            assert path(base, head, metric) is path(scaled(base, factor), scaled(head, factor), metric)


@paths
@settings(max_examples=60, deadline=None)
@given(pairs=PAIRED, factor=st.sampled_from(FACTORS), metric=st.sampled_from(METRICS))
def test_the_unit_of_any_values_does_not_matter(path: Path, pairs: Pairs, factor: float, metric: Metric) -> None:
    base, head = zip(*pairs, strict=True)

    assert path(base, head, metric) is path(scaled(base, factor), scaled(head, factor), metric)


def mirrored(path: Path, base: Values, head: Values) -> bool:
    """Return whether a metric says the same as its negative, which is better the other way."""
    return path(base, head, LOWER) is path(scaled(base, -1), scaled(head, -1), HIGHER)


@paths
def test_the_sign_does_not_matter(path: Path) -> None:
    for base, head in CASES:
        # What is above zero is compared by ratios, its negative by differences; with a zero both are, by differences.
        assert mirrored(path, [0.0, *base], [*head, 0.0])


@paths
@settings(max_examples=60, deadline=None)
@given(pairs=PAIRED)
def test_the_sign_of_any_values_does_not_matter(path: Path, pairs: Pairs) -> None:
    base, head = zip(*[(0.0, 0.0), *pairs], strict=True)

    assert mirrored(path, base, head)


@paths
def test_what_is_worse_one_way_is_not_worse_the_other_way(path: Path) -> None:
    for base, head in CASES:
        for metric in (LOWER, HIGHER):
            both = [path(base, head, metric), path(head, base, metric)]
            assert both.count(Verdict.REGRESSION) < 2, (base, head)
            assert both.count(Verdict.IMPROVEMENT) < 2, (base, head)


@paths
def test_what_is_worse_where_less_is_better_is_no_regression_where_more_is(path: Path) -> None:
    for base, head in CASES:
        both = {path(base, head, LOWER), path(base, head, HIGHER)}
        assert both != {Verdict.REGRESSION}
        assert both != {Verdict.IMPROVEMENT}


def test_exact_values_in_the_other_order_get_the_other_verdict() -> None:
    other = {Verdict.REGRESSION: Verdict.IMPROVEMENT, Verdict.IMPROVEMENT: Verdict.REGRESSION}
    for base, head in CASES:
        if min(*base, *head) <= 0:
            continue  # the limit is a share of base
        found = of_exact_values(base, head, LOWER)
        assert of_exact_values(head, base, LOWER) is other.get(found, found)


@paths
def test_identical_values_are_never_worse_or_better(path: Path) -> None:
    for base, _ in CASES:
        alone = path in (of_history, of_stored_runs)  # of which a side has one value, or its order
        values = [base[0]] * len(base) if alone else base
        assert path(values, values, LOWER) in (Verdict.PASS, Verdict.INCONCLUSIVE)


def rows(base: Run, head: Run) -> dict[str, tuple[Verdict, bool, str]]:
    """What is said of each benchmark, by its name."""
    return {row.name: (row.verdict, row.blocks, row.text) for row in judge(base, head, POLICY)}


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("kind", list(Kind)[:2])
def test_the_order_of_benchmarks_does_not_matter(together: bool, kind: Kind) -> None:
    metric, measurement = replace(LOWER, kind=kind), "m" if together else None
    samples = [
        [sample([[value] for value in side], str(number), metric=metric) for side in case]
        for number, case in enumerate(CASES[::7])
    ]
    bases, heads = zip(*samples, strict=True)
    shuffled = Random(1).sample(heads, len(heads)), Random(2).sample(bases, len(bases))

    straight = rows(run(*bases, measurement=measurement), run(*heads, measurement=measurement))
    crossed = rows(run(*shuffled[1], measurement=measurement), run(*shuffled[0], measurement=measurement))

    assert crossed == straight
    assert len({verdict for verdict, _, _ in straight.values()}) >= (4 if together else 1)


def test_the_order_in_which_base_s_pairs_are_written_does_not_matter() -> None:
    for base, head in CASES:
        one, other = sides(base, head, LOWER, together=True)
        (kept,) = one.samples
        turned = replace(kept, processes=tuple(kept.processes)[::-1], pairs=kept.pairs[::-1])

        (straight,), (crossed,) = compare(one, other), compare(replace(one, samples=(turned,)), other)

        assert crossed.effects == straight.effects


@settings(max_examples=100, deadline=None)
@given(
    values=st.lists(st.floats(min_value=0.001, max_value=1e6), min_size=1, max_size=12),
    others=st.lists(st.floats(min_value=0.001, max_value=1e6), min_size=1, max_size=12),
    seed=st.integers(0, 9),
)
def test_two_files_say_the_inverse_in_the_other_order(values: list[float], others: list[float], seed: int) -> None:
    one, other = sides(values, others, LOWER, together=False)
    shuffled, _ = sides(Random(seed).sample(values, len(values)), others, LOWER, together=False)

    (forth,), (back,), (turned,) = compare(one, other), compare(other, one), compare(shuffled, other)

    assert forth.change.ratio * back.change.ratio == pytest.approx(1.0)
    assert forth.evidence is back.evidence
    assert (turned.change, turned.p) == (forth.change, forth.p)


def test_the_order_of_baselines_does_not_matter() -> None:
    other = replace(sli(metric=LOWER), benchmark=Benchmark(suite="macro", name="scan"))
    mine = run(sample([[2.0]], metric=LOWER), replace(sample([[5.0]]), sli=other), measurement=None)
    level = Level(median=5.0, low=5.0, high=5.0, n=1)
    baselines = [
        Baseline(suite="micro", runs=stored([1.0, *[1.01] * 19], LOWER), distance=1),
        Baseline(
            suite="macro",
            runs=tuple(replace(one, suite="macro", levels={other: level}) for one in stored([5.0] * 20, LOWER)),
            distance=2,
        ),
    ]

    def said(order: list[Baseline]) -> dict[str, Verdict]:
        found = judge(base_run(order, mine), mine, POLICY, compare_stored(order, mine))
        return {row.name: row.verdict for row in found}

    assert said(baselines) == said(baselines[::-1])
    assert said(baselines) == {"micro/parse:warnings": Verdict.REGRESSION, "macro/scan:warnings": Verdict.PASS}
