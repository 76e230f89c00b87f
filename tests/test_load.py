"""Load probes against real services, most of which misbehave; none leaves anything behind."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import psutil
import pytest

from perfgate.core.load.plan import Login, Plan
from perfgate.core.load.traffic import Request
from perfgate.core.model import Reason, Revision
from perfgate.core.ports import Place
from perfgate.host.git import Repository
from perfgate.host.interrupt import Interrupts
from perfgate.host.service import Ready
from perfgate.measure.load import LoadSuite
from perfgate.measure.probe import Probe, ProbeSuite
from perfgate.measure.sides import PreparedSide
from perfgate.measure.start import SYSTEM, Trust
from perfgate.measure.track import Circumstances
from perfgate.runners.load import Load

SERVER = Path(__file__).parent / "services" / "server.py"
GET = Request(name="get", method="GET", path="/")


@pytest.fixture
def sides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory for the sides; afterwards no process, port or file of any service is left."""
    home, scratch = tmp_path / "sides", tmp_path / "scratch"
    home.mkdir()
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    monkeypatch.setattr("perfgate.core.load.tally.LATE_S", 1.0)  # other tests beside it keep the generator waiting
    yield home
    left = [
        process
        for process in psutil.process_iter()
        if str(home) in _cwd(process) and process.status() != psutil.STATUS_ZOMBIE
    ]
    assert left == []
    assert psutil.Process().children(recursive=True) == []
    assert list(scratch.iterdir()) == []


def _cwd(process: psutil.Process) -> str:
    try:
        return process.cwd()
    except psutil.Error:
        return ""


def plan(**changes: Any) -> Plan:
    values = {"requests": (GET,), "rate": 80.0, "seconds": 1.0, "warmup_s": 0.2, "starts": 6, "timeout_s": 2.0}
    return Plan(**{**values, **changes})


def suite(home: Path, interrupts: Interrupts, base: str | None, head: str, **changes: Any) -> ProbeSuite:
    """A probe of two services, or of head's alone, in the modes that the words say."""
    modes = [mode for mode in (base, head) if mode is not None]
    prepared = []
    for number, mode in enumerate(modes):
        root = home / f"side{number}"
        root.mkdir(exist_ok=True)
        (root / "mode").write_text(mode, encoding="utf-8")
        place = Place(root=str(root), python=sys.executable, environ=(("PATH", os.environ["PATH"]),))
        prepared.append(PreparedSide(revision=Revision(label=mode), place=place, directory=root))
    probe = Probe(
        name="api",
        measured_by=changes.pop("measured_by", LoadSuite),
        engine=changes.pop("engine", None),
        service=Load(
            command=changes.pop("command", f"{sys.executable} {SERVER} {{port}}"),
            prepare=changes.pop("prepare", None),
            environment=changes.pop("environment", {}),
        ),
        ready=changes.pop("ready", Ready()),
        url=changes.pop("url", "http://127.0.0.1:{port}"),
        trust=changes.pop("trust", SYSTEM),
        data=changes.pop("data", None),
        timeout_s=changes.pop("timeout_s", 10.0),
        plan=plan(**changes),
    )
    around = Circumstances(
        repository=cast(Repository, None), mark=f"test-{os.getpid()}", seed=1, effort_s=1.0, interrupts=interrupts
    )
    return probe.begin(prepared, around)


def measured(home: Path, base: str | None, head: str, *, pairs: int = 1, **changes: Any) -> ProbeSuite:
    with Interrupts() as interrupts:
        found = suite(home, interrupts, base, head, **changes)
        with found.resources:
            found.explore()
            for number in range(pairs):
                if found.tracks:
                    found.run_pair(number)
    return found


def values(found: ProbeSuite, side: int, name: str = "total") -> dict[str, float]:
    return {metric: value[0] for metric, value in found.tracks[name].readings[side][0].values.items()}


def failed(found: ProbeSuite, side: int) -> tuple[Reason, str]:
    failure = found.failures[side]["total"]
    return failure.reason, failure.text


def test_two_good_services_give_every_sli(sides: Path) -> None:
    found = measured(sides, "good", "good", requests=(GET, Request(name="other", method="GET", path="/b")))

    assert found.failures == ({}, {})
    assert list(found.tracks) == ["total", "get", "other"]
    base = values(found, 0)
    assert base["errors"] == 0
    assert 0 < base["latency.p50"] <= base["latency.p95"] <= base["latency.max"]
    assert base["latency.p50"] >= base["service-time.p50"] * 0.9
    assert base["cpu-per-request"] > 0
    assert base["rss"] > 2**20
    assert base["ready-time"] > 0
    assert base["throughput"] == pytest.approx(80, rel=0.05)
    assert {d.metric for d in found.distributions[1]} == {"latency", "service-time"}
    assert set(found.offered(0)) == {found.tracks[name].benchmark for name in found.tracks}


