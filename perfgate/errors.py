"""Every error that perfgate raises on purpose, each with its exit code.

One file, so that what the program says when it stops can be read in one go; `cli` turns the one root
class into a message, a hint and the exit code. The code of a finished comparison is the report's.
"""

from enum import IntEnum


class Exit(IntEnum):
    """What the process tells its caller; part of the interface."""

    PASSED = 0
    REGRESSION = 1
    USAGE = 2
    NOT_MEASURED = 3
    INCONCLUSIVE = 4
    BUG = 70
    INTERRUPTED = 130


class PerfgateError(Exception):
    """What happened and where, with the value; the hint is the next action as a command or a key."""

    exit_code = Exit.NOT_MEASURED

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(PerfgateError):
    """The command line asks for what cannot be."""

    exit_code = Exit.USAGE


class ConfigError(PerfgateError):
    """The configuration holds faults; the message lists all of them, each with its line."""

    exit_code = Exit.USAGE


class FileError(PerfgateError):
    """A run or report file is not one, or not one that this version reads."""

    exit_code = Exit.USAGE


class GitError(PerfgateError):
    """git refused, with its own words."""


class BuildError(PerfgateError):
    """A side could not be prepared: the last lines of the command that failed."""


class ProvenanceError(PerfgateError):
    """A side ran code that is not its own, so its numbers would be about something else."""


class MeasureError(PerfgateError):
    """Nothing could be measured."""


class Interrupted(PerfgateError):
    """Ctrl-C or SIGTERM: every process started is gone, what was measured is kept."""

    exit_code = Exit.INTERRUPTED


class StoreError(PerfgateError):
    """Stored runs cannot be read or written: what was refused, by whom, and the lines that mend it."""


class PublishError(PerfgateError):
    """A verdict could not be told: what was refused, by whom, and the lines that mend it. The verdict stands."""

    def __init__(self, message: str, *, hint: str | None = None, kind: str = "") -> None:
        super().__init__(message, hint=hint)
        self.kind = kind
        """The caller may expect `forbidden` and `locked`."""


class ArtifactError(PerfgateError):
    """What a job handed on is not what such a job hands on: refused whole."""
