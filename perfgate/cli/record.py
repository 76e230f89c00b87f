"""`perfgate record`."""

import os
from pathlib import Path

import click

from perfgate import registry
from perfgate.cli.options import Chosen, PathsCommand, measuring
from perfgate.errors import Exit
from perfgate.pipeline import auditing, stored
from perfgate.publishers import actions
from perfgate.render import phrases


@click.command(cls=PathsCommand)
@click.argument("what", nargs=-1, metavar="[FILE | REVISION | A..B]...")
@measuring
@click.option("--processes", type=click.IntRange(1, 1000), default=10, help="Number of fresh processes of each suite.")
@click.option("--every", type=click.IntRange(1), default=1, metavar="N", help="Of a range, measure every Nth commit.")
@click.option(
    "--from",
    "reader",
    type=click.Choice(registry.readers()),
    help="Tool that wrote the files; default: detected from their contents.",
)
@click.option("--commit", metavar="REVISION", help="Commit of the files that do not name one.")
@click.option("--dry-run", is_flag=True, help="Measure and store nothing; print what would be stored, and where.")
def record(
    what: tuple[str, ...],
    chosen: Chosen,
    processes: int,
    every: int,
    reader: str | None,
    commit: str | None,
    dry_run: bool,
) -> int:
    """Measure the current commit, or each REVISION, and store its run; or store FILEs of perfgate or another tool.

    Most other tools' files do not name a commit: `--commit HEAD` does.

    A range such as `v1.0..HEAD --every 5` fills a history, oldest commit first. Commits that are stored already are
    skipped, so you can interrupt it and run it again. It prints where it will store before it measures.

    A file may also be a report (`--format json`): its verdicts are stored for `perfgate doctor --audit`.

    Recording the same file twice changes nothing, so a failed upload can be retried. The exit code is 3 if a benchmark
    failed, or if one that used to be recorded has been missing for longer than `baseline.max-age`.
    """
    reports = tuple(filter(auditing.is_report, what))
    with chosen.workshop(reader=reader) as shop:
        if reports:
            kept, place = auditing.record(reports, shop, dry_run=dry_run)
            count = len(reports) if dry_run else len(kept)
            many = f"{count} report{'s' * (count != 1)}"
            if dry_run:
                shop.tell(f"would store the verdicts of {many} in {place}")
            else:
                click.echo(f"recorded the verdicts of {many}, {len(reports) - count} known already, in {place}")
        if reports and len(reports) == len(what):
            return int(Exit.PASSED)
        rest = [name for name in what if name not in reports]
        done = stored.record(rest, shop, processes=processes, every=every, dry_run=dry_run, commit=commit)
    if dry_run:
        return int(Exit.PASSED)
    known = f", {done.known} known already" if done.known else ""
    click.echo(f"recorded {len(done.new)} run{'s' * (len(done.new) != 1)}{known}, in {done.place}")
    for path in done.new:
        click.echo(f"  {path}")
    if output := os.environ.get("GITHUB_OUTPUT"):
        actions.write_outputs(Path(output), {"activity": "record", "recorded": str(len(done.new))})
    for unmeasured, why in done.unmeasured:
        text = phrases.line(why.splitlines()[0])
        click.echo(f"error: {phrases.name(unmeasured)} could not be measured: {text}", err=True)
    for failure in done.failed:
        reason = phrases.line(failure.text.splitlines()[0] if failure.text else "")
        click.echo(f"error: {phrases.name(str(failure.benchmark))} {failure.reason}: {reason}", err=True)
    for benchmark, days in done.silent:
        kind = "error" if days > done.longest_days else "warning"
        name = phrases.name(str(benchmark))
        click.echo(f"{kind}: {name} was last recorded {days:.0f} days ago and is not in this run", err=True)
    if any(days > done.longest_days for _, days in done.silent):
        names = ", ".join(f'"{benchmark}"' for benchmark, _ in done.silent)
        click.echo(f"try: fix it, or write under [perfgate]: retired = [{names}]", err=True)
        return int(Exit.NOT_MEASURED)
    return int(Exit.NOT_MEASURED if done.failed or done.unmeasured else Exit.PASSED)
