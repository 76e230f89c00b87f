"""`perfgate clean`."""

from pathlib import Path

import click

from perfgate.host.git import Repository
from perfgate.host.interrupt import Interrupts
from perfgate.measure import sides


@click.command()
def clean() -> int:
    """Remove the prepared sides (checkouts and environments) of this repository from the cache."""
    with Interrupts() as interrupts:
        repository = Repository(Path.cwd(), interrupts=interrupts)
        gone, busy = sides.clean(repository)
    kept = f", {busy} in use and kept" if busy else ""
    click.echo(
        f"removed {gone} prepared side{'s' * (gone != 1)}{kept} from {repository.cache}",
        err=True,
    )
    return 0
