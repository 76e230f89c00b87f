"""What the workloads do: one unit takes a few microseconds."""

import array
import base64
import bisect
import collections
import copy
import csv
import dataclasses
import datetime
import decimal
import fractions
import hashlib
import heapq
import importlib
import io
import itertools
import json
import pickle
import random
import re
import sqlite3
import string
import struct
import subprocess
import sys
import textwrap
import zlib

import click
import jinja2
import numpy as np
import pydantic
import yaml

TEXT = "the quick brown fox jumps over the lazy dog " * 8
WORDS = TEXT.split()[:9] * 8
RECORD = {"id": 17, "name": "quick brown fox", "tags": ["a", "b", "c"], "price": 3.25, "nested": {"x": 1, "y": [1, 2]}}
ENCODED = json.dumps(RECORD)
BLOCK = bytes(range(256)) * 8
NUMBERS = [(i * 7919) % 1009 for i in range(100)]
ORDERED = sorted(NUMBERS)
PATTERN = re.compile(r"(\w+) (\w+) fox")
WHEN = datetime.datetime(2026, 3, 4, 5, 6, 7, tzinfo=datetime.UTC)
LARGE = random.Random(1).choices(range(10**6), k=200_000)
PLACES = random.Random(2).choices(range(200_000), k=60)
VECTOR = np.arange(256.0)
MATRIX = np.arange(256.0).reshape(16, 16)
DATABASE = sqlite3.connect(":memory:")
DATABASE.execute("CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT)")
DATABASE.executemany("INSERT INTO item (name) VALUES (?)", [(word,) for word in WORDS])
COUNT = click.IntRange(0, 9)
TEMPLATE = jinja2.Template("{% for x in xs %}{{ x }},{% endfor %}")
PAGE = jinja2.Environment()
LOADER = yaml.SafeLoader("")


class Model(pydantic.BaseModel):
    id: int
    name: str
    tags: list[str]


class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y

    def moved(self, dx):
        return Point(self.x + dx, self.y)


@dataclasses.dataclass(frozen=True)
class Item:
    name: str
    price: float


def arithmetic():
    total = 0
    for i in range(60):
        total += i * i % 7
    return total


def squares():
    return [i * i for i in range(60)]


def generator():
    return sum(i for i in range(60) if i & 1)


def methods():
    point = Point(1, 2)
    for _ in range(12):
        point = point.moved(3)
    return point


def recursion(n=7):
    return n if n < 2 else recursion(n - 1) + recursion(n - 2)


def exceptions():
    try:
        return RECORD["a"]
    except KeyError:
        return None


def closures():
    def add(x):
        return x + 1

    return [add(x) for x in NUMBERS[:40]]


def strings():
    return "-".join(word.upper() for word in TEXT[:88].split())


def formatting():
    return [f"{i:05d}:{i * 1.5:.2f}" for i in range(8)]


def dictionary():
    found = {}
    for word in WORDS:
        found[word] = found.get(word, 0) + 1
    return found


def sets():
    return len(set(NUMBERS[:60]) & set(NUMBERS[30:90]))


def sorting():
    return sorted(NUMBERS)


def heap():
    queue = NUMBERS[:30]
    heapq.heapify(queue)
    return [heapq.heappop(queue) for _ in range(10)]


def queueing():
    line = collections.deque(maxlen=32)
    line.extend(NUMBERS)
    return line


def searching():
    return [bisect.bisect(ORDERED, number) for number in NUMBERS[:40]]


def counting():
    return collections.Counter(WORDS)


def combining():
    return sum(1 for _ in itertools.combinations(range(12), 2))


def copying():
    return copy.copy(RECORD), dict(RECORD), list(NUMBERS)


def allocating():
    return [[i] for i in range(60)]


def objects():
    return [Item(name="x", price=i) for i in range(6)]


def large_blocks():
    return bytearray(40_000)


def far_reads():
    total = 0
    for place in PLACES:
        total += LARGE[place]
    return total


def encoding():
    return json.dumps(RECORD)


def decoding():
    return json.loads(ENCODED)


def pickling():
    return pickle.loads(pickle.dumps(RECORD))


def tables():
    out = io.StringIO()
    csv.writer(out).writerows([[1, "a", 2.5]] * 5)
    return out


def matching():
    return PATTERN.findall(TEXT[:180])


def templates():
    return string.Template("$a and $b").substitute(a=1, b=2)


def wrapping():
    return textwrap.indent(TEXT[:60], "  ")


def digest():
    return hashlib.sha256(BLOCK).digest()


def packing():
    return [struct.unpack("<Id", struct.pack("<Id", i, i * 0.5)) for i in range(10)]


def checking():
    return zlib.crc32(BLOCK)


def arrays():
    return array.array("d", NUMBERS[:60]).tobytes()


def decimals():
    return decimal.Decimal("1.07") * decimal.Decimal("1.01") ** 5


def ratios():
    return fractions.Fraction(3, 7) + fractions.Fraction(2, 5)


def dates():
    return [(WHEN + datetime.timedelta(days=i)).isoformat() for i in range(4)]


def translating():
    return base64.b64encode(BLOCK)


def vectors():
    return float((VECTOR * 1.5 + 2).sum())


def matrices():
    return MATRIX @ MATRIX


def queries():
    return DATABASE.execute("SELECT name FROM item WHERE id = ?", (7,)).fetchone()


async def _step(x):
    return x + 1


async def _steps():
    return sum([await _step(i) for i in range(10)])


def coroutines():
    coroutine = _steps()
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value


def rendering():
    return TEMPLATE.render(xs=(1, 2, 3))


def lexing():
    return list(PAGE.lex("a {{ b }}"))


def options():
    return COUNT.convert("3", None, None)


def validating():
    return Model(id=1, name="x", tags=["a", "b"])


def dumping():
    return Model(id=1, name="x", tags=["a"]).model_dump_json()


def resolving():
    return [LOADER.resolve(yaml.ScalarNode, value, (True, False)) for value in ("1", "yes", "x")]


def unicode():
    return TEXT.encode().decode().casefold()


def importing():
    sys.modules.pop("opcode", None)
    return importlib.import_module("opcode")


def command(units):
    """Run a process that does the units."""
    return subprocess.run([sys.executable, "-I", "-S", "-c", f"for i in range({units * 2000}): pass"], check=True)


WORK = {
    function.__name__: function
    for function in (
        arithmetic, squares, generator, methods, recursion, exceptions, closures, strings, formatting, dictionary,
        sets, sorting, heap, queueing, searching, counting, combining, copying, allocating, objects, large_blocks,
        far_reads, encoding, decoding, pickling, tables, matching, templates, wrapping, digest, packing, checking,
        arrays, decimals, ratios, dates, translating, vectors, matrices, queries, coroutines, rendering, lexing,
        options, validating, dumping, resolving, unicode, importing,
    )
}  # fmt: skip
