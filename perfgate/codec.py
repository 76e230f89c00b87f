"""Runs and reports as JSON bytes and back, strict about what comes in.

Separate from both the values and the disk: a file may come from an older perfgate or from an
attacker, and neither the core nor the caller should have to think of that.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, SchemaValidator, core_schema, from_json

from perfgate.core.levels import Point, Points
from perfgate.core.model import Run
from perfgate.core.past import Past
from perfgate.core.processes import Processes
from perfgate.core.report import Report
from perfgate.errors import FileError

# Schema 1: first version. A run's values are in measured order, grouped by process, in base units.
SCHEMA: Literal[1] = 1
LARGEST = 256 * 2**20  # bytes; 1,000 benchmarks of 42 pairs are about 40 MB

RUN_KIND: Literal["perfgate run"] = "perfgate run"
REPORT_KIND: Literal["perfgate report"] = "perfgate report"


def _as_tuple(kind: Any, made: Callable[[Any], Any], of: Any) -> None:
    """Read and write the core's compact types as the tuples that they represent; core does not know files."""

    def schema(_: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        nested = handler.generate_schema(tuple[of, ...])
        written = core_schema.plain_serializer_function_ser_schema(tuple, return_schema=nested)
        return core_schema.no_info_after_validator_function(made, nested, serialization=written)

    kind.__get_pydantic_core_schema__ = staticmethod(schema)


_as_tuple(Processes, Processes, tuple[float, ...])
_as_tuple(Points, Points.of, Point)


class _RunFile(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["perfgate run"]
    schema_version: Literal[1]
    run: Run


def _fail_fast(schema: Any) -> Any:
    """Return a schema by which the first wrong item of a list ends it: a million faults are as bad as one."""
    if isinstance(schema, dict):
        found = {key: _fail_fast(value) for key, value in schema.items()}
        return {**found, "fail_fast": True} if schema.get("type") == "tuple" else found
    return [_fail_fast(value) for value in schema] if isinstance(schema, list) else schema


@cache
def _run_validator() -> SchemaValidator:
    """Return what reads the fields of a run file; the model itself would collect every fault there is."""
    schema: Any = _fail_fast(_RunFile.__pydantic_core_schema__)
    model = schema["schema"] if schema["type"] == "definitions" else schema
    fields = model["schema"]
    whole = {**schema, "schema": fields} if schema["type"] == "definitions" else fields
    return SchemaValidator(whole, model.get("config"))


class _ReportFile(BaseModel):
    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="strings")

    kind: Literal["perfgate report"]
    schema_version: Literal[1]
    report: Report


class _HistoryFile(BaseModel):
    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="strings")

    kind: Literal["perfgate history"]
    schema_version: Literal[1]
    history: Past


_Value = TypeVar("_Value")


def dump_run(run: Run) -> str:
    """Return `run` as JSON; floats round-trip exactly."""
    return _RunFile(kind=RUN_KIND, schema_version=SCHEMA, run=run).model_dump_json() + "\n"


def is_ours(data: bytes) -> bool:
    """Return whether a file begins as all of perfgate's own do, whole or not."""
    return data[:64].replace(b" ", b"").replace(b"\n", b"").startswith(b'{"kind":"perfgate')


def load_run(data: bytes, *, name: str) -> Run:
    """Return the run in `data`; `name` is what messages call it.

    Raises: FileError for anything that is not a whole, finite run of a schema that this version reads.
    """
    run: Run = _load(lambda: _run_validator().validate_json(data)[0]["run"], RUN_KIND, data, name)
    return run


def dump_report(report: Report) -> str:
    """Return `report` as JSON; an interval without an end is written "Infinity"."""
    return _ReportFile(kind=REPORT_KIND, schema_version=SCHEMA, report=report).model_dump_json(indent=1) + "\n"


def dump_history(past: Past) -> str:
    """Return what the stored runs say as JSON."""
    return _HistoryFile(kind="perfgate history", schema_version=SCHEMA, history=past).model_dump_json(indent=1) + "\n"


def load_report(data: bytes, *, name: str) -> Report:
    """Return the report in `data`.

    Raises: FileError as `load_run` does.
    """
    return _load(lambda: _ReportFile.model_validate_json(data).report, REPORT_KIND, data, name)


def _load(read: Callable[[], _Value], kind: str, data: bytes, name: str) -> _Value:
    if len(data) > LARGEST:
        raise FileError(f"{name} has {len(data):,} bytes; at most {LARGEST:,} are read")
    try:
        return read()
    except ValidationError as exc:
        raise FileError(_explain(data, name, kind, exc)) from exc


def _explain(data: bytes, name: str, kind: str, exc: ValidationError) -> str:
    try:
        content: Any = from_json(data)
    except ValueError as fault:
        return f"{name} is not JSON: {fault}"
    if not isinstance(content, dict) or not str(content.get("kind", "")).startswith("perfgate "):
        return f'{name} is not a file that perfgate wrote: it has no "kind": "{RUN_KIND}"'
    if content["kind"] != kind:
        return f"{name} is a {content['kind']}; a {kind} is wanted"
    version = content.get("schema_version")
    if isinstance(version, int) and version > SCHEMA:
        return f"{name} has schema {version}; this perfgate reads up to {SCHEMA}: install a newer one"
    faults = exc.errors(include_url=False, include_input=False)
    first = f"{'.'.join(str(part) for part in faults[0]['loc'])}: {faults[0]['msg']}"
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{name} is damaged: {first}{more}"
