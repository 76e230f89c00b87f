"""HdrHistogram's logs: intervals of one or more tags, which merge exactly."""

import base64
import binascii
import re
import struct
import zlib
from collections import defaultdict

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
_COMPRESSED, _PLAIN = 0x1C849304, 0x1C849303
_COOKIE = 0xFFFFFF0F  # a nibble in between says the word size, which V2 does not use
_HEADER = struct.Struct(">iiiiqqd")
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
    """Return value to count of a histogram in its V2 encoding, compressed and in base64.

    Source: the format of HdrHistogram's own encodeIntoCompressedByteBuffer: a cookie, a length, and deflated another
        cookie, lengths and bounds, and the counts as zig-zag numbers of seven bits a byte, runs of zeros negative.
    Raises: FileError.
    """
    try:
        packed = base64.b64decode(text, validate=True)
        cookie, length = struct.unpack_from(">ii", packed)
        if cookie & _COOKIE != _COMPRESSED & _COOKIE:
            raise FileError(f"{where}: a histogram of an encoding other than V2")
        unpacking = zlib.decompressobj()
        plain = unpacking.decompress(packed[8 : 8 + length], _LARGEST)
        if len(packed) < 8 + length or not unpacking.eof:
            raise FileError(f"{where}: a histogram that ends too early")
        cookie, size, _, digits, lowest, _, _ = _HEADER.unpack_from(plain)
        if cookie & _COOKIE != _PLAIN & _COOKIE or not 0 <= digits <= 5 or not 1 <= lowest < 2**62:
            raise FileError(f"{where}: a histogram of an encoding other than V2")
        if not 0 <= size <= len(plain) - _HEADER.size:
            raise FileError(f"{where}: a histogram that ends too early")
        return _counts(plain[_HEADER.size : _HEADER.size + size], digits, lowest)
    except (binascii.Error, struct.error, zlib.error, IndexError, ValueError) as exc:
        raise FileError(f"{where}: a damaged histogram: {exc}") from exc


def _counts(data: bytes, digits: int, lowest: int) -> Counts:
    magnitude = lowest.bit_length() - 1
    half_bits = max(0, (2 * 10**digits - 1).bit_length() - 1)
    half = 1 << half_bits
    found: Counts = {}
    at = index = 0
    while at < len(data):
        number, at = _zigzag(data, at)
        if index >> half_bits > 64:
            raise ValueError("a count beyond the largest value")
        if number < 0:
            index -= number
            continue
        if number:
            bucket, inside = (index >> half_bits) - 1, (index & (half - 1)) + half
            if bucket < 0:
                bucket, inside = 0, inside - half
            unit = magnitude + bucket
            if unit > 62:
                raise ValueError("a count beyond the largest value")
            found[(inside << unit) + (1 << unit) // 2] = number
        index += 1
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
