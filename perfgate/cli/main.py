"""The root command, and the one place where an error becomes a message and an exit code."""

import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from perfgate import __version__
from perfgate.errors import Exit, Interrupted, MeasureError, PerfgateError, UsageError
from perfgate.render.command import command, harmless

GROUPS = {
    "Try it": {
        "demo": "Watch perfgate find a regression in a small repository that it makes.",
        "compare": "Measure two revisions in pairs (or take two run files), and judge.",
        "init": "Inspect the project, try its benchmarks, write perfgate.toml and the workflows.",
        "doctor": "Check how small a regression this machine can detect, and what limits it.",
        "measure": "Measure the working tree alone and write a run file.",
        "load": "Put one service under load and show rate, latency and errors.",
    },
    "Gate pull requests": {
        "gate": "Run the gate in GitHub Actions and set the job's result.",
        "publish": "In GitHub Actions, on workflow_run: comment on the pull request, set the check.",
    },
    "Over time": {
        "record": "Store runs, for `compare baseline` and `history`.",
        "history": "Find which commits made stored benchmarks faster or slower.",
        "report": "Write the trend site of the stored runs, or one report as a page.",
        "baseline": "List, show, verify and compact the stored runs.",
    },
    "Look after it": {
        "config": "Show where each value comes from, check the file, print the schema.",
        "convert": "Read another tool's result file; write a run, CSV, or another tool's format.",
        "clean": "Remove the prepared sides from the cache.",
        "help": "Explain the exit codes, shell completion, or a command.",
    },
}
"""Commands by what people want, each with what it does."""
COMMANDS = {name: text for commands in GROUPS.values() for name, text in commands.items()}


class _Lazy(click.Group):
    """Loads a command's module only when that command is run: `--help` must not import numpy."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in (*COMMANDS, "action"):
            return None
        name = {"help": "help_"}.get(cmd_name, cmd_name)  # Python has a `help` of its own
        found = getattr(importlib.import_module(f"perfgate.cli.{name}"), name)
        assert isinstance(found, click.Command)
        return found

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a command's name from what is known without loading any."""
        found = [CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]
        return found + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for heading, commands in GROUPS.items():
            with formatter.section(heading):
                formatter.write_dl(list(commands.items()))


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="perfgate")
def perfgate() -> None:
    """A performance gate that says regression, pass, or plainly that it cannot tell.

    Exit codes: 0 passed, 1 regression, 2 usage or configuration, 3 could not measure or a benchmark is
    missing, 4 inconclusive where the policy blocks on it, 70 a bug in perfgate, 130 interrupted; more: perfgate
    help exit-codes.
    """


def run(argv: Sequence[str]) -> int:
    """Run a command line and return its exit code; what was not foreseen is 70, never 1."""
    try:
        return int(perfgate.main(args=list(argv), prog_name="perfgate", standalone_mode=False) or 0)
    except click.ClickException as exc:
        exc.show()
        return int(Exit.USAGE)
    except (Exception, KeyboardInterrupt) as exc:
        error = _known(exc)
        if error is None:
            click.echo(harmless(traceback.format_exc()), err=True)
            error = PerfgateError("this is a bug in perfgate", hint="please report it with the lines above")
            error.exit_code = Exit.BUG
        say(error.message, error.hint)
        return int(error.exit_code)


def _known(exc: BaseException) -> PerfgateError | None:
    """Return what a user is told of an exception; None for a bug."""
    if isinstance(exc, PerfgateError):
        return exc
    if isinstance(exc, KeyboardInterrupt | click.Abort):
        return Interrupted("interrupted")
    if isinstance(exc, MemoryError):
        return MeasureError("not enough memory", hint="measure fewer benchmarks at once, or give it more memory")
    if not _directory_exists():
        return UsageError("the current directory no longer exists", hint="change into a directory that exists")
    return None


def _directory_exists() -> bool:
    try:
        return Path.cwd().is_dir()
    except OSError:
        return False


def say(message: str, hint: str | None) -> None:
    """Tell an error, and the next action, on standard error and to the job."""
    colour = sys.stderr.isatty()
    message, hint = harmless(message), hint and harmless(hint)
    click.echo(f"{click.style('error', fg='red', bold=True) if colour else 'error'}: {message}", err=True)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        click.echo(command("error", "perfgate", f"{message}\n{hint or ''}".strip()), err=True)
    if hint:
        click.echo(f"{click.style('try', fg='cyan', bold=True) if colour else 'try'}: {hint}", err=True)
