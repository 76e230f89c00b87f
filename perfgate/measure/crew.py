"""Taking agents through a list of benchmarks together: everybody ready, turns, everybody on.

Knows the protocol (docs/protocol.md) and nothing of statistics: one agent makes a scout, two a pair.
"""

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from random import Random

from perfgate.core.model import Reason
from perfgate.core.ports import Launch
from perfgate.errors import MeasureError
from perfgate.host.agent import Agent, AgentGone, AgentSilent, Message
from perfgate.host.interrupt import Interrupts
from perfgate.host.tree import MARK, kill_marked, kill_orphans

START_S = 300.0  # importing a large project and collecting its tests on a busy machine
END_S = 10.0  # fixtures of the session may have to be torn down


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why a member of the crew gave nothing for a benchmark."""

    member: int
    reason: Reason
    text: str


@dataclass(slots=True, kw_only=True)
class Journey:
    """How far a crew came."""

    troubles: dict[str, list[Trouble]] = field(default_factory=dict)
    visited: list[str] = field(default_factory=list)
    """Benchmarks that are done with, in order, those in trouble included."""
    byes: list[Message] = field(default_factory=list)
    """Each member's last message; none if a member ended before it sent one."""
    out_of_time: bool = False
    """Whether the budget ended on the way: the last benchmark visited is not finished."""

    def note(self, name: str, member: int, reason: Reason, text: str) -> None:
        """Add a trouble."""
        self.troubles.setdefault(name, []).append(Trouble(member=member, reason=reason, text=text))


class OutOfTime(Exception):
    """The time budget ended while an answer was due; the text, if any, is what had gone wrong until then."""


class TurnFailed(Exception):
    """A member failed while it was being timed; raised inside a visit."""

    def __init__(self, member: int, reason: Reason, text: str, *, ended: Message | None = None) -> None:
        super().__init__(text)
        self.member, self.reason, self.text = member, reason, text
        self.ended = ended
        """Its last word on this benchmark, where it lives and went on."""


Visit = Callable[[str, Sequence[Message]], None]


