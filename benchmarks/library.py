"""Libraries that others wrote, with their own benchmarks, from their source distributions."""

import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

KEPT = Path("out") / "libraries"


@dataclass(frozen=True, kw_only=True)
class Library:
    """A library that others wrote, with its own benchmarks, from its source distribution."""

    name: str
    version: str
    needs: tuple[str, ...] = ()

    def fetch(self, where: Path) -> Path:
        """Return the unpacked source below `where`."""
        root = where / f"{self.name}-{self.version}"
        if not root.exists():
            pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
            download = ["download", "--no-deps", "--no-binary", ":all:", "-d", str(where)]
            if self.needs:
                subprocess.run([*pip, "install", *self.needs], check=True)
            subprocess.run([*pip, *download, f"{self.name}=={self.version}"], check=True)
            with tarfile.open(where / f"{root.name}.tar.gz") as archive:
                archive.extractall(where, filter="data")
        return root

    def copy(self, side: Path) -> None:
        """Put it into a directory."""
        shutil.copytree(self.fetch(KEPT), side)


CATTRS = Library(
    name="cattrs", version="26.2.1", needs=("attrs", "typing_extensions", "exceptiongroup", "msgspec", "orjson")
)
PLUGGY = Library(name="pluggy", version="1.6.0")
