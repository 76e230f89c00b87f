"""Twenty kinds of work, each as a number of equal units, so that 10 % more work is 110 units in place of 100."""

import base64
import datetime
import decimal
import hashlib
import heapq
import json
import re
import struct
import zlib
from collections import deque

import pytest

try:
    from amounts import AMOUNTS
except ImportError:
    AMOUNTS = {}

TEXT = "the quick brown fox jumps over the lazy dog " * 8
WORDS = TEXT.split()[:9] * 8  # the same few objects: fresh ones are bimodal by where they land
RECORD = {"id": 17, "name": "quick brown fox", "tags": ["a", "b", "c"], "price": 3.25, "nested": {"x": 1, "y": [1, 2]}}
ENCODED = json.dumps(RECORD)
BLOCK = bytes(range(256)) * 8
NUMBERS = [(i * 7919) % 1009 for i in range(200)]
PATTERN = re.compile(r"(\w+) (\w+) fox")
WHEN = datetime.datetime(2026, 3, 4, 5, 6, 7, tzinfo=datetime.UTC)
TABLE = bytes.maketrans(b"abc", b"xyz")


class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y

    def moved(self, dx):
        return Point(self.x + dx, self.y)


def arithmetic():
    total = 0
    for i in range(60):
        total += i * i % 7
    return total


def squares():
    return [i * i for i in range(80)]


def generator():
    return sum(i for i in range(80) if i & 1)


def methods():
    point = Point(1, 2)
    for _ in range(12):
        point = point.moved(3)
    return point


def strings():
    return "-".join(word.upper() for word in TEXT[:88].split())


def formatting():
    return [f"{i:05d}:{i * 1.5:.2f}" for i in range(12)]


def dictionary():
    found = {}
    for word in WORDS:
        found[word] = found.get(word, 0) + 1
    return found


def sets():
    return len(set(NUMBERS[:100]) & set(NUMBERS[50:150]))


def sorting():
    return sorted(NUMBERS)


def heap():
    queue = NUMBERS[:60]
    heapq.heapify(queue)
    return [heapq.heappop(queue) for _ in range(20)]


def queueing():
    line = deque(maxlen=32)
    for number in NUMBERS[:100]:
        line.append(number)
    return line


def encoding():
    return json.dumps(RECORD)


def decoding():
    return json.loads(ENCODED)


def matching():
    return PATTERN.findall(TEXT)


def digest():
    return hashlib.sha256(BLOCK).digest()


def packing():
    return [struct.unpack("<Id", struct.pack("<Id", i, i * 0.5)) for i in range(12)]


def checking():
    return zlib.crc32(BLOCK)


def decimals():
    value = decimal.Decimal("1.07")
    for _ in range(12):
        value = value * decimal.Decimal("1.01") + 1
    return value


def dates():
    return [(WHEN + datetime.timedelta(days=i)).isoformat() for i in range(8)]


def translating():
    return base64.b64encode(BLOCK.translate(TABLE))


WORK = {
    function.__name__: function
    for function in (
        arithmetic, squares, generator, methods, strings, formatting, dictionary, sets, sorting, heap,
        queueing, encoding, decoding, matching, digest, packing, checking, decimals, dates, translating,
    )
}  # fmt: skip


def units(name):
    """Return how many units of `name` this commit does; 20 unless it says otherwise."""
    return AMOUNTS.get(name, 20)


def run(function, times):
    for _ in range(times):
        function()


@pytest.mark.parametrize("name", WORK)
def test_work(benchmark, name):
    benchmark(run, WORK[name], units(name))
