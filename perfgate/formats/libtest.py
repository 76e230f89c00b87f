"""The text of Rust's own `cargo bench`, which Criterion.rs and others write as well."""

import re

from perfgate.core.model import TIME, Reason, Run
from perfgate.formats.document import NUMBER, Document, Says, number
from perfgate.formats.readings import Readings, unit_named

says = Says(
    title="libtest (cargo bench)",
    made_by="cargo bench > FILE, or with Criterion.rs: cargo bench -- --output-format bencher",
    processes="one",
    values="the median",
    metrics="time, bytes-per-second",
)
_RESULT = re.compile(
    rf"test (\S.*?)\s+\.\.\. bench:\s+({NUMBER}) (ns|us|µs|ms|s)/iter \(\+/- \S+\)(?: = ({NUMBER}) (\S+/s))?\s*"
)
_FAILED = re.compile(r"test (\S.*?)\s+\.\.\. FAILED\s*")


def recognises(document: Document) -> bool:
    """Return whether a line of its beginning is a benchmark's result, or the end of a run that has none."""
    return any(_RESULT.fullmatch(line) for line in document.beginning.splitlines())


def read(document: Document) -> Run:
    """Return its benchmarks; one that failed has no number."""
    found, seen = Readings(document, "libtest"), set[str]()
    for line in document.lines:
        if failed := _FAILED.fullmatch(line):
            found.fail(failed[1], Reason.RAISED, "cargo bench said FAILED")
        if (result := _RESULT.fullmatch(line)) is None:
            continue
        found.once(result[1], seen)
        found.add(result[1], TIME, [unit_named(result[3]).factor * number(document, result[2].replace(",", ""))])
        if result[4]:
            rate = unit_named(result[5])
            found.add(result[1], rate.metric, [rate.factor * number(document, result[4].replace(",", ""))])
    return found.run()
