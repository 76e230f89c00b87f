"""Plays recorded pairs through perfgate's own core, and recorded processes through the other gates' rules."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

import numpy as np

from benchmarks.decision.record import EDIT, SAME, Recording
from benchmarks.decision.rivals import Rival, Seen
from perfgate.core.comparison import Effects
from perfgate.core.model import Benchmark, Design
from perfgate.core.policy import Policy
from perfgate.core.question import Question, answer
from perfgate.core.schedule import NORMAL_EFFORT_S, planned_pairs
from perfgate.core.verdict import Verdict
from perfgate.measure.track import Track

MEMBERS = 50
HISTORY = 30


@dataclass(slots=True, kw_only=True)
class Played:
    """What became of one suite: the verdict of each benchmark, and what it took."""

    verdicts: list[Verdict]
    names: list[str]
    pairs: list[int]
    spent_s: float
    fixed_s: float
    """What the same would have taken with no early leave."""


@dataclass(slots=True, kw_only=True)
class Drawn:
    """One benchmark of a drawn suite: its pairs, one after the other, for as long as anybody asks."""

    name: str
    recorded: Sequence[float]
    flips: Sequence[int]
    start: int
    seen: list[float] = field(default_factory=list)

    def more(self) -> None:
        """Give the next pair: as recorded, from a random moment on; identical code may swap its sides."""
        number = len(self.seen)
        self.seen.append(self.flips[number] * self.recorded[(self.start + number) % len(self.recorded)])


def draw(recording: Recording, condition: str, rng: Random, *, planted: Sequence[str] = ()) -> list[Drawn]:
    """Draw a suite: benchmarks of identical code and of edits that change nothing, and one for each of `planted` kinds.

    All of a suite live in the same minutes, and what hit one may have hit all: the moment and the sides are drawn once.
    """
    kinds = recording.pairs[condition]
    names = sorted(kinds[SAME])
    start = rng.randrange(len(kinds[SAME][names[0]]))
    flips = [rng.choice((-1, 1)) for _ in range(200)]
    nothing = [(name, SAME) for name in rng.choices(names, k=MEMBERS - len(planted))]
    if edits := changed_nothing(recording, condition):
        nothing[::2] = rng.choices(edits, k=len(nothing[::2]))
    chosen = nothing + [(rng.choice(names), kind) for kind in planted]
    return [
        Drawn(name=name, recorded=kinds[kind][name], flips=flips if kind == SAME else [1] * 200, start=start)
        for name, kind in chosen
    ]


def changed_nothing(recording: Recording, condition: str) -> list[tuple[str, str]]:
    """Return (benchmark, kind) of all edits that change nothing."""
    kinds = recording.pairs[condition]
    return [(name, kind) for kind in kinds if kind.startswith(EDIT) for name in kinds[kind]]


def drawn_from(members: Sequence[tuple[str, str]], recording: Recording, condition: str, rng: Random) -> list[Drawn]:
    """Draw a suite of such members alone."""
    kinds, start = recording.pairs[condition], rng.randrange(100)
    return [
        Drawn(name=name, recorded=kinds[kind][name], flips=[1] * 200, start=start)
        for name, kind in rng.choices(members, k=MEMBERS)
    ]


def play(suite: Sequence[Drawn], recording: Recording, policy: Policy) -> Played:
    """Let the suite run as the orchestrator would: looks, early leave, confirmation."""
    startup_s, pair_s = recording.startup_s, [recording.pair_s[each.name] for each in suite]
    tracks = [
        Track(
            benchmark=Benchmark(suite="s", name=f"{place}"), planned=planned_pairs(seconds, effort_s=NORMAL_EFFORT_S),
            design=Design.TURNS, guess_s=seconds, readings=([], []),
        )
        for place, seconds in enumerate(pair_s)
    ]  # fmt: skip
    spent, answers = 0.0, ()
    while any(track.open for track in tracks):
        spent += startup_s
        for track, each, seconds in zip(tracks, suite, pair_s, strict=True):
            if track.open:
                each.more()
                track.pairs.append(len(track.pairs))
                spent += seconds
        due = [track.due for track in tracks]
        if not any(due):
            continue
        questions = [
            Question(rule=policy.rules[0], effects=Effects(values=tuple(each.seen)), planned=track.planned, base=1.0)
            for track, each in zip(tracks, suite, strict=True)
        ]
        answers = answer(questions, policy)
        for track, found, now in zip(tracks, answers, due, strict=True):
            if now:
                track.looked, track.settled = len(track.pairs), found.settled
                track.accused = bool(found.accused_by)
    most = max(track.planned for track in tracks)
    return Played(
        verdicts=[found.verdict for found in answers],
        names=[each.name for each in suite],
        pairs=[len(track.pairs) for track in tracks],
        spent_s=spent,
        fixed_s=most * startup_s + sum(t.planned * s for t, s in zip(tracks, pair_s, strict=True)),
    )


def cases(recording: Recording, condition: str, rival: Rival, kind: str) -> list[tuple[int, str, Seen]]:
    """Return all that a rival would have seen: (moment, workload, what its design gives it)."""
    processes = recording.processes[condition]
    same = [rounds for found, rounds in processes if found == SAME]
    heads = [rounds for found, rounds in processes if found == kind]
    found = []
    for moment in range(len(same) // 2 if kind == SAME else len(heads)):
        chosen = _sides(same, heads, rival, kind, moment)
        if chosen is None:
            continue
        base, head, past = chosen
        for name in same[0]:
            seen = Seen(
                base=[rounds[name] for rounds in base],
                head=[rounds[name] for rounds in head],
                history=[float(np.mean(rounds[name])) for rounds in past],
            )
            found.append((moment, name, seen))
    return found


Rounds = dict[str, list[float]]


def _sides(
    same: list[Rounds], heads: list[Rounds], rival: Rival, kind: str, moment: int
) -> tuple[list[Rounds], list[Rounds], list[Rounds]] | None:
    """Return base's processes, head's, and those of earlier commits; None where there are too few.

    Recorded were, again and again: same, same, one kind, another kind.
    """
    count = rival.processes
    if rival.design == "history":
        past = same[: 2 * moment + 1]
        head = [same[2 * moment + 1]] if kind == SAME else [heads[moment]]
        return (past[-1:], head, past) if len(past) >= HISTORY else None
    if rival.design == "interleaved":
        base = same[2 * moment : 2 * (moment + count) : 2]
        head = same[2 * moment + 1 : 2 * (moment + count) : 2] if kind == SAME else heads[moment : moment + count]
    else:
        base = same[2 * moment : 2 * moment + count]
        after = 2 * moment + count
        head = same[after : after + count] if kind == SAME else heads[-(-after // 2) : -(-after // 2) + count]
    return (base, head, []) if len(base) == len(head) == count else None
