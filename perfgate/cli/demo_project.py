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
    for _ in range(20):
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
    benchmark(wordlib.score, words[:50])


def test_longest(benchmark, words):
    assert benchmark(wordlib.longest, words) == "quick"


@pytest.mark.parametrize("n", [3, 5])
def test_top(benchmark, words, n):
    assert len(benchmark(wordlib.top, words, n)) == n


@pytest.mark.parametrize("width", [40, 80])
def test_wrap(benchmark, words, width):
    benchmark(wordlib.wrap, words, width)
"""

GUILTY = "score: mix in 23 rounds, for a better spread"
TRUE_EFFECT = 0.15
"""23 rounds of the same work instead of 20."""
GUILTY_BENCHMARK = "test_wordlib.py::test_score"

_TOP = "def top(words, n):\n"

_documented = LIBRARY.replace(_TOP, f'{_TOP}    """Return (word, count), most frequent first."""\n')
_slowed = _documented.replace("range(20)", "range(23)")
_extended = f"{_slowed}\n\ndef shortest(words):\n    return min(words, key=len)\n"

HISTORY = (
    ("a library of words, with benchmarks", LIBRARY),
    ("top: say what it returns", _documented),
    (GUILTY, _slowed),
    ("add shortest", _extended),
)
"""Commit messages, each with the library as of that commit."""
