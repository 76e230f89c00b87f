"""`perfgate init`."""

import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import click

from perfgate.cli.services import WebService, find_service, probe_toml, quoted
from perfgate.cli.workflows import FIND, MEASURES, UNPINNED, Choices, own_action
from perfgate.cli.workflows import workflows as written
from perfgate.config.load import FILE
from perfgate.errors import UsageError
from perfgate.host import files
from perfgate.host.git import Repository
from perfgate.host.interrupt import Interrupts

LARGEST = 2**20  # bytes of a file that is looked into
_USES_FIXTURE = re.compile(r"^\s*(?:async\s+)?def\s+test\w*\([^)]*\bbenchmark\b|@pytest\.mark\.benchmark", re.MULTILINE)
_DIRECTORIES = ("bench", "benchmark", "benchmarks", "perf", "performance")
_TELLING = (".py", ".toml", ".txt", ".cfg")
_EXTRAS = ("bench", "benchmark", "benchmarks", "perf", "test", "tests", "testing", "dev")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the project looks like."""

    benchmarks: tuple[str, ...]
    """Files with pytest benchmarks."""
    setup: tuple[str, ...]
    alone: bool
    """The benchmark files hold the code that they measure."""
    service: WebService | None
    notes: tuple[str, ...]


@click.command()
@click.option("--workflows/--no-workflows", default=True, show_default=True, help="Write the GitHub workflows too.")
@click.option("--action", help="The Action they use, as OWNER/NAME@COMMIT; default is that of this perfgate.")
def init(workflows: bool, action: str | None) -> int:
    """Look at the project and write perfgate.toml and two workflows; says what it found and what to do next.

    What is there already is left as it is.
    """
    if action is not None and not re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", action):
        raise UsageError(f"--action {action}: OWNER/NAME@COMMIT is wanted, the commit in full (40 digits)", hint=FIND)
    with Interrupts() as interrupts:
        repository = Repository(Path.cwd(), interrupts=interrupts)
        tracked = repository.git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
        branch = repository.default_branch()
        action = (action or own_action(interrupts)) if workflows else None
        commits = len(repository.ancestors(repository.head(), most=2)) if repository.has("HEAD") else 0
    found = look(repository.root, [file for file in tracked if file])
    texts = {FILE: toml(found)}
    if action:
        texts |= written(Choices(branch=branch, python=_python(repository.root), action=action))
    new = {path: text for path, text in texts.items() if not (repository.root / path).exists()}
    for note in found.notes if FILE in new else ():
        click.echo(note, err=True)
    for path in texts:
        if path in new:
            files.write(repository.root / path, new[path])
        click.echo(f"{'wrote' if path in new else 'left as it is:'} {path}", err=True)
    if action and new:
        click.echo(
            f"pushes to {branch} will be recorded: if that is not the default branch, change it in {MEASURES}", err=True
        )
    if workflows and not action:
        click.echo(UNPINNED, err=True)
    click.echo(_next(found, commits, bool(new)), err=True)
    return 0


def _next(found: Found, commits: int, anything: bool) -> str:
    if not anything:
        return "everything is there already; change it by hand, then: perfgate config check"
    if not found.benchmarks and not found.service:
        return (
            "next: write a benchmark, as in benchmarks/test_speed.py: def test_f(benchmark): benchmark(f)\n"
            "until there is one, the gate fails with exit code 3"
        )
    base = "commit it, make a change, and try: perfgate compare HEAD"
    if commits > 1:
        base = "try it on your last commit: perfgate compare HEAD~1"
    return f"next: read what was written, then {base}\n{_ONWARD}"


_ONWARD = """\
then commit and push; a pull request is measured from there on, and blocked once the check `perfgate` is required:
  Settings > Rules > Rulesets > Require status checks to pass > perfgate"""


def _python(root: Path) -> str:
    """Return the version that the project names, else that of the interpreter that would measure it here."""
    named = _text(root / ".python-version").strip().splitlines()
    if named and re.fullmatch(r"3\.\d+(\.\d+)?", named[0]):
        return named[0]
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def look(root: Path, tracked: list[str]) -> Found:
    """Return what matters to perfgate of the project at `root` with these files."""
    tests = [file for file in tracked if file.endswith(".py") and _USES_FIXTURE.search(_text(root / file))]
    notes = [f"found {len(tests)} file{'s' * (len(tests) != 1)} with pytest benchmarks: {', '.join(tests[:5])}"]
    if not tests:
        notes = ["found no pytest benchmarks: a benchmark is a test that uses the `benchmark` fixture"]
    texts = {file: _text(root / file) for file in tracked if not _is_test(file) and file.endswith(_TELLING)}
    service = find_service(texts)
    needs = [] if service and not tests else ["python -m pip install pytest pytest-benchmark"]
    setup = (*_setup(root, tracked), *needs)
    notes.append(f"each side will be set up by: {'; '.join(setup)}")
    measured = [file for file in tracked if file.endswith((".py", ".pyx", ".c", ".rs")) and not _is_test(file)]
    alone = bool(tests) and not measured
    if alone:
        notes.append("found no code beside the benchmarks, so each side runs its own benchmark files")
    if service:
        what = "loads it" if not tests else "proposes a load probe of it: remove the # to use it"
        notes.append(f"found a {service.framework} service in {service.file}; {FILE} {what}")
    return Found(benchmarks=tuple(tests), setup=setup, alone=alone, service=service, notes=tuple(notes))


def _is_test(file: str) -> bool:
    path = PurePosixPath(file)
    return path.name.startswith(("test_", "bench", "conftest")) or path.stem.endswith("_test")


def toml(found: Found) -> str:
    """Return a perfgate.toml for the project."""
    setup = "".join(f"    {quoted(line)},\n" for line in found.setup)
    comment = "# Run in each side's own worktree, in a fresh virtual environment."
    build = f"[build]\n{comment}\nsetup = [\n{setup}]\n"
    paths = ", ".join(quoted(path) for path in _paths(found.benchmarks))
    each = 'benchmarks-from = "each"  # they hold the code that they measure\n' if found.alone else ""
    begin = f"""# Every key: perfgate config schema --format markdown
