"""`perfgate record`."""

import os
from pathlib import Path

import click

from perfgate.cli.options import Chosen, PathsCommand, measuring
from perfgate.errors import Exit
from perfgate.pipeline import auditing, stored
from perfgate.publishers import actions
from perfgate.render import phrases


@click.command(cls=PathsCommand)
@click.argument("files", nargs=-1)
@measuring
@click.option("--processes", type=click.IntRange(1, 1000), default=10, help="Fresh processes a suite.")
def record(files: tuple[str, ...], chosen: Chosen, processes: int) -> int:
    """Append FILES (runs that `perfgate measure -o` wrote) to the stored runs; without any, measure and append.

    A file may also be a report (`--format json`): its verdicts are kept for `perfgate doctor --audit`.

    Recording the same file twice changes nothing, so what failed half-way can be done again. Ends with 3 when
    a benchmark failed, or one that used to be recorded has been silent for longer than `baseline.max-age`.
    """
    reports = tuple(filter(auditing.is_report, files))
    with chosen.workshop() as shop:
        if reports:
            kept, place = auditing.record(reports, shop)
            many = f"{len(kept)} report{'s' * (len(kept) != 1)}"
            click.echo(f"recorded the verdicts of {many}, {len(reports) - len(kept)} known already, in {place}")
        if reports and len(reports) == len(files):
            return int(Exit.PASSED)
        done = stored.record([name for name in files if name not in reports], shop, processes=processes)
    known = f", {done.known} known already" if done.known else ""
    click.echo(f"recorded {len(done.new)} run{'s' * (len(done.new) != 1)}{known}, in {done.place}")
    for path in done.new:
        click.echo(f"  {path}")
    if output := os.environ.get("GITHUB_OUTPUT"):
        actions.write_outputs(Path(output), {"activity": "record", "recorded": str(len(done.new))})
    for failure in done.failed:
        reason = phrases.line(failure.text.splitlines()[0] if failure.text else "")
        click.echo(f"error: {phrases.name(str(failure.benchmark))} {failure.reason}: {reason}", err=True)
    for benchmark, days in done.silent:
        what = "error" if days > done.longest_days else "warning"
        name = phrases.name(str(benchmark))
        click.echo(f"{what}: {name} was last recorded {days:.0f} days ago and is not in this run", err=True)
    if any(days > done.longest_days for _, days in done.silent):
        names = ", ".join(f'"{benchmark}"' for benchmark, _ in done.silent)
        click.echo(f"try: mend it, or write under [perfgate]: retired = [{names}]", err=True)
        return int(Exit.NOT_MEASURED)
    return int(Exit.NOT_MEASURED if done.failed else Exit.PASSED)
