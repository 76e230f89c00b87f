"""`perfgate compare`."""

from pathlib import Path

import click

from perfgate import codec, registry
from perfgate.cli import console
from perfgate.cli.options import Chosen, PathsCommand, form_of, measuring, write
from perfgate.core.units import parse_share
from perfgate.errors import Exit, UsageError
from perfgate.host import files
from perfgate.pipeline import compare as comparing
from perfgate.pipeline import stored
from perfgate.render import phrases

BASELINE = "baseline"


@click.command(cls=PathsCommand)
@click.argument("base", required=False)
@click.argument("head", required=False)
@measuring
@click.option(
    "--format",
    "form",
    type=click.Choice(registry.renderers()),
    help="Format of the report; default: by the suffix of --output, else text.",
)
@click.option("-o", "--output", default="-", help="File to write the report to; - is standard output.")
@click.option(
    "--processes",
    type=click.IntRange(1, 1000),
    default=10,
    help="Number of fresh processes of each suite, if only one side is measured.",
)
@click.option(
    "--from",
    "reader",
    type=click.Choice(registry.readers()),
    help="Tool that wrote the files; default: detected from their contents.",
)
@click.option("--limit", help='Judge by this limit instead of the configured ones, as in "3%".')
@click.option(
    "-q", "--quiet", is_flag=True, help="Print only the first line of the report; progress goes to standard error."
)
@click.option(
    "--save",
    type=click.Path(path_type=Path),
    help="Directory in which to keep the two runs, as base.json and head.json.",
)
def compare(
    base: str | None,
    head: str | None,
    chosen: Chosen,
    form: str | None,
    output: str,
    processes: int,
    reader: str | None,
    limit: str | None,
    quiet: bool,
    save: Path | None,
) -> int:
    """Measure BASE and HEAD side by side, in pairs that take turns, and judge the difference.

    Each is a git revision or a run file. BASE defaults to the merge base with the remote's default branch,
    HEAD to the working tree. BASE may also be the word `baseline`: the stored runs of HEAD's nearest ancestors.
    A PATH is a file, a directory or a test as pytest names it: only those benchmarks are measured.
    """
    targets = [*([Path(output)] if output != "-" else []), *([save / "base.json"] if save else [])]
    for target in targets:
        files.check_writable(target)
    share = _share(limit)
    with chosen.workshop(reader=reader) as shop:
        if base == BASELINE:
            compared = stored.compare_with_baseline(head, shop, processes=processes, limit=share)
        else:
            compared = comparing.compare(base, head, shop, processes=processes, limit=share)
        interrupted = shop.interrupts.requested
    brief = quiet and output == "-"
    form = form_of(form, output, default="text")
    text = phrases.headline(compared.report) if brief else registry.renderer(form)(compared.report)
    coloured = form == "text" and output == "-" and not brief and console.wants_colour()
    write(console.coloured(text) if coloured else text, output)
    if output != "-":
        click.echo(phrases.headline(compared.report), err=True)
    if save:
        files.write(save / "base.json", codec.dump_run(compared.base))
        files.write(save / "head.json", codec.dump_run(compared.head))
    return int(Exit.INTERRUPTED if interrupted else compared.report.exit_code)


def _share(limit: str | None) -> float | None:
    try:
        return parse_share(limit) if limit else None
    except ValueError as exc:
        raise UsageError(f"--limit: {exc}") from exc
