"""Where a file goes in a store that never rewrites: the same rule for every store."""

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath

from perfgate.errors import StoreError


def placed(
    files: Mapping[str, bytes], present: Mapping[str, str], name_of: Callable[[bytes, str], str]
) -> dict[str, bytes]:
    """Return the files that are not there yet, each under the path that it gets.

    Args:
        present: path to the name of its content, for all that lies in the directories concerned.
        name_of: the name of a content, of the same kind as the second argument.

    A run that is there already, under whichever number, is not stored twice. Nothing at all is new where only shared
    files would be. Raises StoreError where a shared path holds something else.
    """
    found = {}
    for path, data in files.items():
        if not path.startswith("runs/"):
            if path not in present:
                found[path] = data
            elif path != "format.json" and present[path] != name_of(data, present[path]):
                raise StoreError(f"{path} holds something else than it should", hint="perfgate baseline verify")
            continue
        free, number = path, 1
        while free in present and present[free] != name_of(data, present[free]):
            number += 1
            free = str(PurePosixPath(path).with_suffix(f".{number}.json"))
        if free not in present:
            found[free] = data
    return found if any(path.startswith("runs/") for path in found) else {}
