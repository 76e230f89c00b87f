"""`perfgate doctor`."""

from pathlib import Path

import click

from perfgate.errors import Exit
from perfgate.host import files
from perfgate.host.git import Repository
from perfgate.host.interrupt import Interrupts
from perfgate.publishers.github.workflow_faults import faults

LARGEST = 2**20  # bytes of a workflow


@click.command()
@click.option("--workflows", is_flag=True, help="Look at the GitHub workflows; there is nothing else to look at yet.")
def doctor(workflows: bool) -> int:
    """Say what is wrong with the workflows of this repository, each with its line and what to do.

    Ends with 2 where anything is.
    """
    with Interrupts() as interrupts:
        root = Repository(Path.cwd(), interrupts=interrupts).root
    paths = sorted((root / ".github" / "workflows").glob("*.y*ml"))
    texts = {str(path.relative_to(root)): files.read(path, largest=LARGEST).decode(errors="replace") for path in paths}
    found = faults(texts)
    for fault in found:
        click.echo(f"{fault.path}:{fault.line}: {fault.what}\n  try: {fault.do}")
    if not found:
        click.echo(
            f"looked at {len(texts)} workflow{'s' * (len(texts) != 1)}: none of the known faults is there", err=True
        )
    return int(Exit.USAGE if found else Exit.PASSED)
