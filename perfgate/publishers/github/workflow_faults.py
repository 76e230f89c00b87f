"""What is wrong with a repository's workflows, as far as a gate's promise goes; pure.

Each fault is one that a known gate fell into: it never blocks, always blocks, loses results, or hands a token that
may write to the author of a pull request.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import yaml

ACTION = re.compile(r"(^|/)perfgate(/perfgate)?@|^[.$]/?$")
COMMAND = re.compile(r"\bperfgate\s+(gate|record|publish|action)\b")
PINNED = re.compile(r"@[0-9a-f]{40}$")
_GOES_ON = re.compile(r"!\s*cancelled\(\)|always\(\)")
INPUTS = {
    *("mode", "config", "suite", "budget", "strictness", "shard", "merge", "report", "runs", "key", "artifact"),
    *("directory", "workflow", "url", "comment", "check", "status", "record", "python", "token"),
}
CHOICES = {
    "mode": {"auto", "gate", "measure", "record", "publish", "site"},
    "comment": {"changes", "failures", "always", "never"},
    "check": {"true", "false"},
    "status": {"true", "false"},
    "record": {"true", "false"},
}
RIGHTS = {
    "gate": {"contents": "read", "pull-requests": "read"},
    "measure": {"contents": "read"},
    "record": {"contents": "write"},
    "site": {"contents": "read"},
    "publish": {"actions": "read", "contents": "read", "pull-requests": "write", "checks": "write"},
}

NONE_RUNS = "no workflow runs perfgate"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Fault:
    """One fault, where it is, and what to do."""

    path: str
    line: int
    what: str
    do: str


class Node:
    """A place in a YAML file; what is not there is an empty place."""

    def __init__(self, node: yaml.Node | None, line: int = 1) -> None:
        self.node, self.line = node, line

    def __bool__(self) -> bool:
        return self.node is not None

    def __getitem__(self, name: str) -> "Node":
        return next((value for key, value in self.items() if key == name), Node(None, self.line))

    @property
    def text(self) -> str:
        """The text of a plain value."""
        return str(self.node.value) if isinstance(self.node, yaml.ScalarNode) else ""

    def items(self) -> Iterator[tuple[str, "Node"]]:
        """Yield the keys of a mapping with what they hold; for a list or a plain value, each as a key."""
        if isinstance(self.node, yaml.MappingNode):
            for key, value in self.node.value:
                yield str(key.value), Node(value, key.start_mark.line + 1)
        for each in self:
            yield each.text, Node(None, each.line)

    def __iter__(self) -> Iterator["Node"]:
        if isinstance(self.node, yaml.SequenceNode):
            for each in self.node.value:
                yield Node(each, each.start_mark.line + 1)
        elif isinstance(self.node, yaml.ScalarNode):
            yield self


@dataclass(frozen=True, slots=True, kw_only=True)
class _Use:
    """A step that runs perfgate."""

    path: str
    file: Node
    name: str
    job: Node
    step: Node
    mode: str

    @property
    def events(self) -> set[str]:
        return {name for name, _ in self.file["on"].items()}


def faults(files: Mapping[str, str]) -> list[Fault]:
    """Return what is wrong with the workflows (path to text), in the order of files and lines."""
    found: list[Fault] = []
    uses: list[_Use] = []
    for path, text in sorted(files.items()):
        try:
            file = Node(yaml.compose(text, Loader=yaml.SafeLoader))
        except yaml.YAMLError as exc:
            mark = getattr(exc, "problem_mark", None)
            line = mark.line + 1 if mark else 1
            found.append(
                Fault(
                    path=path,
                    line=line,
                    what=f"is no YAML: {getattr(exc, 'problem', exc)}",
                    do="indent with spaces, and close what is open",
                )
            )
            continue
        uses += _uses(path, file)
    if not uses and not found:
        return [Fault(path=".github/workflows", line=1, what=NONE_RUNS, do="perfgate init writes two")]
    for use in uses:
        checks = [_pin, _inputs, _trigger, _token]
        checks += [_gate] if use.mode == "gate" else []
        checks += [_queue] if use.mode == "record" else []
        found += [
            Fault(path=use.path, line=line, what=what, do=do) for check in checks for line, what, do in check(use)
        ]
    return sorted({*found, *_pair(uses)})


def _uses(path: str, file: Node) -> list[_Use]:
    found = []
    for name, job in file["jobs"].items():
        for step in job["steps"]:
            uses, run = step["uses"].text, COMMAND.search(step["run"].text)
            if not ACTION.search(uses) and not run:
                continue
            mode = step["with"]["mode"].text or (run[1] if run else "auto")
            if mode not in RIGHTS:  # auto, or an expression: what the events make of it
                mode = "publish" if "workflow_run" in {key for key, _ in file["on"].items()} else "gate"
            found.append(_Use(path=path, file=file, name=name, job=job, step=step, mode=mode))
    return found


_Found = Iterator[tuple[int, str, str]]


def _pin(use: _Use) -> _Found:
    uses = use.step["uses"]
    if uses.text and "@" in uses.text and not PINNED.search(uses.text):
        yield (
            uses.line,
            f"{uses.text} is not pinned to a commit",
            "a tag can be moved: pin the commit in full, the tag behind #",
        )


def _inputs(use: _Use) -> _Found:
    if not use.step["uses"]:
        return
    for name, node in use.step["with"].items():
        if name.lower() not in INPUTS:
            near = difflib.get_close_matches(name, INPUTS, n=1)
            yield (
                node.line,
                f"{name} is not an input of the Action",
                f"did you mean {near[0]}?" if near else "docs/github.md lists them",
            )
        choices = CHOICES.get(name, set())
        if choices and node.text and "${{" not in node.text and node.text not in choices:
            yield node.line, f"{name} is {node.text}", f"one of {', '.join(sorted(choices))}"


def _trigger(use: _Use) -> _Found:
    checkouts = [step["uses"] for step in use.job["steps"] if "actions/checkout@" in step["uses"].text]
    for event in sorted(use.events & {"pull_request_target", "workflow_run"}):
        if event == "pull_request_target" or checkouts:
            line = checkouts[0].line if checkouts else use.file["on"].line
            yield (
                line,
                f"{event} with code of a pull request: it would run with a token that may write, and with secrets",
                ("measure on pull_request; publish on workflow_run, without a checkout: perfgate init writes both"),
            )


def _token(use: _Use) -> _Found:
    given = use.job["permissions"] or use.file["permissions"]
    if not given:
        yield (
            use.job.line,
            f"job {use.name} has whatever permissions the repository's setting gives",
            (f"permissions: {_block(RIGHTS[use.mode])}"),
        )
        return
    has = dict(use.job["permissions"].items() if use.job["permissions"] else use.file["permissions"].items())
    levels = {name: node.text for name, node in has.items()}
    if levels.keys() & {"write-all", "read-all"}:
        yield (
            given.line,
            f"job {use.name} has more permissions than it needs",
            f"permissions: {_block(RIGHTS[use.mode])}",
        )
        return
    keeps = use.mode == "publish" and use.step["with"]["record"].text == "true"
    missing = {
        name: level
        for name, level in (RIGHTS[use.mode] | (RIGHTS["record"] if keeps else {})).items()
        if levels.get(name) not in ((level, "write") if level == "read" else (level,))
    }
    if missing and use.step["with"]["check"].text == "false":
        missing.pop("checks", None)
    if missing:
        yield (
            given.line,
            f"job {use.name} lacks a permission that {use.mode} needs",
            f"add to its permissions: {_block(missing)}",
        )
    writes = sorted(name for name, level in levels.items() if level == "write")
    if use.mode in ("gate", "measure") and writes:
        yield (
            given.line,
            f"job {use.name} runs the pull request's code with {', '.join(writes)}: write",
            ("let this job read; comments and checks are for the workflow on workflow_run"),
        )


def _gate(use: _Use) -> _Found:
    pull = use.file["on"]["pull_request"]
    for key in ("paths", "paths-ignore"):
        if pull[key]:
            yield (
                pull[key].line,
                f"on.pull_request.{key}: a required check of a run that never starts waits for ever",
                ("let it run always: what is unchanged is settled in seconds"),
            )
    if "pull_request" in use.events and "merge_group" not in use.events:
        yield (
            use.file["on"].line,
            "no merge_group: with a merge queue, a required check never comes",
            "add under on: merge_group:",
        )
    if (condition := use.job["if"]) and not _GOES_ON.search(condition.text):
        yield (
            condition.line,
            f"job {use.name} can be skipped, and a skipped required check counts as passed",
            ("take the if away, or let it be ${{ !cancelled() }}"),
        )
    if use.job["needs"] and not _GOES_ON.search(use.job["if"].text):
        yield (
            use.job["needs"].line,
            f"job {use.name} is skipped where a job that it needs fails, which counts as passed",
            ("add: if: ${{ !cancelled() }}"),
        )
    for node, what in ((use.job, f"job {use.name}"), (use.step, "the step")):
        if node["continue-on-error"].text == "true":
            yield node["continue-on-error"].line, f"{what} has continue-on-error: it never blocks", "take it away"
    if re.search(r"\|\|\s*(true|:|exit 0)", use.step["run"].text):
        yield use.step.line, "the step ends well whatever perfgate says: it never blocks", "take what follows || away"
    steps = {step["uses"].text.partition("@")[0]: step for step in use.job["steps"]}
    if "actions/checkout" not in steps:
        yield use.job.line, f"job {use.name} checks nothing out", "add a step before it: uses: actions/checkout"
    elif not use.step["with"]["merge"]:
        yield from _checkout(steps["actions/checkout"])
    if (upload := steps.get("actions/upload-artifact")) and not _GOES_ON.search(upload["if"].text):
        yield (
            upload.line,
            "the artifact is not uploaded where the gate is red, so nothing is published",
            ("add: if: ${{ !cancelled() }}"),
        )


def _checkout(step: Node) -> _Found:
    options = step["with"]
    if options["persist-credentials"].text != "false":
        yield (
            step.line,
            "the checkout leaves its token where the pull request's code can read it",
            ("with: persist-credentials: false"),
        )
    elif options["fetch-depth"].text in ("", "1"):
        yield (
            step.line,
            "the checkout has no base, and a private repository's cannot be fetched later",
            "with: fetch-depth: 2",
        )


def _queue(use: _Use) -> _Found:
    group = use.job["concurrency"] or use.file["concurrency"]
    name = group["group"].text or group.text
    if name and "github.sha" not in name and "github.run_id" not in name:
        yield (
            group.line,
            "of the runs that wait in a concurrency group only the newest is kept: results are lost",
            ("put ${{ github.sha }} into the group; many may record at once"),
        )


def _pair(uses: list[_Use]) -> list[Fault]:
    """Return what is wrong between the workflow that measures and the one that publishes."""
    gates = {use.path: use.file["name"].text or use.path for use in uses if use.mode == "gate"}
    found = []
    for use in uses:
        if use.mode != "publish":
            continue
        watched = use.file["on"]["workflow_run"]["workflows"]
        names = {each.text for each in watched}
        if gates and not names & set(gates.values()):
            waits = ", ".join(sorted(names)) or "nothing"
            what = (
                f"workflow_run listens to {waits}, but the workflow that measures is called {', '.join(gates.values())}"
            )
            found.append(
                Fault(path=use.path, line=watched.line, what=what, do=f"workflows: [{next(iter(gates.values()))}]")
            )
        name = use.step["with"]["artifact"].text or "perfgate"
        uploads = [
            step["with"]["name"].text or "artifact"
            for gate in uses
            if gate.mode == "gate"
            for step in gate.job["steps"]
            if "actions/upload-artifact@" in step["uses"].text
        ]
        if gates and name not in uploads:
            what = f"it publishes the artifact {name}, but the gate uploads {', '.join(uploads) or 'none'}"
            do = f"in the gate: uses: actions/upload-artifact, with: name: {name}"
            found.append(Fault(path=use.path, line=use.step.line, what=what, do=do))
        path = use.step["with"]["workflow"].text or ".github/workflows/perfgate.yml"
        if gates and path not in gates:
            what = f"it publishes runs of {path}, but the gate is in {', '.join(gates)}"
            found.append(Fault(path=use.path, line=use.step.line, what=what, do=f"with: workflow: {next(iter(gates))}"))
    return found


def _block(rights: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{name}: {level}" for name, level in rights.items()) + "}"
