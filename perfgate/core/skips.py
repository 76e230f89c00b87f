"""Benchmarks that were skipped: what their reasons say is not installed, and the line that installs it."""

import re
from collections.abc import Iterable

_MISSING = (
    re.compile(r"could not import '([\w.]+)'"),
    re.compile(r"No module named '([\w.]+)'"),
    re.compile(r"\b([\w][\w.-]*) (?:needs to be|has to be|must be|is not|isn't|not) (?:installed|available)"),
    re.compile(r"\b(?:requires?|needs?|install) ([a-z][\w-]*)\s*(?:$|[,;.)]|to run)", re.IGNORECASE),
)
_NO_NAMES = {"it", "this", "that", "module", "package", "library", "dependency", "root", "network", "python"}


def missing_packages(reasons: Iterable[str]) -> tuple[str, ...]:
    """Return the packages that the reasons of skips name as not installed, sorted."""
    found = {match.partition(".")[0] for text in reasons for form in _MISSING for match in form.findall(text)}
    return tuple(sorted(name.replace("_", "-") for name in found if name.lower() not in _NO_NAMES))


def install_advice(reasons: Iterable[str]) -> str:
    """Return what to do about what is not installed; empty where the reasons do not say it."""
    packages = missing_packages(reasons)
    if not packages:
        return ""
    line = f"python -m pip install {' '.join(packages)}"
    return f'install it where the benchmarks run: {line} (or add "{line}" to build.setup in perfgate.toml)'
