"""The services that are loaded: real servers, with a knob for CPU time and one for waiting."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from perfgate.core.ports import Place
from perfgate.host.service import free_port
from perfgate.runners.load import Load

HERE = Path(__file__).parent / "apps"
COMMANDS = {
    "uvicorn": "python -m uvicorn --app-dir {here} starlette_app:app --port {{port}} --log-level critical",
    "gunicorn": "python -m gunicorn --chdir {here} --bind 127.0.0.1:{{port}} --workers 1 --threads 8 "
    "--log-level critical flask_app:app",
}


def service(name: str) -> Load:
    """Return how one of the services is started; WORK and WAIT are up to the side."""
    return Load(command=COMMANDS[name].format(here=HERE), environment={})


def place(root: Path, *, work: float = 1.0, wait_s: float = 0.0) -> Place:
    """Return a side that does `work` times the usual work and waits `wait_s` seconds in each request."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return Place(
        root=str(root),
        python=sys.executable,
        environ=(("PATH", path), ("WORK", str(work)), ("WAIT", str(wait_s))),
    )


@contextmanager
def running(name: str, root: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Hold one service that does hardly any work."""
    port = free_port()
    launch = service(name).serve(place(root, work=0.0), port=str(port), side="head", data=str(root))
    with _held(launch.argv, port, cwd=root, env={**os.environ, **dict(launch.environ)}) as process:
        yield process, port


@contextmanager
def nginx(home: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Hold an nginx of one process that answers one line."""
    port = free_port()
    (home / "index.html").write_text("hello")
    parts = " ".join(
        f"{name}_temp_path {home}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    server = f"server {{ listen 127.0.0.1:{port}; root {home}; }}"
    first = "user root; " if os.getuid() == 0 else ""
    config = f"{first}master_process off; pid {home}/pid; events {{}} http {{ access_log off; {parts} {server} }}"
    (home / "nginx.conf").write_text(config)
    command = ["taskset", "-c", "0", "nginx", "-e", "stderr", "-c", str(home / "nginx.conf"), "-g", "daemon off;"]
    with _held(command, port) as process:
        yield process, port


@contextmanager
def _held(command: Sequence[str], port: int, **how: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the context ends, from when it listens."""
    process = subprocess.Popen(command, **how)
    try:
        with socket.socket() as probe:
            while probe.connect_ex(("127.0.0.1", port)) and process.poll() is None:
                time.sleep(0.02)
        yield process
    finally:
        process.kill()
        process.wait()
