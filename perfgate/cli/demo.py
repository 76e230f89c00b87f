"""`perfgate demo`."""

import os
import shlex
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import click

from perfgate import registry
from perfgate.cli import console
from perfgate.cli.demo_project import BENCHMARKS, GUILTY, HISTORY
from perfgate.cli.options import Chosen
from perfgate.config.load import load
from perfgate.errors import Exit, UsageError
from perfgate.host import files
from perfgate.host.cache import CACHE
from perfgate.host.git import Repository, create_repository
from perfgate.host.interrupt import Interrupts
from perfgate.host.scratch import scratch
from perfgate.pipeline import compare as comparing


@click.command()
@click.option("--keep", type=click.Path(path_type=Path), help="Make the repository in this directory and keep it.")
@click.option("--seed", type=int, default=None, help="Random seed; give the one of a report to repeat it.")
def demo(keep: Path | None, seed: int | None) -> int:
    """Make a small repository with a regression in its history, and let the gate find it.

    Real git, real processes, real benchmarks; takes about a minute and ends with exit code 1, as a gate
    that found a regression does.
    """
    if keep is not None and keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
        raise UsageError(f"{keep} is there already and not empty", hint="name a directory that is not")
    with ExitStack() as stack:
        home = stack.enter_context(scratch("demo"))
        os.environ[CACHE] = str(home / "cache")
        root = keep.absolute() if keep else home / "wordlib"
        build(root)
        base = f"HEAD~{len(HISTORY) - 1}"
        say = f"a pull request of {len(HISTORY) - 1} commits, one of which makes `score` do 15 % more work"
        click.echo(f"perfgate demo: {root} holds {say}\n$ perfgate compare {base}", err=True)
        chosen = Chosen(seed=seed)
        with chosen.workshop() as shop:
            own = {("build", "python"): sys.executable}
            here = replace(shop, directory=root, load_config=lambda at: load(at, environ={}, flags=own))
            compared = comparing.compare(base, None, here)
            interrupted = shop.interrupts.requested
        shown = compared.report if keep else replace(compared.report, repeat="")  # nothing is left to repeat it on
        text = registry.renderer("text")(shown)
        click.echo(console.coloured(text) if console.wants_colour() else text)
        code = Exit.INTERRUPTED if interrupted else compared.report.exit_code
        click.echo(f"\nThe guilty commit is “{GUILTY}”. In CI the exit code, {code}, decides about the merge.")
        if keep is None:
            click.echo("The repository has been removed. To try it yourself: perfgate demo --keep wordlib")
        else:
            click.echo(f"To try it yourself: cd {shlex.quote(str(keep))} && perfgate compare {base}")
        return int(code)


def build(root: Path) -> None:
    """Make the repository at `root`."""
    with Interrupts() as interrupts:
        repository: Repository = create_repository(root, interrupts=interrupts)
        files.write(root / "test_wordlib.py", BENCHMARKS)
        for message, library in HISTORY:
            files.write(root / "wordlib.py", library)
            repository.commit_all(message)
