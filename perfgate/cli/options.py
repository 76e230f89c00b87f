"""Options that several commands share, and what they add up to."""

import functools
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import click

from perfgate.cli import console
from perfgate.config.load import Loaded, load
from perfgate.core.selection import ALL, Selection
from perfgate.errors import UsageError
from perfgate.host import files, hardening, tree
from perfgate.host.interrupt import Interrupts
from perfgate.pipeline.workshop import Workshop
from perfgate.render.command import harmless


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The shared options as given."""

    config: Path | None = None
    budget: str | None = None
    strictness: str | None = None
    effort: str | None = None
    seed: int | None = None
    isolate: str | None = None
    suite: tuple[str, ...] = ()
    selection: Selection = ALL

    def load(self, root: Path) -> Loaded:
        """Read the configuration at `root` with these flags over it."""
        flags = {"budget": self.budget, "strictness": self.strictness, "effort": self.effort}
        given: dict[tuple[str, str], str] = {("build", "isolate"): self.isolate} if self.isolate else {}
        given |= {("perfgate", key): value for key, value in flags.items() if value is not None}
        return load(root, environ=os.environ, flags=given, path=self.config)

    @contextmanager
    def workshop(self, *, reader: str | None = None) -> Iterator[Workshop]:
        """Yield what measuring needs, with Ctrl-C heard and progress shown; `reader` is the format of result files."""
        token = take_token()  # before anything is started, the watchdog included
        with Interrupts() as interrupts, hardening.job_hidden(), tree.watched(), console.progress() as watch:
            yield Workshop(
                directory=Path.cwd(),
                load_config=self.load,
                interrupts=interrupts,
                watch=watch,
                token=token,
                config=self.config,
                seed=secrets.randbelow(2**31) if self.seed is None else self.seed,
                suites=self.suite,
                selection=self.selection,
                reader=reader,
            )


def take_token() -> str:
    """Return GitHub's token and take it out of the environment: no process that is started from here gets it."""
    return os.environ.pop("PERFGATE_TOKEN", "")


class PathsCommand(click.Command):
    """A command that takes what stands after `--` as paths, as pytest and git do."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Set the paths aside before the rest is parsed."""
        if "--" in args:
            ctx.meta[_PATHS] = tuple(args[args.index("--") + 1 :])
            args = args[: args.index("--")]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return what the usage line says."""
        return [*super().collect_usage_pieces(ctx), "[-- PATH...]"]


_PATHS = "perfgate.paths"


def choosing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that choose benchmarks; the command gets them as `selection`."""

    @functools.wraps(command)
    def chosen(*, only: tuple[str, ...], exclude: tuple[str, ...], **given: Any) -> Any:
        paths = tuple(_below_root(path) for path in click.get_current_context().meta.get(_PATHS, ()))
        return command(selection=Selection(only=only, exclude=exclude, paths=paths), **given)

    exclude = click.option(
        "--exclude",
        metavar="GLOB",
        multiple=True,
        help="Leave out benchmarks whose name contains this; repeatable.",
    )
    only = click.option(
        "-k",
        "--benchmark",
        "only",
        metavar="GLOB",
        multiple=True,
        help="Only benchmarks whose name (suite/name) contains this; * matches anything; repeatable.",
    )
    return only(exclude(chosen))


def _below_root(path: str) -> str:
    """Return a path that was given here as seen from the root of the repository.

    Raises: UsageError for one outside of it.
    """
    here = Path.cwd()
    root = next((place for place in (here, *here.parents) if (place / ".git").exists()), here)
    file, inside, name = path.partition("::")
    seen = os.path.relpath(here / file, root)
    if seen.startswith(".."):
        raise UsageError(f"{path!r} is outside of {root}", hint="give paths inside the repository")
    return f"{Path(seen).as_posix()}{inside}{name}"


def measuring(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of everything that measures; the command gets them as `chosen`."""

    @functools.wraps(command)
    def chosen(**given: Any) -> Any:
        own = {field.name: given.pop(field.name) for field in fields(Chosen)}
        return command(chosen=Chosen(**own), **given)

    for option in reversed(
        [
            click.option("--config", type=click.Path(path_type=Path), help="Read this file instead of perfgate.toml."),
            click.option("--budget", help='Measuring time at most, as in "90s" or "10m".'),
            click.option(
                "--strictness",
                type=click.Choice(["normal", "strict"]),
                help="Confidence: normal blocks at most 1 in 100 runs that change nothing, strict 1 in 1,000.",
            ),
            click.option(
                "--effort", help="Measuring time of one benchmark at most, both sides; default 4s, strict 10s."
            ),
            click.option("--suite", multiple=True, help="Measure only this suite; may be repeated."),
            click.option(
                "--isolate",
                type=click.Choice(["auto", "venv", "none"]),
                help="Give each side an environment of its own (venv), or use the current one (none).",
            ),
            click.option("--seed", type=int, help="Random seed; give the one of a report to repeat it."),
        ]
    ):
        chosen = option(chosen)
    return choosing(chosen)


_SUFFIXES = {".html": "html", ".md": "markdown", ".json": "json", ".xml": "junit", ".txt": "text"}


def form_of(given: str | None, output: str, *, default: str) -> str:
    """Return the format of a report: the one that was given, else that of the file's suffix, else `default`."""
    return given or _SUFFIXES.get(Path(output).suffix, default)


def write(text: str, output: str) -> None:
    """Write a result to standard output (`-`) or to a file."""
    if output == "-":
        plain = text.rstrip("\n")
        click.echo(harmless(plain) if os.environ.get("GITHUB_ACTIONS") == "true" else plain)
    else:
        files.write(Path(output), text.rstrip("\n") + "\n")
        click.echo(f"wrote {output}", err=True)
