"""Stored runs: record them, compare with them, look after them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from perfgate import __version__, registry
from perfgate.config.load import Loaded
from perfgate.core import baseline as baselines
from perfgate.core.baseline import WINDOW, Baseline, StoredRun
from perfgate.core.levels import Levels
from perfgate.core.model import Benchmark, Failure, Reason, Revision, Run, Sli, Warning
from perfgate.core.policy import Policy, matches
from perfgate.core.report import report
from perfgate.core.units import parse_duration
from perfgate.errors import BuildError, GitError, MeasureError, StoreError, UsageError
from perfgate.host.clone import address_of
from perfgate.host.environment import ci_job
from perfgate.host.git import Repository
from perfgate.measure.session import Progress
from perfgate.pipeline.compare import Compared, policy_for
from perfgate.pipeline.converting import load_run, of_commit
from perfgate.pipeline.workshop import Workshop, measure_one, named_revision, run_file
from perfgate.stores import columns
from perfgate.stores.archive import Archive
from perfgate.stores.columns import Entry

SHOWN_FILES = 10  # changed files that an error lists
SAMPLED = 40  # runs that are read to see which benchmarks were ever recorded
MACHINE = ("cpu", "cores", "kernel", "libc", "image", "build")
HOSTED = (
    "trust-times is on, but this run is of a hosted runner, where every job may get another machine: a time may block "
    "here without cause; take trust-times out of [baseline], and compare two revisions instead"
)


@contextmanager
def archive(repository: Repository, loaded: Loaded, shop: Workshop) -> Iterator[Archive]:
    """Hold the stored runs of a repository, where its configuration says they are."""
    table = loaded.config.baseline
    if table.directory:
        with registry.store("directory")(repository.root / table.directory) as store:
            yield Archive(store)
        return
    remote = table.remote or repository.remote()
    if remote is None or repository.asks("remote", "get-url", remote) is None:
        raise StoreError(
            f"no remote {remote or ''} to keep stored runs on".replace("  ", " "),
            hint='git remote add origin URL; or keep them in a directory: [baseline] directory = "…" in perfgate.toml',
        )
    branch = loaded.config.perfgate.results_branch
    address = address_of(repository, remote, token=shop.token)
    with registry.store("branch")(address, branch, interrupts=shop.interrupts) as store:
        yield Archive(store)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What `record` did."""

    new: tuple[str, ...]
    """Paths that were added."""
    known: int
    """Suites of runs that were there already."""
    place: str
    silent: tuple[tuple[Benchmark, float], ...]
    """Benchmarks that this run lacks although they were recorded before, with the days since."""
    failed: tuple[Failure, ...]
    """Benchmarks of this run that gave no value."""
    longest_days: float
    """Above which silence is a failure."""
    unmeasured: tuple[tuple[str, str], ...] = ()
    """Commits of a range that could not be measured, with the reason."""


