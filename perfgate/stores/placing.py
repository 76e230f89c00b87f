"""Where a file goes in a store that never rewrites: the same rule for every store."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath

from perfgate.errors import StoreError
from perfgate.stores.columns import FORMAT


def placed(
    files: Sequence[tuple[str, bytes]], present: Mapping[str, str], name_of: Callable[[bytes, str], str]
) -> dict[str, bytes]:
    """Return the files that are not there yet, each under the path that it gets.

    Args:
        present: path to the name of its content, for all that lies in the directories concerned.
        name_of: the name of a content, of the same kind as the second argument.

    A run that is there already, under whichever number, is not stored twice. Nothing at all is new where only shared
    files would be. Raises StoreError where a shared path holds something else.
    """
    taken, found = dict(present), {}
    like = next(iter(present.values()), "")
    for path, data in files:
        name, free, number = name_of(data, like), path, 1
        while taken.get(free, name) != name and path.startswith("runs/"):
            number += 1
            free = str(PurePosixPath(path).with_suffix(f".{number}.json"))
        if free not in taken:
            taken[free], found[free] = name, data
        elif taken[free] != name and free != FORMAT:
            raise StoreError(f"{path} holds something else than it should", hint="perfgate baseline verify")
    return found if any(path.startswith(("runs/", "verdicts/")) for path in found) else {}
