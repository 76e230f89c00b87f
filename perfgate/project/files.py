"""The files of a project as the other modules read them: text, TOML and INI, and never an error for a broken one."""

import configparser
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

LARGEST = 2**20  # bytes of a file that is read
_NOT_OWN = {"node_modules", "site-packages", "vendor", "vendored", "_vendor", "third_party", "extern", "__pycache__"}

Read = Callable[[str], bytes | None]


@dataclass(kw_only=True)
class Files:
    """A tree of files, read when asked for."""

    paths: tuple[str, ...]
    """Relative to the root of the repository, with `/`."""
    read: Read
    broken: dict[str, str] = field(default_factory=dict)
    """Files that could not be parsed, to the reason."""
    _texts: dict[str, str] = field(default_factory=dict)

    def text(self, path: str) -> str:
        """Return the text of a file; empty where there is none, or it is very large."""
        if path not in self._texts:
            data = (self.read(path) if path in self.known else None) or b""
            self._texts[path] = data.decode(errors="replace").replace("\r\n", "\n") if len(data) <= LARGEST else ""
        return self._texts[path]

    @cached_property
    def known(self) -> frozenset[str]:
        """All paths, to look one up."""
        return frozenset(self.paths)

    def toml(self, path: str) -> dict[str, Any]:
        """Return the table in a TOML file; empty where there is none or it is broken."""
        try:
            return tomllib.loads(self.text(path))
        except (tomllib.TOMLDecodeError, RecursionError) as exc:
            self.broken[path] = str(exc)
            return {}

    def ini(self, path: str) -> dict[str, dict[str, str]]:
        """Return the sections of an INI file; empty where there is none or it is broken."""
        parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
        try:
            parser.read_string(self.text(path))
        except configparser.Error as exc:
            self.broken[path] = str(exc).partition("\n")[0]
            return {}
        return {name: {key: value or "" for key, value in parser[name].items()} for name in parser.sections()}

    def own(self, *endings: str) -> Iterable[str]:
        """Return the paths with these endings that the project wrote itself, as far as their places say."""
        return (path for path in self.paths if path.endswith(endings) and not _NOT_OWN & set(path.split("/")[:-1]))

    def above(self, path: str, name: str) -> str:
        """Return the directory nearest above `path` that holds a file `name`, the root's being empty; "-" for none."""
        for parent in PurePosixPath(path).parents:
            home = "" if str(parent) == "." else str(parent)
            if joined(home, name) in self.known:
                return home
        return "-"


def get(table: Any, *keys: str) -> Any:
    """Return what lies under `keys` in nested tables; None where something else than a table is in the way."""
    for key in keys:
        table = table.get(key) if isinstance(table, dict) else None
    return table


def texts(value: Any) -> list[str]:
    """Return the texts of a list; of anything else none."""
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def joined(home: str, path: str) -> str:
    """Return `path` below the directory `home`, where the root is empty."""
    return f"{home}/{path}" if home else path
