"""Rows for what gave no number: failed, missing, new, skipped, never reached; none of them is ever a pass."""

from collections.abc import Sequence

from perfgate.core.model import METRICS, TIME, Benchmark, Failure, Metric, Reason, Run, Sli, gone
from perfgate.core.policy import Policy, matches
from perfgate.core.units import Unit
from perfgate.core.verdict import Judgement, Verdict, blocks


def without_numbers(base: Run, head: Run, policy: Policy) -> list[Judgement]:
    """Return a row for each benchmark that cannot be compared, for the reason that weighs most."""
    failed_base = {failure.benchmark: failure for failure in base.failures if not failure.partial}
    failed_head = {failure.benchmark: failure for failure in head.failures if not failure.partial}
    there: dict[Benchmark, list[Metric]] = {}
    for sample in (*base.samples, *head.samples):
        there.setdefault(sample.sli.benchmark, []).append(sample.sli.metric)
    rows = []
    on_base, on_head = base.benchmarks, head.benchmarks
    for benchmark in sorted(on_base | on_head):
        theirs, mine = failed_base.get(benchmark), failed_head.get(benchmark)
        if benchmark not in on_base:
            theirs = Failure(benchmark=benchmark, reason=Reason.ABSENT, text="only head has it")
        if benchmark not in on_head:
            mine = Failure(benchmark=benchmark, reason=Reason.ABSENT, text=gone(benchmark))
        if (found := _verdict_without_numbers(theirs, mine)) is not None:
            wanted = [
                METRICS[name] for failure in (theirs, mine) if failure for name in failure.metrics if name in METRICS
            ]
            rows.append(_row_without_numbers(benchmark, *found, policy, [*wanted, *there.get(benchmark, ())]))
    return rows


def gaps(base: Run, head: Run, policy: Policy) -> list[Judgement]:
    """Return a row for all that should have been compared and was not, though nothing failed."""
    slis = [frozenset(sample.sli for sample in run.samples) for run in (base, head)]
    failed = {failure.benchmark for run in (base, head) for failure in run.failures if not failure.partial}
    shared = (base.benchmarks & head.benchmarks) - failed
    places = lacking(base, head)
    found = _without_metrics(base, head, policy)
    for side, other, verdict, text in (
        (slis[0], slis[1], Verdict.MISSING, "base has this metric, head has not"),
        (slis[1], slis[0], Verdict.NEW, "only head has this metric"),
    ):
        alone = sorted(sli for sli in side - other if sli.benchmark in shared and _place(sli) not in places)
        ruled = [(sli, rule) for sli in alone if (rule := policy.rule_for(sli)) is not None]
        found += [
            Judgement(
                benchmark=sli.benchmark, sli=sli, rule=rule, verdict=verdict, critical=rule.critical,
                blocks=blocks(verdict, rule), text=text,
            )
            for sli, rule in ruled
        ]  # fmt: skip
    measured = {sli.benchmark for sli in slis[0] | slis[1]}
    text = "not measured: the time budget ended before its turn"
    unseen = sorted(shared - measured - {benchmark for benchmark, _ in places})
    return found + [_row_without_numbers(benchmark, Verdict.INCONCLUSIVE, text, policy) for benchmark in unseen]


def lacking(base: Run, head: Run) -> frozenset[tuple[Benchmark, str]]:
    """Return the metrics that gave no number on a side though their benchmark ran, by name."""
    failures = (failure for run in (base, head) for failure in run.failures if failure.partial)
    places = {(failure.benchmark, name) for failure in failures for name in failure.metrics}
    return frozenset(place for place in places if place[0] in head.benchmarks)


def _place(sli: Sli) -> tuple[Benchmark, str]:
    return sli.benchmark, sli.metric.name


