"""The keys of a load probe: which service, what is sent to it, how much and for how long."""

import ipaddress
import json
import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from perfgate.config.section import CommandLine, Duration, RelativePath, Section, checked
from perfgate.core.load.plan import Login, Plan, Shape, Slo
from perfgate.core.load.tally import QUANTILES, TOTAL
from perfgate.core.load.traffic import Request
from perfgate.core.schedule import FIRST_LOOK, LOOK_STEP
from perfgate.core.units import Unit, parse_duration, parse_quantity

START_S = 1.6  # of load in one start: processes of the same code differ more than a start's own requests tell
LONG_START_S = 3.3  # where a start has steps of its own, or an engine that takes its time to begin
ENGINE_USERS = 10
CONNECTION_RATE = 100.0  # 1/s that one connection of h2load keeps: its clock ticks every 10 ms
LONGEST_S = 600.0
FASTEST = 20_000.0  # 1/s a side; nothing here could hold it, so it is a slip
MOST_REQUESTS = 1_000_000

_SEND = re.compile(r"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (/(?!/)\S*)")


def _sending(text: str) -> str:
    if not _SEND.fullmatch(text):
        raise ValueError(f'{text!r} is not a request; write a method and a path, as in "GET /items/{{id}}"')
    return text


def rate_of(text: str) -> float:
    """Return requests a second.

    Raises: ValueError.
    """
    if (rate := parse_quantity(text, Unit.PER_SECOND)) > FASTEST:
        raise ValueError(f"{text!r} is more than {FASTEST:,.0f}/s, which no single machine holds")
    return rate


def short_time(text: str) -> float:
    """Return seconds of a probe.

    Raises: ValueError.
    """
    if (seconds := parse_duration(text)) > LONGEST_S:
        raise ValueError(
            f"{text!r} is longer than {LONGEST_S / 60:.0f} minutes; a probe is short, a soak is another tool's"
        )
    return seconds


def _ready(text: str) -> str:
    if text != "tcp" and not text.startswith(("/", "log:")):
        raise ValueError(
            f'{text!r} must be a path as in "/health", "tcp", or "log:" and a text that the service prints'
        )
    return text


def _url(text: str) -> str:
    if any(char in "\\#?@" or char.isspace() or not char.isprintable() for char in text):
        raise ValueError(f"{text!r} holds more than a scheme, a host and a port")
    if "{port}" in text and not re.search(r":\{port\}/?$", text):
        raise ValueError(f'{text!r} has {{port}} elsewhere than as its port, as in "http://127.0.0.1:{{port}}"')
    parts = urlsplit(text.replace("{port}", "1"))
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
        raise ValueError(f'{text!r} must be a scheme, a host and {{port}}, as in "http://127.0.0.1:{{port}}"')
    return text.rstrip("/")


def slo_of(text: str) -> Slo:
    """Return a service level objective written as "p95 < 50ms".

    Raises: ValueError.
    """
    label, _, bound = (part.strip() for part in text.partition("<"))
    if label not in QUANTILES or not bound:
        raise ValueError(f'{text!r} is not an objective of a latency; write it as in "p95 < 50ms"')
    return Slo(label=label, quantile=QUANTILES[label], bound_s=parse_quantity(bound, Unit.SECOND))


Rate = Annotated[str, checked(rate_of), Field(examples=["200/s"])]
ShortTime = Annotated[str, checked(short_time), Field(examples=["20s"])]
Send = Annotated[str, AfterValidator(_sending), Field(examples=["GET /items/{id}"])]


class RequestTable(Section):
    """One request of the mix, and the response that it must get. `{field}` is filled in from `rows` or `login`."""

    send: Send
    """Method and path."""
    weight: float = Field(1.0, gt=0, le=1e6)
    """How often it is sent, relative to the others."""
    headers: dict[str, str] = {}
    """Further headers."""
    body: str = ""
    """The body, as text."""
    json_: Any = Field(None, alias="json")
    """The body, as JSON. A text that is only `{field}` becomes the field's value."""
    status: int | tuple[int, ...] = ()
    """The expected status, or several. Default: every status below 400."""
    contains: str = ""
    """A text that the response body must contain."""
    expect_headers: dict[str, str] = Field({}, alias="expect-headers")
    """Headers that the response must have; an empty value accepts any."""
    expect_json: dict[str, Any] = Field({}, alias="expect-json")
    """Path in the response's JSON (`items.0.id`) to the expected value."""

    def request(self, name: str) -> Request:
        """Return the request as the core knows it."""
        method, path = self.send.split(" ", 1)
        return Request(
            name=name,
            method=method,
            path=path,
            headers=tuple(self.headers.items()),
            body=self.body,
            json_body="" if self.json_ is None else json.dumps(self.json_),
            weight=self.weight,
            status=self.status if isinstance(self.status, tuple) else (self.status,),
            contains=self.contains,
            expect_headers=tuple(self.expect_headers.items()),
            expect_json=tuple((path, json.dumps(value)) for path, value in self.expect_json.items()),
        )


