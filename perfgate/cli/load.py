"""`perfgate load`."""

from collections.abc import Sequence

import click

from perfgate.cli.options import Chosen, measuring
from perfgate.core.units import Unit
from perfgate.errors import Exit
from perfgate.pipeline import workshop
from perfgate.pipeline.probing import Look, Seen
from perfgate.render import phrases

_COLUMNS = ("p50", "p90", "p95", "p99", "max")


@click.command()
@click.argument("suite_name", metavar="SUITE")
@measuring
@click.option("--rate", help='Requests per second, as in "200/s"; default: as configured, else 50/s.')
@click.option("--duration", help='Time of load, as in "10s"; default: as configured.')
def load(suite_name: str, chosen: Chosen, rate: str | None, duration: str | None) -> int:
    """Start the service of a load test, put it under load, and show rate, latency and errors.

    This does not judge; `perfgate compare` loads two versions side by side.
    """
    with chosen.workshop() as shop:
        found = workshop.look_at(suite_name, shop, rate=rate, duration=duration, tell=_tell)
    click.echo(_table(found))
    return int(Exit.PASSED if all(not seen.faults for seen in found.seen) else Exit.NOT_MEASURED)


def _tell(at_s: float, seen: Sequence[Seen]) -> None:
    total = seen[-1]
    latency = "  ".join(f"{name} {_time(total.quantiles[name])}" for name in ("p50", "p95", "p99") if total.quantiles)
    failed = f"  {sum(total.faults.values())} failed" if total.faults else ""
    click.echo(f"{at_s:5.1f} s  {total.rate:6.0f}/s  {latency}{failed}", err=True)


def _table(found: Look) -> str:
    rows: list[tuple[str, ...]] = [("", "requests", "rate", *_COLUMNS, "failed")]
    for seen in found.seen:
        times = [_time(seen.quantiles[name]) if seen.quantiles else "-" for name in _COLUMNS]
        failed = str(sum(seen.faults.values()))
        rows.append((phrases.name(seen.name, 40), str(seen.requests), f"{seen.rate:.0f}/s", *times, failed))
    lines = phrases.table(rows)
    faults = {fault: count for seen in found.seen[-1:] for fault, count in seen.faults.items()}
    lines += [f"failed: {phrases.line(fault)} ({count} times)" for fault, count in sorted(faults.items())]
    lines += [f"note: the service {phrases.line(word)}" for word in found.words]
    size, cpu = phrases.value(found.rss, Unit.BYTE), _time(found.cpu_per_request_s)
    lines.append(f"service: ready in {_time(found.ready_s)}, {cpu} of CPU a request, {size} in memory")
    lines.append(
        f"generator: {100 * found.busy:.0f} % busy, one request in a hundred left {_time(found.lag_s)} late or more"
    )
    return "\n".join(lines)


def _time(seconds: float) -> str:
    return phrases.value(seconds, Unit.SECOND)
