"""One pair: two fresh processes alive together on one CPU, taking turns through the benchmarks.

Where turns are not wanted the same two processes run one after the other, by the same code.
"""

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from random import Random
from statistics import median

from perfgate.core.model import Design, ProcessFacts, Reason
from perfgate.core.ports import Launch
from perfgate.core.schedule import FEWEST_TURNS, LONG_PAIR_S, LONG_TURN_S, TURN_VARIES, PairDraw, Turns
from perfgate.host.addresses import fixed_addresses
from perfgate.host.agent import Message
from perfgate.host.cpus import away_from
from perfgate.host.interrupt import Interrupts
from perfgate.measure.crew import Crew, OutOfTime, Trouble, TurnFailed, crew

BASE, HEAD = 0, 1


@dataclass(slots=True, kw_only=True)
class Reading:
    """The turns of one benchmark in one process."""

    values: dict[str, list[float]] = field(default_factory=dict)
    """Metric name to one value a turn, per iteration, in measured order."""
    busy_s: float = 0.0
    """Seconds in turns, the dropped ones included."""
    trials: dict[str, int] = field(default_factory=dict)
    """Counted metric to how many its value is a share of."""

    def add(self, member: int, answer: Message, *, keep: bool) -> None:
        """Take a turn's answer.

        Raises: TurnFailed where a value is no measurement.
        """
        check_values(member, answer["values"])
        self.busy_s += answer["elapsed"]
        if keep:
            for metric, value in answer["values"].items():
                self.values.setdefault(metric, []).append(value)


def check_values(member: int, values: Mapping[str, float]) -> None:
    """Raise TurnFailed where a value is no measurement: not finite, negative, or a time of zero."""
    for metric, value in values.items():
        if not math.isfinite(value) or value < 0 or (metric == "time" and value == 0):
            raise TurnFailed(member, Reason.BAD_VALUE, f"{metric} came out as {value:g}")


