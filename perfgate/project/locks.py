"""The versions that a project's lock file names, as constraints that pip and uv take.

uv.lock, poetry.lock, pdm.lock and pylock.toml (PEP 751) are all tables of packages with a name and a version, and
differ in the names of a few keys. Only what comes from an index by its version is of use: the project itself and what
is taken from a repository is installed as its own files say.
"""

import re
import tomllib
from collections.abc import Collection, Iterable, Sequence
from pathlib import PurePosixPath
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from perfgate.project.files import Files, get, joined, texts

LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml")
_ELSEWHERE = {"editable", "virtual", "directory", "path", "git", "url", "file", "archive", "vcs"}
_WHEEL = re.compile(r"-(?P<python>[\w.]+)-(?P<abi>[\w.]+)-[\w.]+\.whl$")
_CPYTHON = re.compile(r"cp3(\d+)")


def lock_of(files: Files, home: str) -> str:
    """Return the path of the lock file that covers the project in the directory `home`; empty where there is none."""
    places = [joined(place, name) for place in dict.fromkeys((home, "")) for name in LOCKS]
    return next((place for place in places if place in files.known), "")


def constraints(text: str, *, build_tools: Collection[str] = ()) -> tuple[str, ...]:
    """Return a line `name==version` for each package of a lock file; none where it is broken.

    A line holds only for those versions of Python for which the lock has it, and for which it can be installed without
    building it, if it has wheels at all.

    Args:
        build_tools: normalized names of what builds the project: an old version in the lock must not replace them.
    """
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return ()
    found: dict[str, dict[str, list[str]]] = {}
    for package in [*_tables(table.get("package")), *_tables(table.get("packages"))]:
        name, version = package.get("name"), package.get("version")
        if isinstance(name, str) and isinstance(version, str) and not _from_elsewhere(package):
            found.setdefault(canonicalize_name(name), {}).setdefault(version, []).append(_marker(package))
    return tuple(
        line
        for name, versions in sorted(found.items())
        if name not in build_tools and (len(versions) == 1 or all(map(all, versions.values())))
        for version, markers in versions.items()
        if _is_requirement(line := f"{name}=={version}{_semicolon(markers)}")
    )


def _semicolon(markers: Sequence[str]) -> str:
    return f" ; {_joined(' or ', markers)}" if all(markers) else ""


def _joined(word: str, parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else word.join(f"({part})" for part in parts)


def _tables(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _from_elsewhere(package: dict[str, Any]) -> bool:
    source = package.get("source")
    kinds = {*package, *(source if isinstance(source, dict) and "registry" not in source else ())}
    kinds.discard("path" if "wheels" in package else "")
    return bool(kinds & _ELSEWHERE) or get(source, "type") in _ELSEWHERE


def _marker(package: dict[str, Any]) -> str:
    """Return for which interpreters a lock has a package."""
    forks = texts(package.get("resolution-markers"))
    own = package.get("markers") or package.get("marker")
    own = own if isinstance(own, str) and "extra" not in own else ""  # what an extra asks for is there or is not
    parts = [part for part in (_joined(" or ", forks) if forks else "", own, _installable(package)) if part]
    return _joined(" and ", parts) if parts else ""


def _installable(package: dict[str, Any]) -> str:
    """Return for which versions of Python there is a wheel; empty where one is for all, or there is none at all."""
    wheels = [found for name in _file_names(package) if (found := _WHEEL.search(name))]
    if not wheels or any("cp" not in wheel["python"] for wheel in wheels):
        return ""
    minors: dict[int, bool] = {}
    for wheel in wheels:
        for minor in map(int, _CPYTHON.findall(wheel["python"])):
            minors[minor] = minors.get(minor, False) or "abi3" in wheel["abi"]
    return " or ".join(
        f"python_version {'>=' if stable else '=='} '3.{minor}'" for minor, stable in sorted(minors.items())
    )


def _file_names(package: dict[str, Any]) -> Iterable[str]:
    for each in (*_tables(package.get("wheels")), *_tables(package.get("files"))):
        name = each.get("name") or each.get("file") or each.get("url")
        if isinstance(name, str):
            yield PurePosixPath(name.partition("#")[0]).name


def _is_requirement(line: str) -> bool:
    try:
        Requirement(line)
    except InvalidRequirement:
        return False
    return True
