"""`perfgate baseline list | show | verify | compact`."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from perfgate.cli.options import Chosen
from perfgate.errors import Exit
from perfgate.pipeline import stored
from perfgate.pipeline.workshop import Workshop
from perfgate.render import phrases


@click.group()
def baseline() -> None:
    """Look after the stored runs."""


@contextmanager
def _shop() -> Iterator[Workshop]:
    with Chosen().workshop() as shop:
        yield shop


@baseline.command("list")
@click.option("-n", "most", type=click.IntRange(1), default=20, show_default=True, help="Number of runs to show.")
def list_(most: int) -> int:
    """List the stored runs, those nearest to HEAD first."""
    with _shop() as shop:
        entries, place = stored.listed(shop)
    for row in entries[:most]:
        click.echo(f"{row.commit[:12] or 'roll-up':12}  {row.environment}  {row.suite:20}  {row.path}")
    whole = sum(1 for entry in entries if entry.commit)
    counts = [f"{whole:,} stored run{'s' * (whole != 1)}"]
    if rolled := len(entries) - whole:
        counts.append(f"{rolled:,} roll-up{'s' * (rolled != 1)} of older ones")
    shown = f"; the first {most} are shown" if len(entries) > most else ""
    click.echo(f"{' and '.join(counts)} in {place}{shown}", err=True)
    return int(Exit.PASSED)


@baseline.command()
@click.argument("revision", default="HEAD")
def show(revision: str) -> int:
    """Show what is stored of REVISION."""
    with _shop() as shop:
        runs = stored.shown(revision, shop)
    for run in runs:
        click.echo(
            f"{run.suite} of {run.commit[:12]}, measured {run.started}, environment {run.environment.fingerprint}"
        )
        click.echo("  " + ", ".join(f"{name} {phrases.line(value)}" for name, value in run.environment.facts))
        for sli, level in run.levels.items():
            unit = sli.metric.unit
            low, high = phrases.value(level.low, unit), phrases.value(level.high, unit)
            value = phrases.value(level.median, unit)
            click.echo(f"  {phrases.name(str(sli))}  {value} [{low}, {high}] of {level.n} processes")
        for failure in run.failures:
            click.echo(f"  {phrases.name(str(failure.benchmark))}  {failure.reason}: {phrases.line(failure.text)}")
    return int(Exit.PASSED)


@baseline.command()
def verify() -> int:
    """Read everything that is stored and name what is damaged, tampered with or out of place."""
    with _shop() as shop:
        faults, count, place = stored.verified(shop)
    for fault in faults:
        click.echo(phrases.line(fault))
    click.echo(
        f"{count:,} stored run{'s' * (count != 1)} in {place}: {len(faults) or 'no'} fault{'s' * (len(faults) != 1)}",
        err=True,
    )
    return int(Exit.NOT_MEASURED if faults else Exit.PASSED)


@baseline.command()
@click.option(
    "--keep", type=click.IntRange(1), required=True, help="Number of newest runs of each series to keep as they are."
)
def compact(keep: int) -> int:
    """Begin the results branch anew with the newest runs, and one run a day of the older ones.

    This rewrites the branch: clones that have fetched it must fetch it again, and a rule against force pushes must
    allow it.
    """
    with _shop() as shop:
        before, after, place = stored.compacted(shop, keep=keep)
    if not before:
        click.echo(f"nothing to roll up in {place}: no series has more than {keep} runs", err=True)
    else:
        click.echo(f"rolled {before:,} runs up into {after:,}, in {place}", err=True)
    return int(Exit.PASSED)
