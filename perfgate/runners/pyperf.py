"""Runner `pyperf`: scripts that are written for pyperf's Runner."""

import json
from dataclasses import dataclass
from importlib.resources import files

from perfgate.core.ports import Launch, Place

_SHIM = str(files("perfgate") / "shims" / "pyperf_agent.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pyperf:
    """Starts the side's own interpreter on its scripts."""

    paths: tuple[str, ...]
    """Scripts, relative to the root."""
    args: tuple[str, ...] = ()
    """Arguments for each of them."""

    def launch(self, place: Place, *, names: tuple[str, ...]) -> Launch:
        """Return how to start the scripts."""
        argv = (place.python, _SHIM, json.dumps(self.paths), *self.args)
        return Launch(argv=argv, cwd=place.root, environ=place.environ)

    def files(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the scripts of the benchmarks, as their names say them."""
        return tuple(sorted({name.partition("::")[0] for name in names}))

    def sources(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the scripts."""
        return self.paths
