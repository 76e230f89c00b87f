"""The rules by which other gates decide, written anew from their sources; lower is better, True is "blocked".

Each takes what its own design gives it: `base` and `head` are lists of processes in the order in which they ran, each
with the times of its rounds; `history` holds the values of earlier runs of base, one a run, oldest first.
Defaults are each tool's own; where a tool has no gate, the threshold that its users or documents name stands beside it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

Processes = Sequence[Sequence[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a gate may look at, of one benchmark."""

    base: Processes
    head: Processes
    history: Sequence[float] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """Another gate."""

    name: str
    design: str
    """How it measures: `blocks` (base's processes, then head's), `interleaved` (alternately) or `history`."""
    processes: int
    """A side; of `history`, of head alone."""
    blocks: Callable[[Seen], bool]
    source: str


def pooled(processes: Processes) -> np.ndarray:
    """Return all rounds of all processes as if they were one sample."""
    return np.concatenate([np.asarray(rounds, dtype=float) for rounds in processes])


def mean_threshold(seen: Seen, *, threshold: float) -> bool:
    """github-action-benchmark: head's mean against the last stored one (`src/write.ts`)."""
    return bool(pooled(seen.head).mean() / seen.history[-1] > threshold)


def least_grew(seen: Seen, *, share: float) -> bool:
    """pytest-benchmark --benchmark-compare-fail=min:N% (`utils.py`)."""
    return bool(pooled(seen.head).min() / pooled(seen.base).min() * 100 - 100 > 100 * share)


def mean_grew(seen: Seen, *, share: float) -> bool:
    """pytest-benchmark --benchmark-compare-fail=mean:N% (`utils.py`)."""
    return bool(pooled(seen.head).mean() / pooled(seen.base).mean() * 100 - 100 > 100 * share)


def bencher_t(seen: Seen, *, boundary: float = 0.99, most: int = 64) -> bool:
    """Bencher's t_test: head's value above the prediction bound of its history (`bencher_boundary/src/mean.rs`)."""
    past = np.asarray(seen.history[-most:], dtype=float)
    if len(past) < 2 or past.std(ddof=1) == 0:
        return False
    n = len(past)
    bound = past.mean() + past.std(ddof=1) * math.sqrt(1 + 1 / n) * stats.t.ppf(boundary, n - 1)
    return bool(pooled(seen.head).mean() > bound)


def codspeed(seen: Seen, *, threshold: float = 0.10) -> bool:
    """CodSpeed's wall time: base / head - 1 below minus the threshold (its documents)."""
    return bool(pooled(seen.base).mean() / pooled(seen.head).mean() - 1 < -threshold)


def conbench(seen: Seen, *, threshold: float = 5.0) -> bool:
    """conbench: z of head's best against the rolling mean of 100 commits (`entities/history.py`)."""
    past = np.asarray(seen.history[-100:], dtype=float)
    if len(past) < 3:
        return False
    mean = past.mean()
    before = np.concatenate([past[:1], np.cumsum(past)[:-1] / np.arange(1, len(past))])
    spread = (past - before).std(ddof=1)
    return bool(spread > 0 and (pooled(seen.head).min() - mean) / spread > threshold)


def rustc_perf(seen: Seen, *, multiplier: float = 3.0, without: float = 0.002) -> bool:
    """rustc-perf: the change against quartiles of the changes of 30 commits (`site/src/comparison.rs`).

    A single primary benchmark deserves attention from magnitude 3, "medium", on.
    """
    past = np.asarray(seen.history, dtype=float)
    base, head = past[-1], pooled(seen.head).min()
    changes = np.sort(np.abs(np.diff(past[-30:]) / past[-30:-1]))
    half = len(changes) // 2 - (1 - len(changes) % 2)
    if len(past) < 30:
        significant_from = without
    else:
        low, high = np.median(changes[:half]), np.median(changes[-half:])
        significant_from = high + multiplier * (high - low)
    change = (head - base) / base
    if change < significant_from or significant_from == 0:
        return bool(change > 0 and change >= significant_from)
    beyond = int(np.searchsorted((1.5, 3, 6, 12), change / significant_from, side="right")) + 1
    absolute = int(np.searchsorted((0.2, 1, 2, 5), 100 * change / 2, side="right")) + 1
    return (beyond + absolute) // 2 >= 3


