"""What every use case shares: the configuration, the run files, and measuring one side or two."""

import secrets
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from perfgate import registry
from perfgate.config.load import FILE, Loaded
from perfgate.config.probe import LoadSuite
from perfgate.config.schema import AnySuite, CommandSuite, PyperfSuite, PytestSuite, SideTable, SizeSuite
from perfgate.core.model import PREPARING, WHOLE, Design, Part, Revision, Run, Warning
from perfgate.core.policy import Policy
from perfgate.core.schedule import EARLY, FIRST_LOOK, NORMAL_EFFORT_S, STRICT_EFFORT_S
from perfgate.core.selection import ALL, Selection
from perfgate.core.units import parse_duration
from perfgate.errors import UsageError
from perfgate.formats.document import Document
from perfgate.host import interpreters
from perfgate.host.git import Repository
from perfgate.host.interrupt import Interrupts
from perfgate.measure import sides
from perfgate.measure.build import Build
from perfgate.measure.results import ResultsJob
from perfgate.measure.session import Effort, Progress, Watcher, measure_alone, measure_pairs
from perfgate.measure.size import SizeJob
from perfgate.measure.suite import Job
from perfgate.measure.track import AnyJob
from perfgate.measure.trial import RUN_S, Tried, tried
from perfgate.pipeline import probing, proposed
from perfgate.pipeline.probing import Tell, probe, whole
from perfgate.pipeline.proposed import Trial
from perfgate.project.proposal import Look, propose

SHOWN_PATHS = 3  # of a suite, that a line names


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What every use case that measures needs."""

    directory: Path
    load_config: Callable[[Path], Loaded]
    """Root of the repository to its configuration; read only where something is measured or judged."""
    interrupts: Interrupts
    watch: Watcher
    seed: int
    token: str = ""
    """Of GitHub: to push stored runs, to read labels. It is not in the environment of what is measured."""
    config: Path | None = None
    """The configuration's file, where it is not found by itself."""
    part: Part = WHOLE
    """Of the benchmarks; other jobs measure the others."""
    suites: tuple[str, ...] = ()
    """Names of the suites to measure; none are all."""
    selection: Selection = ALL
    """Benchmarks to measure, or to look at."""
    reader: str | None = None
    """The format of result files; None tells it by their shape."""

    def tell(self, text: str) -> None:
        """Say what was decided, in a line that stays."""
        self.watch(Progress(text=text, lasting=True))

    def repository(self) -> Repository:
        """Return the repository around the directory."""
        return Repository(self.directory, interrupts=self.interrupts)

    def root(self) -> Path:
        """Return where the configuration is: the root of the repository, the directory itself outside of one."""
        try:
            return self.repository().root
        except UsageError:
            return self.directory


def measure(revision: str | None, shop: Workshop, *, processes: int) -> Run:
    """Measure one side alone: the working tree, or `revision`."""
    repository = shop.repository()
    loaded = shop.load_config(repository.root)
    found = named_revision(repository, revision, repository.working_tree)
    return measure_one(repository, found, loaded, shop, processes)


def run_file(name: str | None, shop: Workshop) -> Path | None:
    """Return the path if `name` is a run file: it ends in .json, or is a file and nothing that git knows."""
    if name is None:
        return None
    path = Path(name)
    if path.suffix == ".json" or name == "-":
        return path
    if not path.is_file():
        return None
    try:
        shop.repository().revision(name)
    except UsageError:
        return path
    return None


def named_revision(repository: Repository, name: str | None, default: Callable[[], Revision]) -> Revision:
    """Return the revision of that name; without a name, the default."""
    return default() if name is None else repository.revision(name)


