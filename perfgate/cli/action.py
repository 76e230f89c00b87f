"""`perfgate action`: what action.yml starts; turns the Action's inputs into one of the other commands."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from perfgate.cli import main
from perfgate.errors import UsageError
from perfgate.pipeline.gate import asked_by
from perfgate.publishers.github.event import Activity

MODES = ("auto", "gate", "measure", "record", "publish", "site")
SITE = "perfgate-site"
_MEASURING = ("config", "budget", "strictness")
_PUBLISHING = ("key", "artifact", "workflow", "comment", "config")
_SWITCHES = ("check", "status", "record")


@click.command(hidden=True)
def action() -> int:
    """Do what the inputs of the GitHub Action ask for; they are in PERFGATE_INPUTS, as JSON."""
    try:
        inputs = json.loads(os.environ.pop("PERFGATE_INPUTS", ""))  # the token is among them
    except ValueError as exc:
        raise UsageError("PERFGATE_INPUTS is not JSON: this command is for action.yml alone") from exc
    given = {str(name): str(value).strip() for name, value in inputs.items()}
    command = arguments(given, os.environ)
    if directory := given.get("directory"):
        if not Path(directory).is_dir():
            raise UsageError(
                f"directory {directory!r} does not exist in {Path.cwd()}",
                hint="give `directory` the `path` that actions/checkout got",
            )
        os.chdir(directory)
    click.echo(f"perfgate {' '.join(command)}", err=True)
    return main.run(command)


def arguments(inputs: Mapping[str, str], environ: Mapping[str, str]) -> list[str]:
    """Return the command line that these inputs stand for.

    Reports and the runs of other jobs are in the job's own directory, also if the checkout is in another one.

    Raises: UsageError for an unknown mode, or where a pattern of `runs` fits no file.
    """
    mode = inputs.get("mode") or "auto"
    if mode not in MODES:
        raise UsageError(f"mode is {mode!r}", hint=f"with:\n  mode: one of {', '.join(MODES)}")
    if mode == "auto":
        found = asked_by(environ).activity
        mode = "gate" if found is Activity.NOTHING else str(found)
    here = Path.cwd() if inputs.get("directory") else Path()
    report = str(here / (inputs.get("report") or "perfgate-report"))
    suites = [
        part for line in inputs.get("suite", "").splitlines() for part in ("--suite", line.strip()) if line.strip()
    ]
    measuring = [*_flags(inputs, _MEASURING), *suites]
    match mode:
        case "gate":
            merge = ["--merge", str(here / inputs["merge"])] if inputs.get("merge") else []
            return ["gate", "--report", report, *measuring, *_flags(inputs, ("shard",)), *merge]
        case "measure":
            return ["measure", "-o", f"{report}/run.json", *measuring]
        case "record":
            return ["record", *(str(here / file) for file in _files(inputs.get("runs", ""))), *measuring]
        case "site":
            return ["report", "-o", str(here / SITE), *_flags(inputs, ("config", "url"))]
        case _:
            switches = [f"--{'' if inputs.get(name) == 'true' else 'no-'}{name}" for name in _SWITCHES]
            return ["publish", *_flags(inputs, _PUBLISHING), *switches]


def _flags(inputs: Mapping[str, str], names: Sequence[str]) -> list[str]:
    return [part for name in names if inputs.get(name) for part in (f"--{name}", inputs[name])]


def _files(patterns: str) -> list[str]:
    found = []
    for pattern in _lines(patterns):
        files = sorted(str(path) for path in Path().glob(pattern))
        if not files:
            hint = "the job that measures uploads them, and this one downloads them to the same place"
            raise UsageError(f"runs: {pattern!r} fits no file in {Path.cwd()}", hint=hint)
        found += files
    return found


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
