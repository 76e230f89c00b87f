"""What programs print that use JavaScript's Benchmark.js."""

import re

from perfgate.core.model import RATE, Reason, Run
from perfgate.formats.document import NUMBER, Document, Says, number
from perfgate.formats.readings import Readings

says = Says(
    title="Benchmark.js",
    made_by="node FILE, where each cycle prints String(event.target)",
    processes="one",
    values="the mean",
    metrics="rate",
)
_RESULT = re.compile(rf"\s*(\S.*?) x ({NUMBER}) ops/sec ±\S+% \(\S+ runs? sampled\)\s*")
_FAILED = re.compile(r"\s*(\S.*?): ((?:\w*Error|Exception)\b.*)?")  # its reason may be empty


def recognises(document: Document) -> bool:
    """Return whether a line of its beginning is a benchmark's result."""
    return any(_RESULT.fullmatch(line) for line in document.beginning.splitlines())


def read(document: Document) -> Run:
    """Return its benchmarks; one that raised an error has no number."""
    found, seen = Readings(document, "benchmark-js"), set[str]()
    for line in document.lines:
        if result := _RESULT.fullmatch(line):
            found.once(result[1], seen)
            found.add(result[1], RATE, [number(document, result[2].replace(",", ""))])
        elif failed := _FAILED.fullmatch(line):
            found.fail(failed[1], Reason.RAISED, failed[2] or "it raised an error")
    return found.run()