def completed(
    repository: Repository, loaded: Loaded, shop: Workshop, *, head: Revision, base: Revision | None = None
) -> Loaded:
    """Return the configuration; if it names no suite, with the suites and setup that `perfgate init` would write.

    Raises: MeasureError where no benchmark is found, BuildError where the project cannot be built.
    """
    if proposed.is_complete(loaded):
        return proposed.with_fitting_python(loaded, repository, head, tell=shop.tell, interrupts=shop.interrupts)
    seen = proposed.look_at(repository, head)
    if seen.falls_back:
        return loaded
    found = tried_proposal(repository, loaded, shop, revision=head, seen=seen)
    if base is None:
        return proposed.configured(loaded, found.proposal, found.setting)
    before = proposed.look_at(repository, base)
    both = found.proposal.with_suites_of(propose(before))
    set_up = propose(before, benchmarks=seen).as_tried(found.proposal)
    return proposed.configured(loaded, both, found.setting, base=set_up)


def tried_proposal(
    repository: Repository, loaded: Loaded, shop: Workshop, *, revision: Revision, seen: Look, run: bool = False
) -> Trial:
    """Return the proposal for a project as far as it works: tried now, or by an earlier run.

    Args:
        run: whether each benchmark is run once, too, in an environment of its own where there is one to be set up.
    """
    proposal = propose(seen)
    if not proposal.suites:
        raise proposed.nothing_found(seen, repository.root)
    where = proposed.setting(repository.root, seen, proposal, loaded, interrupts=shop.interrupts)
    if run:
        where = replace(where, apart=where.apart or bool(proposal.setup))
    locked = repository.blobs(str(revision.commit))[proposal.lock] if proposal.lock else ""
    first = Trial(proposal=proposal, setting=where, locked=locked)
    known = None if run else proposed.remembered(repository, first)
    if not run:
        shop.tell(_what_is_done(loaded, known or first))
    if known is not None:
        return known
    if not run and not where.apart and loaded.config.build.isolate == "none":
        return first  # nothing may be installed, so there is nothing to try

    def prepare(trial: Trial) -> tuple[Build, Sequence[Job]]:
        what = "running each of its benchmarks once" if run else "collecting its benchmarks"
        shop.watch(Progress(text=f"preparing {revision}, and {what}"))
        now = proposed.configured(loaded, trial.proposal, trial.setting)
        jobs = [job for job in _jobs(repository, now, replace(shop, suites=())) if isinstance(job, Job)]
        return _build(repository, now, "head", revision), jobs

    found = proposed.try_out(
        first,
        revision,
        seen,
        repository,
        prepare=prepare,
        run=run,
        within_s=RUN_S if run else parse_duration(loaded.config.perfgate.budget),
        mark=secrets.token_hex(8),
        tell=shop.tell,
        interrupts=shop.interrupts,
    )
    if not run and any(result.late for result in found.results):
        return found  # exploring has the same time, and says so
    errors = [text for result in found.results for text in result.errors]
    if errors and not any(result.names for result in found.results):
        raise proposed.not_collected(errors, found, seen)
    proposed.remember(repository, first, found)
    return found


def tried_configuration(shop: Workshop) -> tuple[Tried, ...]:
    """Build the working tree as the configuration says, and run each benchmark of its suites once.

    Load probes and sizes are left out: `perfgate load` and `perfgate measure` look at those.

    Raises: BuildError where the setup fails.
    """
    repository = shop.repository()
    revision = repository.working_tree()
    loaded = completed(repository, shop.load_config(repository.root), shop, head=revision)
    jobs = [job for job in _jobs(repository, loaded, shop) if isinstance(job, Job)]
    shop.watch(Progress(text=f"preparing {revision}"))
    build = _build(repository, loaded, "head", revision)
    with sides.prepared(repository, revision, build, interrupts=shop.interrupts) as side:
        found = []
        for job in jobs:
            shop.watch(Progress(text=f"running each benchmark of suite {job.name} once"))
            found.append(tried(job, side, mark=secrets.token_hex(8), interrupts=shop.interrupts, run=True))
    return tuple(found)


