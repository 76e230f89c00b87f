"""PHPBench's XML."""

from typing import TYPE_CHECKING

from perfgate.core.model import PEAK_MEMORY, TIME, Reason, Run
from perfgate.errors import FileError
from perfgate.formats.document import Document, Says, number
from perfgate.formats.readings import Readings

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

says = Says(
    title="PHPBench",
    made_by="phpbench run --dump-file=FILE.xml",
    processes="each iteration",
    values="every iteration",
    metrics="time, peak-memory",
)


def recognises(document: Document) -> bool:
    """Return whether it begins as such a report."""
    return document.is_xml("phpbench")


def read(document: Document) -> Run:
    """Return its subjects by class, name and parameters; each iteration is a process. Microseconds there."""
    found, seen = Readings(document, "phpbench"), set[str]()
    for benchmark in document.xml.iter("benchmark"):
        for subject in benchmark.iter("subject"):
            for variant in subject.iter("variant"):
                given = variant.find("parameter-set")
                case = given.get("name", "") if given is not None else ""
                name = f"{benchmark.get('class', '').strip(chr(92))}::{subject.get('name', '')}"
                name += f"[{case}]" if case not in ("", "0") else ""
                found.once(name, seen)
                errors = [error.text or error.get("exception-class") or "error" for error in variant.iter("error")]
                if errors:
                    found.fail(name, Reason.RAISED, errors[0])
                for place, iteration in enumerate(variant.iter("iteration")):
                    each_us = _each(document, name, variant.get("revs", "1"), iteration)
                    found.add(name, TIME, [1e-6 * each_us], process=place)
                    if peak := iteration.get("mem-peak"):
                        found.add(name, PEAK_MEMORY, [number(document, peak)], process=place)
    return found.run()


def _each(document: Document, name: str, revolutions: str, iteration: "Element") -> float:
    """Return the microseconds that one revolution took."""
    if mean := iteration.get("time-avg"):
        return number(document, mean)
    count = number(document, iteration.get("time-revs") or revolutions)
    if count <= 0:
        raise FileError(f"{document.name}: an iteration of {name!r} has {count:g} revolutions")
    return number(document, iteration.get("time-net", "")) / count
