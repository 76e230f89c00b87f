"""What the gate decided, as a file a run of it beside the stored runs, and back; pure, strict about what comes in.

verdicts/<month>/<hash>.json    base, head, and the verdict of each SLI
"""

import re
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from perfgate.core.audit import Decision
from perfgate.core.verdict import Verdict
from perfgate.errors import StoreError
from perfgate.stores import columns
from perfgate.stores.columns import Commit, Files, Strict

FOLDER = "verdicts"
_PATH = re.compile(rf"{FOLDER}/\d{{4}}-\d\d/[0-9a-f]{{16}}\.json")


class _Decision(Strict):
    perfgate: Literal[1]
    base: Commit
    head: Commit
    same: bool
    started: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\d[T ]?[0-9:.+Z-]*$")]
    invalid: bool
    verdicts: dict[Verdict, tuple[str, ...]]
    reasons: dict[str, str] = Field(default={})


def is_decision(path: str) -> bool:
    """Return whether `path` is a decision's."""
    return bool(_PATH.fullmatch(path))


def pack(one: Decision) -> Files:
    """Return the files of a decision; the same decision has the same path.

    Raises: StoreError for one that could not be read again.
    """
    verdicts: dict[str, list[str]] = {}
    for name, verdict in one.verdicts:
        verdicts.setdefault(verdict, []).append(name)
    data = columns.sealed(
        {
            "perfgate": columns.LAYOUT, "base": one.base, "head": one.head, "same": one.same, "started": one.started,
            "invalid": one.invalid, "verdicts": verdicts, **({"reasons": dict(one.reasons)} if one.reasons else {}),
        }
    )  # fmt: skip
    columns.opened(_Decision, data, "a decision")  # what is stored stays for ever
    path = f"{FOLDER}/{one.started[:7]}/{columns.hashed(data)}.json"
    return {columns.FORMAT: columns.format_file(), path: data}


def unpack(data: bytes, path: str) -> Decision:
    """Return the decision in a file.

    Raises: StoreError that names the file, for anything that is damaged or not where it belongs.
    """
    own = columns.opened(_Decision, data, path)
    found = Decision(
        base=own.base,
        head=own.head,
        same=own.same,
        started=own.started,
        invalid=own.invalid,
        verdicts=tuple((name, verdict) for verdict, names in own.verdicts.items() for name in names),
        reasons=tuple(own.reasons.items()),
    )
    if path not in pack(found):
        raise StoreError(f"{path} holds a decision that belongs elsewhere")
    return found
