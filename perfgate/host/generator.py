"""The load generator: a process of its own that sends what it was told when it was told, and notes what came back.

An open model: a request leaves at its moment whether or not earlier ones were answered, so a service that stalls is
seen by everybody who would have waited. It runs on a CPU that the services do not use, keeps its garbage collector
still while it sends, and reports its own lag. `python -m perfgate.host.generator` speaks JSON lines over two pipes.
"""

import asyncio
import gc
import json
import os
import random
import selectors
import ssl
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
from yarl import URL

from perfgate.core.load.arrivals import Arrival
from perfgate.core.load.traffic import Call, Request, at, fault, fill

MOST_IN_FLIGHT = 400  # a side; select() takes 1,024 descriptors, and who has so many in flight is down anyway
LARGEST_BODY = 8 * 2**20
NEWS_S = 0.5
AWAKE_S = 0.7e-3
IDLE_ROUND_S = 50e-6  # a look that took longer had something to do, which is no waiting
FEWEST_ROUNDS = 3  # of turns, however long they take: the first is warm-up

Job = dict[str, Any]


class _Side:
    """One target: its connections, its filled-in calls, and how many of them are under way."""

    def __init__(self, url: str, timeout_s: float, trust: Mapping[str, Any]) -> None:
        self.url = URL(url)
        trusted = ssl.create_default_context(cafile=trust["ca"]) if trust.get("ca") else not trust.get("anybody")
        self.timeout = aiohttp.ClientTimeout(total=timeout_s)
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60, ssl=trusted),
            timeout=self.timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=True,
        )
        self.calls: list[tuple[Call, URL]] = []
        self.in_flight = self.most_in_flight = self.dropped = 0
        self.flown_s = 0.0
        """Integral of `in_flight` over time: what Little's law is checked with."""
        self._since = time.monotonic()

    def step(self, by: int) -> None:
        now = time.monotonic()
        self.flown_s += self.in_flight * (now - self._since)
        self._since = now
        self.in_flight += by
        self.most_in_flight = max(self.most_in_flight, self.in_flight)


