"""iperf3's JSON."""

from typing import Any

from perfgate.core.model import Direction, Metric, Reason, Run
from perfgate.core.units import Unit
from perfgate.formats.document import Document, Says, Table
from perfgate.formats.readings import Readings, unit_named

says = Says(
    title="iperf3",
    made_by="iperf3 --json -c HOST > FILE",
    processes="one",
    values="every interval of what was sent; of UDP the loss and the jitter as well",
    metrics="bits-per-second; retransmits, jitter, lost, which a rule must name",
)
_RETRANSMITS = Metric(name="retransmits", unit=Unit.ONE, diagnostic=True)
_JITTER = Metric(name="jitter", unit=Unit.SECOND, diagnostic=True)
_LOST = Metric(name="lost", unit=Unit.SHARE, diagnostic=True, direction=Direction.LOWER)


class _Sum(Table):
    bits_per_second: float
    retransmits: float | None = None
    jitter_ms: float | None = None
    lost_percent: float | None = None
    omitted: bool = False


class _Interval(Table):
    sum: _Sum


class _Test(Table):
    protocol: str = "TCP"
    reverse: int = 0


class _Start(Table):
    test_start: _Test = _Test()


class _File(Table):
    start: _Start = _Start()
    intervals: list[_Interval] = []
    end: dict[str, Any] = {}
    error: str = ""


def recognises(document: Document) -> bool:
    """Return whether it has the start, the intervals and the end of a test."""
    return {"start", "intervals", "end"} <= document.keys()


def read(document: Document) -> Run:
    """Return the test by its protocol and direction; one that broke off has no number."""
    file = document.shaped(_File)
    test = file.start.test_start
    found, name = Readings(document, "iperf3"), test.protocol + ("/reverse" if test.reverse else "")
    if file.error:
        found.fail(name, Reason.RAISED, file.error)
        return found.run()
    every = [interval.sum.bits_per_second for interval in file.intervals if not interval.sum.omitted]
    found.add(name, unit_named("bits/s").metric, every)
    for key in ("sum_sent", "sum"):
        if key not in file.end:
            continue
        total = document.shaped(_Sum, file.end[key])
        if total.retransmits is not None:
            found.add(name, _RETRANSMITS, [total.retransmits])
        if total.jitter_ms is not None:
            found.add(name, _JITTER, [1e-3 * total.jitter_ms])
        if total.lost_percent is not None:
            found.add(name, _LOST, [total.lost_percent / 100])
    return found.run()
