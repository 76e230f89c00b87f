"""A stored run as a file of columns, and back; pure, strict about what comes in.

One immutable file a run, suite and environment, so that writers never conflict in content:

    format.json                             which version of this layout, and which perfgate reads it
    runs/<aa>/<commit>/<series>.json        series: environment fingerprint and suite; `.2` and so on for more runs
    names/<hash>.json                       the SLIs that the columns stand for, shared by the runs that have the same
    environments/<fingerprint>.json         the facts behind a fingerprint
    rollup/<month>/<series>.json            what `compact` leaves of older runs: one a day
    verdicts/<month>/<hash>.json            what the gate decided; see `decisions`
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from perfgate import __version__
from perfgate.core.baseline import StoredRun
from perfgate.core.levels import Levels
from perfgate.core.model import Benchmark, Environment, Failure, Kind, Metric, Reason, Sli
from perfgate.errors import StoreError

LAYOUT: Literal[1] = 1
FORMAT = "format.json"
DIGITS = 5  # of a noisy value: noise is never below one in a hundred thousand, and digits cost bytes
LONGEST_TEXT = 200  # characters kept of why a benchmark failed
LONGEST_SERIES = 100  # characters of a suite's name in a path; the rest becomes a hash
LARGEST = 64 * 2**20  # bytes of one file; 500 benchmarks have 17,000

_SEAL = re.compile(rb'"sha256":"([0-9a-f]{64})",|,"sha256":"([0-9a-f]{64})"')

Files = dict[str, bytes]
Commit = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$")]
Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
Count = Annotated[int, Field(ge=0, lt=2**63)]
Fingerprint = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{12}$")]


_Model = TypeVar("_Model", bound=BaseModel)


class Strict(BaseModel):
    """A file's content, nothing guessed."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, frozen=True)


class _Format(BaseModel):
    """Lax: a later version may say more."""

    perfgate: int
    reader: str = ""


class _Names(Strict):
    metrics: tuple[Metric, ...]
    benchmarks: tuple[str, ...]
    slis: tuple[tuple[int, int], ...]
    """Indices into benchmarks and metrics."""


class _Run(Strict):
    perfgate: Literal[1]
    commit: Commit
    suite: str
    environment: Fingerprint
    names: Hash
    committed: str
    started: str
    runs: int = Field(1, ge=1)
    median: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    n: tuple[Count, ...] | Count
    failed: tuple[tuple[str, Reason, str], ...] = ()


class _Rollup(Strict):
    perfgate: Literal[1]
    runs: tuple[_Run, ...]


class _Needs(BaseModel):
    """Lax: what a file needs is read before it is."""

    names: Hash | None = None
    environment: Fingerprint | None = None
    runs: "tuple[_Needs, ...] | int" = ()


class _Facts(Strict):
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Entry:
    """What a path says without its file being read."""

    commit: str
    """Empty for a roll-up, which holds many."""
    environment: str
    """Fingerprint."""
    suite: str
    """As in the path: percent-encoded."""
    path: str


def entry_of(path: str) -> Entry | None:
    """Return what `path` says, None where it is no run's."""
    parts = PurePosixPath(path).parts
    if not path.endswith(".json") or len(parts) < 3 or parts[0] not in ("runs", "rollup"):
        return None
    fingerprint, _, rest = parts[-1].removesuffix(".json").partition(".")
    commit = parts[2] if parts[0] == "runs" and len(parts) == 4 else ""
    return Entry(commit=commit, environment=fingerprint, suite=rest.partition(".")[0], path=path)


def series(environment: str, suite: str) -> str:
    """Return the name of a series: fingerprint and suite, fit for a path."""
    return f"{environment}.{suite_in_path(suite)}"


def suite_in_path(suite: str) -> str:
    """Return a suite's name as paths hold it: unique, one component, without a dot."""
    plain = quote(suite, safe="").replace(".", "%2E").replace("~", "%7E")
    if len(plain) <= LONGEST_SERIES:
        return plain
    return f"{plain[:60]}~{hashlib.sha256(suite.encode()).hexdigest()[:16]}"


def folder(commit: str) -> str:
    """Return the directory of a commit's runs."""
    return f"runs/{commit[:2]}/{commit}"


