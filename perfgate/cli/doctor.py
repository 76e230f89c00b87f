"""`perfgate doctor`."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from perfgate.cli.options import Chosen, PathsCommand, measuring
from perfgate.core.units import parse_duration
from perfgate.core.verdict import UNKNOWN, Verdict
from perfgate.errors import ConfigError, Exit
from perfgate.host import files, machine
from perfgate.host.git import Repository
from perfgate.host.interrupt import Interrupts
from perfgate.pipeline import auditing
from perfgate.pipeline import doctor as looking
from perfgate.publishers.github.workflow_faults import NONE_RUNS, faults
from perfgate.render import phrases
from perfgate.render.audited import audited
from perfgate.render.sight import sight

LARGEST = 2**20  # bytes of a workflow
WATCHED_S = 2.0
USUAL = "1m"


def _machine() -> None:
    hurts = machine.watched(WATCHED_S)
    for hurt in hurts:
        click.echo(f"{hurt.what}\n  try: {hurt.do}")
    if not hurts:
        click.echo("this machine: nothing was seen that makes measurements worse", err=True)


def _workflows(*, wanted: bool = True) -> int:
    """Say what is wrong with the workflows.

    Args:
        wanted: whether it is a fault if no workflow runs perfgate.
    """
    with Interrupts() as interrupts:
        root = Repository(Path.cwd(), interrupts=interrupts).root
    paths = sorted((root / ".github" / "workflows").glob("*.y*ml"))
    texts = {str(path.relative_to(root)): files.read(path, largest=LARGEST).decode(errors="replace") for path in paths}
    found = faults(texts)
    if not wanted and [fault.what for fault in found] == [NONE_RUNS]:
        click.echo(f"{NONE_RUNS} yet: perfgate init writes two", err=True)
        return int(Exit.PASSED)
    for fault in found:
        click.echo(f"{fault.path}:{fault.line}: {fault.what}\n  try: {fault.do}")
    if not found:
        many = f"{len(texts)} workflow{'s' * (len(texts) != 1)}"
        click.echo(f"looked at {many}: none of the known faults is there", err=True)
    return int(Exit.USAGE if found else Exit.PASSED)


def _benchmarks(chosen: Chosen) -> int:
    try:
        seconds = parse_duration(chosen.budget or USUAL)
    except ValueError as exc:
        raise ConfigError(f"--budget: {exc}") from exc
    with replace(chosen, budget=None).workshop() as shop:  # a comparison's budget is the configured one
        seen = looking.see(shop, seconds=seconds)
    if seen.fitness.sights:
        click.echo(f"{seen.revision} built twice and measured against itself for {phrases.seconds(seen.took_s)}:")
        click.echo(sight(seen.fitness, seen.budget_s))
    else:
        click.echo(f"{seen.revision}: no benchmark could be measured")
    for failure in seen.failures:
        text = phrases.name(failure.text, phrases.LONGEST_REASON)
        click.echo(f"not measured: {phrases.name(str(failure.benchmark))}: {text}")
    return int(Exit.PASSED if seen.fitness.sights else Exit.NOT_MEASURED)


def _again(chosen: Chosen, times: int) -> int:
    blocked, lost, unsure, rows = 0, 0, 0, 0
    with chosen.workshop() as shop:
        for number, compared in enumerate(looking.again(shop, times=times), start=1):
            found = compared.report.judgements
            blocked += any(row.blocks and row.verdict is Verdict.REGRESSION for row in found)
            lost += sum(row.verdict in (Verdict.FAILED, Verdict.MISSING) for row in found)
            unsure += sum(row.verdict in UNKNOWN for row in found)
            rows += len(found)
            click.echo(f"{number} of {times}: {phrases.headline(compared.report)}")
    failed = f", {lost} failed" if lost else ""
    click.echo(
        f"identical code: blocked in {blocked} of {times} runs; of {rows} verdicts {unsure} inconclusive{failed}",
    )
    return int(Exit.REGRESSION if blocked else Exit.NOT_MEASURED if lost else Exit.PASSED)


def _audit(chosen: Chosen) -> int:
    with chosen.workshop() as shop:
        found = auditing.audited(shop, datetime.now(UTC).date())
    click.echo(audited(found.audit, found.quarantines))
    for fault in found.faults:
        click.echo(f"error: {phrases.line(fault)}", err=True)
    return int(Exit.NOT_MEASURED if found.faults else Exit.PASSED)


@click.command(cls=PathsCommand)
@measuring
@click.option("--workflows", is_flag=True, help="Check only the GitHub workflows.")
@click.option("--machine", "machine_only", is_flag=True, help="Check only the machine.")
@click.option("--audit", is_flag=True, help="Report how often the stored verdicts of the gate turned out to be wrong.")
@click.option("--aa", type=click.IntRange(1, 1000), help="Instead, run the gate this many times on identical code.")
def doctor(chosen: Chosen, workflows: bool, machine_only: bool, audit: bool, aa: int | None) -> int:
    """Check how small a regression this machine can detect, and what limits it.

    It checks the machine and the GitHub workflows. Then it builds the working tree twice and measures one build against
    the other (for a minute, or --budget): a change must exceed the noise between two identical builds. The exit code
    is 2 if a workflow has a fault, 3 if nothing could be measured, and 1 if --aa blocked identical code.
    """
    if audit:
        return _audit(chosen)
    if aa is not None:
        return _again(chosen, aa)
    if workflows:
        return _workflows()
    _machine()
    if machine_only:
        return int(Exit.PASSED)
    status = _workflows(wanted=False)
    return _benchmarks(chosen) or status
