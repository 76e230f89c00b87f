import math
from dataclasses import replace
from random import Random

import pytest
from scipy.stats import binom

from benchmarks import early
from perfgate.core.comparison import Effects, Evidence, compare
from perfgate.core.judge import judge
from perfgate.core.model import METRICS, PEAK_MEMORY, Design, Direction, Reason, Run, Warning
from perfgate.core.policy import DEFAULT_RULE, Acceptance, Policy, Rule
from perfgate.core.question import Question, answer, blocking_levels
from perfgate.core.schedule import FIRST_LOOK, looks
from perfgate.core.stats.sequential import Spending, spent
from perfgate.core.units import Unit
from perfgate.core.verdict import Judgement, Verdict
from perfgate.measure.track import Track
from tests.core.build import BYTES, THROUGHPUT, failure, noisy_pair, run, sample, sli


def verdict(effect: float, policy: Policy | None = None, **options: object) -> Verdict:
    base, head = noisy_pair(effect, **options)  # type: ignore[arg-type]
    (row,) = judge(run(base), run(head), policy or Policy())
    return row.verdict


@pytest.mark.parametrize(
    ("effect", "pairs", "expected"),
    [
        (0.10, 15, Verdict.REGRESSION),
        (0.00, 9, Verdict.PASS),
        (-0.10, 12, Verdict.IMPROVEMENT),
        (0.05, 9, Verdict.INCONCLUSIVE),
        (0.10, 5, Verdict.INCONCLUSIVE),
        (0.00, 5, Verdict.INCONCLUSIVE),
    ],
)
def test_the_verdict_of_a_clear_case(effect: float, pairs: int, expected: Verdict) -> None:
    assert verdict(effect, pairs=pairs) is expected


def test_a_change_that_is_certain_but_within_the_limit_passes() -> None:
    assert verdict(0.03, pairs=42) is Verdict.PASS


def test_a_regression_within_the_margin_of_layout_is_not_blocked() -> None:
    """At 1.5 % with a limit of 1 %: above the limit for sure, yet within what layout alone can do."""
    tight = Policy(rules=(Rule(sli="*", limit=0.01),))

    assert verdict(0.015, tight, pairs=42, spread=0.003) is Verdict.INCONCLUSIVE


def test_where_more_is_better_a_fall_is_a_regression() -> None:
    policy = Policy(rules=(Rule(sli="*", limit=0.05),))

    assert verdict(-0.10, policy, pairs=15, metric=THROUGHPUT) is Verdict.REGRESSION
    assert verdict(0.10, policy, pairs=15, metric=THROUGHPUT) is Verdict.IMPROVEMENT


def test_a_floor_raises_the_limit_for_what_is_quick() -> None:
    """20 % of 1 ms is 200 µs: below a floor of 500 µs."""
    rule = Rule(sli="*", limit=0.05, floor=500e-6, floor_unit=Unit.SECOND)

    assert verdict(0.20, Policy(rules=(rule,)), pairs=15) is Verdict.PASS
    assert verdict(0.90, Policy(rules=(rule,)), pairs=15) is Verdict.REGRESSION


def test_only_a_critical_rule_blocks() -> None:
    base, head = noisy_pair(0.2, pairs=15)
    (row,) = judge(run(base), run(head), Policy(rules=(Rule(sli="*", limit=0.05, critical=False),)))

    assert (row.verdict, row.critical, row.blocks) == (Verdict.REGRESSION, False, False)


def test_an_inconclusive_sli_blocks_only_where_its_rule_says_so() -> None:
    base, head = noisy_pair(0.05, pairs=9)
    (quiet,) = judge(run(base), run(head), Policy())
    (strict,) = judge(run(base), run(head), Policy(rules=(replace(DEFAULT_RULE, on_inconclusive=True),)))

    assert (quiet.verdict, quiet.blocks) == (Verdict.INCONCLUSIVE, False)
    assert (strict.verdict, strict.blocks) == (Verdict.INCONCLUSIVE, True)


def test_an_inconclusive_sli_says_what_it_could_see_and_what_would_settle_it() -> None:
    base, head = noisy_pair(0.02, pairs=9, spread=0.05)
    (row,) = judge(run(base), run(head), Policy())

    assert row.verdict is Verdict.INCONCLUSIVE
    assert row.visible is not None
    assert row.visible > 0.05
    assert row.needs is not None
    assert row.needs.seconds == pytest.approx(row.needs.pairs * (0.1 + 1.5))


