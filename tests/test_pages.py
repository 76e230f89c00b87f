"""The code of a side's extension modules lies at other physical memory in every process."""

import subprocess
import sys
import sysconfig
from pathlib import Path

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
print({module}.dumps if hasattr({module}, "dumps") else {module}.__file__)
print(pages.own_code("/nowhere"), pages.own_code({home!r}, "/no/such/maps"))
print(pages.move([(4096, 8192, True)], Random(1)), pages.move([], Random(1)))
"""


def test_pages_of_own_libraries_become_the_process_s_own_and_work_as_before(tmp_path: Path) -> None:
    source = next(Path(str(sysconfig.get_config_var("DESTSHARED"))).glob("_json.*.so"), None)
    if source is None:
        pytest.skip("this Python has its extension modules built in")
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / source.name).write_bytes(source.read_bytes())
    code = LOOK.format(shims=str(SHIMS), home=str(tmp_path), module="_json")

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    counts, file, none, nothing = done.stdout.splitlines()
    mappings, whole, before, after = counts.split()
    assert int(mappings) >= 2
    assert whole == "True"
    assert int(after) > int(before)
    assert file == str(tree / source.name)
    assert none == "[] []"
    assert nothing == "0 0"
