"""Telling a pull request what a job measured: the trusted side, which believes nothing but the numbers.

The pull requests come from the event and the API, the policy of each from its base branch; the runs are checked,
judged, worded and rendered here. A check belongs to a commit: it says the worst of all pull requests with that head.
Comment, check and status are tried one by one: what one is refused does not cost the others.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from functools import partial
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
from perfgate.pipeline.terms import Said, Terms, terms
from perfgate.publishers.github import artifact, check, comment
from perfgate.publishers.github.client import Client
from perfgate.publishers.github.comment import When
from perfgate.publishers.github.pull import Pull, Pulls, Ran, pulls_of, ran
from perfgate.publishers.github.wording import reworded
from perfgate.render import markdown, phrases
from perfgate.stores.archive import Archive

SERVER = "https://github.com"
TERMS = ("policy-changes", "base-policy-damaged", "trailer")
"""Warnings about by what a change is judged: worth a comment by themselves."""
MOST_PULLS = 10  # with one head commit; each costs a few requests
LARGEST_HEAD = 64 * 2**10  # bytes of a configuration that a change brings along
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
    own: str = ""
    """The result by the terms of the pull requests that were measured; the whole may be another's."""


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
        pulls = pulls_of(client, run)
        if isinstance(pulls, str):
            return Told(notes=(pulls,))
        url = f"{environ.get('GITHUB_SERVER_URL') or SERVER}/{client.repository}"
        opened = registry.store("branch")
        return _Publication(
            client=client,
            wanted=wanted,
            run=run,
            pulls=pulls,
            stored=lambda branch: opened(address_at(url, token=token), branch, interrupts=interrupts),
        ).tell()
    finally:
        client.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """One run's numbers by the terms of one pull request."""

    pull: Pull
    report: Report
    branch: str
    """Of the stored runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Publication:
    """One run's numbers on their way to the pull requests of its head commit."""

    client: Client
    wanted: Wanted
    run: Ran
    pulls: Pulls
    stored: Callable[[str], AbstractContextManager[Store]]
    """A branch to the stored runs on it."""

    def tell(self) -> Told:
        """Judge, then try each way of telling. A bug turns the check red before it ends the program."""
        failures: list[PerfgateError] = []
        judged: list[_Judged] = []
        bug: Exception | None = None
        try:
            judged, text = self._judge()
        except ArtifactError as exc:
            failures.append(exc)
            text = f"What the measured run handed on was refused: {markdown.code(exc.message, 300)}"
        except PublishError as exc:
            failures.append(exc)
            text = f"What the measured run handed on could not be read or judged: {markdown.code(exc.message, 300)}"
        except Exception as exc:  # whatever it is: an earlier green must not stay
            bug = exc
            text = (
                "What the measured run handed on could not be judged: perfgate itself failed, see the publishing job."
            )
        pages = [(one.pull, self._page(one.report)) for one in judged]
        pages = pages or [(pull, self._nothing(text)) for pull in self.pulls.measured]
        notes, urls = [f"pull request {pull.number}: {page.title}" for pull, page in pages], ["", ""]
        for pull, page in pages:
            if pull in self.pulls.measured:
                urls[0] = self._tried("comment", partial(self._comment, pull, page), notes, failures) or urls[0]
        worst: list[_Page] = []
        for name, wanted, tell in (
            ("check", self.wanted.check, self._check),
            ("status", self.wanted.status, self._status),
        ):
            if wanted:
                url = self._tried(name, partial(self._of_commit, tell, pages, worst), notes, failures)
                urls[1] = urls[1] or url
        mine = next((one for one in judged if one.pull in self.pulls.measured), None)
        if mine is not None and self.wanted.record:
            try:
                notes.append(self._record(mine))
            except (StoreError, UsageError) as exc:
                failures.append(exc)
        if bug is not None:
            raise bug
        report = mine.report if mine else None
        return Told(notes=tuple(notes), failures=tuple(failures), report=report, comment_url=urls[0], check_url=urls[1])

    def _tried(
        self, name: str, tell: Callable[[], tuple[str, str]], notes: list[str], failures: list[PerfgateError]
    ) -> str:
        """Try one way of telling; return the address of what it made."""
        try:
            did, url = tell()
        except PublishError as exc:
            did, url = (exc.message if exc.kind == "locked" else "not told, see the error"), ""
            failures += [] if exc.kind == "locked" else [exc]
        notes += [f"{name}: {did}"] if did else []
        return url

    def _judge(self) -> tuple[list[_Judged], str]:
        """Return the verdict by the terms of each pull request; where there is none, why.

        Raises: ArtifactError, PublishError.
        """
        if len(self.pulls.all) > MOST_PULLS:
            text = f"{len(self.pulls.all)} open pull requests have this head commit; at most {MOST_PULLS} are judged."
            return [], f"{text} Close those that are not needed, then run the job again."
        data = self._download()
        if data is None:
            return [], "The measured run handed nothing on: it failed, or was cancelled, before it could."
        base, head = artifact.unpack(data)
        terms_of = {pull.number: self._terms(pull) for pull in self.pulls.all}
        self._bound(base, head, [terms_of[pull.number] for pull in self.pulls.measured])
        return [self._judged(base, head, pull, terms_of[pull.number]) for pull in self.pulls.all], ""

    def _download(self) -> bytes | None:
        name = self.wanted.artifact
        listed = self.client.get(f"/actions/runs/{self.run.id}/artifacts", name=name)["artifacts"]
        live = [found for found in listed if found["name"] == name and not found["expired"]]
        if not live:
            return None
        newest = max(live, key=lambda found: int(found["id"]))
        made = str(newest.get("created_at") or "")
        if self.run.started and made and made < self.run.started and not self.run.succeeded:
            return None  # an earlier attempt's: this one failed before it handed anything on
        if (size := int(newest["size_in_bytes"])) > artifact.LARGEST:
            raise ArtifactError(f"the artifact has {size:,} bytes; at most {artifact.LARGEST:,} are read")
        return self.client.archive(f"/actions/artifacts/{int(newest['id'])}/zip", largest=artifact.LARGEST)

    def _terms(self, pull: Pull) -> "_Terms":
        """Return by what a pull request is judged: the policy of its base, at the commit where base stands now."""
        compared = self.client.get(f"/compare/{quote(pull.base_branch, safe='')}...{pull.head_sha}")
        base = str(compared["base_commit"]["sha"])
        message = self._message(compared["commits"], pull) if pull.may_write else ""
        said = Said(labels=pull.labels, message=message, author=pull.author)
        found = terms(
            lambda name: self.client.content(name, ref=base),
            lambda name: self.client.content(name, ref=pull.head_sha),
            said,
            path=self.wanted.config,
            largest=LARGEST_HEAD,
        )
        return _Terms(terms=found, base=base, merge_base=str(compared["merge_base_commit"]["sha"]))

    def _bound(self, base: Run, head: Run, found: Sequence["_Terms"]) -> None:
        """Refuse numbers of commits that are not the pull request's.

        Head is its head commit, or the merge commit that GitHub made of it; base is where the branch left its base, or
        the merge commit's first parent, which lies on the base branch.

        Raises: ArtifactError.
        """
        one, other = str(base.revision.commit), str(head.revision.commit)
        if other == self.run.head_sha:
            if all(one != each.merge_base for each in found):
                raise ArtifactError(f"its base {one[:12]} is not where {other[:12]} left its base branch")
            return
        commit = self.client.get_or_none(f"/git/commits/{other}")
        parents = [str(parent["sha"]) for parent in commit["parents"]] if commit else []
        if parents != [one, self.run.head_sha]:
            text = f"its head {other[:12]} is not a merge of {self.run.head_sha[:12]} into its base {one[:12]}"
            raise ArtifactError(text)
        for each in found:
            reached = self.client.get_or_none(f"/compare/{one}...{each.base}")
            if reached and reached["status"] in ("ahead", "identical"):
                return
        raise ArtifactError(f"its base {one[:12]} is not on the base branch of the pull request")

    def _judged(self, base: Run, head: Run, pull: Pull, found: "_Terms") -> _Judged:
        policy, branch = found.terms.policy, found.terms.results_branch
        fingerprint = head.environment.fingerprint
        started = self.run.started or head.started
        one = reworded(base, label=pull.base_branch, side="base")
        other = replace(reworded(head, label=f"pull request {pull.number}", side="head"), started=started)
        judged = report(one, other, policy, repeat="", version=__version__)
        whole = replace(
            judged,
            repeat=repeat(base, head, again(base, head)),
            warnings=(*judged.warnings, *found.terms.warnings),
            accept_label=found.terms.accept_label,
            trails=self._trails(judged, branch, fingerprint) if pull in self.pulls.measured else (),
        )
        return _Judged(pull=pull, report=whole, branch=branch)

    def _record(self, judged: _Judged) -> str:
        if not judged.pull.may_write:  # the numbers are only what that code says of itself
            return "verdicts: not kept, as whoever opened it may not write"
        one = auditing.decided(judged.report)
        with self.stored(judged.branch) as store:
            new = Archive(store).record_decisions([one], message=auditing.message([one]))
        return f"verdicts: {'kept' if new else 'kept before'}, in {judged.branch}"

    def _message(self, commits: Sequence[Any], pull: Pull) -> str:
        """Return the message of the last commit; of very many GitHub lists only the first."""
        last = next((found["commit"] for found in commits[::-1] if found["sha"] == pull.head_sha), None)
        return str((last or self.client.get(f"/git/commits/{pull.head_sha}"))["message"])

    def _trails(self, judged: Report, branch: str, fingerprint: str) -> tuple[Trail, ...]:
        """Return the stored past of what changed; none where it cannot be read: a trend is a help, no proof."""
        rows = judged.of(Verdict.REGRESSION, Verdict.ACCEPTED, Verdict.IMPROVEMENT)
        slis = [row.sli for row in rows if row.sli][:TRAILS]
        runs: tuple[StoredRun, ...] = ()
        if slis:
            with suppress(StoreError), self.stored(branch) as store:
                kept = Archive(store)
                runs = kept.read(kept.recent(RECENT)).runs
        runs = tuple(run for run in runs if run.environment.fingerprint == fingerprint)
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

    def _of_commit(
        self, tell: Callable[[_Page], tuple[str, str]], pages: Sequence[tuple[Pull, _Page]], known: list[_Page]
    ) -> tuple[str, str]:
        """Tell the commit, to which all these pull requests belong."""
        return tell(self._worst(pages, known))

    def _worst(self, pages: Sequence[tuple[Pull, _Page]], known: list[_Page]) -> _Page:
        """Return what is said of the commit: the worst of all pull requests that have it as their head.

        Raises: PublishError.
        """
        if known:
            return known[0]
        pull, page = max(pages, key=_severity)
        own = max((each for each in pages if each[0] in self.pulls.measured), key=_severity)[1].result
        if len(pages) > 1:
            title = f"pull request {pull.number}, into {pull.base_branch}: {page.title}"
            page = replace(page, title=phrases.line(title))
        if self.pulls.others and page.result != "failure":
            numbers = [each.number for each in self.pulls.others]
            red = check.red_of_others(self.client, key=self.wanted.key, head_sha=self.run.head_sha, pulls=numbers)
            if red:
                text = f"Pull request {red[0]} has the same head commit, and its own run was red. A check belongs to a "
                text += "commit, so it stays red until that pull request is measured again, or closed."
                title = f"pull request {red[0]}, with the same head, is red"
                page = replace(self._nothing(text), title=title)
        page = replace(page, own=own)
        known.append(page)
        return page

    def _comment(self, pull: Pull, page: _Page) -> tuple[str, str]:
        if self.wanted.comment is When.NEVER:
            return "", ""

        def body(before: str) -> str:
            was_red = any(mark in before for mark in ("### ❌", "### 🚫", RESOLVED))
            resolved = f"{RESOLVED}\n\n" if was_red and page.clean else ""
            return resolved + page.body(comment.ROOM)

        posted = comment.post(
            self.client,
            pull.number,
            key=self.wanted.key,
            head_sha=self.run.head_sha,
            order=self.run.order,
            wanted=page.worth_saying,
            body=body,
        )
        return posted.did, posted.url

    def _check(self, page: _Page) -> tuple[str, str]:
        url = check.create_check(
            self.client,
            key=self.wanted.key,
            head_sha=self.run.head_sha,
            result=page.result,
            title=page.title,
            summary=page.body(check.LONGEST_SUMMARY),
            url=self.run.url,
            of=check.CheckOf(run_id=self.run.id, pulls=self.pulls.numbers, result=page.own),
        )
        return page.result, url

    def _status(self, page: _Page) -> tuple[str, str]:
        check.create_status(
            self.client,
            key=self.wanted.key,
            head_sha=self.run.head_sha,
            result=page.result,
            title=page.title,
            url=self.run.url,
        )
        return page.result, ""


def _severity(told: tuple[Pull, _Page]) -> tuple[int, int]:
    pull, page = told
    return check.SEVERITY.index(page.result), -pull.number


@dataclass(frozen=True, slots=True, kw_only=True)
class _Terms:
    """By what one pull request is judged."""

    terms: Terms
    base: str
    """The commit at which its base branch stands."""
    merge_base: str
    """Where its head left the base branch."""