def test_an_estimate_at_the_limit_cannot_be_settled_and_says_so() -> None:
    base, head = sample([[1.0]] * 9), sample([[1.05 * (1 + 0.001 * (-1) ** i)] for i in range(9)])
    (row,) = judge(run(base), run(head), Policy(margin=0.06))

    assert (row.verdict, row.needs) == (Verdict.INCONCLUSIVE, None)


def test_an_sli_that_no_rule_covers_is_not_judged() -> None:
    base, head = noisy_pair(0.5)

    assert judge(run(base), run(head), Policy(rules=(Rule(sli="other/*", limit=0.1),))) == ()


def test_runs_that_share_no_pairs_never_block_and_never_pass() -> None:
    for effect in (0.0, 0.5):
        base, head = noisy_pair(effect, pairs=20)
        (row,) = judge(run(base, measurement="a"), run(head, measurement="b"), Policy())
        assert (row.verdict, row.blocks) == (Verdict.INCONCLUSIVE, False)
        assert "only pairs can tell" in row.text


@pytest.mark.parametrize(
    ("base", "head", "expected"),
    [
        (100, 100, Verdict.PASS),
        (100, 101, Verdict.PASS),
        (100, 102, Verdict.REGRESSION),
        (100, 90, Verdict.IMPROVEMENT),
        (0, 1, Verdict.REGRESSION),
    ],
)
def test_exact_metrics_need_no_test(base: float, head: float, expected: Verdict) -> None:
    policy = Policy(rules=(Rule(sli="*", limit=0.01),))
    (row,) = judge(run(sample([[base]], metric=BYTES)), run(sample([[head]], metric=BYTES)), policy)

    assert row.verdict is expected


SAMPLE = sample([[1.0]] * 6)


@pytest.mark.parametrize(
    ("base", "head", "expected", "blocks"),
    [
        (run(), run(SAMPLE), Verdict.NEW, False),
        (run(SAMPLE), run(), Verdict.MISSING, True),
        (run(SAMPLE), run(failures=[failure(reason=Reason.RAISED)]), Verdict.FAILED, True),
        (run(SAMPLE), run(failures=[failure(reason=Reason.TIMEOUT)]), Verdict.FAILED, True),
        (run(SAMPLE), run(failures=[failure(reason=Reason.SKIPPED)]), Verdict.MISSING, True),
        (run(failures=[failure()]), run(failures=[failure()]), Verdict.FAILED, True),
        (run(failures=[failure(reason=Reason.ABSENT)]), run(SAMPLE), Verdict.NEW, False),
        (run(failures=[failure(reason=Reason.DIED)]), run(SAMPLE), Verdict.INCONCLUSIVE, False),
        (run(failures=[failure(reason=Reason.UNFAIR)]), run(SAMPLE), Verdict.INCONCLUSIVE, False),
        (
            run(failures=[failure(reason=Reason.SKIPPED)]),
            run(failures=[failure(reason=Reason.SKIPPED)]),
            Verdict.SKIPPED,
            False,
        ),
    ],
)
def test_a_benchmark_without_numbers_is_never_a_pass(base: Run, head: Run, expected: Verdict, blocks: bool) -> None:
    (row,) = judge(base, head, Policy())

    assert (row.verdict, row.blocks) == (expected, blocks)
    assert row.text


def test_a_failure_weighs_more_than_the_pairs_before_it() -> None:
    base, head = noisy_pair(0.0, pairs=9)
    (row,) = judge(run(base), run(head, failures=[failure()]), Policy())

    assert row.verdict is Verdict.FAILED


def test_a_retired_benchmark_may_go() -> None:
    (row,) = judge(run(SAMPLE), run(), Policy(retired=("micro/par*",)))

    assert (row.verdict, row.blocks) == (Verdict.SKIPPED, False)
    assert "retired" in row.text


def test_a_missing_benchmark_of_a_rule_that_only_warns_only_warns() -> None:
    (row,) = judge(run(SAMPLE), run(), Policy(rules=(Rule(sli="*", limit=0.1, critical=False),)))

    assert (row.verdict, row.blocks) == (Verdict.MISSING, False)


