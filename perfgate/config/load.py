"""Finding and reading the configuration, every fault of it at once, each with its line."""

import difflib
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from perfgate.config.probe import LoadSuite
from perfgate.config.schema import CommandSuite, Config, PyperfSuite, PytestSuite, SideTable, SizeSuite
from perfgate.config.section import Section
from perfgate.errors import ConfigError, FileError
from perfgate.host import files

FILE = "perfgate.toml"
LARGEST = 2**20
MOST_FAULTS = 50  # that one message explains
ENVIRONMENT = {
    "PERFGATE_BUDGET": ("perfgate", "budget"),
    "PERFGATE_EFFORT": ("perfgate", "effort"),
    "PERFGATE_STRICTNESS": ("perfgate", "strictness"),
    "PERFGATE_CANARY": ("perfgate", "canary"),
    "PERFGATE_MARGIN": ("perfgate", "margin"),
    "PERFGATE_PYTHON": ("build", "python"),
    "PERFGATE_ISOLATE": ("build", "isolate"),
}
"""Variables that override the file; a command-line flag overrides both."""


Reader = Callable[[str], bytes | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A configuration and where its values came from."""

    config: Config
    source: str
    """The file, or "defaults"."""
    origins: Mapping[tuple[str, ...], str]
    """Key path to the line, variable or flag that set it; what is not in it is a default."""


def load(
    root: Path,
    *,
    environ: Mapping[str, str],
    flags: Mapping[tuple[str, str], str] | None = None,
    path: Path | None = None,
) -> Loaded:
    """Read the configuration of the project at `root`.

    Args:
        path: a file to read instead of perfgate.toml or pyproject.toml's [tool.perfgate].

    Raises: ConfigError with all faults.
    """
    return _loaded(*_read(_on_disk(root), path.absolute() if path else None), environ, flags)


def load_committed(read: Reader, path: Path | None = None) -> Loaded:
    """Read the configuration that some commit holds, or the defaults; no variable and no flag overrides it.

    Args:
        read: a file's name, relative to the root, to its bytes; None where there is no such file.

    Raises: ConfigError with all faults.
    """
    return _loaded(*_read(read, path), {}, None)


def _loaded(
    name: str,
    text: str,
    data: dict[str, Any],
    environ: Mapping[str, str],
    flags: Mapping[tuple[str, str], str] | None,
) -> Loaded:
    prefix = "tool.perfgate." if name.endswith("pyproject.toml") else ""
    lines = _lines(text, prefix)
    origins = {where: f"{name}:{line}" for where, line in lines.items()}
    flat = {"true": True, "false": False}
    overrides: list[tuple[tuple[str, str], object, str]] = [
        (where, flat.get(environ[v], environ[v]), f"environment {v}")
        for v, where in ENVIRONMENT.items()
        if environ.get(v)
    ]
    overrides += [(where, value, f"{_FLAG}{where[1]}") for where, value in (flags or {}).items()]
    for (table, key), value, origin in overrides:
        if isinstance(data.setdefault(table, {}), dict):  # what is no table is a fault that the schema names
            data[table][key] = value
        origins[table, key] = origin
    try:
        config = Config.model_validate(_tuples(data))
    except RecursionError as exc:
        raise ConfigError(f"{name} is nested too deeply") from exc
    except ValidationError as exc:
        faults, of_flags = _faults(exc, name, origins)
        hint = "perfgate COMMAND --help" if of_flags else "every key: perfgate config schema --format markdown"
        raise ConfigError(faults, hint=hint) from exc
    return Loaded(config=config, source=name if text else "defaults", origins=origins)


def _on_disk(root: Path) -> Reader:
    def read(name: str) -> bytes | None:
        path = root / name  # an absolute name stays as it is
        named = name not in (FILE, "pyproject.toml")
        return files.read(path, largest=LARGEST) if named or path.exists() else None

    return read


def _read(read: Reader, path: Path | None) -> tuple[str, str, dict[str, Any]]:
    for candidate in [path] if path else [Path(FILE), Path("pyproject.toml")]:
        try:
            if (content := read(str(candidate))) is None:
                continue
            if len(content) > LARGEST:
                raise ConfigError(f"{candidate.name} has {len(content):,} bytes; at most {LARGEST:,} are read")
            text = content.decode()
            data = tomllib.loads(text)
        except FileError as exc:
            raise ConfigError(exc.message, hint=exc.hint) from exc
        except (ValueError, RecursionError) as exc:  # what is no TOML, no text, or a number of a thousand digits
            raise ConfigError(
                f"{candidate.name} is not TOML: {exc}", hint="fix that line, then: perfgate config check"
            ) from exc
        if candidate.name != "pyproject.toml":
            return candidate.name, text, data
        tools = data.get("tool")
        table = tools.get("perfgate") if isinstance(tools, dict) else None
        if table is not None and not isinstance(table, dict):
            raise ConfigError(f"pyproject.toml: [tool.perfgate] is {type(table).__name__}, not a table")
        if table is not None:
            # In pyproject.toml the keys of [perfgate] stand in [tool.perfgate] itself.
            own = {key: value for key, value in table.items() if key not in Config.model_fields}
            rest = {key: value for key, value in table.items() if key in Config.model_fields}
            return candidate.name, text, {"perfgate": own, **rest} if own else rest
    return FILE, "", {}


def _tuples(value: Any) -> Any:
    """Turn TOML's lists into tuples, which is what the strict schema holds."""
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


_FLAG = "flag --"
_HEADER = re.compile(r"[ \t]*\[(\[?)([^\]\n]+)\]")
_KEY = re.compile(r"\s*(\"[^\"]*\"|'[^']*'|[A-Za-z0-9_-]+)\s*=")


def _lines(text: str, prefix: str) -> dict[tuple[str, ...], int]:
    """Return the line of each table and key; array entries are numbered. Good enough to point with."""
    found: dict[tuple[str, ...], int] = {}
    counts: dict[str, int] = {}
    table: tuple[str, ...] | None = () if not prefix else None
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            name = f"{header[2].strip()}."
            table = None
            if name.startswith(prefix) or not prefix:
                parts = [part.strip("\"' ") for part in name.removeprefix(prefix).rstrip(".").split(".") if part]
                if header[1]:
                    counts[name] = counts.get(name, -1) + 1
                    parts.append(str(counts[name]))
                table = tuple(parts) or ("perfgate",)
                found.setdefault(table, number)
        elif table is not None and (key := _KEY.match(line)):
            found.setdefault((*table, key[1].strip("\"'")), number)
    return found


def _faults(exc: ValidationError, name: str, origins: Mapping[tuple[str, ...], str]) -> tuple[str, bool]:
    """Return what is wrong, and whether all of it is in options of the command line."""
    faults, errors = [], exc.errors(include_url=False)
    for error in errors[:MOST_FAULTS]:
        where = _place(error["loc"])
        told = (*where, "runner") if error["type"] == "union_tag_invalid" else where
        origin = next((origins[told[:n]] for n in range(len(told), 0, -1) if told[:n] in origins), name)
        place = origin.removeprefix("flag ") if origin.startswith(_FLAG) else f"{origin}: {_dotted(where)}"
        faults.append((_line(origin), f"{place}{_explain(error, where)}".replace(": : ", ": ")))
    if all(text.startswith("--") for _, text in faults):
        return "; ".join(text for _, text in faults), True
    count = f"{len(errors)} faults" if len(errors) > 1 else "a fault"
    more = f"\n  and {len(errors) - MOST_FAULTS} more" if len(errors) > MOST_FAULTS else ""
    return f"the configuration has {count}:\n  " + "\n  ".join(text for _, text in sorted(faults)) + more, False


def _place(loc: Sequence[str | int]) -> tuple[str, ...]:
    """Return where a fault is, without the runner's name that pydantic puts behind that of a suite."""
    parts = tuple(map(str, loc))
    return parts[:2] + parts[3:] if parts[:1] == ("suite",) else parts


def _explain(error: Any, where: Sequence[str]) -> str:
    value = error.get("input")
    match error["type"]:
        case "extra_forbidden":
            near = difflib.get_close_matches(where[-1], _keys(where), n=1)
            advice = f"; did you mean {near[0]!r}?" if near else ""
            if len(where) == 1 and where[0] in _keys(("perfgate", "")):
                advice = "; write it under [perfgate]"
            return f" is not a key that perfgate knows{advice}"
        case "missing":
            return " is missing"
        case "union_tag_invalid":
            return f".runner is {value.get('runner')!r}; it must be one of {error['ctx']['expected_tags']}"
        case "value_error":
            return f": {error['ctx']['error']}"
        case _:
            message = f"{error['msg'][0].lower()}{error['msg'][1:]}".replace("valid tuple", "list of texts")
            return f" is {value!r}: {message.replace('valid string', 'text in quotes')}"


def _keys(where: Sequence[str]) -> list[str]:
    """Return the keys that are valid where the last part of `where` stands."""
    suites: list[type[BaseModel]] = [PytestSuite, PyperfSuite, CommandSuite, SizeSuite, LoadSuite]
    tables: dict[str, list[type[BaseModel]]] = {"suite": suites, "sides": [SideTable]}
    field = Config.model_fields.get(where[0])
    if len(where) == 1 or field is None:
        return list(Config.model_fields)
    models = tables.get(where[0]) or [m for m in Section.__subclasses__() if m.__name__.lower().startswith(where[0])]
    return [info.alias or key for model in models for key, info in model.model_fields.items()]


def _line(origin: str) -> int:
    line = origin.rpartition(":")[2]
    return int(line) if line.isdigit() else 0


def _dotted(where: Sequence[str]) -> str:
    text = ""
    for part in where:
        text += f"[{part}]" if part.isdigit() else f".{part}" if text else part
    return text
