"""`perfgate config show | check | schema`."""

import json
import os
from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel

from perfgate.config.load import Loaded, load
from perfgate.config.reference import markdown
from perfgate.config.schema import Config
from perfgate.errors import UsageError
from perfgate.host.git import Repository
from perfgate.host.interrupt import Interrupts

_file = click.option(
    "--config", "path", type=click.Path(path_type=Path), help="Read this file instead of perfgate.toml."
)


@click.group()
def config() -> None:
    """Show where each value comes from, check the file, or print the schema."""


@config.command()
@_file
def show(path: Path | None) -> int:
    """Print every value, and where it comes from."""
    loaded = _load(path)
    for where, value in _flat(loaded.config):
        origin = loaded.origins.get(where, "default")
        click.echo(f"{'.'.join(where)} = {json.dumps(value, ensure_ascii=False)}  # {origin}")
    return 0


@config.command()
@_file
def check(path: Path | None) -> int:
    """Check the configuration and list all faults, each with its line. The exit code is 2 if there is one."""
    loaded = _load(path)
    suites, rules = len(loaded.config.suite), len(loaded.config.rule)
    for doubt in loaded.config.doubts():
        click.echo(f"warning: {doubt}", err=True)
    click.echo(f"{loaded.source}: fine; {suites} suite{'s' * (suites != 1)}, {rules} rule{'s' * (rules != 1)}")
    return 0


@config.command()
@click.option("--format", "form", type=click.Choice(["json", "markdown"]), default="json")
def schema(form: str) -> int:
    """Print the schema of perfgate.toml, as a JSON schema for editors or as the reference page."""
    click.echo(json.dumps(Config.model_json_schema(), indent=1) if form == "json" else markdown().rstrip("\n"))
    return 0


def _load(path: Path | None) -> Loaded:
    with Interrupts() as interrupts:
        try:
            root = Repository(Path.cwd(), interrupts=interrupts).root
        except UsageError:
            root = Path.cwd()
    return load(root, environ=os.environ, path=path)


def _flat(model: BaseModel, prefix: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    rows: list[tuple[tuple[str, ...], Any]] = []
    for key, info in type(model).model_fields.items():
        where, value = (*prefix, info.alias or key), getattr(model, key)
        items = value if isinstance(value, dict) else dict(enumerate(value)) if isinstance(value, tuple) else {}
        nested = {str(name): item for name, item in items.items() if isinstance(item, BaseModel)}
        if isinstance(value, BaseModel):
            rows += _flat(value, where)
        elif nested:
            rows += [row for name, item in nested.items() for row in _flat(item, (*where, name))]
        else:
            rows.append((where, value))
    return rows