[perfgate]
budget = "10m"  # measuring time of one run at most; what is clear stops early

{build}
"""
    probe = probe_toml(found.service, active=not found.benchmarks) if found.service else ""
    if found.service and not found.benchmarks:
        return f"{begin}{probe}\n".replace("\n\n\n", "\n\n")
    proposed = f"\n{probe}\n" if probe else ""
    return f"""{begin}[suite.benchmarks]
runner = "pytest-benchmark"
{f"paths = [{paths}]" if paths else '# paths = ["benchmarks"]'}
{each}
[[rule]]
sli = "benchmarks/*:time"
limit = "5%"  # head may be slower than base by this
{proposed}""".replace("\n\n\n", "\n\n")


def _paths(benchmarks: tuple[str, ...]) -> list[str]:
    """Return the directories that hold benchmarks by their name, and the other files one by one.

    Both sides get head's version of all that these paths hold, so a package that only sounds like it must not be one.
    """
    found = []
    for file in benchmarks:
        named = [parent for parent in PurePosixPath(file).parents if parent.name in _DIRECTORIES]
        found.append(str(named[-1]) if named else file)
    return sorted(set(found))


def _setup(root: Path, tracked: list[str]) -> list[str]:
    lines = [f"python -m pip install -r {name}" for name in _requirements(tracked)]
    if "pyproject.toml" in tracked or "setup.py" in tracked:
        extra = _extra(_table(root / "pyproject.toml"))
        lines.append(f"python -m pip install -e '.[{extra}]'" if extra else "python -m pip install -e .")
    return lines


def _requirements(tracked: list[str]) -> list[str]:
    wanted = re.compile(r"requirements([-_.](dev|test|tests|bench|benchmark))?\.txt")
    return [file for file in tracked if wanted.fullmatch(file)]


def _extra(project: dict[str, Any]) -> str | None:
    extras = project.get("project", {}).get("optional-dependencies", {})
    return next((name for name in _EXTRAS if name in extras), None)


def _table(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError:
        return {}


def _text(path: Path) -> str:
    if not path.is_file() or path.stat().st_size > LARGEST:
        return ""
    return path.read_text(encoding="utf-8", errors="replace")
