"""The first process of each side: what is there to measure, how long it takes, whose code it runs.

Not pinned, so that a benchmark that keeps several CPUs busy shows it; its numbers are not kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from perfgate.core.ports import Launch
from perfgate.core.schedule import TURN_S, PairDraw
from perfgate.errors import MeasureError, ProvenanceError
from perfgate.host.agent import Message
from perfgate.host.interrupt import Interrupts
from perfgate.measure.crew import Crew, Journey, Visit, crew
from perfgate.measure.sides import PreparedSide
from perfgate.measure.turns import check_values, environ_of

NOT_THE_PROJECT = {
    "tests",
    "test",
    "benchmarks",
    "benchmark",
    "bench",
    "docs",
    "examples",
    "setup",
    "conftest",
}


@dataclass(slots=True, kw_only=True)
class Survey:
    """What a scout saw on one side."""

    names: tuple[str, ...]
    """Benchmarks on offer, in the order of their files."""
    python: tuple[tuple[str, str], ...]
    errors: tuple[str, ...] = ()
    """What could not be collected, in the tool's words."""
    iteration_s: dict[str, float] = field(default_factory=dict)
    cpus: dict[str, float] = field(default_factory=dict)
    """How many CPUs each benchmark keeps busy."""
    most: dict[str, int | None] = field(default_factory=dict)
    """How often a benchmark may be run in one process; None is unbounded."""
    journey: Journey = field(default_factory=Journey)
    origins: dict[str, str] = field(default_factory=dict)
    """Top-level module to the file it was imported from."""


def survey(
    launch: Launch,
    draw: PairDraw,
    *,
    calibrate: bool,
    watch: Sequence[str],
    timeout_s: float,
    mark: str,
    interrupts: Interrupts,
) -> Survey:
    """Ask a fresh process what it offers and, with `calibrate`, run each benchmark for a few milliseconds."""
    found: Survey | None = None
    left: Sequence[str] | None = None
    while found is None or left:
        with crew([(launch, environ_of(draw))], mark=mark, interrupts=interrupts) as people:
            people.meet()
            found = found or _offered(people)
            left = (found.names if calibrate else ()) if left is None else left
            visit = _calibration(people, found, timeout_s)
            journey = people.travel(left, visit, cpu=None, watch=watch, timeout_s=timeout_s)
        for bye in journey.byes:
            found.origins.update(bye.get("modules", {}))
        found.journey.troubles.update(journey.troubles)
        left = left[len(journey.visited) :]
    return found


def _offered(people: Crew) -> Survey:
    offer, hello = people.offers[0], people.hellos[0]
    return Survey(
        names=tuple(offer["benchmarks"]),
        errors=tuple(offer["errors"]),
        python=tuple((str(name), str(value)) for name, value in hello["python"].items()),
    )


def _calibration(people: Crew, found: Survey, timeout_s: float) -> Visit:
    def visit(name: str, states: Sequence[Message]) -> None:
        answer = people.ask(0, do="calibrate", turn_s=TURN_S, timeout_s=timeout_s)
        check_values(0, answer["values"])
        found.iteration_s[name] = answer["iteration_s"]
        found.cpus[name] = answer["cpus"]
        found.most[name] = states[0].get("most")

    return visit


def project_modules(files: Sequence[str]) -> tuple[str, ...]:
    """Return the top-level modules that a tree with these files may define: at its root or below `src`."""
    found = set()
    for file in files:
        parts = PurePosixPath(file).parts
        parts = parts[1:] if parts[0] in ("src", "python", "lib") and len(parts) > 1 else parts
        if not parts[-1].endswith((".py", ".so", ".pyd", ".pyx", ".c", ".rs")):
            continue
        name = parts[0].removesuffix(".py") if len(parts) == 1 else parts[0]
        if name.isidentifier() and name not in NOT_THE_PROJECT and not name.startswith("test_"):
            found.add(name)
    return tuple(sorted(found))


def check_provenance(
    base: PreparedSide, head: PreparedSide, origins: tuple[Mapping[str, str], Mapping[str, str]]
) -> None:
    """Refuse to compare when a side imported the project's code from anywhere but its own directory.

    An editable install or a stray path makes base run head's code, which looks like a clean pass.

    Raises: ProvenanceError with the paths.
    """
    sides = (("base", base, origins[0]), ("head", head, origins[1]))
    strays = [
        f"{label} imported {module} from {path}, not from {side.directory}"
        for label, side, found in sides
        for module, path in sorted(found.items())
        if not Path(path).is_relative_to(side.directory.resolve())
    ]
    if strays:
        raise ProvenanceError(
            "the sides did not run their own code:\n  " + "\n  ".join(strays),
            hint='give each side its own environment, in perfgate.toml: [build] setup = ["python -m pip install -e ."]',
        )


def refuse_collection_errors(label: str, found: Survey) -> None:
    """Raise MeasureError where `label` has benchmark files that cannot be read: a loss must not go unseen."""
    if found.errors:
        raise MeasureError(f"{label} has benchmarks that cannot be collected:\n" + "\n".join(found.errors))
