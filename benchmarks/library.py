"""A library that others wrote, with its own benchmarks: cattrs, from its source distribution."""

import re
import subprocess
import sys
import tarfile
from pathlib import Path

NAME, VERSION = "cattrs", "26.2.1"
NEEDS = ("attrs", "typing_extensions", "exceptiongroup", "msgspec", "orjson")


def fetch(where: Path) -> Path:
    """Return the unpacked source of the library below `where`."""
    root = where / f"{NAME}-{VERSION}"
    if not root.exists():
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        download = ["download", "--no-deps", "--no-binary", ":all:", "-d", str(where), f"{NAME}=={VERSION}"]
        subprocess.run([*pip, "install", *NEEDS], check=True)
        subprocess.run([*pip, *download], check=True)
        with tarfile.open(where / f"{root.name}.tar.gz") as archive:
            archive.extractall(where, filter="data")
    return root


def unused_code(source: str) -> str:
    """Return `source` with 200 functions that nobody calls."""
    functions = "".join(f"\n\ndef _unused_{i}(a, b={i}):\n    c = [a, b, {i}]\n    return c\n" for i in range(200))
    return source + functions


def live_objects(source: str) -> str:
    """Return `source` with 20,000 objects made at import and kept."""
    return f"{source}\n\n_KEPT = [(i, str(i), [i]) for i in range(20_000)]\n"


def shifted_lines(source: str) -> str:
    """Return `source` with every function 40 lines further down."""
    match = re.search(r"^(def |class )", source, flags=re.MULTILINE)
    place = match.start() if match else len(source)
    return source[:place] + "# nothing\n" * 40 + source[place:]


EDITS = {"unused code": unused_code, "live objects": live_objects, "shifted lines": shifted_lines}
EDITED = {
    "unused code": ("converters.py", "gen/__init__.py", "_compat.py"),
    "live objects": ("converters.py",),
    "shifted lines": ("converters.py", "gen/__init__.py", "_compat.py"),
}


def edit(root: Path, kind: str) -> None:
    """Make a no-op edit of `kind` in the library at `root`."""
    for name in EDITED[kind]:
        path = root / "src" / NAME / name
        path.write_text(EDITS[kind](path.read_text()))
