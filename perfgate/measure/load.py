"""Our own generator on both sides at once, request by request in random order: the usual load probe."""

from perfgate.core.load.histogram import histogram
from perfgate.core.load.plan import BUSIEST, SLOWEST_RATE, Shape, fitting_rate
from perfgate.core.load.tally import lag, late, needed, overlapping, tally
from perfgate.host import cpus
from perfgate.measure.probe import Counted, ProbeSuite, Unfair
from perfgate.measure.start import Outcome, closed_load, generator, open_load, run_start
from perfgate.measure.turns import BASE

MOST_LATE = 0.5  # share of requests that may leave late: they are dropped in pairs, which is fair and costs precision
BUSIEST_GENERATOR = 0.7  # of its CPU: beyond it what it notes is its own queue
LITTLE = 0.05  # how far rate times latency may be off what was in flight: bookkeeping that does not add up
CROSS_TALK = 2.0  # times base's p95 while head is busy too: two queues on one CPU alone do not come so far


class LoadSuite(ProbeSuite):
    """Loads both sides at once."""

    _apart = False
    """In windows of one side at a time: where they disturb each other."""
    _rate = 0.0

    def _scout(self) -> Outcome:
        """See what a request costs, which says how much load the sides can be given."""
        self._agent = self.resources.enter_context(generator(self.around.interrupts))
        seen = self._first(self._agent)
        self._choose(seen)
        return seen

    def _attempt(self, seed: int) -> Counted:
        users, sides = self.plan.users, len(self.sides)
        load = (
            closed_load(self.plan, users, self.plan.seconds, seed=seed)
            if users
            else open_load(self.plan, self._rate, sides=sides, seed=seed, apart=self._apart)
        )
        seen = run_start(self.stage, self._agent, self.plan, load, seed=seed)
        self._part_if_they_disturb(seen)
        self._check(seen, planned=len(load.get("arrivals", ())))
        kinds = [request.name for request in self.plan.requests]
        tallies = tally(seen.answers, kinds, sides=sides, since_s=self.plan.warmup_s, until_s=self.plan.seconds)
        return Counted(outcome=seen, tallies=tallies)

    @property
    def _shaped(self) -> bool:
        return bool(self.plan.stages) or self.plan.shape is not Shape.CONSTANT

    def _choose(self, seen: Outcome) -> None:
        """Choose the rate, or check the one that was asked for: sides that share a busy CPU disturb each other."""
        cpu_s = [cost.cpu_s / max(1, sum(a.side == side for a in seen.answers)) for side, cost in enumerate(seen.costs)]
        fitting = fitting_rate(sum(cpu_s))
        shared = max(1, len(cpus.allowed()) - 1)
        self._rate = self.plan.rate or fitting
        if not self.plan.rate and fitting == SLOWEST_RATE:
            text = f"a request costs {1e3 * max(cpu_s):.0f} ms of CPU: at {fitting:g}/s the sides disturb each other"
            self._say("busy", text)
        if not self.plan.rate:
            return
        if self._shaped and self.plan.rate * sum(cpu_s) / shared > BUSIEST:
            self._say("busy", "the sides share a busy CPU, and windows of their own would drop the shape of the load")
            return
        if self.plan.rate * sum(cpu_s) / shared > BUSIEST and not self.plan.users:
            self._apart = len(self.sides) > 1
            busy = self.plan.rate * sum(cpu_s) / shared
            text = f"{self.plan.rate:g} requests/s a side keep the CPU {100 * busy:.0f} % busy"
            if self._apart:
                text += f", so the sides took windows of 0.1 s, which spread more; up to {fitting:.0f}/s they need none"
            self._say("windows" if self._apart else "busy", text)

    def _check(self, seen: Outcome, *, planned: int) -> None:
        """Refuse a start in which the generator or the machine, not the service, made the numbers.

        Raises: Unfair.
        """
        if not seen.answers:
            raise Unfair("nothing was sent")
        if (busy := seen.busy_s / seen.took_s) > BUSIEST_GENERATOR:
            text = f"the generator was busy {100 * busy:.0f} % of the time"
            raise Unfair(f"{text}: lower the rate, or take another engine (h2load, locust)")
        if planned and (share := late(seen.answers)) > MOST_LATE:
            worst = f"p99 {1e3 * lag(seen.answers, 0.99):.1f} ms"
            text = f"{100 * share:.0f} % of the requests left more than 0.5 ms late ({worst})"
            raise Unfair(f"{text}: the machine is too busy, or the rate too high for this generator")
        for side, flown_s in enumerate(seen.flown_s):
            served_s = sum(answer.service_s for answer in seen.answers if answer.side == side)
            if abs(flown_s - served_s) > LITTLE * max(served_s, 0.1):
                raise Unfair(f"rate times latency ({served_s:.2f} s) is not what was in flight ({flown_s:.2f} s)")

    def _part_if_they_disturb(self, seen: Outcome) -> None:
        """Give each side windows of its own, from the first start on, where one that pauses holds up the other.

        Raises: Unfair, for the start in which that was seen.
        """
        if (
            self._apart
            or self._shaped
            or len(self.sides) < 2
            or self.plan.users
            or any(track.pairs for track in self.tracks.values())
        ):
            return
        both = overlapping(seen.answers)
        base = [answer for answer in seen.answers if answer.side == BASE and not answer.fault]
        beside, alone = (
            histogram(answer.latency_s for answer in base if ((BASE, answer.call) in both) is busy)
            for busy in (True, False)
        )
        enough = min(beside.total, alone.total) >= needed(0.95) / 4
        if enough and (ratio := beside.quantile(0.95) / alone.quantile(0.95)) > CROSS_TALK:
            self._apart = True
            share = beside.total / len(base)
            text = f"base's p95 was {ratio:.1f} times as high while head was busy too"
            text += f" ({100 * share:.0f} % of its requests)"
            self._say("cross-talk", f"{text}: the sides took windows of 0.1 s from there on")
            raise Unfair("cross-talk")
