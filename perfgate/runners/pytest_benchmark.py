"""Runner `pytest-benchmark`: test files that use the `benchmark` fixture of pytest-benchmark or pytest-codspeed."""

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import PurePosixPath

from perfgate.core.ports import Launch, Place

_SHIM = str(files("perfgate") / "shims" / "pytest_agent.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class PytestBenchmark:
    """Starts the side's own pytest on its benchmark files."""

    paths: tuple[str, ...] = ()
    """Files or directories, relative to the root; none: wherever pytest finds benchmarks."""
    select: str | None = None
    """An expression as for `pytest -k`."""
    markers: str | None = None
    """An expression as for `pytest -m`."""
    args: tuple[str, ...] = ()
    """Further arguments for pytest."""

    def launch(self, place: Place, *, names: tuple[str, ...]) -> Launch:
        """Return how to start pytest on the files of `names`, or on the configured paths."""
        paths = self.paths or self.files(names)
        options = [*(("-k", self.select) if self.select else ()), *(("-m", self.markers) if self.markers else ())]
        return Launch(
            argv=(place.python, _SHIM, json.dumps(paths), *options, *self.args), cwd=place.root, environ=place.environ
        )

    def files(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the files of the benchmarks, as pytest's node ids say them."""
        return tuple(sorted({name.partition("::")[0] for name in names}))

    def sources(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the configured paths, or else the files of these benchmarks; with the conftests beside files."""
        tests = self.paths or self.files(names)
        beside = {
            str(PurePosixPath(test).with_name("conftest.py")) for test in tests if "/" in test and test.endswith(".py")
        }
        return tuple(sorted({*tests, *beside}))
