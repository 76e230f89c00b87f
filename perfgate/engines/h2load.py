"""Engine `h2load`: many thousand requests a second from one CPU, and a log of every single one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from perfgate.core.load.histogram import Histogram, histogram
from perfgate.core.load.tally import TOTAL, Served
from perfgate.core.load.traffic import Request
from perfgate.core.ports import Drive, Launch, Told
from perfgate.errors import MeasureError

LOG = "requests.tsv"
MOST_URIS = 100
HELD = 0.99  # of the rate: less means that the generator or the service was at its limit


@dataclass(frozen=True, slots=True, kw_only=True)
class H2load:
    """Requests without bodies, by weight, over `users` connections; with a rate each sends at its own share of it."""

    requests: tuple[Request, ...]
    at_once = False
    adds_s = 0.0

    def launch(self, drive: Drive) -> Launch:
        """Return how to load one side."""
        least = min(request.weight for request in self.requests)
        times = [min(MOST_URIS, round(request.weight / least)) for request in self.requests]
        uris = [drive.target + request.path for request, many in zip(self.requests, times, strict=True)
                for _ in range(many)]  # fmt: skip
        users = min(drive.users, _planned(drive)) if drive.rate else drive.users
        argv = ["h2load", "--h1", "-t", "1", "-c", str(users), f"--log-file={Path(drive.home) / LOG}"]
        argv += ["-N", f"{round(1000 * drive.timeout_s)}ms"]
        if drive.rate:
            argv += ["-n", str(_planned(drive)), f"--rps={drive.rate / users:.6g}"]
        else:
            argv += ["-D", f"{round(1000 * drive.seconds)}ms"]
        for name, value in self.requests[0].headers:
            argv += ["-H", f"{name}: {value}"]
        return Launch(argv=(*argv, *uris), cwd=drive.home)

    def told(self, drive: Drive, output: str) -> Told:
        """Return what its log says, and its summary of those that broke off, which the log leaves out.

        With a rate, latency counts from the moment at which a request should have left, to within the time between two
        requests of one connection: h2load sends later what it could not send in time, so the k-th that left is the
        k-th that should have, and what left later than that had to wait.

        Raises: MeasureError where the log is not what it should be.
        """
        path = Path(drive.home) / LOG
        try:
            rows = [tuple(map(int, line.split("\t")[:3])) for line in path.read_text(encoding="ascii").splitlines()]
        except (OSError, ValueError) as exc:
            raise MeasureError(f"the log of h2load cannot be read: {exc}") from exc
        if any(len(row) != 3 for row in rows):
            raise MeasureError(f"the log of h2load cannot be read: not three columns in {len(rows)} lines")
        lost = _lost(output)
        if not rows and lost:
            nothing = Served(latency=Histogram(), requests=lost, failed=lost, seconds=drive.seconds)
            return Told(served={TOTAL: nothing}, sent=lost)
        if not rows:
            return Told(unfair="h2load sent nothing")
        rows.sort()
        begun = rows[0][0]
        users = min(drive.users, _planned(drive)) if drive.rate else drive.users
        latencies, requests, failed = [], 0, 0
        for place, (sent, status, took) in enumerate(rows):
            since_s = (sent - begun) / 1e6
            if drive.rate:
                since_s = min(since_s, (place + users) / drive.rate)
            if since_s < drive.warmup_s or (not drive.rate and since_s > drive.seconds):
                continue
            requests += 1
            done_s = (sent - begun + took) / 1e6
            if self._right(status):
                latencies.append(done_s - since_s)
            else:
                failed += 1
        if not requests:
            return Told(unfair="h2load sent nothing behind the warm-up")
        requests, failed, span_s = requests + lost, failed + lost, drive.seconds - drive.warmup_s
        served = {TOTAL: Served(latency=histogram(latencies), requests=requests, failed=failed, seconds=span_s)}
        late_s = (rows[-1][0] - begun) / 1e6 - drive.seconds
        if drive.rate and late_s > (1 - HELD) * drive.seconds + users / drive.rate:
            held = drive.seconds / (drive.seconds + late_s)
            text = f"h2load held {100 * held:.0f} % of {drive.rate:,.0f} requests/s: the service is at its end"
            return Told(served=served, sent=len(rows), unfair=f"{text}; lower the rate, or give it more users")
        return Told(served=served, sent=len(rows))

    def _right(self, status: int) -> bool:
        statuses = self.requests[0].status
        return status in statuses if statuses else 200 <= status < 400


def _planned(drive: Drive) -> int:
    assert drive.rate is not None
    return max(1, round(drive.rate * drive.seconds))


def _lost(output: str) -> int:
    """Return how many requests got no whole answer, by h2load's summary."""
    found = re.search(r"^requests: .*?(\d+) errored, (\d+) timeout", output, flags=re.MULTILINE)
    return int(found[1]) + int(found[2]) if found else 0


def cannot(requests: tuple[Request, ...], fields: Mapping[str, bool]) -> str:
    """Return what of a probe h2load cannot do; empty where it can do all."""
    wrong = [name for name, there in fields.items() if there]
    for request in requests:
        wrong += ["a method other than GET"] * (request.method != "GET")
        wrong += ["a body"] * bool(request.body or request.json_body)
        wrong += ["checks of the answer"] * bool(request.contains or request.expect_headers or request.expect_json)
        wrong += ["fields"] * bool(request.fields)
        wrong += ["headers or statuses that differ"] * (
            (request.headers, request.status) != (requests[0].headers, requests[0].status)
        )
    return wrong[0] if wrong else ""