def test_what_is_expected_and_absent_is_missing() -> None:
    base, head = noisy_pair(0.0, pairs=9)
    rows = judge(run(base), run(head), Policy(expect=("micro/parse", "micro/render*")))

    assert [(row.name, row.verdict, row.blocks) for row in rows[1:]] == [("micro/render*", Verdict.MISSING, True)]


def live(effects: list[list[float]], planned: int, policy: Policy) -> list[Verdict]:
    """Play the orchestrator: look at the scheduled pairs, let the settled leave, confirm the accused."""
    tracks = [
        Track(benchmark=sli(str(i)).benchmark, planned=planned, design=Design.TURNS, guess_s=1.0, readings=([], []))
        for i in range(len(effects))
    ]
    answers = ()
    while any(track.open for track in tracks):
        for track, values in zip(tracks, effects, strict=True):
            if track.open:
                track.pairs.append(len(track.pairs))
                track.effects["time"] = values[: len(track.pairs)]
        if not any(track.due for track in tracks):
            continue
        answers = answer(
            [
                Question(
                    rule=DEFAULT_RULE, effects=Effects(values=tuple(track.effects["time"])), planned=planned, base=1.0
                )
                for track in tracks
            ],
            policy,
        )
        for track, found in zip(tracks, answers, strict=True):
            if track.due:
                track.looked, track.settled = len(track.pairs), found.settled
                track.accused = bool(found.accused_by)
    return [found.verdict for found in answers]


def of_pairs(*values: float, planned: int = 9) -> Judgement:
    """Return the row of a comparison whose pairs have these changes."""
    base, head = ([[1e-3] for _ in values], [[1e-3 * (1 + value)] for value in values])
    (row,) = judge(run(sample(base, planned=planned)), run(sample(head, planned=planned)), Policy())
    return row


SLOWER = (0.10, 0.11, 0.09, 0.10, 0.12, 0.08)


def test_what_fresh_pairs_do_not_repeat_is_not_blocked() -> None:
    row = of_pairs(*SLOWER, 0.0, 0.01, -0.01, planned=9)

    assert (row.verdict, row.blocks) == (Verdict.INCONCLUSIVE, False)
    assert row.text == "worse in 6 pairs, but not in the 3 fresh ones after them"
    assert of_pairs(*SLOWER, 0.09, 0.11, 0.10).verdict is Verdict.REGRESSION


def test_what_could_not_be_measured_anew_is_not_blocked() -> None:
    row = of_pairs(*SLOWER)

    assert (row.verdict, row.needs and row.needs.pairs) == (Verdict.INCONCLUSIVE, 3)
    assert row.text == "worse in 6 pairs, but there was no time for 3 fresh ones to confirm it"


def test_pairs_beyond_the_plan_confirm_and_accuse_nobody() -> None:
    """Six planned, three more to confirm: the share of the error that a look may spend is that of the plan."""
    assert of_pairs(*SLOWER, 0.09, 0.11, 0.10, planned=6).verdict is Verdict.REGRESSION
    assert of_pairs(*[0.0] * 6, 0.09, 0.11, 0.10, planned=6).verdict is Verdict.INCONCLUSIVE
    (found,) = live([[math.log(1.1) + 0.01 * (-1) ** i for i in range(9)]], 6, Policy())
    assert found is Verdict.REGRESSION


@pytest.mark.parametrize(("effect", "least"), [(1.075, 0.99), (1.10, 0.999)])
def test_confirming_loses_no_regression_that_is_there(effect: float, least: float) -> None:
    rng, trials = Random(8), 400
    caught = sum(
        live([[rng.gauss(math.log(effect), 0.015) for _ in range(45)]], 42, Policy())[0] is Verdict.REGRESSION
        for _ in range(trials)
    )

    assert caught >= binom.ppf(0.001, trials, least)


def test_a_suite_that_changes_nothing_is_blocked_as_seldom_as_promised() -> None:
    """Suites of 20 with looks, Holm and early leave; at the margin itself at most 1 % of suites are blocked."""
    rng, suites, blocked = Random(5), 150, 0
    edge = Policy(rules=(replace(DEFAULT_RULE, limit=0.001),), margin=0.02)
    for _ in range(suites):
        effects = [[rng.gauss(math.log(1.02), 0.015) for _ in range(21)] for _ in range(20)]
        blocked += Verdict.REGRESSION in live(effects, 18, edge)

    assert blocked <= binom.ppf(0.999, suites, 0.01)


