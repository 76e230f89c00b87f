"""One fresh start of a service on each side under one load: the pair of a load probe.

Both are up at once, pinned to the same CPUs, and get their requests from one generator on another CPU.
"""

import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import unquote, urlsplit

from perfgate.core.load.plan import Plan
from perfgate.core.load.tally import Answer
from perfgate.core.load.traffic import draw
from perfgate.core.model import Reason
from perfgate.core.ports import Launch, Place, Serves
from perfgate.errors import MeasureError
from perfgate.host import command, cpus
from perfgate.host.addresses import fixed_addresses
from perfgate.host.agent import Agent, AgentGone, AgentSilent, Message
from perfgate.host.interrupt import Interrupts
from perfgate.host.scratch import scratch
from perfgate.host.service import Ready, Service, ServiceFailed, Usage, free_port, marks
from perfgate.host.tree import kill_orphans
from perfgate.measure.provenance import Recorder

GENERATOR = (sys.executable, "-I", "-m", "perfgate.host.generator")
WATCH_S = 0.25
GRACE_S = 30.0  # beyond what the load itself takes; then the generator is stuck
LONGEST_STATEMENT = 300
_QUERIES = re.compile(r"(\d{1,6});(\d{1,6})(?:;(.*))?", re.ASCII | re.DOTALL)

Watch = Callable[[Sequence[Answer]], None]


class SideFailed(Exception):
    """One side's service is not there, or went away."""

    def __init__(self, side: int, reason: Reason, text: str) -> None:
        super().__init__(text)
        self.side, self.reason, self.text = side, reason, text


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whose certificates count, of a service behind https."""

    ca: Path | None = None
    """A file of certificates in place of the system's."""
    anybody: bool = False


