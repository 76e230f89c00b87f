"""Pictures for docs/images: `python -m tests.screenshots`.

The comment as GitHub renders it, by its own library (cmark-gfm) and style; pages of the trend site of a seeded history,
and a report. Needs Chromium with a font for emoji (chromium, fonts-noto-color-emoji), and npm.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import cmarkgfm
from cmarkgfm.cmark import Options
from playwright.sync_api import Browser

from perfgate.render import page
from perfgate.render.site.view import slug
from tests.browser import LOOKS, Watched
from tests.browser import chromium as started
from tests.seeded import seed, sli

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "golden"
IMAGES = ROOT / "docs" / "images"
PICTURES = {"pull-request": 545, "accepted": 300, "incomplete": 385, "pass": 190}
"""Golden page to the height of its picture, in pixels."""
CHROMIUM = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars"]


def html(markdown: str) -> str:
    """Return Markdown as GitHub turns it into HTML."""
    options = Options.CMARK_OPT_GITHUB_PRE_LANG | Options.CMARK_OPT_UNSAFE
    return str(
        cmarkgfm.markdown_to_html_with_extensions(
            markdown, options, ["table", "strikethrough", "autolink", "tagfilter"]
        )
    )


def comments(chromium: str) -> None:
    """Take pictures of the comment."""
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        subprocess.run(["npm", "install", "--silent", "--prefix", place, "github-markdown-css@5.9.0"], check=True)
        style = (place / "node_modules" / "github-markdown-css" / "github-markdown-light.css").read_text(
            encoding="utf-8"
        )
        for name, height in PICTURES.items():
            body = html((GOLDEN / f"{name}.md").read_text(encoding="utf-8"))
            frame = "body{margin:16px;background:#fff} article{border:1px solid #d0d7de;border-radius:6px;padding:16px}"
            page = f"<meta charset=utf-8><style>{style}{frame}</style><article class=markdown-body>{body}</article>"
            (place / "page.html").write_text(page, encoding="utf-8")
            picture = IMAGES / f"{name}.png"
            subprocess.run(
                [
                    chromium, *CHROMIUM, f"--user-data-dir={place / 'profile'}", f"--window-size=980,{height}",
                    f"--screenshot={picture}", f"file://{place / 'page.html'}",
                ],
                check=True, capture_output=True,
            )  # fmt: skip
            print(f"{picture.relative_to(ROOT)}: {picture.stat().st_size:,} bytes")


def pages(browser: Browser, site: Path, folder: Path) -> None:
    """Take pictures of the site of the seeded history and of a report."""
    from tests.test_render import situations

    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.html"
        report.write_text(page.render(situations()["pull-request"]), encoding="utf-8")
        series = site / "sli" / f"{slug(sli('micro/parse_header:time'))}.html"
        for name, (shown, look, height) in {
            "site-overview": (site / "index.html", "light", 760),
            "site-sli": (series, "light", 640),
            "site-sli-dark": (series, "dark", 640),
            "site-sli-phone": (series, "phone", 844),
            "site-report": (report, "light", 760),
        }.items():
            with Watched(browser, look) as tab:
                clip = {"x": 0, "y": 0, "width": LOOKS[look]["viewport"]["width"], "height": height}
                tab.open(f"file://{shown}").screenshot(path=folder / f"{name}.png", clip=clip)


def main() -> int:
    """Take all pictures anew."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("Chromium is needed: apt-get install chromium fonts-noto-color-emoji")
    IMAGES.mkdir(exist_ok=True)
    comments(chromium)
    with tempfile.TemporaryDirectory() as scratch, started() as browser:
        root, site = Path(scratch) / "shop", Path(scratch) / "site"
        seed(root)
        subprocess.run([sys.executable, "-m", "perfgate", "report", "-o", str(site)], cwd=root, check=True)
        pages(browser, site, IMAGES)
    return 0


if __name__ == "__main__":
    sys.exit(main())
