"""Which benchmarks a person asked for, by name.

Separate from `Part`, which divides all of them between jobs: what nobody asked for is nobody's loss.
"""

from dataclasses import dataclass, replace

from perfgate.core.model import Benchmark, Run
from perfgate.core.policy import matches

AROUND = ("::", "[", "/")
"""What may follow a path that pytest would take, in the name of a benchmark that it covers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The options `--benchmark` and `--exclude`, and the paths after `--`."""

    only: tuple[str, ...] = ()
    """Texts, one of which the full name (`suite/name`) holds; `*` is anything, `?` one character. None are all."""
    exclude: tuple[str, ...] = ()
    """Texts, none of which it holds."""
    paths: tuple[str, ...] = ()
    """Files, directories and pytest's node ids, one of which the benchmark belongs to."""

    def __bool__(self) -> bool:
        return bool(self.only or self.exclude or self.paths)

    def __str__(self) -> str:
        words = [f"-k {text}" for text in self.only] + [f"--exclude {text}" for text in self.exclude]
        return " ".join([*words, *(("--", *self.paths) if self.paths else ())])

    def holds(self, benchmark: Benchmark) -> bool:
        """Return whether a benchmark was asked for."""
        return self.names(str(benchmark)) and (
            not self.paths or any(_covers(path, benchmark.name) for path in self.paths)
        )

    def names(self, text: str) -> bool:
        """Return whether a name was asked for, wherever it is from."""
        asked = not self.only or any(matches(f"*{glob}*", text) for glob in self.only)
        return asked and not any(matches(f"*{glob}*", text) for glob in self.exclude)

    @property
    def files(self) -> tuple[str, ...]:
        """Return the paths without what pytest finds inside of them."""
        return tuple(dict.fromkeys(path.partition("::")[0] for path in self.paths))

    def of(self, run: Run) -> Run:
        """Return what a run holds of the benchmarks that were asked for."""
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
