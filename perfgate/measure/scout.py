"""The first process of each side: what is there to measure, how long it takes, whose code it runs.

Not pinned, so that a benchmark that keeps several CPUs busy shows it; its numbers are not kept.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
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
    elsewhere: int = 0
    """How many more there are, which other jobs measure."""
    python: tuple[tuple[str, str], ...]
    errors: tuple[str, ...] = ()
    """What could not be collected, in the tool's words."""
    iteration_s: dict[str, float] = field(default_factory=dict)
    cpus: dict[str, float] = field(default_factory=dict)
    """How many CPUs each benchmark keeps busy."""
    most: dict[str, int | None] = field(default_factory=dict)
    """How often a benchmark may be run in one process; None is unbounded."""
    about: dict[str, dict[str, str]] = field(default_factory=dict)
    """What a benchmark's author says of it, where anything."""
    journey: Journey = field(default_factory=Journey)
    watched: tuple[str, ...] = ()
    """Modules whose origin was asked for."""
    origins: dict[str, str] = field(default_factory=dict)
    """Top-level module to the file it was imported from."""
    packages: dict[str, str] = field(default_factory=dict)
    """What is installed beside the project: distribution to version."""


def survey(
    launch: Launch,
    draw: PairDraw,
    *,
    calibrate: bool,
    watch: Sequence[str],
    timeout_s: float,
    mark: str,
    interrupts: Interrupts,
    wanted: Callable[[str], bool] = lambda name: True,
) -> Survey:
    """Ask a fresh process what it offers and, with `calibrate`, run each benchmark for a few milliseconds.

    Args:
        wanted: a benchmark's name to whether it is this job's.
    """
    found: Survey | None = None
    left: Sequence[str] | None = None
    while found is None or left:
        with crew([(launch, environ_of(draw))], mark=mark, interrupts=interrupts) as people:
            people.meet()
            found = found or _offered(people, watch, wanted)
            left = (found.names if calibrate else ()) if left is None else left
            visit = _calibration(people, found, timeout_s)
            journey = people.travel(left, visit, cpu=None, watch=watch, timeout_s=timeout_s)
        found.origins.update(journey.modules)
        for bye in journey.byes:
            found.packages.update(bye.get("packages", {}))
        found.journey.troubles.update(journey.troubles)
        left = left[len(journey.visited) :]
    return found


def _offered(people: Crew, watch: Sequence[str], wanted: Callable[[str], bool]) -> Survey:
    offer, hello = people.offers[0], people.hellos[0]
    names = tuple(name for name in offer["benchmarks"] if wanted(name))
    return Survey(
        names=names,
        elsewhere=len(offer["benchmarks"]) - len(names),
        watched=tuple(watch),
        errors=tuple(offer["errors"]),
        python=tuple((str(name), str(value)) for name, value in hello["python"].items()),
    )


def _calibration(people: Crew, found: Survey, timeout_s: float) -> Visit:
    def visit(name: str, states: Sequence[Message]) -> None:
        # At least two turns: the first says nothing.
        answer = people.ask(0, do="calibrate", turn_s=TURN_S, timeout_s=2 * timeout_s)
        check_values(0, answer["values"])
        found.iteration_s[name] = answer["iteration_s"]
        found.cpus[name] = answer["cpus"]
        found.most[name] = states[0].get("most")
        if about := states[0].get("about"):
            found.about[name] = about

    return visit


def project_modules(files: Sequence[str]) -> tuple[str, ...]:
    """Return the top-level modules that a tree with these files defines: at its root or below `src`."""
    found = set()
    for file in files:
        parts = PurePosixPath(file).parts
        parts = parts[1:] if parts[0] in ("src", "python", "lib") and len(parts) > 1 else parts
        if parts[-1].endswith((".py", ".so", ".pyd", ".pyx", ".c", ".rs")):
            found.add(parts[0].partition(".")[0] if len(parts) == 1 else parts[0])
    return _modules(found)


def nested_modules(files: Sequence[str]) -> tuple[str, ...]:
    """Return the packages that a tree may define deeper down: its own, or a copy of somebody else's."""
    packages = {path.parent for file in files if (path := PurePosixPath(file)).name == "__init__.py"}
    return _modules(package.name for package in packages if package.parent not in packages)


def _modules(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(name for name in set(names) if name.isidentifier() and _is_code(name)))


def _is_code(module: str) -> bool:
    """Return whether a module of this name may be what is measured, and not what measures it."""
    return module not in NOT_THE_PROJECT and not module.startswith("test_") and not module.endswith("_test")


def check_provenance(
    sides: tuple[PreparedSide, PreparedSide],
    origins: tuple[Mapping[str, str], Mapping[str, str]],
    *,
    modules: Sequence[str],
    shared: Sequence[str],
    checkout: Path,
) -> None:
    """Refuse to compare when a side did not run its own code, which looks like a clean pass.

    An editable install or a stray path makes base import head's modules; so does a directory of benchmarks that is
    taken from head for both sides and holds the library too.

    Args:
        sides, origins: of base and head; top-level module to the file it came from.
        modules: those that are surely the project's, wherever they came from.
        shared: paths that base got from head; none where each side ran its own benchmarks.
        checkout: the user's own, which neither side may run.

    Raises: ProvenanceError with the paths.
    """
    labelled = list(zip(("base", "head"), sides, origins, strict=True))
    elsewhere = [checkout.resolve(), *(side.directory.resolve() for side in sides)]
    strays = [
        f"{label} ran {module} from {path}, not from {side.directory}"
        for label, side, found in labelled
        for module, path in sorted(found.items())
        if not Path(path).is_relative_to(side.directory.resolve())
        and (module in modules or any(Path(path).is_relative_to(place) for place in elsewhere))
    ]
    if strays:
        raise ProvenanceError("the sides did not run their own code:\n  " + "\n  ".join(strays), hint=_OWN_ENVIRONMENT)
    for label, side, found in labelled:
        inside = {name: Path(path) for name, path in found.items() if _is_code(name)}
        own = {name: path for name, path in inside.items() if path.is_relative_to(side.directory.resolve())}
        roots = [Path(side.place.root).resolve() / path for path in shared]
        both = sorted(name for name, path in own.items() if any(path.is_relative_to(root) for root in roots))
        if len(both) < len(own) or not shared:
            continue
        if both:
            raise ProvenanceError(
                f"{label} ran no code of its own: {', '.join(both)} lies in {', '.join(shared)}, which both sides take "
                "from head as their benchmarks",
                hint='name the benchmark files alone in suite.*.paths, or set benchmarks-from = "each"',
            )
        raise ProvenanceError(
            f"{label} ran no code of its own: its benchmarks imported no module of this repository",
            hint=f'{_OWN_ENVIRONMENT}; where the benchmark files hold the code itself: benchmarks-from = "each"',
        )


_OWN_ENVIRONMENT = (
    'give each side its own environment, in perfgate.toml: [build] setup = ["python -m pip install -e ."]'
)


def refuse_collection_errors(label: str, found: Survey) -> None:
    """Raise MeasureError where `label` has benchmark files that cannot be read: a loss must not go unseen."""
    if found.errors:
        raise MeasureError(f"{label} has benchmarks that cannot be collected:\n" + "\n".join(found.errors))
