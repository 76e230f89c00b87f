"""Loaded into Locust before the project's own locustfile, on the master and on each worker.

Locust rounds response times to a millisecond below 100 ms and to ten below a second, so that a change of 10 % does not
show; here they keep three digits. When the master ends, it writes what all workers told it to the file that
PERFGATE_LOCUST names, with how many workers it had and lost. Where workers run elsewhere, this file goes with them:

    locust -f perfgate_locust.py,locustfile.py --worker --master-host MASTER --master-port 5557

Needs nothing but Locust.
"""

import json
import math
import os
import time

import gevent
import locust.stats
from locust import events
from locust.rpc import Message
from locust.runners import STATE_STOPPED, MasterRunner, WorkerRunner

STOP_WAIT_S = 10.0  # for users to end their requests, and workers to tell of them

_busy, _began, _workers, _ended = {}, {}, set(), set()
_times = {"spawned": 0.0, "stopped": 0.0}


def bucket(milliseconds):
    """Return a response time to three digits."""
    if not milliseconds or milliseconds <= 0:
        return 0.001
    return round(milliseconds, 2 - math.floor(math.log10(milliseconds)))


locust.stats.bucket_response_time = bucket


@events.init.add_listener
def _watch(environment, runner, **_):
    if isinstance(runner, WorkerRunner):
        _watch_worker(environment)
    elif isinstance(runner, MasterRunner):
        _watch_master(environment, runner)


def _watch_worker(environment):
    @environment.events.spawning_complete.add_listener
    def complete(**_):
        _began["cpu_s"] = time.process_time()

    @environment.events.report_to_master.add_listener
    def report(client_id, data, **_):
        if "cpu_s" in _began:
            data["perfgate_busy_s"] = time.process_time() - _began["cpu_s"]
        data["perfgate_last"] = environment.runner.state == STATE_STOPPED


def _watch_master(environment, runner):
    @environment.events.worker_connect.add_listener
    def connected(client_id, **_):
        _workers.add(client_id)

    @environment.events.worker_report.add_listener
    def told(client_id, data, **_):
        _busy[client_id] = data.get("perfgate_busy_s", 0.0)
        if data.get("perfgate_last"):
            _ended.add(client_id)

    @environment.events.spawning_complete.add_listener
    def complete(**_):
        _times["spawned"] = time.monotonic()

    @environment.events.test_stopping.add_listener
    def stopping(**_):
        _times["stopped"] = time.monotonic()

    @environment.events.test_stop.add_listener
    def stopped(**_):
        """Let all workers quit, and wait until each has told of its last requests: Locust waits half a second."""
        for client in runner.clients.all:
            runner.server.send_to_client(Message("quit", None, client.id))
        while time.monotonic() - _times["stopped"] < STOP_WAIT_S and not _ended >= _workers:
            gevent.sleep(0.05)


@events.quitting.add_listener
def _tell(environment, **_):
    path = os.environ.get("PERFGATE_LOCUST")
    if not path or not isinstance(environment.runner, MasterRunner):
        return
    entries = [
        {
            "name": "%s %s" % (entry.method, entry.name) if entry.method else entry.name,
            "requests": entry.num_requests,
            "failed": entry.num_failures,
            "times": {str(ms): count for ms, count in entry.response_times.items()},
        }
        for entry in environment.stats.entries.values()
    ]
    found = {
        "entries": entries,
        "sent": environment.stats.total.num_requests,
        "seconds": max(_times["stopped"] - _times["spawned"], 1e-3),
        "busy_s": sum(_busy.values()),
        "workers": len(_workers),
        "lost": len(_workers - _ended),
    }
    with open(path + ".part", "w", encoding="utf-8") as file:
        json.dump(found, file)
    os.replace(path + ".part", path)
