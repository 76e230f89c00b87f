"""From the configuration of a load probe to what measures it: its data are read here, from the user's checkout."""

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from perfgate import registry
from perfgate.config.probe import LoadSuite
from perfgate.core.units import parse_duration
from perfgate.errors import ConfigError
from perfgate.host import files
from perfgate.host.service import Ready
from perfgate.measure.probe import Probe

LARGEST_ROWS = 64 * 2**20  # bytes


def probe(root: Path, name: str, suite: LoadSuite) -> Probe:
    """Return the probe that `suite` configures.

    Raises: ConfigError where a file that it names is missing or not what it should be.
    """
    data = root / suite.data if suite.data else None
    if data is not None and not data.exists():
        hint = "it is taken from your checkout and copied for each start of each side"
        raise ConfigError(f"suite.{name}.data: there is no {suite.data}", hint=hint)
    try:
        plan = suite.plan(_rows(root / suite.rows) if suite.rows else ())
    except ValueError as exc:
        raise ConfigError(f"suite.{name}: {exc}") from exc
    options = {"command": suite.command, "prepare": suite.prepare, "environment": suite.environment}
    return Probe(
        name=name,
        service=registry.service(suite.runner, options),
        plan=plan,
        ready=_ready(suite.ready),
        url=suite.url,
        data=data,
        timeout_s=parse_duration(suite.start_timeout),
    )


def _ready(text: str) -> Ready:
    if text.startswith("log:"):
        return Ready(line=text.removeprefix("log:").strip())
    return Ready() if text == "tcp" else Ready(path=text)


def _rows(path: Path) -> tuple[Mapping[str, Any], ...]:
    """Read CSV with a head line, or JSON lines where the file's name ends in .jsonl or .ndjson.

    Raises: ValueError with the line.
    """
    text = files.read(path, largest=LARGEST_ROWS).decode("utf-8-sig")
    if path.suffix not in (".jsonl", ".ndjson"):
        rows = tuple(csv.DictReader(io.StringIO(text)))
    else:
        lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
        rows = tuple(_object(f"{path.name}:{number}", line) for number, line in lines)
    if not rows:
        raise ValueError(f"{path.name} has no rows")
    return rows


def _object(where: str, line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError as exc:
        raise ValueError(f"{where} is not JSON: {exc}") from exc
    if not isinstance(found, dict):
        raise ValueError(f"{where} is no JSON object")  # noqa: TRY004 - a value of the file
    return found