def test_one_side_alone_is_measured_too(sides: Path) -> None:
    found = measured(sides, None, "good")

    assert values(found, 0)["errors"] == 0
    assert found.tracks["total"].effects == {}


@pytest.mark.parametrize(
    ("mode", "reason", "said"),
    [
        ("exits", Reason.DIED, "exited with status 1\nno database here"),
        ("never", Reason.TIMEOUT, "was not ready within 1.5 s (nothing listens on port"),
        ("fails", Reason.NOTHING, "no request was served: status 500"),
        ("truncates", Reason.NOTHING, "no request was served: ClientPayloadError"),
        ("resets", Reason.NOTHING, "no request was served: "),
    ],
)
@pytest.mark.parametrize("side", [0, 1])
def test_a_service_that_does_not_serve_fails_its_own_side(
    sides: Path, mode: str, reason: Reason, said: str, side: int
) -> None:
    modes = ["good", "good"]
    modes[side] = mode

    found = measured(sides, *modes, timeout_s=1.5 if mode == "never" else 10.0)

    assert failed(found, side)[0] is reason
    assert said in failed(found, side)[1]
    assert found.failures[1 - side] == {}
    assert found.tracks == {}


def test_a_service_that_crashes_in_the_middle_fails_its_side_with_its_status(sides: Path) -> None:
    found = measured(sides, "good", "good")
    assert not any(found.failures)

    (sides / "again").mkdir()
    broken = measured(sides / "again", "good", "crashes", rate=150.0)

    assert failed(broken, 1)[0] in (Reason.DIED, Reason.NOTHING)
    assert "exited with status 7" in failed(broken, 1)[1]


