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

import locust.stats
from locust import events
from locust.runners import STATE_MISSING, MasterRunner


def bucket(milliseconds):
    """Return a response time to three digits."""
    if not milliseconds or milliseconds <= 0:
        return 0.001
    return round(milliseconds, 2 - math.floor(math.log10(milliseconds)))


locust.stats.bucket_response_time = bucket
_workers, _lost, _sent = set(), set(), [0, 0.0, 0.0]


@events.init.add_listener
def _watch(environment, **_):
    if not isinstance(environment.runner, MasterRunner):
        return

    @environment.events.worker_connect.add_listener
    def connected(client_id, **_):
        _workers.add(client_id)

    @environment.events.spawning_complete.add_listener
    def complete(**_):
        _sent[0] += environment.stats.total.num_requests  # what --reset-stats is about to forget
        _sent[1] = time.monotonic()

    @environment.events.test_stopping.add_listener
    def stopping(**_):
        _sent[2] = time.monotonic()
        _missing(environment)

    @environment.events.test_stop.add_listener
    def stopped(**_):
        _missing(environment)


def _missing(environment):
    clients = environment.runner.clients
    _lost.update(_workers - {client.id for client in clients.all})
    _lost.update(client.id for client in clients.all if client.state == STATE_MISSING)


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
        "sent": _sent[0] + environment.stats.total.num_requests,
        "seconds": max(_sent[2] - _sent[1], 1e-3),
        "workers": len(_workers),
        "lost": len(_lost),
    }
    with open(path + ".part", "w", encoding="utf-8") as file:
        json.dump(found, file)
    os.replace(path + ".part", path)