def _what_is_done(loaded: Loaded, trial: Trial) -> str:
    suites = "; ".join(f"{_some(table)} ({table['runner']})" for table in trial.proposal.suites.values())
    source = f"no {FILE}" if loaded.source == "defaults" else f"{loaded.source} has no suite"
    if not trial.setting.apart:
        return f"{source}, so perfgate measures {suites} with {trial.setting.python}, {trial.setting.owner}"
    setup = "".join(f"\n  {line}" for line in proposed.installed_by(trial.proposal.setup))
    versions = f" with the versions in {trial.proposal.lock}" if trial.proposal.lock else ""
    return (
        f"{source}, so perfgate measures {suites}. Each side gets an environment of its own{versions}, because "
        f"{trial.setting.why}:{setup}\n"
        "  `perfgate init` writes this down; `--isolate none` uses the current environment"
    )


def _some(table: Mapping[str, Any]) -> str:
    names = list(table.get("paths") or table.get("benchmarks", ()))
    more = f" and {len(names) - SHOWN_PATHS} more" if len(names) > SHOWN_PATHS else ""
    return f"{', '.join(names[:SHOWN_PATHS])}{more}"


def measure_both(
    repository: Repository, base: Revision, head: Revision, loaded: Loaded, policy: Policy, shop: Workshop
) -> tuple[Run, Run]:
    """Prepare both sides and measure them in pairs, until `policy` has its answers."""
    loaded = completed(repository, loaded, shop, head=head, base=base)
    jobs = _jobs(repository, loaded, shop)
    base_run, head_run = _in_pairs(
        repository, base, head, jobs, policy, effort(loaded, shop, rotation=str(head.commit)), loaded, shop
    )
    doubts = tuple(Warning(code="shell-words", text=text) for text in loaded.config.doubts())
    return base_run, replace(head_run, warnings=(*head_run.warnings, *_differing(loaded), *doubts))


def measure_twice(
    repository: Repository, revision: Revision, loaded: Loaded, shop: Workshop, *, seconds: float
) -> tuple[Run, Run]:
    """Build `revision` twice and measure both in pairs, to the last that is planned or for so many seconds.

    Raises: UsageError where no suite has anything to measure in time.
    """
    loaded = completed(repository, loaded, shop, head=revision)
    jobs = [
        replace(job, habits=True, metrics=()) if isinstance(job, Job) else job
        for job in _jobs(repository, loaded, shop)
        if not isinstance(job, SizeJob)
    ]
    if not jobs:
        text = "nothing of what is to be measured takes time: sizes are compared exactly, whatever the machine"
        raise UsageError(text, hint="perfgate doctor --machine looks at the machine alone")
    spend = replace(effort(loaded, shop), budget_s=seconds, canary=False, fitted=False)
    return _in_pairs(repository, revision, revision, jobs, Policy(rules=()), spend, loaded, shop)


def _in_pairs(
    repository: Repository,
    base: Revision,
    head: Revision,
    jobs: Sequence[AnyJob],
    policy: Policy,
    spend: Effort,
    loaded: Loaded,
    shop: Workshop,
) -> tuple[Run, Run]:
    began = time.monotonic()
    with ExitStack() as stack:

        def prepare(label: str, revision: Revision) -> sides.PreparedSide:
            shop.watch(Progress(text=f"preparing {label}, {revision}"))
            build = _build(repository, loaded, label, revision)
            return stack.enter_context(sides.prepared(repository, revision, build, interrupts=shop.interrupts))

        both = prepare("base", base), prepare("head", head)
        prepared_s = time.monotonic() - began
        runs = measure_pairs(
            repository,
            *both,
            jobs,
            policy,
            spend,
            interrupts=shop.interrupts,
            watch=shop.watch,
        )
    return _here(runs[0], loaded, prepared_s), _here(runs[1], loaded, prepared_s)


