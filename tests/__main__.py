"""All tests, with the coverage that the project holds itself to: `python -m tests`."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORE = ("perfgate/core/*", 100)
ALL = ("perfgate/*", 95)


def run(*args: str) -> int:
    """Run a module of this interpreter in the project's root, with bytecode kept: it is started a thousand times."""
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run([sys.executable, "-m", *args], cwd=ROOT, env=environ, check=False).returncode


def main() -> int:
    """Run pytest under coverage, then check the coverage of the core and of everything."""
    run("coverage", "erase")
    workers = str((os.cpu_count() or 1) + 2)  # much of a test is waiting
    if code := run("coverage", "run", "-m", "pytest", "-n", workers, "--dist", "worksteal", *sys.argv[1:]):
        return code
    run("coverage", "combine", "--quiet")
    short = [run("coverage", "report", f"--include={glob}", f"--fail-under={least}") for glob, least in (CORE, ALL)]
    return max(short)


if __name__ == "__main__":
    sys.exit(main())
