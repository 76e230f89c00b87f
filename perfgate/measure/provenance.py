"""Whose code a side ran: every file that its processes loaded comes from the side itself, or is the same on both.

A side that runs the other's code, or the user's checkout, or an installed copy of the project, looks like a clean
pass. What the processes load is noted inside them (`shims/perfgate_origins.py`) while a side is explored.
"""

import csv
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from importlib.resources import files
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.utils import canonicalize_name

from perfgate.core.ports import Launch, Place
from perfgate.errors import ProvenanceError
from perfgate.host.git import Repository
from perfgate.host.scratch import scratch
from perfgate.measure.sides import PreparedSide
from perfgate.project.distribution import Project, is_code, project
from perfgate.project.files import Files

SHOWN = 6  # files that a refusal names
LARGEST_COMPARED = 64 * 2**20  # bytes of a file that is compared with what git has
_HOOK = str(files("perfgate") / "shims" / "origins")
_INSTALLED = ("site-packages", "dist-packages")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """One file that a process of a side loaded."""

    kind: str
    """`code` (a module or library), `program` (an executable that was started), `data` (a file that was opened)."""
    path: Path
    """Without symbolic links."""
    module: str = ""
    """Dotted name, where the process said it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """Where the processes of one side note what they load."""

    home: Path
    foreign: tuple[Path, ...]

    def traced(self, launch: Launch) -> Launch:
        """Return `launch` so that the process and its Python children note what they load."""
        return replace(launch, environ=self.environ(launch.environ))

    def environ(self, environ: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """Return the variables of a process with what makes it note what it loads."""
        found = dict(environ)
        path = found.get("PYTHONPATH", os.environ.get("PYTHONPATH", ""))
        return (
            *environ,
            ("PYTHONPATH", os.pathsep.join([_HOOK, *([path] if path else [])])),
            ("PERFGATE_ORIGINS", str(self.home)),
            ("PERFGATE_FOREIGN", os.pathsep.join(map(str, self.foreign))),
        )

    def note(self, kind: str, path: str) -> None:
        """Note a file on behalf of a process that cannot do so itself."""
        with (self.home / "seen-from-outside").open("ab") as file:
            file.write(os.fsencode(f"{kind}\0\0{path}\0\n"))

    def note_program(self, command: str, place: Place) -> None:
        """Note the program that `command` starts in `place`."""
        path = shutil.which(command, path=dict(place.environ).get("PATH"))
        if "/" in command:
            path = str(Path(place.root, command))
        if path:
            self.note("program", path)

    def loaded(self) -> tuple[Loaded, ...]:
        """Return all that was noted."""
        found: dict[Loaded, None] = {}
        for log in sorted(self.home.iterdir()):
            for record in log.read_bytes().split(b"\0\n"):
                fields = [os.fsdecode(field) for field in record.split(b"\0")]
                if len(fields) == 3 and fields[2]:
                    found[Loaded(kind=fields[0], path=Path(os.path.realpath(fields[2])), module=fields[1])] = None
        return tuple(found)


@contextmanager
def recording(foreign: Sequence[Path]) -> Iterator[Recorder]:
    """Hold a place for notes; any file opened below `foreign` directories is noted, elsewhere only code."""
    with scratch("origins") as home:
        yield Recorder(home=home, foreign=tuple(path.resolve() for path in foreign))


class Provenance:
    """Knows the sides of a measurement, and refuses one in which a side ran foreign code."""

    def __init__(self, repository: Repository, sides: Sequence[PreparedSide]) -> None:
        self.sides = tuple(sides)
        self._repository = repository
        self._labels = ("base", "head") if len(sides) > 1 else tuple(str(side.revision) for side in sides)
        self._homes = tuple(side.directory.resolve() for side in sides)
        self._owned: dict[Path, Mapping[Path, str]] = {}

    @cached_property
    def checkout(self) -> Path:
        """The user's own working tree."""
        return self._repository.root.resolve()

    @cached_property
    def projects(self) -> tuple[Project, ...]:
        """What each side builds."""
        return tuple(
            project(Files(paths=tuple(blobs), read=partial(self._repository.content, str(side.revision.commit))))
            for side, blobs in zip(self.sides, self._blobs, strict=True)
        )

    @cached_property
    def _blobs(self) -> tuple[Mapping[str, str], ...]:
        return tuple(self._repository.blobs(str(side.revision.commit)) for side in self.sides)

    @property
    def checkable(self) -> bool:
        """Whether every side is a commit: only then is it known what belongs to it."""
        return all(side.revision.commit for side in self.sides)

    @property
    def known(self) -> bool:
        """Whether the repository holds modules that a benchmark could import."""
        return any(found.importable for found in self.projects)

    def foreign(self, side: int) -> tuple[Path, ...]:
        """Return the directories of which `side` must not read anything: the checkout, and the other side's."""
        checkout = [self.checkout] if self.checkable else []
        return (*checkout, *(home for each, home in enumerate(self._homes) if each != side))

    def recording(self, side: int) -> AbstractContextManager["Recorder"]:
        """Hold a place where the processes of `side` note what they load."""
        return recording(self.foreign(side))

    def check(self, loaded: Sequence[Sequence[Loaded]], *, shared: Sequence[str] = ()) -> None:
        """Refuse what is not each side's own.

        Args:
            loaded: what the processes of each side loaded.
            shared: paths that base got from head.

        Raises: ProvenanceError with the paths.
        """
        if not self.checkable:
            return
        strays = [
            f"{label} loaded {one.path}{f' ({one.module})' if one.module else ''}, {where}"
            for side, label in enumerate(self._labels)
            for one in _once(loaded[side])
            if (where := self._stray(side, one, shared, loaded[side]))
        ]
        if not strays:
            return
        more = [f"and {len(strays) - SHOWN} more"] if len(strays) > SHOWN else []
        lines = "\n  ".join([*strays[:SHOWN], *more])
        raise ProvenanceError(f"the sides did not run their own code:\n  {lines}", hint=self.hint(loaded[-1]))

    def check_own(self, loaded: Sequence[Sequence[Loaded]], *, shared: Sequence[str]) -> None:
        """Refuse a side that ran nothing but the benchmark files, which both sides take from head.

        Raises: ProvenanceError.
        """
        for side, label in enumerate(self._labels):
            own = self._own_code(side, loaded[side])
            root = Path(self.sides[side].place.root).resolve()
            both = sorted(path for path in own if any(path.is_relative_to(root / each) for each in shared))
            if len(both) < len(own):
                continue
            if both:
                names = ", ".join(str(path.relative_to(root)) for path in both[:SHOWN])
                raise ProvenanceError(
                    f"{label} ran no code of its own: {names} lies in {', '.join(shared)}, which both sides take "
                    "from head as their benchmarks",
                    hint='name the benchmark files alone in suite.*.paths, or set benchmarks-from = "each"',
                )
            raise ProvenanceError(
                f"{label} ran no code of its own: its benchmarks imported no module of this repository",
                hint=f"{self.hint(loaded[-1])}\nor, where the benchmark files hold the code itself, under the suite:\n"
                '    benchmarks-from = "each"',
            )

    def hint(self, loaded: Sequence[Loaded]) -> str:
        """Return the lines that give each side an environment of its own, with what its benchmarks `loaded`."""
        others = [name for name in _distributions(loaded) if canonicalize_name(name) not in self.projects[-1].names]
        lines = [*self.projects[-1].setup, *([f"python -m pip install {' '.join(others)}"] if others else [])]
        return f"give each side its own environment, in perfgate.toml:\n    [build]\n    setup = {json.dumps(lines)}"

    def _stray(self, side: int, one: Loaded, shared: Sequence[str], others: Sequence[Loaded]) -> str:
        """Return what a file is if it is not this side's own and not the same on both; empty otherwise."""
        path = one.path
        if path.is_relative_to(self._homes[side]) or self._is_git_s(path):
            return ""
        for other in self._homes:
            if path.is_relative_to(other):
                name = "/".join(path.relative_to(other).parts[1:])  # what follows tree/
                return "" if self._harmless(name, one, shared) else "which is the other side's"
        if path.is_relative_to(self.checkout) and not _in_environment(path, self.checkout):
            name = path.relative_to(self.checkout).as_posix()
            return "" if self._harmless(name, one, shared) else "which is your checkout's"
        if one.kind == "data" or not self._belongs(side, one, others):
            return ""
        source = self.projects[side].modules.get(one.module or _module_of(path), "")
        return "" if source and self._same(source, path, shared) else "which is an installed copy of this project"

    def _is_git_s(self, path: Path) -> bool:
        """Return whether git itself keeps `path`; what all worktrees share may hold the checkout, too."""
        shared = path.is_relative_to(self._repository.common_directory) and not path.is_relative_to(self.checkout)
        ours = path.is_relative_to(self._repository.store)
        return shared or ours or path.is_relative_to(self.checkout / ".git")

    def _belongs(self, side: int, one: Loaded, others: Sequence[Loaded]) -> bool:
        """Return whether a file outside of the sides and of the checkout is a part of this project."""
        if "editable" in one.path.name:  # the finder of an editable install; what it finds is looked at by itself
            return False
        if one.kind == "program":
            name = one.path.name.replace("-", "_")
            mine = one.path in self._installed(one.path.parent.parent) or (
                is_code(name) and any(name in found.modules for found in self.projects)
            )
            return mine and not (_runs_python(one.path) and self._own_code(side, others))
        place = next((parent for parent in one.path.parents if parent.name in _INSTALLED), None)
        if place is not None and one.path in self._installed(place):
            return True
        module = one.module or _module_of(one.path)
        return bool(module) and any(found.defines(module) for found in self.projects)

    def _own_code(self, side: int, loaded: Sequence[Loaded]) -> set[Path]:
        """Return the files of the project that a side loaded from its own directory."""
        root, found = Path(self.sides[side].place.root).resolve(), self.projects[side]
        own: set[Path] = set()
        for one in loaded:
            if one.kind == "data" or not one.path.is_relative_to(self._homes[side]):
                continue
            if one.path.is_relative_to(root) and not _in_environment(one.path, root):
                name = one.path.relative_to(root).as_posix()
                mine = found.own_module(name)
            else:
                mine = self._belongs(side, one, ())
            own.update({one.path} if mine else ())
        return own

    def _harmless(self, name: str, one: Loaded, shared: Sequence[str]) -> bool:
        """Return whether it makes no difference that a side loaded a foreign copy of its own file `name`."""
        if one.kind == "data" and not any(name in blobs for blobs in self._blobs):
            return True  # nothing that a commit holds: the same file for both
        return self._same(name, one.path, shared)

    def _same(self, name: str, path: Path, shared: Sequence[str]) -> bool:
        """Return whether `path` holds what all commits have as `name`, so that either side would run just that."""
        deciding = self._blobs[-1:] if _below(name, shared) else self._blobs
        wanted = {blobs.get(name) for blobs in deciding}
        if len(wanted) != 1 or None in wanted:
            return False
        return _blob(path, next(iter(wanted)) or "") in wanted

    def is_own(self, distribution: str) -> bool:
        """Return whether a distribution is the project itself, whose version differs from commit to commit."""
        return any(canonicalize_name(distribution) in found.names for found in self.projects)

    def _installed(self, place: Path) -> Mapping[Path, str]:
        """Return the files below `place` (site-packages, or an environment) that an install of this project owns."""
        if place not in self._owned:
            names = frozenset().union(*(found.names for found in self.projects))
            owned: dict[Path, str] = {}
            homes = [place] if place.name in _INSTALLED else list(place.glob("lib/python*/site-packages"))
            for home in homes:
                for info in home.glob("*.dist-info"):
                    if canonicalize_name(info.name.partition("-")[0]) in names or self._from_here(info):
                        owned.update(dict.fromkeys(_recorded(info), info.name))
            self._owned[place] = owned
        return self._owned[place]

    def _from_here(self, info: Path) -> bool:
        try:
            url = str(json.loads((info / "direct_url.json").read_bytes()).get("url", ""))
        except (OSError, ValueError, AttributeError):
            return False
        path = Path(unquote(urlsplit(url).path))
        return url.startswith("file:") and path.resolve().is_relative_to(self.checkout)


