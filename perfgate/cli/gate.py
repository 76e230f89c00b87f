"""`perfgate gate`."""

import os
from dataclasses import replace
from pathlib import Path

import click

from perfgate import registry
from perfgate.cli.options import Chosen, PathsCommand, measuring
from perfgate.core.model import WHOLE, Part
from perfgate.core.units import parse_part
from perfgate.errors import Exit, UsageError
from perfgate.host.hardening import keep_memory_private
from perfgate.pipeline import gate as gating
from perfgate.publishers.github.event import Activity

ADVICE = {
    Activity.RECORD: "nothing to compare, and nothing was measured; perfgate record measures and stores a run",
    Activity.PUBLISH: "nothing to measure here",
    Activity.NOTHING: "nothing to do",
}


def _part(text: str | None) -> Part:
    try:
        number, of = parse_part(text) if text else (1, 1)
    except ValueError as exc:
        raise UsageError(f"--shard: {exc}") from exc
    return Part(number=number, of=of) if of > 1 else WHOLE


@click.command(cls=PathsCommand)
@measuring
@click.option(
    "--report",
    "directory",
    type=click.Path(path_type=Path),
    default="perfgate-report",
    show_default=True,
    help="Directory for report.md, report.html, report.json, base.json and head.json.",
)
@click.option(
    "--shard", help='Measure only one part of the benchmarks, as in "2/4"; other jobs measure the other parts.'
)
@click.option(
    "--merge",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Do not measure; combine and judge the results of the --shard jobs below this directory.",
)
def gate(chosen: Chosen, directory: Path, shard: str | None, merge: Path | None) -> int:
    """Run the gate in GitHub Actions and set the job's result.

    A pull request is compared with the commit that it would be merged into, a merge group with its base, a push with
    the commit before it. It needs no token. It writes the job's summary, annotations and outputs, and the report files.
    """
    environ = dict(os.environ)
    if environ.get("GITHUB_ACTIONS") == "true":
        keep_memory_private()
    with chosen.workshop() as shop:
        done = gating.gate(replace(shop, part=_part(shard)), environ, directory, parts=merge)
        interrupted = shop.interrupts.requested
    if done.compared is None:
        click.echo(f"perfgate: {done.asked.why}: {ADVICE[done.asked.activity]}", err=True)
        return int(Exit.PASSED)
    report = done.compared.report
    click.echo(f"perfgate: {done.asked.why}, {report.base.revision}", err=True)
    if done.asked.fork:
        click.echo("perfgate: from a fork, whose token can only read: the exit code is the verdict", err=True)
    click.echo(registry.renderer("text")(report))
    if notes := registry.renderer("annotations")(report):
        click.echo(notes)
    return int(Exit.INTERRUPTED if interrupted else report.exit_code)
