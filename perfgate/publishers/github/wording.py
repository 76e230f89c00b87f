"""What is said of an artifact's run, in this side's own words: the measuring job hands on numbers, names, and codes.

A pull request's own code may have written every text of its artifact. So each warning and failure is worded here by
its code, labels come from GitHub, and a fact of the machine is shown only where it has the form of such a fact.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace

from perfgate.core.model import Environment, Failure, Reason, Run, Warning, gone

WARNINGS = {
    "addresses-vary": "address-space randomization could not be disabled; expect about twice the noise",
    "base-not-listed": "base's own benchmarks could not all be listed, so one that head lost may go unnoticed",
    "benchmarks-differ": "base could not run head's version of some benchmarks, so it ran its own",
    "excluded": "the configuration leaves some benchmarks out",
    "selection": "only the benchmarks that were named were measured",
    "submodule-left-out": "a submodule that the checkout has not initialised was left out",
    "budget-spent": "the time budget ended before everything was settled",
    "busy": "the load generator was too busy in some starts, and these do not count",
    "counted": "",
    "cross-talk": "loading one side disturbed the other, so they were loaded in turns",
    "differs": "two builds of the same code differ here",
    "engine-adds": "the load generator adds latency of its own, so a change shows as less than it is",
    "fails": "most requests failed in one start: what the others took says little",
    "few-requests": "too few requests a start for this quantile",
    "gaps": "the metric is lacking in some pairs: what these lack may be the change",
    "hangs": "a service did not end when it was asked to, and was killed",
    "hidden": "needs no more memory than the process that started it, so a change below that does not show",
    "interrupted": "the measurement was interrupted: only what was measured until then counts",
    "long": "one iteration takes long, so there are few turns",
    "meaning": "",
    "not-pinned": "CPU pinning is unavailable; expect about three times the noise",
    "not-timed": "its time was not measured: the time budget ended before its turn",
    "not-together": "it failed while both sides were alive, so they ran one after the other",
    "one-cpu": "there is only one CPU, so perfgate itself ran on the CPU of the benchmarks",
    "other-machines": "the jobs of this measurement ran on different machines",
    "own-code-unseen": "no module of the repository was imported: both sides ran the same files",
    "packages-differ": "base and head have different versions of some packages, which was measured as well",
    "rare-names": "some requests were too rare to be compared one by one; they count in the total",
    "repeated-statement": "one statement was repeated within a request; the measuring job's report has it",
    "several-cpus": "uses several CPUs: measured without pinning, so it needs more pairs",
    "shell-words": "a command line holds words that only a shell would read",
    "sides-differ": "the configuration makes the sides differ as well",
    "slo-missed": "its SLO was missed at every load that was tried",
    "threads": "starts threads",
    "unfair": "starts did not count, so there are no more",
    "unfair-start": "a start did not count",
    "unstable": "its time drifts within one process",
    "waits": "waits for something other than the CPU",
    "warm-up": "gets faster while it runs",
    "windows": "the sides were loaded in windows of their own",
}
"""Code of a warning that measuring gives to what is said of it; an empty text is not said at all."""

_LOG = "the measuring job's report has its message"
FAILURES = {
    Reason.RAISED: f"it raised: {_LOG}",
    Reason.TIMEOUT: "it gave no answer in time",
    Reason.DIED: f"its process ended: {_LOG}",
    Reason.SKIPPED: f"it was skipped: {_LOG}",
    Reason.ABSENT: "base has no such benchmark",
    Reason.BAD_VALUE: "a value is not a measurement: not finite, or a time that is not above zero",
    Reason.UNFAIR: "its starts did not count",
    Reason.NOTHING: "it measured nothing",
    Reason.NO_TIME: "not measured: the time budget ended before its turn",
    Reason.NO_BASELINE: "no stored run may represent base",
}

_FACTS = {
    "cores": r"\d{1,4}",
    "system": r"Linux|Darwin|Windows",
    "machine": r"x86_64|amd64|aarch64|arm64|armv\d\w|riscv64|ppc64le|s390x|i686",
    "python": r"(cpython|pypy|graalpy) \d{1,2}\.\d{1,3}\.\d{1,3}((a|b|rc)\d{1,2})?\+?",
    "libc": r"(glibc|musl) \d{1,2}\.\d{1,3}(\.\d{1,3})?",
    "image": r"(ubuntu|macos|win)\d{2}(\d{8}\.\d{1,4}(\.\d{1,3})?)?",
    "kernel": r"\d{1,2}\.\d{1,3}\.\d{1,4}(-\d{1,5}(-(azure|generic|aws|gcp|amd64|cloud-amd64))?)?",
}
"""Facts that are shown as they are where they have this form; of others only whether they are equal."""


def reworded(run: Run, *, label: str, side: str) -> Run:
    """Return `run` without any text of the measuring job's.

    Args:
        label: what the side is called, by GitHub.
        side: base or head.
    """
    unknown = sum(warning.code not in WARNINGS for warning in run.warnings)
    said = f"the measuring job gave {unknown} warnings that this version of perfgate does not know"
    more = [Warning(code="unknown-warnings", text=said)] if unknown else []
    return replace(
        run,
        revision=replace(run.revision, label=label, dirty=False),
        environment=_environment(run.environment),
        samples=tuple(replace(sample, warnings=_warnings(sample.warnings)) for sample in run.samples),
        failures=tuple(_failure(failure, side) for failure in run.failures),
        warnings=(*_warnings(run.warnings), *more),
        processes=(),
        distributions=(),
        described=(),
    )


def _warnings(warnings: Sequence[Warning]) -> tuple[Warning, ...]:
    found = (replace(warning, text=WARNINGS[warning.code]) for warning in warnings if warning.code in WARNINGS)
    return tuple(dict.fromkeys(warning for warning in found if warning.text))


def _failure(failure: Failure, side: str) -> Failure:
    absent = failure.reason is Reason.ABSENT and side == "head"
    return replace(failure, text=gone(failure.benchmark) if absent else FAILURES[failure.reason])


def _environment(environment: Environment) -> Environment:
    return Environment(facts=tuple(map(_fact, *zip(*environment.facts, strict=True))) if environment.facts else ())


def _fact(name: str, value: str) -> tuple[str, str]:
    form = _FACTS.get(name)
    if form is not None and re.fullmatch(form, value):
        return name, value
    known = name if name in (*_FACTS, "cpu", "build") else f"fact {_digest(name)}"
    return known, f"#{_digest(value)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:8]
