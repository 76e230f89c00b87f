"""HTML from templates: everything is escaped, nothing is loaded from elsewhere."""

import json
from functools import cache
from importlib.resources import files
from shlex import quote
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from perfgate.render import phrases


@cache
def environment() -> Environment:
    """Return what fills the templates of pages."""
    found = Environment(
        loader=PackageLoader("perfgate", "render/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    found.filters |= {
        "line": phrases.line,
        "short": phrases.name,
        "script": script,
        "quoted": quote,
        "share": phrases.share,
    }
    return found


@cache
def asset(name: str) -> str:
    """Return a file that pages need."""
    return files("perfgate.render").joinpath("assets", *name.split("/")).read_text(encoding="utf-8")


def script(value: Any) -> str:
    """Return `value` as JSON that nothing in it can end a script with."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text
