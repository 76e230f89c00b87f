"""The JSON of Julia's BenchmarkTools."""

from collections.abc import Iterator
from typing import Any

from perfgate.core.model import METRICS, TIME, Run
from perfgate.errors import FileError
from perfgate.formats.document import Document, Says
from perfgate.formats.go import unit_of
from perfgate.formats.readings import Readings

says = Says(
    title="Julia BenchmarkTools",
    made_by='BenchmarkTools.save("FILE.json", run(suite))',
    processes="one",
    values="every sample",
    metrics="time, allocated-bytes, allocations",
    environment="Julia",
)
_GROUP, _TRIAL, _ESTIMATE = "BenchmarkGroup", "Trial", "TrialEstimate"
_DEEPEST = 50


def recognises(document: Document) -> bool:
    """Return whether it is a list of versions and of values that name BenchmarkTools."""
    said = document.json
    return isinstance(said, list) and len(said) == 2 and isinstance(said[0], dict) and "BenchmarkTools" in said[0]


def read(document: Document) -> Run:
    """Return its benchmarks by their groups and names."""
    versions, values = document.shaped(tuple[dict[str, Any], list[Any]])
    found = Readings(document, "julia", facts={"julia": versions.get("Julia")})
    for name, kind, fields in _benchmarks(document, values, "", 0):
        times = document.shaped(list[float], fields.get("times") if kind == _TRIAL else [fields.get("time")])
        found.add(name, TIME, [1e-9 * each for each in times])
        for key, metric in (("memory", unit_of("B/op").metric), ("allocs", METRICS["allocations"])):
            if key in fields:
                found.add(name, metric, [document.shaped(float, fields[key])])
    return found.run()


def _benchmarks(document: Document, values: Any, path: str, depth: int) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield (name, kind, fields) of each trial in a list of ["BenchmarkTools.KIND", fields], and in its groups."""
    if depth > _DEEPEST:
        raise FileError(f"{document.name}: groups inside of more than {_DEEPEST} others")
    for value in values:
        kind, fields = document.shaped(tuple[str, dict[str, Any]], value)
        yield from _benchmark(document, kind.rpartition(".")[2], fields, path, depth)


def _benchmark(
    document: Document, kind: str, fields: dict[str, Any], path: str, depth: int
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    if kind == _GROUP:
        for key, inside in document.shaped(dict[str, Any], fields.get("data", {})).items():
            name = f"{path}/{key.strip(chr(34))}" if path else key.strip('"')
            yield from _benchmarks(document, [inside], name, depth + 1)
    elif kind in (_TRIAL, _ESTIMATE):
        yield path or "benchmark", kind, fields
