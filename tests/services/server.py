"""A small service that misbehaves as its environment says: MODE, for the side that runs it."""

import contextlib
import os
import signal
import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

MODE = Path("mode").read_text(encoding="utf-8").strip() if Path("mode").exists() else "good"
LEAK = []
START = time.monotonic()


def burn(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    served = 0

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(b'{"token": "secret"}')

    def do_GET(self):
        Handler.served += 1
        if MODE == "crashes" and Handler.served > 30:
            os._exit(7)
        if MODE == "slow-at-first" and time.monotonic() - START < 0.5:
            time.sleep(0.05)
        if MODE.startswith("works"):
            burn(0.004 if MODE == "works-twice" else 0.002)
        if MODE == "waits":
            time.sleep(0.01)
        if MODE == "pauses" and Handler.served % 40 == 0:
            time.sleep(0.03)
        if MODE in {"fails-often", "works-and-fails"} and Handler.served % 2:
            self.answer(b"{}", status=503)
            return
        if MODE == "fails-mostly" and Handler.served % 4:
            self.answer(b"{}", status=503)
            return
        if self.path == "/fork" and not os.fork():
            time.sleep(600)  # a worker that holds the listening socket too
        if MODE == "floods":
            sys.stdout.write("x" * 2**20)
        if MODE == "leaks":
            LEAK.append(bytearray(2**16))
            LEAK.append(socket.socket())
        if MODE == "resets":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            self.close_connection = True
            self.connection.close()
            return
        self.answer(b'{"ok": true}', status=500 if MODE == "fails" else 200, cut=MODE == "truncates")

    def answer(self, body, *, status=200, cut=False):
        if self.path == "/secret" and self.headers["Authorization"] != "Bearer secret":
            status = 401
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body) + 100 * cut))
        self.end_headers()
        self.wfile.write(body)
        if cut:
            self.close_connection = True

    def log_message(self, *args):
        pass

    def finish(self):
        with contextlib.suppress(OSError, ValueError):
            super().finish()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 100

    def handle_error(self, request, address):
        pass


def main(port):
    if MODE == "exits":
        sys.exit("no database here")
    if MODE == "never":
        time.sleep(600)
    if MODE == "hangs":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if MODE == "daemonises" and os.fork():
        time.sleep(0.1)
        os._exit(0)
    if MODE == "daemonises":
        os.setsid()
        if os.fork():
            os._exit(0)
    if MODE in {"elsewhere", "forks"}:
        Path("wanted").write_text(str(port), encoding="utf-8")
    if MODE == "elsewhere":  # another process, which perfgate did not start, listens on the port instead
        time.sleep(600)
    Server(("127.0.0.1", port), Handler).serve_forever()


main(int(sys.argv[1]))
