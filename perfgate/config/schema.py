"""The keys of perfgate.toml, their types, defaults and documentation, in one place.

The reference in docs/configuration.md, `perfgate config schema` and every error message come from here.
"""

from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from perfgate.config.probe import LoadSuite
from perfgate.config.section import (
    CommandLine,
    Duration,
    Glob,
    LockFile,
    Quantity,
    RelativePath,
    Section,
    Share,
    checked,
    for_a_shell,
)
from perfgate.core.model import METRICS, Direction, Kind
from perfgate.core.policy import FAMILY_LEVEL, MARGIN, MAX_SKIPPED, STRICT_LEVEL, Acceptance, Policy, Rule, Statement
from perfgate.core.units import Unit, parse_quantity, parse_share, unit_of

Answer = Literal["pass", "fail"]


class Perfgate(Section):
    """How much to spend and how sure to be."""

    budget: Duration = "10m"
    """Measuring time of one run, both sides together. What is settled early stops early."""
    rotate: bool = False
    """If the budget does not hold a large suite, measure a different part of it in each run instead of the quickest
    benchmarks."""
    strictness: Literal["normal", "strict"] = "normal"
    """`normal`: about 4 s a benchmark at most and one false block in 100 runs that change nothing (the margin makes it
    rarer); `strict`: 10 s and one in 1,000."""
    canary: bool = True
    """Whether base is measured against itself beside the rest, in six short pairs: where it differs from itself, the
    run is invalid, and nobody is blamed."""
    effort: Duration | None = None
    """Measuring time of one benchmark at most, both sides; default by strictness. More shows smaller changes.
    Where it would not do for 30 pairs, an undecided benchmark may take up to four times as long."""
    margin: Share = f"{100 * MARGIN:g}%"
    """A regression is certainly more than this, whatever its limit: what an edit that changes nothing may do."""
    results_branch: str = Field("perfgate-results", alias="results-branch", pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")
    """The branch of the remote that stored runs are kept on."""
    expect: tuple[str, ...] = ()
    """Benchmarks (`suite/name`, with `*`) that must be measured. What base has by the same paths always must be."""
    retired: tuple[str, ...] = ()
    """Benchmarks that may vanish without being reported as missing."""
    accept_label: str = Field("perfgate: accept", alias="accept-label")
    """A pull request with this label loses nothing by what got worse or went missing; empty switches that off."""


class Build(Section):
    """How each side is prepared, in its own git worktree."""

    setup: tuple[str, ...] = ()
    """Shell commands, run in the worktree inside a fresh virtual environment, e.g. `python -m pip install -e .`"""
    lock: LockFile | None = None
    """A lock file, as in `"uv.lock"`: the setup commands install the versions in it, which pip and uv get as
    constraints. Default: the newest versions."""
    isolate: Literal["auto", "venv", "none"] = "auto"
    """`venv`: a fresh virtual environment a side; `none`: the current one, with the worktree first on the path;
    `auto`: `venv` where there are setup commands."""
    python: str | None = None
    """The interpreter. Default: the active virtual environment's, else the project's .venv, else in a GitHub Actions
    job the `python` on the path, else perfgate's own; where setup commands run and the project's `requires-python`
    excludes that, another one of this machine."""


class SideTable(Section):
    """What one side has of its own beside its commit: two interpreters, two releases of a dependency, two settings."""

    setup: tuple[str, ...] | None = None
    """Setup commands in place of those of `[build]`."""
    python: str | None = None
    """The interpreter in place of that of `[build]`."""
    environment: dict[str, str] = {}
    """Variables for its setup commands and its processes: NAME = "value"."""


class _SuiteBase(Section):
    timeout: Duration = "60s"
    """How long a benchmark may be silent: its fixtures, one turn. Then it has failed."""
    design: Literal["turns", "sequential"] = "turns"
    """`sequential` where two copies cannot be alive at once (a fixed port, one device): about 2.5 times the time."""


class _CountingSuite(_SuiteBase):
    exclude: tuple[str, ...] = ()
    """Benchmarks that are left out, by their whole names without the suite's; `*` is anything, `?` one character. The
    report counts them."""
    metrics: tuple[Literal["instructions", "calls", "allocations", "peak-memory", "queries"], ...] = ()
    """What is counted beside the time, exactly, in processes of its own: see docs/exact.md."""


class PytestSuite(_CountingSuite):
    """Benchmarks written for pytest-benchmark or pytest-codspeed."""

    runner: Literal["pytest-benchmark"] = "pytest-benchmark"
    """Which harness runs the suite."""
    paths: tuple[RelativePath, ...] = ()
    """Files or directories with the benchmarks, taken from head for both sides. Default: wherever pytest finds some."""
    select: str | None = None
    """An expression as for `pytest -k`."""
    markers: str | None = None
    """An expression as for `pytest -m`."""
    args: tuple[str, ...] = ()
    """Further arguments for pytest."""
    benchmarks_from: Literal["head", "each"] = Field("head", alias="benchmarks-from")
    """`each`: every side runs its own benchmark files."""


class PyperfSuite(_CountingSuite):
    """Scripts written for pyperf's `Runner`, measured in pairs that take turns in place of pyperf's own processes."""

    runner: Literal["pyperf"]
    """Which harness runs the suite."""
    paths: tuple[RelativePath, ...] = Field(min_length=1)
    """The scripts, taken from head for both sides."""
    args: tuple[str, ...] = ()
    """Arguments for the scripts, their own or pyperf's."""
    benchmarks_from: Literal["head", "each"] = Field("head", alias="benchmarks-from")
    """`each`: every side runs its own scripts."""


class CommandSuite(_SuiteBase):
    """Command lines as benchmarks: each gives its `time`, and its `cpu` and `peak-memory`, which a rule may name."""

    runner: Literal["command"]
    """Which harness runs the suite."""
    benchmarks: dict[str, CommandLine] = Field(min_length=1)
    """Name to command line. Split as a shell would, run without one, in the side's directory; must exit with 0."""
    metrics: tuple[Literal["instructions"], ...] = ()
    """What is counted beside the time, exactly, of a command and its children: see docs/exact.md."""
    reads: str | None = None
    """The commands are benchmark programs themselves: what they print is a result file of this format
    (`perfgate convert --list`), and its benchmarks are compared, a run of each side a pair."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        """Refuse to count the instructions of programs that measure themselves."""
        if self.reads and self.metrics:
            raise ValueError("reads and metrics exclude each other: what is read says its own metrics")
        return self


class SizeSuite(Section):
    """Sizes of what the setup commands of `[build]` made: wheels, bundles, a program's output."""

    runner: Literal["size"]
    """Which harness runs the suite."""
    benchmarks: dict[str, Glob] = Field(min_length=1)
    """Name to files in the side's directory, as in `dist/*.whl` or `build/**`: their bytes together are its `bytes`."""


AnySuite = PytestSuite | PyperfSuite | CommandSuite | SizeSuite | LoadSuite
Suite = Annotated[AnySuite, Field(discriminator="runner")]


def _one_suite() -> dict[str, AnySuite]:
    return {"benchmarks": PytestSuite()}


class Baseline(Section):
    """Stored runs: where they are kept and what they may do."""

    directory: str | None = None
    """Keep stored runs in this directory instead of on a branch; relative to the root, or absolute. git ignores it."""
    remote: str | None = None
    """The remote that has the results branch. Default: origin, else the only one."""
    max_age: Duration = Field("30d", alias="max-age")
    """An older baseline gets a warning; a benchmark that was not recorded for so long fails the record."""
    trust_times: bool = Field(False, alias="trust-times")
    """Whether a time may block against stored runs: only where the machine is always the same and idle."""


def _objective(text: str) -> None:
    if parse_share(text) >= 1:
        raise ValueError(f"{text!r} leaves no budget: below 100% is wanted")


class History(Section):
    """What `perfgate history` watches for."""

    releases: str = "v*"
    """Tags of releases, as a glob: drift is counted from the last one."""
    drift: Share = "10%"
    """How much worse than at the last release many small changes together may make a benchmark."""
    objective: Annotated[str, checked(_objective), Field(examples=["95%"])] = "95%"
    """How many of the stored runs must keep the SLO of their rule: the others are its error budget."""


class RuleTable(Section):
    """What SLIs may lose; the first rule whose `sli` matches counts. Behind yours stand perfgate's: `*:time` with 5 %,
    and what docs/exact.md and docs/load.md name for other metrics."""

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        """Refuse a floor or an SLO in a unit that the rule's own metric is never in."""
        metric = METRICS.get(self.sli.rpartition(":")[2])
        if self.better and metric is not None and metric.direction != self.better:
            raise ValueError(f"better = {self.better!r}, but {metric.name} is better when it is {metric.direction}")
        for key, text in (("floor", self.floor), ("slo", self.slo)):
            if text and metric is not None and unit_of(text) is not metric.unit:
                raise ValueError(f"{key} {text!r} is in another unit than {metric.name}, which is in {metric.unit}")
        return self

    sli: str = Field(min_length=1)
    """Which SLIs (`suite/name:metric`): `*` is anything, `?` one character, everything else itself. What is
    judged only by name (`cpu`, `peak-memory`, `latency.p99` …) needs the metric written out: `*:cpu`."""
    limit: Share = "5%"
    """Head may be worse than base by this."""
    floor: Quantity | None = None
    """A change smaller than this, in the metric's unit, never counts."""
    slo: Quantity | None = None
    """Head must not be worse than this, in the metric's unit, whatever base is: `slo = "200ms"`. What base misses as
    surely does not block."""
    better: Literal["lower", "higher"] | None = None
    """Which way is better, for a metric that perfgate does not know and whose file does not say it."""
    critical: bool = True
    """Blocks; `false` only warns."""
    on_inconclusive: Answer = Field("pass", alias="on-inconclusive")
    """`fail`: an answer that could not be given blocks too, with exit code 4."""
    until: date | None = None
    """The last day on which it counts, as in `2027-01-31`; after it the next rule does. With `critical = false` a
    quarantine."""
    max_skipped: Share = Field(f"{100 * MAX_SKIPPED:g}%", alias="max-skipped")
    """The share of a suite's benchmarks that may be skipped on both sides before the report's first line says so."""

    def rule(self) -> Rule:
        """Return the rule in base units."""
        unit = unit_of(self.floor) if self.floor else None
        slo_unit = unit_of(self.slo) if self.slo else None
        return Rule(
            sli=self.sli,
            limit=parse_share(self.limit),
            floor=parse_quantity(self.floor, unit) if self.floor and unit else 0.0,
            floor_unit=unit,
            slo=parse_quantity(self.slo, slo_unit) if self.slo and slo_unit else None,
            slo_unit=slo_unit,
            critical=self.critical,
            on_inconclusive=self.on_inconclusive == "fail",
            until=self.until.isoformat() if self.until else "",
            max_skipped=parse_share(self.max_skipped),
            better=Direction(self.better) if self.better else None,
        )


class MetricTable(Section):
    """What a metric is that perfgate does not know, by its name (the part of an SLI behind the colon)."""

    better: Literal["lower", "higher"] | None = None
    """Which way is better. Without it a result file may say it, or its unit; else perfgate guesses `lower`, says so in
    the report, and calls nothing improved."""
    unit: Literal["s", "B", "1/s", "share", "1"] | None = None
    """What its values are in: seconds, bytes, per second, a share (0.01 reads 1 %), or none of these."""
    kind: Literal["noisy", "exact"] | None = None
    """`exact`: the same code always gives the same value, so that any difference beyond the limit counts."""

    def statement(self, name: str) -> Statement:
        """Return what is stated of the metric `name`."""
        return Statement(
            metric=name,
            better=Direction(self.better) if self.better else None,
            unit=Unit(self.unit) if self.unit else None,
            kind=Kind(self.kind) if self.kind else None,
        )


class AcceptTable(Section):
    """A regression that is meant: reviewed, bounded, and only for a time. On a pull request, its base's count."""

    sli: str = Field(min_length=1)
    """Which SLIs, as in a rule."""
    up_to: Share = Field(alias="up-to")
    """Head may be worse than base by this."""
    reason: str = Field(min_length=1)
    """Why; shown in every report until then."""
    until: date
    """The last day on which it counts, as in `2027-01-31`."""
    who: str = ""
    """Who stands for it."""

    def acceptance(self) -> Acceptance:
        """Return the acceptance in base units."""
        return Acceptance(
            sli=self.sli,
            up_to=parse_share(self.up_to),
            reason=self.reason,
            until=self.until.isoformat(),
            who=self.who,
        )


class Config(Section):
    """A whole perfgate.toml."""

    perfgate: Perfgate = Perfgate()
    build: Build = Build()
    sides: dict[Literal["base", "head"], SideTable] = {}
    suite: dict[str, Suite] = Field(default_factory=_one_suite, min_length=1)
    baseline: Baseline = Baseline()
    history: History = History()
    environment: dict[str, str] = {}
    """What else makes runs comparable, beside CPU, cores, kernel, libc, Python and runner image: name = "value"."""
    rule: tuple[RuleTable, ...] = ()
    metric: dict[str, MetricTable] = {}
    """Metrics that perfgate does not know."""
    accept: tuple[AcceptTable, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _default_runner(cls, data: Any) -> Any:
        """Let a suite without `runner` be pytest's, as its default says; the discriminator needs it written."""
        suites = data.get("suite") if isinstance(data, dict) else None
        if not isinstance(suites, dict):
            return data
        written = {
            name: {"runner": "pytest-benchmark", **suite} if isinstance(suite, dict) else suite
            for name, suite in suites.items()
        }
        return {**data, "suite": written}

    @model_validator(mode="after")
    def _known_suites(self) -> Self:
        """Refuse a rule or an acceptance for a suite that is not configured: its limit would be void unseen."""
        for glob in (*(table.sli for table in self.rule), *(table.sli for table in self.accept)):
            suite, slash, _ = glob.partition("/")
            if slash and not set("*?") & set(suite) and suite not in self.suite:
                raise ValueError(f"{glob!r} speaks of a suite that is none of {', '.join(self.suite)}")
        return self

    @model_validator(mode="after")
    def _unknown_metrics(self) -> Self:
        """Refuse to state what a metric is that perfgate knows."""
        if known := [name for name in self.metric if name in METRICS]:
            raise ValueError(f"[metric.{known[0]}]: perfgate knows {known[0]} itself; take the table out")
        return self

    def doubts(self) -> tuple[str, ...]:
        """Return what is allowed and probably not meant, in sentences."""
        found = []
        for name, suite in self.suite.items():
            lines = dict(suite.benchmarks) if isinstance(suite, CommandSuite) else {}
            if isinstance(suite, LoadSuite):
                lines = {key: line for key in ("command", "prepare") if (line := getattr(suite, key))}
            for key, line in lines.items():
                if words := for_a_shell(line):
                    found.append(
                        f"suite {name}, {key}: this command line is not run by a shell, so the program receives "
                        f"{words[0]} literally; to use a shell, write sh -c '…'"
                    )
        return tuple(found)

    def policy(self, *, today: str = "") -> Policy:
        """Return what judging on the day `today` needs, the default rule last so that no time goes unjudged."""
        strict = self.perfgate.strictness == "strict"
        return Policy(
            rules=(*(table.rule() for table in self.rule), *Policy().rules),
            expect=self.perfgate.expect,
            retired=self.perfgate.retired,
            family_level=STRICT_LEVEL if strict else FAMILY_LEVEL,
            margin=parse_share(self.perfgate.margin),
            accept=tuple(table.acceptance() for table in self.accept),
            today=today or datetime.now(UTC).date().isoformat(),
            trust_stored=self.baseline.trust_times,
            metrics=tuple(table.statement(name) for name, table in self.metric.items()),
        )
