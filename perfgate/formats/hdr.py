"""HdrHistogram's logs: intervals of one or more tags, which merge exactly."""

import base64
import binascii
import re
import struct
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator

from perfgate.core.load.histogram import counted
from perfgate.core.load.tally import TOTAL
from perfgate.core.model import Run
from perfgate.errors import FileError
from perfgate.formats.document import Document, Says
from perfgate.formats.load import add_histogram
from perfgate.formats.readings import Readings

says = Says(
    title="HdrHistogram log",
    made_by="a HistogramLogWriter, as many load generators and services have one",
    processes="one",
    values="every value, as finely as it was recorded; nanoseconds",
    metrics="latency.*",
)
_COMPRESSED = {0x1C849304: 2, 0x1C849302: 1, 0x1C849309: 0}  # cookie to version
_PLAIN = {0x1C849303: 2, 0x1C849301: 1, 0x1C849308: 0}
_COOKIE = 0xFFFFFF0F  # a nibble in between says the word size, which V2 does not use
_HEADER = struct.Struct(">iiiiqqd")
_HEADER_0 = struct.Struct(">iiqqq")  # cookie, digits, lowest, highest, how many in all
_WORDS = {2: ">h", 4: ">i", 8: ">q"}
_LARGEST = 64 * 2**20  # bytes of one histogram, unpacked
_LINE = re.compile(r"(?:Tag=([^,]+),)?([\d.]+),([\d.]+),([\d.]+),(HIST\S+)")

Counts = dict[int, int]


def recognises(document: Document) -> bool:
    """Return whether it begins as such a log, or with its columns."""
    text = document.beginning
    return text.startswith("#[") or '"StartTimestamp","Interval_Length"' in text or ",HISTFAAA" in text


def read(document: Document) -> Run:
    """Return the latencies of each tag; of intervals without one, as a total."""
    tags: dict[str, Counts] = defaultdict(lambda: defaultdict(int))
    for number, line in enumerate(document.lines, start=1):
        if not line or line.startswith(("#", '"')):
            continue
        match = _LINE.fullmatch(line)
        where = f"{document.name}, line {number}"
        if match is None:
            raise FileError(f"{where}: not an interval with its histogram")
        for value, count in decoded(match[5], where=where).items():
            tags[match[1] or TOTAL][value] += count
    found = Readings(document, "hdr")
    for tag, counts in tags.items():
        if counts:
            latencies = counted((1e-9 * max(1, value), count) for value, count in counts.items())
            add_histogram(found, tag, latencies, max=1e-9 * max(counts))
    return found.run()


def decoded(text: str, *, where: str) -> Counts:
    """Return value to count of a histogram in one of its encodings, compressed and in base64.

    Source: the format of HdrHistogram's own encodeIntoCompressedByteBuffer: a cookie, a length, and deflated another
        cookie, lengths and bounds, and the counts: in V2 as zig-zag numbers of seven bits a byte, runs of zeros
        negative; in V0 and V1 as numbers of 2, 4 or 8 bytes each.
    Raises: FileError.
    """
    try:
        packed = base64.b64decode(text, validate=True)
        cookie, length = struct.unpack_from(">ii", packed)
        if cookie & _COOKIE not in _COMPRESSED:
            raise FileError(f"{where}: a histogram of an encoding other than V0, V1 and V2")
        unpacking = zlib.decompressobj()
        plain = unpacking.decompress(packed[8 : 8 + length], _LARGEST)
        if len(packed) < 8 + length or not unpacking.eof:
            raise FileError(f"{where}: a histogram that ends too early")
        (cookie,) = struct.unpack_from(">i", plain)
        version, word = _PLAIN.get(cookie & _COOKIE), (cookie & 0xE0) >> 4
        if version == 0:
            _, digits, lowest, _, _ = _HEADER_0.unpack_from(plain)
            begins, size, shifted = _HEADER_0.size, len(plain) - _HEADER_0.size, 0
        else:
            _, size, shifted, digits, lowest, _, _ = _HEADER.unpack_from(plain)
            begins = _HEADER.size
        if version is None or shifted or not 0 <= digits <= 5 or not 1 <= lowest < 2**62:
            raise FileError(f"{where}: a histogram of an encoding other than V0, V1 and V2")
        if not 0 <= size <= len(plain) - begins:
            raise FileError(f"{where}: a histogram that ends too early")
        data = plain[begins : begins + size]
        return _values(_packed(data) if version == 2 else _words(data, word), digits, lowest)
    except (binascii.Error, struct.error, zlib.error, IndexError, ValueError) as exc:
        raise FileError(f"{where}: a damaged histogram: {exc}") from exc


def _packed(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield (place, count) of zig-zag numbers; a negative number means that many zeros."""
    at = place = 0
    while at < len(data):
        number, at = _zigzag(data, at)
        if number > 0:
            yield place, number
        place += -number if number < 0 else 1


def _words(data: bytes, size: int) -> Iterator[tuple[int, int]]:
    """Yield (place, count) of numbers of 2, 4 or 8 bytes each."""
    if size not in _WORDS:
        raise ValueError(f"counts of {size} bytes")
    for place, (count,) in enumerate(struct.iter_unpack(_WORDS[size], data)):
        if count < 0:
            raise ValueError("a count below zero")
        if count:
            yield place, count


def _values(counts: Iterable[tuple[int, int]], digits: int, lowest: int) -> Counts:
    """Return value to count of the counts by place; a value is the middle of what shares its place."""
    magnitude = lowest.bit_length() - 1
    half_bits = max(0, (2 * 10**digits - 1).bit_length() - 1)
    half = 1 << half_bits
    found: Counts = {}
    for place, count in counts:
        bucket, inside = (place >> half_bits) - 1, (place & (half - 1)) + half
        if bucket < 0:
            bucket, inside = 0, inside - half
        unit = magnitude + bucket
        if unit > 62:
            raise ValueError("a count beyond the largest value")
        found[(inside << unit) + (1 << unit) // 2] = count
    return found


def _zigzag(data: bytes, at: int) -> tuple[int, int]:
    """Return the signed number that begins at byte `at`, and where the next one does; nine bytes at most."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        if shift == 56:
            value |= byte << shift
            break
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            break
        shift += 7
    return (value >> 1) ^ -(value & 1), at
