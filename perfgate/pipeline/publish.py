"""Telling a pull request what a job measured: the trusted side, which believes nothing but the numbers.

The pull request comes from the event and the API, the policy from its base branch; the runs are checked, judged and
rendered here. Comment, check and status are tried one by one: what one is refused does not cost the others.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from perfgate import __version__, registry
from perfgate.core.baseline import StoredRun
from perfgate.core.model import Run
from perfgate.core.ports import Store
from perfgate.core.report import Outcome, Report, Trail, report
from perfgate.core.verdict import Verdict
from perfgate.errors import ArtifactError, Exit, PerfgateError, PublishError, StoreError, UsageError
from perfgate.host.clone import address_at
from perfgate.host.interrupt import Interrupts
from perfgate.pipeline import auditing
from perfgate.pipeline.gate import API, again, read_event, repeat
from perfgate.pipeline.terms import Said, terms
from perfgate.publishers.github import artifact, check, comment
from perfgate.publishers.github.client import Client
from perfgate.publishers.github.comment import When
from perfgate.publishers.github.pull import Pull, Ran, pull_of, ran
from perfgate.render import markdown, phrases
from perfgate.stores.archive import Archive

SERVER = "https://github.com"
TERMS = ("policy-changes", "base-policy-damaged", "trailer")
"""Warnings about by what a change is judged: worth a comment by themselves."""
MOST_FILES = 300
RECENT = 60  # stored runs that a trend is drawn from
TRAILS = 10  # trends at most
REFUSED = "### 🚫 nothing could be judged — see the job that measured"
RESOLVED = "**Resolved:** what an earlier run found is gone."


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be told, and where."""

    key: str = "default"
    artifact: str = "perfgate"
    workflow: str = ".github/workflows/perfgate.yml"
    comment: When = When.CHANGES
    check: bool = True
    status: bool = False
    record: bool = False
    """Whether to keep the verdicts beside the stored runs."""
    config: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What became of it."""

    notes: tuple[str, ...]
    """For the log."""
    failures: tuple[PerfgateError, ...] = ()
    report: Report | None = None
    comment_url: str = ""
    check_url: str = ""

    @property
    def exit_code(self) -> int:
        """0 where everything was told; the verdict itself is the measuring job's."""
        return int(Exit.NOT_MEASURED if self.failures else Exit.PASSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """What all publishers say."""

    title: str
    body: Callable[[int], str]
    """Given the room there is, in characters."""
    result: str
    """GitHub's word for the check."""
    worth_saying: bool
    """Whether a comment is made for it."""
    clean: bool = False
    """Nothing got worse, and that is proven."""


def publish(wanted: Wanted, environ: Mapping[str, str], token: str, interrupts: Interrupts) -> Told:
    """Publish what the workflow run of the event measured.

    Args:
        environ: the job's: GITHUB_EVENT_NAME, GITHUB_EVENT_PATH, GITHUB_REPOSITORY, GITHUB_API_URL, GITHUB_SERVER_URL.

    Raises: UsageError outside of such a job; PublishError where not even the pull request could be found.
    """
    event = read_event(environ, elsewhere="this is the job of perfgate-report.yml, which perfgate init writes")
    if (name := environ.get("GITHUB_EVENT_NAME")) != "workflow_run":
        raise UsageError(
            f"perfgate publish is for a workflow that runs on workflow_run, not on {name}",
            hint="perfgate init writes one: .github/workflows/perfgate-report.yml",
        )
    run = ran(event, workflow=wanted.workflow)
    if isinstance(run, str):
        return Told(notes=(run,))
    if not token:
        raise UsageError("no PERFGATE_TOKEN", hint="in the step: env:\n  PERFGATE_TOKEN: ${{ github.token }}")
    client = Client(environ.get("GITHUB_REPOSITORY", ""), token, api_url=environ.get("GITHUB_API_URL") or API)
    try:
        pull = pull_of(client, run)
        if isinstance(pull, str):
            return Told(notes=(pull,))
        url = f"{environ.get('GITHUB_SERVER_URL') or SERVER}/{client.repository}"
        opened = registry.store("branch")
        return _Publication(
            client=client,
            wanted=wanted,
            run=run,
            pull=pull,
            stored=lambda branch: opened(address_at(url, token=token), branch, interrupts=interrupts),
        ).tell()
    finally:
        client.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Publication:
    """One run's numbers on their way to one pull request."""

    client: Client
    wanted: Wanted
    run: Ran
    pull: Pull
    stored: Callable[[str], AbstractContextManager[Store]]
    """A branch to the stored runs on it."""

    def tell(self) -> Told:
        """Judge, then try each way of telling."""
        failures: list[PerfgateError] = []
        judged, branch = None, ""
        try:
            data = self._download()
            if data is None:
                text = "The measured run handed nothing on: it failed, or was cancelled, before it could."
                page = self._nothing(text)
            else:
                judged, branch = self._judged(*artifact.unpack(data))
                page = self._page(judged)
        except ArtifactError as exc:
            failures.append(exc)
            page = self._nothing(f"What the measured run handed on was refused: {markdown.code(exc.message, 300)}")
        except PublishError as exc:  # a green of an earlier run must not stay
            failures.append(exc)
            page = self._nothing(
                f"What the measured run handed on could not be read or judged: {markdown.code(exc.message, 300)}"
            )
        notes, urls = [f"pull request {self.pull.number}: {page.title}"], []
        for name, tell in (("comment", self._comment), ("check", self._check), ("status", self._status)):
            did, url = "", ""
            try:
                did, url = tell(page)
            except PublishError as exc:
                did = exc.message if exc.kind == "locked" else "not told, see the error"
                failures += [] if exc.kind == "locked" else [exc]
            notes += [f"{name}: {did}"] if did else []
            urls.append(url)
        if judged is not None and self.wanted.record:
            try:
                notes.append(self._record(judged, branch))
            except (StoreError, UsageError) as exc:
                failures.append(exc)
        return Told(notes=tuple(notes), failures=tuple(failures), report=judged, comment_url=urls[0], check_url=urls[1])

    def _download(self) -> bytes | None:
        name = self.wanted.artifact
        listed = self.client.get(f"/actions/runs/{self.run.id}/artifacts", name=name)["artifacts"]
        live = [found for found in listed if found["name"] == name and not found["expired"]]
        if not live:
            return None
        newest = max(live, key=lambda found: int(found["id"]))
        if (size := int(newest["size_in_bytes"])) > artifact.LARGEST:
            raise ArtifactError(f"the artifact has {size:,} bytes; at most {artifact.LARGEST:,} are read")
        return self.client.archive(f"/actions/artifacts/{int(newest['id'])}/zip", largest=artifact.LARGEST)

    def _judged(self, base: Run, head: Run) -> tuple[Report, str]:
        """Return the report, by the policy of the base branch, and the branch of the stored runs."""
        pull = self.pull
        difference = self.client.get(f"/compare/{quote(pull.base_branch, safe='')}...{pull.head_sha}")
        files = [str(found["filename"]) for found in difference.get("files", [])]
        some = len(files) >= MOST_FILES  # of very many GitHub lists no more
        seen: dict[str, bytes | None] = {}

        def on_base(name: str) -> bytes | None:
            seen[name] = self.client.content(name, ref=pull.base_branch)
            return seen[name]

        def on_head(name: str) -> bytes | None:
            return self.client.content(name, ref=pull.head_sha) if some or name in files else seen.get(name)

        message = self._message(difference["commits"]) if pull.may_write else ""
        said = Said(labels=pull.labels, message=message, author=pull.author)
        found = terms(on_base, on_head, said, path=self.wanted.config)
        judged = report(base, head, found.policy, repeat="", version=__version__)
        whole = replace(
            judged,
            repeat=repeat(base, head, again(base, head)),
            warnings=(*judged.warnings, *found.warnings),
            accept_label=found.accept_label,
            trails=self._trails(judged, found.results_branch),
        )
        return whole, found.results_branch

    def _record(self, judged: Report, branch: str) -> str:
        if not self.pull.may_write:  # the numbers, and of which commits they are, are only what they say
            return "verdicts: not kept, as whoever opened it may not write"
        one = auditing.decided(judged)
        with self.stored(branch) as store:
            new = Archive(store).record_decisions([one], message=auditing.message([one]))
        return f"verdicts: {'kept' if new else 'kept before'}, in {branch}"

    def _message(self, commits: Sequence[Any]) -> str:
        """Return the message of the last commit; of very many GitHub lists only the first."""
        last = next((found["commit"] for found in commits[::-1] if found["sha"] == self.pull.head_sha), None)
        return str((last or self.client.get(f"/git/commits/{self.pull.head_sha}"))["message"])

    def _trails(self, judged: Report, branch: str) -> tuple[Trail, ...]:
        """Return the stored past of what changed; none where it cannot be read: a trend is a help, no proof."""
        rows = judged.of(Verdict.REGRESSION, Verdict.ACCEPTED, Verdict.IMPROVEMENT)
        slis = [row.sli for row in rows if row.sli][:TRAILS]
        runs: tuple[StoredRun, ...] = ()
        if slis:
            with suppress(StoreError), self.stored(branch) as store:
                kept = Archive(store)
                runs = kept.read(kept.recent(RECENT)).runs
        runs = tuple(run for run in runs if run.environment.fingerprint == judged.head.environment.fingerprint)
        values = {sli: tuple(run.levels[sli].median for run in runs if sli in run.levels) for sli in slis}
        return tuple(Trail(sli=sli, values=found) for sli, found in values.items() if len(found) > 1)

    def _page(self, judged: Report) -> _Page:
        blocks = judged.exit_code != Exit.PASSED
        said = any(warning.code in TERMS for warning in judged.warnings)
        changed = judged.counts.keys() - {Verdict.PASS, Verdict.SKIPPED, Verdict.NEW}
        worth = {
            When.CHANGES: blocks or said or bool(changed),
            When.FAILURES: blocks,
            When.ALWAYS: True,
            When.NEVER: False,
        }
        return _Page(
            title=phrases.headline(judged),
            body=lambda room: markdown.fitted(judged, room=room),
            result=check.conclusion(judged),
            worth_saying=worth[self.wanted.comment],
            clean=judged.outcome is Outcome.PASS and not changed & {Verdict.REGRESSION, Verdict.ACCEPTED},
        )

    def _nothing(self, text: str) -> _Page:
        """Return what is said where there is no report: never a pass."""
        return _Page(
            title="nothing could be judged",
            body=lambda room: f"{REFUSED}\n\n{text}\n\n[The run]({self.run.url})"[:room],
            result="failure",
            worth_saying=False,
        )

    def _comment(self, page: _Page) -> tuple[str, str]:
        if self.wanted.comment is When.NEVER:
            return "", ""

        def body(before: str) -> str:
            was_red = any(mark in before for mark in ("### ❌", "### 🚫", RESOLVED))
            resolved = f"{RESOLVED}\n\n" if was_red and page.clean else ""
            return resolved + page.body(comment.ROOM)

        posted = comment.post(
            self.client,
            self.pull.number,
            key=self.wanted.key,
            head_sha=self.run.head_sha,
            order=self.run.order,
            wanted=page.worth_saying,
            body=body,
        )
        return posted.did, posted.url

    def _check(self, page: _Page) -> tuple[str, str]:
        if not self.wanted.check:
            return "", ""
        url = check.create_check(
            self.client,
            key=self.wanted.key,
            head_sha=self.run.head_sha,
            result=page.result,
            title=page.title,
            summary=page.body(check.LONGEST_SUMMARY),
            url=self.run.url,
            run_id=self.run.id,
        )
        return page.result, url

    def _status(self, page: _Page) -> tuple[str, str]:
        if not self.wanted.status:
            return "", ""
        check.create_status(
            self.client,
            key=self.wanted.key,
            head_sha=self.run.head_sha,
            result=page.result,
            title=page.title,
            url=self.run.url,
        )
        return page.result, ""
