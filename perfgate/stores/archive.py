"""Stored runs over any store: record them, find them, read a window of them, verify and compact all of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from perfgate.core.audit import Decision
from perfgate.core.baseline import StoredRun
from perfgate.core.levels import Level, Levels
from perfgate.core.model import Sli
from perfgate.core.ports import Store
from perfgate.errors import StoreError
from perfgate.stores import columns, decisions
from perfgate.stores.columns import Entry, Files


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What could be read, and what could not."""

    files: Mapping[str, tuple[StoredRun, ...]]
    """Path to its run, or to the runs of a roll-up."""
    faults: tuple[str, ...] = ()
    """Files that are damaged, each with what is wrong; the rest is readable."""

    @property
    def runs(self) -> tuple[StoredRun, ...]:
        """All runs."""
        return tuple(run for runs in self.files.values() for run in runs)


class Archive:
    """The stored runs in a store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def record(self, runs: Sequence[StoredRun], *, message: str) -> tuple[str, ...]:
        """Append runs; return the paths that are new: none where all were recorded before."""
        files = dict.fromkeys(pair for run in runs for pair in columns.pack(run)[1].items())
        return tuple(path for path in self.store.append(list(files), message=message) if path.startswith("runs/"))

    def record_decisions(self, decided: Sequence[Decision], *, message: str) -> tuple[str, ...]:
        """Append what the gate decided; return the paths that are new."""
        files = dict.fromkeys(pair for one in decided for pair in decisions.pack(one).items())
        return tuple(filter(decisions.is_decision, self.store.append(list(files), message=message)))

    def decisions(self) -> tuple[tuple[Decision, ...], tuple[str, ...]]:
        """Return all that the gate decided, and what of it is damaged."""
        found, faults = [], []
        for path, data in self.store.read([path for path in self.store.paths() if decisions.is_decision(path)]).items():
            try:
                found.append(decisions.unpack(data, path))
            except StoreError as exc:
                faults.append(exc.message)
        return tuple(found), tuple(faults)

    def entries(self) -> tuple[Entry, ...]:
        """Return what is stored, by paths alone."""
        return _entries(self.store.paths())

    def entries_of(self, commit: str) -> tuple[Entry, ...]:
        """Return what is stored of one commit, at a cost that does not grow with the store."""
        return _entries(self.store.paths(columns.folder(commit)))

    def recent(self, most: int) -> tuple[Entry, ...]:
        """Return what the last `most` appends of runs added, oldest first."""
        return _entries(self.store.recent(most))

    def read(self, entries: Iterable[Entry]) -> Read:
        """Read runs, in two requests: the files, then what they share."""
        paths = [entry.path for entry in entries]
        own = dict(self.store.read(paths))
        files: dict[str, tuple[StoredRun, ...]] = {}
        faults: list[str] = []
        wanted: dict[str, tuple[str, ...]] = {}
        for path in paths:
            try:
                wanted[path] = columns.needed(own[path], path)
            except StoreError as exc:
                faults.append(exc.message)
        shared = self.store.read(sorted({path for needs in wanted.values() for path in needs}))
        for path in wanted:
            try:
                files[path] = columns.unpack(own.pop(path), path, shared)
            except StoreError as exc:
                faults.append(exc.message)
        return Read(files=files, faults=tuple(faults))

    def verify(self) -> tuple[str, ...]:
        """Return everything that is wrong: with the order of writing, a seal, a name, a file in a strange place."""
        paths = self.store.paths()
        faults = [*self.store.faults(), *self.read(_entries(paths)).faults]
        shared = self.store.read([path for path in paths if path.startswith(("names/", "environments/"))])
        for path, data in shared.items():
            try:
                columns.check_shared(path, data)
            except StoreError as exc:
                faults.append(exc.message)
        faults += self.decisions()[1]
        known = {entry.path for entry in _entries(paths)} | shared.keys() | {columns.FORMAT}
        known |= set(filter(decisions.is_decision, paths))
        faults += [f"{path} is not a file of perfgate" for path in paths if path not in known]
        return tuple(dict.fromkeys(faults))

    def compact(self, keep: int, *, newest_first: Sequence[str] = ()) -> tuple[int, int]:
        """Keep the newest `keep` runs of each series whole, and of older ones one a day.

        Args:
            keep: runs of each series.
            newest_first: commits in the order of their history, which decides where their dates are the same.

        Returns: how many runs are rolled up, and into how many.
        """
        paths = self.store.paths()
        found = self.read(_entries(paths))
        if not found.files and not found.faults:
            raise StoreError(f"nothing is stored in {self.store.name} yet", hint="perfgate record stores a run")
        if found.faults:
            raise StoreError(
                f"{len(found.faults)} files are damaged, the first: {found.faults[0]}",
                hint="perfgate baseline verify lists them; restore or remove them first",
            )
        kept, files = {columns.FORMAT, *filter(decisions.is_decision, paths)}, Files()
        runs_before = days_after = 0
        for stored in _by_series(found.files, newest_first):
            old = [run for path, run in stored[: max(0, len(stored) - keep)]]
            old += [run for path, run in stored[-keep:] if path.startswith("rollup/")]
            for path, run in stored[-keep:]:
                if not path.startswith("rollup/"):
                    own, needed = columns.pack(run)
                    kept |= {path, *(needed.keys() - {own})}
            days = [_day(same) for same in _grouped(old, lambda run: run.committed[:10])]
            for month in _grouped(days, lambda run: run.committed[:7]):
                files |= columns.pack_rollup(month[0].committed[:7], month)
            runs_before += sum(run.runs for run in old)
            days_after += len(days)
        message = f"compact: the newest {keep} runs of each series, older ones by the day"
        self.store.rewrite(sorted(kept & set(paths) - files.keys()), files, message=message)
        return runs_before, days_after


def _by_series(
    files: Mapping[str, Sequence[StoredRun]], newest_first: Sequence[str]
) -> list[list[tuple[str, StoredRun]]]:
    """Return (path, run) of each series, by commit date."""
    age = {commit: number for number, commit in enumerate(newest_first)}

    def order(pair: tuple[str, StoredRun]) -> tuple[str, int, str, str]:
        path, run = pair
        return run.committed, -age.get(run.commit, len(age)), run.started, path

    found: dict[tuple[str, str], list[tuple[str, StoredRun]]] = {}
    pairs = [(path, run) for path, runs in files.items() for run in runs]
    for path, run in sorted(pairs, key=order):
        found.setdefault((run.environment.fingerprint, run.suite), []).append((path, run))
    return list(found.values())


def _grouped(runs: Sequence[StoredRun], key: Callable[[StoredRun], str]) -> list[list[StoredRun]]:
    groups: dict[str, list[StoredRun]] = {}
    for run in runs:
        groups.setdefault(key(run), []).append(run)
    return list(groups.values())


def _day(runs: Sequence[StoredRun]) -> StoredRun:
    """Return one run in place of the runs of a day: their medians, with the commit of the last."""
    slis: dict[Sli, None] = {sli: None for run in runs for sli in run.levels}
    levels = {sli: _middle([run.levels[sli] for run in runs if sli in run.levels]) for sli in slis}
    return replace(runs[-1], levels=Levels.of(levels), runs=sum(run.runs for run in runs))


def _middle(levels: Sequence[Level]) -> Level:
    return Level(
        median=median(level.median for level in levels),
        low=median(level.low for level in levels),
        high=median(level.high for level in levels),
        n=sum(level.n for level in levels),
    )


def _entries(paths: Iterable[str]) -> tuple[Entry, ...]:
    return tuple(entry for path in paths if (entry := columns.entry_of(path)) is not None)
