"""Complete a configuration that names no suite, with the suites and the setup that `perfgate init` would write.

A side that gets an environment of its own is tried before anything is measured: what is missing is installed as well,
and remembered for the next run.
"""

import hashlib
import json
import shlex
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from perfgate.config.load import FILE, Loaded
from perfgate.config.schema import Config, SideTable
from perfgate.core.model import Revision
from perfgate.core.skips import missing_packages
from perfgate.errors import BuildError, MeasureError
from perfgate.host import files as disk
from perfgate.host import interpreters
from perfgate.host.git import Repository
from perfgate.host.interpreters import Interpreter
from perfgate.host.interrupt import Interrupts
from perfgate.measure import sides
from perfgate.measure.build import Build
from perfgate.measure.suite import Job
from perfgate.measure.trial import Tried, tried
from perfgate.measure.uncollected import uncollected
from perfgate.project.benchmarks import is_named_for_benchmarks
from perfgate.project.diagnosis import is_about_the_network, missing_distributions, unavailable_distribution
from perfgate.project.files import LARGEST, Files
from perfgate.project.proposal import PIP, UV, Look, Proposal, installer, look, propose
from perfgate.project.requirements import declared, distribution

MOST_TRIES = 6  # of a setup, each with something more, or less, to install
REMEMBERED = "proposals.json"
_READ = (".py", ".toml", ".cfg", ".ini", ".txt", ".in", ".json", ".jsonc", ".go", ".cc", ".cpp", ".cxx", ".java", ".kt")
NAMED = 3  # things that a line names


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """The interpreter that runs the benchmarks of a proposal."""

    python: str
    apart: bool
    """Whether each side gets an environment of its own."""
    why: str
    """The reason for that, in words."""
    owner: str
    """Whose interpreter it is that was looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A proposal that was tried, and how it went."""

    proposal: Proposal
    setting: Setting
    results: tuple[Tried, ...] = ()
    locked: str = ""
    """Which versions the lock file has: git's name of its content."""


def look_at(repository: Repository, revision: Revision) -> Look:
    """Return what the project looks like in a commit."""
    assert revision.commit is not None
    return _look(repository, revision.commit)


@cache
def _look(repository: Repository, commit: str) -> Look:
    paths = repository.tree(commit)
    contents = repository.contents(commit, [path for path in paths if path.endswith(_READ)], largest=LARGEST)
    return look(Files(paths=paths, read=contents.get))


def is_complete(loaded: Loaded) -> bool:
    """Return whether the configuration itself says what to measure."""
    return "suite" in loaded.config.model_fields_set


def setting(root: Path, seen: Look, proposal: Proposal, loaded: Loaded, *, interrupts: Interrupts) -> Setting:
    """Return where to run the benchmarks: in the project's own interpreter if that has all they need, else apart.

    Raises: BuildError where the interpreter does not start, or none on this machine fits the project.
    """
    build = loaded.config.build
    python = build.python or interpreters.default_python(root)
    found = interpreters.inspect(python, root, proposal.needs.modules, interrupts=interrupts)
    fits = found.satisfies(proposal.python)
    why = _why_apart(found, seen, proposal)
    chosen = python
    if not fits:
        other = None if build.python else interpreters.fitting(proposal.python, like=found.version)
        if other is None:
            raise BuildError(
                f"the project needs Python {proposal.python}, and {python} ({found.owner}) is {found.version}",
                hint="install one, and name it: PERFGATE_PYTHON=/path/to/python",
            )
        chosen, why = other, f"the project needs Python {proposal.python} and {found.owner} has {found.version}"
    apart = build.isolate == "venv" or (build.isolate == "auto" and bool(why))
    return Setting(python=chosen, apart=apart, why=why or 'isolate is "venv"', owner=found.owner)


def with_fitting_python(
    loaded: Loaded, repository: Repository, revision: Revision, *, tell: Callable[[str], None], interrupts: Interrupts
) -> Loaded:
    """Return the configuration with another interpreter if the project does not run on the usual one.

    It stays as it is if it names an interpreter itself, or if the sides run in an environment that exists already.
    """
    build = loaded.config.build
    apart = build.isolate == "venv" or (build.isolate == "auto" and bool(build.setup))
    if build.python or not apart:
        return loaded
    names = ("pyproject.toml", "setup.cfg")
    contents = repository.contents(str(revision.commit), names, largest=LARGEST)
    versions = declared(Files(paths=names, read=contents.get)).python
    if not versions:
        return loaded
    python = interpreters.default_python(repository.root)
    found = interpreters.inspect(python, repository.root, (), interrupts=interrupts)
    other = None if found.satisfies(versions) else interpreters.fitting(versions, like=found.version)
    if other is None:
        return loaded
    tell(f"the project needs Python {versions} and {found.owner} has {found.version}, so the sides use {other}")
    update = {"build": build.model_copy(update={"python": other})}
    return replace(loaded, config=loaded.config.model_copy(update=update))


