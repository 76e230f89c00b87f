"""The use cases, each a few steps over the layers below: compare, measure, clean."""

import shlex
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from perfgate import __version__, codec, registry
from perfgate.config.load import Loaded
from perfgate.config.schema import CommandSuite, Perfgate, PytestSuite
from perfgate.core.model import Design, Revision, Run
from perfgate.core.policy import Policy
from perfgate.core.report import Report, report
from perfgate.core.schedule import NORMAL_EFFORT_S, STRICT_EFFORT_S
from perfgate.core.units import parse_duration
from perfgate.errors import UsageError
from perfgate.host import files
from perfgate.host.git import Repository
from perfgate.host.interrupt import Interrupts
from perfgate.measure import sides
from perfgate.measure.build import Build
from perfgate.measure.session import (
    Effort,
    Progress,
    Watcher,
    measure_alone,
    measure_pairs,
)
from perfgate.measure.suite import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What every use case that measures needs."""

    directory: Path
    load_config: Callable[[Path], Loaded]
    """Root of the repository to its configuration; read only where something is measured or judged."""
    interrupts: Interrupts
    watch: Watcher
    seed: int
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A report and the runs that it was made from."""

    report: Report
    base: Run
    head: Run


def compare(base: str | None, head: str | None, shop: Workshop, *, processes: int = 10) -> Compared:
    """Compare two things, each a revision or a run file, measuring what is not measured yet.

    Args:
        base: None is the merge base with the default branch.
        head: None is the working tree.
        processes: how many, where one side is a file and the other is measured alone.
    """
    paths = _run_file(base, shop), _run_file(head, shop)
    if all(paths):
        one, other = (_load_run(path) for path in paths if path)
        policy = shop.load_config(shop.root()).config.policy()
        return _judged(one, other, policy, again=shlex.join(["perfgate", "compare", str(base), str(head)]))
    repository = shop.repository()
    loaded = shop.load_config(repository.root)
    revisions = [
        None if path else _revision(repository, name, default)
        for path, name, default in zip(
            paths, (base, head), (repository.fork_point, repository.working_tree), strict=True
        )
    ]
    policy = loaded.config.policy()
    if revisions[0] and revisions[1]:
        one, other = _measure_both(repository, revisions[0], revisions[1], loaded, shop)
        return _judged(one, other, policy, again=_again(revisions[0], revisions[1], loaded, shop))
    one, other = (
        _load_run(path) if path else _measure_one(repository, revision, loaded, shop, processes)
        for path, revision in zip(paths, revisions, strict=True)
        if path or revision
    )
    return _judged(one, other, policy)


def measure(revision: str | None, shop: Workshop, *, processes: int) -> Run:
    """Measure one side alone: the working tree, or `revision`."""
    repository = shop.repository()
    loaded = shop.load_config(repository.root)
    found = _revision(repository, revision, repository.working_tree)
    return _measure_one(repository, found, loaded, shop, processes)


def _judged(base: Run, head: Run, policy: Policy, *, again: str = "") -> Compared:
    judged = report(base, head, policy, repeat=again, version=__version__)
    return Compared(report=judged, base=base, head=head)


def _run_file(name: str | None, shop: Workshop) -> Path | None:
    """Return the path if `name` is a run file: it ends in .json, or is a file and nothing that git knows."""
    if name is None:
        return None
    path = Path(name)
    if path.suffix == ".json":
        return path
    if not path.is_file():
        return None
    try:
        shop.repository().revision(name)
    except UsageError:
        return path
    return None


def _load_run(path: Path) -> Run:
    return codec.load_run(files.read(path, largest=codec.LARGEST), name=str(path))


def _revision(repository: Repository, name: str | None, default: Callable[[], Revision]) -> Revision:
    return default() if name is None else repository.revision(name)


def _measure_both(
    repository: Repository, base: Revision, head: Revision, loaded: Loaded, shop: Workshop
) -> tuple[Run, Run]:
    build = _build(repository, loaded)
    with ExitStack() as stack:

        def prepare(label: str, revision: Revision) -> sides.PreparedSide:
            shop.watch(Progress(text=f"preparing {label}, {revision}"))
            return stack.enter_context(sides.prepared(repository, revision, build, interrupts=shop.interrupts))

        return measure_pairs(
            repository,
            prepare("base", base),
            prepare("head", head),
            _jobs(loaded, shop),
            loaded.config.policy(),
            _effort(loaded, shop),
            interrupts=shop.interrupts,
            watch=shop.watch,
        )


def _measure_one(
    repository: Repository, revision: Revision | None, loaded: Loaded, shop: Workshop, processes: int
) -> Run:
    assert revision is not None
    shop.watch(Progress(text=f"preparing {revision}"))
    with sides.prepared(repository, revision, _build(repository, loaded), interrupts=shop.interrupts) as side:
        return measure_alone(
            repository,
            side,
            _jobs(loaded, shop),
            _effort(loaded, shop),
            processes=processes,
            interrupts=shop.interrupts,
            watch=shop.watch,
        )


def _build(repository: Repository, loaded: Loaded) -> Build:
    table = loaded.config.build
    isolated = table.isolate == "venv" or (table.isolate == "auto" and bool(table.setup))
    python = table.python or sides.default_python(repository.root)
    if "/" in python:
        python = str(repository.root / python)  # relative to the root, wherever it was started
    return Build(python=python, setup=table.setup, isolated=isolated)


def _jobs(loaded: Loaded, shop: Workshop) -> Sequence[Job]:
    suites = loaded.config.suite
    if unknown := [name for name in shop.suites if name not in suites]:
        raise UsageError(f"no suite is called {unknown[0]!r}; there are: {', '.join(suites)}")
    return [_job(name, suite) for name, suite in suites.items() if name in (shop.suites or suites)]


def _job(name: str, suite: PytestSuite | CommandSuite) -> Job:
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
    )


def _again(base: Revision, head: Revision, loaded: Loaded, shop: Workshop) -> str:
    table, usual = loaded.config.perfgate, Perfgate()
    command = ["perfgate", "compare", str(base.commit)[:12]]
    command += [] if head.dirty else [str(head.commit)[:12]]
    command += [part for name in shop.suites for part in ("--suite", name)]
    chosen = {key: getattr(table, key) for key in ("budget", "strictness", "effort")}
    flags = [part for key, value in chosen.items() if value != getattr(usual, key) for part in (f"--{key}", str(value))]
    return shlex.join([*command, *flags, "--seed", str(shop.seed)])