def measure_one(
    repository: Repository,
    revision: Revision | None,
    loaded: Loaded,
    shop: Workshop,
    processes: int,
    *,
    label: str = "head",
) -> Run:
    """Prepare one side and measure it alone, with what is configured for the side `label`."""
    assert revision is not None
    loaded = completed(repository, loaded, shop, head=revision)
    jobs = _jobs(repository, loaded, shop)
    shop.watch(Progress(text=f"preparing {revision}"))
    began = time.monotonic()
    build = _build(repository, loaded, label, revision)
    with sides.prepared(repository, revision, build, interrupts=shop.interrupts) as side:
        prepared_s = time.monotonic() - began
        run = measure_alone(
            repository,
            side,
            jobs,
            effort(loaded, shop),
            processes=processes,
            interrupts=shop.interrupts,
            watch=shop.watch,
        )
    return _here(run, loaded, prepared_s)


def _here(run: Run, loaded: Loaded, prepared_s: float) -> Run:
    """Return `run` with what the configuration says about this machine, and what preparing took."""
    assert run.method is not None
    method = replace(run.method, phases=((PREPARING, prepared_s), *run.method.phases))
    return replace(run, environment=run.environment.plus(loaded.config.environment), method=method)


def _build(repository: Repository, loaded: Loaded, label: str, revision: Revision) -> Build:
    """Return how a side is prepared.

    Raises: UsageError where head has no lock file by the configured name; base may be older than that.
    """
    table, own = loaded.config.build, _own(loaded, label)
    setup = table.setup if own.setup is None else own.setup
    isolated = table.isolate == "venv" or (table.isolate == "auto" and bool(setup))
    python = own.python or table.python or interpreters.default_python(repository.root)
    # Relative to the root, wherever it was started.
    python = str(repository.root / python) if "/" in python else shutil.which(python) or python
    lock = table.lock if table.lock and setup else ""
    if lock and not repository.tree(str(revision.commit), lock):
        if label == "head":
            raise UsageError(f"{revision} has no {lock}", hint=f"add it, or take lock out of [build] in {FILE}")
        lock = ""
    return Build(python=python, setup=setup, lock=lock, isolated=isolated, environ=tuple(own.environment.items()))


def _own(loaded: Loaded, label: str) -> SideTable:
    return next((table for name, table in loaded.config.sides.items() if name == label), SideTable())


def _differing(loaded: Loaded) -> tuple[Warning, ...]:
    """Say what the configuration makes different between the sides: the commit alone does not explain a change then."""
    base, head = (_own(loaded, label).model_dump() for label in ("base", "head"))
    keys = [key for key in base if base[key] != head[key]]
    if not keys:
        return ()
    told = "; ".join(f"{key} {_words(base[key])} against {_words(head[key])}" for key in keys)
    return (Warning(code="sides-differ", text=f"the sides differ by configuration as well: {told}"),)


def _words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}={text}" for name, text in value.items()) or "none"
    return " && ".join(value) if isinstance(value, tuple | list) else str(value or "as configured")


def look_at(name: str, shop: Workshop, *, rate: str | None, duration: str | None, tell: Tell) -> probing.Look:
    """Start the service of the probe `name` as the working tree has it, and load it once.

    Raises: UsageError where no load probe is called so.
    """
    repository = shop.repository()
    loaded = shop.load_config(repository.root)
    suite = loaded.config.suite.get(name)
    probes = [each for each, table in loaded.config.suite.items() if isinstance(table, LoadSuite)]
    if not isinstance(suite, LoadSuite):
        known = f"there are: {', '.join(probes)}" if probes else 'a suite with runner = "load" is one'
        raise UsageError(f"no load probe is called {name!r}; {known}")
    found = probe(repository.root, name, suite)
    found = replace(found, plan=whole(found.plan, rate=rate, duration=duration))
    revision = repository.working_tree()
    shop.watch(Progress(text=f"preparing {revision}"))
    build = _build(repository, loaded, "head", revision)
    with sides.prepared(repository, revision, build, interrupts=shop.interrupts) as side:
        return probing.look(found, side.place, shop.interrupts, seed=shop.seed, tell=tell)


