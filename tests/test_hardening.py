"""What the code of a pull request finds in the job that measures it: no file of the job, and a gate that is loaded."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import perfgate
from perfgate.host.hardening import JOB_FILES, JOB_TOKENS
from tests.live import BENCHMARK, LIBRARY, Project

HOSTILE = """\
import pathlib, sys

agent = sys.modules.get("perfgate_agent")
if agent is not None:
    root = pathlib.Path(agent.__file__).parent.parent
    for path in root.rglob("*.py"):
        if "shims" not in path.parts:
            path.write_text("import os\\nos._exit(0)\\n")
    for path in root.rglob("*.j2"):
        path.write_text("forged")
"""


def in_a_job(project: Project, base: str, **more: str) -> dict[str, str]:
    """Return the variables of a job for a pull request whose merge commit is checked out."""
    files = {name: str(project.root.parent / name) for name in JOB_FILES}
    event: dict[str, Any] = {
        "number": 7,
        "pull_request": {
            "head": {"sha": project.git("rev-parse", "HEAD^2"), "repo": {"full_name": "o/r"}},
            "base": {"ref": "main", "repo": {"full_name": "o/r"}},
        },
        "repository": {"full_name": "o/r", "default_branch": "main"},
    }
    path = project.root.parent / "event.json"
    path.write_text(json.dumps(event))
    return {
        "GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": str(path), **files, **more
    }  # fmt: skip


def merged(project: Project, **head: str) -> str:
    """Commit a change on a branch and check out its merge with main."""
    base = project.commit("base", lib_py=LIBRARY, test_lib_py=BENCHMARK)
    project.git("switch", "--quiet", "-c", "topic")
    project.commit("head", **head)
    project.git("switch", "--quiet", "--detach", "main")
    project.git("merge", "--quiet", "--no-ff", "--no-edit", "topic")
    return base


def test_overwriting_the_gate_does_not_change_its_verdict(project: Project, tmp_path: Path) -> None:
    """All that judges and renders is loaded before the first line of the change runs."""
    shutil.copytree(Path(perfgate.__file__).parent, tmp_path / "copy" / "perfgate")
    slow = LIBRARY.replace("range(n)", "range(30 * n)")
    base = merged(project, lib_py=slow, conftest_py=HOSTILE)
    environ = in_a_job(project, base, PYTHONPATH=str(tmp_path / "copy"))

    done = project.perfgate("gate", "--budget", "60s", **environ)

    assert (tmp_path / "copy" / "perfgate" / "codec.py").read_text().startswith("import os")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "❌ 1 regression" in done.stdout
    assert "### ❌ 1 regression" in (project.root / "perfgate-report" / "report.md").read_text()
    assert "verdict" in Path(environ["GITHUB_OUTPUT"]).read_text()


def test_the_job_s_own_files_are_not_in_the_environment_of_what_it_measures(project: Project) -> None:
    """A benchmark that writes to GITHUB_OUTPUT by accident would set an output of the gate."""
    seen = project.root.parent / "seen.json"
    look = f"import json, os, pathlib\npathlib.Path({str(seen)!r}).write_text(json.dumps(sorted(os.environ)))\n"
    base = merged(project, conftest_py=look)
    tokens = dict.fromkeys(JOB_TOKENS, "secret")
    environ = in_a_job(project, base, PERFGATE_TOKEN="secret", **tokens)

    done = project.perfgate("gate", "--budget", "60s", **environ)

    assert done.returncode == 0, done.stdout + done.stderr
    names = set(json.loads(seen.read_text()))
    assert "GITHUB_ACTIONS" in names
    assert names & {*JOB_FILES, *JOB_TOKENS, "PERFGATE_TOKEN"} == set()
    assert "verdict" in Path(environ["GITHUB_OUTPUT"]).read_text()
    assert "no regression" in Path(environ["GITHUB_STEP_SUMMARY"]).read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_other_processes_of_the_user_may_not_read_the_gate_s_memory() -> None:
    ask = "import ctypes; from perfgate.host.hardening import keep_memory_private; "
    ask += "print(keep_memory_private(), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"

    limited = ["sh", "-c", 'ulimit -n 1024; exec "$@"', "x", sys.executable, "-c", ask]
    done = subprocess.run(limited, capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["True", "0"]
