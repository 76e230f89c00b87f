"""How much to measure and in which order: turns, pairs, looks, and what is drawn by chance for each pair.

Pure, so that a schedule can be replayed from its seed and simulated without measuring anything.
"""

import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, takewhile
from random import Random

TURN_S = 1e-3  # long enough that a timer's 50 ns do not matter, short enough that both sides meet one burst
LONG_TURN_S = 5e-3  # from here on one iteration a turn, fewer turns: more pairs beat more turns
TURNS = 20
FEWEST_TURNS = 4
MOST_TURNS = 60
LONG_PAIR_S = 0.08  # one side's time in a pair that long iterations are fitted into
TURN_VARIES = (0.8, 1.25)  # from pair to pair: how often code ran before is a state that must not be frozen
WARMUP_TURNS = 3  # first samples are 1.2 to 1.6 times slow

FIRST_LOOK = 6  # pairs; fewer give a t interval too wide to settle anything
LOOK_STEP = 3
CONFIRMING = LOOK_STEP  # fresh pairs in which what was found must be found again before it blocks
VERDICT_PAIRS = FIRST_LOOK + LOOK_STEP + CONFIRMING  # of all: most leave after 6 to 9, the others get their time
EARLY = 12  # pairs from which on a part of the level is spent evenly; with fewer, two modes pass for a change
ENOUGH_PAIRS = 30  # of these two outliers at either end can be left out
LONGER = 4  # times its effort may be taken by what iterates so long that it would not get there
MOST_PAIRS = 42  # beyond it an interval shrinks by less than 1 % a pair
LARGEST_PLAN = 1_000  # pairs of one benchmark, however much effort is given
NORMAL_EFFORT_S = 4.0  # of one benchmark, both sides; who gives more gets more pairs too
STRICT_EFFORT_S = 10.0

PAD_BYTES = 4096  # environment size moves the stack (Mytkowicz et al. 2009, doi:10.1145/1508244.1508275)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """How one benchmark is timed within one pair; both sides do the same."""

    loops: int
    """Iterations a turn."""
    count: int
    warmup: int
    """Turns before them whose times are dropped."""
    most: int | None = None
    """How often the benchmark may be run in one process; None is unbounded."""


def turns_for(iteration_s: float, *, most: int | None = None) -> Turns:
    """Return the turns for a benchmark whose iteration takes `iteration_s` seconds on base.

    Args:
        most: how often the benchmark may be run in one process, where it says so itself
            (`benchmark.pedantic(rounds=...)` without a setup); None is unbounded.
    """
    loops = max(1, round(TURN_S / iteration_s)) if most is None else 1
    turn_s = loops * iteration_s
    count, warmup = TURNS, WARMUP_TURNS
    if turn_s > LONG_TURN_S:
        count, warmup = min(TURNS, max(FEWEST_TURNS, round(LONG_PAIR_S / turn_s))), 1
    if most is not None:
        warmup = min(warmup, max(0, most - FEWEST_TURNS))
        count = min(count, most - warmup)
    return Turns(loops=loops, count=count, warmup=warmup, most=most)


def turns_in_company(turns: Turns, *, benchmarks: int, startup_s: float) -> Turns:
    """Return the turns where `benchmarks` share the start of a pair's processes: the fewer, the more turns each.

    Of variance v_b between pairs and v_t between turns, n pairs of k turns leave (v_b + v_t / k) / n in the time
    n * (startup / benchmarks + k * 2 * TURN_S); that is least at k = sqrt(v_t / v_b * startup / (benchmarks * 2 *
    TURN_S)). Measured on twenty workloads of a noisy shared machine, sqrt(v_t / v_b) is about 5.
    """
    if turns.count < TURNS or turns.most is not None:
        return turns
    best = round(5 * math.sqrt(startup_s / (benchmarks * 2 * TURN_S)))
    return replace(turns, count=min(MOST_TURNS, max(TURNS, best)))


