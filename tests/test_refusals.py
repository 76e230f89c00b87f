"""What GitHub may refuse, and what is then said: one golden page, every row in the words that a user reads."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest

from perfgate.publishers.github import client
from tests.hub import ALL, BOT, Fault, Hub
from tests.test_publish import World, both, world

__all__ = ["world"]  # the fixture
COMMENTS = "(GET|POST) .*/comments"
SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
NOT_YOURS = "Resource not accessible by integration"


def without(right: str) -> Callable[[Hub], None]:
    def take(hub: Hub) -> None:
        hub.rights = ALL - {right}

    return take


def failing(what: str, status: int, message: str, *, times: int = 9, **headers: str) -> Callable[[Hub], None]:
    return lambda hub: hub.fail(what, status, message, times=times, **headers)


def lock(hub: Hub) -> None:
    hub.locked = True


def half_a_page(hub: Hub) -> None:
    hub.faults.append(Fault(what="GET .*/comments", answer=(200, b'[{"id": 1, "bo', {"X-Broken": "1"}), times=9))


def slow(hub: Hub) -> None:
    hub.say("x", **BOT)
    hub.before_answer = lambda: threading.Event().wait(1.5)


SITUATIONS: dict[str, tuple[Callable[[Hub], None], int]] = {
    "no right to comment": (without("pull-requests: write"), 3),
    "no right to checks": (without("checks: write"), 3),
    "no right to statuses": (without("statuses: write"), 3),
    "no right to artifacts": (without("actions: read"), 3),
    "no right to contents": (without("contents: write"), 3),
    "no right to pull requests": (failing("GET .*/pulls$", 403, NOT_YOURS), 3),
    "a private repository hides itself": (failing("GET .*/pulls$", 404, "Not Found"), 3),
    "a token that is none": (failing("GET .*/pulls$", 401, "Bad credentials"), 3),
    "a locked conversation": (lock, 0),
    "a secondary limit that ends": (failing(COMMENTS, 403, SECONDARY, times=1, Retry_After="1"), 0),
    "a secondary limit without a time that ends": (failing(COMMENTS, 403, SECONDARY, times=1), 0),
    "a secondary limit that stays": (failing(COMMENTS, 429, SECONDARY, Retry_After="3600"), 3),
    "the hour's requests are used up": (
        failing(COMMENTS, 403, "API rate limit exceeded for installation ID 1.", X_RateLimit_Remaining="0",
                X_RateLimit_Reset="4102444800"),
        3,
    ),
    "a bad moment": (failing(COMMENTS, 502, "Server Error", times=2), 0),
    "a bad day": (failing(COMMENTS, 502, "Server Error"), 3),
    "half a page": (half_a_page, 3),
    "an answer that does not come": (slow, 3),
    "a comment that is refused": (failing("POST .*/comments", 422, "Validation Failed"), 3),
}  # fmt: skip


def test_each_refusal_says_what_failed_and_the_lines_that_mend_it(
    world: World, golden: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(client, "LONGEST_WAIT_S", 1.01)
    monkeypatch.setattr(client, "TIMEOUT_S", 1)
    monkeypatch.setattr(client, "BACKOFF_S", 0.05)
    world.pull()
    world.ran(both())
    told = []
    for name, (happens, code) in SITUATIONS.items():
        hub = world.hub
        hub.rights, hub.faults, hub.locked, hub.comments, hub.before_answer = ALL, [], False, [], None
        happens(hub)
        with mock.patch("time.sleep", wraps=time.sleep) as sleep:
            done = world.publish("--status")
        assert sum(call.args[0] for call in sleep.call_args_list) <= 10, name
        assert done.code == code, (name, done.err)
        assert ("::error title=perfgate::" in done.out + done.err) is (code != 0)
        said = "\n".join(line for line in done.err.splitlines() if not line.startswith(("::error", "Request ")))
        told.append(f"# {name}: exit {done.code}\n{said.replace(hub.address, 'https://HOST')}\n")

    golden("refusals.txt", "\n".join(told))


def test_one_refusal_does_not_cost_the_others(world: World) -> None:
    world.pull()
    world.ran(both())
    world.hub.rights = ALL - {"pull-requests: write"}

    done = world.publish("--status")

    assert done.code == 3
    assert [check["conclusion"] for check in world.hub.checks] == ["failure"]
    assert [status["state"] for status in world.hub.statuses] == ["failure"]
