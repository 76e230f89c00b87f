"""When the orchestrator looks, it asks what the report will ask."""

from perfgate.core.comparison import compare
from perfgate.core.judge import _Asked
from perfgate.core.model import Benchmark, Design, Environment, Revision, Run
from perfgate.core.policy import Policy, Rule
from perfgate.measure.track import Track
from perfgate.measure.turns import Reading


def test_a_look_asks_what_the_report_asks() -> None:
    """Who asks less at a look stops too early: of what is counted, and of an SLO, too."""
    rules = (
        Rule(sli="*:latency.p95", limit=0.1, slo=0.2),
        Rule(sli="*:latency.p50", limit=0.05),
        Rule(sli="*:errors", limit=0.05, slo=0.01),
    )
    policy = Policy(rules=rules)
    benchmark = Benchmark(suite="api", name="total")
    track = Track(benchmark=benchmark, planned=12, design=Design.LOAD, guess_s=1.0, readings=([], []))
    for pair in range(9):
        readings = [
            Reading(
                values={"latency.p95": [0.1 + side / 50 + pair / 1e3], "latency.p50": [0.05], "errors": [pair / 100]},
                trials={"errors": 100},
            )
            for side in (0, 1)
        ]
        track.add(pair, readings, seconds=1.0)
    base, head = (
        Run(
            revision=Revision(label=str(side)),
            environment=Environment(facts=()),
            samples=tuple(track.samples(side)),
            measurement="one",
        )
        for side in (0, 1)
    )

    reported = [
        question
        for c in compare(base, head)
        if (rule := policy.rule_for(c.sli))
        for question in _Asked.about(c, rule).questions
    ]

    assert len(reported) == 5
    assert track.questions(policy) == reported
