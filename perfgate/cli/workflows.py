"""The two workflows that `perfgate init` writes: one that measures and may only read, one that tells and runs no code.

Every action is pinned to a commit; perfgate's own is that of the commit which this perfgate was made of.
"""

import json
from dataclasses import dataclass
from importlib.metadata import distribution
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

from perfgate import __version__
from perfgate.errors import PerfgateError
from perfgate.host.git import Repository
from perfgate.host.interrupt import Interrupts

MEASURES = ".github/workflows/perfgate.yml"
TELLS = ".github/workflows/perfgate-report.yml"
ACTION = "perfgate/perfgate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What differs from project to project."""

    branch: str
    """The default branch."""
    python: str
    """A version, as setup-python takes it."""
    action: str
    """OWNER/NAME@COMMIT, with what a person calls that behind #."""


def workflows(choices: Choices) -> dict[str, str]:
    """Return path to text of both workflows."""
    values = {"@BRANCH@": choices.branch, "@PYTHON@": choices.python, "@ACTION@": choices.action}
    found = {}
    for path in (MEASURES, TELLS):
        text = (files("perfgate.cli") / "templates" / Path(path).name).read_text(encoding="utf-8")
        for mark, value in values.items():
            text = text.replace(mark, value)
        found[path] = text
    return found


def own_action(interrupts: Interrupts) -> str | None:
    """Return perfgate's own action, pinned to the commit that this perfgate was made of; None if that is unknown."""
    written = files("perfgate") / "commit.txt"  # a release's build puts it there
    if written.is_file():
        return f"{ACTION}@{written.read_text(encoding='utf-8').strip()} # v{__version__}"
    source = json.loads(distribution("perfgate").read_text("direct_url.json") or "{}")  # as pip writes it
    if commit := source.get("vcs_info", {}).get("commit_id"):
        return f"{ACTION}@{commit}"
    try:
        repository = Repository(Path(urlsplit(source.get("url", "")).path or "/"), interrupts=interrupts)
    except (PerfgateError, OSError):
        return None  # not made of a checkout, or of one that is gone
    return f"{ACTION}@{repository.head()}" if (repository.root / "action.yml").is_file() else None


FIND = f"git ls-remote https://github.com/{ACTION} shows the commits; perfgate init --action {ACTION}@COMMIT"
UNPINNED = f"""\
no workflows were written: this perfgate does not know which commit it was made of, and so cannot pin its Action to it
try: {FIND}"""
