"""The gate in a CI job: the event says what base is, the comparison does the rest, the job is told."""

import json
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from perfgate import __version__, codec, registry
from perfgate.core.merge import merged
from perfgate.core.model import (
    METRICS,
    WHOLE,
    Benchmark,
    Design,
    Environment,
    Method,
    Part,
    Revision,
    Run,
    Sample,
    Sli,
)
from perfgate.core.policy import Policy
from perfgate.core.processes import Processes
from perfgate.core.report import report
from perfgate.errors import PublishError, UsageError
from perfgate.host import files
from perfgate.host.git import Repository
from perfgate.pipeline.compare import Compared, compare
from perfgate.pipeline.converting import load_run
from perfgate.pipeline.terms import Said, Terms, terms
from perfgate.pipeline.workshop import Workshop
from perfgate.publishers import actions
from perfgate.publishers.github.event import Activity, Asked, asked, labels_of, may_write

API = "https://api.github.com"
LARGEST_EVENT = 64 * 2**20  # bytes; GitHub's own limit is 25 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class Gated:
    """What the gate did."""

    asked: Asked
    compared: Compared | None
    """None where the event asks for something else than a comparison."""


def gate(shop: Workshop, environ: Mapping[str, str], directory: Path, *, parts: Path | None = None) -> Gated:
    """Compare what the event asks for; leave report and runs in `directory`; tell the job.

    Args:
        parts: where other jobs left their parts of the measurement, to be judged instead of measuring.
        environ: the job's variables: GITHUB_EVENT_NAME, GITHUB_EVENT_PATH, GITHUB_OUTPUT, GITHUB_STEP_SUMMARY.

    Raises: UsageError outside of GitHub Actions.
    """
    read_event(environ)  # outside of a job, that is what to say first
    repository = shop.repository()
    head = repository.head()
    wanted = asked_by(environ, head=head, parents=repository.parents(head))
    if wanted.activity is not Activity.GATE:
        _tell(environ, {"activity": str(wanted.activity)}, "")
        return Gated(asked=wanted, compared=None)
    files.check_writable(directory / "report.json")
    _rehearse()
    base = _base(repository, wanted)
    found = _terms(repository, wanted, base, shop, environ)
    asked_level = shop.load_config(repository.root).config.policy().family_level
    # Whoever wants to be surer than base is, may be.
    policy = replace(found.policy, family_level=min(found.policy.family_level, asked_level))
    if parts is not None:
        compared = _merged(parts, base, head, policy)
    else:
        # Another job may have measured what the configuration expects; the merging job checks it.
        own = policy if shop.part == WHOLE else _for_part(policy, shop.part)
        compared = compare(base, "HEAD", shop, policy=own)
    shown = replace(
        compared.report,
        warnings=(*compared.report.warnings, *found.warnings),
        accept_label=found.accept_label if wanted.number else "",
        repeat=repeat(compared.base, compared.head, compared.report.repeat),
    )
    compared = replace(compared, report=shown)
    texts = {
        "base.json": codec.dump_run(compared.base),
        "head.json": codec.dump_run(compared.head),
        "report.json": codec.dump_report(compared.report),
        "report.md": registry.renderer("markdown")(compared.report) + "\n",
        "report.html": registry.renderer("html")(compared.report),
    }
    for name, text in texts.items():
        files.write(directory / name, text)
    paths = {"report-path": directory / "report.md", "json-path": directory / "report.json"}
    facts = {"activity": str(wanted.activity), **actions.outputs(compared.report, paths)}
    _tell(environ, facts, texts["report.md"])
    return Gated(asked=wanted, compared=compared)


def _rehearse() -> None:
    """Load all that judging and rendering need, before code that could change it on the disk has run."""
    metric = METRICS["time"]
    name = Sli(benchmark=Benchmark(suite="rehearsal", name="x"), metric=metric)
    values = [[1.0 + 0.01 * (number % 3)] for number in range(12)]
    sample = Sample(
        sli=name, processes=Processes(values), pairs=tuple(range(12)), design=Design.TURNS, planned=12, pair_s=1.0
    )
    run = Run(
        revision=Revision(label="x", commit="0" * 40),
        environment=Environment(facts=()),
        samples=(sample,),
        measurement="x",
        method=Method(seed=0, budget_s=1.0, took_s=1.0, overhead_s=0.0, startup_s=0.0),
    )
    judged = report(run, run, Policy(), repeat="x", version=__version__)
    for form in registry.renderers():
        registry.renderer(form)(judged)
    codec.dump_run(run)


def read_event(environ: Mapping[str, str], *, elsewhere: str = "perfgate compare BASE") -> dict[str, Any]:
    """Return the payload of the event that started this job.

    Args:
        elsewhere: the command outside of a job.

    Raises: UsageError outside of GitHub Actions.
    """
    path = environ.get("GITHUB_EVENT_PATH")
    if not path:
        raise UsageError("no GITHUB_EVENT_PATH: this is no GitHub Actions job", hint=f"elsewhere: {elsewhere}")
    try:
        event = json.loads(files.read(Path(path), largest=LARGEST_EVENT))
    except ValueError as exc:
        raise UsageError(f"{path} is not an event: {exc}") from exc
    return event if isinstance(event, dict) else {}


