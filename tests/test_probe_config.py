from pathlib import Path

import pytest

from perfgate.config.load import load
from perfgate.config.probe import LoadSuite
from perfgate.core.load.plan import Shape
from perfgate.errors import ConfigError, UsageError
from perfgate.host.interrupt import Interrupts
from perfgate.pipeline.probing import look, probe, whole
from tests.live import place

PROBE = """\
[suite.api]
runner = "load"
command = "python -m uvicorn app:app --port {port}"
requests = { list = "GET /items" }
"""


def read(tmp_path: Path, text: str) -> LoadSuite:
    (tmp_path / "perfgate.toml").write_text(text, encoding="utf-8")
    suite = load(tmp_path, environ={}).config.suite["api"]
    assert isinstance(suite, LoadSuite)
    return suite


def test_four_lines_are_a_probe(tmp_path: Path) -> None:
    suite = read(tmp_path, PROBE)
    plan = suite.plan()

    assert suite.planned == plan.starts == 12
    assert plan.seconds == pytest.approx(20 / 12)
    assert (plan.rate, plan.shape, plan.users) == (None, Shape.CONSTANT, 0)
    assert [(r.name, r.method, r.path) for r in plan.requests] == [("list", "GET", "/items")]


@pytest.mark.parametrize(("duration", "starts"), [("5s", 6), ("20s", 12), ("40s", 24), ("60s", 36)])
def test_longer_probes_have_more_starts(tmp_path: Path, duration: str, starts: int) -> None:
    assert read(tmp_path, PROBE + f'duration = "{duration}"\n').planned == starts


