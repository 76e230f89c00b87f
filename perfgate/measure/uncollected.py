"""The error for benchmarks that cannot be collected: with which interpreter, why, and what to do next."""

import shlex
from collections.abc import Sequence

from perfgate.config.load import FILE
from perfgate.errors import MeasureError
from perfgate.project.diagnosis import unknown_option

OWN = "the environment that perfgate made for them"


def uncollected(what: str, python: str, owner: str, errors: Sequence[str], missing: Sequence[str]) -> MeasureError:
    """Return the error for benchmarks that cannot be collected.

    Args:
        what: which benchmarks, of which commit.
        python: path of the interpreter; empty if perfgate made an environment for the benchmarks.
        owner: whose interpreter that is, in words.
        errors: what the tools said.
        missing: distributions that these errors ask for.
    """
    return MeasureError(
        f"{what} cannot be collected with {f'{python} ({owner})' if python else OWN}:\n"
        + "\n".join(error.strip() for error in errors),
        hint=_advice(python, errors, missing),
    )


def _advice(python: str, errors: Sequence[str], missing: Sequence[str]) -> str:
    if missing and not python:
        line = f"python -m pip install {' '.join(missing)}"
        return f'add "{line}" to setup under [build] in {FILE}; perfgate init writes one'
    if missing:
        return (
            f"{shlex.quote(python)} -m pip install {' '.join(missing)}\n"
            "or give each side an environment of its own: perfgate init writes the setup"
        )
    if option := unknown_option(errors):
        return (
            f"install the pytest plug-in that knows {option}, or drop the options of the project's own configuration: "
            f'args = ["-o", "addopts="] under the suite in {FILE}'
        )
    return f"fix what is reported, or name the other files: paths under the suite in {FILE} (perfgate init writes one)"
