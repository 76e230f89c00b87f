"""Store `directory`: the same files in a directory, for one machine or a shared disk."""

import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from perfgate.errors import StoreError
from perfgate.host import files as host_files
from perfgate.stores.columns import FORMAT, LARGEST, check_format
from perfgate.stores.placing import placed

_TEMPORARY = ".new-"
_IGNORED = ".gitignore"


class DirectoryStore:
    """The files below a directory; each appears whole or not at all, and none is ever replaced."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.name = f"directory {root}"

    def paths(self, under: str = "") -> tuple[str, ...]:
        """Return all paths, or those below `under` with the shared files."""
        self._check()
        places = [self._root / under, self._root / "names", self._root / "environments"] if under else [self._root]
        found = [file for place in places for file in sorted(place.rglob("*.json")) if file.is_file()]
        return tuple(str(file.relative_to(self._root)) for file in found)

    def recent(self, most: int) -> tuple[str, ...]:
        """Return the runs that were added last, oldest first."""
        runs = [path for path in self.paths() if path.startswith("runs/")]
        return tuple(sorted(runs, key=lambda path: ((self._root / path).stat().st_mtime_ns, path))[-most:])

    def read(self, paths: Sequence[str]) -> dict[str, bytes]:
        """Return the contents of paths that `paths` returned; what is not there is left out."""
        present = [path for path in paths if (self._root / path).is_file()]
        return {path: host_files.read(self._root / path, largest=LARGEST) for path in present}

    def append(self, files: Sequence[tuple[str, bytes]], *, message: str) -> tuple[str, ...]:
        """Add (path, content) in that order; return the paths that are new. Raises StoreError."""
        self._check()
        if not (self._root / _IGNORED).exists():
            self._add(_IGNORED, b"*\n")  # inside a repository, what is stored is no change of it
        while True:
            new = placed(files, self._present(files), _name_of)
            added = [self._add(path, data) for path, data in new.items()]
            if all(added):
                return tuple(new)

    def rewrite(self, kept: Sequence[str], files: Mapping[str, bytes], *, message: str) -> None:
        """Keep the paths `kept`, add `files`, remove the rest."""
        for path, data in files.items():
            self._add(path, data)
        for path in set(self.paths()) - set(kept) - set(files):
            (self._root / path).unlink(missing_ok=True)
            with suppress(OSError):  # not empty: others are still there
                for parent in (self._root / path).relative_to(self._root).parents:
                    (self._root / parent).rmdir()

    def faults(self) -> list[str]:
        """Return nothing: a directory has no history to be wrong."""
        return []

    def _present(self, files: Sequence[tuple[str, bytes]]) -> dict[str, str]:
        places = {(self._root / path).parent for path, _ in files}
        present = [file for place in places if place.is_dir() for file in place.iterdir() if file.suffix == ".json"]
        return {str(file.relative_to(self._root)): _name_of(file.read_bytes()) for file in present}

    def _add(self, path: str, data: bytes) -> bool:
        """Put a file there whole; return False if another writer was faster."""
        target = self._root / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=target.parent, prefix=_TEMPORARY) as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
                os.link(file.name, target)
        except FileExistsError:
            return target.read_bytes() == data
        except OSError as exc:
            raise StoreError(f"cannot write {target}: {exc.strerror}", hint="what is stored is whole") from exc
        return True

    def _check(self) -> None:
        # Listed before the format file is looked for: the first writer writes that before anything else.
        names = [file.name for file in self._root.iterdir()] if self._root.is_dir() else []
        format_file = self._root / FORMAT
        if format_file.is_file():
            check_format(host_files.read(format_file, largest=LARGEST), self.name)
        elif any(name != _IGNORED and not name.startswith(_TEMPORARY) for name in names):
            raise StoreError(
                f"{self.name} exists and is not perfgate's: it has no {FORMAT}",
                hint="name another in perfgate.toml: [baseline] directory",
            )


def _name_of(data: bytes, like: str = "") -> str:
    return hashlib.sha256(data).hexdigest()


@contextmanager
def open_directory(root: Path) -> Iterator[DirectoryStore]:
    """Hold the store in the directory `root`."""
    yield DirectoryStore(root)
