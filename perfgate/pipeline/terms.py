"""By which policy a change is judged: that of its base, with the acceptances of this change.

Shared by the job that measures and by the one that publishes, so that both say the same. A change cannot loosen its
own limits: what it would alter is said, and counts once it is merged.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from perfgate.config.load import LARGEST, Loaded, Reader, load_committed
from perfgate.config.schema import Config
from perfgate.core.acceptance import TRAILER, by_label, by_trailer
from perfgate.core.model import Warning
from perfgate.core.policy import Policy
from perfgate.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What stands on a change, by people who may say so."""

    labels: Sequence[str] = ()
    message: str = ""
    """Of the last commit; empty unless it was pushed by a person with write access."""
    author: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The policy and what is to be known of it."""

    policy: Policy
    results_branch: str
    accept_label: str
    warnings: tuple[Warning, ...]


def terms(base: Reader, head: Reader, said: Said, *, path: Path | None = None, largest: int = LARGEST) -> Terms:
    """Return how a change is judged.

    Args:
        base, head: a file's name to its content at either commit.
        path: of the configuration, relative to the root, where it is not perfgate.toml or pyproject.toml.
        largest: bytes of a configuration on head that are read.
    """
    warnings = []
    try:
        loaded = load_committed(base, path)
    except ConfigError as exc:
        loaded = Loaded(config=Config(), source="defaults", origins={})
        text = f"the configuration on base cannot be read, so the defaults count: {_flat(exc)}"
        warnings.append(Warning(code="base-policy-damaged", text=text))
    policy = loaded.config.policy()
    lost, texts = _changed(loaded, policy, partial(_bounded, head, largest), path)
    policy = replace(policy, expect=(*policy.expect, *(f"{suite}/*" for suite in lost)))
    warnings += [Warning(code="policy-changes", text=text) for text in texts]
    accepted, faults = by_trailer(said.message, who=said.author)
    warnings += [Warning(code="trailer", text=fault) for fault in faults]
    accepted += by_label(said.labels, loaded.config.perfgate.accept_label)
    return Terms(
        policy=replace(policy, accept=(*policy.accept, *accepted)),
        results_branch=loaded.config.perfgate.results_branch,
        accept_label=loaded.config.perfgate.accept_label,
        warnings=tuple(warnings),
    )


def _bounded(read: Reader, largest: int, name: str) -> bytes | None:
    """Read a file of a change, unless it would take long: a dotted key costs time in the square of its parts."""
    content = read(name)
    if content is not None and len(content) > largest:
        raise ConfigError(f"{name} has {len(content):,} bytes; at most {largest:,} are read")
    if content is not None and _LONG_KEY.search(content):
        raise ConfigError(f"{name} has a key of more than {MOST_PARTS} parts")
    return content


MOST_PARTS = 30
_LONG_KEY = re.compile(rb"(?:[A-Za-z0-9_\"'-]{1,200}[ \t]*\.[ \t]*){%d}" % MOST_PARTS)


def _flat(exc: ConfigError) -> str:
    return " ".join(exc.message.split())


def _changed(loaded: Loaded, policy: Policy, head: Reader, path: Path | None) -> tuple[list[str], list[str]]:
    """Return the suites that head has no more, and what is to be said of its configuration."""
    try:
        other = load_committed(head, path).config
    except ConfigError as exc:
        lost = sorted(loaded.config.suite) if loaded.source != "defaults" else []
        return lost, [f"the configuration on head cannot be read: {_flat(exc)}"]
    said = []
    if differences := policy.differences(other.policy()):
        said = [f"this change alters the policy; until it is merged that of base counts: {'; '.join(differences)}"]
        if any(difference.startswith("accept with") for difference in differences):
            said[0] += f" (for this change alone, a label or a {TRAILER} line accepts)"
    if loaded.source == "defaults":  # the change that brings the configuration names its suites as it likes
        added = sorted(other.suite.keys() - loaded.config.suite.keys())
        more = f"base has no configuration, so this change chooses what is measured: {', '.join(added)}"
        return [], [*said, *([more] if added else [])]
    base = loaded.config
    lost = sorted(base.suite.keys() - other.suite.keys())
    measured = {
        "build": base.build != other.build,
        "sides": base.sides != other.sides,
        "environment": base.environment != other.environment,
        **{key: getattr(base.perfgate, key) != getattr(other.perfgate, key) for key in ("budget", "effort")},
        **{f"suite.{name}": base.suite[name] != other.suite[name] for name in base.suite if name in other.suite},
    }
    if altered := [name for name, differs in measured.items() if differs] + [f"suite.{name}" for name in lost]:
        said.append(f"this change alters what is measured, or how: {', '.join(altered)}")
    return lost, said
