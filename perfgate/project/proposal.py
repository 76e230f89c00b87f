"""The setup commands and suites that perfgate proposes for a project that has no configuration.

`perfgate init` writes the proposal to perfgate.toml. `perfgate compare` without a configuration follows it directly.
"""

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from packaging.utils import canonicalize_name

from perfgate.project.benchmarks import (
    ASV,
    CARGO,
    GO,
    GOOGLE,
    JMH,
    NPM,
    PYPERF,
    PYTEST,
    SCRIPT,
    BenchmarkFile,
    benchmark_files,
    is_named_for_benchmarks,
)
from perfgate.project.distribution import Project, project
from perfgate.project.files import Files, get, joined
from perfgate.project.locks import lock_of
from perfgate.project.needs import Needs, needs
from perfgate.project.pytest_options import pytest_options
from perfgate.project.requirements import Declared, covering, declared, distribution

MOST_SCRIPTS = 3  # scripts that are proposed as commands where there is nothing better
SUITE, SCRIPTS_SUITE, PROGRAMS_SUITE = "benchmarks", "pyperf", "scripts"
PIP, UV = "python -m pip install", "uv pip install"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a project looks like."""

    files: Files
    project: Project
    declared: Declared
    """Of the project that the benchmarks belong to."""
    benchmarks: tuple[BenchmarkFile, ...]

    def of(self, *harnesses: str) -> tuple[BenchmarkFile, ...]:
        """Return the files of these harnesses."""
        return tuple(file for file in self.benchmarks if file.harness in harnesses)

    @property
    def runnable(self) -> tuple[BenchmarkFile, ...]:
        """The files that perfgate would run in Python: pytest's and pyperf's, and scripts where there are no others."""
        usual = self.of(PYTEST, PYPERF)
        return usual or _nearest(self.of(SCRIPT))

    @property
    def falls_back(self) -> bool:
        """Whether pytest itself must find the benchmarks: none is seen, though the project names a plug-in for some."""
        harness = any(map(self.declared.declares, ("pytest-benchmark", "pytest-codspeed")))
        return harness and not self.runnable and not self.of(NPM, GO)

    @property
    def alone(self) -> bool:
        """Whether the benchmark files hold the code that they measure: the repository has nothing else to import."""
        sources = self.files.own(".py", ".pyx", ".c", ".rs", ".go", ".js", ".ts")
        return bool(self.runnable) and all(map(is_test, sources))


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Setup commands and suites for a project."""

    setup: tuple[str, ...]
    suites: dict[str, dict[str, Any]]
    """Name to keys and values as in perfgate.toml."""
    needs: Needs
    python: str = ""
    """The versions of Python that the project runs on, as in `requires-python`; empty is any."""
    lock: str = ""
    """Path of the lock file whose versions the setup installs."""
    compiles: bool = False
    notes: tuple[str, ...] = ()
    """What was found that perfgate cannot run by itself, a sentence each."""
    added: tuple[str, ...] = ()
    """Setup commands that a trial found to be needed."""
    unavailable: tuple[str, ...] = ()
    """Distributions that a trial found cannot be installed here."""
    editable: bool = True
    """Whether the project can be installed in editable mode, as far as a trial found."""

    def plus(self, requirements: Sequence[str]) -> "Proposal":
        """Return it with something more to install."""
        line = f"{PIP} {' '.join(map(shlex.quote, requirements))}"
        return replace(self, setup=(*self.setup, line), added=(*self.added, line))

    def less(self, name: str) -> "Proposal":
        """Return it without the requirement of a distribution; the same where no command names it."""
        setup, added = (
            [kept for line in lines if (kept := _without(line, name))] for lines in (self.setup, self.added)
        )
        if tuple(setup) == self.setup:
            return self
        return replace(self, setup=tuple(setup), added=tuple(added), unavailable=(*self.unavailable, name))

    def plain(self) -> "Proposal":
        """Return it without editable installs."""
        setup, added = (
            tuple(
                shlex.join(word for word in shlex.split(line) if word != "-e") if line.startswith(PIP) else line
                for line in lines
            )
            for lines in (self.setup, self.added)
        )
        return replace(self, setup=setup, added=added, editable=False)

    def as_tried(self, other: "Proposal") -> "Proposal":
        """Return it with the changes that a trial of `other` made to what is installed."""
        fewer = replace(self if other.editable else self.plain(), lock=other.lock)
        for name in other.unavailable:
            fewer = fewer.less(name)
        return replace(fewer, setup=(*fewer.setup, *other.added), added=other.added)

    def with_suites_of(self, base: "Proposal") -> "Proposal":
        """Return it with base's benchmarks as well: one that head lost must be missed, not forgotten."""
        suites = dict(self.suites)
        for name, table in base.suites.items():
            mine = next((each for each, own in suites.items() if own["runner"] == table["runner"]), None)
            if mine is None:
                suites[name if name not in suites else f"{name}-of-base"] = table
            elif "paths" in table:
                own = suites[mine]["paths"]
                lost = [path for path in table["paths"] if not any(f"{path}/".startswith(f"{each}/") for each in own)]
                suites[mine] = {**suites[mine], "paths": (*own, *lost)}
            else:
                suites[mine] = {**suites[mine], "benchmarks": table["benchmarks"] | suites[mine]["benchmarks"]}
        return replace(self, suites=suites)


