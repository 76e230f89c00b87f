"""A real browser for the tests: headless Chromium, all that a page complains of, and what axe-core finds."""

import functools
import http.server
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
LOOKS = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 900}},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
}


@contextmanager
def chromium() -> Iterator[Browser]:
    """Hold a browser, behind everything else that runs: its many processes must not turn the tests that measure."""
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        polite = Path(scratch) / "chromium"
        polite.write_text(f'#!/bin/sh\nexec nice -n 19 {CHROMIUM} "$@"\n', encoding="utf-8")
        polite.chmod(0o755)
        browser = playwright.chromium.launch(executable_path=polite, args=["--no-sandbox"])
        yield browser
        browser.close()


class Watched:
    """A tab whose complaints are kept, and each request to another host with them."""

    def __init__(self, browser: Browser, look: str = "light", *, host: str = "") -> None:
        self._context = browser.new_context(**LOOKS[look], bypass_csp=False)
        self.page: Page = self._context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda said: said.type in ("error", "warning") and self.complaints.append(said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.complaints.append(f"dialog {dialog.message}"), dialog.dismiss()))
        self.page.on("request", lambda asked: self._foreign(asked.url, host))

    def _foreign(self, url: str, host: str) -> None:
        if not url.startswith(("file:", "data:")) and not (host and url.startswith(host)):
            self.complaints.append(f"asked for {url}")

    def __enter__(self) -> "Watched":
        return self

    def __exit__(self, *_: object) -> None:
        self._context.close()

    def open(self, address: str) -> Page:
        """Open a page, and wait until what it draws is drawn."""
        self.page.goto(address)
        if self.page.locator("#chart, details[data-row]").count():
            self.page.wait_for_selector("body[data-drawn]")
        return self.page


@contextmanager
def served(directory: Path) -> Iterator[str]:
    """Serve a directory; yield the address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(directory)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def violations(page: Page, axe: Path) -> list[str]:
    """Return what axe-core calls serious or critical."""
    page.evaluate(axe.read_text(encoding="utf-8"))  # not by a script element: the page's policy refuses strangers
    found = page.evaluate("axe.run({ preload: false })")["violations"]
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