def asked_by(environ: Mapping[str, str], *, head: str = "", parents: Sequence[str] = ()) -> Asked:
    """Return what the event that started this job asks for; its base only if `head` is known."""
    return asked(environ.get("GITHUB_EVENT_NAME", ""), read_event(environ), head=head, parents=parents)


def _base(repository: Repository, wanted: Asked) -> str:
    if wanted.first:
        raise UsageError("nothing to compare: HEAD is the first commit", hint="commit once more")
    base = wanted.base or _merge_base(repository, wanted.base_ref)
    if wanted.otherwise and base in (None, repository.head()):
        base = wanted.otherwise
    if base and base != repository.head():
        if not repository.has(base):
            repository.bring(base)
        return base
    if base is not None:
        raise UsageError(
            f"HEAD is on {wanted.base_ref} already: nothing of the pull request is checked out",
            hint="measure on pull_request, with what actions/checkout takes by itself",
        )
    raise UsageError(
        f"cannot tell where HEAD left {wanted.base_ref or 'its base branch'}: this clone lacks their history",
        hint="in the step that uses actions/checkout:\n    with:\n      fetch-depth: 0",
    )


def _merge_base(repository: Repository, branch: str | None) -> str | None:
    """Return where HEAD left a branch, the remote's or else the clone's own; None where the clone does not tell."""
    names = [f"refs/remotes/{repository.remote() or 'origin'}/{branch}", f"refs/heads/{branch}"] if branch else []
    return next((base for name in names if (base := repository.asks("merge-base", "HEAD", name))), None)


def _said(repository: Repository, wanted: Asked, token: str, environ: Mapping[str, str]) -> Said:
    """Return what stands on the change now: a job that is run again still has the event of before."""
    labels, trusted, author = wanted.labels, wanted.trusted, wanted.author
    if token and wanted.number is not None:
        from perfgate.publishers.github.client import Client  # noqa: PLC0415 (PyGithub only where something is asked)

        client = Client(environ.get("GITHUB_REPOSITORY", ""), token, api_url=environ.get("GITHUB_API_URL") or API)
        # What the event says still counts where the API is silent: that changes no verdict.
        with suppress(PublishError), closing(client):
            pull = client.get(f"/pulls/{wanted.number}")
            labels, trusted = labels_of(pull), trusted or may_write(pull)
            author = author or str((pull.get("user") or {}).get("login", ""))
    message = repository.message(wanted.speaks) if trusted and wanted.speaks else ""
    return Said(labels=labels, message=message, author=author)


def _terms(repository: Repository, wanted: Asked, base: str, shop: Workshop, environ: Mapping[str, str]) -> Terms:
    head = repository.head()
    said = _said(repository, wanted, shop.token, environ)
    return terms(
        lambda name: repository.content(base, name),
        lambda name: repository.content(head, name),
        said,
        path=_within(shop.config, repository.root),
    )


def _for_part(policy: Policy, part: Part) -> Policy:
    """Return the policy of one job: its share of the allowed error, and no expectation of what others measure."""
    return replace(policy, family_level=policy.family_level / part.of, expect=())


def _merged(parts: Path, base: str, head: str, policy: Policy) -> Compared:
    sides = [sorted(parts.rglob(name)) for name in ("base.json", "head.json")]
    if not sides[0] or len(sides[0]) != len(sides[1]):
        raise UsageError(f"{parts} has no runs of jobs with --shard", hint="download their artifacts into it")
    one, other = (merged([load_run(path) for path in paths]) for paths in sides)
    if one.revision.commit != base:
        raise UsageError(f"the parts compare with {one.revision}, not with {base[:12]}, which is base")
    if other.revision.commit != head:
        raise UsageError(f"the parts are of {other.revision}, not of {head[:12]}, which is checked out")
    return Compared(
        report=report(one, other, policy, repeat=again(one, other), version=__version__), base=one, head=other
    )


def _within(path: Path | None, root: Path) -> Path | None:
    if path is None:
        return None
    if not path.resolve().is_relative_to(root.resolve()):
        raise UsageError(f"{path} is not in {root}", hint="the configuration must be committed: base's decides")
    return path.resolve().relative_to(root.resolve())


def again(base: Run, head: Run) -> str:
    """Return the command that measures two runs again."""
    seed = ["--seed", str(head.method.seed)] if head.method else []
    return " ".join(["perfgate", "compare", str(base.revision.commit)[:12], str(head.revision.commit)[:12], *seed])


def repeat(base: Run, head: Run, command: str) -> str:
    """Return the command with what a clone may lack: GitHub's merge commit is not on any branch."""
    return f"git fetch origin {base.revision.commit} {head.revision.commit} && {command}"


def _tell(environ: Mapping[str, str], facts: Mapping[str, str], page: str) -> None:
    if path := environ.get("GITHUB_OUTPUT"):
        actions.write_outputs(Path(path), facts)
    if page and (path := environ.get("GITHUB_STEP_SUMMARY")):
        actions.write_summary(Path(path), page)