def pack(run: StoredRun) -> tuple[str, Files]:
    """Return the path that `run` wants, and all files that it needs; the run's own is the last."""
    names = _dump(_names(run))
    facts = _dump({"facts": [list(fact) for fact in sorted(run.environment.facts)]})
    fingerprint = run.environment.fingerprint
    slis = list(run.levels)
    own: dict[str, Any] = {
        "perfgate": LAYOUT,
        "commit": run.commit,
        "suite": run.suite,
        "environment": fingerprint,
        "names": hashed(names),
        "committed": run.committed,
        "started": run.started,
        **({"runs": run.runs} if run.runs > 1 else {}),
        **{
            column: [_short(getattr(run.levels[sli], column), sli) for sli in slis]
            for column in ("median", "low", "high")
        },
        "n": _one_for_all([run.levels[sli].n for sli in slis]),
    }
    if any(not failure.partial for failure in run.failures):
        own["failed"] = [[f.benchmark.name, f.reason, f.text[:LONGEST_TEXT]] for f in run.failures if not f.partial]
    path = f"{folder(run.commit)}/{series(fingerprint, run.suite)}.json"
    return path, {
        FORMAT: format_file(),
        f"names/{hashed(names)}.json": names,
        f"environments/{fingerprint}.json": facts,
        path: sealed(own),
    }


def pack_rollup(month: str, runs: Sequence[StoredRun]) -> Files:
    """Return the files of a roll-up of `runs`, all of one series."""
    files: Files = {}
    bodies = []
    for run in runs:
        path, needed = pack(run)
        body = json.loads(needed.pop(path))
        bodies.append({key: value for key, value in body.items() if key != "sha256"})
        files |= needed
    name = series(runs[0].environment.fingerprint, runs[0].suite)
    return files | {f"rollup/{month}/{name}.json": sealed({"perfgate": LAYOUT, "runs": bodies})}


def needed(data: bytes, path: str) -> tuple[str, ...]:
    """Return the paths of the shared files that the run file `data` speaks of."""
    found = _load(_Needs, _unsealed(data, path), path)
    pairs = [(own.names, own.environment) for own in (found, *(found.runs if isinstance(found.runs, tuple) else ()))]
    return tuple(
        shared for names, facts in pairs if names for shared in (f"names/{names}.json", f"environments/{facts}.json")
    )


def unpack(data: bytes, path: str, shared: Mapping[str, bytes]) -> tuple[StoredRun, ...]:
    """Return the run in a file, or the runs in a roll-up.

    Raises: StoreError that names the file, for anything that is damaged or not where it belongs.
    """
    runs = tuple(_unpack(own, path, shared) for own in _bodies(data, path))
    entry = entry_of(path)
    for run in runs:
        fits = entry and (entry.environment, entry.suite) == (run.environment.fingerprint, suite_in_path(run.suite))
        if not fits or (entry and entry.commit and entry.commit != run.commit):
            raise StoreError(f"{path} holds {run.suite} of {run.commit}, which belongs elsewhere")
    return runs


@lru_cache(maxsize=256)
def check_shared(path: str, data: bytes) -> None:
    """Raise StoreError where a shared file is not what its name says."""
    parts = PurePosixPath(path)
    if parts.parts[0] == "names":
        _load(_Names, data, path)
        right = hashed(data)
    else:
        right = Environment(facts=_load(_Facts, data, path).facts).fingerprint
    if parts.stem != right:
        raise StoreError(f"{path} was changed: its content belongs under {right}")


def format_file() -> bytes:
    """Return the file that says how the others are laid out."""
    return _dump({"perfgate": LAYOUT, "reader": __version__})


def check_format(data: bytes, where: str) -> None:
    """Raise StoreError where `data`, the format file of `where`, is of a layout that this perfgate does not read."""
    found = _load(_Format, data, FORMAT)
    if found.perfgate > LAYOUT:
        raise StoreError(
            f"{where} has layout {found.perfgate}; this perfgate {__version__} reads up to {LAYOUT}",
            hint=f"pip install 'perfgate>={found.reader}'" if found.reader else "install a newer perfgate",
        )


