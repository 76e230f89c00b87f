"""asv's results of one commit on one machine."""

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Any

from perfgate.core.model import METRICS, PEAK_MEMORY, TIME, Metric, Reason, Revision, Run
from perfgate.core.units import Unit
from perfgate.errors import FileError
from perfgate.formats.document import NUMBER, Document, Says, Table, newest, number
from perfgate.formats.readings import Readings, commit_of, unit_named

says = Says(
    title="asv",
    made_by="asv run, then .asv/results/MACHINE/COMMIT-ENVIRONMENT.json; or what asv run or asv show prints",
    processes="several, not told apart",
    values="every sample with --record-samples, else the median; of what it prints three digits",
    metrics="time, peak-memory, bytes, value; by what the function is called",
    environment="machine, interpreter, commit",
)
_METRICS = {"time": TIME, "timeraw": TIME, "peakmem": PEAK_MEMORY, "mem": METRICS["bytes"]}
_VALUE = Metric(name="value", unit=Unit.ONE, guessed=True)


_LINE = re.compile(r"\[ *[\d.]+%\] ·{3} (\S+(?:\.\S+)+)\s+(.+)")
_COMMIT = re.compile(r"Commit: ([0-9a-f]{7,40})\b")
_SHOWN = re.compile(r"(\w\S*\.\S+) \[[^\]]+\]")
_VALUE_TEXT = re.compile(rf"({NUMBER})(?:±{NUMBER})?([a-zμµ]*|[kMGT])")
_RULE = re.compile(r"(?=.*[=-]{3})[ =-]+")


class _File(Table):
    version: int
    commit_hash: str
    params: dict[str, Any] = {}
    result_columns: list[str] = []
    results: dict[str, Any]


def recognises(document: Document) -> bool:
    """Return whether it is an asv result file, of version 1 or 2, or the text of `asv run` or `asv show`."""
    keys = document.keys()
    if {"commit_hash", "results"} <= keys and keys & {"result_columns", "env_name", "requirements"}:
        return True
    return any(_LINE.match(line) or _COMMIT.match(line) for line in document.beginning.splitlines())


def read(document: Document) -> Run:
    """Return its benchmarks, a parametrised one as many; null is one that failed, NaN one that was skipped."""
    if not document.keys():
        return _printed(document)
    newest(document, "an asv result", document.json.get("version"), [1, 2])
    file = document.shaped(_File)
    names = {"machine": "machine", "cpu": "cpu", "system": "os", "python": "python"}
    found = Readings(
        document,
        "asv",
        revision=Revision(label=document.name, commit=commit_of(file.commit_hash)),
        facts={fact: file.params.get(key) for fact, key in names.items()},
    )
    for name, columns in file.results.items():
        _add(document, found, name, _row(document, file, columns))
    return found.run()


def _row(document: Document, file: _File, said: Any) -> dict[str, Any]:
    """Return what is said of a benchmark by column; version 1 has an object each, or a number without parameters."""
    if file.version > 1:
        return dict(zip(file.result_columns, document.shaped(list[Any], said), strict=False))
    return said if isinstance(said, dict) else {"result": None if said is None else [said]}


def _add(document: Document, found: Readings, name: str, row: dict[str, Any]) -> None:
    metric = _METRICS.get(name.rpartition(".")[2].partition("_")[0], _VALUE)
    given = document.shaped(list[list[str]], row.get("params") or [])
    medians = row.get("result")
    if medians is None:
        found.fail(name, Reason.RAISED, "asv recorded that it failed")
        return
    medians = document.shaped(list[float | None], medians)
    samples = document.shaped(list[list[float] | None], row.get("samples") or [None] * len(medians))
    cases = [f"{name}({', '.join(case)})" if case else name for case in itertools.product(*given)]
    if not len(cases) == len(medians) == len(samples):
        raise FileError(f"{document.name}: {name!r} has {len(medians)} results for {len(cases)} parameters")
    for case, median, values in zip(cases, medians, samples, strict=True):
        if median is None:
            found.fail(case, Reason.RAISED, "asv recorded that it failed")
        elif median != median:  # noqa: PLR0124 - NaN
            found.fail(case, Reason.SKIPPED, "asv recorded that it was skipped")
        else:
            found.add(case, metric, values or [median])


def _printed(document: Document) -> Run:
    """Return what `asv run` or `asv show` printed: a value a benchmark, or a table of its parameters."""
    commit = next((match[1] for line in document.lines if (match := _COMMIT.match(line))), None)
    found = Readings(document, "asv", revision=Revision(label=document.name, commit=commit_of(commit)))
    for name, block in _blocks(document):
        table = [line.strip() for line in block if line.strip()]
        rules = [place for place, line in enumerate(table) if _RULE.fullmatch(line)]
        if len(rules) > 1:
            rows = table[rules[-2] + 1 : rules[-1]]
            heads = [line for line in table[: rules[-2]] if not _RULE.fullmatch(line)]
            _add_table(found, name, heads, rows)
        elif table:
            _add_text(found, name, table[0])
    return found.run()


def _blocks(document: Document) -> Iterator[tuple[str, list[str]]]:
    """Yield each benchmark's name with the lines that speak of it."""
    name, block = "", list[str]()
    for line in document.lines:
        run, show = _LINE.match(line), _SHOWN.match(line)
        if run or show:
            if name:
                yield name, block
            name, block = (run[1], [] if run[2].strip() == "ok" else [run[2]]) if run else (show[1] if show else "", [])
        elif name and line[:1] in " =":
            block.append(line)
        elif line.strip() and not line.startswith("["):
            if name:
                yield name, block
            name, block = "", []
    if name:
        yield name, block


def _add_table(found: Readings, name: str, heads: Sequence[str], rows: Sequence[str]) -> None:
    """Keep a table: one parameter down, all others across, as asv names its cases."""
    across = heads[-1].split()[1:] if len(heads) > 1 else []
    for row in rows:
        cells = row.split()
        for place, text in enumerate(cells[1:]):
            column = across[place : place + 1] if len(across) == len(cells) - 1 else []
            _add_text(found, f"{name}({', '.join([cells[0], *column])})", text)


def _add_text(found: Readings, name: str, text: str) -> None:
    metric = _METRICS.get(name.partition("(")[0].rpartition(".")[2].partition("_")[0], _VALUE)
    text = text.removeprefix("ok").strip()
    if text in ("n/a", "skipped"):
        found.fail(name, Reason.SKIPPED, f"asv printed {text}")
    elif (value := _VALUE_TEXT.fullmatch(text)) is None:
        found.fail(name, Reason.RAISED, f"asv printed {text[:200]}")
    else:
        found.add(name, metric, [number(found.document, value[1]) * _scale(metric, value[2])])


def _scale(metric: Metric, unit: str) -> float:
    """Return the factor of a unit as asv writes it: k and M are thousands of bytes there."""
    if metric.unit is Unit.SECOND:
        return unit_named(unit or "s").factor
    return {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}.get(unit, 1.0)