def asv(seen: Seen, *, factor: float = 1.1, level: float = 0.002) -> bool:
    """asv continuous: medians a factor apart and different by Mann-Whitney (`commands/compare.py`, `_stats.py`)."""
    base, head = pooled(seen.base), pooled(seen.head)
    if np.median(base) >= np.median(head) / factor:
        return False
    if len(base) == 1 or len(head) == 1:
        return True
    if 1 / math.comb(len(base) + len(head), min(len(base), len(head))) < level:
        method = "exact" if max(len(base), len(head)) <= 20 else "asymptotic"
        return bool(stats.mannwhitneyu(base, head, method=method, use_continuity=False).pvalue < level)
    return bool(base.max() < head.min())  # its intervals hold at least all values of so few


def benchstat(seen: Seen, *, level: float = 0.05, share: float = 0.10) -> bool:
    """benchstat over runs, one value each, and its users' threshold of 10 % on top (`benchmath`)."""
    base, head = (np.asarray([np.mean(rounds) for rounds in side]) for side in (seen.base, seen.head))
    p = stats.mannwhitneyu(
        base, head, method="exact" if len({*base, *head}) == len(base) + len(head) else "auto"
    ).pvalue
    return bool(p <= level and np.median(head) / np.median(base) - 1 > share)


def significant_mann_whitney(seen: Seen, *, level: float = 0.05, share: float = 0.05) -> bool:
    """google/benchmark's compare.py: Mann-Whitney over repetitions, red from 5 % on (`tools/gbench/report.py`)."""
    base, head = pooled(seen.base), pooled(seen.head)
    p = stats.mannwhitneyu(base, head, alternative="two-sided").pvalue
    return bool(p < level and head.mean() / base.mean() - 1 > share)


def otava(seen: Seen, *, level: float = 0.001) -> bool:
    """Otava's last step: is head's value a change point after its history (`change_point_divisive`)?

    The newest point alone can be one: a t-test with population variances of everything before against it.
    """
    past, value = np.asarray(seen.history[-50:], dtype=float), pooled(seen.head).mean()
    spread = past.std()
    if spread == 0:
        return bool(value > past.mean())
    t = (value - past.mean()) / (spread * math.sqrt(1 + 1 / len(past)))
    return bool(t > 0 and 2 * stats.t.sf(t, len(past) - 1) < level)


