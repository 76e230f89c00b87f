"""A service under load: started, ready, watched while it serves, and gone in the end with all that it started.

Nothing here knows of load or statistics; what a start of it cost and whether it lives is all that it tells.
"""

import contextlib
import errno
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from perfgate.core.ports import Launch
from perfgate.host.cpus import on
from perfgate.host.interrupt import Interrupts
from perfgate.host.scratch import scratch
from perfgate.host.tree import MARK, die_with_parent, kill, kill_group, started

PORTS_FROM = 10_000
POLL_S = 0.02
END_S = 5.0  # between TERM and KILL
DAEMON_S = 0.5  # within which what a starter left behind must be found
ANSWER_S = 1.0  # for one answer to "are you ready", whole
TAIL = 8192  # bytes of output that a message may quote from
LONGEST_OUTPUT = 16 * 2**20  # bytes kept; a full pipe or disk would look like a slow service
LOOPBACKS = ("127.0.0.1", "::1")
OWN = "PERFGATE_SERVICE"  # in the environment of all that one service started


_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})\b")


class ServiceFailed(Exception):
    """The service is not there, or not what was started; the text says why."""

    def __init__(self, text: str, *, silent: bool = False) -> None:
        super().__init__(text)
        self.text, self.silent = text, silent
        """`silent`: it lives, and never got ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """How a service shows that it takes requests: by one of a path that answers below 400, a line of output, a port."""

    path: str = ""
    line: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What all processes of a service have used so far."""

    cpu_s: float
    """Nanosecond counts of the threads that are alive."""
    coarse_s: float
    """In steps of 10 ms, with what ended threads and children used."""
    rss: int
    """Bytes."""

    def cpu_since(self, before: "Usage") -> float:
        """Return the CPU seconds since `before`, by the finer count unless threads that ended are missing there."""
        fine, coarse = self.cpu_s - before.cpu_s, self.coarse_s - before.coarse_s
        return coarse if coarse > fine + 0.03 else fine


def free_port() -> int:
    """Return a free TCP port of the loopback.

    Where the system says which ports it gives to connections, none of those: any process that calls out may be given
    it before it is listened on.
    """
    own = range(PORTS_FROM, _given_from())
    for port in [*random.choices(own, k=100 if own else 0), 0]:
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind((LOOPBACKS[0], port))
            found = int(probe.getsockname()[1])
            if not _taken_in_ipv6(found):
                return found
    raise OSError(errno.EADDRINUSE, "no TCP port is free")