class Crew:
    """Agents that were started together and speak in the order of the sides."""

    def __init__(self, agents: Sequence[Agent], rng: Random, deadline: float = math.inf) -> None:
        self.agents = tuple(agents)
        self._rng, self._deadline = rng, deadline
        self.hellos: list[Message] = []
        self.offers: list[Message] = []

    def meet(self) -> None:
        """Wait until every member has said what it offers.

        Raises: MeasureError with the last words of one that did not get so far; OutOfTime.
        """
        self.hellos = [self._expect(agent, "hello") for agent in self.agents]
        self.offers = [self._expect(agent, "offer") for agent in self.agents]

    def travel(
        self,
        names: Sequence[str],
        visit: Visit,
        *,
        cpu: int | None,
        timeout_s: float,
    ) -> Journey:
        """Take all members through `names`; call `visit` with each that all are ready for.

        A benchmark that fails in one member is left by all. When a member dies or falls silent the journey
        ends there; who wants the rest starts a new crew.
        """
        journey = Journey()
        for agent in self.agents:
            with contextlib.suppress(AgentGone):  # noticed by the first receive, with its last words
                agent.send(do="run", names=list(names), cpu=cpu)
        for name in names:
            journey.visited.append(name)
            try:
                if not self._stop_at(name, visit, journey, timeout_s):
                    return journey
            except OutOfTime:
                journey.out_of_time = True
                return journey
        for agent in self.agents:
            with contextlib.suppress(AgentGone, AgentSilent):
                agent.send(do="next")
                journey.byes.append(agent.receive(timeout_s=END_S))
        for agent in self.agents:
            agent.finish(timeout_s=END_S)  # what the user's code does at exit, it may do
        return journey

    def ask(self, member: int, *, timeout_s: float, **order: object) -> Message:
        """Send an order to a waiting member and return its answer; for use inside a visit.

        Raises: TurnFailed.
        """
        try:
            self.agents[member].send(**order)
            answer = self._receive(self.agents[member], timeout_s)
        except (AgentGone, AgentSilent) as exc:
            raise TurnFailed(member, *_lost(self.agents[member], exc, timeout_s)) from exc
        if answer.get("kind") == "finished":
            raise TurnFailed(member, Reason.RAISED, str(answer.get("text", "")), ended=answer)
        return answer

    def _stop_at(self, name: str, visit: Visit, journey: Journey, timeout_s: float) -> bool:
        """Do one benchmark; return whether everybody is still there to do the next."""
        members = range(len(self.agents))
        states = {member: self._tell("next", member, journey, name, timeout_s) for member in self._shuffled(members)}
        waiting = [member for member, state in states.items() if state is not None and state["kind"] == "ready"]
        if len(waiting) == len(members):
            try:
                visit(name, [state for member in members if (state := states[member]) is not None])
            except TurnFailed as exc:
                if exc.ended is None:
                    journey.note(name, exc.member, exc.reason, exc.text)
                    return False
                states[exc.member] = exc.ended
                waiting.remove(exc.member)
                if str(exc.ended.get("outcome")) not in _OUTCOMES:
                    text = "it ended while it was being timed: did the benchmarked call raise, and the test catch it?"
                    journey.note(name, exc.member, exc.reason, text)
        for member in self._shuffled(waiting):
            states[member] = self._tell("leave", member, journey, name, timeout_s)
        for member in members:
            state = states[member]
            if state is not None and (reason := _OUTCOMES.get(str(state.get("outcome")))):
                journey.note(name, member, reason, str(state.get("text", "")))
        return None not in states.values()

    def _receive(self, agent: Agent, timeout_s: float) -> Message:
        """Wait for an answer, and no longer than the time budget lasts."""
        left = self._deadline - time.monotonic()
        try:
            return agent.receive(timeout_s=min(timeout_s, max(0.0, left)))
        except AgentSilent:
            if left < timeout_s:
                raise OutOfTime from None
            raise

    def _expect(self, agent: Agent, kind: str) -> Message:
        try:
            message = self._receive(agent, START_S)
        except AgentSilent:
            raise MeasureError(
                f"the benchmark process listed nothing within {START_S:.0f} s:\n{agent.last_words()}"
            ) from None
        except AgentGone:
            message = {}
        if message.get("kind") != kind:
            agent.finish(timeout_s=END_S)
            raise MeasureError(f"the benchmark process ended before it listed its benchmarks:\n{agent.last_words()}")
        return message

    def _shuffled(self, members: Sequence[int]) -> list[int]:
        """Return `members` in random order: the one that always sets up first is 0.3 % faster afterwards."""
        return self._rng.sample(list(members), k=len(members))

    def _tell(self, order: str, member: int, journey: Journey, name: str, timeout_s: float) -> Message | None:
        """Give one member the token and wait until it comes back, so that no other runs meanwhile."""
        try:
            self.agents[member].send(do=order)
            return self._receive(self.agents[member], timeout_s)
        except (AgentGone, AgentSilent) as exc:
            journey.note(name, member, *_lost(self.agents[member], exc, timeout_s))
            return None


@contextmanager
def crew(
    launches: Sequence[tuple[Launch, Mapping[str, str]]],
    *,
    mark: str,
    interrupts: Interrupts,
    seed: int = 0,
    deadline: float = math.inf,
) -> Iterator[Crew]:
    """Start one agent a launch, each with its own environment; everything they started is dead in the end.

    Args:
        seed: draws who starts and who sets up first.
        deadline: when the monotonic clock says this, no answer is waited for any more.
    """
    with ExitStack() as stack:
        stack.callback(kill_orphans)
        stack.callback(kill_marked, mark)
        agents: dict[int, Agent] = {}
        rng = Random(seed)
        for member in rng.sample(range(len(launches)), k=len(launches)):
            launch, environ = launches[member]
            try:
                agent = Agent(launch, environ={**environ, MARK: mark}, interrupts=interrupts)
            except OSError as exc:
                raise MeasureError(f"cannot start {launch.argv[0]}: {exc.strerror}") from exc
            agents[member] = stack.enter_context(agent)
        yield Crew([agents[member] for member in sorted(agents)], rng, deadline)


_OUTCOMES = {"failed": Reason.RAISED, "skipped": Reason.SKIPPED, "nothing": Reason.NOTHING}


def _lost(agent: Agent, exc: AgentGone | AgentSilent, timeout_s: float) -> tuple[Reason, str]:
    if isinstance(exc, AgentSilent):
        advice = "if that is what it takes, raise timeout under its suite, or leave it out with --exclude"
        return Reason.TIMEOUT, f"no answer within {timeout_s:g} s; {advice}"
    agent.finish(timeout_s=1.0)
    return Reason.DIED, agent.last_words()[-2000:] or "the process ended without a word"
