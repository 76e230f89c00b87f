"""The benchmarks to measure or to show, chosen by name or path on the command line.

Separate from `Part`, which divides the benchmarks between jobs: other jobs measure the rest of those. A benchmark that
is not selected is not measured at all, and is not reported as missing.
"""

from dataclasses import dataclass, replace

from perfgate.core.model import Benchmark, Run
from perfgate.core.policy import matches

AROUND = ("::", "[", "/")
"""What follows a selected path in the names of its benchmarks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The options `--benchmark` and `--exclude`, and the paths after `--`."""

    only: tuple[str, ...] = ()
    """A benchmark must match one of these globs; if empty, every benchmark does. Globs match anywhere in the full name
    (`suite/name`); `*` is anything, `?` one character."""
    exclude: tuple[str, ...] = ()
    """A benchmark must match none of these globs."""
    paths: tuple[str, ...] = ()
    """A benchmark must be in one of these files, directories or pytest node ids; if empty, every benchmark may be."""

    def __bool__(self) -> bool:
        return bool(self.only or self.exclude or self.paths)

    def __str__(self) -> str:
        return " ".join(self.arguments())

    def arguments(self, *others: str) -> list[str]:
        """Return the command line that selects the same, with other options before the paths."""
        options = [word for text in self.only for word in ("-k", text)]
        options += [word for text in self.exclude for word in ("--exclude", text)]
        return [*options, *others, *(("--", *self.paths) if self.paths else ())]

    def holds(self, benchmark: Benchmark) -> bool:
        """Return whether a benchmark is selected."""
        return self.names(str(benchmark)) and (
            not self.paths or any(_covers(path, benchmark.name) for path in self.paths)
        )

    def names(self, text: str) -> bool:
        """Return whether a name is selected, by the globs alone."""
        asked = not self.only or any(matches(f"*{glob}*", text) for glob in self.only)
        return asked and not any(matches(f"*{glob}*", text) for glob in self.exclude)

    @property
    def files(self) -> tuple[str, ...]:
        """Return the files and directories of the paths, without test names."""
        return tuple(dict.fromkeys(path.partition("::")[0] for path in self.paths))

    def of(self, run: Run) -> Run:
        """Return a run with the selected benchmarks only."""
        if not self:
            return run
        return replace(
            run,
            samples=tuple(each for each in run.samples if self.holds(each.sli.benchmark)),
            failures=tuple(each for each in run.failures if self.holds(each.benchmark)),
            offered=tuple(each for each in run.offered if self.holds(each)),
            distributions=tuple(each for each in run.distributions if self.holds(each.benchmark)),
            described=tuple(each for each in run.described if self.holds(each.benchmark)),
        )


ALL = Selection()


def _covers(path: str, name: str) -> bool:
    return path in (".", name) or any(name.startswith(f"{path}{mark}") for mark in AROUND)