class _Generator:
    def __init__(self, job: Job, news: "_Channel | None") -> None:
        self.job, self.news = job, news
        self.requests = [Request(**{**one, **_tuples(one)}) for one in job["requests"]]
        self.answers: list[list[Any]] = []
        self.sides: list[_Side] = []
        self.awake_s = 0.0
        self.windows: list[tuple[int, float, float]] = []
        """(side, begin, end) in seconds, where sides take turns."""

    async def run(self) -> Job:
        job = self.job
        self.sides = [_Side(url, job["timeout_s"], job.get("trust") or {}) for url in job["targets"]]
        try:
            for place, side in enumerate(self.sides):
                try:
                    self._prepare(side, await self._login(side))
                except (TimeoutError, aiohttp.ClientError, OSError) as exc:
                    raise _LoginFailed(place, f"the login failed: {_why(exc)}") from exc
                except ValueError as exc:
                    raise _LoginFailed(place, str(exc)) from exc
            gc.collect()
            gc.freeze()
            gc.disable()
            busy, start = time.process_time(), time.monotonic()
            await (self._in_turns() if job.get("window_s") else self._closed() if job.get("users") else self._open())
            took_s = time.monotonic() - start
            return {
                "kind": "done",
                "answers": self.answers,
                "busy_s": max(0.0, time.process_time() - busy - self.awake_s),
                "took_s": took_s,
                "most_in_flight": [side.most_in_flight for side in self.sides],
                "flown_s": [side.flown_s for side in self.sides],
                "dropped": [side.dropped for side in self.sides],
                "windows": self.windows,
            }
        finally:
            gc.enable()
            gc.unfreeze()
            for side in self.sides:
                await side.session.close()

    def _prepare(self, side: _Side, kept: Mapping[str, Any]) -> None:
        rows = self.job["rows"]
        for kind, row in self.job["calls"]:
            call = fill(self.requests[kind], kind, {**(rows[row] if row >= 0 else {}), **kept})
            side.calls.append((call, side.url.join(URL(call.path, encoded=True))))

    async def _login(self, side: _Side) -> dict[str, Any]:
        login = self.job.get("login")
        if not login:
            return {}
        request = Request(**{**login["request"], **_tuples(login["request"])})
        call = fill(request, 0, {})
        url = side.url.join(URL(call.path, encoded=True))
        async with side.session.request(
            call.method, url, headers=dict(call.headers), data=call.body, allow_redirects=False
        ) as response:
            body = await _body(response)
            if wrong := fault(request, response.status, response.headers, body):
                raise ValueError(f"the login failed: {wrong}")
            try:
                return {name: _kept(where, response.headers, body) for name, where in login["keep"].items()}
            except (LookupError, ValueError) as exc:
                raise ValueError(f"the login's answer has nothing at {exc}") from exc

    async def _open(self) -> None:
        arrivals = [Arrival(*each) for each in self.job["arrivals"]]
        start = asyncio.get_running_loop().time() + 0.05
        pending: set[asyncio.Task[None]] = set()
        told = time.monotonic()
        for arrival in arrivals:
            await self._until(start + arrival.at_s)
            side = self.sides[arrival.side]
            if side.in_flight >= MOST_IN_FLIGHT:
                side.dropped += 1
                continue
            task = asyncio.ensure_future(self._send(side, arrival, start))
            pending.add(task)
            task.add_done_callback(pending.discard)
            if self.news and time.monotonic() - told > NEWS_S:
                told = time.monotonic()
                self.news.send({"kind": "news", "answers": self.answers})
                self.answers = []
        if pending:
            await asyncio.wait(pending)

    async def _until(self, moment: float) -> None:
        """Sleep until just before `moment`, then look again and again: a sleeping CPU may take half of that to wake."""
        if (wait := moment - AWAKE_S - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        now = time.monotonic()
        while now < moment:
            await asyncio.sleep(0)
            before, now = now, time.monotonic()
            if now - before < IDLE_ROUND_S:
                self.awake_s += now - before

    async def _closed(self) -> None:
        """Let so many users each send the next call as soon as the last was answered."""
        start = time.monotonic()
        end = start + self.job["seconds"]
        rng = random.Random(self.job["seed"])
        count = len(self.job["calls"])
        numbers = iter(range(sys.maxsize))

        async def user() -> None:
            while time.monotonic() < end:
                number = next(numbers)
                for place in rng.sample(range(len(self.sides)), k=len(self.sides)):
                    arrival = Arrival(time.monotonic() - start, place, number)
                    await self._send(self.sides[place], arrival, start, number % count)

        await asyncio.gather(*(user() for _ in range(self.job["users"])))

    async def _in_turns(self) -> None:
        """Let so many users load one side at a time, in short windows of random order, each to its last answer."""
        start, rng = time.monotonic(), random.Random(self.job["seed"])
        count = len(self.job["calls"])
        numbers = iter(range(sys.maxsize))

        async def user(place: int, end: float) -> None:
            while (now := time.monotonic()) < end:
                number = next(numbers)
                await self._send(self.sides[place], Arrival(now - start, place, number), start, number % count)

        enough = self.job["seconds"] * len(self.sides)
        while time.monotonic() - start < enough or len(self.windows) < FEWEST_ROUNDS * len(self.sides):
            for place in rng.sample(range(len(self.sides)), k=len(self.sides)):
                began = time.monotonic()
                await asyncio.gather(
                    *(user(place, began + self.job["window_s"]) for _ in range(self.job["users"]))
                )  # fmt: skip
                self.windows.append((place, began - start, time.monotonic() - start))

    async def _send(self, side: _Side, arrival: Arrival, start: float, place: int | None = None) -> None:
        call, url = side.calls[arrival.call if place is None else place]
        side.step(+1)
        queries = None
        sent = time.monotonic()
        try:
            async with side.session.request(
                call.method, url, headers=call.headers, data=call.body or None, allow_redirects=False
            ) as response:
                body = await _body(response)
                done = time.monotonic()
                wrong = fault(self.requests[call.request], response.status, response.headers, body)
                queries = response.headers.get("x-perfgate-queries")
        except (TimeoutError, aiohttp.ClientError, OSError) as exc:
            done = time.monotonic()
            wrong = _why(exc)
        side.step(-1)
        record = [arrival.call, call.request, arrival.side, arrival.at_s, sent - start, done - start, wrong]
        self.answers.append(record if queries is None else [*record, queries])


def _why(exc: Exception) -> str:
    """Return why there was no answer, in the words of the log."""
    if isinstance(exc, asyncio.TimeoutError):
        return "no answer in time"
    if isinstance(exc, aiohttp.ClientConnectorCertificateError):
        return "its certificate is not trusted: name a trusted one with `ca`, or set `insecure = true`"
    return type(exc).__name__


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """Return the whole body.

    Raises: ClientPayloadError where it is cut short, or endless.
    """
    parts = bytearray()
    async for chunk in response.content.iter_any():
        parts += chunk
        if len(parts) > LARGEST_BODY:
            raise aiohttp.ClientPayloadError(f"more than {LARGEST_BODY:,} bytes")
    return bytes(parts)


class _LoginFailed(Exception):
    def __init__(self, side: int, text: str) -> None:
        super().__init__(text)
        self.side = side


class _Channel:
    def __init__(self) -> None:
        reads, writes = os.environ["PERFGATE_CHANNEL"].split(",")
        self._in, self._out = os.fdopen(int(reads), "r", encoding="utf-8"), int(writes)

    def send(self, message: Job) -> None:
        left = memoryview(json.dumps(message).encode() + b"\n")
        while left:
            left = left[os.write(self._out, left) :]

    def receive(self) -> Job | None:
        line = self._in.readline()
        return dict(json.loads(line)) if line else None


def _tuples(request: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: tuple(tuple(item) if isinstance(item, list) else item for item in value)
        for key, value in request.items()
        if isinstance(value, Sequence) and not isinstance(value, str)
    }


def _kept(where: str, headers: Mapping[str, str], body: bytes) -> Any:
    if where.startswith("header:"):
        return headers[where.removeprefix("header:").strip()]
    return at(json.loads(body), where)


def main() -> None:
    """Do one job after another until there are no more."""
    channel = _Channel()
    channel.send({"kind": "hello"})
    while (job := channel.receive()) is not None:
        # select() wakes up within 0.15 ms of the moment, epoll rounds up to the next millisecond.
        with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
            try:
                answer = runner.run(_Generator(job, channel if job.get("news") else None).run())
            except _LoginFailed as exc:
                answer = {"kind": "failed", "side": exc.side, "text": str(exc)}
            except (ValueError, aiohttp.ClientError, OSError) as exc:
                answer = {"kind": "failed", "text": str(exc) or type(exc).__name__}
        channel.send(answer)


if __name__ == "__main__":
    main()
