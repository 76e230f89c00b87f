"""Adapters by name: the built-in ones come through the same entry points as anybody else's."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache
from importlib.metadata import EntryPoints, entry_points
from typing import Any, cast

from perfgate import codec
from perfgate.core.model import Run
from perfgate.core.ports import Engine, Renderer, Runner, Serves, Store
from perfgate.errors import FileError, UsageError
from perfgate.formats.document import CSV_HINT, Document, Reader, Written


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
    return tuple(sorted(_installed("perfgate.renderers").names))


def readers() -> tuple[str, ...]:
    """Return the formats that can be read beside perfgate's own."""
    return tuple(sorted(_installed("perfgate.readers").names))


def reader_named(name: str) -> Reader:
    """Return the reader `name`.

    Raises: UsageError for a name that nothing installed answers to.
    """
    return cast(Reader, _find("perfgate.readers", name))


def read(data: bytes, *, name: str, reader: str | None = None) -> Run:
    """Return the run in a file: perfgate's own, or any other tool's.

    Args:
        name: what messages call the file.
        reader: its format; None tells it by its shape.

    Raises: FileError where no format or more than one fits, or the file is not whole.
    """
    if reader is None and codec.is_ours(data):
        return codec.load_run(data, name=name)
    document = Document(name, data)
    fitting = [reader] if reader else [each for each in readers() if reader_named(each).recognises(document)]
    if len(fitting) > 1:
        raise FileError(
            f"{name} could be a file of {' or '.join(fitting)}", hint=f"perfgate convert --from {fitting[0]} says which"
        )
    if not fitting:
        raise FileError(
            f"{name} is not a result file that perfgate knows{document.why_not_json}",
            hint=CSV_HINT if document.is_table else "`perfgate convert --list` shows the formats that it reads",
        )
    return reader_named(fitting[0]).read(document)


def writer(name: str) -> Callable[[Run], Written]:
    """Return the writer of another tool's format.

    Raises: UsageError for a name that nothing installed answers to.
    """
    return cast(Callable[[Run], Written], _find("perfgate.writers", name))


def writers() -> tuple[str, ...]:
    """Return the other tools' formats that a run can be written in."""
    return tuple(sorted(_installed("perfgate.writers").names))


@cache
def _installed(group: str) -> EntryPoints:
    """Return a group's entry points: looking through what is installed takes some milliseconds each time."""
    return entry_points(group=group)


@cache
def _find(group: str, name: str) -> Any:
    found = _installed(group).select(name=name)
    if not found:
        known = ", ".join(sorted(_installed(group).names))
        raise UsageError(f"nothing installed provides {name!r}; there are: {known}")
    return next(iter(found)).load()
