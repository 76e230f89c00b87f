"""`perfgate convert`."""

from pathlib import Path

import click

from perfgate import registry
from perfgate.cli.options import write
from perfgate.errors import UsageError
from perfgate.host import files
from perfgate.pipeline import converting


@click.command()
@click.argument("file", required=False)
@click.option("--from", "reader", type=click.Choice(registry.readers()), help="What wrote it; default: by its shape.")
@click.option("--to", "writer", type=click.Choice(registry.writers()), default="run", help="What to write.")
@click.option("--suite", help="Call the suite so, where that is what the rules and the stored runs call it.")
@click.option("-o", "--output", default="-", help="Where to write it; - is standard output.")
@click.option("--list", "listed", is_flag=True, help="List the formats and what each can say.")
def convert(file: str | None, reader: str | None, writer: str, suite: str | None, output: str, listed: bool) -> None:
    """Read FILE (- is standard input), whatever tool wrote it, and write it as a run or for another tool.

    `perfgate compare` and `perfgate record` read the same files as they are.
    """
    if listed:
        click.echo(converting.table())
        return
    if file is None:
        raise UsageError("FILE is missing", hint="perfgate convert FILE, or perfgate convert --list")
    if output != "-":
        files.check_writable(Path(output))
    run = converting.read(Path(file), reader=reader, suite=suite)
    write(registry.writer(writer)(run), output)
