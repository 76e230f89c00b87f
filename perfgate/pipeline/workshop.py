"""What every use case shares: the configuration, the run files, and measuring one side or two."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from perfgate import codec, registry
from perfgate.config.load import Loaded
from perfgate.config.probe import LoadSuite
from perfgate.config.schema import AnySuite
from perfgate.core.model import WHOLE, Design, Part, Revision, Run
from perfgate.core.policy import Policy
from perfgate.core.schedule import NORMAL_EFFORT_S, STRICT_EFFORT_S
from perfgate.core.units import parse_duration
from perfgate.errors import UsageError
from perfgate.host import files
from perfgate.host.git import Repository
from perfgate.host.interrupt import Interrupts
from perfgate.measure import sides
from perfgate.measure.build import Build
from perfgate.measure.session import Effort, Progress, Watcher, measure_alone, measure_pairs
from perfgate.measure.suite import Job
from perfgate.measure.track import AnyJob
from perfgate.pipeline.probing import Look, Tell, look, probe, whole


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


def load_run(path: Path) -> Run:
    """Return the run in a file."""
    return registry.read(files.read(path, largest=codec.LARGEST), name=str(path))


def named_revision(repository: Repository, name: str | None, default: Callable[[], Revision]) -> Revision:
    """Return the revision of that name, or what stands for none."""
    return default() if name is None else repository.revision(name)


def measure_both(
    repository: Repository, base: Revision, head: Revision, loaded: Loaded, policy: Policy, shop: Workshop
) -> tuple[Run, Run]:
    """Prepare both sides and measure them in pairs, until `policy` has its answers."""
    jobs = _jobs(repository, loaded, shop)
    build = _build(repository, loaded)
    with ExitStack() as stack:

        def prepare(label: str, revision: Revision) -> sides.PreparedSide:
            shop.watch(Progress(text=f"preparing {label}, {revision}"))
            return stack.enter_context(sides.prepared(repository, revision, build, interrupts=shop.interrupts))

        runs = measure_pairs(
            repository,
            prepare("base", base),
            prepare("head", head),
            jobs,
            policy,
            _effort(loaded, shop),
            interrupts=shop.interrupts,
            watch=shop.watch,
        )
    return _here(runs[0], loaded), _here(runs[1], loaded)


def measure_one(
    repository: Repository, revision: Revision | None, loaded: Loaded, shop: Workshop, processes: int
) -> Run:
    """Prepare one side and measure it alone."""
    jobs = _jobs(repository, loaded, shop)
    assert revision is not None
    shop.watch(Progress(text=f"preparing {revision}"))
    with sides.prepared(repository, revision, _build(repository, loaded), interrupts=shop.interrupts) as side:
        run = measure_alone(
            repository,
            side,
            jobs,
            _effort(loaded, shop),
            processes=processes,
            interrupts=shop.interrupts,
            watch=shop.watch,
        )
    return _here(run, loaded)


def _here(run: Run, loaded: Loaded) -> Run:
    """Return `run` with what the configuration says about this machine."""
    return replace(run, environment=run.environment.plus(loaded.config.environment))


def _build(repository: Repository, loaded: Loaded) -> Build:
    table = loaded.config.build
    isolated = table.isolate == "venv" or (table.isolate == "auto" and bool(table.setup))
    python = table.python or sides.default_python(repository.root)
    if "/" in python:
        python = str(repository.root / python)  # relative to the root, wherever it was started
    return Build(python=python, setup=table.setup, isolated=isolated)


def look_at(name: str, shop: Workshop, *, rate: str | None, duration: str | None, tell: Tell) -> Look:
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
    with sides.prepared(repository, revision, _build(repository, loaded), interrupts=shop.interrupts) as side:
        return look(found, side.place, shop.interrupts, seed=shop.seed, tell=tell)


def _jobs(repository: Repository, loaded: Loaded, shop: Workshop) -> Sequence[AnyJob]:
    suites = loaded.config.suite
    if unknown := [name for name in shop.suites if name not in suites]:
        raise UsageError(f"no suite is called {unknown[0]!r}; there are: {', '.join(suites)}")
    return [_job(repository, name, suite) for name, suite in suites.items() if name in (shop.suites or suites)]


def _job(repository: Repository, name: str, suite: AnySuite) -> AnyJob:
    if isinstance(suite, LoadSuite):
        return probe(repository.root, name, suite)
    common = {"runner", "timeout", "design", "benchmarks_from"}
    options = {key: getattr(suite, key) for key in type(suite).model_fields if key not in common}
    return Job(
        name=name,
        runner=registry.runner(suite.runner, options),
        timeout_s=parse_duration(suite.timeout),
        design=Design(suite.design),
        shared=getattr(suite, "benchmarks_from", "head") == "head",
    )


def _effort(loaded: Loaded, shop: Workshop) -> Effort:
    table = loaded.config.perfgate
    usual = STRICT_EFFORT_S if table.strictness == "strict" else NORMAL_EFFORT_S
    return Effort(
        budget_s=parse_duration(table.budget),
        benchmark_s=parse_duration(table.effort) if table.effort else usual,
        seed=shop.seed,
        part=shop.part,
    )