def test_a_full_probe_becomes_a_plan(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"id": 7}\n\n{"id": 8}\n', encoding="utf-8")
    suite = read(
        tmp_path,
        """\
[suite.api]
runner = "load"
command = "serve {port} {data}"
shape = "spike"
rate = "50/s"
starts = 12
rows = "rows.jsonl"
ready = "log:listening"
[suite.api.requests.add]
send = "POST /items/{id}"
weight = 3
json = { id = "{id}", tags = ["a", "{token}"] }
headers = { Authorization = "Bearer {token}" }
status = [201, 409]
expect-json = { "item.id" = 7 }
expect-headers = { ETag = "" }
[suite.api.login]
send = "POST /login"
status = 200
keep = { token = "token" }
[[suite.api.stages]]
for = "1s"
to = "100/s"
""",
    )

    found = probe(tmp_path, "api", suite)
    plan = found.plan

    assert (found.ready.line, found.ready.path) == ("listening", "")
    assert plan.rows == ({"id": 7}, {"id": 8})
    assert (plan.shape, plan.rate, plan.stages, plan.starts) == (Shape.SPIKE, 50.0, ((1.0, 100.0),), 12)
    (add,) = plan.requests
    assert add.json_body == '{"id": "{id}", "tags": ["a", "{token}"]}'
    assert (add.status, add.expect_json, add.expect_headers) == ((201, 409), (("item.id", "7"),), (("ETag", ""),))
    assert plan.login is not None
    assert (plan.login.request.status, plan.login.keep) == ((200,), {"token": "token"})


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('rate = "99999/s"', "no single machine holds"),
        ('rate = "200"', "has no unit"),
        ('duration = "11m"', "longer than 10 minutes"),
        ('rate = "5k/s"\nduration = "5m"', "more than 1,000,000 requests"),
        ("users = 100000", "less than or equal to 400"),
        ('users = 3\nrate = "5/s"', "exclude each other"),
        ('url = "http://example.com:{port}"', 'not this machine: example.com; if its owner agreed, write allow = ["ex'),
        ('url = "http://10.0.0.1:{port}"', "not this machine: 10.0.0.1"),
        ('url = "ftp://127.0.0.1"', "must be a scheme, a host and {port}"),
        ('ready = "soon"', 'must be a path as in "/health"'),
        ('url = "http://127.0.0.1:8080"', "lacks {port}: both sides would be one service"),
        ('url = "https://127.0.0.1:{port}"\nready = "/"', "ready is asked over http"),
        ('ca = "ca.pem"', "are for an https url"),
        ('url = "https://127.0.0.1:{port}"\nready = "tcp"\nca = "ca.pem"\ninsecure = true', "exclude each other"),
        ('search = "capacity"\nrate = "10/s"', "chooses users and rates"),
        ('slo = "p95 < 50ms"', 'need search = "capacity"'),
        ('search = "capacity"\nslo = "p95"', "is not an objective of a latency"),
        ('engine = "locust"', "Locust's users decide"),
        ('engine = "h2load"\nrate = "500/s"\nusers = 2', "keeps 100/s a connection"),
        ('warmup = "3s"', "leaves nothing of 1.7 s"),
        ("starts = 5", "greater than or equal to 6"),
        ('data = "../other"', "must be a path below the root"),
        ('command = "\'"', "cannot be split"),
        ('stages = [{ for = "1s", to = "5/s" }]', "stages need a rate"),
        ('shape = "round"', "Input should be"),
        ("raet = 1", "did you mean 'rate'"),
    ],
)
def test_a_fault_of_a_probe_is_said_with_its_value(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(
            tmp_path,
            PROBE.replace('command = "python -m uvicorn app:app --port {port}"\n', "") + line + "\n"
            if line.startswith("command")
            else PROBE + line + "\n",
        )

    assert said.lower() in caught.value.message.lower()


@pytest.mark.parametrize("request_", ["/items", "FETCH /items", "GET items", "GET http://example.com/"])
def test_a_request_is_a_method_and_a_path(tmp_path: Path, request_: str) -> None:
    with pytest.raises(ConfigError, match="is not a request"):
        read(tmp_path, PROBE.replace("GET /items", request_))


def test_loopback_by_any_name_and_allowed_hosts_are_taken(tmp_path: Path) -> None:
    for url in ("http://localhost:{port}", "http://[::1]:{port}", "https://127.0.0.2:{port}"):
        assert read(tmp_path, PROBE + f'url = "{url}"\n').url == url
    allowed = read(tmp_path, PROBE + 'url = "http://172.17.0.2:{port}"\nallow = ["172.17.0.2"]\n')
    assert allowed.url == "http://172.17.0.2:{port}"


@pytest.mark.parametrize(
    ("line", "files", "said"),
    [
        ('data = "seed.db"', {}, "suite.api.data: there is no seed.db"),
        ('rows = "rows.csv"', {"rows.csv": "id\n"}, "rows.csv has no rows"),
        ('rows = "rows.jsonl"', {"rows.jsonl": '{"id": 1}\n[1]\n'}, "rows.jsonl:2 is no JSON object"),
        ('rows = "rows.jsonl"', {"rows.jsonl": "{\n"}, "rows.jsonl:1 is not JSON"),
        ('rows = "rows.csv"', {"rows.csv": "id\n1\n"}, "wants {number}, which neither every row nor the login gives"),
        ('rows = "r.jsonl"', {"r.jsonl": '{"number": 1}\n{}\n'}, "wants {number}, which neither every row"),
        ('rows = "rows.csv"', {"rows.csv": "number,name\n1,a\n2\n"}, "rows.csv:3 has not as many fields"),
        ('rows = "rows.csv"', {"rows.csv": "number\n1,2\n"}, "rows.csv:2 has not as many fields"),
    ],
)
def test_files_of_a_probe_are_checked(tmp_path: Path, line: str, files: dict[str, str], said: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    suite = read(tmp_path, PROBE.replace("/items", "/items/{number}") + line + "\n")

    with pytest.raises(ConfigError) as caught:
        probe(tmp_path, "api", suite)

    assert said in caught.value.message


LOCUST = PROBE.replace('requests = { list = "GET /items" }\n', 'engine = "locust"\n')


def test_a_locustfile_must_be_there_and_only_locust_knows_what_it_sends(tmp_path: Path) -> None:
    suite = read(tmp_path, LOCUST)
    with pytest.raises(ConfigError, match=r"suite.api.locustfile: there is no locustfile.py"):
        probe(tmp_path, "api", suite)

    (tmp_path / "locustfile.py").write_text("", encoding="utf-8")
    found = probe(tmp_path, "api", suite)

    assert found.plan.users == 10
    with pytest.raises(UsageError, match="what api sends is only known to Locust"), Interrupts() as interrupts:
        look(found, place(tmp_path), interrupts, seed=1, tell=lambda at, seen: None)


def test_what_h2load_cannot_send_is_a_fault_of_the_configuration(tmp_path: Path) -> None:
    suite = read(tmp_path, PROBE.replace("GET /items", "POST /items") + 'engine = "h2load"\n')

    with pytest.raises(ConfigError, match=r"suite.api: h2load cannot send a method other than GET"):
        probe(tmp_path, "api", suite)


def test_h2load_gets_as_many_connections_as_its_clock_wants(tmp_path: Path) -> None:
    plan = probe(tmp_path, "api", read(tmp_path, PROBE + 'engine = "h2load"\nrate = "950/s"\n')).plan

    assert (plan.users, plan.rate, plan.starts) == (10, 950.0, 6)


def test_a_look_is_bounded_too(tmp_path: Path) -> None:
    plan = read(tmp_path, PROBE).plan()

    with pytest.raises(UsageError, match="are more than 1,000,000 requests"):
        whole(plan, rate="20000/s", duration="10m")
    assert whole(plan, rate="10/s", duration=None).rate == 10.0
