"""`perfgate doctor`."""

from pathlib import Path

import click

from perfgate.errors import Exit
from perfgate.host import files, machine
from perfgate.host.git import Repository
from perfgate.host.interrupt import Interrupts
from perfgate.publishers.github.workflow_faults import faults

LARGEST = 2**20  # bytes of a workflow
WATCHED_S = 2.0


def _machine() -> None:
    hurts = machine.watched(WATCHED_S)
    for hurt in hurts:
        click.echo(f"{hurt.what}\n  try: {hurt.do}")
    if not hurts:
        click.echo("this machine: nothing was seen that makes measurements worse", err=True)


@click.command()
@click.option("--workflows", is_flag=True, help="Look at the GitHub workflows alone.")
def doctor(workflows: bool) -> int:
    """Say what of this machine makes measurements worse, and what is wrong with the repository's workflows.

    Each with what to do. Ends with 2 where a workflow has a fault.
    """
    if not workflows:
        _machine()
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
