"""Engine `locust`: the project's own locustfile, unchanged, against both sides; here or on other machines."""

import json
import math
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from perfgate.core.load.histogram import counted
from perfgate.core.load.tally import TOTAL, Served, joined
from perfgate.core.ports import Drive, Launch, Told
from perfgate.errors import MeasureError

RESULT = "locust.json"
SHIM = str(files("perfgate") / "shims" / "perfgate_locust.py")
LARGEST = 64 * 2**20  # bytes
WAIT_S = 60  # for workers from elsewhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Locust:
    """A locustfile, run without its web page by one master a side and its workers."""

    command: tuple[str, ...]
    """How Locust is called: `locust`."""
    locustfile: str
    root: str
    """Where it is called: the user's checkout."""
    workers: int
    master: int | None = None
    """Port on which base's master waits for workers from elsewhere, head's on the next one."""
    at_once = True  # it takes seconds to begin
    adds_s = 0.4e-3  # python -m benchmarks.load.agree

    def launch(self, drive: Drive) -> Launch:
        """Return how to load one side."""
        argv = [
            *self.command, "-f", f"{SHIM},{self.locustfile}", "--headless", "--only-summary", "--host", drive.target,
            "-u", str(drive.users), "-r", str(drive.users), "-t", f"{math.ceil(drive.seconds)}s", "-s", "5",
            "--reset-stats", "--exit-code-on-error", "0",
        ]  # fmt: skip
        if self.master is None:
            port = str(drive.free_port)
            argv += ["--processes", str(self.workers), "--master-port", port]
            argv += ["--master-bind-host", "127.0.0.1", "--master-bind-port", port]
        else:
            argv += ["--master", "--master-bind-port", str(self.master + drive.side)]
            argv += ["--expect-workers", str(self.workers), "--expect-workers-max-wait", str(WAIT_S)]
        result = (("PERFGATE_LOCUST", str(Path(drive.home) / RESULT)),)
        return Launch(argv=tuple(argv), cwd=self.root, environ=result)

    def told(self, drive: Drive, output: str) -> Told:
        """Return what the master wrote down when it ended.

        Raises: MeasureError where that is not what it should be.
        """
        path = Path(drive.home) / RESULT
        if not path.exists():
            return Told(unfair="Locust ended without a result")
        if path.stat().st_size > LARGEST:
            raise MeasureError(f"Locust's result is larger than {LARGEST:,} bytes")
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            served = {str(entry["name"]): _served(entry, float(found["seconds"])) for entry in found["entries"]}
            lost, workers = int(found["lost"]), int(found["workers"])
            seconds, busy, sent = float(found["seconds"]), float(found["busy_s"]), int(found["sent"])
        except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as exc:
            raise MeasureError(f"Locust's result cannot be read: {exc!r}") from exc
        if not (0 < seconds < math.inf and 0 <= busy < math.inf):
            raise MeasureError(f"Locust's result cannot be read: {seconds} s, {busy} s busy")
        if lost:
            return Told(unfair=f"{lost} of {workers} Locust workers {'was' if lost == 1 else 'were'} lost")
        if not served:
            return Told(unfair="Locust sent nothing")
        total = replace(joined(list(served.values())), seconds=seconds)
        names = served if len(served) > 1 else {}
        return Told(served={TOTAL: total, **names}, sent=sent, busy=busy / seconds)


def _served(entry: dict[str, Any], seconds: float) -> Served:
    latency = counted((float(ms) / 1e3, int(count)) for ms, count in entry["times"].items())
    return Served(latency=latency, requests=int(entry["requests"]), failed=int(entry["failed"]), seconds=seconds)
