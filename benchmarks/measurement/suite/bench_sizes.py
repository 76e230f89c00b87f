"""Eight workloads from a fifth of a microsecond to thirty milliseconds, for comparing ways to measure."""

import hashlib
import json
import re

import pytest

NUMBERS = [(i * 7919) % 10007 for i in range(3000)]
TEXT = "the quick brown fox jumps over the lazy dog " * 400
TREE = [{"id": i, "name": f"item {i}", "tags": list(range(i % 7))} for i in range(3000)]
BLOCK = bytes(200_000)


def add(a, b):
    return a + b


def loop():
    total = 0
    for i in range(1000):
        total += i * i
    return total


def words():
    found = {}
    for word in TEXT.split():
        found[word] = found.get(word, 0) + 1
    return found


def scan():
    return len(re.findall(r"\b\w{4,}\b", TEXT))


def arrange():
    return sorted(NUMBERS, key=lambda n: -n)


def digest():
    return hashlib.sha256(BLOCK).hexdigest()


def walk():
    total = 0
    for item in TREE:
        total += len(item["tags"]) + item["id"]
    return total


def encode():
    return len(json.dumps(TREE))


WORK = {
    "add": (add, (1, 2)),
    "loop": (loop, ()),
    "words": (words, ()),
    "scan": (scan, ()),
    "arrange": (arrange, ()),
    "digest": (digest, ()),
    "walk": (walk, ()),
    "encode": (encode, ()),
}


@pytest.mark.parametrize("name", WORK)
def test_size(benchmark, name):
    function, args = WORK[name]
    benchmark(function, *args)
