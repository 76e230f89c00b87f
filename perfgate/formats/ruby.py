"""Ruby's benchmark-ips, its text or its JSON, and the table of the standard library's Benchmark."""

import re

from perfgate.core.model import CPU, RATE, TIME, Run
from perfgate.formats.document import NUMBER, Document, Number, Says, Table, number
from perfgate.formats.readings import Readings

says = Says(
    title="Ruby benchmark-ips, Benchmark",
    made_by="ruby FILE > FILE.txt; with benchmark-ips also x.json! FILE",
    processes="one",
    values="the mean",
    metrics="rate; of Benchmark time and cpu",
)
_RATE = re.compile(rf"\s*(\S.*?)\s+({NUMBER})([kMBTQ]?) \(±\s*\S+%\) i/s\b.*")
_SCALES = {"": 1.0, "k": 1e3, "M": 1e6, "B": 1e9, "T": 1e12, "Q": 1e15}
_HEAD = re.compile(r"^\s+user\s+system\s+total\s+real\s*$", re.MULTILINE)
_TIMES = re.compile(rf"(.*?)\s+({NUMBER})\s+({NUMBER})\s+({NUMBER}) \(\s*({NUMBER})\)\s*")


class _Entry(Table):
    name: str
    ips: Number | None = None
    central_tendency: Number | None = None


def recognises(document: Document) -> bool:
    """Return whether it is one of them."""
    if isinstance(document.json, list):
        return {"name", "ips", "stddev"} <= document.keys() or {"name", "central_tendency"} <= document.keys()
    text = document.beginning
    return bool(_HEAD.search(text)) or any(_RATE.fullmatch(line) for line in text.splitlines())


def read(document: Document) -> Run:
    """Return its benchmarks."""
    found, seen = Readings(document, "ruby"), set[str]()
    if isinstance(document.json, list):
        for entry in document.shaped(list[_Entry]):
            found.once(entry.name, seen)
            rate = entry.ips if entry.central_tendency is None else entry.central_tendency
            found.add(entry.name, RATE, [] if rate is None else [rate])
        return found.run()
    in_table = False
    for line in document.lines:
        in_table = in_table or bool(_HEAD.fullmatch(line))
        if said := _RATE.fullmatch(line):
            found.once(said[1], seen)
            found.add(said[1], RATE, [_SCALES[said[3]] * number(document, said[2])])
        elif in_table and (times := _TIMES.fullmatch(line)):
            name = times[1].strip().rstrip(":") or f"report {len(seen) + 1}"
            found.once(name, seen)
            found.add(name, TIME, [number(document, times[5])])
            found.add(name, CPU, [number(document, times[4])])
    return found.run()
