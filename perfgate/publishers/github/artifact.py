"""The artifact of a job that ran a pull request's code: hostile data until every check here has passed; pure.

Nothing but the two runs is read, and of those nothing but numbers and names: no verdict, no rendered text, no number
of a pull request. What fails one check is refused whole, with one line that says why.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Iterable

from perfgate import codec
from perfgate.core.model import LONGEST_NAME, METRICS, PHASES, WHOLE, Kind, Method, Run, Sample, is_legible
from perfgate.core.schedule import LARGEST_PLAN, looks
from perfgate.errors import ArtifactError, FileError

LARGEST = 32 * 2**20  # bytes of the archive
LARGEST_RUN = 64 * 2**20  # bytes of one run, unpacked; 1,000 benchmarks of 42 pairs have about 40 MB
MOST_MEMBERS = 16
MOST_BENCHMARKS = 5_000
MOST_SLIS = 10_000
MOST_VALUES = 4_000_000  # numbers of one run, counted by its commas before it is parsed
MOST_OBJECTS = 150_000  # likewise, by its braces
MOST_LISTS = 600_000  # likewise, by its brackets
MOST_PROCESSES = 1_000  # of one benchmark
MOST_LOOKS = 5_000  # over all plans that differ: to compute the level of one takes a millisecond
MOST_TRIALS = 10_000_000  # requests of one start
MOST_TEXTS = 1_000  # warnings, facts
MOST_CONTROLS = 1_000  # jobs, or pairs of one job, in which base was measured against itself
LARGEST_LOG_RATIO = 50.0  # e**50 times as slow
LARGEST_SEED = 2**63
LARGEST_PAIR = 1_000_000
LONGEST_TEXT = 10_000
LARGEST_VALUE = 1e18  # seconds, bytes: nothing that is measured is beyond, nor below its inverse
NAMES = ("base.json", "head.json")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_STARTED = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})?")
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


def unpack(data: bytes) -> tuple[Run, Run]:
    """Return base and head from an archive.

    Raises: ArtifactError.
    """
    if len(data) > LARGEST:
        raise ArtifactError(f"the artifact has {len(data):,} bytes; at most {LARGEST:,} are read")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = _members(archive)
            base, head = (_read(archive, members[name]) for name in NAMES)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError, ValueError, OSError) as exc:
        raise ArtifactError(f"the artifact is not a readable archive: {_line(str(exc))}") from exc
    return checked(base, NAMES[0]), checked(head, NAMES[1])


def checked(data: bytes, name: str) -> Run:
    """Return the run that a file holds.

    Raises: ArtifactError.
    """
    if len(data) > LARGEST_RUN:
        raise ArtifactError(f"{name} has {len(data):,} bytes; at most {LARGEST_RUN:,} are read")
    for mark, most, what in (
        (b",", MOST_VALUES, "values"),
        (b"{", MOST_OBJECTS, "objects"),
        (b"[", MOST_LISTS, "lists"),
    ):
        if data.count(mark) > most:
            raise ArtifactError(f"{name} has more than {most:,} {what}")
    try:
        run = codec.load_run(data, name=name)
    except FileError as exc:
        raise ArtifactError(_line(exc.message)) from exc
    for fault in _faults(run):
        raise ArtifactError(f"{name}: {_line(fault)}")
    return run


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    listed = archive.infolist()
    if len(listed) > MOST_MEMBERS:
        raise ArtifactError(f"the artifact has {len(listed):,} members; at most {MOST_MEMBERS} are looked at")
    found = {}
    for info in listed:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", info.filename):
            raise ArtifactError(f"the artifact has a member named {_line(info.filename)!r}; only plain names are read")
        if info.filename in found:
            raise ArtifactError(f"the artifact has {info.filename} twice")
        found[info.filename] = info
    if missing := [name for name in NAMES if name not in found]:
        raise ArtifactError(f"the artifact has no {missing[0]}")
    return found


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    if info.flag_bits & 1 or info.compress_type not in _METHODS:
        raise ArtifactError(f"{info.filename} is encrypted or packed in an unusual way")
    with archive.open(info) as file:
        data = file.read(LARGEST_RUN + 1)  # whatever size it says it has
    if len(data) > LARGEST_RUN:
        raise ArtifactError(f"{info.filename} has more than {LARGEST_RUN:,} bytes unpacked")
    return data


def _faults(run: Run) -> Iterable[str]:
    """Yield what is wrong with a run that has the right shape."""
    if len(run.benchmarks) > MOST_BENCHMARKS:
        yield f"{len(run.benchmarks):,} benchmarks; at most {MOST_BENCHMARKS:,} are judged"
    if run.revision.commit is None or not _COMMIT.fullmatch(run.revision.commit):
        yield f"{run.revision.commit!r} is not a commit"
    if run.part != WHOLE:
        yield f"part {run.part} alone; what all jobs measured must be merged first"
    if len(run.samples) > MOST_SLIS or sum(len(sample.processes) for sample in run.samples) > MOST_VALUES // 10:
        yield "more SLIs, or processes, than can be judged in half a minute"
    if run.started and not _STARTED.fullmatch(run.started):
        yield "its start is not a time"
    if _looks(run.samples) > MOST_LOOKS:
        yield "more plans that differ than can be judged in half a minute"
    yield from _names(run)
    for sample in run.samples:
        yield from _sample_faults(sample)
    if (run.method and not all(_method_numbers(run.method))) or not all(_process_numbers(run)):
        yield "a number of how it was measured is out of bounds"


def _looks(samples: Iterable[Sample]) -> int:
    """Return how many looks have a level of their own; those that share a plan share its levels."""
    ends = {(max(sample.planned, len(sample.processes)), len(sample.processes)) for sample in samples}
    return len(ends) + sum(len(looks(plan, plan)) for plan in {plan for plan, _ in ends})


def _sample_faults(sample: Sample) -> Iterable[str]:
    if sample.sli.metric != METRICS.get(sample.sli.metric.name, sample.sli.metric):
        yield f"{sample.sli} is not the metric of that name"
    if len(sample.processes) > MOST_PROCESSES:
        yield f"{sample.sli} has more than {MOST_PROCESSES:,} processes"
    if not 0 <= sample.planned <= LARGEST_PLAN:
        yield f"{sample.sli} has {sample.planned:,} planned pairs; at most {LARGEST_PLAN:,} are judged"
    if not all(_usual(value) for process in sample.processes for value in process):
        yield f"{sample.sli} has a value that nothing measures"
    if not all(0 <= pair <= LARGEST_PAIR for pair in sample.pairs) or not 0 <= sample.pair_s <= LARGEST_VALUE:
        yield f"{sample.sli} has a number of how it was measured that is out of bounds"
    if not all(0 < trials <= MOST_TRIALS for trials in sample.trials):
        yield f"{sample.sli} is a share of a number that is out of bounds"
    counted = sample.sli.metric.kind is Kind.COUNTED
    if counted and not all(len(process) == 1 and 0 <= process[0] <= 1 for process in sample.processes):
        yield f"{sample.sli} has a share that is not between 0 and 1"


def _process_numbers(run: Run) -> Iterable[bool]:
    """Yield whether the seconds of each process are plausible."""
    for facts in run.processes:
        yield 0 <= facts.ran_s <= LARGEST_VALUE
        yield 0 <= facts.starved_s <= LARGEST_VALUE


def _method_numbers(method: Method) -> Iterable[bool]:
    """Yield whether each number of how a run was measured is one."""
    yield 0 <= method.seed < LARGEST_SEED
    phases = [seconds for _, seconds in method.phases]
    yield len(phases) <= len(PHASES) and all(name in PHASES for name, _ in method.phases)
    for seconds in (
        method.budget_s,
        method.took_s,
        method.overhead_s,
        method.startup_s,
        method.enough_s,
        *phases,
    ):
        yield seconds == 0 or 1 / LARGEST_VALUE <= seconds <= LARGEST_VALUE
    yield len(method.controls) <= MOST_CONTROLS
    for control in method.controls:
        yield len(control) <= MOST_CONTROLS
        yield all(abs(ratio) <= LARGEST_LOG_RATIO for ratio in control)


def _names(run: Run) -> Iterable[str]:
    names = {text for benchmark in run.benchmarks for text in (benchmark.suite, benchmark.name)}
    names |= {sample.sli.metric.name for sample in run.samples}
    for text in names:
        if not 0 < len(text) <= LONGEST_NAME or not all(map(is_legible, text)):
            yield f"a name of {len(text)} characters, or with such as cannot be printed: {text[:60]!r}"
    warnings = [*run.warnings, *(warning for sample in run.samples for warning in sample.warnings)]
    texts = [run.revision.label, run.started, run.measurement or ""]
    texts += [text for fact in run.environment.facts for text in fact]
    texts += [text for warning in warnings for text in (warning.code, warning.text)]
    texts += [failure.text for failure in run.failures]
    if len(run.environment.facts) > MOST_TEXTS or len(warnings) > MOST_BENCHMARKS + MOST_TEXTS:
        yield "more facts or warnings than a run has"
    if len(run.failures) > MOST_BENCHMARKS or len(run.offered) > 2 * MOST_BENCHMARKS:
        yield "more failures, or benchmarks on offer, than a run has"
    if any(len(failure.metrics) > len(METRICS) for failure in run.failures):
        yield "a failure of more metrics than there are"
    if any(len(text) > LONGEST_TEXT for text in texts):
        yield f"a text of more than {LONGEST_TEXT:,} characters"


def _usual(number: float) -> bool:
    return number == 0 or 1 / LARGEST_VALUE <= abs(number) <= LARGEST_VALUE


def _line(text: str) -> str:
    """Return a text that may be anybody's, fit for one line of a log."""
    return "".join(char if is_legible(char) else "\ufffd" for char in " ".join(text.split()))[:300]