def criterion(seen: Seen, *, level: float = 0.05, noise: float = 0.01, resamples: int = 1000) -> bool:
    """criterion.rs: a bootstrapped t-test and the interval of the change beyond 1 % (`analysis/compare.rs`)."""
    base, head = pooled(seen.base), pooled(seen.head)
    rng = np.random.default_rng(0)
    both = np.concatenate([head, base])

    def t(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        spread = one.var(axis=-1, ddof=1) / one.shape[-1] + other.var(axis=-1, ddof=1) / other.shape[-1]
        return (one.mean(axis=-1) - other.mean(axis=-1)) / np.sqrt(spread)  # type: ignore[no-any-return]

    drawn = rng.choice(both, (resamples, len(both)))
    null = t(drawn[:, : len(head)], drawn[:, len(head) :])
    null = null[np.isfinite(null)]
    hits = int((null < t(head, base)).sum())
    if 2 * min(hits, len(null) - hits) / len(null) >= level:
        return False
    ratios = rng.choice(head, (resamples, len(head))).mean(axis=1) / rng.choice(base, (resamples, len(base))).mean(
        axis=1
    )
    return bool(np.quantile(ratios - 1, 0.025) > noise)


def pyperf(seen: Seen, *, share: float = 0.0) -> bool:
    """pyperf compare_to: a t-test with pooled variance over all values, and --min-speed (`_utils.py`)."""
    base, head = pooled(seen.base), pooled(seen.head)
    if len(base) != len(head):
        return True
    pooled_variance = (base.var(ddof=1) + head.var(ddof=1)) / 2
    if pooled_variance == 0:
        return bool(head.mean() > base.mean())
    t = (head.mean() - base.mean()) / math.sqrt(2 * pooled_variance / len(base))
    return bool(t >= stats.t.ppf(0.975, 2 * len(base) - 2) and head.mean() / base.mean() - 1 > share)


def hyperfine(seen: Seen, *, level: float = 0.05) -> bool:
    """hyperfine's scripts/welch_ttest.py over runs, one value each."""
    base, head = (np.asarray([np.mean(rounds) for rounds in side]) for side in (seen.base, seen.head))
    return bool(head.mean() > base.mean() and stats.ttest_ind(base, head, equal_var=False).pvalue < level)


def critcmp(seen: Seen) -> bool:
    """criterion-compare-action: bold where the change exceeds the smaller deviation (`main.js`)."""
    base, head = pooled(seen.base), pooled(seen.head)
    return bool(head.mean() - base.mean() > min(base.std(ddof=1), head.std(ddof=1)))


def duckdb(seen: Seen, *, share: float = 0.10, rounds: int = 5) -> bool:
    """duckdb's runner: suspect in each of five rounds of old, then new (`scripts/regression/test_runner.py`).

    Its allowance of 50 ms is for queries of seconds and left out, or nothing here would ever be suspect.
    """
    pairs = zip(seen.base[:rounds], seen.head[:rounds], strict=True)
    return all(np.median(old) * (1 + share) < np.median(new) for old, new in pairs)


RIVALS = (
    Rival(name="github-action-benchmark, 200 %", design="history", processes=1,
          blocks=lambda seen: mean_threshold(seen, threshold=2.0), source="its default"),
    Rival(name="github-action-benchmark, 110 %", design="history", processes=1,
          blocks=lambda seen: mean_threshold(seen, threshold=1.1), source="tightened by hand"),
    Rival(name="pytest-benchmark, min:5%", design="blocks", processes=1,
          blocks=lambda seen: least_grew(seen, share=0.05), source="its documents"),
    Rival(name="pytest-benchmark, mean:5%", design="blocks", processes=1,
          blocks=lambda seen: mean_grew(seen, share=0.05), source="the same of the mean"),
    Rival(name="Bencher, t_test .99", design="history", processes=1, blocks=bencher_t, source="its default"),
    Rival(name="CodSpeed wall time, 10 %", design="blocks", processes=1, blocks=codspeed, source="its default"),
    Rival(name="conbench, z > 5", design="history", processes=1, blocks=conbench, source="its default"),
    Rival(name="rustc-perf, 3 IQR", design="history", processes=1, blocks=rustc_perf, source="its rule, from 1 % on"),
    Rival(name="asv continuous, 1.1", design="interleaved", processes=2, blocks=asv, source="its default"),
    Rival(name="benchstat, .05 and 10 %", design="interleaved", processes=10, blocks=benchstat, source="its documents"),
    Rival(name="google/benchmark, .05 and 5 %", design="blocks", processes=1,
          blocks=significant_mann_whitney, source="its colours"),
    Rival(name="Otava, p .001", design="history", processes=1, blocks=otava, source="its default"),
    Rival(name="criterion.rs", design="blocks", processes=1, blocks=criterion, source="its default"),
    Rival(name="pyperf compare_to", design="blocks", processes=10, blocks=pyperf, source="its default"),
    Rival(name="pyperf, --min-speed=5", design="blocks", processes=10,
          blocks=lambda seen: pyperf(seen, share=0.05), source="its option"),
    Rival(name="hyperfine, Welch .05", design="blocks", processes=10, blocks=hyperfine, source="its script"),
    Rival(name="criterion-compare-action", design="blocks", processes=1, blocks=critcmp, source="its default"),
    Rival(name="duckdb's runner, 5 of 5", design="interleaved", processes=5, blocks=duckdb, source="its default"),
)  # fmt: skip