def planned_pairs(pair_s: float, *, effort_s: float) -> int:
    """Return how many pairs a benchmark may have at most, on the grid of looks.

    Args:
        pair_s: seconds that one pair of this benchmark takes, both sides, without starting processes.
        effort_s: seconds that one benchmark may take. Up to 30 pairs are planned where they take four times as long,
            so that outliers can be left out; and six even where these take longer still.
    """
    most = min(LARGEST_PLAN, round(MOST_PAIRS * max(1.0, effort_s / NORMAL_EFFORT_S)))
    affordable = min(most, max(int(effort_s / pair_s), min(ENOUGH_PAIRS, int(LONGER * effort_s / pair_s))))
    return max(FIRST_LOOK, affordable - (affordable - FIRST_LOOK) % LOOK_STEP)


def effort_for(pairs: int, pair_s: float) -> float:
    """Return the seconds with which `planned_pairs` plans at least so many pairs of a benchmark."""
    steps = math.ceil(max(0, pairs - FIRST_LOOK) / LOOK_STEP)
    planned = FIRST_LOOK + LOOK_STEP * steps
    return max(planned * pair_s, NORMAL_EFFORT_S * planned / MOST_PAIRS if planned > MOST_PAIRS else 0.0)


def within_budget(costs_s: Sequence[float], *, startup_s: float, left_s: float) -> int:
    """Return how many benchmarks, from the first on, get a verdict in the time that is left.

    Args:
        costs_s: what a pair of each takes, in seconds, without starting processes.
        startup_s: what starting the processes of a pair takes, which all of its benchmarks share.
        left_s: the time that is left for pairs.
    """
    room = left_s / VERDICT_PAIRS - startup_s
    sums = accumulate(costs_s)
    return sum(1 for total in sums if total <= room)


def rotated(name: str, rotation: str) -> int:
    """Return a sort key that depends on `rotation`, so that each rotation puts other benchmarks first."""
    return zlib.crc32(f"{rotation} {name}".encode())


def looks(measured: int, planned: int) -> tuple[int, ...]:
    """Return the pairs after which a look is taken, up to `measured`; the last is `measured` itself.

    A look that the budget forces between two planned ones is legal: spending needs only that its moment
    does not depend on what was seen.
    """
    regular = tuple(takewhile(min(measured, planned).__ge__, _regular_looks()))
    return regular if measured in regular or measured < 1 else (*regular, measured)


def is_look(measured: int, planned: int) -> bool:
    """Return whether the schedule looks after `measured` pairs; beyond the plan are those that confirm."""
    regular = next(look for look in _regular_looks() if look >= measured)
    return measured in (regular, planned, planned + CONFIRMING)


def _regular_looks() -> Iterator[int]:
    """Yield the numbers of pairs at which to look: every third pair, and from 60 pairs on after a tenth more.

    Each look uses up some of the level, so a long plan should have few of them.
    """
    at = FIRST_LOOK
    while True:
        yield at
        at += LOOK_STEP * max(1, at // (10 * LOOK_STEP))


@dataclass(frozen=True, slots=True, kw_only=True)
class PairDraw:
    """What chance decides for one pair.

    Both sides get the same draw: where strings collide in a dict (20 % from seed to seed) and where memory lands
    (5 % of a deque) are no property of either, so what they do to both cancels. Drawn anew for each pair, so that no
    draw decides: what an edit shifts lands elsewhere in every pair, and is spread that pairs average out.
    """

    pair: int
    cpu: int | None
    """None where the sides are not pinned."""
    hash_seed: int
    layout_seed: int
    pad: int
    """Bytes added to the environment."""
    base_starts: bool
    order_seed: int
    """Seeds the order of base and head within each turn."""
    with_holes: bool = False
    """Whether the heap has random holes when a benchmark starts, instead of closed ones. Confirming pairs use this
    family of layouts, so that an effect of the layout does not confirm itself."""


def draw_pair(seed: int, suite: str, pair: int, *, cpus: tuple[int, ...], confirming: bool = False) -> PairDraw:
    """Draw one pair; the same arguments give the same pair. The CPU rotates from pair to pair.

    Args:
        confirming: whether this pair confirms a regression that earlier pairs found; it gets another family of layouts.
    """
    rng = Random(f"{seed}:{suite}:{pair}")
    return PairDraw(
        pair=pair,
        cpu=cpus[(seed + pair) % len(cpus)] if cpus else None,
        hash_seed=rng.randrange(2**32),
        layout_seed=rng.randrange(2**32),
        pad=rng.randrange(PAD_BYTES),
        base_starts=rng.random() < 0.5,
        order_seed=rng.randrange(2**32),
        with_holes=confirming,
    )
