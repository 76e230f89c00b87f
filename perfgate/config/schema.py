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
    """Time and confidence of a comparison, and what every suite shares."""

    budget: Duration = "10m"
    """Measuring time of one run at most, both sides together. Decided benchmarks stop early."""
    rotate: bool = False
    """If the budget does not hold a large suite, measure a different part of it in each run instead of the quickest
    benchmarks."""
    strictness: Literal["normal", "strict"] = "normal"
    """`normal`: at most about 4 s a benchmark, and 1 in 100 runs that change nothing is blocked at most (the margin
    makes it rarer); `strict`: 10 s, and 1 in 1,000."""
    canary: bool = True
    """Also measure base against itself, in six short pairs. If it differs from itself, the machine was disturbed: the
    run is invalid, and its results from pairs are inconclusive."""
    effort: Duration | None = None
    """Measuring time of one benchmark at most, both sides together. The default follows from the strictness; more time
    detects smaller changes. An undecided benchmark too slow for 30 pairs may take up to four times as long."""
    margin: Share = f"{100 * MARGIN:g}%"
    """The smallest slowdown that is ever a regression, whatever the limit: an edit that changes nothing can cause this
    much."""
    results_branch: str = Field("perfgate-results", alias="results-branch", pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")
    """The branch of the remote that holds the stored runs."""
    expect: tuple[str, ...] = ()
    """Benchmarks (`suite/name`, with `*`) that must be measured. Everything that base has under the same paths is
    always expected."""
    retired: tuple[str, ...] = ()
    """Benchmarks that may disappear without being reported as missing."""
    accept_label: str = Field("perfgate: accept", alias="accept-label")
    """Regressions and missing benchmarks do not block a pull request with this label. Empty disables it."""


class Build(Section):
    """How perfgate prepares each side, in a checkout of its own."""

    setup: tuple[str, ...] = ()
    """Shell commands, run in the checkout with a fresh virtual environment active, as in `python -m pip install -e
    .`"""
    lock: LockFile | None = None
    """A lock file, as in `"uv.lock"`. pip and uv get its versions as constraints, so the setup commands install these.
    Default: the newest versions."""
    isolate: Literal["auto", "venv", "none"] = "auto"
    """`venv`: a fresh virtual environment for each side; `none`: the current one, with the checkout first on the path;
    `auto`: `venv` if there are setup commands."""
    python: str | None = None
    """The interpreter. Default: that of the active virtual environment; else of the project's .venv; else, in a GitHub
    Actions job, the `python` on the path; else perfgate's own. If there are setup commands and the project's
    `requires-python` excludes that one, perfgate looks for another on this machine."""


class SideTable(Section):
    """What differs between the sides in addition to the commit: two interpreters, two releases of a dependency, two
    settings."""

    setup: tuple[str, ...] | None = None
    """Setup commands, instead of those of `[build]`."""
    python: str | None = None
    """The interpreter, instead of that of `[build]`."""
    environment: dict[str, str] = {}
    """Environment variables of its setup commands and its processes: NAME = "value"."""


class _SuiteBase(Section):
    timeout: Duration = "60s"
    """A benchmark fails if it makes no progress for this long (its fixtures, or one turn)."""
    design: Literal["turns", "sequential"] = "turns"
    """`sequential`: base and head run one after the other. Use it if two copies of a benchmark cannot run at once (they
    need the same port or device); it takes about 2.5 times as long."""


class _CountingSuite(_SuiteBase):
    exclude: tuple[str, ...] = ()
    """Benchmarks to leave out, by their whole name without the suite; `*` matches anything, `?` one character. The
    report gives their number."""
    metrics: tuple[Literal["instructions", "calls", "allocations", "peak-memory", "queries"], ...] = ()
    """Exact metrics to count in addition to the time, in separate processes: see docs/exact.md."""


class PytestSuite(_CountingSuite):
    """Benchmarks written for pytest-benchmark or pytest-codspeed."""

    runner: Literal["pytest-benchmark"] = "pytest-benchmark"
    """The harness that runs the suite."""
    paths: tuple[RelativePath, ...] = ()
    """Files or directories with the benchmarks; both sides run head's. Default: wherever pytest finds benchmarks."""
    select: str | None = None
    """An expression, as in `pytest -k`."""
    markers: str | None = None
    """An expression, as in `pytest -m`."""
    args: tuple[str, ...] = ()
    """Further arguments for pytest."""
    benchmarks_from: Literal["head", "each"] = Field("head", alias="benchmarks-from")
    """`head`: both sides run head's benchmark files; `each`: each side runs its own."""


class PyperfSuite(_CountingSuite):
    """Scripts written for pyperf's `Runner`. perfgate measures them in pairs that take turns, instead of in pyperf's
    own processes."""

    runner: Literal["pyperf"]
    """The harness that runs the suite."""
    paths: tuple[RelativePath, ...] = Field(min_length=1)
    """The scripts; both sides run head's."""
    args: tuple[str, ...] = ()
    """Arguments of the scripts, their own or pyperf's."""
    benchmarks_from: Literal["head", "each"] = Field("head", alias="benchmarks-from")
    """`head`: both sides run head's scripts; `each`: each side runs its own."""


class CommandSuite(_SuiteBase):
    """Command lines as benchmarks. Each has a `time`, and also `cpu` and `peak-memory`, which are judged if a rule
    names them."""

    runner: Literal["command"]
    """The harness that runs the suite."""
    benchmarks: dict[str, CommandLine] = Field(min_length=1)
    """Name to command line. It is split into words as a shell would, but not run by a shell; it runs in the side's
    checkout, and must exit with 0."""
    metrics: tuple[Literal["instructions"], ...] = ()
    """Exact metrics of the command and its children, in addition to the time: see docs/exact.md."""
    reads: str | None = None
    """The commands are benchmark programs that print results in this format (`perfgate convert --list`). perfgate
    compares the benchmarks in their output; one run of each side is a pair."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        """Refuse to count the instructions of programs that measure themselves."""
        if self.reads and self.metrics:
            raise ValueError("reads and metrics exclude each other: what is read says its own metrics")
        return self


class SizeSuite(Section):
    """Sizes of the files that the setup commands of `[build]` produce: wheels, bundles, a program's output."""

    runner: Literal["size"]
    """The harness that runs the suite."""
    benchmarks: dict[str, Glob] = Field(min_length=1)
    """Name to files in the side's checkout, as in `dist/*.whl` or `build/**`. The metric `bytes` is their total
    size."""


AnySuite = PytestSuite | PyperfSuite | CommandSuite | SizeSuite | LoadSuite
Suite = Annotated[AnySuite, Field(discriminator="runner")]


def _one_suite() -> dict[str, AnySuite]:
    return {"benchmarks": PytestSuite()}


class Baseline(Section):
    """Where stored runs are kept, and what they may decide."""

    directory: str | None = None
    """Keep stored runs in this directory instead of on a branch. Relative to the root, or absolute; git ignores it."""
    remote: str | None = None
    """The remote with the results branch. Default: origin, else the only remote."""
    max_age: Duration = Field("30d", alias="max-age")
    """perfgate warns about a baseline older than this; `record` fails if a benchmark has not been recorded for this
    long."""
    trust_times: bool = Field(False, alias="trust-times")
    """Let times block when compared with stored runs. Only for a machine that is always the same and idle."""


def _objective(text: str) -> None:
    if parse_share(text) >= 1:
        raise ValueError(f"{text!r} leaves no budget: below 100% is wanted")


class History(Section):
    """What `perfgate history` checks."""

    releases: str = "v*"
    """Glob of the release tags. Drift is counted from the last release."""
    drift: Share = "10%"
    """How much worse than at the last release a benchmark may get by many small changes together."""
    objective: Annotated[str, checked(_objective), Field(examples=["95%"])] = "95%"
    """Share of the stored runs that must meet the SLO of their rule. The rest is its error budget."""


class RuleTable(Section):
    """How much each SLI may get worse. The first rule whose `sli` matches applies. perfgate's own rules come after
    yours: `*:time` with 5 %, and those that docs/exact.md and docs/load.md list for other metrics."""

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
    """The SLIs (`suite/name:metric`): `*` matches anything, `?` one character, everything else itself. Some metrics
    (`cpu`, `peak-memory`, `latency.p99` …) are judged only by a rule that names them: `*:cpu`."""
    limit: Share = "5%"
    """How much worse than base head may be."""
    floor: Quantity | None = None
    """A smaller change never counts; in the metric's unit."""
    slo: Quantity | None = None
    """An absolute bound for head, in the metric's unit: `slo = "200ms"`. It does not block if base misses it too."""
    better: Literal["lower", "higher"] | None = None
    """Which way is better, for a metric that perfgate does not know and whose file does not say."""
    critical: bool = True
    """Whether a regression blocks; `false` only warns."""
    on_inconclusive: Answer = Field("pass", alias="on-inconclusive")
    """`fail`: an inconclusive result blocks as well, with exit code 4."""
    until: date | None = None
    """The last day on which the rule applies, as in `2027-01-31`. After that the next matching rule does. With
    `critical = false` this is a quarantine."""
    max_skipped: Share = Field(f"{100 * MAX_SKIPPED:g}%", alias="max-skipped")
    """If a larger share of a suite's benchmarks is skipped on both sides, the report's first line says so."""

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
    """Describes a metric that perfgate does not know. NAME is the part of an SLI after the colon."""

    better: Literal["lower", "higher"] | None = None
    """Which way is better. Default: as the result file says, or as the unit implies. Otherwise perfgate guesses
    `lower`, says so in the report, and reports no improvement."""
    unit: Literal["s", "B", "1/s", "share", "1"] | None = None
    """The unit of its values: seconds, bytes, per second, a share (0.01 is 1 %), or none of these."""
    kind: Literal["noisy", "exact"] | None = None
    """`exact`: the same code always gives the same value, so every difference beyond the limit counts."""

    def statement(self, name: str) -> Statement:
        """Return what is stated of the metric `name`."""
        return Statement(
            metric=name,
            better=Direction(self.better) if self.better else None,
            unit=Unit(self.unit) if self.unit else None,
            kind=Kind(self.kind) if self.kind else None,
        )


class AcceptTable(Section):
    """An intended regression: reviewed, with a bound and a last day. On a pull request, the entries of its base
    apply."""

    sli: str = Field(min_length=1)
    """The SLIs, as in a rule."""
    up_to: Share = Field(alias="up-to")
    """How much worse than base head may be."""
    reason: str = Field(min_length=1)
    """The reason; every report shows it until then."""
    until: date
    """The last day on which it applies, as in `2027-01-31`."""
    who: str = ""
    """The person who decided it."""

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
    """Further facts that must be equal for runs to be comparable, in addition to CPU, cores, kernel, libc, Python and
    runner image: name = "value"."""
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