@dataclass(slots=True, kw_only=True)
class PairResult:
    """What one pair gave."""

    readings: dict[str, dict[int, Reading]] = field(default_factory=dict)
    """Benchmark to side to reading; both sides where nothing went wrong."""
    troubles: dict[str, list[Trouble]] = field(default_factory=dict)
    least: dict[str, dict[str, float]] = field(default_factory=dict)
    """Benchmark to metric to the value up to which nothing can be told apart."""
    seconds: dict[str, float] = field(default_factory=dict)
    """What each benchmark took of the pair, both sides."""
    facts: tuple[list[ProcessFacts], list[ProcessFacts]] = field(default_factory=lambda: ([], []))
    took_s: float = 0.0
    out_of_time: bool = False
    """Whether the budget ended first: what was not reached has no reading."""

    @property
    def startup_s(self) -> float:
        """Seconds in which processes started and ended."""
        return max(0.0, self.took_s - sum(self.seconds.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """How the pairs of one suite are run."""

    suite: str
    launches: tuple[Launch, ...]
    """Base and head; head alone where only one side is measured."""
    design: Design
    timeout_s: float
    mark: str
    deadline: float = math.inf
    """When the monotonic clock says this, the pair ends where it is."""
    draw_layout: bool = True
    """Whether memory layout is drawn by us, anew for each pair, or left to the system; only a benchmark of the
    method says no."""


def run_pair(pairing: Pairing, draw: PairDraw, plans: Mapping[str, Turns], *, interrupts: Interrupts) -> PairResult:
    """Run one pair of fresh processes through the benchmarks in `plans`.

    A process that dies takes only its benchmark with it: the others go on in new processes.
    """
    result = PairResult()
    start = time.monotonic()
    sides = tuple(range(len(pairing.launches)))
    together = [sides] if pairing.design is Design.TURNS else [(side,) for side in sides]
    if not draw.base_starts:
        together.reverse()
    for members in together:
        left = list(plans)
        while left and not result.out_of_time:
            visited = _run_crew(pairing, draw, members, {name: plans[name] for name in left}, result, interrupts)
            left = left[visited:]
    result.took_s = time.monotonic() - start
    return result


def environ_of(draw: PairDraw, *, layout: bool = True) -> dict[str, str]:
    """Return what chance puts into a process's environment."""
    found = {"PYTHONHASHSEED": str(draw.hash_seed)}
    if layout:
        found |= {"PERFGATE_LAYOUT": str(draw.layout_seed), "PERFGATE_PAD": "x" * draw.pad}
        found |= {"PERFGATE_HOLES": "1"} if draw.with_holes else {}
    return found


def take_turns(crew: Crew, name: str, turns: Turns, *, rng: Random, timeout_s: float) -> list[Reading]:
    """Let all members of the crew take turns at a benchmark they are ready for, in random order each time.

    Where turns take much longer than planned (head became slow) there are fewer of them.
    """
    readings = [Reading() for _ in crew.agents]
    order = list(range(len(readings)))
    took: list[float] = []
    loops = max(1, round(turns.loops * rng.uniform(*TURN_VARIES)))
    wanted = turns.count
    while len(took) < turns.warmup + wanted:
        rng.shuffle(order)
        keep = len(took) >= turns.warmup
        before = sum(reading.busy_s for reading in readings)
        for member in order:
            answer = crew.ask(member, do="turn", loops=loops, timeout_s=timeout_s)
            readings[member].add(member, answer, keep=keep)
        took.append((sum(reading.busy_s for reading in readings) - before) / len(readings))
        turn_s = median(took)  # one long turn alone is a garbage collection
        fewer = max(FEWEST_TURNS, round(LONG_PAIR_S / turn_s))
        wanted = min(turns.count, fewer) if turn_s > LONG_TURN_S else turns.count
    return readings


def _run_crew(
    pairing: Pairing,
    draw: PairDraw,
    members: Sequence[int],
    plans: Mapping[str, Turns],
    result: PairResult,
    interrupts: Interrupts,
) -> int:
    """Take one crew through `plans`; return how many benchmarks it is done with."""
    rng = Random(draw.order_seed)
    environ = environ_of(draw, layout=pairing.draw_layout)
    launches = [(pairing.launches[member], environ) for member in members]
    with (
        fixed_addresses() if pairing.draw_layout else nullcontext(),
        crew(
            launches, mark=pairing.mark, interrupts=interrupts, seed=draw.order_seed, deadline=pairing.deadline
        ) as people,
    ):
        try:
            people.meet()
        except OutOfTime:
            result.out_of_time = True
            return 0
        clock = [time.monotonic()]

        def visit(name: str, states: Sequence[Message]) -> None:
            readings = take_turns(people, name, plans[name], rng=rng, timeout_s=pairing.timeout_s)
            result.readings.setdefault(name, {}).update(zip(members, readings, strict=True))
            least = result.least.setdefault(name, {})
            for metric, value in [item for state in states for item in state.get("least", {}).items()]:
                least[metric] = max(value, least.get(metric, 0.0))
            now = time.monotonic()
            result.seconds[name] = result.seconds.get(name, 0.0) + now - clock[0]
            clock[0] = now

        with away_from(draw.cpu):
            journey = people.travel(tuple(plans), visit, cpu=draw.cpu, timeout_s=pairing.timeout_s)
    result.out_of_time = journey.out_of_time
    for name, troubles in journey.troubles.items():
        result.readings.pop(name, None)
        for trouble in troubles:
            real = Trouble(member=members[trouble.member], reason=trouble.reason, text=trouble.text)
            result.troubles.setdefault(name, []).append(real)
    for place, member in enumerate(members):
        bye = journey.byes[place] if len(journey.byes) == len(members) else {}
        layout = tuple(people.hellos[place].get("layout", ()))
        result.facts[member].append(_facts(pairing, draw, layout, bye))
    return len(journey.visited)


def _facts(pairing: Pairing, draw: PairDraw, layout: tuple[int, ...], bye: Message) -> ProcessFacts:
    return ProcessFacts(
        pair=draw.pair,
        suite=pairing.suite,
        cpu=draw.cpu,
        hash_seed=draw.hash_seed,
        layout_seed=draw.layout_seed,
        layout=layout,
        preempted=bye.get("preempted", 0),
        ran_s=bye.get("ran_s", 0.0),
        starved_s=bye.get("starved_s", 0.0),
    )
