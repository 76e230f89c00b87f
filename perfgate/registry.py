"""Adapters by name: the built-in ones come through the same entry points as anybody else's."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib.metadata import entry_points
from typing import Any, cast

from perfgate.core.ports import Engine, Renderer, Runner, Serves, Store
from perfgate.errors import UsageError


def runner(name: str, options: dict[str, Any]) -> Runner:
    """Return the runner `name`, made with its suite's options.

    Raises: UsageError for a name that nothing installed answers to.
    """
    return cast(Runner, _find("perfgate.runners", name)(**options))


def service(name: str, options: dict[str, Any]) -> Serves:
    """Return what starts the services of a load probe, made with its suite's options.

    Raises: UsageError for a name that nothing installed answers to.
    """
    return cast(Serves, _find("perfgate.runners", name)(**options))


def engine(name: str, options: dict[str, Any]) -> Engine:
    """Return the load engine `name`, made with its suite's options.

    Raises: UsageError for a name that nothing installed answers to.
    """
    return cast(Engine, _find("perfgate.engines", name)(**options))


def store(name: str) -> Callable[..., AbstractContextManager[Store]]:
    """Return what opens the store `name`.

    Raises: UsageError for a name that nothing installed answers to.
    """
    return cast("Callable[..., AbstractContextManager[Store]]", _find("perfgate.stores", name))


def renderer(name: str) -> Renderer:
    """Return the renderer `name`.

    Raises: UsageError for a name that nothing installed answers to.
    """
    return cast(Renderer, _find("perfgate.renderers", name))


def renderers() -> tuple[str, ...]:
    """Return the formats that a report can be written in."""
    return tuple(sorted(entry_points(group="perfgate.renderers").names))


def _find(group: str, name: str) -> Any:
    found = entry_points(group=group, name=name)
    if not found:
        known = ", ".join(sorted(entry_points(group=group).names))
        raise UsageError(f"nothing installed provides {name!r}; there are: {known}")
    return next(iter(found)).load()
