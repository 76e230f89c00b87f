"""Preparing a side's environment: a fresh virtual environment and the project's own setup commands."""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from perfgate.core.model import Revision
from perfgate.core.ports import Place
from perfgate.errors import BuildError
from perfgate.host import command, files
from perfgate.host.interrupt import Interrupts
from perfgate.project import locks
from perfgate.project.diagnosis import build_advice, is_about_the_network
from perfgate.project.files import Files, get, texts
from perfgate.project.requirements import distribution


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """How a side is prepared."""

    python: str
    """The interpreter to make the environment of, or to use as it is."""
    setup: tuple[str, ...] = ()
    """Shell commands, run in the side's directory."""
    lock: str = ""
    """Path of a lock file, whose versions the setup commands install; empty where they install the newest."""
    isolated: bool = False
    """Whether the side gets a virtual environment of its own."""
    environ: tuple[tuple[str, str], ...] = ()
    """What its setup commands and processes find in their environment beside the rest."""

    @property
    def identity(self) -> list[str]:
        """What must be equal for a prepared side to be used again."""
        resolved = Path(self.python).resolve()
        stamp = str(resolved.stat().st_mtime_ns) if resolved.exists() else ""
        own = [f"{name}={value}" for name, value in sorted(self.environ)]
        return [self.python, stamp, str(self.isolated), self.lock, *self.setup, *own]


def create_environment(venv: Path, build: Build, *, interrupts: Interrupts) -> None:
    """Make the virtual environment `venv`, with pip in it, of what comes with virtualenv: nothing is fetched.

    Raises: BuildError.
    """
    if shutil.which(build.python) is None:
        raise BuildError(f"cannot start {build.python}", hint="set build.python to an interpreter that exists")
    argv = [sys.executable, "-I", "-m", "virtualenv", "--quiet", "--no-download", "--no-periodic-update"]
    ended = command.run([*argv, "--python", build.python, str(venv)], cwd=venv.parent, interrupts=interrupts)
    if ended.status:
        raise BuildError(f"cannot make a virtual environment with {build.python}:\n{ended.tail}")


def run_setup(build: Build, revision: Revision, place: Place, *, log: Path, interrupts: Interrupts) -> None:
    """Run the setup commands in order, their output in `log`.

    Raises: BuildError with the last lines of the command that failed.
    """
    transcript = []
    environ = os.environ | dict(place.environ)
    environ.pop("PYTHONHOME", None)
    if build.lock:
        environ |= _constrained(Path(place.root, build.lock), log.with_name("constraints.txt"))
    for line in build.setup:
        ended = command.run(line, cwd=Path(place.root), environ=environ, interrupts=interrupts)
        if ended.status and line.startswith("uv ") and is_about_the_network(ended.tail):
            offline = {**environ, "UV_OFFLINE": "1"}  # what it has in its cache may be enough
            cached = command.run(line, cwd=Path(place.root), environ=offline, interrupts=interrupts)
            ended = ended if cached.status else cached
        transcript.append(f"$ {line}\n{ended.output}")
        files.write(log, "\n".join(transcript))
        if ended.status:
            raise BuildError(
                f"setup of {revision} failed: `{line}` exited with status {ended.status}\n{ended.tail}",
                hint=build_advice(ended.tail)
                or f"run the command in a clean checkout (git worktree add ../try {str(revision.commit)[:12]}) and fix "
                "what it reports; setup under [build] in perfgate.toml holds the commands",
            )


def _constrained(lock: Path, constraints: Path) -> dict[str, str]:
    """Write the versions of a lock file to `constraints`; return the variables by which pip and uv find them."""
    table = Files(paths=("pyproject.toml",), read=lambda path: _read(lock.parent / path)).toml("pyproject.toml")
    tools = {distribution(text) for text in texts(get(table, "build-system", "requires"))}
    lines = locks.constraints((_read(lock) or b"").decode(errors="replace"), build_tools={*tools, *_INSTALLERS})
    files.write(constraints, "".join(f"{line}\n" for line in lines))
    names = ("PIP_CONSTRAINT", "UV_CONSTRAINT")
    return {name: " ".join([*os.environ.get(name, "").split(), constraints.as_uri()]) for name in names}


_INSTALLERS = ("pip", "setuptools", "wheel")


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def own_environment(venv: Path) -> tuple[tuple[str, str], ...]:
    """Return the variables that an activated `venv` sets, without what would leak in from outside."""
    path = os.pathsep.join([str(venv / "bin"), os.environ.get("PATH", os.defpath)])
    return (("VIRTUAL_ENV", str(venv)), ("PATH", path), ("PYTHONPATH", ""))
