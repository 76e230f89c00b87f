"""All that the stored runs say together."""

from dataclasses import dataclass

from perfgate.core.budget import Budget
from perfgate.core.history import Replay, Shift, Trend


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What the stored runs say."""

    trends: tuple[Trend, ...]
    alarms: tuple[tuple[Trend, Shift], ...]
    """Changes for the worse that stand, since the last release or `since`."""
    since: str
    place: str
    runs: int
    elsewhere: int
    """Stored runs of commits that HEAD does not descend from."""
    shallow: bool
    """This clone lacks older commits, so that may be why."""
    faults: tuple[str, ...]
    budgets: tuple[Budget, ...] = ()
    replays: tuple[tuple[str, Replay], ...] = ()
    """What each policy would have said: the file's name, its words."""
