"""A runner of GitHub Actions: its own parser and expression engine (npm), real shells, real git.

Node.js comes with the `dev` extra, its packages are pinned in tests/action.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / "tests" / "action"
ACTION = "perfgate/perfgate"
BIN = Path(sys.executable).parent


def executor() -> Path:
    """Return the executor with all it needs in one file, made on first use."""
    modules = PLACE / "node_modules"
    made = modules / "executor.cjs"
    sources = [PLACE / "executor.mjs", PLACE / "package-lock.json"]
    with FileLock(PLACE / ".npm.lock"):
        if not made.exists() or any(made.stat().st_mtime < source.stat().st_mtime for source in sources):
            subprocess.run([BIN / "npm", "ci", "--silent"], cwd=PLACE, check=True)
            bundle = ["--bundle", "--platform=node", "--format=cjs", "--log-level=error", f"--outfile={made}"]
            environ = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
            subprocess.run([modules / ".bin" / "esbuild", "executor.mjs", *bundle], cwd=PLACE, env=environ, check=True)
    return made


def webhooks(name: str) -> list[dict[str, Any]]:
    """Return GitHub's own examples of an event."""
    executor()
    path = PLACE / "node_modules" / "@octokit" / "webhooks-examples" / "api.github.com" / "index.json"
    listed = json.loads(path.read_text(encoding="utf-8"))
    return next(each["examples"] for each in listed if each["name"] == name)


def run(asked: dict[str, Any]) -> dict[str, Any]:
    done = subprocess.run(
        [BIN / "node", executor()], input=json.dumps(asked), capture_output=True, text=True, check=False, timeout=280
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def parse(*files: Path) -> None:
    """Raise unless GitHub's own parser takes these workflows and actions."""
    assert run({"parse": [str(file) for file in files]}) == {"parsed": len(files)}


@dataclass(kw_only=True)
class Runner:
    """A machine that runs jobs of one repository."""

    place: Path
    """Its directories."""
    temp: Path
    """RUNNER_TEMP of all its jobs, so that perfgate is installed once."""
    server: str
    repository: str = "octo/lib"
    runs: int = 0

    def run(
        self,
        name: str,
        event: dict[str, Any],
        *,
        sha: str,
        ref: str,
        workflow: Path,
        token: str = "writer",
        **more: Any,
    ) -> dict[str, Any]:
        """Run a workflow; return what became of its jobs."""
        self.runs += 1
        place = self.place / f"run-{self.runs}"
        for part in (place / "temp", place / "store", self.temp / "home"):
            part.mkdir(parents=True, exist_ok=True)
        kept = (
            "PIP_",
            "SSL_",
            "GIT_CONFIG",
            "GIT_AUTHOR",
            "GIT_COMMITTER",
            "COVERAGE",
            "PYTHONDONTWRITEBYTECODE",
            "PERFGATE_EFFORT",
            "PYTEST_",
        )
        found = run(
            {
                "workflow": str(workflow), "root": str(ROOT), "action": ACTION,
                "temp": str(place / "temp"), "home": str(self.temp / "home"), "store": str(place / "store"),
                "runner_temp": str(self.temp), "path": os.environ["PATH"], "python": str(BIN),
                "environ": {
                    "PERFGATE_CACHE": str(self.temp / "cache"),
                    **{key: value for key, value in os.environ.items() if key.startswith(kept)},
                },
                "github": {
                    "event_name": name, "event": event, "sha": sha, "ref": ref, "repository": self.repository,
                    "repository_owner": self.repository.partition("/")[0],
                    "server_url": self.server, "api_url": f"{self.server}/api/v3", "token": token,
                    "run_id": str(4710 + self.runs), "run_number": str(self.runs), "run_attempt": "1",
                },
                **more,
            }
        )  # fmt: skip
        return {**found, "store": place / "store", "run_id": 4710 + self.runs, "run_number": self.runs}