def record(
    names: Sequence[str],
    shop: Workshop,
    *,
    processes: int,
    every: int = 1,
    dry_run: bool = False,
    commit: str | None = None,
) -> Recorded:
    """Append runs to the stored ones: those in files, and those of commits, which are measured.

    Each commit's run is stored as soon as it is measured. In a range, commits that are stored already are left out.

    Args:
        names: run files, revisions, and ranges of revisions as git writes them; none is the working tree's commit.
        every: of a range, measure every so many commits, the last among them.
        dry_run: only say what would be stored, and where.
        commit: the revision that files are of which name none.

    Raises: UsageError for a run of no commit that this repository has.
    """
    repository = shop.repository()
    repository.head()  # a repository without a commit says that first
    loaded = shop.load_config(repository.root)
    policy = loaded.config.policy()
    paths = [path for name in names if (path := run_file(name, shop)) is not None]
    others = [name for name in names if run_file(name, shop) is None]
    with archive(repository, loaded, shop) as kept:
        runs = [load_run(path, reader=shop.reader) for path in paths]
        runs = [of_commit(run, str(repository.revision(commit).commit)) for run in runs] if commit else runs
        commits = _commits(others, repository, kept, every) if others or not names else []
        what = [*([f"{len(runs)} run{'s' * (len(runs) != 1)}"] if runs else []), *_told(commits)]
        first = "" if kept.entries() else ", which holds nothing yet"  # also: is there a store to write to?
        known = "" if what else ": all of these commits are stored already"
        shop.tell(
            f"{'would store' if dry_run else 'storing'} {' and '.join(what) or 'nothing'} in {kept.store.name}"
            f"{known}{first}"
        )
        stored: list[StoredRun] = []
        new: list[str] = []
        failed: list[Failure] = []
        unmeasured: list[tuple[str, str]] = []

        def keep(measured: Sequence[Run]) -> None:
            reduced = [one for run in measured for one in _reduced(run, repository, policy)]
            stored.extend(reduced)
            failed.extend(f for one in reduced for f in one.failures if f.reason is not Reason.SKIPPED)
            new.extend(kept.record(reduced, message=_message(reduced)) if reduced else ())

        if not dry_run:
            keep(runs)
        for number, revision in enumerate(() if dry_run else commits, start=1):
            shop.watch(Progress(text=f"measuring {revision}, {number} of {len(commits)}"))
            try:
                run = measure_one(repository, revision, loaded, shop, processes)
            except (BuildError, MeasureError, GitError) as exc:
                if len(commits) == 1:
                    raise
                unmeasured.append((str(revision), exc.message))
                continue
            shop.interrupts.check()  # a part of a run is useless later
            keep([run])
        if not stored and not dry_run and not unmeasured and (commits or runs):
            raise UsageError("these runs hold nothing that could be recorded")
        longest_s = parse_duration(loaded.config.baseline.max_age)
        silent = _silent(kept, stored, repository, policy) if stored and len(commits) <= 1 else []
        return Recorded(
            new=tuple(new),
            known=len(stored) - len(new),
            failed=tuple(failed),
            place=kept.store.name,
            silent=tuple((benchmark, seconds / 86400) for benchmark, seconds in silent),
            longest_days=longest_s / 86400,
            unmeasured=tuple(unmeasured),
        )


def _commits(names: Sequence[str], repository: Repository, kept: Archive, every: int) -> list[Revision]:
    """Return the commits to measure, oldest first; without a name the one that is checked out."""
    if not names:
        head = repository.working_tree()
        if head.dirty:
            changed = repository.changed_files()
            listed = "".join(f"\n  {path}" for path in changed[:SHOWN_FILES])
            more = f"\n  and {len(changed) - SHOWN_FILES} more" if len(changed) > SHOWN_FILES else ""
            raise UsageError(
                f"the working tree has uncommitted changes:{listed}{more}",
                hint="commit or ignore these files; or record the commit without them: perfgate record HEAD",
            )
        return [head]
    found: list[Revision] = []
    for name in names:
        if ".." not in name:
            found.append(repository.revision(name))
            continue
        line = repository.line(name)
        chosen = line[(len(line) - 1) % every :: every] if line else []
        found += [Revision(label=commit[:12], commit=commit) for commit in chosen if not kept.entries_of(commit)]
    return found


def _told(commits: Sequence[Revision]) -> list[str]:
    if not commits:
        return []
    if len(commits) == 1:
        return [f"a run of {commits[0]}"]
    return [f"runs of {len(commits)} commits, from {commits[0]} to {commits[-1]},"]


def _message(stored: Sequence[StoredRun]) -> str:
    names = ", ".join(dict.fromkeys(f"{run.suite} of {run.commit[:12]}" for run in stored))
    return f"record {names}\n\nperfgate {__version__}\n{ci_job()}".strip() + "\n"


def _reduced(run: Run, repository: Repository, policy: Policy) -> tuple[StoredRun, ...]:
    commit = run.revision.commit
    if commit is None or run.revision.dirty:
        hint = "measure a commit, then record"
        if commit is None:
            hint = "say of which: perfgate record FILE --commit HEAD"
        raise UsageError(f"the run of {run.revision} belongs to no commit", hint=hint)
    if any(warning.code == "interrupted" for warning in run.warnings):
        raise UsageError(f"the run of {run.revision} was interrupted, so a part of it is missing", hint="measure again")
    if not repository.has(commit):
        raise UsageError(
            f"the run is of {commit[:12]}, which this clone does not have", hint=f"git fetch origin {commit}"
        )
    return baselines.reduced(run, policy, committed=_iso(repository.ancestors(commit, most=1)[commit]))