def test_a_service_that_hangs_on_term_is_killed_and_said(sides: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perfgate.host.service.END_S", 0.3)

    found = measured(sides, "good", "hangs")

    assert found.failures == ({}, {})
    assert any("did not end within" in warning.text for warning in found.warnings)


def test_a_daemon_is_measured_and_ended(sides: Path) -> None:
    found = measured(sides, "good", "daemonises")

    assert found.failures == ({}, {})
    assert values(found, 1)["cpu-per-request"] > 0


def test_a_flood_of_output_and_a_leak_are_borne(sides: Path) -> None:
    found = measured(sides, "floods", "leaks")

    assert found.failures == ({}, {})
    assert values(found, 1)["rss-growth"] > 64 * 2**10 * 40
    assert values(found, 0)["errors"] == 0


def test_what_is_slow_at_first_only_is_warm_up(sides: Path) -> None:
    found = measured(sides, "good", "slow-at-first", seconds=1.6, warmup_s=0.8)

    assert values(found, 1)["latency.p50"] < 0.02


def test_a_foreign_listener_is_not_measured(sides: Path) -> None:
    """A server left over from before once answered in the place of the one that was started."""
    stop, listeners = threading.Event(), []

    def listen() -> None:
        while not stop.wait(0.05):
            for wanted in sides.glob("side*/wanted"):
                port = wanted.read_text(encoding="utf-8")
                if port and port not in listeners:
                    listeners.append(port)
                    sock = socket.socket()
                    sock.bind(("127.0.0.1", int(port)))
                    sock.listen()
                    listeners.append(sock)

    thread = threading.Thread(target=listen)
    thread.start()
    try:
        found = measured(sides, "good", "elsewhere")
    finally:
        stop.set()
        thread.join()
        for each in listeners:
            if isinstance(each, socket.socket):
                each.close()

    reason, text = failed(found, 1)
    assert reason is Reason.DIED
    assert f"belongs to another process ({os.getpid()})" in text


def test_a_worker_that_is_forked_while_listeners_are_listed_is_no_foreigner(
    sides: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = psutil.net_connections

    def after_a_fork(kind: str) -> Any:
        (port,) = (each.read_text(encoding="utf-8") for each in sides.glob("side*/wanted"))
        with socket.create_connection(("127.0.0.1", int(port))) as client:
            client.sendall(b"GET /fork HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"200" in client.recv(100)
        return listed(kind)

    monkeypatch.setattr(psutil, "net_connections", after_a_fork)

    assert measured(sides, None, "forks").failures == ({},)


def test_a_service_without_the_port_in_its_command_says_what_to_do(sides: Path) -> None:
    found = measured(sides, "good", "good", command=f"{sys.executable} -c 'import time; time.sleep(60)'", timeout_s=0.5)

    assert (
        "the command gets it as {port} and as PORT" in failed(found, found.sides and 1 if found.failures[1] else 0)[1]
    )


def test_a_command_that_is_none_fails_with_its_name(sides: Path) -> None:
    found = measured(sides, "good", "good", command="no-such-server {port}")

    assert any("cannot start no-such-server" in f["total"].text for f in found.failures if f)


def test_readiness_by_path_and_by_a_line(sides: Path) -> None:
    by_path = measured(sides, None, "good", ready=Ready(path="/health"))
    (sides / "two").mkdir()
    by_line = measured(sides / "two", None, "good", ready=Ready(line="never printed"), timeout_s=0.5)

    assert by_path.failures == ({},)
    assert "no line with 'never printed'" in by_line.failures[0]["total"].text


TINY = """\
import socket, ssl, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args):
        pass

class Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET

server = Server((sys.argv[1], int(sys.argv[2])), Handler)
if len(sys.argv) > 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3])
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""


def tiny(home: Path, host: str, *more: str) -> str:
    """Return the command of a server on one address, with a certificate if there is one."""
    (home / "tiny.py").write_text(TINY)
    return " ".join([sys.executable, str(home / "tiny.py"), host, "{port}", *more])


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")
def test_a_service_is_asked_at_the_address_that_url_names(sides: Path) -> None:
    command = tiny(sides, "::1")

    found = measured(sides, None, "good", command=command, url="http://[::1]:{port}")
    (sides / "elsewhere").mkdir()
    elsewhere = measured(sides / "elsewhere", None, "good", command=command, timeout_s=2.0)

    assert found.failures == ({},)
    assert "it listens on [::1], and url asks 127.0.0.1" in failed(elsewhere, 0)[1]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_a_certificate_of_its_own_is_trusted_where_the_suite_names_it(sides: Path, tmp_path: Path) -> None:
    key, cert, both = (tmp_path / name for name in ("key.pem", "cert.pem", "both.pem"))
    names = "subjectAltName=IP:127.0.0.1"
    command = f"openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=here -addext {names} -keyout {key} -out {cert}"
    subprocess.run(command.split(), check=True, capture_output=True)
    both.write_text(key.read_text() + cert.read_text())
    serves = {"command": tiny(sides, "127.0.0.1", str(both)), "url": "https://127.0.0.1:{port}"}

    for place, trust in enumerate((Trust(ca=cert), Trust(anybody=True))):
        (sides / f"{place}").mkdir()
        trusted = measured(sides / f"{place}", None, "good", trust=trust, **serves)
        assert trusted.failures == ({},)
    (sides / "strange").mkdir()
    strange = measured(sides / "strange", None, "good", **serves)

    assert "its certificate is not trusted: name a trusted one with `ca`" in str(strange.failures[0]) + str(
        [track.warnings for track in strange.tracks.values()]
    )


def test_each_start_gets_its_own_copy_of_the_data_and_is_prepared(sides: Path) -> None:
    (sides / "seed").mkdir()
    (sides / "seed" / "a.txt").write_text("1", encoding="utf-8")
    script = sides / "prepare.py"
    script.write_text(
        "import sys, pathlib\n"
        "here = pathlib.Path(sys.argv[1])\n"
        "assert (here / 'a.txt').read_text() == '1'\n"
        "(here / 'a.txt').write_text('2')\n"
        "print(sys.argv[2], file=open(sys.argv[3], 'a'))\n",
        encoding="utf-8",
    )
    log = sides / "log"

    found = measured(
        sides, "good", "good", data=sides / "seed", prepare=f"{sys.executable} {script} {{data}} {{side}} {log}"
    )

    assert found.failures == ({}, {})
    assert sorted(log.read_text(encoding="utf-8").split()) == ["base", "base", "head", "head"]
    assert (sides / "seed" / "a.txt").read_text(encoding="utf-8") == "1"


def test_a_preparation_that_fails_fails_its_side(sides: Path) -> None:
    found = measured(sides, "good", "good", prepare=f"{sys.executable} -c 'raise SystemExit(\"no database\")'")

    assert any("exited with status 1\nno database" in f["total"].text for f in found.failures if f)


def test_rows_and_a_login_fill_the_requests(sides: Path) -> None:
    login = Login(
        request=Request(name="login", method="POST", path="/login", json_body='{"user": "u"}'), keep={"token": "token"}
    )
    secret = Request(name="secret", method="GET", path="/secret", headers=(("Authorization", "Bearer {token}"),))

    found = measured(sides, "good", "good", requests=(secret,), login=login)

    assert found.failures == ({}, {})
    assert values(found, 1)["errors"] == 0


def test_a_login_that_fails_says_so(sides: Path) -> None:
    login = Login(
        request=Request(name="login", method="POST", path="/login", json_body="{}"), keep={"token": "nowhere.at.all"}
    )

    found = measured(sides, "good", "good", login=login)

    reason, text = failed(found, 0)
    assert reason is Reason.RAISED
    assert text == "the login's answer has nothing at 'nowhere'"


def test_users_of_a_closed_model_wait_for_their_answers(sides: Path) -> None:
    found = measured(sides, "waits", "waits", rate=None, users=3, seconds=0.6)

    assert found.failures == ({}, {})
    assert values(found, 0)["in-flight.max"] <= 3
    assert values(found, 0)["throughput"] == pytest.approx(values(found, 1)["throughput"], rel=0.1)


def test_a_side_that_holds_up_the_other_gets_windows_of_its_own(sides: Path) -> None:
    """A rate that keeps the shared CPU busy is not sent to both sides at once."""
    found = measured(sides, "works", "works", rate=250.0)

    assert found.failures == ({}, {})
    assert {warning.code for warning in found.warnings} & {"windows", "cross-talk"}
    assert isinstance(found, LoadSuite)
    assert found._apart
    assert values(found, 0)["latency.p50"] > 0


def test_starts_that_say_nothing_of_the_code_are_given_up_and_never_pass(
    sides: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perfgate.measure.load.MOST_LATE", -1.0)

    found = measured(sides, "good", "good")

    reason, text = failed(found, 0)
    assert reason is Reason.UNFAIR
    assert "left more than 0.5 ms late" in text


def test_starts_that_stop_counting_leave_a_doubt_that_hides(sides: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Interrupts() as interrupts:
        found = suite(sides, interrupts, "good", "good")
        with found.resources:
            found.explore()
            found.run_pair(0)
            monkeypatch.setattr("perfgate.measure.load.BUSIEST_GENERATOR", -1.0)
            found.run_pair(1)

    track = found.tracks["total"]
    assert not track.open
    assert any(warning.hides and "the generator was busy" in warning.text for warning in track.warnings)


def test_two_sides_that_fail_alike_under_load_are_no_measurement(sides: Path) -> None:
    with Interrupts() as interrupts:
        found = suite(sides, interrupts, "good", "good")
        with found.resources:
            found.explore()
            for number in (0, 1):
                (sides / f"side{number}" / "mode").write_text("fails", encoding="utf-8")
            found.run_pair(0)

    for side in (0, 1):
        reason, text = failed(found, side)
        assert reason is Reason.NOTHING
        assert text == "under load no request was served: status 500"


def test_what_mostly_fails_says_little_and_hides(sides: Path) -> None:
    found = measured(sides, None, "fails-mostly")

    (warning,) = found.tracks["total"].warnings
    assert warning.hides
    assert "requests failed: what the others took says little" in warning.text


def test_a_metric_that_some_starts_lack_hides(sides: Path) -> None:
    found = measured(sides, None, "good", pairs=2)
    track = found.tracks["total"]
    track.readings[0][0].values.pop("latency.p50")

    (sample,) = (each for each in track.samples(0) if each.sli.metric.name == "latency.p50")

    assert [warning.text for warning in sample.warnings if warning.hides and warning.code == "gaps"] == [
        "latency.p50 is there in 1 of 2 pairs only: what the others lack may be the change"
    ]


def test_a_preparation_that_hangs_is_ended_with_what_it_started(sides: Path) -> None:
    found = measured(sides, "good", "good", prepare="sleep 60", timeout_s=1.0)

    reason, text = failed(found, 0)
    assert (reason, text) == (Reason.TIMEOUT, "the service `sleep 60` did not end within 1 s")


def test_a_probe_is_one_job_s_whole(sides: Path) -> None:
    from dataclasses import replace

    from perfgate.core.model import Part

    with Interrupts() as interrupts:
        for number in (1, 2):
            home = sides / str(number)
            home.mkdir()
            found = suite(home, interrupts, None, "good")
            found.around = replace(found.around, part=Part(number=number, of=2))
            with found.resources:
                found.explore()
            assert bool(found.tracks) == found.around.part.holds(found._benchmark("total"))
