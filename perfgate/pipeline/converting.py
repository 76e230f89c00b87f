"""Other tools' result files: read, renamed, listed."""

from dataclasses import replace
from pathlib import Path

from perfgate import codec, registry
from perfgate.core.model import Benchmark, Run
from perfgate.errors import UsageError
from perfgate.host import files
from perfgate.host.git import Repository
from perfgate.host.interrupt import Interrupts


def load_run(path: Path, *, reader: str | None = None) -> Run:
    """Return the run in a file, whatever tool wrote it; `reader` names the format that its shape does not tell."""
    return registry.read(files.read(path, largest=codec.LARGEST), name=str(path), reader=reader)


def of_commit(run: Run, commit: str) -> Run:
    """Return a run as that of a commit, where its file names none.

    Raises: UsageError where the file names another one.
    """
    if run.revision.commit not in (None, commit):
        raise UsageError(
            f"the run of {run.revision} is not of {commit[:12]}: its file names the commit itself",
            hint="take --commit away",
        )
    return replace(run, revision=replace(run.revision, commit=commit))


def read(path: Path, *, reader: str | None = None, suite: str | None = None, commit: str | None = None) -> Run:
    """Return the run in a file of any known format; `-` is standard input.

    Args:
        reader: the format, told by its shape where none is given.
        suite: what its suite is called; else what its reader calls it.
        commit: the revision, in the repository of the current directory, that it is of.
    """
    run = load_run(path, reader=reader)
    if commit is not None:
        with Interrupts() as interrupts:
            run = of_commit(run, str(Repository(Path.cwd(), interrupts=interrupts).revision(commit).commit))
    return run if suite is None else _renamed(run, suite)


def table() -> str:
    """Return all formats and what each can say, as a Markdown table."""
    rows = ["| format | name | made by | processes | values | metrics | environment |", "|---|---|---|---|---|---|---|"]
    for name in registry.readers():
        says = registry.reader_named(name).says
        cells = [
            says.title,
            f"`{name}`",
            f"`{says.made_by}`",
            says.processes,
            says.values,
            says.metrics,
            says.environment,
        ]
        rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(rows)


def _renamed(run: Run, suite: str) -> Run:
    def named(benchmark: Benchmark) -> Benchmark:
        return replace(benchmark, suite=suite)

    return replace(
        run,
        samples=tuple(replace(s, sli=replace(s.sli, benchmark=named(s.sli.benchmark))) for s in run.samples),
        failures=tuple(replace(failure, benchmark=named(failure.benchmark)) for failure in run.failures),
        offered=tuple(map(named, run.offered)),
        described=tuple(replace(each, benchmark=named(each.benchmark)) for each in run.described),
        distributions=tuple(replace(each, benchmark=named(each.benchmark)) for each in run.distributions),
    )
