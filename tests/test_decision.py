"""Recorded pairs, played through the core: a change that makes its decisions worse fails here.

The pairs are real, of eight workloads: python -m benchmarks.decision --keep tests/data/decision.json.gz
"""

from collections import Counter
from pathlib import Path
from random import Random

import pytest

from benchmarks.decision.record import Recording
from benchmarks.decision.replay import Played, draw, play
from perfgate.core.policy import Policy, Rule
from perfgate.core.verdict import Verdict

RECORDED = Recording.load(Path(__file__).parent / "data" / "decision.json.gz")
SUITES = 40
CONDITIONS = sorted(RECORDED.pairs)


def played(condition: str, policy: Policy, *planted: str) -> list[Played]:
    """Play suites of 50, each with one benchmark of each of `planted`; the same every time."""
    rng = Random(f"{condition} {planted}")
    return [play(draw(RECORDED, condition, rng, planted=planted), RECORDED, policy) for _ in range(SUITES)]


def verdicts(found: list[Played]) -> Counter[Verdict]:
    return Counter(verdict for one in found for verdict in one.verdicts)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_nothing_new_blocks_nothing_is_clear_and_takes_little_of_the_time(condition: str) -> None:
    found = played(condition, Policy())

    assert verdicts(found)[Verdict.REGRESSION] == 0
    assert verdicts(found)[Verdict.INCONCLUSIVE] <= 0.01 * 50 * SUITES
    assert sum(one.spent_s for one in found) < 0.4 * sum(one.fixed_s for one in found)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_what_is_worse_by_more_than_the_limit_is_caught_and_alone(condition: str) -> None:
    found = played(condition, Policy(), "+7.5 %", "+10 %")

    assert [one.verdicts[-2:] for one in found] == [[Verdict.REGRESSION] * 2] * SUITES
    assert all(Verdict.REGRESSION not in one.verdicts[:-2] for one in found)


def test_decisions_that_are_worse_would_be_seen() -> None:
    """A core that tests too boldly blocks without cause, one that tests too timidly misses what is planted."""
    bold = Policy(margin=0.0, family_level=0.4, rules=(Rule(sli="*", limit=0.002),))
    timid = Policy(margin=0.06)

    assert verdicts(played("calm", bold))[Verdict.REGRESSION] > 0
    assert verdicts(played("calm", timid, "+7.5 %"))[Verdict.REGRESSION] < SUITES
