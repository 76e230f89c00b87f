"""What all tables of the file share: how quantities, paths and command lines are written and checked."""

import re
import shlex
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from perfgate.core.units import Unit, parse_duration, parse_quantity, parse_share, unit_of
from perfgate.project.locks import LOCKS


def checked(parse: Callable[[str], object]) -> AfterValidator:
    """Return a validator that keeps the text, so that it can be shown as written, once `parse` took it."""

    def check(text: str) -> str:
        parse(text)
        return text

    return AfterValidator(check)


def _floor_unit(text: str) -> Unit:
    if (unit := unit_of(text)) is None:
        raise ValueError(f'{text!r} has no unit that is known here; write it as in "2ms" or "64KiB"')
    parse_quantity(text, unit)
    return unit


def _below(path: str) -> str:
    plain = PurePosixPath(path)
    if plain.is_absolute() or ".." in plain.parts or not plain.parts:
        raise ValueError(f"{path!r} must be a path below the root of the repository, and not the root itself")
    return str(plain)


def _relative(path: str) -> str:
    plain = _below(path)
    if path.startswith(":") or any(char in path for char in "*?["):
        raise ValueError(f"{path!r} must be a plain path; name each file or directory")
    return plain


def _lock(path: str) -> str:
    plain = _relative(path)
    if PurePosixPath(plain).name not in LOCKS:
        raise ValueError(f"perfgate cannot read a lock file called {path!r}; it reads {', '.join(LOCKS)}")
    return plain


def _command(line: str) -> list[str]:
    try:
        words = shlex.split(line)
    except ValueError as exc:
        raise ValueError(f"{line!r} cannot be split into words: {str(exc).lower()}") from exc
    if not words:
        raise ValueError("an empty command line")
    return words


def for_a_shell(line: str) -> list[str]:
    """Return the words of a command line that a shell would read in another way: `|`, `> file`, `$HOME`, `*.py`."""
    words = shlex.shlex(line, posix=False, punctuation_chars="|&;<>")
    words.whitespace_split, words.commenters = True, ""
    found = []
    for word in words:
        bare = re.sub(r"'[^']*'", "", word)
        unquoted = re.sub(r'"[^"]*"', "", bare)
        if set(word) <= set("|&;<>") or re.search(r"\$[A-Za-z_{(]|`", bare) or "*" in unquoted:
            found.append(word)
    return found


Share = Annotated[str, checked(parse_share), Field(examples=["5%"])]
Duration = Annotated[str, checked(parse_duration), Field(examples=["90s", "10m"])]
Quantity = Annotated[str, checked(_floor_unit), Field(examples=["2ms", "64KiB"])]
CommandLine = Annotated[str, checked(_command)]
RelativePath = Annotated[str, AfterValidator(_relative)]
LockFile = Annotated[str, AfterValidator(_lock)]
Glob = Annotated[str, AfterValidator(_below)]


class Section(BaseModel):
    """A table of the file: unknown keys are faults."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True)
