"""`perfgate history`."""

import os
from pathlib import Path

import click

from perfgate import codec
from perfgate.cli.options import Chosen, choosing, write
from perfgate.config.load import load
from perfgate.core.selection import Selection
from perfgate.errors import Exit
from perfgate.pipeline import history as reading
from perfgate.render import trend


@click.command()
@choosing
@click.option("--config", type=click.Path(path_type=Path), help="Read this file instead of perfgate.toml.")
@click.option(
    "--since", help="Revision from which on to report changes; default: the last release tag, else the first run."
)
@click.option(
    "--replay", type=click.Path(path_type=Path, exists=True), help="Also judge the stored runs with this perfgate.toml."
)
@click.option("-n", "most", type=click.IntRange(1), help="Number of newest runs of each series to read; default: all.")
@click.option(
    "--check", is_flag=True, help="Exit with 1 if something got worse, drifted too far, or used up its error budget."
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="Output format.")
@click.option("-o", "--output", default="-", help="File to write; - is standard output.")
def history(
    selection: Selection,
    config: Path | None,
    since: str | None,
    replay: Path | None,
    most: int | None,
    check: bool,
    form: str,
    output: str,
) -> int:
    """Find which commits made the stored benchmarks faster or slower, and how far they drifted.

    With --check, the exit code is 1 if something got worse, and 3 if no runs are stored.
    """
    chosen = Chosen(config=config, selection=selection)
    with chosen.workshop() as shop:
        other = load(shop.root(), environ=os.environ, path=replay) if replay else None
        past = reading.history(shop, since=since, other=other, most=most)
    write(codec.dump_history(past) if form == "json" else trend.render(past), output)
    if check and not past.trends:
        return int(Exit.NOT_MEASURED)
    failed = bool(past.alarms) or any(t.drift and t.drift.exceeded for t in past.trends)
    failed = failed or any(budget.left < 0 for budget in past.budgets)
    return int(Exit.REGRESSION if check and failed else Exit.PASSED)
