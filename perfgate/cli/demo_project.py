"""The repository that `perfgate demo` makes: a small library, its benchmarks, and a history with one guilty commit."""

LIBRARY = '''\
"""Words in, numbers out."""


def tokenize(text):
    return [word.strip(".,;:!?").lower() for word in text.split()]


def count(words):
    found = {}
    for word in words:
        found[word] = found.get(word, 0) + 1
    return found


def top(words, n):
    return sorted(count(words).items(), key=lambda item: (-item[1], item[0]))[:n]


def score(words):
    total = 0
    for word in words:
        total = (total * 31 + len(word)) % 997
    return total


def longest(words):
    best = ""
    for word in words:
        if len(word) > len(best):
            best = word
    return best


def wrap(words, width):
    lines, line = [], ""
    for word in words:
        if len(line) + len(word) + 1 > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line]
'''

BENCHMARKS = """\
import pytest

import wordlib

SENTENCE = "The quick brown fox jumps over the lazy dog. "


@pytest.fixture(scope="module")
def words():
    return (wordlib.tokenize(SENTENCE) * 112)[:1000]


def test_tokenize(benchmark):
    assert len(benchmark(wordlib.tokenize, SENTENCE * 50)) == 450


def test_count(benchmark, words):
    benchmark(wordlib.count, words)


def test_score(benchmark, words):
    benchmark(wordlib.score, words)


def test_longest(benchmark, words):
    assert benchmark(wordlib.longest, words) == "quick"


@pytest.mark.parametrize("n", [3, 5])
def test_top(benchmark, words, n):
    assert len(benchmark(wordlib.top, words, n)) == n


@pytest.mark.parametrize("width", [40, 80])
def test_wrap(benchmark, words, width):
    benchmark(wordlib.wrap, words, width)
"""

GUILTY = "score: let the first 150 words weigh double"
TRUE_EFFECT = 0.15
"""150 words more beside 1,000, at the same work a word."""
GUILTY_BENCHMARK = "test_wordlib.py::test_score"

_OLD_SCORE = "        total = (total * 31 + len(word)) % 997\n    return total\n"
_NEW_SCORE = (
    "        total = (total * 31 + len(word)) % 997\n"
    "    for word in words[:150]:\n"
    "        total = (total * 31 + len(word)) % 997\n"
    "    return total\n"
)

HISTORY = (
    ("a library of words, with benchmarks", LIBRARY),
    (
        "top: say what it returns",
        LIBRARY.replace(
            "def top(words, n):\n", 'def top(words, n):\n    """Return (word, count), most frequent first."""\n'
        ),
    ),
    (GUILTY, LIBRARY.replace(_OLD_SCORE, _NEW_SCORE)),
    (
        "add shortest",
        LIBRARY.replace(_OLD_SCORE, _NEW_SCORE) + "\n\ndef shortest(words):\n    return min(words, key=len)\n",
    ),
)
"""Commit messages, each with the library as of that commit."""