class LoginTable(RequestTable):
    """A request that perfgate sends to each side before the load, and the fields to keep of its response."""

    keep: dict[str, str] = Field(min_length=1)
    """Field to its place: a path in the response's JSON (`user.token`), or `header:NAME`."""


class StageTable(Section):
    """A part of the load, during which the rate changes to a new value."""

    seconds: ShortTime = Field(alias="for")
    """Its length. All stages together are scaled to the length of one start."""
    to: Rate
    """The rate at its end."""


class LoadSuite(Section):
    """A short load test: one generator sends the same requests to base and to head of a service."""

    runner: Literal["load"]
    """Which harness runs the suite."""
    command: CommandLine
    """Starts the service in the side's checkout, in the foreground. It is split into words as a shell would, but not
    run by a shell. `{port}` is a free port (also in `PORT`), `{data}` a directory for this start only, `{side}` base or
    head."""
    requests: dict[str, Send | RequestTable] = {}
    """Name to request: `"GET /path"`, or a table as below. Locust has its own."""
    prepare: CommandLine | None = None
    """A command to run before each start of each side, with the same fields; for example, to fill a database."""
    environment: dict[str, str] = {}
    """Further environment variables of the service, with the same fields."""
    data: RelativePath | None = None
    """A file or directory. Each start of each side gets a fresh copy of it at `{data}`."""
    ready: Annotated[str, AfterValidator(_ready)] = "tcp"
    """When the service is ready: a path that answers with a status below 400; `tcp`, when the port accepts connections;
    or `log:TEXT`, when it prints this text."""
    start_timeout: Duration = Field("30s", alias="start-timeout")
    """How long the service may take to get ready."""
    rate: Rate | None = None
    """Requests per second to each side. Default: a rate that leaves the shared CPU mostly idle, at most 250/s."""
    shape: Shape = Shape.CONSTANT
    """The rate over time: `constant`; `poisson`, random arrivals; `spike`, four times the rate in the middle fifth; or
    `stress`, rising to twice the rate."""
    stages: tuple[StageTable, ...] = ()
    """Instead of a shape: from `rate` to other rates, one after another."""
    users: int = Field(0, ge=0, le=400)
    """A closed model instead of a rate: this many users, each with one request at a time. It hides stalls; see
    docs/load.md. With Locust, its users (default 10); with h2load, its connections."""
    duration: ShortTime = "20s"
    """Time of load on each side, over all starts. Both sides are loaded at once, or in turns (h2load, capacity)."""
    starts: int | None = Field(None, ge=FIRST_LOOK, le=99)
    """Number of fresh starts of both sides; each start is one sample. Default: one for every 1.6 s of load (3.3 s with
    an engine, or when searching the capacity), at least 6."""
    warmup: Duration = "300ms"
    """Time at the beginning of each start that does not count."""
    timeout: Duration = "10s"
    """A request without a response after this time has failed."""
    rows: RelativePath | None = None
    """A CSV file with a header line, or JSON lines. Each request takes a random row, the same on both sides."""
    login: LoginTable | None = None
    """A request that perfgate sends to each side before the load."""
    search: Literal["capacity"] | None = None
    """`capacity`: find how many requests per second each side can serve, by adding users."""
    slo: Annotated[str, checked(slo_of), Field(examples=["p95 < 50ms"])] | None = None
    """When searching the capacity: also find the highest rate that keeps this latency."""
    core_hour: float = Field(0.0, alias="core-hour", ge=0, le=1e6)
    """When searching the capacity: the price of one CPU for an hour. The report then gives the cost of a million
    requests."""
    engine: Literal["locust", "h2load"] | None = None
    """The load generator, instead of perfgate's own: `locust` for user flows and several machines, `h2load` for rates
    that Python cannot send. You install it; see docs/load.md."""
    locustfile: RelativePath = "locustfile.py"
    """Locust: the file that says what the users do; taken from your checkout, for both sides."""
    locust: CommandLine = "locust"
    """Locust: its command, run with head's environment active."""
    workers: int = Field(2, ge=1, le=99)
    """Locust: number of workers of each side."""
    master_port: int | None = Field(None, alias="master-port", ge=1, le=65534)
    """Locust: wait for workers on other machines, for base on this port and for head on the next one."""
    url: Annotated[str, AfterValidator(_url)] = "http://127.0.0.1:{port}"
    """The address of the service."""
    ca: RelativePath | None = None
    """For an https url: a file with the certificates to trust, as for a self-signed service; taken from your
    checkout."""
    insecure: bool = False
    """For an https url: trust any certificate."""
    allow: tuple[str, ...] = ()
    """Hosts other than this machine that `url` may name. Their owner must have agreed to the load."""

    @model_validator(mode="before")
    @classmethod
    def _shape(cls, data: Any) -> Any:
        """Let a strict schema take the shape's name."""
        if isinstance(data, dict) and data.get("shape") in list(Shape):
            return {**data, "shape": Shape(data["shape"])}
        return data

    @model_validator(mode="after")
    def _sane(self) -> Self:
        """Refuse what would load a foreign host, and what has no bound."""
        host = urlsplit(self.url.replace("{port}", "1")).hostname or ""
        if not _is_here(host) and host not in self.allow:
            raise ValueError(f'url is not this machine: {host}; if its owner agreed, write allow = ["{host}"]')
        seconds, warmup = parse_duration(self.duration), parse_duration(self.warmup)
        if warmup >= seconds / self.planned:
            raise ValueError(
                f"warmup {self.warmup} leaves nothing of {seconds / self.planned:.2g} s of load in one start"
            )
        fastest = max([rate_of(self.rate) if self.rate else 0.0, *(rate_of(stage.to) for stage in self.stages)])
        if 2 * fastest * seconds > MOST_REQUESTS:
            raise ValueError(f"{fastest:g} requests/s for {self.duration} are more than {MOST_REQUESTS:,} requests")
        if self.stages and not self.rate:
            raise ValueError("stages need a rate to begin with")
        if self.rate is not None and self.users and self.engine != "h2load":
            raise ValueError("rate and users exclude each other: an open model or a closed one")
        self._whole()
        return self

    def _whole(self) -> None:
        """Refuse what does not fit together."""
        if TOTAL in self.requests:
            raise ValueError(f"a request cannot be called {TOTAL!r}: that is all of them together")
        if (self.ca or self.insecure) and urlsplit(self.url).scheme != "https":
            raise ValueError("ca and insecure are for an https url")
        if self.ca and self.insecure:
            raise ValueError("ca and insecure exclude each other: one certificate is trusted, or any")
        if (self.ca or self.insecure) and self.engine:
            raise ValueError(f"ca and insecure are for the own generator; {self.engine} has settings of its own")
        if "{port}" not in self.url and self.master_port is None:
            raise ValueError(f"url {self.url!r} lacks {{port}}: both sides would be one service")
        if urlsplit(self.url).scheme == "https" and self.ready.startswith("/"):
            raise ValueError('ready is asked over http; with an https url write ready = "tcp" or "log:TEXT"')
        if self.engine == "locust" and (self.rows or self.login or self.stages or self.shape is not Shape.CONSTANT):
            raise ValueError("Locust's users decide what is sent and when: leave out rows, login, shape, stages")
        if self.engine == "h2load" and self.users and rate_of(self.rate or "0/s") / self.users > CONNECTION_RATE:
            raise ValueError(f"h2load keeps {CONNECTION_RATE:g}/s a connection at most: raise users, or leave them out")
        if not self.requests and self.engine != "locust":
            raise ValueError('requests are missing: name at least one, as in requests = { index = "GET /" }')
        if self.engine == "locust" and (self.requests or self.rate or self.search):
            raise ValueError("Locust's users decide what is sent and when: leave out requests, rate and search")
        if self.search is None and (self.slo or self.core_hour):
            raise ValueError('slo and core-hour need search = "capacity"; a latency has its slo in a rule')
        if self.search and (self.rate or self.users or self.stages or self.shape is not Shape.CONSTANT):
            raise ValueError("the search for a capacity chooses users and rates: leave out rate, users, shape, stages")

    @property
    def planned(self) -> int:
        """Starts at most, on the grid of looks."""
        if self.starts:
            return self.starts
        start_s = LONG_START_S if self.search or self.engine else START_S
        steps = round((parse_duration(self.duration) / start_s - FIRST_LOOK) / LOOK_STEP)
        return FIRST_LOOK + LOOK_STEP * max(0, steps)

    @property
    def _engine_users(self) -> int:
        if self.engine == "h2load" and self.rate:
            return math.ceil(rate_of(self.rate) / CONNECTION_RATE)
        return ENGINE_USERS if self.engine and not self.search else 0

    def plan(self, rows: tuple[Mapping[str, Any], ...] = ()) -> Plan:
        """Return what the probe sends, with the `rows` that its file holds.

        Raises: ValueError for a field without a value.
        """
        tables = {
            name: RequestTable(send=each) if isinstance(each, str) else each for name, each in self.requests.items()
        }
        requests = tuple(table.request(name) for name, table in tables.items())
        login = Login(request=self.login.request("login"), keep=self.login.keep) if self.login else None
        everywhere = set.intersection(*map(set, rows)) if rows else set[str]()
        given = everywhere | set(login.keep if login else ())
        for request in requests:
            if missing := sorted(request.fields - given):
                raise ValueError(
                    f"request {request.name!r} wants {{{missing[0]}}}, which neither every row nor the login gives"
                )
        return Plan(
            requests=requests,
            rows=rows,
            login=login,
            rate=rate_of(self.rate) if self.rate else None,
            shape=self.shape,
            stages=tuple((parse_duration(stage.seconds), rate_of(stage.to)) for stage in self.stages),
            users=self.users or self._engine_users,
            seconds=parse_duration(self.duration) / self.planned,
            warmup_s=parse_duration(self.warmup),
            timeout_s=parse_duration(self.timeout),
            starts=self.planned,
            slo=slo_of(self.slo) if self.slo else None,
            core_hour=self.core_hour,
        )


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
