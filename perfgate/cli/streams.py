"""Standard output and error that never raise: a full disk or a closed pipe must not change what the exit code says.

A reader that went away has had enough: the exit code stays. An output that cannot be written is an error of its own,
told on standard error, and a pass then ends with 3, because its result was lost.
"""

import errno
import io
import os
import select
import sys
from dataclasses import dataclass
from typing import Any

from perfgate.errors import Exit


class _Guarded(io.RawIOBase):
    """Writes to a descriptor and remembers the first failure instead of raising it."""

    def __init__(self, fd: int, failure: OSError | None) -> None:
        super().__init__()
        self._fd, self.failure = fd, failure
        self.wanted = False
        """Whether anything was to be written at all."""

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._fd

    def isatty(self) -> bool:
        return self.failure is None and os.isatty(self._fd)

    def write(self, data: Any) -> int:
        """Write what fits; after a failure everything is thrown away."""
        self.wanted = True
        size = memoryview(data).nbytes
        while self.failure is None:
            try:
                return os.write(self._fd, data)
            except BlockingIOError:
                select.select([], [self._fd], [])
            except OSError as exc:
                self.failure = exc
        return size


@dataclass(slots=True)
class Streams:
    """The guarded standard streams of this process."""

    out: _Guarded
    err: _Guarded

    def finish(self, code: int) -> int:
        """Write out what is left; return the exit code, which an unwritable output makes 3 where all was well."""
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        failure = self.out.failure
        if failure is None or not self.out.wanted or failure.errno == errno.EPIPE:
            return code
        sys.stderr.write(f"error: cannot write to standard output: {failure.strerror}\n")
        sys.stderr.write("try: free some space, or name a file with -o\n")
        sys.stderr.flush()
        return code or int(Exit.NOT_MEASURED)


def guard() -> Streams:
    """Put guarded streams in the place of sys.stdout and sys.stderr.

    A descriptor that was closed is opened on /dev/null, so that no file or pipe opened later gets its number.
    """
    failures = [_claimed(fd) for fd in (0, 1, 2)]
    out, err = (_Guarded(fd, failures[fd]) for fd in (1, 2))
    sys.stdout, sys.stderr = _text(out, sys.stdout), _text(err, sys.stderr)
    return Streams(out=out, err=err)


def _claimed(fd: int) -> OSError | None:
    """Make sure that a standard descriptor is open; return the error if it was not."""
    try:
        os.fstat(fd)
    except OSError as exc:
        null = os.open(os.devnull, os.O_RDWR)
        if null != fd:
            os.dup2(null, fd)
            os.close(null)
        return exc
    return None


def _text(raw: _Guarded, before: Any) -> io.TextIOWrapper:
    encoding = getattr(before, "encoding", None) or "utf-8"
    errors = getattr(before, "errors", None)
    lossless = errors if errors in ("surrogateescape", "backslashreplace") and "utf" in encoding.lower() else "replace"
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=encoding,
        errors=lossless,
        line_buffering=raw.isatty() or raw.fileno() == 2,
        write_through=raw.fileno() == 2,
    )
