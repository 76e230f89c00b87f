"""Acceptances that come with a change itself: a label on the pull request, a trailer in its last commit.

Lighter than an entry in the configuration, and so without an end: they count for this change alone. The caller decides
whether their author may be trusted.
"""

import math
import re
from collections.abc import Iterable

from perfgate.core.policy import Acceptance

TRAILER = "Perfgate-Accept"
PLACEHOLDER = "<why>"
_BOUND = re.compile(r"up\s*to\b|[\d≤<~%]", re.IGNORECASE)  # a reason that begins so is a bound with a slip in it
_LINE = re.compile(rf"^{TRAILER}:[ \t]*(.*)$", re.IGNORECASE | re.MULTILINE)
_WORDS = re.compile(r"(?P<sli>\S+)(?:\s+(?:up to\s+)?(?P<share>\d+(?:\.\d+)?)\s*%:?)?(?:\s+(?P<reason>.*\S))?\s*")


def by_label(labels: Iterable[str], wanted: str, *, who: str = "") -> tuple[Acceptance, ...]:
    """Return the acceptance that the label `wanted` is, for everything; none without it, or where it is empty."""
    if not wanted or wanted not in labels:
        return ()
    return (Acceptance(sli="*", reason=f"the pull request has the label {wanted!r}", who=who),)


def by_trailer(message: str, *, who: str = "") -> tuple[tuple[Acceptance, ...], tuple[str, ...]]:
    """Return the acceptances that a commit's message holds, and what is wrong with those that do not count.

    A line reads `Perfgate-Accept: GLOB [up to] 12% why`; without a share it accepts whatever was lost.
    """
    found, faults = [], []
    for line in _LINE.findall(message):
        words = _WORDS.fullmatch(line)
        if words is None or words["reason"] in (None, PLACEHOLDER):
            faults.append(f"the trailer {TRAILER}: {line.strip()} gives no reason, and does not count")
            continue
        if not words["share"] and _BOUND.match(words["reason"]):
            faults.append(f"the trailer {TRAILER}: {line.strip()} has a bound that is not understood (as in 12%)")
            continue
        up_to = float(words["share"]) / 100 if words["share"] else math.inf
        found.append(Acceptance(sli=words["sli"], up_to=up_to, reason=words["reason"], who=who))
    return tuple(found), tuple(faults)