def _names(run: StoredRun) -> dict[str, Any]:
    slis = list(run.levels)
    metrics = sorted({sli.metric for sli in slis})
    benchmarks = list(dict.fromkeys(sli.benchmark.name for sli in slis))
    places = {name: place for place, name in enumerate(benchmarks)}
    return {
        "metrics": [
            {"name": m.name, "unit": m.unit, "direction": m.direction, "kind": m.kind, "diagnostic": m.diagnostic}
            | ({"guessed": True} if m.guessed else {})
            for m in metrics
        ],
        "benchmarks": benchmarks,
        "slis": [[places[sli.benchmark.name], metrics.index(sli.metric)] for sli in slis],
    }


def _unpack(own: _Run, path: str, shared: Mapping[str, bytes]) -> StoredRun:
    names_path, facts_path = f"names/{own.names}.json", f"environments/{own.environment}.json"
    for needed_path in (names_path, facts_path):
        if needed_path not in shared:
            raise StoreError(f"{path} needs {needed_path}, which is not there")
        check_shared(needed_path, shared[needed_path])
    places = _places(names_path, shared[names_path], own.suite)
    n = own.n if isinstance(own.n, tuple) else (own.n,) * len(places)
    if not len(places) == len(own.median) == len(own.low) == len(own.high) == len(n):
        raise StoreError(f"{path} has columns of other lengths than {names_path}")
    return StoredRun(
        commit=own.commit,
        suite=own.suite,
        environment=_environment(facts_path, shared[facts_path]),
        committed=own.committed,
        started=own.started,
        levels=Levels(places, median=own.median, low=own.low, high=own.high, n=n),
        failures=tuple(
            Failure(benchmark=Benchmark(suite=own.suite, name=name), reason=reason, text=text)
            for name, reason, text in own.failed
        ),
        runs=own.runs,
    )


@lru_cache(maxsize=256)
def _places(path: str, data: bytes, suite: str) -> dict[Sli, int]:
    """Return the SLIs that columns stand for, one value for all runs that share them."""
    names = _load(_Names, data, path)
    try:
        slis = [
            Sli(benchmark=Benchmark(suite=suite, name=names.benchmarks[b]), metric=names.metrics[m])
            for b, m in names.slis
        ]
    except IndexError:
        raise StoreError(f"{path} speaks of names that it does not hold") from None
    return {sli: place for place, sli in enumerate(slis)}


@lru_cache(maxsize=256)
def _environment(path: str, data: bytes) -> Environment:
    return Environment(facts=_load(_Facts, data, path).facts)


def _bodies(data: bytes, path: str) -> tuple[_Run, ...]:
    """Return the run, or the runs of a roll-up, once the seal is whole."""
    content = _unsealed(data, path)
    return _load(_Rollup, content, path).runs if path.startswith("rollup/") else (_load(_Run, content, path),)


def opened(schema: type[_Model], data: bytes, path: str) -> _Model:
    """Return what a sealed file holds. Raises: StoreError."""
    return _load(schema, _unsealed(data, path), path)


def _unsealed(data: bytes, path: str) -> bytes:
    """Return a file as it was before it got its seal, byte by byte: nothing is parsed before that fits."""
    found = _SEAL.search(data)
    if found is None or not data.endswith(b"}"):
        raise StoreError(f"{path} is truncated or no file of perfgate's")
    content = data[: found.start()] + data[found.end() :]
    if hashlib.sha256(content).hexdigest().encode() != (found[1] or found[2]):
        raise StoreError(f"{path} was changed after it was written: its sha256 does not fit")
    return content


def sealed(content: dict[str, Any]) -> bytes:
    """Return a file with the sum of what it holds."""
    return _dump({**content, "sha256": hashlib.sha256(_dump(content)).hexdigest()})


def _short(value: float, sli: Sli) -> float:
    """Return a noisy value to the digits that it has; one that repeats is kept as it is."""
    return value if sli.metric.kind is Kind.EXACT or not math.isfinite(value) else float(f"{value:.{DIGITS}g}")


def _one_for_all(values: list[int]) -> list[int] | int:
    return values[0] if len(set(values)) == 1 else values


def hashed(data: bytes) -> str:
    """Return the name of a content in a path."""
    return hashlib.sha256(data).hexdigest()[:16]


def _dump(content: Any) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _load(schema: type[_Model], data: bytes, path: str) -> _Model:
    try:
        return schema.model_validate_json(data)
    except ValidationError as exc:
        fault = exc.errors(include_url=False, include_input=False)[0]
        raise StoreError(f"{path} is damaged: {'.'.join(map(str, fault['loc']))}: {fault['msg']}") from exc
