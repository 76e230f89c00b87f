"""The trend site as files: written beside what is there, put in its place in one step."""

from collections.abc import Iterable, Iterator
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
    if (own := _not_ours(directory)) is not None:
        text = f"{directory} holds {own}, which is not a file of a perfgate site, and would be lost"
        raise UsageError(text, hint="move it away, or name another directory")
    return files.write_tree(directory, _marked(site.files(outlook, url=url)))


def _not_ours(directory: Path) -> str | None:
    """Return a file below `directory` that `build` did not write; None where there is none."""
    mark = directory / MARK
    known = {MARK, *(mark.read_text(encoding="utf-8").splitlines() if mark.is_file() else ())}
    found = (str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir())
    return next((path for path in found if path not in known), None)


def _marked(made: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield the files, and last which they were."""
    paths = []
    for path, text in made:
        paths.append(path)
        yield path, text
    yield MARK, "\n".join(paths)
