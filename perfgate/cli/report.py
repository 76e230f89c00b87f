"""`perfgate report`."""

import os
from pathlib import Path

import click

from perfgate import codec, registry
from perfgate.cli.options import Chosen, choosing, form_of, write
from perfgate.core.selection import Selection
from perfgate.host import files
from perfgate.pipeline import history, site
from perfgate.publishers import actions
from perfgate.render import phrases


@click.command()
@click.argument("report", required=False)
@click.option("--config", type=click.Path(path_type=Path), help="Read this file instead of perfgate.toml.")
@choosing
@click.option("--url", default="", help="Address at which the site will be served; the links of its Atom feed need it.")
@click.option(
    "--format",
    "form",
    type=click.Choice(registry.renderers()),
    help="Format of REPORT; default: by the suffix of the file, else html.",
)
@click.option(
    "-o", "--output", required=True, help="Directory of the site; or the file for REPORT, - is standard output."
)
def report(
    report: str | None, config: Path | None, selection: Selection, url: str, form: str | None, output: str
) -> None:
    """Write the trend site of the stored runs: pages for any web server, or to be opened from the disk.

    With REPORT, a file of `perfgate compare --format json`: write that one report, as a page or in any other format.
    """
    if report is not None:
        found = codec.load_report(files.read(Path(report), largest=codec.LARGEST), name=report)
        write(registry.renderer(form_of(form, output, default="html"))(found), output)
        return
    chosen = Chosen(config=config, selection=selection)
    with chosen.workshop() as shop:
        seen = history.outlook(shop)
        count, size = site.build(seen, Path(output), url=url)
    click.echo(f"wrote {count:,} files, {size / 1e6:.1f} MB, to {output}: open {Path(output) / 'index.html'}", err=True)
    if not seen.past.runs:
        click.echo(
            f"note: nothing is stored in {seen.past.place}, so the pages are empty; perfgate record stores a run, and "
            "perfgate record TAG..HEAD --every 5 fills a history",
            err=True,
        )
    if outputs := os.environ.get("GITHUB_OUTPUT"):
        actions.write_outputs(Path(outputs), {"activity": "site"})
    for fault in seen.past.faults:
        click.echo(f"note: {phrases.line(fault)}", err=True)
