"""What a project declares to need: dependencies, extras, groups of every tool, files of requirements."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from packaging.dependency_groups import DependencyGroupResolver
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from perfgate.project.files import Files, get, joined, texts

_FILE = re.compile(
    r"(.*/)?(requirements([-_.]?[\w-]+)?\.(txt|in)|(requirements|reqs)/[\w.-]+\.(txt|in))", re.IGNORECASE
)
_FOR_BENCHMARKS = re.compile(r"bench|perf|codspeed|asv|speed")
_FOR_TESTS = re.compile(
    r"^(test|tests|testing|pytest|ci|dev|develop|development|all-tests)\b|[-_.]tests?\b|^tests?[-_.]"
)
_NOT_FOR_RUNNING = re.compile(
    r"doc|lint|mypy|typing|type|format|style|release|publish|spell|towncrier|pre-?commit|build"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A named list of requirements."""

    kind: str
    """`extra`, `group` (PEP 735), `file`, or `list`: one that only its own tool can install by name."""
    name: str
    requirements: tuple[str, ...]

    @property
    def distributions(self) -> frozenset[str]:
        """Normalized names of what it asks for."""
        return frozenset(name for text in self.requirements if (name := distribution(text)))

    @property
    def for_benchmarks(self) -> bool:
        """Whether its name says so."""
        return bool(_FOR_BENCHMARKS.search(self._word))

    @property
    def for_tests(self) -> bool:
        """Whether its name says that it is for tests."""
        return bool(_FOR_TESTS.search(self._word)) and not _NOT_FOR_RUNNING.search(self._word)

    @property
    def for_running(self) -> bool:
        """Whether nothing in its name says that it is for something else than running code."""
        return not _NOT_FOR_RUNNING.search(self._word)

    @property
    def _word(self) -> str:
        return PurePosixPath(self.name).stem.lower() if self.kind == "file" else self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """All that a project in one directory declares."""

    home: str = ""
    """Its directory; the root is empty."""
    dependencies: tuple[str, ...] = ()
    groups: tuple[Group, ...] = ()
    python: str = ""
    """Its `requires-python`, empty where it has none."""

    @property
    def runtime(self) -> frozenset[str]:
        """Normalized names of its dependencies."""
        return frozenset(name for text in self.dependencies if (name := distribution(text)))

    def declares(self, name: str) -> bool:
        """Return whether anything here asks for the distribution."""
        return name in self.runtime or any(name in group.distributions for group in self.groups)

    def requirement(self, name: str) -> str:
        """Return how the project asks for a distribution, with its versions; the bare name where it does not."""
        return next(
            (
                without_marker(text)
                for group in sorted(self.groups, key=lambda group: (not group.for_benchmarks, not group.for_tests))
                for text in group.requirements
                if distribution(text) == name
            ),
            name,
        )


def declared(files: Files, home: str = "") -> Declared:
    """Return what the project in the directory `home` declares."""
    table = files.toml(joined(home, "pyproject.toml"))
    setup = files.ini(joined(home, "setup.cfg"))
    poetry = get(table, "tool", "poetry") or {}
    dependencies = [
        *texts(get(table, "project", "dependencies")),
        *_lines(setup.get("options", {}).get("install_requires", "")),
        *_poetry(get(poetry, "dependencies")),
    ]
    python = get(table, "project", "requires-python") or setup.get("options", {}).get("python_requires", "")
    if not python and isinstance(constraint := get(poetry, "dependencies", "python"), str):
        python = poetry_versions(constraint)
    return Declared(
        home=home,
        dependencies=tuple(dependencies),
        groups=tuple(group for group in _groups(files, home, table, setup) if group.requirements),
        python=python if isinstance(python, str) else "",
    )


def _groups(files: Files, home: str, table: dict[str, Any], setup: dict[str, dict[str, str]]) -> Iterable[Group]:
    for name, found in (get(table, "project", "optional-dependencies") or {}).items():
        yield Group(kind="extra", name=name, requirements=tuple(texts(found)))
    for name, found in setup.get("options.extras_require", {}).items():
        yield Group(kind="extra", name=name, requirements=tuple(_lines(found)))
    groups = get(table, "dependency-groups") or {}
    for name in groups if isinstance(groups, dict) else ():
        yield Group(
            kind="group", name=name, requirements=_resolved(files, joined(home, "pyproject.toml"), groups, name)
        )
    tool = get(table, "tool") or {}
    for name, found in (get(tool, "poetry", "group") or {}).items():
        yield Group(kind="list", name=name, requirements=tuple(_poetry(get(found, "dependencies"))))
    yield Group(kind="list", name="dev", requirements=tuple(_poetry(get(tool, "poetry", "dev-dependencies"))))
    yield Group(kind="list", name="dev", requirements=tuple(texts(get(tool, "uv", "dev-dependencies"))))
    for name, found in (get(tool, "pdm", "dev-dependencies") or {}).items():
        yield Group(kind="list", name=name, requirements=tuple(texts(found)))
    for name, found in (get(tool, "hatch", "envs") or {}).items():
        wanted = (*texts(get(found, "dependencies")), *texts(get(found, "extra-dependencies")))
        yield Group(kind="list", name=name, requirements=wanted)
    for path in files.own(".txt", ".in"):
        inside = path.removeprefix(f"{home}/") if home else path
        if (not home or path.startswith(f"{home}/")) and _FILE.fullmatch(inside) and inside.count("/") < 2:
            yield Group(kind="file", name=path, requirements=tuple(_file(files, path, depth=0)))
    for section, options in files.ini(joined(home, "tox.ini")).items():
        if section.startswith("testenv"):
            yield Group(
                kind="list",
                name=section.partition(":")[2] or "test",
                requirements=tuple(_lines(options.get("deps", ""))),
            )