def test_a_regression_of_the_limit_is_called_a_pass_as_seldom_as_promised() -> None:
    rng, trials, passed = Random(6), 400, 0
    for _ in range(trials):
        effects = [[rng.gauss(math.log(1.05), 0.015) for _ in range(27)]]
        passed += live(effects, 24, Policy())[0] is Verdict.PASS

    assert passed <= binom.ppf(0.999, trials, 0.02)


def test_nothing_changed_is_settled_early() -> None:
    rng = Random(7)
    effects = [[rng.gauss(0, 0.012) for _ in range(42)] for _ in range(30)]
    taken = []
    for values in effects:
        pairs = FIRST_LOOK
        while not answer(
            [Question(rule=DEFAULT_RULE, effects=Effects(values=tuple(values[:pairs])), planned=42, base=1.0)], Policy()
        )[0].settled:
            pairs += 3
        taken.append(pairs)

    assert sum(taken) / len(taken) <= 0.4 * 42


def test_an_early_estimate_of_an_improvement_keeps_measuring_until_it_is_one() -> None:
    leaning = tuple(-0.04 + 0.02 * (-1) ** i for i in range(6))
    question = Question(rule=DEFAULT_RULE, effects=Effects(values=leaning), planned=42, base=1.0)

    (found,) = answer([question], Policy())

    assert (found.verdict, found.settled) == (Verdict.PASS, False)


def test_what_was_offered_by_both_sides_and_never_measured_is_no_pass() -> None:
    benchmark = SAMPLE.sli.benchmark
    base, head = (replace(run(), offered=(benchmark,)) for _ in range(2))

    (row,) = judge(base, head, Policy())
    (strict,) = judge(base, head, Policy(rules=(replace(DEFAULT_RULE, on_inconclusive=True),)))

    assert (row.verdict, row.blocks, strict.blocks) == (Verdict.INCONCLUSIVE, False, True)
    assert "not measured" in row.text


def test_a_metric_that_one_side_alone_has_is_missing_or_new() -> None:
    base, head = noisy_pair(0.0)
    policy = Policy(rules=(Rule(sli="*", limit=0.05),))

    gone = judge(run(base, sample([[1.0]], metric=BYTES)), run(head), policy)
    came = judge(run(base), run(head, sample([[1.0]], metric=BYTES)), policy)
    unasked = judge(run(base), run(head, sample([[1.0]], metric=PEAK_MEMORY)), Policy())

    assert [(row.verdict, row.blocks) for row in gone] == [(Verdict.PASS, False), (Verdict.MISSING, True)]
    assert [(row.verdict, row.blocks) for row in came] == [(Verdict.PASS, False), (Verdict.NEW, False)]
    assert [row.verdict for row in unasked] == [Verdict.PASS]


def test_nothing_passes_beside_a_warning_that_hides_changes() -> None:
    base, head = noisy_pair(0.0)
    slow = noisy_pair(0.2)[1]
    hiding = (Warning(code="hidden", text="too small to see", hides=True),)

    (row,) = judge(run(replace(base, warnings=hiding)), run(head), Policy())
    (worse,) = judge(run(replace(base, warnings=hiding)), run(slow), Policy())

    assert (row.verdict, row.text) == (Verdict.INCONCLUSIVE, "too small to see")
    assert worse.verdict is Verdict.REGRESSION


def test_too_few_pairs_say_how_many_are_wanted_and_claim_no_sight() -> None:
    base, head = noisy_pair(0.17, pairs=2, spread=0.1)

    (row,) = judge(run(base), run(head), Policy())

    assert row.visible is None
    assert row.needs is not None
    assert row.needs.pairs == FIRST_LOOK - 2


def stored(effects: list[float], *, rule: Rule = DEFAULT_RULE) -> Question:
    return Question(rule=rule, effects=Effects(values=tuple(effects)), planned=0, base=1.0, stored=True)


def test_stored_runs_answer_once_there_are_eight() -> None:
    spread = [0.01 * (-1) ** i for i in range(20)]

    def asked(effect: float, runs: int) -> Verdict:
        return answer([stored([effect + d for d in spread[:runs]])], Policy())[0].verdict

    assert asked(0.3, 7) is Verdict.INCONCLUSIVE
    assert asked(0.3, 8) is Verdict.REGRESSION
    assert asked(0.0, 20) is Verdict.PASS
    assert asked(-0.3, 20) is Verdict.IMPROVEMENT
    assert asked(0.04, 20) is Verdict.INCONCLUSIVE


