"""Sizes of files that building a side made: read once, exact."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from perfgate.core.model import METRICS, Benchmark, Design, Reason, Sample, Sli
from perfgate.core.processes import Processes
from perfgate.measure.sides import PreparedSide
from perfgate.measure.track import Circumstances, Measured


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeJob:
    """A suite as configured."""

    name: str
    files: Mapping[str, str]
    """Benchmark to a glob below the side's directory."""

    def begin(self, sides: Sequence[PreparedSide], around: Circumstances) -> "SizeSuite":
        """Return what measures it."""
        return SizeSuite(self, sides, around)

    def alone(self) -> Self:
        """Return it for one side."""
        return self


class SizeSuite(Measured):
    """Looks at the files of both sides."""

    def __init__(self, job: SizeJob, sides: Sequence[PreparedSide], around: Circumstances) -> None:
        super().__init__(job.name, sides, around)
        self.job = job
        self.wanted = ("bytes",)

    def explore(self) -> None:
        """Add up the sizes; where there is no file, the benchmark has failed."""
        for side, prepared in enumerate(self.sides):
            for name, glob in self.job.files.items():
                if not self.around.holds(self._benchmark(name)):
                    self.others.add(name)
                    continue
                files = [path for path in Path(prepared.place.root).glob(glob) if path.is_file()]
                if not files:
                    self._fail(side, name, Reason.NOTHING, f"no file is called {glob}")
                    continue
                size = float(sum(path.stat().st_size for path in files))
                sli = Sli(benchmark=self._benchmark(name), metric=METRICS["bytes"])
                self.counted[side].append(
                    Sample(sli=sli, processes=Processes([[size]]), pairs=(0,), design=Design.ALONE)
                )

    def offered(self, side: int) -> tuple[Benchmark, ...]:
        """Return the benchmarks that a side has."""
        return tuple(sample.sli.benchmark for sample in self.counted[side])

    def run_pair(self, number: int) -> None:
        """Do nothing: there is nothing to repeat."""