SYSTEM = Trust()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What all starts of a probe share."""

    service: Serves
    places: tuple[Place, ...]
    ready: Ready
    url: str
    """With `{port}`."""
    data: Path | None
    """Copied anew for each start of each side."""
    timeout_s: float
    mark: str
    interrupts: Interrupts
    trust: Trust = SYSTEM
    recorders: tuple[Recorder, ...] = ()
    """Where the processes of each side note what they load; none where they are measured."""

    def target(self, service: Service) -> str:
        """Return where `service` is reached."""
        return self.url.replace("{port}", str(service.port))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a start used of the machine while it was loaded."""

    ready_s: float
    before: Usage
    after: Usage

    @property
    def cpu_s(self) -> float:
        """CPU seconds, all processes of the service."""
        return self.after.cpu_since(self.before)


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What one start gave."""

    sent: tuple[int, ...]
    """Requests, a side each, warm-up included."""
    costs: tuple[Cost, ...]
    took_s: float
    pressure: float
    """Share of the time in which something waited for a CPU."""
    answers: list[Answer] = field(default_factory=list)
    """Those of our own generator, and of engines that tell of single requests."""
    busy_s: float = 0.0
    """CPU seconds of the generator."""
    most_in_flight: tuple[int, ...] = ()
    flown_s: tuple[float, ...] = ()
    """Integral of what was in flight."""
    dropped: tuple[int, ...] = ()
    windows: tuple[tuple[int, float, float], ...] = ()
    """(side, begin, end), where sides took turns."""
    startup_s: float = 0.0
    statements: dict[tuple[int, int], tuple[int, str]] = field(default_factory=dict)
    """(side, request) to how often one statement was repeated at worst, and which, from where."""
    words: list[str] = field(default_factory=list)
    """What was unusual about how the services ended."""


@contextmanager
def generator(interrupts: Interrupts) -> Iterator[Agent]:
    """Hold a load generator on the last CPU.

    Raises: MeasureError where it does not start.
    """
    allowed = cpus.allowed()
    launch = Launch(argv=GENERATOR, cwd=str(Path.cwd()))
    with cpus.on(allowed[-1:] if len(allowed) > 1 else ()):
        agent = Agent(launch, environ={}, interrupts=interrupts)
    with agent:
        try:
            agent.receive(timeout_s=60.0)
        except (AgentGone, AgentSilent) as exc:
            raise MeasureError(f"the load generator does not start:\n{agent.last_words()}") from exc
        yield agent


def run_start(
    stage: Stage, agent: Agent, plan: Plan, load: Mapping[str, Any], *, seed: int, watch: Watch | None = None
) -> Outcome:
    """Start all sides afresh, send them the load, end them.

    Args:
        load: `arrivals`, or `users` and `seconds`, as the generator takes it; see `open_load` and `closed_load`.
        seed: draws who starts first and which calls are sent.
        watch: gets the answers as they come, about every half second; telling them costs the generator time.

    Raises: SideFailed; MeasureError where the generator fails.
    """
    began, words = time.monotonic(), list[str]()
    with serving(stage, seed=seed, words=words) as services:
        seen = loaded(stage, agent, services, plan, load, seed=seed, watch=watch)
    seen.words = words
    seen.startup_s = time.monotonic() - began - seen.took_s
    return seen


@contextmanager
def serving(stage: Stage, *, seed: int, words: list[str]) -> Iterator[dict[int, Service]]:
    """Hold all sides, started afresh one after the other in an order drawn from `seed`.

    Args:
        words: gets what was unusual about how they ended.

    Raises: SideFailed.
    """
    with ExitStack() as stack:
        stack.callback(kill_orphans)
        services: dict[int, Service] = {}
        for side in Random(seed).sample(range(len(stage.places)), k=len(stage.places)):
            services[side] = _serve(stage, side, stack, words, hash_seed=seed % 2**32)
        yield dict(sorted(services.items()))


def loaded(
    stage: Stage,
    agent: Agent,
    services: Mapping[int, Service],
    plan: Plan,
    load: Mapping[str, Any],
    *,
    seed: int,
    watch: Watch | None = None,
) -> Outcome:
    """Send a load to `services`; answers count them from 0 in their order.

    Raises: SideFailed, once the load is over; MeasureError where the generator fails.
    """
    meter = Meter(services)
    agent.send(
        targets=[stage.target(service) for service in services.values()],
        timeout_s=plan.timeout_s,
        trust={"ca": str(stage.trust.ca) if stage.trust.ca else None, "anybody": stage.trust.anybody},
        seed=seed,
        requests=[asdict(request) for request in plan.requests],
        rows=plan.rows,
        login=asdict(plan.login) if plan.login else None,
        news=watch is not None,
        **load,
    )
    statements: dict[tuple[int, int], tuple[int, str]] = {}
    answers: list[Answer] = []
    message: Message = {}
    while message.get("kind", "news") == "news":
        message = _answer(agent, meter, timeout_s=plan.seconds + plan.timeout_s + GRACE_S)
        fresh = [_parsed(record, statements) for record in message.get("answers", ())]
        answers += fresh
        if watch is not None:
            watch(fresh)
    meter.check()
    if message.get("side") is not None:
        raise SideFailed(list(services)[message["side"]], Reason.RAISED, str(message.get("text", "")))
    if message["kind"] != "done":
        raise MeasureError(f"the load could not be sent: {message.get('text', '')}")
    seen = meter.outcome([sum(answer.side == side for answer in answers) for side in range(len(services))])
    seen.answers, seen.statements, seen.busy_s = answers, statements, message["busy_s"]
    seen.most_in_flight, seen.flown_s = tuple(message["most_in_flight"]), tuple(message["flown_s"])
    seen.dropped = tuple(message["dropped"])
    seen.windows = tuple((int(side), begin, end) for side, begin, end in message["windows"])
    return seen


class Meter:
    """Watches services while they are loaded: what they use, and whether they are still there."""

    def __init__(self, services: Mapping[int, Service]) -> None:
        self._services = dict(services)
        self._failed: SideFailed | None = None
        self._before = [service.usage() for service in services.values()]
        self._stalled_s, self._began = _stalled_s(), time.monotonic()

    def look(self) -> None:
        """Drain what they print, and remember the first that ended."""
        for side, service in self._services.items():
            service.drain()
            try:
                service.check()
            except ServiceFailed as exc:
                self._failed = self._failed or SideFailed(side, Reason.DIED, f"under load it {exc.text}")

    def check(self) -> None:
        """Look once more.

        Raises: SideFailed where one of them ended meanwhile.
        """
        self.look()
        if self._failed:
            raise self._failed

    def outcome(self, sent: Sequence[int]) -> Outcome:
        """Return what the load took and cost."""
        took_s = time.monotonic() - self._began
        return Outcome(
            sent=tuple(sent),
            costs=tuple(
                Cost(ready_s=service.ready_s, before=before, after=service.usage())
                for service, before in zip(self._services.values(), self._before, strict=True)
            ),
            took_s=took_s,
            pressure=(_stalled_s() - self._stalled_s) / took_s,
        )


def open_load(plan: Plan, rate: float, *, sides: int, seed: int, apart: bool) -> dict[str, Any]:
    """Return what the generator is told for an open model."""
    arrivals = plan.arrivals(rate, sides=sides, seed=seed, apart=apart)
    count = max((arrival.call for arrival in arrivals), default=-1) + 1
    return {"arrivals": arrivals, "calls": draw(plan.requests, plan.rows, count, seed=seed)}


def closed_load(plan: Plan, users: int, seconds: float, *, seed: int) -> dict[str, Any]:
    """Return what the generator is told for `users` who each have one request at a time."""
    return {"users": users, "seconds": seconds, "calls": draw(plan.requests, plan.rows, 2000, seed=seed)}


def turns_load(plan: Plan, users: int, seconds: float, *, window_s: float, seed: int) -> dict[str, Any]:
    """Return what the generator is told for `users` who load one side at a time, each for `seconds` in all."""
    return {**closed_load(plan, users, seconds, seed=seed), "window_s": window_s}


def _serve(stage: Stage, side: int, stack: ExitStack, words: list[str], *, hash_seed: int) -> Service:
    """Prepare and start one side, and see it ready.

    Raises: SideFailed.
    """
    place, name = stage.places[side], ("base", "head")[side + 2 - len(stage.places)]
    fields = {"port": str(free_port()), "side": name, "data": _data(stage, stack)}
    first = stage.service.preparation(place, **fields)
    if first is not None:
        marked = replace(first, environ=(*first.environ, *marks(stage.mark, name)))
        try:
            (ended,) = command.together(
                [marked], interrupts=stage.interrupts, timeout_s=stage.timeout_s, meanwhile=lambda: None
            )
        except TimeoutError as exc:
            text = f"`{' '.join(first.argv)}` did not end within {stage.timeout_s:g} s"
            raise SideFailed(side, Reason.TIMEOUT, text) from exc
        except OSError as exc:
            raise SideFailed(side, Reason.RAISED, f"cannot start {first.argv[0]}: {exc.strerror}") from exc
        if ended.status:
            text = f"`{' '.join(first.argv)}` exited with status {ended.status}\n{ended.tail}"
            raise SideFailed(side, Reason.RAISED, text)
    launch = stage.service.serve(place, **fields)
    if stage.recorders:
        launch = stage.recorders[side].traced(launch)
        stage.recorders[side].note_program(launch.argv[0], place)
    allowed = cpus.allowed()
    variables = (("PYTHONHASHSEED", str(hash_seed)), *launch.environ)
    try:
        with fixed_addresses():
            service = Service(
                Launch(argv=launch.argv, cwd=launch.cwd, environ=variables),
                port=int(fields["port"]),
                cpus=allowed[:-1],
                mark=stage.mark,
                name=name,
                interrupts=stage.interrupts,
                host=urlsplit(stage.url.replace("{port}", "1")).hostname or "127.0.0.1",
            )
        stack.enter_context(service)
        stack.callback(lambda: words.append(word) if (word := service.stop()) else None)
        service.wait_ready(stage.ready, timeout_s=stage.timeout_s)
        for path in service.mapped() if stage.recorders else ():
            stage.recorders[side].note("code", path)
    except ServiceFailed as exc:
        raise SideFailed(side, Reason.TIMEOUT if exc.silent else Reason.DIED, exc.text) from exc
    return service


def _data(stage: Stage, stack: ExitStack) -> str:
    """Return a fresh directory, with a copy of the data in it where there is some; else the directory itself."""
    home = stack.enter_context(scratch("data"))
    if stage.data is None:
        return str(home)
    copy = home / stage.data.name
    if stage.data.is_dir():
        shutil.copytree(stage.data, copy)
    else:
        shutil.copy2(stage.data, copy)
    return str(copy)


def _answer(agent: Agent, meter: Meter, *, timeout_s: float) -> Message:
    """Wait for the generator while the services are watched.

    Raises: MeasureError where it does not answer.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        meter.look()
        try:
            return agent.receive(timeout_s=WATCH_S)
        except AgentGone as exc:
            raise MeasureError(f"the load generator ended:\n{agent.last_words()}") from exc
        except AgentSilent as exc:
            if time.monotonic() > deadline:
                raise MeasureError("the load generator does not come to an end") from exc


def _parsed(record: Sequence[Any], statements: dict[tuple[int, int], tuple[int, str]]) -> Answer:
    if len(record) == 7:
        return Answer(*record)
    answer = Answer(*record[:7])
    found = _QUERIES.fullmatch(str(record[7]))
    if found is None:
        return answer
    count, repeated, statement = int(found[1]), int(found[2]), found[3]
    worst = statements.get((answer.side, answer.request), (0, ""))
    if repeated > worst[0] and statement:
        statements[answer.side, answer.request] = (
            repeated,
            unquote(statement[: 3 * LONGEST_STATEMENT])[:LONGEST_STATEMENT],
        )
    return answer._replace(queries=(count, repeated))


def _stalled_s() -> float:
    """Return the seconds in which something waited for a CPU, since the system started; 0 where it does not say."""
    try:
        line = Path("/proc/pressure/cpu").read_text(encoding="ascii").splitlines()[0]
    except OSError:
        return 0.0
    return int(line.rpartition("total=")[2]) / 1e6
