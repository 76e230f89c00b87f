"""From the configuration of a load probe to what measures it: its data are read here, from the user's checkout."""

import csv
import io
import json
import secrets
import shlex
import ssl
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from perfgate import registry
from perfgate.config.probe import MOST_REQUESTS, rate_of, short_time
from perfgate.config.probe import LoadSuite as LoadTable
from perfgate.core.load.histogram import histogram
from perfgate.core.load.plan import USUAL_RATE, Plan, Shape
from perfgate.core.load.tally import QUANTILES, TOTAL, Answer, lag
from perfgate.core.ports import Engine, Place
from perfgate.core.units import parse_duration
from perfgate.engines.h2load import cannot
from perfgate.errors import ConfigError, MeasureError, UsageError
from perfgate.host import files
from perfgate.host.interrupt import Interrupts
from perfgate.host.service import Ready
from perfgate.host.tree import adopting
from perfgate.measure.capacity import CapacitySuite
from perfgate.measure.engines import EngineSuite
from perfgate.measure.load import LoadSuite
from perfgate.measure.probe import Probe
from perfgate.measure.start import SideFailed, Stage, Trust, closed_load, generator, open_load, run_start

LARGEST_ROWS = 64 * 2**20  # bytes
NEWS_S = 2.0  # what is told while it runs is of so long before


def probe(root: Path, name: str, suite: LoadTable) -> Probe:
    """Return the probe that `suite` configures.

    Raises: ConfigError where a file that it names is missing or not what it should be.
    """
    data = root / suite.data if suite.data else None
    if data is not None and not data.exists():
        hint = "it is taken from your checkout and copied for each start of each side"
        raise ConfigError(f"suite.{name}.data: there is no {suite.data}", hint=hint)
    try:
        plan = suite.plan(_rows(root / suite.rows) if suite.rows else ())
    except ValueError as exc:
        raise ConfigError(f"suite.{name}: {exc}") from exc
    options = {"command": suite.command, "prepare": suite.prepare, "environment": suite.environment}
    engine = _engine(root, name, suite, plan)
    return Probe(
        name=name,
        measured_by=CapacitySuite if suite.search else EngineSuite if engine else LoadSuite,
        engine=engine,
        service=registry.service(suite.runner, options),
        plan=plan,
        ready=_ready(suite.ready),
        url=suite.url,
        trust=_trust(root, name, suite),
        data=data,
        timeout_s=parse_duration(suite.start_timeout),
    )


def _trust(root: Path, name: str, suite: LoadTable) -> Trust:
    """Return whose certificates count.

    Raises: ConfigError where there is no such file, or no certificate in it.
    """
    if suite.ca is None:
        return Trust(anybody=suite.insecure)
    path = root / suite.ca
    if not path.is_file():
        raise ConfigError(f"suite.{name}.ca: there is no {suite.ca}", hint="it is taken from your checkout")
    try:
        ssl.create_default_context(cafile=str(path))
    except (ssl.SSLError, OSError) as exc:
        raise ConfigError(f"suite.{name}.ca: {suite.ca} has no certificate in PEM form") from exc
    return Trust(ca=path)


def _engine(root: Path, name: str, suite: LoadTable, plan: Plan) -> Engine | None:
    """Return who sends the load, where that is not the own generator.

    Raises: ConfigError where it cannot do what is asked.
    """
    if suite.engine == "h2load":
        others = {"rows": bool(plan.rows), "a login": bool(plan.login), "stages": bool(plan.stages)}
        others["another shape than constant"] = plan.shape is not Shape.CONSTANT
        if wrong := cannot(plan.requests, others):
            raise ConfigError(f"suite.{name}: h2load cannot send {wrong}", hint="leave it out, or leave out the engine")
        return registry.engine("h2load", {"requests": plan.requests})
    if suite.engine == "locust":
        if not (root / suite.locustfile).is_file():
            hint = "it is taken from your checkout for both sides"
            raise ConfigError(f"suite.{name}.locustfile: there is no {suite.locustfile}", hint=hint)
        options = {"command": tuple(shlex.split(suite.locust)), "locustfile": suite.locustfile, "root": str(root)}
        return registry.engine("locust", {**options, "workers": suite.workers, "master": suite.master_port})
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one request, or all of them, showed so far."""

    name: str
    requests: int
    rate: float
    """Answers a second."""
    faults: Mapping[str, int]
    quantiles: Mapping[str, float]
    """p50, p90, p95, p99 and max, in seconds from the intended start; empty where nothing was served."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One service under load."""

    seconds: float
    seen: tuple[Seen, ...]
    lag_s: float
    """How late the generator was for one request in a hundred."""
    busy: float
    """Share of its CPU that the generator used."""
    cpu_per_request_s: float
    rss: float
    ready_s: float
    words: tuple[str, ...]


Tell = Callable[[float, Sequence[Seen]], None]