def _silent(
    kept: Archive, stored: Sequence[StoredRun], repository: Repository, policy: Policy
) -> list[tuple[Benchmark, float]]:
    """Return the benchmarks that were ever recorded by the like of this run and are not in it, with the seconds since.

    Another machine is the like of this one, another Python or system is not. Some runs of all times are read, and the
    newest.
    """
    commit = stored[0].commit
    seconds = repository.ancestors(commit)
    suites = {columns.suite_in_path(run.suite) for run in stored}
    entries = [e for e in kept.entries() if e.commit in seconds and e.suite in suites]
    entries.sort(key=lambda entry: seconds[entry.commit])
    some = entries[:: max(1, len(entries) // SAMPLED)] + entries[-SAMPLED:]
    like = {_kind(run) for run in stored}
    seen = baselines.last_seen([run for run in kept.read(dict.fromkeys(some)).runs if _kind(run) in like])
    present = {sli.benchmark for run in stored for sli in run.levels}
    now = seconds[commit]
    return [
        (benchmark, now - datetime.fromisoformat(committed).timestamp())
        for benchmark, committed in sorted(seen.items())
        if benchmark not in present and not any(matches(glob, str(benchmark)) for glob in policy.retired)
    ]


def _kind(run: StoredRun) -> frozenset[tuple[str, str]]:
    """Return the facts that decide which benchmarks there are; which machine it was does not."""
    return frozenset((name, value) for name, value in run.environment.facts if name not in MACHINE)


def compare_with_baseline(head: str | None, shop: Workshop, *, processes: int, limit: float | None = None) -> Compared:
    """Compare HEAD, measured alone or a run file, with the stored runs of its nearest comparable ancestors."""
    repository = shop.repository()
    loaded = shop.load_config(repository.root)
    policy = policy_for(loaded, shop, limit)
    path = run_file(head, shop)
    revision = None if path else named_revision(repository, head, repository.working_tree)
    with archive(repository, loaded, shop) as kept:
        entries = kept.entries()  # before minutes are spent: is there a store to read?
        if not entries:
            shop.tell(f"nothing is stored in {kept.store.name} yet to compare with; perfgate record stores a run")
        run = load_run(path, reader=shop.reader) if path else measure_one(repository, revision, loaded, shop, processes)
        run = policy.restated(shop.selection.of(run))
        longest_s = parse_duration(loaded.config.baseline.max_age)
        found, warnings = _baselines(kept, entries, run, repository, longest_s)
        asked = shop.selection
        found = [
            replace(each, runs=tuple(only(one, lambda sli: asked.holds(sli.benchmark)) for one in runs))
            for each in found
            for runs in [baselines.restated(each.runs, policy)]
        ]
    if policy.trust_stored and "image" in dict(run.environment.facts):
        warnings.append(Warning(code="times-trusted", text=HOSTED))
    base = replace(baselines.base_run(found, run), warnings=tuple(warnings))
    judged = report(
        base,
        run,
        policy,
        repeat=f"perfgate compare baseline {head or ''}".strip(),
        version=__version__,
        comparisons=baselines.compare_stored(found, run),
    )
    return Compared(report=judged, base=base, head=run)


def only(run: StoredRun, wanted: Callable[[Sli], bool]) -> StoredRun:
    """Return a stored run with the wanted SLIs alone."""
    return replace(run, levels=Levels.of({sli: level for sli, level in run.levels.items() if wanted(sli)}))


def _baselines(
    kept: Archive, entries: Sequence[Entry], run: Run, repository: Repository, longest_s: float
) -> tuple[list[Baseline], list[Warning]]:
    commit = run.revision.commit
    seconds: dict[str, int] = {}
    if commit and repository.has(commit):
        if run.revision.dirty:  # perfgate's own commit of the changes is not one of the history
            commit = next(iter(repository.parents(commit)), commit)
        seconds = repository.ancestors(commit)
    before = [oid for oid in seconds if oid != commit or run.revision.dirty]
    places = {oid: place for place, oid in enumerate(before)}
    fingerprint = run.environment.fingerprint
    found: list[Baseline] = []
    warnings: list[Warning] = []
    for suite in sorted({benchmark.suite for benchmark in run.benchmarks}):
        mine = [entry for entry in entries if entry.suite == columns.suite_in_path(suite)]
        ancestors = sorted((e for e in mine if e.commit in places), key=lambda e: (places[e.commit], e.path))
        comparable = [entry for entry in ancestors if entry.environment == fingerprint][:WINDOW]
        read = kept.read(comparable)
        warnings += [Warning(code="stored-damaged", text=fault) for fault in read.faults]
        if not read.runs:
            found.append(Baseline(suite=suite, reason=_why_none(kept, suite, mine, ancestors, run, repository)))
            continue
        nearest = read.runs[0]
        found.append(Baseline(suite=suite, runs=read.runs, distance=repository.distance(nearest.commit, str(commit))))
        age_s = seconds[str(commit)] - seconds[nearest.commit]
        if age_s > longest_s:
            text = f"the baseline of {suite} is {age_s / 86400:.0f} days old: is `perfgate record` still running?"
            warnings.append(Warning(code="stale-baseline", text=text))
    return found, warnings


def _why_none(
    kept: Archive, suite: str, mine: Sequence[Entry], ancestors: Sequence[Entry], run: Run, repository: Repository
) -> str:
    if not mine:
        return (
            f"no run of {suite} is stored in {kept.store.name} yet: perfgate record, on the default branch, stores one"
        )
    if not ancestors:
        shallow = "; this clone is shallow: git fetch --unshallow" if repository.is_shallow() else ""
        return f"none of the {len(mine)} stored runs of {suite} is of an ancestor of head{shallow}"
    other = kept.read(ancestors[:1]).runs
    differences = other[0].environment.differences(run.environment) if other else ()
    return f"the stored runs of {suite} are from another environment ({'; '.join(differences) or 'unreadable'})"


def listed(shop: Workshop) -> tuple[list[Entry], str]:
    """Return what is stored, newest first by HEAD's history, and where."""
    repository = shop.repository()
    with archive(repository, shop.load_config(repository.root), shop) as kept:
        entries = kept.entries()
        place = kept.store.name
    order = {oid: place for place, oid in enumerate(repository.ancestors(repository.head()))}
    return sorted(entries, key=lambda e: (order.get(e.commit, len(order)), e.path)), place


def shown(name: str, shop: Workshop) -> tuple[StoredRun, ...]:
    """Return what is stored of one commit."""
    repository = shop.repository()
    revision = repository.revision(name)
    assert revision.commit is not None
    with archive(repository, shop.load_config(repository.root), shop) as kept:
        read = kept.read(kept.entries_of(revision.commit))
        place = kept.store.name
    if read.faults:
        raise StoreError("\n".join(read.faults), hint="perfgate baseline verify lists all that is damaged")
    if not read.runs:
        raise UsageError(f"nothing is stored of {revision} in {place}", hint="perfgate baseline list")
    return read.runs


def verified(shop: Workshop) -> tuple[tuple[str, ...], int, str]:
    """Return what is wrong with the stored runs, how many files were read, and where."""
    repository = shop.repository()
    with archive(repository, shop.load_config(repository.root), shop) as kept:
        return kept.verify(), len(kept.entries()), kept.store.name


def compacted(shop: Workshop, *, keep: int) -> tuple[int, int, str]:
    """Roll up all but the newest `keep` runs of each series; return runs before, days after, and where."""
    repository = shop.repository()
    with archive(repository, shop.load_config(repository.root), shop) as kept:
        newest_first = repository.ancestors(repository.head())
        return *kept.compact(keep, newest_first=tuple(newest_first)), kept.store.name


def _iso(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat(timespec="seconds")
