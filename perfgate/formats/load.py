"""What the readers of load generators share: quantiles of latencies, throughput, and how many requests failed."""

from collections.abc import Mapping

from perfgate.core.load.histogram import Histogram
from perfgate.core.load.tally import MOST_ERRORS, QUANTILES
from perfgate.core.model import METRICS, Reason
from perfgate.formats.readings import Readings

LOAD_METRICS = "latency.*, throughput, errors"


def add_latencies(found: Readings, name: str, seconds: Mapping[str, float | None]) -> None:
    """Keep what is known of `mean`, `max`, `p50`, `p90`, `p95` and `p99`, in seconds."""
    for part, value in seconds.items():
        if value is not None:
            found.add(name, METRICS[f"latency.{part}"], [value])


def add_histogram(found: Readings, name: str, latencies: Histogram, **known: float | None) -> None:
    """Keep the same of all latencies of which there is one at least; what is `known` exactly comes first."""
    seconds = {part: latencies.quantile(q) for part, q in QUANTILES.items()}
    add_latencies(found, name, {**seconds, "mean": latencies.mean, **known})


def add_errors(found: Readings, name: str, bad: int, of: int, *, what: str = "requests") -> None:
    """Keep how many requests failed. Where most did, or there was none, nothing was measured: failures may be fast."""
    found.count(name, "errors", bad, of)
    if bad > MOST_ERRORS * of or of == 0:
        found.fail(name, Reason.NOTHING, f"{bad:,} of {of:,} {what} failed" if of else f"there were no {what}")


def add_throughput(found: Readings, name: str, per_second: float) -> None:
    """Keep how many requests were served a second."""
    found.add(name, METRICS["throughput"], [per_second])
