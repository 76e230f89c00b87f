"""What this machine can see: a minute of pairs of identical code, or the whole gate on identical code, repeated."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from perfgate.core.fitness import Fitness, fitness
from perfgate.core.model import Failure, Revision
from perfgate.pipeline.compare import Compared, compare
from perfgate.pipeline.workshop import Workshop, effort, measure_twice


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What pairs of two builds of the same code showed."""

    revision: Revision
    fitness: Fitness
    failures: tuple[Failure, ...]
    took_s: float
    budget_s: float
    """Of a comparison."""


def see(shop: Workshop, *, seconds: float) -> Seen:
    """Build the working tree twice and measure it against itself for so many seconds at most."""
    repository = shop.repository()
    loaded = shop.load_config(repository.root)
    base, head = measure_twice(repository, repository.working_tree(), loaded, shop, seconds=seconds)
    spend = effort(loaded, shop)
    assert head.method is not None
    return Seen(
        revision=head.revision,
        fitness=fitness(base, head, loaded.config.policy(), effort_s=spend.benchmark_s),
        failures=tuple({failure.benchmark: failure for failure in (*base.failures, *head.failures)}.values()),
        took_s=head.method.took_s,
        budget_s=spend.budget_s,
    )


def again(shop: Workshop, *, times: int) -> Iterator[Compared]:
    """Run the gate on identical code so many times, each with a seed of its own."""
    commit = str(shop.repository().working_tree().commit)
    for number in range(times):
        yield compare(commit, commit, replace(shop, seed=shop.seed + number))
