"""Comparing two things, each a revision or a run file."""

import shlex
from dataclasses import dataclass, replace

from perfgate import __version__
from perfgate.config.load import Loaded
from perfgate.config.schema import Perfgate
from perfgate.core.model import Revision, Run
from perfgate.core.policy import Policy
from perfgate.core.report import Report, report
from perfgate.pipeline.converting import load_run
from perfgate.pipeline.workshop import (
    Workshop,
    measure_both,
    measure_one,
    named_revision,
    run_file,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A report and the runs that it was made from."""

    report: Report
    base: Run
    head: Run


def compare(
    base: str | None,
    head: str | None,
    shop: Workshop,
    *,
    processes: int = 10,
    policy: Policy | None = None,
    limit: float | None = None,
) -> Compared:
    """Compare two things, each a revision or a run file, measuring what is not measured yet.

    Args:
        base: None is the merge base with the default branch.
        head: None is the working tree.
        processes: how many, where one side is a file and the other is measured alone.
        policy: None is that of the configuration; with a selection, without its `expect`.
        limit: share of base that replaces the limit of every rule.
    """
    paths = run_file(base, shop), run_file(head, shop)
    if all(paths):
        one, other = (load_run(path, reader=shop.reader) for path in paths if path)
        policy = policy or policy_for(shop.load_config(shop.root()), shop, limit)
        again = shlex.join(["perfgate", "compare", str(base), str(head), *shop.selection.arguments(*_limited(limit))])
        return _judged(shop.selection.of(one), shop.selection.of(other), policy, again=again)
    repository = shop.repository()
    loaded = shop.load_config(repository.root)
    revisions = [
        None if path else named_revision(repository, name, default)
        for path, name, default in zip(
            paths, (base, head), (repository.fork_point, repository.working_tree), strict=True
        )
    ]
    policy = policy or policy_for(loaded, shop, limit)
    if revisions[0] and revisions[1]:
        one, other = measure_both(repository, revisions[0], revisions[1], loaded, policy, shop)
        return _judged(one, other, policy, again=_again(revisions[0], revisions[1], loaded, shop, limit))
    one, other = (
        load_run(path, reader=shop.reader)
        if path
        else measure_one(repository, revision, loaded, shop, processes, label=label)
        for path, revision, label in zip(paths, revisions, ("base", "head"), strict=True)
        if path or revision
    )
    return _judged(shop.selection.of(one), shop.selection.of(other), policy)


def policy_for(loaded: Loaded, shop: Workshop, limit: float | None = None) -> Policy:
    """Return the configured policy for the selected benchmarks: with a selection, nothing else is expected."""
    policy = loaded.config.policy()
    policy = replace(policy, expect=()) if shop.selection else policy
    return policy if limit is None else policy.with_limit(limit)


def _judged(base: Run, head: Run, policy: Policy, *, again: str = "") -> Compared:
    judged = report(base, head, policy, repeat=again, version=__version__)
    return Compared(report=judged, base=base, head=head)


def _again(base: Revision, head: Revision, loaded: Loaded, shop: Workshop, limit: float | None) -> str:
    table, usual = loaded.config.perfgate, Perfgate()
    command = ["perfgate", "compare", str(base.commit)[:12]]
    command += [] if head.dirty else [str(head.commit)[:12]]
    command += [part for name in shop.suites for part in ("--suite", name)]
    chosen = {key: getattr(table, key) for key in ("budget", "strictness", "effort")}
    flags = [part for key, value in chosen.items() if value != getattr(usual, key) for part in (f"--{key}", str(value))]
    return shlex.join([*command, *flags, "--seed", str(shop.seed), *shop.selection.arguments(*_limited(limit))])


def _limited(limit: float | None) -> list[str]:
    return [] if limit is None else ["--limit", f"{100 * limit:g}%"]
