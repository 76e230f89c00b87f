"""`perfgate publish`."""

import os
from pathlib import Path

import click

from perfgate.cli.main import say
from perfgate.cli.options import take_token
from perfgate.host.interrupt import Interrupts
from perfgate.pipeline import publish as publishing
from perfgate.publishers import actions
from perfgate.publishers.github.comment import When
from perfgate.render import phrases


@click.command()
@click.option(
    "--key",
    default="default",
    show_default=True,
    help="Name of the gate, if a repository has several; one comment each.",
)
@click.option(
    "--artifact",
    default="perfgate",
    show_default=True,
    help="Name of the artifact that the measuring workflow uploaded.",
)
@click.option(
    "--workflow",
    default=".github/workflows/perfgate.yml",
    show_default=True,
    help="Path of the measuring workflow; runs of other workflows are ignored.",
)
@click.option(
    "--comment",
    type=click.Choice([str(when) for when in When]),
    default=str(When.CHANGES),
    show_default=True,
    help="When to write a comment; an existing comment is always kept up to date.",
)
@click.option("--check/--no-check", default=True, show_default=True, help="Set the check perfgate/verdict.")
@click.option("--status/--no-status", default=False, show_default=True, help="Set the status perfgate/status.")
@click.option(
    "--record/--no-record",
    default=False,
    show_default=True,
    help="Store the verdicts with the stored runs, for perfgate doctor --audit; the job needs contents: write.",
)
@click.option("--config", type=click.Path(path_type=Path), help="Path of the configuration in the repository.")
def publish(
    key: str, artifact: str, workflow: str, comment: str, check: bool, status: bool, record: bool, config: Path | None
) -> int:
    """Publish the results of a workflow run to its pull request.

    Use it in a separate workflow on workflow_run, with a token that may write and without a checkout. It reads the
    numbers in the run's artifact, judges them by the base branch's policy, and keeps one comment and one check up to
    date. The exit code is 3 if something could not be published; the verdict is the exit code of the measuring job.
    """
    if not key or set(key) - set("abcdefghijklmnopqrstuvwxyz0123456789-"):
        raise click.BadParameter("small letters, digits and hyphens", param_hint="--key")
    wanted = publishing.Wanted(
        key=key,
        artifact=artifact,
        workflow=workflow,
        comment=When(comment),
        check=check,
        status=status,
        record=record,
        config=config,
    )
    with Interrupts() as interrupts:
        told = publishing.publish(wanted, os.environ, take_token(), interrupts)
    for note in told.notes:
        click.echo(f"perfgate: {phrases.line(note)}", err=True)
    for failure in told.failures:
        say(failure.message, failure.hint)
    if path := os.environ.get("GITHUB_OUTPUT"):
        facts = {"activity": "publish", "comment-url": told.comment_url, "check-url": told.check_url}
        facts |= {"verdict": str(told.report.outcome)} if told.report else {}
        actions.write_outputs(Path(path), facts)
    return told.exit_code
