"""Sides that differ in more than the commit: an interpreter, a setting, a release of a dependency."""

import json
import subprocess
import sys
from pathlib import Path

from tests.live import LIBRARY, Project

CODE = LIBRARY.replace("def spin(n):", "import os\n\n\ndef spin(n):\n    n *= int(os.environ.get('FACTOR', '1'))")
TEST = "from lib import spin\n\n\ndef test_spin(benchmark):\n    benchmark(spin, 2000)\n"


def test_one_commit_with_two_settings_is_compared_and_says_what_differs(project: Project) -> None:
    project.put("perfgate.toml", '[sides.head]\nenvironment = { FACTOR = "2" }\n')
    project.commit("only", lib_py=CODE, test_lib_py=TEST)

    done = project.perfgate("compare", "HEAD", "HEAD", "--seed", "1")

    assert done.returncode == 1, done.stdout + done.stderr
    assert "the sides differ by configuration as well: environment none against FACTOR=2" in done.stdout


def test_each_side_has_its_own_interpreter_and_setup(project: Project, tmp_path: Path) -> None:
    other = tmp_path / "other"
    subprocess.run([sys.executable, "-m", "venv", "--system-site-packages", "--without-pip", str(other)], check=True)
    paths = [path for path in sys.path if path.endswith("site-packages")]
    (next(other.glob("lib/*/site-packages")) / "theirs.pth").write_text("\n".join(paths))
    project.put(
        "perfgate.toml",
        f'[build]\nisolate = "none"\n[sides.base]\npython = "{sys.executable}"\nsetup = ["touch by-base"]\n'
        f'[sides.head]\npython = "{other}/bin/python"\nsetup = ["touch by-head"]\n',
    )
    where = (
        "import os\nimport sys\n\nimport lib\n\n\ndef test_where(benchmark):\n"
        "    benchmark.extra_info['x'] = benchmark(lib.f)\n"
        "    side = 'base' if sys.prefix == lib.BASE else 'head'\n    assert os.path.exists('by-' + side)\n"
    )
    lib = f"BASE = {sys.prefix!r}\n\n\ndef f():\n    return sum(range(100))\n"
    project.commit("only", lib_py=lib, test_where_py=where)

    done = project.perfgate("compare", "HEAD", "HEAD", "--seed", "1", "--format", "json")

    assert done.returncode == 0, done.stdout + done.stderr
    (row,) = json.loads(done.stdout)["report"]["judgements"]
    assert row["verdict"] in ("pass", "inconclusive"), row
    warned = [warning["text"] for warning in json.loads(done.stdout)["report"]["warnings"]]
    assert any("python " in text and "setup touch by-base against touch by-head" in text for text in warned)


def test_a_side_that_is_neither_is_refused(project: Project) -> None:
    project.put("perfgate.toml", '[sides.left]\npython = "python3"\n')
    project.commit("only", lib_py=LIBRARY, test_lib_py=TEST)

    done = project.perfgate("compare", "HEAD")

    assert done.returncode == 2
    assert "sides.left" in done.stderr
