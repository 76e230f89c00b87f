"""Pictures of the comment as GitHub renders it: `python -m tests.screenshots`, for docs/images.

Needs Chromium with a font for emoji (chromium, fonts-noto-color-emoji), and npm. The Markdown becomes HTML by GitHub's
own library (cmark-gfm), the style is GitHub's.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import cmarkgfm
from cmarkgfm.cmark import Options

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


def main() -> int:
    """Take all pictures anew."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("Chromium is needed: apt-get install chromium fonts-noto-color-emoji")
    IMAGES.mkdir(exist_ok=True)
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
    return 0


if __name__ == "__main__":
    sys.exit(main())
