"""What the stored runs of HEAD's history say together: what changed, and where every SLI stands."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from perfgate import __version__
from perfgate.config.load import Loaded
from perfgate.core import history as past
from perfgate.core import outlook as views
from perfgate.core.acceptance import by_trailer
from perfgate.core.audit import Decision, audit
from perfgate.core.baseline import StoredRun, restated
from perfgate.core.budget import budgets
from perfgate.core.outlook import Commit, Outlook
from perfgate.core.past import Past
from perfgate.core.policy import Policy
from perfgate.core.units import parse_share
from perfgate.host.git import Repository
from perfgate.pipeline.stored import archive, only
from perfgate.pipeline.workshop import Workshop
from perfgate.stores.columns import Entry

MOST_COMMITS = 100_000  # of HEAD's history, newest first; stored runs of older ones are counted, not shown


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looked:
    """What was read, before anything is made of it."""

    repository: Repository
    loaded: Loaded
    policy: Policy
    commits: dict[str, Commit]
    """Oldest first."""
    runs: list[StoredRun]
    decisions: tuple[Decision, ...]
    faults: tuple[str, ...]
    place: str
    elsewhere: int

    @property
    def order(self) -> dict[str, int]:
        """Commit to its place, oldest 0."""
        return {oid: place for place, oid in enumerate(self.commits)}


def history(shop: Workshop, *, since: str | None, other: Loaded | None, most: int | None) -> Past:
    """Read the stored runs of HEAD's ancestors and find what changed.

    Args:
        since: what alarms are counted from; default the last release tag, without one the beginning.
        other: a configuration to replay beside the repository's own.
        most: read only so many of the newest runs of each series.
    """
    return _past(_look(shop, most), since, other)


def outlook(shop: Workshop) -> Outlook:
    """Read the stored runs of HEAD's ancestors and say where every SLI stands."""
    seen = _look(shop, None, verdicts=True)
    found, audited, ledger = _past(seen, None, None), audit(seen.decisions), views.accepted(seen.decisions)
    repository, order = seen.repository, seen.order
    tags = repository.tags(seen.loaded.config.history.releases)
    remote = repository.remote()
    return Outlook(
        past=found,
        project=repository.root.name,
        address=web_address((repository.asks("remote", "get-url", remote) or "") if remote else ""),
        commits=seen.commits,
        releases=tuple(sorted((tag for tag in tags if tag[1] in order), key=lambda tag: order[tag[1]])),
        environments={run.environment.fingerprint: run.environment for run in seen.runs},
        standings=views.standings(found.trends, seen.commits, seen.policy, audited, ledger),
        audit=audited,
        ledger=ledger,
        policy=seen.policy,
        drift_budget=parse_share(seen.loaded.config.history.drift),
        version=__version__,
    )


def web_address(url: str) -> str:
    """Return where a person looks at the repository that git fetches from `url`, without credentials; empty for none.

    `git@host:owner/name.git`, `ssh://git@host:22/owner/name` and `https://token@host/owner/name.git` are all
    `https://host/owner/name`.
    """
    found = re.fullmatch(r"(?:https?|ssh)://(?:[^@/]*@)?([^:/@]+)(:\d+)?/(.+?)(?:\.git)?/*", url)
    port = (found[2] or "") if found and url.startswith("http") else ""
    if found is None and "://" not in url:
        found = re.fullmatch(r"(?:[^@/:]+@)([^:/@]+)(:)(?!/)(.+?)(?:\.git)?/*", url)
    if found is None or not re.fullmatch(r"[\w.-]+", found[1]) or not re.fullmatch(r"[\w./~+-]+", found[3]):
        return ""
    return f"{'http' if url.startswith('http:') else 'https'}://{found[1]}{port}/{found[3]}"


def _look(shop: Workshop, most: int | None, *, verdicts: bool = False) -> _Looked:
    repository = shop.repository()
    loaded = shop.load_config(repository.root)
    commits = {
        oid: Commit(oid=oid, second=second, subject=message.partition("\n")[0], accepts=by_trailer(message)[0])
        for oid, second, message in reversed(repository.log(repository.head(), most=MOST_COMMITS))
    }
    order = {oid: place for place, oid in enumerate(commits)}
    with archive(repository, loaded, shop) as kept:
        entries = kept.entries()
        mine = [entry for entry in entries if not entry.commit or entry.commit in commits]
        read = kept.read(_newest(mine, order, most))
        decisions, faults = kept.decisions() if verdicts else ((), ())
        return _Looked(
            repository=repository,
            loaded=loaded,
            policy=loaded.config.policy(),
            commits=commits,
            runs=[
                only(run, lambda sli: shop.selection.names(str(sli)))
                for run in restated(read.runs, loaded.config.policy())
            ],
            decisions=decisions,
            faults=read.faults + faults,
            place=kept.store.name,
            elsewhere=len(entries) - len(mine),
        )


def _past(seen: _Looked, since: str | None, other: Loaded | None) -> Past:
    repository, loaded, policy, order = seen.repository, seen.loaded, seen.policy, seen.order
    tag = repository.last_tag(loaded.config.history.releases)
    release = _release(repository, tag, parse_share(loaded.config.history.drift)) if tag else None
    name, start = (since, repository.revision(since).commit) if since else tag or ("the first run", None)
    recent = frozenset(order) - (frozenset(repository.ancestors(start, most=MOST_COMMITS)) if start else frozenset())
    found = past.trends(seen.runs, order, policy, release)
    tags = repository.tags(loaded.config.history.releases)
    alarms = tuple(
        (trend, shift) for trend in found for shift in past.alarming(trend, policy.rule_for(trend.sli), recent)
    )
    policies = [(loaded.source, policy)] + ([(other.source, other.config.policy())] if other else [])
    return Past(
        trends=found,
        alarms=alarms,
        budgets=budgets(found, order, policy, tags, parse_share(loaded.config.history.objective)),
        since=name,
        place=seen.place,
        runs=len(seen.runs),
        elsewhere=seen.elsewhere,
        shallow=repository.is_shallow(),
        faults=seen.faults,
        replays=tuple((label, past.replay(seen.runs, order, each)) for label, each in policies) if other else (),
    )


def _newest(entries: Iterable[Entry], order: dict[str, int], most: int | None) -> list[Entry]:
    series: dict[tuple[str, str], list[Entry]] = {}
    for entry in sorted(entries, key=lambda entry: (order.get(entry.commit, -1), entry.path)):
        series.setdefault((entry.environment, entry.suite), []).append(entry)
    return [entry for rows in series.values() for entry in (rows[-most:] if most else rows)]


def _release(repository: Repository, tag: tuple[str, str], budget: float) -> past.Release:
    return past.Release(name=tag[0], commits=frozenset(repository.ancestors(tag[1], most=MOST_COMMITS)), budget=budget)