def _without(line: str, name: str) -> str:
    """Return a command of pip without the requirement of a distribution; empty where nothing else is installed."""
    words, fixed = shlex.split(line), len(PIP.split())
    kept = [word for place, word in enumerate(words) if place < fixed or distribution(word) != name]
    if kept == words or not line.startswith(PIP):
        return line
    return shlex.join(kept) if len(kept) > fixed else ""


def look(files: Files) -> Look:
    """Return what a project looks like."""
    found, built = benchmark_files(files), project(files)
    return Look(files=files, project=built, declared=declared(files, _home(found, built)), benchmarks=found)


def propose(seen: Look, *, benchmarks: Look | None = None) -> Proposal:
    """Return how to run the benchmarks of a project.

    Args:
        benchmarks: where the benchmark files are taken from, if from another commit.
    """
    source = benchmarks or seen
    chosen = source.runnable
    wanted = needs(chosen, source.files, seen.project, seen.declared)
    setup = tuple(_setup(seen, wanted)) if chosen or seen.of(NPM) else ()
    return Proposal(
        setup=setup,
        lock=lock_of(seen.files, seen.declared.home) if any(line.startswith(PIP) for line in setup) else "",
        suites=_suites(source, chosen),
        needs=wanted,
        python=seen.declared.python,
        compiles=seen.project.compiles,
        notes=tuple(_notes(source)),
    )


def _home(found: Iterable[BenchmarkFile], built: Project) -> str:
    """Return the directory of the distribution that most benchmarks lie in; the root where that is one."""
    if "" in built.homes or not built.homes:
        return ""
    homes = [home for file in found for home in built.homes if file.path.startswith(f"{home}/")]
    return max(sorted(set(homes)), key=homes.count) if homes else built.homes[0] if len(built.homes) == 1 else ""


def _setup(seen: Look, wanted: Needs) -> Iterable[str]:
    """Return the commands that install the project, the groups that hold what its benchmarks need, and the rest."""
    left = frozenset(wanted.distributions - seen.declared.runtime)
    groups = covering([group for group in seen.declared.groups if group.for_running], left)
    extras = [group.name for group in groups if group.kind == "extra"]
    options = [
        *(part for group in groups if group.kind == "group" for part in ("--group", _grouped(seen, group.name))),
        *(part for group in groups if group.kind == "file" for part in ("-r", group.name)),
    ]
    singles = {name for group in groups if group.kind != "list" for name in group.distributions}
    others = [seen.declared.requirement(name) for name in sorted(left - singles - seen.project.names)]
    home = seen.declared.home
    installs = home in seen.project.homes or any(joined(home, name) in seen.files.known for name in ("setup.py",))
    words: list[str] = []
    if installs:
        *tools, install = seen.project.setup
        yield from tools
        target = f"./{home}" if home else "."
        for place in _members(seen):
            words += ["-e", f"./{place}"]
        words += ["-e", f"{target}[{','.join(extras)}]" if extras else target]
        if "--no-build-isolation" in install:
            words.insert(0, "--no-build-isolation")
    elif not seen.project.homes:
        yield from (f"{PIP} -r {path}" for path in ("requirements.txt",) if path in seen.files.known)
    words += [*options, *others]
    if words:
        yield f"{PIP} {' '.join(map(shlex.quote, words))}"
    if seen.of(NPM) and not seen.runnable:
        yield from _npm(seen)


def _grouped(seen: Look, name: str) -> str:
    home = seen.declared.home
    return f"{home}/pyproject.toml:{name}" if home else name


def _members(seen: Look) -> list[str]:
    """Return the other distributions of this repository that the project depends on, in the order to install them."""
    homes: dict[str, str] = {}
    for home in seen.project.homes:
        table = seen.files.toml(joined(home, "pyproject.toml"))
        name = get(table, "project", "name") or get(table, "tool", "poetry", "name")
        if isinstance(name, str) and home != seen.declared.home:
            homes[canonicalize_name(name)] = home
    found: list[str] = []
    todo = [seen.declared]
    while todo:
        for name in sorted(todo.pop().runtime & homes.keys()):
            if homes[name] not in found:
                found.insert(0, homes[name])
                todo.append(declared(seen.files, homes[name]))
    return found