def whole(plan: Plan, *, rate: str | None, duration: str | None) -> Plan:
    """Return the plan in a single start, with another rate or duration where they are given.

    Raises: UsageError.
    """
    try:
        seconds = short_time(duration) if duration else plan.seconds * plan.starts
        given = rate_of(rate) if rate else plan.rate
    except ValueError as exc:
        raise UsageError(str(exc)) from exc
    if given and given * seconds > MOST_REQUESTS:
        raise UsageError(f"{given:g} requests/s for {seconds:g} s are more than {MOST_REQUESTS:,} requests")
    return replace(plan, seconds=seconds, starts=1, rate=given, users=0 if given else plan.users)


def look(probe: Probe, place: Place, interrupts: Interrupts, *, seed: int, tell: Tell) -> Look:
    """Start one service and load it once, as its plan says; `tell` what is seen meanwhile.

    Raises: MeasureError where it does not serve; UsageError where only Locust knows what to send.
    """
    plan = probe.plan
    if not plan.requests:
        hint = "give the suite without an engine some requests, or run Locust itself"
        raise UsageError(f"what {probe.name} sends is only known to Locust", hint=hint)
    stage = Stage(
        service=probe.service, places=(place,), ready=probe.ready, url=probe.url, data=probe.data,
        timeout_s=probe.timeout_s, mark=secrets.token_hex(8), interrupts=interrupts, trust=probe.trust,
    )  # fmt: skip
    rate = plan.rate or USUAL_RATE / 5
    load = (
        closed_load(plan, plan.users, plan.seconds, seed=seed)
        if plan.users
        else open_load(plan, rate, sides=1, seed=seed, apart=False)
    )
    so_far: list[Answer] = []

    def watch(fresh: Sequence[Answer]) -> None:
        so_far.extend(fresh)
        if so_far:
            at = max(answer.done_s for answer in so_far)
            tell(at, _seen([answer for answer in so_far if answer.done_s > at - NEWS_S], plan, min(at, NEWS_S)))

    with adopting(), generator(interrupts) as agent:
        try:
            outcome = run_start(stage, agent, plan, load, seed=seed, watch=watch)
        except SideFailed as exc:
            raise MeasureError(f"the service {exc.text}") from exc
    counted = [answer for answer in outcome.answers if answer.intended_s >= plan.warmup_s]
    if not counted:
        raise MeasureError("nothing was answered", hint="raise the rate or the duration")
    (cost,) = outcome.costs
    return Look(
        seconds=plan.seconds,
        seen=tuple(_seen(counted, plan, plan.seconds - plan.warmup_s)),
        lag_s=lag(outcome.answers, 0.99),
        busy=outcome.busy_s / outcome.took_s,
        cpu_per_request_s=cost.cpu_s / len(outcome.answers),
        rss=cost.after.rss,
        ready_s=cost.ready_s,
        words=tuple(outcome.words),
    )


def _seen(answers: Sequence[Answer], plan: Plan, seconds: float) -> list[Seen]:
    groups = {request.name: [number] for number, request in enumerate(plan.requests)} if len(plan.requests) > 1 else {}
    found = []
    for name, kinds in {**groups, TOTAL: list(range(len(plan.requests)))}.items():
        mine = [answer for answer in answers if answer.request in kinds]
        served = histogram(answer.latency_s for answer in mine if not answer.fault)
        quantiles = (
            {label: served.quantile(q) for label, q in {**QUANTILES, "max": 1.0}.items()} if served.total else {}
        )
        faults = Counter(answer.fault for answer in mine if answer.fault)
        found.append(Seen(name=name, requests=len(mine), rate=len(mine) / seconds, faults=faults, quantiles=quantiles))
    return found


def _ready(text: str) -> Ready:
    if text.startswith("log:"):
        return Ready(line=text.removeprefix("log:").strip())
    return Ready() if text == "tcp" else Ready(path=text)


def _rows(path: Path) -> tuple[Mapping[str, Any], ...]:
    """Read CSV with a head line, or JSON lines where the file's name ends in .jsonl or .ndjson.

    Raises: ValueError with the line.
    """
    text = files.read(path, largest=LARGEST_ROWS).decode("utf-8-sig")
    if path.suffix not in (".jsonl", ".ndjson"):
        rows = _table(path.name, text)
    else:
        lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
        rows = tuple(_object(f"{path.name}:{number}", line) for number, line in lines)
    if not rows:
        raise ValueError(f"{path.name} has no rows")
    return rows


def _table(name: str, text: str) -> tuple[dict[str, Any], ...]:
    rows, reader = [], csv.DictReader(io.StringIO(text), restval=None)
    try:
        for row in reader:
            if None in row or None in row.values():
                raise ValueError(f"{name}:{reader.line_num} has not as many fields as the head line")
            rows.append(row)
    except csv.Error as exc:
        raise ValueError(f"{name}:{reader.line_num} is not CSV: {exc}") from exc
    return tuple(rows)


def _object(where: str, line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError as exc:
        raise ValueError(f"{where} is not JSON: {exc}") from exc
    if not isinstance(found, dict):
        raise ValueError(f"{where} is no JSON object")  # noqa: TRY004 - a value of the file
    return found
