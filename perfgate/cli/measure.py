"""`perfgate measure`."""

from pathlib import Path

import click

from perfgate import codec
from perfgate.cli.options import Chosen, PathsCommand, measuring, write
from perfgate.errors import Exit
from perfgate.host import files
from perfgate.pipeline import workshop
from perfgate.render import phrases


@click.command(cls=PathsCommand)
@click.argument("revision", required=False)
@measuring
@click.option("--processes", type=click.IntRange(1, 1000), default=10, help="Number of fresh processes of each suite.")
@click.option("-o", "--output", default="-", help="File to write the run to; - is standard output.")
def measure(revision: str | None, chosen: Chosen, processes: int, output: str) -> int:
    """Measure the working tree (or REVISION) alone and write a run file.

    Two such runs cannot tell a slowdown from a busy machine. To decide, let `perfgate compare` measure both sides in
    pairs.
    """
    if output != "-":
        files.check_writable(Path(output))
    with chosen.workshop() as shop:
        run = workshop.measure(revision, shop, processes=processes)
        interrupted = shop.interrupts.requested
    write(codec.dump_run(run), output)
    if interrupted:
        click.echo("interrupted: the run holds what was measured until then, and cannot be recorded", err=True)
    for failure in run.failures:
        click.echo(f"failed: {phrases.name(str(failure.benchmark))}: {phrases.name(_first(failure.text))}", err=True)
    if interrupted:
        return int(Exit.INTERRUPTED)
    return int(Exit.PASSED if run.samples else Exit.NOT_MEASURED)


def _first(text: str) -> str:
    return text.strip().partition("\n")[0]