def _npm(seen: Look) -> Iterable[str]:
    """Return what installs the packages of Node.js, and builds what the benchmarks measure."""
    if "package-lock.json" in seen.files.known:
        yield "npm ci --no-audit --no-fund"
    elif "package.json" in seen.files.known:
        yield "npm install --no-audit --no-fund"
    yield from dict.fromkeys(line for file in seen.of(NPM) for line in file.setup)


def _suites(seen: Look, chosen: Sequence[BenchmarkFile]) -> dict[str, dict[str, Any]]:
    suites: dict[str, dict[str, Any]] = {}
    tests = [file.path for file in chosen if file.harness == PYTEST]
    scripts = [file.path for file in chosen if file.harness == PYPERF]
    each = {"benchmarks-from": "each"} if seen.alone else {}
    if tests:
        suites[SUITE] = {"runner": "pytest-benchmark", "paths": tuple(_paths(tests, seen.files)), **each}
    if scripts:
        suites[SCRIPTS_SUITE if tests else SUITE] = {"runner": "pyperf", "paths": tuple(scripts), **each}
    commands = {
        **{PurePosixPath(file.path).stem: file.command for file in chosen if file.harness == SCRIPT},
        **({} if chosen else {f"npm-{file.name}": file.command for file in seen.of(NPM)}),
    }
    if commands:
        suites[PROGRAMS_SUITE if suites else SUITE] = {"runner": "command", "benchmarks": commands, "timeout": "5m"}
    if go := sorted({file.command for file in seen.of(GO)}):
        table = {f"go-{number}" if len(go) > 1 else "go": command for number, command in enumerate(go, start=1)}
        suites["go"] = {"runner": "command", "reads": "go", "benchmarks": table, "timeout": "5m"}
    return suites


def _notes(seen: Look) -> Iterable[str]:
    if seen.of(ASV):
        yield (
            f"{_many(seen.of(ASV), 'file')} of asv's benchmarks: perfgate cannot run them yet; it compares the results "
            "of two `asv run`s: perfgate compare base.json head.json"
        )
    if not seen.runnable and not seen.of(SCRIPT, NPM, GO):
        for harness, line in _BY_HAND.items():
            if seen.of(harness):
                yield f"{_many(seen.of(harness), 'file')} of {line}"
    spare = [file.path for file in seen.of(SCRIPT) if file not in seen.runnable]
    if spare and not seen.of(ASV):
        more = " …" if len(spare) > MOST_SCRIPTS else ""
        yield f"scripts that look like benchmarks and are not run: {', '.join(spare[:MOST_SCRIPTS])}{more}"


_BY_HAND = {
    CARGO: 'Cargo benchmarks: add a suite with runner = "command" (docs/formats.md shows what it reads)',
    GOOGLE: 'Google Benchmark: build them in build.setup; runner = "command", reads = "google-benchmark" measures them',
    JMH: 'JMH benchmarks: build them in build.setup; runner = "command", reads = "jmh" measures them',
}


def _many(found: Sequence[BenchmarkFile], noun: str) -> str:
    return f"found {len(found)} {noun}{'s' * (len(found) != 1)}"


def _nearest(scripts: Sequence[BenchmarkFile]) -> tuple[BenchmarkFile, ...]:
    """Return the scripts next to the root, where they are few: the others are helpers, or need to be told more."""
    depth = min((file.path.count("/") for file in scripts), default=0)
    near = [file for file in scripts if file.path.count("/") == depth]
    return tuple(near) if len(near) <= MOST_SCRIPTS else ()


def _paths(tests: Sequence[str], files: Files) -> list[str]:
    """Return the directories named for benchmarks from which pytest collects all these tests, and the other files.

    Both sides get head's version of all that these paths hold, so a package that only sounds like it must not be one.
    """
    found = []
    for path in tests:
        named = [
            parent
            for parent in PurePosixPath(path).parents
            if str(parent) != "." and is_named_for_benchmarks(parent.name)
        ]
        home = str(named[-1]) if named else ""
        inside = [test for test in tests if home and test.startswith(f"{home}/")]
        whole = home and all(map(pytest_options(files, home).collects, inside)) and not _holds_code(home, files)
        found.append(home if whole else path)
    return sorted(set(found))


def _holds_code(home: str, files: Files) -> bool:
    """Return whether a directory is a package that the rest of the project may import."""
    return joined(home, "pyproject.toml") in files.known or joined(home, "setup.py") in files.known


def is_test(path: str) -> bool:
    """Return whether a file measures, tests or builds code, by its name, rather than being what is measured."""
    name = PurePosixPath(path)
    return name.name.startswith(("test_", "bench", "conftest", "setup.py", "noxfile")) or name.stem.endswith("_test")


def installer(line: str, tool: str) -> str:
    """Return a setup command with `tool` in place of pip, which understands the same options."""
    return line.replace(PIP, tool, 1) if line.startswith(PIP) else line
