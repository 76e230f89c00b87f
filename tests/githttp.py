"""Real git over real HTTP: git's own http-backend behind a web server, with a token that may write or not."""

import base64
import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from waitress import wasyncore
from waitress.server import create_server

WRITER, READER = "writer", "reader"
Environ = dict[str, Any]


def application(root: Path) -> Callable[[Environ, Callable[..., Any]], Iterable[bytes]]:
    """Serve the repositories below `root`: everybody reads, WRITER writes."""

    def serve(environ: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
        user = _user(environ.get("HTTP_AUTHORIZATION", ""))
        writes = "git-receive-pack" in environ["PATH_INFO"] + environ.get("QUERY_STRING", "")
        if writes and user is None:
            start("401 Unauthorized", [("WWW-Authenticate", 'Basic realm="git"')])
            return [b""]
        if writes and user != WRITER:
            start("403 Forbidden", [("Content-Type", "text/plain")])
            return [f"Permission to octo/perf.git denied to {user}.".encode()]
        with tempfile.TemporaryFile() as body:
            while chunk := environ["wsgi.input"].read(65536):
                body.write(chunk)
            length = body.tell()
            body.seek(0)
            names = ("PATH_INFO", "QUERY_STRING", "REQUEST_METHOD", "CONTENT_TYPE")
            cgi = {name: environ.get(name, "") for name in names} | {
                "GIT_PROJECT_ROOT": str(root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "REMOTE_USER": user or "",
                "CONTENT_LENGTH": str(length),
                "GIT_PROTOCOL": environ.get("HTTP_GIT_PROTOCOL", ""),
                "HTTP_CONTENT_ENCODING": environ.get("HTTP_CONTENT_ENCODING", ""),
                "PATH": os.environ["PATH"],
            }
            answer = subprocess.run(
                ["git", "http-backend"], stdin=body, capture_output=True, env=cgi, check=True
            ).stdout
        head, _, content = answer.partition(b"\r\n\r\n")
        lines = [line.partition(": ") for line in head.decode().splitlines()]
        headers = {name: value for name, _, value in lines}
        start(headers.pop("Status", "200 OK"), list(headers.items()))
        return [content]

    return serve


def _user(header: str) -> str | None:
    kind, _, value = header.partition(" ")
    if kind.lower() != "basic":
        return None
    name, _, password = base64.b64decode(value).decode().partition(":")
    return password if name == "x-access-token" else name  # as GitHub has it for tokens


@contextmanager
def serving(root: Path) -> Iterator[str]:
    """Serve the repositories below `root` on loopback; yield the address."""
    with running(application(root)) as address:
        yield address


@contextmanager
def running(app: Callable[[Environ, Callable[..., Any]], Iterable[bytes]]) -> Iterator[str]:
    """Run a web server on loopback; yield its address, and leave nothing of it behind."""
    sockets: dict[int, Any] = {}
    server = create_server(app, host="127.0.0.1", port=0, threads=8, map=sockets)
    stopped = threading.Event()

    def loop() -> None:
        while not stopped.is_set():
            wasyncore.loop(timeout=0.05, count=1, map=sockets)

    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.effective_port}"
    finally:
        stopped.set()
        thread.join(timeout=10)
        server.task_dispatcher.shutdown(timeout=5)
        wasyncore.close_all(sockets)