def test_the_next_run_of_an_unchanged_series_is_blocked_no_more_often_than_promised() -> None:
    """A prediction covers the next value: one interval for the mean would alarm in a third of all runs."""
    rng = Random(5)
    blocked = 0
    for _ in range(2000):
        runs = [rng.gauss(0, 0.03) for _ in range(20)]
        mine = rng.gauss(0, 0.03)
        (found,) = answer([stored([mine - value for value in runs])], Policy(margin=0.001, rules=()))
        blocked += found.verdict is Verdict.REGRESSION

    assert blocked <= binom.ppf(0.999, 2000, Policy().family_level)


def test_a_stored_time_only_warns_unless_the_machine_is_trusted() -> None:
    base, head = noisy_pair(0.2)
    found = compare(run(base), run(head))[0]
    found = replace(found, evidence=Evidence.STORED)

    (warned,) = judge(run(base), run(head), Policy(), [found])
    (trusted,) = judge(run(base), run(head), Policy(trust_stored=True), [found])

    assert (warned.verdict, warned.critical, warned.blocks) == (Verdict.REGRESSION, False, False)
    assert (trusted.verdict, trusted.critical, trusted.blocks) == (Verdict.REGRESSION, True, True)


def accepting(up_to: float, until: str = "2027-01-31", *, glob: str = "micro/*", who: str = "Ada") -> Policy:
    entry = Acceptance(sli=glob, up_to=up_to, reason="validates UTF-8 now", until=until, who=who)
    return Policy(accept=(entry,), today="2026-11-21")


def test_a_regression_that_somebody_stands_for_blocks_nothing() -> None:
    base, head = noisy_pair(0.10)

    (row,) = judge(run(base), run(head), accepting(0.12))
    (nobody,) = judge(run(base), run(head), accepting(0.12, who=""))

    assert (row.verdict, row.blocks) == (Verdict.ACCEPTED, False)
    assert row.text == "accepted up to 12 % by Ada until 2027-01-31: validates UTF-8 now"
    assert nobody.text == "accepted up to 12 % until 2027-01-31: validates UTF-8 now"


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        (accepting(0.08), "worse than what was accepted (accepted up to 8 %"),
        (accepting(0.12, "2026-11-20"), "an acceptance has expired (accepted up to 12 %"),
        (accepting(0.12, glob="other/*"), ""),
    ],
)
def test_an_acceptance_that_does_not_count_says_why(policy: Policy, text: str) -> None:
    base, head = noisy_pair(0.10)

    (row,) = judge(run(base), run(head), policy)

    assert (row.verdict, row.blocks) == (Verdict.REGRESSION, True)
    assert row.text.startswith(text)


def test_an_acceptance_counts_on_its_last_day_and_knows_which_way_is_worse() -> None:
    base, head = noisy_pair(-0.10, metric=THROUGHPUT)
    policy = replace(accepting(0.12, "2026-11-21"), rules=(Rule(sli="*", limit=0.05),))

    (row,) = judge(run(base), run(head), policy)
    (gone,) = judge(
        run(sample([[1.0]], metric=replace(BYTES, direction=Direction.HIGHER))),
        run(sample([[0.0]], metric=replace(BYTES, direction=Direction.HIGHER))),
        policy,
    )

    assert row.verdict is Verdict.ACCEPTED
    assert gone.verdict is Verdict.REGRESSION


@pytest.mark.parametrize("reason", Reason)
def test_whatever_base_failed_of_there_is_a_row_that_is_no_pass(reason: Reason) -> None:
    rows = judge(run(failures=[failure(reason=reason)]), run(SAMPLE), Policy())

    assert rows
    assert all(row.verdict not in (Verdict.PASS, Verdict.IMPROVEMENT) for row in rows)