def _once(loaded: Sequence[Loaded]) -> list[Loaded]:
    """Return each file once, with the module's name where any process said it."""
    found: dict[tuple[str, Path], Loaded] = {}
    for one in sorted(loaded, key=lambda each: (str(each.path), each.kind, not each.module)):
        found.setdefault((one.kind, one.path), one)
    return list(found.values())


def _in_environment(path: Path, root: Path) -> bool:
    """Return whether `path` is of an environment that lies below `root`: dependencies, and no source."""
    for parent in path.parents:
        if parent == root:
            return False
        if parent.name in (*_INSTALLED, "node_modules") or parent.suffix == ".egg":
            return True
        if (parent / "pyvenv.cfg").exists() or (parent / "conda-meta").is_dir():
            return True
    return False


def _module_of(path: Path) -> str:
    """Return the dotted name under which an installed file is imported; empty where that is not known."""
    for parent in path.parents:
        if parent.name in _INSTALLED:
            parts = list(path.relative_to(parent).parts)
            parts[-1] = parts[-1].partition(".")[0]
            return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return ""


def _distributions(loaded: Sequence[Loaded]) -> list[str]:
    """Return the installed distributions that were loaded, without those that others of them require anyway."""
    tops: dict[Path, set[str]] = {}
    for one in loaded:
        for parent in one.path.parents:
            if parent.name in _INSTALLED:
                tops.setdefault(parent, set()).add(one.path.relative_to(parent).parts[0])
                break
    found: dict[str, set[str]] = {}
    for home, names in tops.items():
        for info in home.glob("*.dist-info"):
            mine = {path.relative_to(home).parts[0] for path in _recorded(info) if path.is_relative_to(home)}
            if mine & names:
                text = (info / "METADATA").read_text(encoding="utf-8", errors="replace").partition("\n\n")[0]
                wanted = re.findall(r"(?m)^Requires-Dist:\s*([\w.-]+)(?![^\n]*\bextra\s*==)", text)
                found.update(
                    {name: set(map(canonicalize_name, wanted)) for name in re.findall(r"(?m)^Name:\s*(\S+)", text)[:1]}
                )
    required = {each for wanted in found.values() for each in wanted}
    return sorted(name for name in found if canonicalize_name(name) not in required | _TOOLS)


_TOOLS = {"pip", "setuptools", "wheel"}
"""In every environment by themselves, or with what needs them."""


def _recorded(info: Path) -> Iterator[Path]:
    try:
        lines = (info / "RECORD").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return
    for row in csv.reader(lines):
        if row:
            yield Path(os.path.realpath(info.parent / row[0]))


def _runs_python(program: Path) -> bool:
    """Return whether a program is a script of Python's, whose imports were noted by themselves."""
    try:
        with program.open("rb") as file:
            first = file.read(256).partition(b"\n")[0]
    except OSError:
        return False
    return first.startswith(b"#!") and b"python" in first


def _blob(path: Path, like: str) -> str:
    """Return git's name for the content of `path`, by the hash that `like` was made with; empty if it is too large."""
    try:
        if path.stat().st_size > LARGEST_COMPARED:
            return ""
        data = path.read_bytes()
    except OSError:
        return ""
    made = hashlib.sha256 if len(like) == 64 else hashlib.sha1
    return made(b"blob %d\0" % len(data) + data).hexdigest()


def _below(name: str, places: Sequence[str]) -> bool:
    return any(name == place or name.startswith(f"{place}/") for place in places)
