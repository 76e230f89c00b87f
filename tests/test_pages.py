"""The code of a side's extension modules lies at other physical memory in every process."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import markupsafe
import pytest

SHIMS = Path(__file__).parents[1] / "perfgate" / "shims"
LOOK = """
import sys
from random import Random
sys.path.insert(0, {shims!r})
sys.path.insert(0, {home!r} + "/tree")
import perfgate_pages as pages
import {module}

def private_pages():
    mine, kilobytes = False, 0
    for line in open("/proc/self/smaps"):
        words = line.split()
        if not words[0].endswith(":"):
            mine = {home!r} in line and words[1][:2] == "r-"
        elif mine and words[0] == "Anonymous:":
            kilobytes += int(words[1])
    return kilobytes

before = private_pages()
found = pages.own_code({home!r})
moved = pages.move(found, Random(1))
after = private_pages()
print(len(found), moved == sum(end - start for start, end, code in found), before, after)
print({module}.__file__ if markupsafe.escape("<") == "&lt;" else "")
print(pages.own_code("/nowhere"), pages.own_code({home!r}, "/no/such/maps"))
print(pages.move([(4096, 8192, True)], Random(1)), pages.move([], Random(1)))
"""


def test_pages_of_own_libraries_become_the_process_s_own_and_work_as_before(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(Path(markupsafe.__file__).parent, tree / "markupsafe")
    code = LOOK.format(shims=str(SHIMS), home=str(tmp_path), module="markupsafe._speedups")

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    counts, file, none, nothing = done.stdout.splitlines()
    mappings, whole, before, after = counts.split()
    assert int(mappings) >= 2
    assert whole == "True"
    assert int(after) > int(before)
    assert file.startswith(str(tree / "markupsafe" / "_speedups."))
    assert none == "[] []"
    assert nothing == "0 0"


@pytest.fixture
def copy_anew() -> Iterator[Callable[[str, str], bool]]:
    sys.path.insert(0, str(SHIMS))
    try:
        import perfgate_pages  # type: ignore[import-not-found]

        yield perfgate_pages.copy_anew
    finally:
        sys.path.remove(str(SHIMS))


def test_a_program_of_the_side_gets_other_pages_and_stays_what_it_is(
    tmp_path: Path, copy_anew: Callable[[str, str], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    program, script, link = (tmp_path / "tree" / name for name in ("program", "script.sh", "link"))
    program.parent.mkdir()
    shutil.copy2(str(shutil.which("true")), program)
    script.write_text("#!/bin/sh\n")
    link.symlink_to(program)
    before, data = program.stat(), program.read_bytes()
    monkeypatch.chdir(program.parent)

    assert copy_anew("./program", str(tmp_path))
    assert not copy_anew("./script.sh", str(tmp_path))
    assert not copy_anew("./link", str(tmp_path))
    assert not copy_anew("./absent", str(tmp_path))
    assert not copy_anew("true", str(tmp_path))

    after = program.stat()
    assert program.read_bytes() == data
    assert (after.st_mode, after.st_size, after.st_mtime_ns) == (before.st_mode, before.st_size, before.st_mtime_ns)
    assert after.st_ino != before.st_ino
    assert sorted(path.name for path in program.parent.iterdir()) == ["link", "program", "script.sh"]
    assert subprocess.run(["./program"], check=False).returncode == 0
