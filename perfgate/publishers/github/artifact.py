"""The artifact of a job that ran a pull request's code: hostile data until every check here has passed; pure.

Nothing but the two runs is read, and of those nothing but numbers and names: no verdict, no rendered text, no number
of a pull request. What fails one check is refused whole, with one line that says why.
"""

import io
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable

from perfgate import codec
from perfgate.core.model import METRICS, WHOLE, Run
from perfgate.errors import ArtifactError, FileError

LARGEST = 32 * 2**20  # bytes of the archive
LARGEST_RUN = 128 * 2**20  # bytes of one run, unpacked; 1,000 benchmarks of 42 pairs have about 40 MB
MOST_MEMBERS = 16
MOST_BENCHMARKS = 5_000
MOST_SLIS = 20_000
MOST_VALUES = 10_000_000
MOST_PROCESSES = 1_000  # of one benchmark
MOST_TEXTS = 1_000  # warnings, facts
LONGEST_NAME = 500  # characters
LONGEST_TEXT = 10_000
LARGEST_VALUE = 1e18  # seconds, bytes: nothing that is measured is beyond, nor below its inverse
NAMES = ("base.json", "head.json")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
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
        raise ArtifactError(f"the artifact is no archive that can be read: {_line(str(exc))}") from exc
    return checked(base, NAMES[0]), checked(head, NAMES[1])


def checked(data: bytes, name: str) -> Run:
    """Return the run that a file holds.

    Raises: ArtifactError.
    """
    if len(data) > LARGEST_RUN:
        raise ArtifactError(f"{name} has {len(data):,} bytes; at most {LARGEST_RUN:,} are read")
    if data.count(b",") > MOST_VALUES:
        raise ArtifactError(f"{name} has more than {MOST_VALUES:,} values")
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
        yield f"{run.revision.commit!r} is no commit"
    if run.part != WHOLE:
        yield f"part {run.part} alone; what all jobs measured must be merged first"
    if len(run.samples) > MOST_SLIS or sum(len(sample.processes) for sample in run.samples) > MOST_VALUES // 10:
        yield "more SLIs, or processes, than can be judged in a few minutes"
    yield from _names(run)
    for sample in run.samples:
        if sample.sli.metric != METRICS.get(sample.sli.metric.name, sample.sli.metric):
            yield f"{sample.sli} is not the metric of that name"
        if len(sample.processes) > MOST_PROCESSES or sample.planned > MOST_PROCESSES:
            yield f"{sample.sli} has more than {MOST_PROCESSES:,} processes"
        if not all(_usual(value) for process in sample.processes for value in process):
            yield f"{sample.sli} has a value that nothing measures"
    numbers = [number for sample in run.samples for number in (sample.pair_s, sample.planned, *sample.pairs)]
    if run.method:
        method = run.method
        numbers += [method.seed, method.budget_s, method.took_s, method.overhead_s, method.startup_s]
        numbers += [number for control in method.controls for number in control]
    if not all(_usual(number) for number in numbers):
        yield "a number of how it was measured is out of bounds"


def _names(run: Run) -> Iterable[str]:
    names = {text for benchmark in run.benchmarks for text in (benchmark.suite, benchmark.name)}
    names |= {sample.sli.metric.name for sample in run.samples}
    for text in names:
        if not 0 < len(text) <= LONGEST_NAME or not _printable(text):
            yield f"a name of {len(text)} characters, or with such as cannot be printed: {text[:60]!r}"
    warnings = [*run.warnings, *(warning for sample in run.samples for warning in sample.warnings)]
    texts = [run.revision.label, run.started, run.measurement or ""]
    texts += [text for fact in run.environment.facts for text in fact]
    texts += [text for warning in warnings for text in (warning.code, warning.text)]
    if len(run.environment.facts) > MOST_TEXTS or len(warnings) > MOST_BENCHMARKS + MOST_TEXTS:
        yield "more facts or warnings than a run has"
    if any(len(text) > LONGEST_TEXT for text in texts):
        yield f"a text of more than {LONGEST_TEXT:,} characters"


def _usual(number: float) -> bool:
    return number == 0 or 1 / LARGEST_VALUE <= abs(number) <= LARGEST_VALUE


def _printable(text: str) -> bool:
    return not any(unicodedata.category(char)[0] == "C" for char in text)


def _line(text: str) -> str:
    """Return a text that may be anybody's, fit for one line of a log."""
    return "".join(char if _printable(char) else "\ufffd" for char in " ".join(text.split()))[:300]
