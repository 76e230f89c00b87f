"""`perfgate init`."""

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from perfgate.cli.options import Chosen
from perfgate.cli.services import WebService, find_service, probe_toml, quoted
from perfgate.cli.workflows import FIND, MEASURES, UNPINNED, Choices, own_action
from perfgate.cli.workflows import workflows as written
from perfgate.config.load import FILE
from perfgate.errors import BuildError, Exit, MeasureError, UsageError
from perfgate.host import files
from perfgate.host.git import Repository
from perfgate.measure.trial import Tried
from perfgate.pipeline.workshop import Workshop, tried_configuration, tried_proposal
from perfgate.project import proposal as project
from perfgate.project.benchmarks import PYPERF, PYTEST
from perfgate.project.files import LARGEST, Files
from perfgate.project.proposal import Proposal
from perfgate.render import phrases

SHOWN = 5  # files that a line names
WIDE = 100  # characters of a list that stands in one line
_TELLING = (".py", ".toml", ".txt", ".cfg")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the project looks like, and what perfgate would do with it."""

    proposal: Proposal
    service: WebService | None
    notes: tuple[str, ...]


@click.command()
@click.option("--workflows/--no-workflows", default=True, show_default=True, help="Also write the GitHub workflows.")
@click.option("--action", help="The Action that they use, as OWNER/NAME@COMMIT; default: that of this perfgate.")
@click.option(
    "--try/--no-try",
    "tries",
    default=True,
    show_default=True,
    help="Run each benchmark once before writing.",
)
@click.option("--check", is_flag=True, help="Do not write; run each benchmark of the existing perfgate.toml once.")
def init(workflows: bool, action: str | None, tries: bool, check: bool) -> int:
    """Inspect the project, try its benchmarks, and write perfgate.toml and two workflows.

    Before writing, it sets the working tree up in a fresh environment and runs each benchmark once. Missing packages
    that can be installed are added to the setup. Benchmarks that do not run are listed. If most of a suite runs, the
    others are left out by `exclude`; else the exit code is 3. Existing files are left as they are.
    """
    if check:
        with Chosen().workshop() as shop:
            return _told(tried_configuration(shop), FILE)
    if action is not None and not re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", action):
        raise UsageError(f"--action {action}: OWNER/NAME@COMMIT is wanted, the commit in full (40 digits)", hint=FIND)
    with Chosen().workshop() as shop:
        repository = shop.repository()
        tracked = repository.git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
        branch = repository.default_branch()
        commits = len(repository.ancestors(repository.head(), most=2)) if repository.has("HEAD") else 0
        seen, found = look(repository.root, [file for file in tracked if file])
        writes = not (repository.root / FILE).exists()
        gates = not writes or bool(found.proposal.suites or found.service)
        workflows = workflows and gates
        action = (action or own_action(shop.interrupts)) if workflows else None
        for note in found.notes if writes else ():
            click.echo(note, err=True)
        works = None
        if writes and tries and commits and found.proposal.suites:
            found, works = _tried(repository, shop, seen, found)
    texts = {FILE: toml(found)}
    if action:
        texts |= written(Choices(branch=branch, python=_python(repository.root), action=action))
    new = {path: text for path, text in texts.items() if not (repository.root / path).exists()}
    for path in texts:
        if path in new:
            files.write(repository.root / path, new[path])
        click.echo(f"{'wrote' if path in new else 'left as it is:'} {path}", err=True)
    if action and new:
        click.echo(
            f"{MEASURES} records pushes to {branch}; if another branch is the default, change it there", err=True
        )
    if workflows and not action:
        click.echo(UNPINNED, err=True)
    if works is False:
        click.echo(f"next: fix what is listed above, or leave it out of {FILE}, then: perfgate init --check", err=True)
        return int(Exit.NOT_MEASURED)
    click.echo(_next(commits, anything=bool(new), gates=gates), err=True)
    return 0


def _tried(repository: Repository, shop: Workshop, seen: project.Look, found: Found) -> tuple[Found, bool]:
    """Return the proposal as it was mended, and whether all of it works; says what does not."""
    loaded, revision = shop.load_config(repository.root), repository.working_tree()
    try:
        trial = tried_proposal(repository, loaded, shop, revision=revision, seen=seen, run=True)
    except (BuildError, MeasureError) as exc:
        click.echo(f"the benchmarks do not run yet: {exc.message}", err=True)
        if exc.hint:
            click.echo(f"try: {exc.hint}", err=True)
        return found, False
    if (trial.proposal.setup, trial.proposal.lock) != (found.proposal.setup, found.proposal.lock):
        click.echo(_set_up(trial.proposal), err=True)
    works = _told(trial.results, "it") == Exit.PASSED
    suites = {name: dict(table) for name, table in trial.proposal.suites.items()}
    for result in trial.results:
        if result.mostly_works and suites[result.suite]["runner"] in (PYTEST, PYPERF):
            suites[result.suite]["exclude"] = tuple(name for name, _ in result.failed)
            click.echo(f"what failed is left out by `exclude` under [suite.{result.suite}] in {FILE}", err=True)
    works = works or all(result.works or "exclude" in suites[result.suite] for result in trial.results)
    return replace(found, proposal=replace(trial.proposal, suites=suites)), works


def _told(results: Sequence[Tried], what: str) -> int:
    """Print how the benchmarks of each suite ran, and return the exit code."""
    if not results:
        click.echo(f"{what} has no suite that can be tried here; perfgate load looks at a load probe", err=True)
        return int(Exit.NOT_MEASURED)
    for result in results:
        many = len(result.names)
        click.echo(f"tried {what}: suite {result.suite}: {result.ran} of {many} benchmarks ran", err=True)
        for text in result.errors:
            click.echo(f"  cannot be collected: {text.strip()}", err=True)
        _listed("failed", result.failed)
        _listed("skipped", result.skipped)
        if result.left:
            click.echo(f"  {len(result.left)} were collected but not run, for lack of time", err=True)
    return int(Exit.PASSED if all(result.works for result in results) else Exit.NOT_MEASURED)


def _set_up(proposal: Proposal) -> str:
    versions = f", with the versions in {proposal.lock}" if proposal.lock else ""
    return f"each side will be set up by: {'; '.join(proposal.setup)}{versions}"


def _listed(how: str, troubles: Sequence[tuple[str, str]]) -> None:
    for name, text in troubles[:SHOWN]:
        click.echo(f"  {how}: {phrases.name(name)}: {phrases.name(text.strip().partition(chr(10))[0])}", err=True)
    if len(troubles) > SHOWN:
        click.echo(f"  {how}: and {len(troubles) - SHOWN} more", err=True)


def _next(commits: int, *, anything: bool, gates: bool) -> str:
    if not anything:
        return "everything is there already; change it by hand, then: perfgate config check"
    if not gates:
        return (
            "next: write a pytest benchmark, as in benchmarks/test_speed.py: def test_f(benchmark): benchmark(f)\n"
            f"  or name a command to time in {FILE}; a comment there shows how\n"
            "then: perfgate init --check tries it, and perfgate init writes the workflows"
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
    named = (_read(root, ".python-version") or b"").decode(errors="replace").strip().splitlines()
    if named and re.fullmatch(r"3\.\d+(\.\d+)?", named[0]):
        return named[0]
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def look(root: Path, tracked: list[str]) -> tuple[project.Look, Found]:
    """Return what the project at `root` with these files looks like, and what perfgate would do with it."""
    files = Files(paths=tuple(tracked), read=partial(_read, root))
    seen = project.look(files)
    proposal = project.propose(seen)
    notes = [_found(files, seen, name, table) for name, table in proposal.suites.items()]
    if not notes:
        notes = ["found no benchmarks: a pytest benchmark is a test that uses the `benchmark` fixture"]
    texts = {file: files.text(file) for file in tracked if not project.is_test(file) and file.endswith(_TELLING)}
    service = find_service(texts)
    if service and not proposal.suites:
        proposal = replace(proposal, setup=tuple(_service_setup(seen)))
    if proposal.setup:
        notes.append(_set_up(proposal))
    if seen.alone:
        notes.append("found no code beside the benchmarks, so each side runs its own benchmark files")
    if service:
        what = "loads it" if not proposal.suites else "proposes a load probe of it: remove the # to use it"
        notes.append(f"found a {service.framework} service in {service.file}; {FILE} {what}")
    broken = [f"{path} cannot be read: {reason}" for path, reason in files.broken.items()]
    return seen, Found(proposal=proposal, service=service, notes=(*notes, *proposal.notes, *broken))


def _read(root: Path, path: str) -> bytes | None:
    place = root / path
    if not place.is_file() or place.stat().st_size > LARGEST:
        return None
    return place.read_bytes()


def _found(files: Files, seen: project.Look, name: str, table: Mapping[str, Any]) -> str:
    harness = str(table["runner"])
    paths = [file.path for file in seen.benchmarks if file.harness == harness] or list(table.get("benchmarks", ()))
    what = "pytest benchmarks" if harness == "pytest-benchmark" else f"benchmarks for the runner {harness}"
    many = f"{len(paths)} file{'s' * (len(paths) != 1)} with {what}" if table.get("paths") else f"the suite {name}"
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return f"found {many}: {', '.join(paths[:SHOWN])}{more}"


def _service_setup(seen: project.Look) -> Iterable[str]:
    """Return what installs a service that is measured by load alone."""
    if "requirements.txt" in seen.files.known:
        yield f"{project.PIP} -r requirements.txt"
    if seen.project.homes:
        yield from seen.project.setup


def toml(found: Found) -> str:
    """Return a perfgate.toml for the project."""
    probe = probe_toml(found.service, active=not found.proposal.suites) if found.service else ""
    parts = [
        "# Every key: perfgate config schema --format markdown\n"
        '[perfgate]\nbudget = "10m"  # measuring time of one run at most; what is clear stops early'
    ]
    if found.proposal.setup:
        setup = "".join(f"    {quoted(line)},\n" for line in found.proposal.setup)
        lock = f"lock = {quoted(name)}  # installs the versions in it\n" if (name := found.proposal.lock) else ""
        parts.append(
            f"[build]\n# Run for each side, in a fresh virtual environment.\nsetup = [\n{setup}]\n{lock}".rstrip()
        )
    parts += [_suite(name, table) for name, table in found.proposal.suites.items()]
    if not found.proposal.suites and not found.service:
        parts.append(
            '[suite.benchmarks]\nrunner = "pytest-benchmark"\n# paths = ["benchmarks"]\n'
            "# Or time commands, in place of the two lines above:\n"
            '# runner = "command"\n# benchmarks.convert = "./build/tool convert input.txt"\n\n'
            + _rule("benchmarks", "5%")
        )
    return "\n\n".join([*parts, *([probe] if probe else [])]) + "\n"


def _suite(name: str, table: Mapping[str, Any]) -> str:
    lines = [f"[suite.{name}]", f"runner = {quoted(table['runner'])}"]
    if paths := table.get("paths"):
        inside = ", ".join(map(quoted, paths))
        one = f"paths = [{inside}]"
        lines += [one] if len(one) < WIDE else ["paths = [", *(f"    {quoted(path)}," for path in paths), "]"]
    lines += [f"{key} = {quoted(table[key])}" for key in ("reads", "timeout") if key in table]
    if exclude := table.get("exclude"):
        each = "".join(f"    {quoted(name)},\n" for name in exclude)
        lines.append(f"exclude = [  # failed when `perfgate init` tried them: take a line out once it runs\n{each}]")
    if "benchmarks-from" in table:
        lines.append(f"benchmarks-from = {quoted(table['benchmarks-from'])}  # they hold the code that they measure")
    if commands := table.get("benchmarks"):
        lines += [f"[suite.{name}.benchmarks]", *(f"{quoted(key)} = {quoted(line)}" for key, line in commands.items())]
    return "\n".join(lines) + "\n\n" + _rule(name, "10%" if table["runner"] == "command" else "5%")


def _rule(suite: str, limit: str) -> str:
    return f'[[rule]]\nsli = "{suite}/*:time"\nlimit = "{limit}"  # head may be slower than base by this'
