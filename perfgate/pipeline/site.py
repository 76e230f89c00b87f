"""The trend site as files: written beside what is there, put in its place in one step."""

from itertools import chain
from pathlib import Path

from perfgate.core.outlook import Outlook
from perfgate.errors import UsageError
from perfgate.host import files
from perfgate.render import site

MARK = ".perfgate-site"


def build(outlook: Outlook, directory: Path, *, url: str) -> tuple[int, int]:
    """Write the site; return how many files it has, and their bytes.

    Raises: UsageError where the directory holds what perfgate did not write.
    """
    if directory.exists() and not directory.is_dir():
        raise UsageError(f"{directory} is a file", hint="name a directory: perfgate report -o site")
    if directory.is_dir() and any(directory.iterdir()) and not (directory / MARK).exists():
        raise UsageError(
            f"{directory} holds files that are no site of perfgate's, and would be lost", hint="name another directory"
        )
    return files.write_tree(directory, chain([(MARK, "")], site.files(outlook, url=url)))
