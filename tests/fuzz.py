"""Damaged and hostile files: `python -m tests.fuzz [--cases 100000] [READER … | artifact | configuration | large]`.

From each real file others are made by changing bytes, and where it is JSON by changing what it says. A reader may read
what comes out or refuse it, by FileError and nothing else. Of each real file one number is also replaced by something
that makes no sense: what the number belongs to is then refused, failed or warned of, and never left out in silence.
What a pull request hands to the job that publishes is tried likewise (`fuzz_publish.py`).
"""

import argparse
import copy
import json
import math
import random
import re
import sys
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from perfgate import registry
from perfgate.core.model import Run, Sample, Sli
from perfgate.errors import FileError
from perfgate.formats.document import Document
from tests import fuzz_publish

DATA = Path(__file__).parent / "data" / "formats"
ODD: tuple[Any, ...] = (
    None, True, "", "x", "NaN", "1e400", 0, -1, -0.0, 1e308, 1e-308, 2**70, 10**400, float("nan"), float("inf"), [], {},
    [[]], {"a": 1}, "\ud800"[:0] + "é\x00", "a" * 300, [1, "2", None],
)  # fmt: skip
SPLICES = (
    b"", b"\x00", b"\xff\xfe", b"NaN", b"-1", b"1e999", b'"', b"{", b"[" * 50, b"}", b",", b"\n", b"\r\n", b"0",
    b"<!ENTITY a 'b'>", b"&a;", b"%", b"ns/op", b"Tag=", b"HISTFAAAA", b"999999999999999999999",
    b"\xc3\x28", b"--- FAIL: BenchmarkX", b"PASS",
)  # fmt: skip
SENSELESS: tuple[Any, ...] = ("x", "NaN", float("nan"), float("inf"), -1, 1e308, [], {})
SENSELESS_TEXT = (b"NaN", b"nan", b"-nan", b"inf", b"-1", b"1e999")  # as tools print them
_NUMBER = re.compile(
    rb"(?<![\w.:,/-])(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?![\w.:%/]|\s+%)|(?<=,)\d+(?:\.\d+)?(?=,|$)", re.MULTILINE
)
"""Of a text, without shares: of these 50 % is a name."""


@cache
def samples(reader: str) -> list[bytes]:
    """Return the real files of a reader."""
    reader = "custom" if reader.startswith("custom-") else reader
    paths = sorted(path for path in (DATA / reader).rglob("*") if path.is_file())
    return [path.read_bytes() for path in paths if accepts(reader, path)]


def accepts(reader: str, path: Path) -> bool:
    """Return whether a file is the reader's, and not what the tool printed beside it."""
    return registry.reader_named(reader).recognises(Document(path.name, path.read_bytes()))


def damaged(data: bytes, rng: random.Random) -> bytes:
    """Return a file that is like `data` but for a few changes."""
    if rng.random() < 0.6:
        try:
            return json.dumps(_changed(json.loads(data), rng)).encode()
        except ValueError:
            pass
    changed = bytearray(data[: rng.randrange(len(data) + 1)] if rng.random() < 0.2 else data)
    for _ in range(rng.choice((0, 1, 1, 2, 5))):
        at = rng.randrange(len(changed) + 1)
        match rng.randrange(4):
            case 0:
                changed[at : at + rng.randrange(1, 12)] = rng.choice(SPLICES)
            case 1:
                changed[at : at + 1] = bytes([rng.randrange(256)])
            case 2:
                changed[at:at] = changed[: rng.randrange(1, 200)]
            case _:
                del changed[at : at + rng.randrange(1, 100)]
    return bytes(changed)


def _changed(value: Any, rng: random.Random) -> Any:
    """Change one or a few places in what a JSON file says."""
    for _ in range(rng.choice((1, 1, 2, 4))):
        places = list(_places(value))
        if not places:
            return copy.deepcopy(rng.choice(ODD))
        container, key = rng.choice(places)
        match rng.randrange(5):
            case 0:
                del container[key]
            case 1 if isinstance(container, list):
                container.insert(key, container[key])
            case 2:
                other, at = rng.choice(places)
                if isinstance(other, dict) or at < len(other):
                    container[key] = json.loads(json.dumps(other[at]))
            case _:
                container[key] = copy.deepcopy(rng.choice(ODD))
    return value


def _places(value: Any) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inside in list(items)[:50]:
        yield value, key
        yield from _places(inside)


def senseless(data: bytes, rng: random.Random) -> bytes:
    """Return a file of which one number is something that makes no sense."""
    try:
        value = json.loads(data)
    except ValueError:
        found = list(_NUMBER.finditer(data))
        if not found:
            return data
        number = rng.choice(found)
        return data[: number.start()] + rng.choice(SENSELESS_TEXT) + data[number.end() :]
    places = [place for place in _places(value) if type(place[0][place[1]]) in (int, float)]
    if places:
        container, key = rng.choice(places)
        container[key] = copy.deepcopy(rng.choice(SENSELESS))
    return json.dumps(value).encode()


def left_out(before: Run, after: Run) -> list[Sli]:
    """Return the SLIs of a file of which values are gone without a word; those of another name count as renamed."""
    failures = {failure.benchmark: failure for failure in after.failures}
    there = {sample.sli: _count(sample) for sample in after.samples}

    def told(sli: Sli) -> bool:
        failure = failures.get(sli.benchmark)
        return failure is not None and (not failure.partial or sli.metric.name in failure.metrics)

    if len(after.warnings) > len(before.warnings):
        return []
    gone = [sample.sli for sample in before.samples if sample.sli not in there and not told(sample.sli)]
    renamed = len(there.keys() - {sample.sli for sample in before.samples})
    fewer = [sample.sli for sample in before.samples if there.get(sample.sli, math.inf) < _count(sample)]
    return fewer + (gone if renamed < len(gone) else [])


def _count(sample: Sample) -> int:
    return sum(len(values) for values in sample.processes)


def tried(reader: str, data: bytes) -> Run | None:
    """Read a file; None where it was refused."""
    try:
        return registry.read(data, name=f"some/{reader}/file", reader=reader)
    except FileError as exc:
        assert exc.message
        return None


def fuzz(reader: str, cases: int, seed: int) -> tuple[int, int]:
    """Try `cases` damaged files; return how many were read and how many refused."""
    rng = random.Random(f"{reader} {seed}")
    files, read = samples(reader), 0
    whole = {file: tried(reader, file) for file in files}
    for number in range(cases):
        file = rng.choice(files)
        data = senseless(file, rng) if number % 4 == 0 else damaged(file, rng)
        try:
            found = tried(reader, data)
            read += found is not None
            if number % 4 == 0 and found and (before := whole[file]):
                assert not left_out(before, found), f"left out in silence: {left_out(before, found)}"
        except Exception:
            Path(f"fuzz-{reader}").write_bytes(data)
            print(f"{reader}: fuzz-{reader} holds what broke it", file=sys.stderr)
            raise
    return read, cases - read


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a row a reader."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("readers", nargs="*", default=[*registry.readers(), *fuzz_publish.TARGETS, "large"])
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    print("| reader | read | refused | s |\n|---|---:|---:|---:|")
    for reader in given.readers:
        start = time.monotonic()
        if reader == "large":
            fuzz_publish.full()
            continue
        if reader in fuzz_publish.TARGETS:
            read, refused = fuzz_publish.fuzz(reader, given.cases, given.seed, damaged)
        else:
            read, refused = fuzz(reader, given.cases, given.seed)
        print(f"| {reader} | {read:,} | {refused:,} | {time.monotonic() - start:.0f} |", flush=True)


if __name__ == "__main__":
    main()
