"""What a commit builds and installs, by its own build files: distributions, modules, and how to install them.

Names of directories prove nothing: a folder called `packaging` may hold a build back-end, while the library of that
name is a dependency.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from packaging.utils import canonicalize_name

from perfgate.project.files import Files, get

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

_NATIVE_BACKENDS = (
    "mesonpy",
    "maturin",
    "scikit_build_core",
    "skbuild",
    "py_build_cmake",
    "cppyy",
    "sipbuild",
    "enscons",
)
_NATIVE_TOOLS = re.compile(
    r"(?i)^(cython|cffi|mypy|mypyc|pybind11|nanobind|setuptools-rust|scikit-build|hatch-cython|hatch-mypyc)\b"
)
_NATIVE_SETUP = re.compile(
    r"ext_modules|\bExtension\(|cythonize\(|mypycify\(|cffi_modules|RustExtension\(|CMakeExtension\("
)


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
    homes: tuple[str, ...] = ()
    """Directories that hold a distribution of their own: more than one in a monorepo or workspace."""
    compiles: bool = False
    """Whether installing it runs a compiler, as far as its build files say."""

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


def project(files: Files) -> Project:
    """Return what a tree of files builds."""
    names: set[str] = set()
    roots = list(_USUAL_ROOTS)
    build_only: set[str] = set()
    backend, compiles = "", False
    homes: set[str] = set()
    building = [file for file in files.own(*_BUILD_FILES) if PurePosixPath(file).name in _BUILD_FILES]
    for file in sorted(building, key=lambda path: path.count("/"))[:MOST_BUILD_FILES]:
        home = "" if "/" not in file else str(PurePosixPath(file).parent)
        text = files.text(file)
        if home:
            roots += [_joined(home, root) for root in _USUAL_ROOTS]
        if file.endswith("pyproject.toml"):
            table = files.toml(file)
            if get(table, "project") or get(table, "build-system") or get(table, "tool", "poetry", "name"):
                homes.add(home)
            compiles = compiles or _compiles(table)
            names.update(_names(table))
            roots += [_joined(home, root) for root in _declared_roots(table)]
            build = get(table, "build-system")
            build_only.update(_joined(home, str(part)) for part in _list(get(build, "backend-path")))
            if not home:
                backend = str(get(build, "build-backend") or "")
        elif file.endswith("setup.cfg"):
            names.update(re.findall(r"(?m)^name\s*=\s*([\w.-]+)\s*$", text)[:1])
            roots += [_joined(home, found) for found in re.findall(r"(?m)^\s+=\s*([\w./-]+)\s*$", text)]
        else:
            homes.add(home)
            compiles = compiles or bool(_NATIVE_SETUP.search(text))
            names.update(re.findall(r"\bname\s*=\s*['\"]([\w.-]+)['\"]", text))
            roots += [_joined(home, found) for found in re.findall(r"['\"]{2}\s*:\s*['\"]([\w./-]+)['\"]", text)]
    return Project(
        files=files.known,
        names=frozenset(map(canonicalize_name, names)),
        homes=tuple(sorted(homes)),
        compiles=compiles or (bool(build_only) and any(files.own(".pyx", ".c", ".rs", ".cpp"))),
        backend=backend,
        roots=tuple(dict.fromkeys(root.strip("/") for root in roots)),
        build_only=tuple(sorted(place for place in build_only if place)),
    )


def is_code(module: str) -> bool:
    """Return whether a module of this name may be what is measured, and not what measures it."""
    known = module not in NOT_THE_PROJECT and not module.startswith("test_") and not module.endswith("_test")
    return known and module.isidentifier()


def _names(table: dict[str, Any]) -> Iterable[str]:
    for path in (("project",), ("tool", "poetry"), ("tool", "flit", "metadata")):
        found = table
        for key in path:
            found = get(found, key) or {}
        if isinstance(name := get(found, "name"), str):
            yield name


def _declared_roots(table: dict[str, Any]) -> Iterable[str]:
    tool = get(table, "tool") or {}
    setuptools = get(tool, "setuptools") or {}
    directories = get(setuptools, "package-dir")
    yield from (str(value) for value in (directories or {}).values()) if isinstance(directories, dict) else ()
    find = get(get(setuptools, "packages"), "find")
    yield from map(str, _list(get(find, "where")))
    if isinstance(root := get(get(tool, "maturin"), "python-source"), str):
        yield root
    for package in _list(get(get(tool, "poetry"), "packages")):
        if isinstance(root := get(package, "from"), str):
            yield root
    wheel = get(get(get(get(tool, "hatch"), "build"), "targets"), "wheel")
    yield from (str(PurePosixPath(str(package)).parent) for package in _list(get(wheel, "packages")))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _compiles(table: dict[str, Any]) -> bool:
    build = get(table, "build-system")
    tools = [str(each) for each in _list(get(build, "requires"))]
    hooks = get(table, "tool", "hatch", "build", "hooks") or {}
    scripts = get(table, "tool", "poetry", "build") or get(table, "tool", "pdm", "build", "run-setuptools")
    return (
        str(get(build, "build-backend") or "").startswith(_NATIVE_BACKENDS)
        or any(map(_NATIVE_TOOLS.match, tools))
        or bool(get(table, "tool", "setuptools", "ext-modules"))
        or bool(scripts)
        or any(re.search(r"cython|mypyc|cmake", name) for name in hooks)
    )


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
