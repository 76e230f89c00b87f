"""Real Locust and h2load against real services, and the search for a capacity."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import psutil
import pytest

from perfgate.core.load.histogram import GROWTH
from perfgate.core.load.plan import Slo
from perfgate.core.load.tally import Shares, summed
from perfgate.core.load.traffic import Request
from perfgate.core.model import Reason
from perfgate.core.ports import Drive
from perfgate.engines.h2load import LOG, H2load, cannot
from perfgate.engines.locust import RESULT, SHIM, Locust
from perfgate.errors import MeasureError
from perfgate.host.service import free_port
from perfgate.measure.capacity import CapacitySuite
from perfgate.measure.engines import EngineSuite
from tests.test_load import GET, failed, measured, values

LOCUSTFILE = """
from locust import HttpUser, between, task
class Customer(HttpUser):
    wait_time = between(0.01, 0.05)
    @task
    def orders(self):
        self.client.get("/orders?page=1", name="orders")
    @task
    def product(self):
        self.client.get("/product")
"""
BIN = Path(sys.executable).parent
needs_h2load = pytest.mark.skipif(shutil.which("h2load") is None, reason="h2load is missing: run .ci/tools")


@pytest.fixture
def sides(tmp_path: Path) -> Path:
    return tmp_path


def locust(home: Path, **changes: Any) -> Locust:
    (home / "locustfile.py").write_text(LOCUSTFILE, encoding="utf-8")
    options = {"command": (str(BIN / "locust"),), "locustfile": "locustfile.py", "root": str(home), "workers": 2}
    return Locust(**{**options, **changes})


def by_locust(home: Path, base: str | None, head: str, **changes: Any) -> EngineSuite:
    engine = changes.pop("engine", None) or locust(home)
    changes = {"requests": (), "users": 6, "rate": None, "seconds": 2.0, **changes}
    found = measured(home, base, head, measured_by=EngineSuite, engine=engine, **changes)
    assert isinstance(found, EngineSuite)
    return found


def test_a_locustfile_runs_unchanged_against_both_sides(sides: Path) -> None:
    found = by_locust(sides, "good", "waits")

    assert found.failures == ({}, {})
    assert set(found.tracks) == {"total", "GET orders", "GET /product"}
    base, head = (values(found, side) for side in (0, 1))
    assert head["latency.p50"] - base["latency.p50"] == pytest.approx(0.010, rel=0.5)
    assert base["errors"] == head["errors"] == 0
    assert base["cpu-per-request"] > 0
    # Locust itself knows milliseconds: buckets finer than that are ours.
    buckets = {bucket for each in found.distributions[0] for bucket, _ in each.histogram.counts}
    assert len({round(1e3 * GROWTH**bucket) for bucket in buckets}) < len(buckets)


def test_a_start_that_loses_a_worker_does_not_count_and_the_next_one_does(sides: Path) -> None:
    killed = threading.Event()

    def kill_one() -> None:
        """End one worker of the second start, once it runs."""
        seen: set[int] = set()
        first: set[int] = set()
        for _ in range(600):
            time.sleep(0.1)
            workers = set(_children_of_masters(sides))
            if workers and not first:
                first = workers
            seen = workers - first
            if first and len(seen) == 2:
                victim = psutil.Process(min(seen))
                while len(victim.net_connections("tcp")) < 2 and victim.is_running():
                    time.sleep(0.02)  # until it speaks with the service, not with its master alone
                victim.kill()
                killed.set()
                return

    thread = threading.Thread(target=kill_one)
    thread.start()
    found = by_locust(sides, None, "good", seconds=5.0)
    thread.join()

    assert killed.is_set()
    assert any("1 of 2 Locust workers was lost" in warning.text for warning in found.warnings)
    assert len(found.tracks["total"].pairs) == 1


def test_workers_from_elsewhere_load_both_sides(sides: Path, remote_workers: int) -> None:
    engine = locust(sides, master=remote_workers, workers=1)

    found = by_locust(sides, "good", "good", engine=engine)

    assert found.failures == ({}, {})
    assert all(values(found, side)["throughput"] > 10 for side in (0, 1))


@pytest.fixture
def remote_workers(sides: Path) -> Iterator[int]:
    """Workers of two masters that are started again when their run is over; gives the first port."""
    port = free_port()
    (sides / "locustfile.py").write_text(LOCUSTFILE, encoding="utf-8")
    loops = [
        subprocess.Popen(
            [
                "/bin/sh",
                "-c",
                f'while sleep 0.2; do "{BIN}/locust" -f {SHIM},locustfile.py --worker --master-port {each}; done',
            ],
            cwd=sides,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        for each in (port, port + 1)
    ]
    yield port
    for loop in loops:
        os.killpg(loop.pid, signal.SIGKILL)
        loop.wait()


def test_locust_that_is_not_there_is_said(sides: Path) -> None:
    with pytest.raises(MeasureError, match="cannot start no-such-locust"):
        by_locust(sides, None, "good", engine=locust(sides, command=("no-such-locust",)))


def test_a_locustfile_that_raises_is_told_in_its_words(sides: Path) -> None:
    engine = locust(sides)
    (sides / "locustfile.py").write_text("raise RuntimeError('no users today')", encoding="utf-8")

    with pytest.raises(MeasureError, match="no users today"):
        by_locust(sides, None, "good", engine=engine)


BROKEN = '{"entries": [{"name": "a", "requests": 1, "failed": 0, "times": %s}], "seconds": %s, "workers": 1, "lost": 0,'
BROKEN += ' "sent": 1, "busy_s": 0}'


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"entries": [{}]}', BROKEN % ("[]", 1), BROKEN % ('{"inf": 1}', 1), BROKEN % ('{"1": 1}', 0)],
)
def test_a_result_of_locust_that_is_broken_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / RESULT).write_text(text, encoding="utf-8")

    with pytest.raises(MeasureError, match="Locust's result cannot be read"):
        locust(tmp_path).told(drive(tmp_path), "")


def test_a_result_of_locust_that_is_missing_or_empty_is_no_measurement(tmp_path: Path) -> None:
    assert locust(tmp_path).told(drive(tmp_path), "").unfair == "Locust ended without a result"

    empty = '{"entries": [], "seconds": 1, "workers": 2, "lost": 0, "sent": 0, "busy_s": 0}'
    (tmp_path / RESULT).write_text(empty, encoding="utf-8")

    assert locust(tmp_path).told(drive(tmp_path), "").unfair == "Locust sent nothing"


def test_what_failed_at_locust_is_counted(tmp_path: Path) -> None:
    entry = '{"name": "GET /", "requests": 10, "failed": 4, "times": {"1.5": 6, "20": 4}}'
    text = f'{{"entries": [{entry}], "seconds": 2, "workers": 2, "lost": 0, "sent": 12, "busy_s": 1}}'
    (tmp_path / RESULT).write_text(text, encoding="utf-8")

    told = locust(tmp_path).told(drive(tmp_path), "")

    assert (told.unfair, told.sent, set(told.served)) == ("", 12, {"total"})
    (base,) = summed([told.served])
    assert base["total"].shares["errors"] == Shares(bad=4, of=10)
    assert base["total"].values["throughput"] == 3.0
    assert base["total"].values["latency.p50"] == pytest.approx(0.0015, rel=0.01)
    assert base["total"].shares["slow"] == Shares(bad=4, of=10)


def drive(home: Path, **changes: Any) -> Drive:
    given = {"target": "http://127.0.0.1:1", "side": 0, "users": 2, "seconds": 1.0, "home": str(home), "free_port": 1}
    return Drive(**{**given, **changes})


@needs_h2load
def test_h2load_sends_at_a_rate_to_both_sides_in_turns(sides: Path) -> None:
    engine = H2load(requests=(GET,))

    found = measured(sides, "good", "waits", measured_by=EngineSuite, engine=engine, users=2, rate=100.0)

    assert found.failures == ({}, {})
    base, head = (values(found, side) for side in (0, 1))
    assert head["latency.p50"] - base["latency.p50"] == pytest.approx(0.010, rel=0.5)
    assert base["throughput"] == pytest.approx(100.0, rel=0.1)


@needs_h2load
def test_h2load_against_what_fails_and_what_breaks(sides: Path) -> None:
    engine = H2load(requests=(GET,))

    found = measured(sides, "fails-often", "resets", measured_by=EngineSuite, engine=engine, users=2, rate=100.0)

    reason, text = failed(found, 1)
    assert reason is Reason.NOTHING
    assert text == "no request was served"


def test_a_log_of_h2load_counts_latency_from_when_a_request_should_have_left(tmp_path: Path) -> None:
    # One connection, 10 requests/s: the fourth is sent half a second late, and those behind it catch up.
    sent = [0, 100, 200, 800, 801, 802, 803, 804, 805, 900]
    rows = [f"{1_000_000 + 1000 * at}\t200\t1000" for at in sent]
    (tmp_path / LOG).write_text("\n".join(rows), encoding="ascii")

    told = H2load(requests=(GET,)).told(drive(tmp_path, users=1, rate=10.0), "")

    latency = told.served["total"].latency
    assert latency.total == 10
    assert latency.quantile(1.0) == pytest.approx(0.4, rel=0.02)  # due at 300 ms, done at 801, less one gap of 100
    assert latency.quantile(0.0) == pytest.approx(0.001, rel=0.02)


def test_a_rate_that_h2load_could_not_hold_is_no_measurement(tmp_path: Path) -> None:
    rows = [f"{1_000_000 + 200_000 * k}\t200\t1000" for k in range(10)]
    (tmp_path / LOG).write_text("\n".join(rows), encoding="ascii")

    told = H2load(requests=(GET,)).told(drive(tmp_path, users=1, rate=10.0), "")

    assert "of 10 requests/s: the service is at its end" in told.unfair


@pytest.mark.parametrize(("text", "unfair"), [("", "h2load sent nothing"), ("1\t200\t5", "behind the warm-up")])
def test_a_log_of_h2load_without_requests_is_no_measurement(tmp_path: Path, text: str, unfair: str) -> None:
    (tmp_path / LOG).write_text(text, encoding="ascii")

    assert unfair in H2load(requests=(GET,)).told(drive(tmp_path, warmup_s=0.5), "").unfair


def test_requests_that_h2load_lost_are_failures(tmp_path: Path) -> None:
    rows = [f"{1_000_000 + 100_000 * k}\t200\t1000" for k in range(7)]
    (tmp_path / LOG).write_text("\n".join(rows), encoding="ascii")
    said = "requests: 10 total, 10 started, 7 done, 7 succeeded, 3 failed, 2 errored, 1 timeout\n"

    told = H2load(requests=(GET,)).told(drive(tmp_path, users=1, rate=10.0), said)

    total = told.served["total"]
    assert (total.requests, total.failed) == (10, 3)


@pytest.mark.parametrize("text", [None, "a\tb\tc", "1\t2"])
def test_a_log_of_h2load_that_is_broken_is_refused(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / LOG).write_text(text, encoding="ascii")

    with pytest.raises(MeasureError, match="the log of h2load cannot be read"):
        H2load(requests=(GET,)).told(drive(tmp_path), "")


@pytest.mark.parametrize(
    ("request_", "wrong"),
    [
        (GET, ""),
        (Request(name="a", method="POST", path="/"), "a method other than GET"),
        (Request(name="a", method="GET", path="/", body="x"), "a body"),
        (Request(name="a", method="GET", path="/", contains="x"), "checks of the answer"),
        (Request(name="a", method="GET", path="/{id}"), "fields"),
        (Request(name="a", method="GET", path="/", status=(404,)), "headers or statuses that differ"),
    ],
)
def test_what_h2load_cannot_send_is_named(request_: Request, wrong: str) -> None:
    assert cannot((GET, request_), {"rows": False}) == wrong
    assert cannot((GET,), {"rows": True}) == "rows"


def test_weights_headers_and_users_reach_h2load(tmp_path: Path) -> None:
    requests = (
        Request(name="a", method="GET", path="/a", weight=3.0, headers=(("x-test", "1"),)),
        Request(name="b", method="GET", path="/b", weight=1.0, headers=(("x-test", "1"),)),
    )

    launch = H2load(requests=requests).launch(drive(tmp_path, users=4, rate=2000.0, seconds=2.0))

    assert [word.rpartition("/")[2] for word in launch.argv[-4:]] == ["a", "a", "a", "b"]
    words = " ".join(launch.argv)
    assert "-c 4" in words
    assert "-n 4000" in words
    assert "--rps=500" in words
    assert "-H x-test: 1" in words


def searched(home: Path, base: str | None, head: str, **changes: Any) -> CapacitySuite:
    changes = {"rate": None, "seconds": 2.1, **changes}
    found = measured(home, base, head, measured_by=CapacitySuite, **changes)
    assert isinstance(found, CapacitySuite)
    return found


def test_twice_the_work_is_half_the_capacity(sides: Path) -> None:
    slo = Slo(label="p95", quantile=0.95, bound_s=1.0)
    found = searched(sides, "works", "works-twice", slo=slo, core_hour=0.1, pairs=3)

    assert found.failures == ({}, {})
    base, head = ([reading.values["capacity"][0] for reading in side] for side in found.tracks["total"].readings)
    # The median of three: one pair of two seconds may meet another test.
    assert median(h / b for b, h in zip(base, head, strict=True)) == pytest.approx(0.55, abs=0.15)
    base, head = (values(found, side) for side in (0, 1))
    assert head["capacity.slo"] < head["capacity"]
    (meaning,) = found.tracks["total"].notes["capacity"]
    assert meaning.text.count("in flight, a million requests cost") == 2


def test_an_slo_that_does_not_hold_even_at_half_is_said(sides: Path) -> None:
    found = searched(sides, None, "waits", slo=Slo(label="p50", quantile=0.5, bound_s=0.001))

    assert "capacity.slo" not in values(found, 0)
    (note,) = found.tracks["total"].notes["capacity.slo"]
    assert note.hides
    assert "p50 < 1 ms did not hold even at 50 % of the capacity" in note.text


def test_errors_are_no_capacity(sides: Path) -> None:
    found = searched(sides, None, "works-and-fails")  # so that it, not the generator, is what limits

    assert values(found, 0)["errors"] == pytest.approx(0.5, abs=0.2)
    assert values(found, 0)["capacity"] > 0


def test_a_generator_at_its_end_names_the_next_engine(sides: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perfgate.measure.capacity.BUSIEST_GENERATOR", -1.0)

    found = searched(sides, None, "good")

    reason, text = failed(found, 0)
    assert reason is Reason.UNFAIR
    assert 'so the capacity is beyond it: measure with engine = "h2load"' in text


@needs_h2load
def test_h2load_searches_a_capacity_too(sides: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perfgate.measure.capacity.SHARES", (0.3, 0.5))  # even where the machine becomes busier
    slo = Slo(label="p50", quantile=0.5, bound_s=5.0)

    found = searched(sides, None, "works", engine=H2load(requests=(GET,)), slo=slo)

    assert found.failures == ({},)
    seen = values(found, 0)
    assert 10 < seen["capacity.slo"] < seen["capacity"] < 600  # 2 ms of CPU each: 500/s, beside nothing else


@needs_h2load
def test_a_rate_that_the_service_falls_behind_is_not_sustained(sides: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perfgate.measure.capacity.SHARES", (0.3, 4.0))
    slo = Slo(label="p95", quantile=0.95, bound_s=1.0)

    found = searched(sides, None, "works", engine=H2load(requests=(GET,)), slo=slo)

    assert found.failures == ({},)
    seen = values(found, 0)
    assert seen["capacity.slo"] == pytest.approx(0.3 * seen["capacity"])


def _children_of_masters(home: Path) -> list[int]:
    """Return the workers of the Locust processes that run in `home`."""
    found = []
    for process in psutil.process_iter():
        try:
            mine = process.cwd() == str(home) and "locust" in " ".join(process.cmdline())
            parent = process.parent() if mine else None
            if parent is not None and "locust" in " ".join(parent.cmdline()):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found
