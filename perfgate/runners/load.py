"""Runner `load`: how one side's service is started; who sends what to it is the probe's business."""

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from perfgate.core.ports import Launch, Place

_SHIMS = str(files("perfgate") / "shims")


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Starts a service in the side's directory, with the side's environment."""

    command: str
    """Split as a shell would, run without one; `{port}`, `{data}` and `{side}` are filled in."""
    prepare: str | None = None
    """Run before each start, likewise."""
    environment: Mapping[str, str]

    def serve(self, place: Place, **fields: str) -> Launch:
        """Return how to start the service; `fields` are port, data and side."""
        return self._launch(self.command, place, fields)

    def preparation(self, place: Place, **fields: str) -> Launch | None:
        """Return what is run before it, if anything."""
        return self._launch(self.prepare, place, fields) if self.prepare else None

    def _launch(self, line: str, place: Place, fields: Mapping[str, str]) -> Launch:
        own = tuple((name, _filled(value, fields)) for name, value in self.environment.items())
        found = dict(place.environ)
        path = [part for part in (found.get("PYTHONPATH", ""), _SHIMS) if part]
        given = {"PORT": fields["port"], "PYTHONPATH": os.pathsep.join(path), "PERFGATE_QUERIES": "1"}
        return Launch(
            argv=tuple(_filled(word, fields) for word in shlex.split(line)),
            cwd=place.root,
            environ=(*(found | given).items(), *own),
        )


def _filled(text: str, fields: Mapping[str, str]) -> str:
    for name, value in fields.items():
        text = text.replace(f"{{{name}}}", value)
    return text
