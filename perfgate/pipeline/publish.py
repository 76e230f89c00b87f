"""Telling a pull request what a job measured: the trusted side, which believes nothing but the numbers.

The pull requests come from the event and the API, the policy of each from its base branch; the runs are checked,
judged, worded and rendered here. A check belongs to a commit: it says the worst of all pull requests with that head.
Comment, check and status are tried one by one: what one is refused does not cost the others.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from functools import cache, partial
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
from perfgate.host.interrupt import Interrupts, cpu_limit
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
NOTHING = "nothing could be judged"
JUDGING_S = 30.0  # of CPU, for one pull request
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
        pulls = _pulls(client, run, wanted)
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


def _pulls(client: Client, run: Ran, wanted: Wanted) -> Pulls | str:
    """Return the pull requests of a run; where GitHub does not say, its check turns red before that is raised."""
    try:
        return pulls_of(client, run)
    except PublishError:
        if wanted.check:
            text = f"{REFUSED}\n\nGitHub did not say which pull request this is of.\n\n[The run]({run.url})"
            with suppress(PublishError):
                check.create_check(
                    client, key=wanted.key, head_sha=run.head_sha, result="failure", title=NOTHING, summary=text,
                    url=run.url, of=check.CheckOf(run_id=run.id, pulls=(), result="failure"),
                )  # fmt: skip
        raise


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """One run's numbers by the terms of one pull request."""

    pull: Pull
    report: Report
    branch: str
    """Of the stored runs."""
    bound: bool
    """Whether the numbers are of its base; others that share its head commit are judged by them as well."""


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
        failures: list[Exception] = []
        judged: list[_Judged] = []
        pages: list[tuple[Pull, _Page]] = []
        try:
            judged, text = self._judge()
            pages = [(one.pull, self._page(one.report)) for one in judged]
        except ArtifactError as exc:
            failures.append(exc)
            text = "What the measured run handed on was refused. The log of the publishing job says why."
        except PublishError as exc:
            failures.append(exc)
            text = f"What the measured run handed on could not be read or judged: {markdown.code(exc.message, 300)}"
        except Exception as exc:  # whatever it is: an earlier green must not stay
            failures.append(exc)
            judged, text = [], "perfgate itself failed while it judged. The log of the publishing job says how."
        bound = tuple(one.pull.number for one in judged if one.bound)
        pages = pages or [(pull, self._nothing(text)) for pull in self.pulls.measured]
        notes = [f"pull request {pull.number}: {page.title}" for pull, page in pages]
        urls = {"comment": "", "check": "", "status": ""}
        ways: list[tuple[str, Callable[[], tuple[str, str]]]] = []
        worst = cache(partial(self._worst, tuple(pages), bound))
        if self.wanted.check:  # first: whatever befalls the others, an earlier green is gone
            ways.append(("check", lambda: self._check(worst(), bound)))
        if self.wanted.status:
            ways.append(("status", lambda: self._status(worst())))
        ways += [("comment", partial(self._comment, pull, page)) for pull, page in pages if pull in self.pulls.measured]
        for name, tell in ways:
            urls[name] = self._tried(name, tell, notes, failures) or urls[name]
        mine = next((one for one in judged if one.bound), None)
        if mine is not None and self.wanted.record:
            try:
                notes.append(self._record(mine))
            except (StoreError, UsageError) as exc:
                failures.append(exc)
        if bug := next((each for each in failures if not isinstance(each, PerfgateError)), None):
            raise bug
        return Told(
            notes=tuple(notes),
            failures=tuple(each for each in failures if isinstance(each, PerfgateError)),
            report=mine.report if mine else None,
            comment_url=urls["comment"],
            check_url=urls["check"],
        )

    def _tried(
        self, name: str, tell: Callable[[], tuple[str, str]], notes: list[str], failures: list[Exception]
    ) -> str:
        """Try one way of telling; return the address of what it made."""
        try:
            did, url = tell()
        except Exception as exc:  # the other ways are tried all the same
            locked = isinstance(exc, PublishError) and exc.kind == "locked"
            did, url = (str(exc) if locked else "not told, see the error"), ""
            failures += [] if locked else [exc]
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
        slow = ArtifactError(f"the artifact takes more than {JUDGING_S:g} s to read or judge")
        with cpu_limit(JUDGING_S, slow):
            base, head = artifact.unpack(data)
        terms_of = {pull.number: self._terms(pull) for pull in self.pulls.all}
        bound = self._bound(base, head, [(pull, terms_of[pull.number]) for pull in self.pulls.measured])
        found = []
        for pull in self.pulls.all:
            with cpu_limit(JUDGING_S, slow):
                found.append(self._judged(base, head, pull, terms_of[pull.number], bound=pull in bound))
        return found, ""

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

    def _bound(self, base: Run, head: Run, found: Sequence[tuple[Pull, "_Terms"]]) -> list[Pull]:
        """Return the pull requests that the numbers are of, by their commits.

        Head is the head commit, or a merge commit of it; base is where the branch left its base branch, or the merge
        commit's first parent: a commit of the base branch since then.

        Raises: ArtifactError where they are of none.
        """
        one, other = str(base.revision.commit), str(head.revision.commit)
        if other == self.run.head_sha:
            bound = [pull for pull, each in found if one == each.merge_base]
            if not bound:
                raise ArtifactError(f"its base {one[:12]} is not where {other[:12]} left its base branch")
            return bound
        commit = self.client.get_or_none(f"/git/commits/{other}")
        parents = [str(parent["sha"]) for parent in commit["parents"]] if commit else []
        if parents != [one, self.run.head_sha]:
            text = f"its head {other[:12]} is not a merge of {self.run.head_sha[:12]} into its base {one[:12]}"
            raise ArtifactError(text)
        bound = [pull for pull, each in found if self._reaches(each.merge_base, one) and self._reaches(one, each.base)]
        if not bound:
            raise ArtifactError(f"its base {one[:12]} is not on the base branch since the change left it")
        return bound

    def _reaches(self, ancestor: str, commit: str) -> bool:
        """Return whether `commit` is `ancestor` or descends from it."""
        if ancestor == commit:
            return True
        compared = self.client.get_or_none(f"/compare/{ancestor}...{commit}")
        return bool(compared) and compared["status"] in ("ahead", "identical")

    def _judged(self, base: Run, head: Run, pull: Pull, found: "_Terms", *, bound: bool) -> _Judged:
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
            trails=self._trails(judged, branch, fingerprint) if bound else (),
        )
        return _Judged(pull=pull, report=whole, branch=branch, bound=bound)

    def _record(self, judged: _Judged) -> str:
        if not judged.pull.may_write:  # the numbers are only what that code says of itself
            return "verdicts: not stored, because its author may not write to the repository"
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
            title=NOTHING,
            body=lambda room: f"{REFUSED}\n\n{text}\n\n[The run]({self.run.url})"[:room],
            result="failure",
            worth_saying=False,
        )

    def _worst(self, pages: Sequence[tuple[Pull, _Page]], bound: Sequence[int]) -> _Page:
        """Return what is said of the commit: the worst of all open pull requests that have it as their head.

        Those that these numbers are not of need a run of their own that was not red.

        Raises: PublishError.
        """
        pull, page = max(pages, key=_severity)
        own = max((each for each in pages if each[0].number in bound), key=_severity, default=(pull, page))[1].result
        if len(pages) > 1:
            title = f"pull request {pull.number}, into {pull.base_branch}: {page.title}"
            page = replace(page, title=phrases.line(title))
        others = [each.number for each in self.pulls.all if each.number not in bound]
        known = self._known()
        if any(run_id > self.run.id for number in bound for run_id, *_ in (known or {}).get(number, ())):
            raise PublishError("a later run of this commit has set the check already", kind="locked")
        for number in others if bound and page.result != "failure" else ():
            latest = max((known or {}).get(number, ()), default=(0, 0, ""))[2]
            if latest not in ("success", "neutral"):
                what = "is red" if latest else "has not been measured" if known is not None else "is not known"
                text = f"Pull request {number} has the same head commit, and {what}. A check belongs to a commit. "
                text += "It is red until that pull request is measured and passes, or is closed."
                page = replace(self._nothing(text), title=f"pull request {number}, with the same head, {what}")
                break
        return replace(page, own=own)

    def _known(self) -> Mapping[int, Sequence[tuple[int, int, str]]] | None:
        """Return what earlier runs of the commit showed; None where GitHub does not say."""
        try:
            return check.results(self.client, key=self.wanted.key, head_sha=self.run.head_sha)
        except PublishError:
            return None

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

    def _check(self, page: _Page, bound: tuple[int, ...]) -> tuple[str, str]:
        url = check.create_check(
            self.client,
            key=self.wanted.key,
            head_sha=self.run.head_sha,
            result=page.result,
            title=page.title,
            summary=page.body(check.LONGEST_SUMMARY),
            url=self.run.url,
            of=check.CheckOf(run_id=self.run.id, pulls=bound or self.pulls.numbers, result=page.own),
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
