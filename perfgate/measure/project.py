"""What a commit builds and installs, by its own build files: distributions, modules, and how to install them.

Names of directories prove nothing: a folder called `packaging` may hold a build back-end, while the library of that
name is a dependency.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

SOURCES = (".py", ".so", ".pyd", ".pyx", ".pxd", ".c", ".cc", ".cpp", ".cxx", ".rs", ".f90")
NOT_THE_PROJECT = {
    "tests",
    "test",
    "benchmarks",
    "benchmark",
    "bench",
    "docs",
    "examples",
    "setup",
    "conftest",
}
MOST_BUILD_FILES = 50  # of a monorepo
_BUILD_FILES = ("pyproject.toml", "setup.cfg", "setup.py")
_USUAL_ROOTS = ("", "src", "lib", "python")

Read = Callable[[str], bytes | None]


@dataclass(frozen=True, kw_only=True)
class Project:
    """What the files of one commit say about what it builds."""

    files: frozenset[str]
    """Paths of the tree, relative to its root."""
    names: frozenset[str] = frozenset()
    """Distributions that it builds, as PEP 503 normalizes their names."""
    backend: str = ""
    """The build back-end of the root, as in `build-backend`; empty is setuptools."""
    roots: tuple[str, ...] = _USUAL_ROOTS
    """Directories from which modules are imported, relative to the root; the root itself is empty."""
    build_only: tuple[str, ...] = ()
    """Directories that hold only an in-tree build back-end."""

    @cached_property
    def modules(self) -> dict[str, str]:
        """Dotted name of every module of the tree, packages by their `__init__`, to the file that defines it."""
        found: dict[str, str] = {}
        for file in sorted(self.files):
            if not file.endswith(SOURCES) or any(_below(file, place) for place in self.build_only):
                continue
            for root in self.roots:
                if _below(file, root):
                    dotted = _dotted(file[len(root) + 1 :] if root else file)
                    if dotted and is_code(dotted.partition(".")[0]):
                        found.setdefault(dotted, file)
        return found

    def defines(self, module: str) -> bool:
        """Return whether the tree has the source of `module`, or of a package that it belongs to."""
        parts = module.split(".")
        return any(".".join(parts[:depth]) in self.modules for depth in range(1, len(parts) + 1))

    @property
    def importable(self) -> bool:
        """Whether it has anything that a benchmark could import besides other benchmarks."""
        packages = (file for file in self.files if file.endswith("/__init__.py"))
        return bool(self.modules) or any(map(self.own_module, packages))

    def own_module(self, file: str) -> bool:
        """Return whether a file of the tree is code that may be what is measured, and not what measures it."""
        path = PurePosixPath(file)
        top = path.parent if path.name == "__init__.py" else path
        while f"{top.parent}/__init__.py" in self.files:
            top = top.parent
        return file.endswith(SOURCES) and is_code(top.name.partition(".")[0])

    @property
    def setup(self) -> tuple[str, ...]:
        """The commands that install the project from its own directory."""
        if self.backend.startswith("mesonpy"):  # its import hook builds anew, and needs the tools to be there
            tools = "python -m pip install meson-python meson ninja"
            return (tools, "python -m pip install --no-build-isolation -e .")
        return ("python -m pip install -e .",)


def project(files: Sequence[str], read: Read) -> Project:
    """Return what the tree with these `files` builds; `read` gives a file's bytes."""
    names: set[str] = set()
    roots = list(_USUAL_ROOTS)
    build_only: set[str] = set()
    backend = ""
    building = [file for file in files if PurePosixPath(file).name in _BUILD_FILES]
    for file in sorted(building, key=lambda path: path.count("/"))[:MOST_BUILD_FILES]:
        home = "" if "/" not in file else str(PurePosixPath(file).parent)
        text = (read(file) or b"").decode(errors="replace")
        if home:
            roots += [_joined(home, root) for root in _USUAL_ROOTS]
        if file.endswith("pyproject.toml"):
            table = _toml(text)
            names.update(_names(table))
            roots += [_joined(home, root) for root in _declared_roots(table)]
            build = table.get("build-system", {})
            build_only.update(_joined(home, str(part)) for part in _list(_get(build, "backend-path")))
            if not home:
                backend = str(_get(build, "build-backend") or "")
        elif file.endswith("setup.cfg"):
            names.update(re.findall(r"(?m)^name\s*=\s*([\w.-]+)\s*$", text)[:1])
            roots += [_joined(home, found) for found in re.findall(r"(?m)^\s+=\s*([\w./-]+)\s*$", text)]
        else:
            names.update(re.findall(r"\bname\s*=\s*['\"]([\w.-]+)['\"]", text))
            roots += [_joined(home, found) for found in re.findall(r"['\"]{2}\s*:\s*['\"]([\w./-]+)['\"]", text)]
    return Project(
        files=frozenset(files),
        names=frozenset(map(normalized, names)),
        backend=backend,
        roots=tuple(dict.fromkeys(root.strip("/") for root in roots)),
        build_only=tuple(sorted(place for place in build_only if place)),
    )


def normalized(name: str) -> str:
    """Return the name of a distribution as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def is_code(module: str) -> bool:
    """Return whether a module of this name may be what is measured, and not what measures it."""
    known = module not in NOT_THE_PROJECT and not module.startswith("test_") and not module.endswith("_test")
    return known and module.isidentifier()


def _names(table: dict[str, Any]) -> Iterable[str]:
    for path in (("project",), ("tool", "poetry"), ("tool", "flit", "metadata")):
        found = table
        for key in path:
            found = _get(found, key) or {}
        if isinstance(name := _get(found, "name"), str):
            yield name


def _declared_roots(table: dict[str, Any]) -> Iterable[str]:
    tool = _get(table, "tool") or {}
    setuptools = _get(tool, "setuptools") or {}
    directories = _get(setuptools, "package-dir")
    yield from (str(value) for value in (directories or {}).values()) if isinstance(directories, dict) else ()
    find = _get(_get(setuptools, "packages"), "find")
    yield from map(str, _list(_get(find, "where")))
    if isinstance(root := _get(_get(tool, "maturin"), "python-source"), str):
        yield root
    for package in _list(_get(_get(tool, "poetry"), "packages")):
        if isinstance(root := _get(package, "from"), str):
            yield root
    wheel = _get(_get(_get(_get(tool, "hatch"), "build"), "targets"), "wheel")
    yield from (str(PurePosixPath(str(package)).parent) for package in _list(_get(wheel, "packages")))


def _get(table: Any, key: str) -> Any:
    return table.get(key) if isinstance(table, dict) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}


def _joined(home: str, root: str) -> str:
    parts = [part for part in PurePosixPath(home, root).parts if part not in (".", "/")]
    return "/".join(parts)


def _below(file: str, place: str) -> bool:
    return not place or file.startswith(f"{place}/")


def _dotted(file: str) -> str:
    parts = list(PurePosixPath(file).parts)
    parts[-1] = parts[-1].partition(".")[0]
    if parts[-1] == "__init__":
        parts.pop()
    return ".".join(parts) if all(part.isidentifier() for part in parts) else ""
