"""Python interpreters on this machine: whose they are, what is installed in them, which one fits a project."""

import json
import os
import re
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from perfgate.errors import BuildError
from perfgate.host import command
from perfgate.host.interrupt import Interrupts

LONGEST_S = 60.0  # to start an interpreter and list what it has, on a busy machine
_ENVIRONMENTS = (".venv", "venv", "env", ".env")
_LOOK = """
import importlib.util, json, sys
from importlib.metadata import distributions
names = sorted({d.metadata["Name"] for d in distributions() if d.metadata["Name"]})
def there(name):
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):  # a module that replaces itself, or only half of one
        return False
print(json.dumps({
    "version": "%d.%d.%d" % sys.version_info[:3], "executable": sys.executable, "names": names,
    "modules": [name for name in sys.argv[1:] if there(name)],
}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """One interpreter and what it has."""

    path: str
    """As it was asked for."""
    owner: str
    """Whose it is, in words: `the project's .venv`."""
    version: str
    distributions: frozenset[str]
    """Names, as they call themselves."""
    modules: frozenset[str]
    """Of the modules that were asked about, those that can be imported."""

    def satisfies(self, versions: str) -> bool:
        """Return whether its version is one of `versions`, as in `requires-python`."""
        return fits(self.version, versions)


def fits(version: str, versions: str) -> bool:
    """Return whether a version of Python is one of `versions`; anything fits what cannot be read."""
    try:
        return SpecifierSet(versions).contains(version, prereleases=True)
    except InvalidSpecifier:
        return True


def default_python(root: Path) -> str:
    """Return the interpreter to measure with when nothing is said: the project's own environment first."""
    active = [root / name for key in ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT") if (name := os.environ.get(key))]
    own = [root / name for name in _ENVIRONMENTS]
    conda = os.environ.get("CONDA_PREFIX") if os.environ.get("CONDA_DEFAULT_ENV", "base") != "base" else None
    # Where perfgate's own environment is the active one, the project's says more.
    ours = [place for place in active if place == Path(sys.prefix)]
    for place in (*(place for place in active if place not in ours), *own, *ours, *([Path(conda)] if conda else [])):
        if (python := place / "bin" / "python").exists() or python.is_symlink():
            return str(python)
    # A job installs what it needs into the interpreter on its path; the Action keeps perfgate apart from that.
    on_path = shutil.which("python") if os.environ.get("GITHUB_ACTIONS") == "true" else None
    return on_path or sys.executable


def owner_of(python: str, root: Path) -> str:
    """Return whose an interpreter is, in words."""
    place = Path(python).parent.parent
    if place.is_relative_to(root):
        return f"the project's {place.relative_to(root)}"
    if os.environ.get("CONDA_PREFIX") == str(place):
        return f"the conda environment {os.environ.get('CONDA_DEFAULT_ENV', '')}".strip()
    if python == sys.executable or place == Path(sys.prefix):
        return "the environment that perfgate runs in"
    if os.environ.get("VIRTUAL_ENV") == str(place):
        return "the active virtual environment"
    return "the interpreter of [build] python" if "/" in python else "the interpreter on the path"


def inspect(python: str, root: Path, modules: Iterable[str], *, interrupts: Interrupts) -> Interpreter:
    """Start an interpreter and return what it has.

    Raises: BuildError where it does not start, with what to do about it.
    """
    environ = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
    argv = (python, "-c", _LOOK, *sorted(modules))
    try:
        ended = command.run(
            argv, cwd=Path("/"), environ=environ, interrupts=interrupts, apart=True, timeout_s=LONGEST_S
        )
        found = json.loads(ended.printed) if not ended.status else None
    except (OSError, ValueError, TimeoutError):
        found = None
    if not isinstance(found, dict):
        raise BuildError(_why_not(python, root), hint=_instead(python, root))
    return Interpreter(
        path=python,
        owner=owner_of(python, root),
        version=str(found["version"]),
        distributions=frozenset(found["names"]),
        modules=frozenset(found["modules"]),
    )


def _why_not(python: str, root: Path) -> str:
    path = Path(python)
    whose = f"{python} ({owner_of(python, root)})"
    if path.is_symlink() and not path.exists():
        return f"{whose} points to {os.path.realpath(path)}, which is gone"
    if _is_shim(python):
        return f"{python} is a shim of pyenv, and pyenv has no such version selected here"
    there = path.exists() or shutil.which(python)
    return f"{whose} does not start" if there else f"Python interpreter not found: {python}"


def _instead(python: str, root: Path) -> str:
    if _is_shim(python):
        named = re.search(r"(\d+\.\d+)", Path(python).name)
        known = [path for path in installed() if not named or f"/{named[1]}." in path]
        example = known[0] if known else "/path/to/python"
        return f"name the interpreter itself: PERFGATE_PYTHON={example}"
    if Path(python).is_relative_to(root):
        home = Path(python).parent.parent
        return f"remove {home} and create it again, or name another: PERFGATE_PYTHON=/path/to/python"
    return "name another: PERFGATE_PYTHON=/path/to/python, or python under [build] in perfgate.toml"


def _is_shim(python: str) -> bool:
    return "/shims/" in (shutil.which(python) or python)


def installed() -> list[str]:
    """Return the interpreters that this machine has under their usual names, newest first."""
    names = [f"python3.{minor}" for minor in range(20, 7, -1)]
    on_path = [path for name in names if (path := shutil.which(name)) and "/shims/" not in path]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    uv = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "uv" / "python"
    kept = [
        str(place / "bin" / "python")
        for home in (pyenv, uv)
        for place in home.glob("*")
        if (place / "bin" / "python").exists()
    ]
    return [*on_path, *sorted(kept, key=_version_in, reverse=True)]


def _version_in(path: str) -> tuple[int, ...]:
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", Path(path).parent.parent.name)
    return tuple(int(part or 0) for part in found.groups()) if found else ()


def fitting(versions: str, *, like: str) -> str | None:
    """Return an interpreter on this machine of one of `versions`, nearest to the version `like`; None for none."""
    found = {path: version for path in installed() if (version := _minor(path)) and fits(version, versions)}
    wanted = _minor_number(like)
    return min(found, key=lambda path: abs(_minor_number(found[path]) - wanted), default=None)


def _minor(path: str) -> str:
    named = re.search(r"python(3\.\d+)$", path)
    inside = _version_in(path)
    return f"{named[1]}.99" if named else ".".join(map(str, inside)) if inside else ""


def _minor_number(version: str) -> int:
    return int(version.split(".")[1]) if version.count(".") else 0
