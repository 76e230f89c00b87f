"""The two workflows that `perfgate init` writes: one that measures and may only read, one that tells and runs no code.

Every action is pinned to a commit; perfgate's own is that of the commit which this perfgate was made of.
"""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from perfgate import __version__
from perfgate.errors import UsageError
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


def own_action(interrupts: Interrupts) -> str:
    """Return perfgate's own action, pinned to the commit that this perfgate was made of.

    Raises: UsageError where nothing says which commit that is.
    """
    written = files("perfgate") / "commit.txt"  # a release's build puts it there
    if written.is_file():
        return f"{ACTION}@{written.read_text(encoding='utf-8').strip()} # v{__version__}"
    here = Path(__file__).resolve().parent
    try:
        repository = Repository(here, interrupts=interrupts)
        if (repository.root / "action.yml").is_file():
            return f"{ACTION}@{repository.head()}"
    except UsageError:
        pass  # installed somewhere, not checked out
    raise UsageError(
        "this perfgate does not know which commit it was made of, and so cannot pin its action",
        hint=f"name one: perfgate init --action {ACTION}@COMMIT; or without workflows: perfgate init --no-workflows",
    )