def _taken_in_ipv6(port: int) -> bool:
    """Return whether a port of the other loopback is taken, on a machine that has one."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind((LOOPBACKS[1], port))
    except OSError as exc:
        return exc.errno == errno.EADDRINUSE
    return False


def _given_from() -> int:
    """Return the first port that the system gives to connections."""
    try:
        words = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()
    except OSError:
        words = []
    return int(words[0]) if words else PORTS_FROM


class Service:
    """One start of a service; leaving the context ends it."""

    def __init__(
        self,
        launch: Launch,
        *,
        port: int,
        cpus: Sequence[int],
        mark: str,
        name: str,
        interrupts: Interrupts,
        host: str = "127.0.0.1",
    ) -> None:
        self.host, self.port, self._interrupts, self._own = host, port, interrupts, f"{mark}-{name}"
        self._home = ExitStack()
        self._log_path = self._home.enter_context(scratch("service")) / "log"
        self._log = self._log_path.open("ab")
        self._began = time.monotonic()
        self.ready_s = 0.0
        with on(cpus):
            try:
                self._process = subprocess.Popen(
                    launch.argv,
                    cwd=launch.cwd,
                    env={**os.environ, **dict(launch.environ), **dict(marks(mark, name))},
                    stdin=subprocess.DEVNULL,
                    stdout=self._log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    preexec_fn=die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - no thread here
                )
            except OSError as exc:
                self._log.close()
                self._home.close()
                raise ServiceFailed(f"cannot start {launch.argv[0]}: {exc.strerror}") from exc
        started(self._process)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(patience_s=0.0)

    def wait_ready(self, ready: Ready, *, timeout_s: float) -> None:
        """Wait until it takes requests.

        Raises: ServiceFailed with its last lines if it ends before that, takes too long, or if another process
            answers in its place; Interrupted.
        """
        deadline = self._began + timeout_s
        while not self._answers(ready):
            self._interrupts.check()
            self.drain()
            self.check()
            if time.monotonic() > deadline:
                raise ServiceFailed(
                    self._said(f"was not ready within {timeout_s:g} s ({self._wanted(ready)})"), silent=True
                )
            time.sleep(POLL_S)
        self.ready_s = time.monotonic() - self._began
        self._check_listener()

    def check(self) -> None:
        """Raise ServiceFailed if it ended."""
        if (status := self._process.poll()) is None:
            return
        if status == 0 and self._went_on():
            return
        how = f"was killed by signal {-status}" if status < 0 else f"exited with status {status}"
        raise ServiceFailed(self._said(how))

    def _went_on(self) -> bool:
        """Return whether it went on as a daemon. Between its two forks no look may find it, so there are several."""
        deadline = time.monotonic() + DAEMON_S
        while not self._left():
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_S)
        return True

    def usage(self) -> Usage:
        """Return what it has used so far."""
        fine = coarse = 0.0
        rss = 0
        for process in self._all():
            with contextlib.suppress(psutil.Error, OSError):
                times = process.cpu_times()
                coarse += times.user + times.system + times.children_user + times.children_system
                fine += _fine_cpu_s(process.pid) if sys.platform == "linux" else times.user + times.system
                rss += process.memory_info().rss
        return Usage(cpu_s=fine, coarse_s=coarse, rss=rss)

    def mapped(self) -> tuple[str, ...]:
        """Return the executables and libraries that its processes have in memory, where the system says it."""
        found: dict[str, None] = {}
        for process in self._all():
            with contextlib.suppress(psutil.Error, OSError, NotImplementedError):
                found[process.exe()] = None
                lines = Path(f"/proc/{process.pid}/maps").read_text(errors="surrogateescape").splitlines()
                fields = (line.split(None, 5) for line in lines)
                found |= {part[5]: None for part in fields if len(part) == 6 and "x" in part[1] and part[5][0] == "/"}
        return tuple(path for path in found if path)

    def drain(self) -> None:
        """Throw away output beyond what is kept."""
        if self._log_path.stat().st_size > LONGEST_OUTPUT:
            os.truncate(self._log_path, 0)

    def stop(self, *, patience_s: float | None = None) -> str:
        """End it and all that it started; return what was unusual about that, if anything.

        Args:
            patience_s: between TERM and KILL; None is the usual time.
        """
        patience_s = END_S if patience_s is None else patience_s
        if self._log.closed:
            return ""
        left = self._all()
        word = ""
        if patience_s and left:
            for process in left:
                with contextlib.suppress(psutil.Error):
                    process.send_signal(signal.SIGTERM)
            deadline = time.monotonic() + patience_s
            while (left := self._all()) and time.monotonic() < deadline and not self._interrupts.heard():
                self._process.poll()
                time.sleep(POLL_S)
            if left:
                word = f"did not end within {patience_s:g} s of TERM and was killed"
        kill_group(self._process)
        for process in self._left():
            kill(process)
        self._log.close()
        self._home.close()
        return word

    def last_lines(self) -> str:
        """Return what it printed last."""
        with self._log_path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
            return "\n".join(file.read().decode(errors="replace").strip().splitlines()[-20:])

    def _said(self, what: str) -> str:
        return "\n".join(part for part in (what, self.last_lines()) if part)

    def _wanted(self, ready: Ready) -> str:
        if ready.line:
            return f"no line with {ready.line!r}"
        if not self._listens(self.host):
            there = next((other for other in LOOPBACKS if self._listens(other)), None)
            if there is not None:
                return f"it listens on {_written(there)}, and url asks {_written(self.host)}"
            return f"nothing listens on port {self.port}; the command gets it as {{port}} and as PORT"
        return f"{ready.path} does not answer below 400"

    def _listens(self, host: str) -> bool:
        """Return whether the port is open on one of a host's addresses."""
        try:
            socket.create_connection((host, self.port), timeout=0.5).close()
        except OSError:
            return False
        return True

    def _answers(self, ready: Ready) -> bool:
        if ready.line:
            return ready.line in self._log_path.read_text(encoding="utf-8", errors="replace")
        if not ready.path:
            return self._listens(self.host)
        return 100 <= self._status(ready.path) < 400

    def _status(self, path: str) -> int:
        """Return the status of a GET request; 0 where none came in time, however slowly it drips."""
        deadline = time.monotonic() + ANSWER_S
        request = f"GET {path} HTTP/1.1\r\nHost: {_written(self.host)}:{self.port}\r\nConnection: close\r\n\r\n"
        head = b""
        try:
            with socket.create_connection((self.host, self.port), timeout=ANSWER_S) as connection:
                connection.sendall(request.encode())
                while b"\n" not in head and (left := deadline - time.monotonic()) > 0:
                    connection.settimeout(left)
                    chunk = connection.recv(4096)
                    if not chunk:
                        break
                    head += chunk
        except OSError:
            return 0
        found = _STATUS.match(head.lstrip())
        return int(found[1]) if found else 0

    def _check_listener(self) -> None:
        """Refuse to measure another process that listens there; a server left over from before once did.

        A socket that several processes hold is listed for one of them, perhaps a worker that was forked just now: who
        belongs to the service is asked after who listens.
        """
        try:
            listeners = {
                found.pid
                for found in psutil.net_connections("tcp")
                if found.status == psutil.CONN_LISTEN and found.laddr and found.laddr.port == self.port
            } - {None}
        except psutil.AccessDenied:
            return
        others = listeners - {process.pid for process in self._all()}
        if listeners == others and (alive := [pid for pid in others if pid and psutil.pid_exists(pid)]):
            raise ServiceFailed(self._said(f"port {self.port} belongs to another process ({min(alive)})"))

    def _all(self) -> list[psutil.Process]:
        """Return its processes that are alive: its descendants, its session, and every process with its mark."""
        mine = [self._process.pid] if self._process.poll() is None else []
        found = {pid: psutil.Process(pid) for pid in mine}
        for process in list(found.values()):
            with contextlib.suppress(psutil.Error):
                found |= {child.pid: child for child in process.children(recursive=True)}
        found |= {process.pid: process for process in self._left()}
        return [process for process in found.values() if _alive(process)]

    def _left(self) -> list[psutil.Process]:
        """Return the living processes that left its tree but carry its name or belong to its session."""
        return [
            process
            for process in psutil.process_iter()
            if process.pid != self._process.pid
            and (_session(process.pid) == self._process.pid or _environ(process).get(OWN) == self._own)
            and _alive(process)
        ]


def _written(host: str) -> str:
    """Return a host as a URL has it."""
    return f"[{host}]" if ":" in host else host


def marks(mark: str, name: str) -> tuple[tuple[str, str], ...]:
    """Return what the environment of all processes of a side carries, so that they are found and ended."""
    return ((MARK, mark), (OWN, f"{mark}-{name}"))


def _fine_cpu_s(pid: int) -> float:
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def _alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _environ(process: psutil.Process) -> dict[str, str]:
    try:
        return dict(process.environ())
    except (psutil.Error, OSError):
        return {}


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return -1
