"""All that the stored runs say together."""

from dataclasses import dataclass

from perfgate.core.budget import Budget
from perfgate.core.history import Replay, Shift, Trend
from perfgate.core.model import Sli


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What the stored runs say."""

    trends: tuple[Trend, ...]
    """By SLI, of each the newest environment first."""
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

    @property
    def unknown(self) -> bool:
        """Whether there are too few runs of all that is measured now for any change to be told."""
        newest: dict[Sli, Trend] = {}
        for trend in self.trends:
            newest.setdefault(trend.sli, trend)
        return all(trend.short for trend in newest.values())