def _why_apart(found: Interpreter, seen: Look, proposal: Proposal) -> str:
    if proposal.compiles:
        return "the project compiles code"
    there = {canonicalize_name(name) for name in found.distributions}
    lacking = {*(proposal.needs.packages - there), *(proposal.needs.modules - found.modules)}
    lacking |= _runtime(seen) - there
    names = sorted({name.replace("_", "-") for name in lacking})
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    if names:
        return f"{found.owner} lacks {', '.join(names[:NAMED])}{more}"
    others = [line for line in proposal.setup if not line.startswith(PIP)]
    return f"a fresh checkout needs `{others[0]}`" if others else ""


def _runtime(seen: Look) -> set[str]:
    """Return what the project itself needs on this system."""
    found: set[str] = set()
    for text in seen.declared.dependencies:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        if requirement.marker is None or requirement.marker.evaluate():
            found.add(canonicalize_name(requirement.name))
    return found - seen.project.names


def configured(loaded: Loaded, proposal: Proposal, where: Setting, *, base: Proposal | None = None) -> Loaded:
    """Return the configuration, completed by a proposal where it says nothing itself.

    Args:
        base: how base, by its own files, would be set up.
    """
    build, own = loaded.config.build, dict(loaded.config.sides)
    prepares = where.apart and not build.setup
    if prepares and base is not None and base.setup != proposal.setup and "base" not in own:
        own["base"] = SideTable(setup=installed_by(base.setup))
    setup = installed_by(proposal.setup) if prepares else build.setup
    update = {
        "suite": Config.model_validate({"suite": proposal.suites}).suite,
        "build": build.model_copy(
            update={
                "setup": setup,
                "python": where.python,
                "lock": (proposal.lock or None) if prepares else build.lock,
            }
        ),
        "sides": own,
    }
    return replace(loaded, config=loaded.config.model_copy(update=update))


def installed_by(setup: tuple[str, ...]) -> tuple[str, ...]:
    """Return the setup commands with uv in place of pip where this machine has it: the same, in less time."""
    tool = UV if shutil.which("uv") else PIP
    return tuple(installer(line, tool) for line in setup)


def try_out(
    trial: Trial,
    revision: Revision,
    seen: Look,
    repository: Repository,
    *,
    prepare: Callable[[Trial], "tuple[Build, Sequence[Job]]"],
    run: bool,
    within_s: float,
    mark: str,
    tell: Callable[[str], None],
    interrupts: Interrupts,
) -> Trial:
    """Build a side and collect its benchmarks (with `run`: run each once); change the proposal until that works.

    Raises: BuildError where the project itself cannot be built.
    """
    for _ in range(MOST_TRIES):
        build, jobs = prepare(trial)
        try:
            with sides.prepared(repository, revision, build, interrupts=interrupts, again=True) as side:
                results = tuple(
                    tried(job, side, mark=mark, interrupts=interrupts, run=run or job.whole, within_s=within_s)
                    for job in jobs
                )
        except BuildError as exc:
            if (changed := _easier(trial, exc.message)) is None:
                raise
            trial, line = changed
            tell(line)
            continue
        trial = replace(trial, results=results)
        if (mended := _mended(trial, seen)) is None:
            return trial
        tell(mended[1])
        trial = mended[0]
    return trial


def _easier(trial: Trial, text: str) -> tuple[Trial, str] | None:
    """Return the trial with less to install, and a line that says so; None where nothing can be left out."""
    if is_about_the_network(text):
        return None
    proposal = trial.proposal
    if proposal.editable and "'build_editable'" in text:
        line = "the project's build back-end does not support editable installs, so each side gets a plain install"
        return replace(trial, proposal=proposal.plain()), line
    if proposal.lock:
        line = f"the setup failed with the versions in {proposal.lock}; trying the newest ones"
        return replace(trial, proposal=replace(proposal, lock="")), line
    name = unavailable_distribution(text)
    better = proposal.less(name) if name else proposal
    line = f"{name} cannot be installed here; trying without it"
    return None if better == proposal else (replace(trial, proposal=better), line)