def _without_metrics(base: Run, head: Run, policy: Policy) -> list[Judgement]:
    """Return a row for each metric that gave no number though its benchmark ran."""
    known = {_place(sample.sli): sample.sli.metric for run in (base, head) for sample in run.samples}
    sides = [
        {(failure.benchmark, name): failure for failure in run.failures if failure.partial for name in failure.metrics}
        for run in (base, head)
    ]
    rows = []
    for benchmark, name in sorted(lacking(base, head)):
        metric = METRICS.get(name) or known.get((benchmark, name)) or Metric(name=name, unit=Unit.ONE)
        sli = Sli(benchmark=benchmark, metric=metric)
        found = _verdict_without_numbers(*(side.get((benchmark, name)) for side in sides))
        if (rule := policy.rule_for(sli)) is None or found is None:
            continue
        verdict, text = found
        late = any(side[benchmark, name].reason is Reason.NO_TIME for side in sides if (benchmark, name) in side)
        rows.append(
            Judgement(
                benchmark=benchmark, sli=sli, rule=rule, verdict=verdict, critical=rule.critical,
                blocks=blocks(verdict, rule), text=f"{text} (raise --budget)" if late else text,
            )
        )  # fmt: skip
    return rows


def _verdict_without_numbers(base: Failure | None, head: Failure | None) -> tuple[Verdict, str] | None:
    if head is not None and head.reason is not Reason.NO_TIME:
        return _verdict_on_head(base, head)
    if base is not None and base.reason in _NOTHING_THERE:
        return _NOTHING_THERE[base.reason], base.text
    if head is not None or base is None:
        return None if head is None else (Verdict.INCONCLUSIVE, head.text)
    on_base = f"head runs it, but on base it {_PAST[base.reason]}: " if base.reason in _PAST else ""
    return Verdict.INCONCLUSIVE, on_base + base.text


def _verdict_on_head(base: Failure | None, head: Failure) -> tuple[Verdict, str]:
    absent = (Reason.ABSENT, Reason.SKIPPED)
    if head.reason not in absent:
        return Verdict.FAILED, f"{head.reason} on head: {head.text}"
    if base is not None and base.reason in absent:
        return Verdict.SKIPPED, head.text
    return Verdict.MISSING, head.text


_NOTHING_THERE = {
    Reason.ABSENT: Verdict.NEW,
    Reason.SKIPPED: Verdict.NEW,
    Reason.NO_BASELINE: Verdict.NO_BASELINE,
}
_PAST = {
    Reason.RAISED: "raised",
    Reason.TIMEOUT: "did not end in time",
    Reason.DIED: "took its process down",
    Reason.BAD_VALUE: "gave no usable value",
    Reason.NOTHING: "measured nothing",
}


def _row_without_numbers(
    benchmark: Benchmark, verdict: Verdict, text: str, policy: Policy, wanted: Sequence[Metric] = ()
) -> Judgement:
    """Return a row that blocks if any of what is lost with the benchmark would: its time, or what else it gave."""
    rules = [policy.rule_for(Sli(benchmark=benchmark, metric=metric)) for metric in (TIME, *wanted)]
    rule = next((each for each in rules if each and each.critical), rules[0])
    retired = verdict is Verdict.MISSING and any(matches(glob, str(benchmark)) for glob in policy.retired)
    if retired:
        verdict, text = Verdict.SKIPPED, f"{text}, as the configuration says (retired)"
    return Judgement(
        benchmark=benchmark,
        verdict=verdict,
        critical=rule is None or rule.critical,
        blocks=blocks(verdict, rule),
        text=text,
        rule=rule,
        retired=retired,
    )


def unmet(head: Run, policy: Policy) -> list[Judgement]:
    """Return a row for each expectation that nothing measured meets."""
    measured = frozenset(sample.sli.benchmark for sample in head.samples)
    return [
        Judgement(
            benchmark=Benchmark(suite=glob.partition("/")[0], name=glob.partition("/")[2]),
            verdict=Verdict.MISSING,
            critical=True,
            blocks=True,
            text="the configuration expects it, and nothing of that name was measured",
        )
        for glob in policy.unmet(measured)
    ]