def test_time_and_instructions_that_contradict_each_other_say_so() -> None:
    count = METRICS["instructions"]
    base, slow = noisy_pair(0.2)
    same, more = sample([[1000.0], [1000.0]], metric=count), sample([[1100.0], [1100.0]], metric=count)
    alike = noisy_pair(0.0)

    time, instructions = judge(run(base, same), run(slow, same), Policy())
    assert (time.verdict, instructions.verdict) == (Verdict.REGRESSION, Verdict.PASS)
    assert time.text == "though it does no more than before: memory, caches, or waiting"
    time, instructions = judge(run(alike[0], same), run(alike[1], more), Policy())
    assert (time.verdict, instructions.verdict) == (Verdict.PASS, Verdict.REGRESSION)
    assert instructions.text == "though it takes no longer"
    both = judge(run(base, same), run(slow, more), Policy())
    assert [row.text for row in both] == ["", ""]


@pytest.mark.parametrize(
    ("base", "head", "expected", "text"),
    [
        ([1000, 1000], [1010, 1010], Verdict.REGRESSION, ""),
        ([1000, 1004], [1009, 1012], Verdict.REGRESSION, ""),
        ([1000, 1012], [1011, 1020], Verdict.INCONCLUSIVE, "varies from start to start, and the sides overlap"),
        ([1000, 1008], [1012, 1018], Verdict.INCONCLUSIVE, "varies from start to start by as much as the sides differ"),
        ([500, 1500], [1000, 1000], Verdict.INCONCLUSIVE, "varies from start to start by more than its limit"),
        ([1000, 1001], [1001, 1002], Verdict.PASS, ""),
    ],
)
def test_what_should_be_exact_and_does_not_repeat_decides_nothing(
    base: list[float], head: list[float], expected: Verdict, text: str
) -> None:
    metric = METRICS["instructions"]
    one, other = (run(sample([[value] for value in side], metric=metric)) for side in (base, head))
    (row,) = judge(one, other, Policy())
    assert (row.verdict, row.text) == (expected, text)


def test_a_flicker_inside_a_process_is_seen_too() -> None:
    metric = METRICS["allocations"]
    one, other = (run(sample([values], metric=metric)) for values in ([10, 10, 10, 11, 11], [10, 10, 11, 11, 11]))
    (row,) = judge(one, other, Policy())
    assert row.verdict is Verdict.INCONCLUSIVE


def test_what_is_lost_with_a_benchmark_blocks_by_the_rules_of_all_that_it_gave() -> None:
    policy = Policy(rules=(Rule(sli="*:time", limit=0.05, critical=False), Rule(sli="*:instructions", limit=0.01)))
    base, _ = noisy_pair(0.0)
    counts = sample([[1000.0], [1000.0]], metric=METRICS["instructions"])
    gone = run(failures=(failure(reason=Reason.RAISED),))

    (row,) = judge(run(base, counts), gone, policy)
    (timed,) = judge(run(base), gone, policy)

    assert (row.verdict, row.blocks) == (Verdict.FAILED, True)
    assert (timed.verdict, timed.blocks) == (Verdict.FAILED, False)


@pytest.mark.parametrize(("change", "end", "least"), [(0.30, 15, 0.98), (0.10, 15, 0.95), (0.10, 12, 0.0)])
def test_a_budget_that_ends_early_still_blocks(change: float, end: int, least: float) -> None:
    """Of 42 planned pairs 15 were measured, 3 of them to confirm."""
    found = early.share(200, "normal", spread=0.02, change=change, planned=42, end=end, suite=20)

    assert found >= least
    assert early.share(200, "two modes", spread=0.1, change=0.0, planned=42, end=end, suite=20) == 0.0


@pytest.mark.parametrize("planned", [6, 9, 12, 21, 42])
def test_the_last_planned_look_may_spend_all_that_is_left(planned: int) -> None:
    shares = tuple(look / planned for look in looks(planned, planned))

    levels = blocking_levels(0.01, shares, planned=planned)

    assert spent(Spending.MIXED, 0.01, 1.0, opens=1.0) == pytest.approx(0.01)
    assert levels[-1] <= 0.01 * (1 + 1e-9)
    assert levels[-1] == max(levels)


@pytest.mark.parametrize("planned", [42, 700, 1_050, 50_000])
@pytest.mark.parametrize("pairs", [9, 15, 30])
def test_what_is_anything_is_never_blocked_however_much_was_planned(planned: int, pairs: int) -> None:
    """Effects that spread by a factor of three, of which far more pairs are planned than there is time for."""
    found = {verdict(0.0, pairs=pairs, spread=1.1, planned=planned, seed=seed) for seed in range(60)}

    assert found == {Verdict.INCONCLUSIVE}
