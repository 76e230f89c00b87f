"""`perfgate convert`."""

from pathlib import Path

import click

from perfgate import codec, registry
from perfgate.cli.options import write
from perfgate.errors import Exit, UsageError
from perfgate.host import files
from perfgate.pipeline import converting
from perfgate.render import phrases


@click.command()
@click.argument("file", required=False)
@click.option(
    "--from",
    "reader",
    type=click.Choice(registry.readers()),
    help="Tool that wrote it; default: detected from its contents.",
)
@click.option(
    "--to",
    "writer",
    type=click.Choice(["run", *registry.writers()]),
    default="run",
    help="Format to write; run is perfgate's own.",
)
@click.option("--suite", help="Suite name to use, to match your rules and stored runs.")
@click.option("--commit", metavar="REVISION", help="Commit of the run, if the file does not name one.")
@click.option("-o", "--output", default="-", help="File to write; - is standard output.")
@click.option("--list", "listed", is_flag=True, help="List the formats, and what each can hold.")
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
    tool's format cannot hold is listed, and if nothing is left the exit code is 3.
    """
    if listed:
        click.echo(converting.table())
        return int(Exit.PASSED)
    if file is None:
        raise UsageError("FILE is missing", hint="perfgate convert FILE, or perfgate convert --list")
    if output != "-":
        files.check_writable(Path(output))
    run = converting.read(Path(file), reader=reader, suite=suite, commit=commit)
    if writer == "run":
        write(codec.dump_run(run), output)
        return int(Exit.PASSED)
    written = registry.writer(writer)(run)
    write(written.text, output)
    left_out = [(str(failure.benchmark), f"{failure.reason}: {failure.text}") for failure in run.failures]
    left_out += [(str(sli), why) for sli, why in written.left_out]
    for name, why in left_out:
        click.echo(f"warning: left out: {phrases.name(name)}: {phrases.line(why)}", err=True)
    if len(written.left_out) == len(run.samples):
        return int(Exit.NOT_MEASURED)
    if written.reduced:
        click.echo(
            f"note: {writer} keeps {written.reduced} of each SLI; --to run and --to csv keep every value", err=True
        )
    return int(Exit.PASSED)
