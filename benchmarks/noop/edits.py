"""Edits that change nothing, each as what it does to the directory of a side."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.noop.suites import C_SOURCE, compiled

IMPORTS = "import ast, asyncio, calendar, difflib, pydoc, email.message, http.client, inspect, xml.dom.minidom\n"
CLASSES = "".join(
    f"\n\nclass _Unused{i}:\n    x = {i}\n\n    def get(self):\n        return self.x\n" for i in range(60)
)
RECORDS = "\n\nimport dataclasses\n" + "".join(
    f"\n\n@dataclasses.dataclass\nclass _Kind{i}:\n    a: int = {i}\n    b: str = ''\n    c: float = 0.0\n"
    for i in range(20)
)
DECORATORS = "".join(
    f"\n\ndef _with_{i}(function):\n    def inner(*args):\n        return function(*args), {i}\n    return inner\n"
    for i in range(80)
)
LOGGING = "\n\nimport logging\n_LOG = logging.getLogger(__name__)\n" + "".join(
    f"\n\ndef _tell_{i}(what):\n    if _LOG.isEnabledFor(logging.DEBUG):\n        _LOG.debug('%s {i}', what)\n"
    for i in range(60)
)
CONSTANTS = "".join(f"LIMIT_{i} = {i * 1000 + 7}\nNAME_{i} = 'name {i}'\n" for i in range(300))


def unused(source: str) -> str:
    """Add 200 functions that nobody calls."""
    return source + "".join(f"\n\ndef _unused_{i}(a, b={i}):\n    return [a, b, {i}]\n" for i in range(200))


def reordered(source: str) -> str:
    """Put the functions in reverse order."""
    first, *functions = re.split(r"(?m)^(?=def |async def )", source[: source.index("\nWORK = {")])
    return first + "".join(reversed([text.rstrip("\n") + "\n\n\n" for text in functions])) + _table(source)


def renamed(source: str) -> str:
    """Give what all share other names."""
    for name in ("TEXT", "WORDS", "RECORD", "ENCODED", "BLOCK", "NUMBERS", "ORDERED", "PATTERN"):
        source = re.sub(rf"\b{name}\b", f"THE_{name}_OF_ALL", source)
    return source


def _table(source: str) -> str:
    return source[source.index("\nWORK = {") :]


Edit = Callable[[Path, Sequence[Path]], None]
"""What is done to the directory of a side, and to those of its modules that may be edited."""


def text(change: Callable[[str], str]) -> Edit:
    """Return the edit that changes the source of the modules."""

    def edit(side: Path, modules: Sequence[Path]) -> None:
        for module in modules:
            module.write_text(change(module.read_text()))

    return edit


def before_functions(lines: str) -> Callable[[str], str]:
    """Return the change that puts `lines` between the imports and the first definition."""

    def change(source: str) -> str:
        first = re.search(r"(?m)^(TEXT = |@|def |class )", source)
        place = first.start() if first else len(source)
        return source[:place] + lines + source[place:]

    return change


def at_end(lines: str) -> Callable[[str], str]:
    """Return the change that appends `lines`."""
    return lambda source: source + lines


def documented(source: str) -> str:
    """Give each function a long docstring."""
    return re.sub(
        r"(?m)^((?:async )?def \w+\(.*\):\n)",
        r'\1    """Do one unit.\n\n    ' + "More about it. " * 30 + '\n    """\n',
        source,
    )


def annotated(source: str) -> str:
    """Give each function a return type."""
    return re.sub(r"(?m)^((?:async )?def \w+\(.*\)):\n", r"\1 -> object:\n", source)


def wrapped(source: str) -> str:
    """Break calls over two lines."""
    return re.sub(r"(?m)^(    return [\w.]+\()(.+\))$", r"\1\n        \2", source)


def dead(source: str) -> str:
    """Begin each function with a branch that the compiler leaves out."""
    return re.sub(
        r"(?m)^((?:async )?def \w+\(.*\):\n)", r"\1    if False:\n        raise RuntimeError('never')\n", source
    )


def in_another_module(side: Path, modules: Sequence[Path]) -> None:
    """Import a module of functions that nobody calls."""
    (side / "other.py").write_text(unused(""))
    text(before_functions("import other\n"))(side, modules)


def large_file(side: Path, modules: Sequence[Path]) -> None:
    """Read a megabyte that lies beside the module, and keep its length."""
    for module in modules:
        module.with_suffix(".bin").write_bytes(bytes(2**20))
    name = "__file__.rpartition('.')[0] + '.bin'"
    text(at_end(f"\n\nwith open({name}, 'rb') as _file:\n    SIZE = len(_file.read())\n"))(side, modules)


def moved(side: Path, modules: Sequence[Path]) -> None:
    """Put the workloads into a package, and import them from there."""
    (side / "inner").mkdir()
    (side / "inner" / "__init__.py").write_text("")
    (side / "work.py").rename(side / "inner" / "work.py")
    (side / "work.py").write_text("from inner.work import *\nfrom inner.work import WORK, command\n")


def more_tests(side: Path, modules: Sequence[Path]) -> None:
    """Add a hundred ordinary tests beside the benchmarks."""
    body = "".join(f"def test_{number}():\n    assert {number} + 1 == {number + 1}\n\n" for number in range(100))
    (side / "test_more.py").write_text(body)
    (side / "conftest.py").write_text("import test_more\n")


def nothing(side: Path, modules: Sequence[Path]) -> None:
    """Leave it as it is."""


ANYWHERE: Mapping[str, Edit] = {
    "identical": nothing,
    "unused functions": text(unused),
    "unused functions in another module": in_another_module,
    "unused classes": text(at_end(CLASSES)),
    "unused imports": text(at_end("\n\n" + IMPORTS)),
    "constants": text(at_end("\n\n" + CONSTANTS)),
    "comments": text(before_functions("# nothing\n" * 300)),
    "longer path": nothing,
    "big table": text(at_end("\n\nTABLE = {str(i): (i, [i]) for i in range(20_000)}\n")),
    "decorators never applied": text(at_end(DECORATORS)),
    "logging never enabled": text(at_end(LOGGING)),
    "dataclasses never made": text(at_end(RECORDS)),
    "a large file read": large_file,
}
"""What any library stands; "longer path" is in the name of the side's directory."""
HERE: Mapping[str, Edit] = {
    "a new dependency": text(before_functions("import pygments.lexers, pygments.formatters\n")),
    "docstrings": text(documented),
    "renamed": text(renamed),
    "reordered": text(reordered),
    "moved module": moved,
    "another line length": text(wrapped),
    "type hints": text(annotated),
    "more tests": more_tests,
    "dead branches": text(dead),
    "extension rebuilt": lambda side, modules: compiled(side),
    "extension with other line numbers": lambda side, modules: compiled(side, "\n" * 100 + C_SOURCE),
}
"""What knows the workloads of this project."""
KINDS = {**ANYWHERE, **HERE}
WORST = ("unused functions", "unused functions in another module", "unused imports", "big table", "a large file read")
