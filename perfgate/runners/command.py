"""Runner `command`: any command line is a benchmark; one run is one turn."""

import json
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from perfgate.core.ports import Launch, Place

_SHIM = str(files("perfgate") / "shims" / "command_agent.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Starts command lines in the side's directory, with the side's environment."""

    benchmarks: Mapping[str, str]
    """Name to command line; split as a shell would, run without one."""

    def launch(self, place: Place, *, names: tuple[str, ...]) -> Launch:
        """Return how to start the process that runs the commands: perfgate's interpreter, not the side's."""
        arguments = [part for name, line in self.benchmarks.items() for part in (name, json.dumps(shlex.split(line)))]
        return Launch(argv=(sys.executable, "-E", "-S", _SHIM, *arguments), cwd=place.root, environ=place.environ)

    def files(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return none."""
        return ()

    def sources(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return none: a command line stands in the configuration, which is one for both sides."""
        return ()
