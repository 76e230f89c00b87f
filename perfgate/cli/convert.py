"""`perfgate convert`."""

from pathlib import Path

import click

from perfgate import registry
from perfgate.cli.options import write
from perfgate.errors import Exit, UsageError
from perfgate.host import files
from perfgate.pipeline import converting
from perfgate.render import phrases


@click.command()
@click.argument("file", required=False)
@click.option("--from", "reader", type=click.Choice(registry.readers()), help="What wrote it; default: by its shape.")
@click.option("--to", "writer", type=click.Choice(registry.writers()), default="run", help="What to write.")
@click.option("--suite", help="Call the suite so, where that is what the rules and the stored runs call it.")
@click.option("--commit", metavar="REVISION", help="Of which commit it is, where it names none.")
@click.option("-o", "--output", default="-", help="Where to write it; - is standard output.")
@click.option("--list", "listed", is_flag=True, help="List the formats and what each can say.")
def convert(
    file: str | None,
    reader: str | None,
    writer: str,
    suite: str | None,
    commit: str | None,
    output: str,
    listed: bool,
) -> int:
    """Read FILE (- is standard input), whatever tool wrote it, and write it as a run or for another tool.

    `perfgate compare` and `perfgate record` read the same files as they are. A run keeps everything; what another
    tool's format has no place for is listed, and if nothing is left it ends with 3.
    """
    if listed:
        click.echo(converting.table())
        return int(Exit.PASSED)
    if file is None:
        raise UsageError("FILE is missing", hint="perfgate convert FILE, or perfgate convert --list")
    if output != "-":
        files.check_writable(Path(output))
    run = converting.read(Path(file), reader=reader, suite=suite, commit=commit)
    write(registry.writer(writer)(run), output)
    if writer == "run":
        return int(Exit.PASSED)
    lost = converting.lost(run, writer)
    for name, why in lost:
        click.echo(f"warning: left out: {phrases.name(name)}: {phrases.line(why)}", err=True)
    return int(Exit.NOT_MEASURED if len(lost) and not run.samples else Exit.PASSED)