def _jobs(repository: Repository, loaded: Loaded, shop: Workshop) -> Sequence[AnyJob]:
    suites = loaded.config.suite
    if unknown := [name for name in shop.suites if name not in suites]:
        raise UsageError(f"no suite is called {unknown[0]!r}; there are: {', '.join(suites)}")
    chosen = {name: suite for name, suite in suites.items() if name in (shop.suites or suites)}
    if shop.selection.paths:
        chosen = _at_paths(chosen, shop.selection.files)
    return [_job(repository, name, suite) for name, suite in chosen.items()]


def _at_paths(suites: Mapping[str, AnySuite], paths: Sequence[str]) -> dict[str, AnySuite]:
    """Return the suites of files that hold, or are held by, one of the paths, each with only those of its files.

    Raises: UsageError for a path that belongs to no suite.
    """
    found: dict[str, AnySuite] = {}
    left = set(paths)
    for name, suite in suites.items():
        if not isinstance(suite, PytestSuite | PyperfSuite):
            continue
        mine = {path: _common(path, suite.paths) for path in paths}
        left -= {path for path, files in mine.items() if files}
        if files := [file for each in mine.values() for file in each]:
            found[name] = suite.model_copy(update={"paths": tuple(dict.fromkeys(files))})
    if left:
        raise UsageError(
            f"{sorted(left)[0]!r} is not in any suite",
            hint=f"the suites are {', '.join(suites)}; `paths` under [suite.NAME] in {FILE} lists the files of each",
        )
    return found


def _common(path: str, own: Sequence[str]) -> list[str]:
    """Return what of a suite's own paths a path is, holds, or is inside of; a suite without paths has all of them."""
    if not own or any(each in (".", path) or path.startswith(f"{each.rstrip('/')}/") for each in own):
        return [path]
    return [each for each in own if path == "." or each.startswith(f"{path.rstrip('/')}/")]


def _job(repository: Repository, name: str, suite: AnySuite) -> AnyJob:
    if isinstance(suite, LoadSuite):
        return probe(repository.root, name, suite)
    if isinstance(suite, SizeSuite):
        return SizeJob(name=name, files=suite.benchmarks)
    if isinstance(suite, CommandSuite) and suite.reads:
        return _reading(name, suite, suite.reads)
    common = {"reads", "runner", "timeout", "design", "benchmarks_from", "metrics", "exclude"}
    options = {key: getattr(suite, key) for key in type(suite).model_fields if key not in common}
    return Job(
        name=name,
        runner=registry.runner(suite.runner, options),
        timeout_s=parse_duration(suite.timeout),
        design=Design(suite.design),
        shared=getattr(suite, "benchmarks_from", "head") == "head",
        metrics=suite.metrics,
        whole=isinstance(suite, CommandSuite),
        exclude=getattr(suite, "exclude", ()),
    )


def _reading(name: str, suite: CommandSuite, reads: str) -> ResultsJob:
    reader = registry.reader_named(reads)
    return ResultsJob(
        name=name,
        commands=suite.benchmarks,
        read=lambda data, label: reader.read(Document(label, data)),
        timeout_s=parse_duration(suite.timeout),
    )


def effort(loaded: Loaded, shop: Workshop, *, rotation: str = "") -> Effort:
    """Return what the configuration lets a measurement spend.

    Args:
        rotation: draws which benchmarks are measured where the budget does not hold all, if they are to be drawn.
    """
    table = loaded.config.perfgate
    usual = STRICT_EFFORT_S if table.strictness == "strict" else NORMAL_EFFORT_S
    return Effort(
        budget_s=parse_duration(table.budget),
        benchmark_s=parse_duration(table.effort) if table.effort else usual,
        seed=shop.seed,
        part=shop.part,
        selection=shop.selection,
        rotation=rotation if table.rotate else "",
        canary=table.canary,
        fewest=FIRST_LOOK if table.effort else EARLY,
    )