def _resolved(files: Files, path: str, groups: dict[str, Any], name: str) -> tuple[str, ...]:
    """Return the requirements of a group and of the groups that it includes (PEP 735); none where it is faulty."""
    try:
        return tuple(str(each) for each in DependencyGroupResolver(groups).resolve(name))
    except (ValueError, TypeError, LookupError, ExceptionGroup) as exc:
        files.broken[path] = f"dependency group {name!r}: {exc}"
        return ()


def distribution(requirement: str) -> str:
    """Return the normalized name of what a requirement asks for; empty where it is none."""
    try:
        return canonicalize_name(Requirement(requirement).name)
    except InvalidRequirement:
        found = re.match(r"\s*([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*(?:[<>=!~;@]|$)", requirement)
        return canonicalize_name(found[1]) if found else ""


def without_marker(requirement: str) -> str:
    """Return a requirement without its environment marker: what is named here is wanted here."""
    return requirement.partition(";")[0].strip() if "@" not in requirement else requirement


def poetry_versions(constraint: str) -> str:
    """Return Poetry's `^1.2` and `~1.2` as PEP 440 writes them; empty for `*` and what is not understood.

    Source: Poetry's documentation, "Dependency specification".
    """
    parts = []
    for part in constraint.split(","):
        text = part.strip()
        if text[:1] not in "^~" or text.startswith("~="):
            if text and text != "*" and "||" not in text:
                parts.append(text if text[0] in "<>=!~" else f"=={text}")
            continue
        try:
            release = Version(text[1:].strip()).release
        except InvalidVersion:
            continue
        fixed = 1 if text[0] == "~" and len(release) == 1 else 2
        if text[0] == "^":
            fixed = next((place for place, number in enumerate(release) if number), len(release) - 1) + 1
        upper = [*release[: fixed - 1], release[fixed - 1] + 1]
        parts.append(f">={text[1:].strip()},<{'.'.join(map(str, upper))}")
    return ",".join(parts)


def _poetry(table: Any) -> list[str]:
    found = []
    for name, wanted in (table if isinstance(table, dict) else {}).items():
        if name == "python":
            continue
        constraint = wanted if isinstance(wanted, str) else get(wanted, "version") or ""
        extras = f"[{','.join(texts(get(wanted, 'extras')))}]" if texts(get(wanted, "extras")) else ""
        found.append(f"{name}{extras}{poetry_versions(constraint) if isinstance(constraint, str) else ''}")
    return found


def _lines(text: str) -> list[str]:
    lines = (line.partition(" #")[0].strip() for line in text.splitlines())
    plain = (line.partition(":")[2].strip() if re.match(r"[\w!,{}-]+: ", line) else line for line in lines)
    return [line for line in plain if line and line[0] not in "#-.{" and distribution(line)]


def _file(files: Files, path: str, *, depth: int) -> Iterable[str]:
    for line in files.text(path).splitlines():
        plain = line.partition(" #")[0].strip()
        if other := re.match(r"(?:-r|--requirement)[ =]?(\S+)", plain):
            there = _normal(PurePosixPath(path).parent / other[1])
            if depth < 5 and there in files.known:
                yield from _file(files, there, depth=depth + 1)
        elif plain and plain[0] not in "#-" and distribution(plain):
            yield re.sub(r"\s*(\\|--hash.*)$", "", plain)


def _normal(path: PurePosixPath) -> str:
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def covering(groups: Sequence[Group], wanted: frozenset[str]) -> list[Group]:
    """Return which groups to install for `wanted`: those for benchmarks first, then those for tests, as few as do."""
    chosen: list[Group] = []
    left = set(wanted)
    for tier in (
        [group for group in groups if group.for_benchmarks],
        [group for group in groups if group.for_tests and not group.for_benchmarks],
    ):
        ranked = sorted(
            tier, key=lambda group: (-len(group.distributions & wanted), _ORDER[group.kind], len(group.distributions))
        )
        for group in ranked:
            if group.distributions & left:
                chosen.append(group)
                left -= group.distributions
    return chosen


_ORDER = {"group": 0, "extra": 1, "file": 2, "list": 3}
