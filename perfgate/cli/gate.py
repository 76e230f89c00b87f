"""`perfgate gate`."""

import os
from pathlib import Path

import click

from perfgate import registry
from perfgate.cli.options import Chosen, measuring
from perfgate.errors import Exit
from perfgate.pipeline import gate as gating
from perfgate.publishers.github.event import Activity

ADVICE = {
    Activity.RECORD: "perfgate record appends a run to the stored ones",
    Activity.PUBLISH: "nothing to measure here",
    Activity.NOTHING: "nothing to do",
}


@click.command()
@measuring
@click.option(
    "--report",
    "directory",
    type=click.Path(path_type=Path),
    default="perfgate-report",
    show_default=True,
    help="Where report.md, report.json, base.json and head.json go.",
)
def gate(chosen: Chosen, directory: Path) -> int:
    """Compare what this GitHub Actions job is about, and end with the verdict.

    A pull request is compared with what it would be merged into, a merge group with its base, a push with the
    commit before. Needs no token. Writes the job's summary, annotations and outputs, and the report files.
    """
    with chosen.workshop() as shop:
        done = gating.gate(shop, os.environ, directory)
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