def _mended(trial: Trial, seen: Look) -> tuple[Trial, str] | None:
    """Return the trial with what its results ask for, and a line that says so; None where nothing more can be done."""
    proposal = trial.proposal
    texts = [text for result in trial.results for text in (*result.errors, *(text for _, text in result.failed))]
    skips = [text for result in trial.results for _, text in result.skipped]
    missing = [*missing_distributions(texts, seen.declared, seen.project)]
    if not any(result.names for result in trial.results):
        missing += [*map(canonicalize_name, missing_packages(skips))]
    known = {*proposal.unavailable, *seen.project.names}
    known |= {distribution(word) for line in proposal.setup if trial.setting.apart for word in shlex.split(line)}
    if new := [name for name in dict.fromkeys(missing) if name not in known]:
        wanted = [seen.declared.requirement(name) for name in new]
        where, line = trial.setting, f"the benchmarks also need {', '.join(new)}; installing it"
        if not where.apart:
            where = replace(where, apart=True, why=f"{where.owner} lacks {', '.join(new)}")
            line = f"{where.why}, so each side gets an environment of its own"
        return replace(trial, proposal=proposal.plus(wanted), setting=where), line
    if texts and proposal.lock and trial.setting.apart and not any(result.names for result in trial.results):
        line = f"nothing can be collected with the versions in {proposal.lock}; trying the newest ones"
        return replace(trial, proposal=replace(proposal, lock="")), line
    return None


def remembered(repository: Repository, trial: Trial) -> Trial | None:
    """Return what an earlier trial of the same proposal came to."""
    kept = _memory(repository).get(_key(trial), None)
    if not isinstance(kept, dict):
        return None
    try:
        return replace(
            trial,
            proposal=replace(
                trial.proposal,
                setup=tuple(map(str, kept["setup"])),
                added=tuple(map(str, kept["added"])),
                unavailable=tuple(map(str, kept["unavailable"])),
                lock=str(kept["lock"]),
                editable=bool(kept["editable"]),
            ),
            setting=replace(trial.setting, apart=bool(kept["apart"]), why=str(kept["why"])),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def remember(repository: Repository, before: Trial, after: Trial) -> None:
    """Keep what a trial came to, for the next time."""
    kept = {
        "setup": after.proposal.setup,
        "added": after.proposal.added,
        "unavailable": after.proposal.unavailable,
        "lock": after.proposal.lock,
        "editable": after.proposal.editable,
        "apart": after.setting.apart,
        "why": after.setting.why,
    }
    memory = {**_memory(repository), _key(before): kept}
    newest = dict(list(memory.items())[-50:])
    disk.write(repository.cache / REMEMBERED, json.dumps(newest))


def _memory(repository: Repository) -> dict[str, object]:
    try:
        found = json.loads((repository.cache / REMEMBERED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _key(trial: Trial) -> str:
    proposal, where = trial.proposal, trial.setting
    facts = [proposal.setup, proposal.lock, trial.locked, proposal.suites, where.python, where.apart]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def not_collected(errors: Sequence[str], trial: Trial, seen: Look) -> MeasureError:
    """Return the error for a project of which no benchmark can be collected."""
    missing = missing_distributions(errors, seen.declared, seen.project)
    python = "" if trial.setting.apart else trial.setting.python
    return uncollected("the benchmarks", python, trial.setting.owner, errors, missing)


def nothing_found(seen: Look, root: Path) -> MeasureError:
    """Return the error for a project without benchmarks, or with none that perfgate can run."""
    if notes := propose(seen).notes:
        listed = "".join(f"\n  {note}" for note in notes)
        return MeasureError(
            f"no benchmarks that perfgate can run were found in {root}{listed}",
            hint=f"name a command to time, or write a pytest benchmark: perfgate init writes a {FILE} to begin with",
        )
    sources = [path for path in seen.files.own(".py") if not path.endswith("__init__.py")]
    named = [path for path in sources if is_named_for_benchmarks(path)]
    more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
    unknown = (
        f"\n  named for benchmarks, but of no harness that is known: {', '.join(named[:NAMED])}{more}" if named else ""
    )
    many = len(sources)
    return MeasureError(
        f"no benchmarks found in {root}: looked through {many} Python file{'s' * (many != 1)} for tests that use the "
        f"`benchmark` fixture and for pyperf scripts, and for the suites of other tools{unknown}",
        hint="write a test such as `def test_f(benchmark): benchmark(f)`, or name a command to time: perfgate init "
        f"writes a {FILE} to begin with",
    )
