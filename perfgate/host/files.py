"""Reading with a limit and writing whole or not at all."""

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path

from perfgate.errors import FileError, MeasureError


def read(path: Path, *, largest: int) -> bytes:
    """Return the bytes of `path` (`-` is standard input), refused unread where there are more than `largest`.

    Raises: FileError.
    """
    if str(path) != "-" and not path.exists():
        raise FileError(
            f"the file {path} does not exist", hint=f"check its name; it was looked for in {path.absolute().parent}"
        )
    if path.exists() and not path.is_file():
        raise FileError(f"{path} is not a regular file")  # opening a pipe would wait for a writer
    try:
        with nullcontext(sys.stdin.buffer) if str(path) == "-" else path.open("rb") as file:
            data = file.read(largest + 1)
    except OSError as exc:
        raise FileError(f"cannot read {path}: {exc.strerror}") from exc
    if len(data) > largest:
        raise FileError(f"{path} has more than {largest:,} bytes")
    return data


def write(path: Path, text: str) -> None:
    """Replace `path` by `text`: after a crash or on a full disk it holds the old bytes or the new, never a part.

    A symbolic link stays one; what is no regular file (/dev/null, a pipe) is written into.
    Raises: MeasureError.
    """
    temporary = None
    try:
        path = path.resolve()
        if path.exists() and not path.is_file() and not path.is_dir():
            path.write_text(text, encoding="utf-8")
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as exc:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()
        raise MeasureError(f"cannot write {path}: {exc.strerror}", hint="free some space or name another path") from exc


def write_tree(directory: Path, made: Iterable[tuple[str, str]]) -> tuple[int, int]:
    """Replace `directory` by the files (path, text) `made`, put in its place once all are written.

    Returns: how many files, and their bytes.
    Raises: MeasureError; then what was there is there.
    """
    scratch = None
    try:
        directory = directory.resolve()
        directory.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
        new, old = scratch / "new", scratch / "old"
        count = size = 0
        for path, text in made:
            file, data = new / path, text.encode(errors="replace")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
            count, size = count + 1, size + len(data)
        if directory.exists():
            directory.rename(old)
        new.rename(directory)
    except OSError as exc:
        raise MeasureError(
            f"cannot write {directory}: {exc.strerror}", hint="free some space or name another path"
        ) from exc
    else:
        return count, size
    finally:
        if scratch is not None:
            if (scratch / "old").exists() and not directory.exists():
                (scratch / "old").rename(directory)
            remove_tree(scratch)


def check_writable(path: Path) -> None:
    """Make sure, before the work is done, that `path` can be written afterwards.

    Raises: MeasureError.
    """
    directory = path.parent
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise MeasureError(f"cannot make {directory}: {exc.strerror}", hint="name another path") from exc
    if path.is_dir() or not os.access(path if path.exists() else directory, os.W_OK):
        raise MeasureError(f"cannot write {path}", hint="name another path")


def remove_tree(path: Path) -> None:
    """Remove a directory and all below it; what is gone already is fine."""
    shutil.rmtree(path, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
