"""Load probes as a user meets them: the command line, a real repository, real servers."""

import json
import shutil
from pathlib import Path

import pytest

from tests.live import Project

SERVER = Path(__file__).parent / "services" / "server.py"
CONFIG = """\
[suite.api]
runner = "load"
command = "python server.py {port}"
rate = "100/s"
duration = "4.8s"
starts = 6
[suite.api.requests]
get = "GET /"
other = { send = "GET /other", weight = 2, contains = "ok" }
"""


@pytest.fixture
def service(project: Project) -> Project:
    shutil.copy(SERVER, project.root / "server.py")
    project.put("perfgate.toml", CONFIG)
    project.put("mode", "good")
    project.commit("base")
    return project


def rows(report: str) -> dict[str, str]:
    return {
        row["sli"]["benchmark"]["name"] + ":" + row["sli"]["metric"]["name"]
        if row["sli"]
        else row["benchmark"]["name"]: row["verdict"]
        for row in json.loads(report)["report"]["judgements"]
    }


def test_a_service_that_waits_longer_is_blocked_by_latency_and_not_by_its_cpu(service: Project) -> None:
    service.put("mode", "waits")

    done = service.perfgate("compare", "HEAD", "--format", "json", "--seed", "3")

    assert done.returncode == 1, done.stderr
    found = rows(done.stdout)
    assert {found[f"{name}:latency.p50"] for name in ("total", "get", "other")} == {"regression"}
    assert found["total:errors"] == "pass"
    judged = json.loads(done.stdout)["report"]["judgements"]
    cpu = [row for row in judged if row["sli"] and row["sli"]["metric"]["name"] == "cpu-per-request"]
    assert [row["blocks"] for row in cpu] == [False]  # it warns at most: a thread that sleeps costs a little CPU too


def test_a_service_that_fails_half_of_its_requests_is_blocked_by_its_errors(service: Project) -> None:
    service.put("mode", "fails-often")

    done = service.perfgate("compare", "HEAD", "--seed", "3")

    assert done.returncode == 1, done.stderr
    assert "regression  api/total:errors" in done.stdout
    assert "0 of " in done.stdout


def test_base_that_does_not_start_is_no_regression_of_head(service: Project) -> None:
    service.put("mode", "exits")
    service.commit("broken")
    service.put("mode", "good")

    done = service.perfgate("compare", "HEAD")

    assert done.returncode == 0, done.stdout
    assert "head runs it, but on base it took its process down" in done.stdout


def test_head_that_does_not_start_is_a_failure_with_its_last_words(service: Project) -> None:
    service.put("mode", "exits")

    done = service.perfgate("compare", "HEAD")

    assert done.returncode == 3, done.stdout
    assert "the service exited with status 1" in done.stdout
    assert "no database here" in done.stdout


def test_a_run_file_holds_the_distributions_and_is_read_again(service: Project) -> None:
    done = service.perfgate("measure", "--processes", "2", "-o", "run.json")

    assert done.returncode == 0, done.stderr
    run = json.loads((service.root / "run.json").read_text(encoding="utf-8"))["run"]
    counts = [sum(count for _, count in each["histogram"]["counts"]) for each in run["distributions"]]
    assert len(run["distributions"]) == 2 * 2 * 3
    assert all(count > 5 for count in counts)
    assert service.perfgate("compare", "run.json", "run.json").returncode == 0


def test_ctrl_c_under_load_leaves_nothing(service: Project) -> None:
    import signal
    import time

    process = service.start("compare", "HEAD")
    deadline = time.monotonic() + 60
    while not service.pids("server.py") and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)

    _, err = process.communicate(timeout=60)

    assert process.returncode == 130, err


def test_a_look_at_one_service_shows_rates_and_quantiles(service: Project) -> None:
    done = service.perfgate("load", "api", "--duration", "1.5s", "--rate", "60/s")

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["requests", "rate", "p50", "p90", "p95", "p99", "max", "failed"]
    assert [line.split()[0] for line in lines[1:4]] == ["get", "other", "total"]
    assert "60/s" in lines[3]
    assert "s  " in done.stderr


def test_a_look_at_what_does_not_serve_ends_with_3(service: Project) -> None:
    service.put("mode", "fails")
    failing = service.perfgate("load", "api", "--duration", "1s")
    service.put("mode", "exits")
    exiting = service.perfgate("load", "api", "--duration", "1s")
    unknown = service.perfgate("load", "apo")
    wrong = service.perfgate("load", "api", "--rate", "60")

    assert (failing.returncode, "failed: status 500 (" in failing.stdout) == (3, True)
    assert (exiting.returncode, "no database here" in exiting.stderr) == (3, True)
    assert (unknown.returncode, "there are: api" in unknown.stderr) == (2, True)
    assert (wrong.returncode, "has no unit" in wrong.stderr) == (2, True)
