"""What a process did before a benchmark, reading and importing, does not decide how fast it is."""

import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

import perfgate
from tests.live import Project

SHIMS = Path(perfgate.__file__).parent / "shims"
HOLES = """\
import gc, sys
sys.path.insert(0, {shims!r})
import perfgate_heap as heap

def from_the_top():
    some = [bytes(size) for size in range(600, 3_000, 100)]
    return sum(0 < id(b) - id(a) < 4_000 for a, b in zip(some, some[1:])) >= len(some) - 2

def side_by_side(size):
    some = []
    heap.add(some, size, 8)
    return sum(0 < id(b) - id(a) <= 2 * size for a, b in zip(some, some[1:])) >= 6  # one may close a last hole

def left_open():
    return sum(not side_by_side(size) for size in sizes) + 100 * (not from_the_top())

sizes = [size for size in range(48, 513, 16)]
blocks = []
for size in sizes:
    heap.add(blocks, size, 1000)
large = [bytes(600 + number % 7000) for number in range(3000)]
del blocks[::3], large[::2]
holes = left_open()
heap.raise_threshold()
gc.disable()
tracked = gc.get_count()[0]
kept = heap.filled()
tracked = gc.get_count()[0] - tracked
some = sum(map(sys.getsizeof, kept))
print(heap.has_pools(), holes, left_open(), some, tracked)
"""


def filled(*options: str, **environ: str) -> list[str]:
    command = [sys.executable, *options, "-c", HOLES.format(shims=str(SHIMS))]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **environ})
    return done.stdout.split()


def test_what_is_allocated_next_lies_side_by_side_though_there_were_holes() -> None:
    has_pools, before, after, size, tracked = filled()

    assert has_pools == "True"
    assert int(before) > 120, "a third of the slots of every size is free, and half of the blocks"
    assert int(after) == 0
    assert int(size) < 10 * 2**20
    assert int(tracked) < 5, "how many holes there were must not decide when the collector comes"


@pytest.mark.parametrize("allocator", ["malloc", "debug", "malloc_debug"])
def test_other_allocators_have_no_pools(allocator: str) -> None:
    assert filled(PYTHONMALLOC=allocator)[0] == "False"


def test_in_development_mode_there_are_no_pools() -> None:
    assert filled("-X", "dev")[0] == "False"


def test_where_a_benchmark_begins_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SHIMS))
    import perfgate_heap  # type: ignore[import-not-found]

    draws = [perfgate_heap.shifted(Random(seed)) for seed in (1, 1, 2, 3, 4)]

    assert [type(each) for each in draws[0]] == [type(each) for each in draws[1]]
    assert len({len(each) for each in draws}) == 4


NUMBERS = """\
import ctypes, sys
sys.path.insert(0, {shims!r})
import perfgate_agent as agent

def newest():
    return ctypes.pythonapi.PyType_ClearCache()  # returns the number that a type got last

agent.os.environ["PERFGATE_LAYOUT"] = "1"
before = newest()
agent.renumber_types(1234)
skipped = newest() - before
layout = agent.Layout({seed})
before = newest()
layout.scramble()
print(skipped, newest() - before)
"""


def numbers(seed: int) -> list[int]:
    code = NUMBERS.format(shims=str(SHIMS), seed=seed)
    return [
        int(part)
        for part in subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout.split()
    ]


def test_types_are_numbered_from_a_drawn_number_on() -> None:
    draws = [numbers(seed) for seed in (1, 1, 2, 3)]

    assert all(1234 <= skipped < 1300 for skipped, _ in draws)
    drawn = [by_layout for _, by_layout in draws]
    assert drawn[0] == drawn[1]
    assert len(set(drawn)) == 3
    assert max(drawn) < 5000


BUFFERS = """\
import lib


def use():
    return [bytearray(200_000) for _ in range(3)]


def test_buffers(benchmark):
    benchmark(use)
"""


def test_a_large_file_that_was_read_before_moves_no_benchmark(project: Project) -> None:
    """glibc gave this one its blocks thirty times as fast behind it."""
    project.put("data.bin", "x" * 3_000_000)
    project.commit("base", lib_py="data = None\n", benchmarks__test_buffers_py=BUFFERS)
    project.commit("head", lib_py="data = len(open('data.bin', 'rb').read())\n")

    done = project.perfgate("compare", "HEAD~1", "--budget", "60s", "--format", "json")

    (row,) = json.loads(done.stdout)["report"]["judgements"]
    assert row["comparison"]["log_ratios"], done.stderr
    assert 0.25 < row["comparison"]["change"]["ratio"] < 4


FAMILIES = """\
import sys

import pytest
from lib import parse


@pytest.mark.parametrize("side", [1])
def test_parse(benchmark, side):
    (layout,) = sys.modules["perfgate_agent"].LAYOUTS or [None]
    with open({notes!r}, "a") as file:
        print(getattr(layout, "with_holes", None), file=file)
    benchmark(parse)
"""


def test_what_was_found_is_confirmed_among_other_layouts(project: Project, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    lib = "def parse():\n    return sum(range({}))\n"
    project.commit("base", benchmarks__test_parse_py=FAMILIES.format(notes=str(notes)), lib_py=lib.format(1000))
    project.commit("head", lib_py=lib.format(3000))

    done = project.perfgate("compare", "HEAD~1", "--budget", "120s", "--format", "json")

    (row,) = json.loads(done.stdout)["report"]["judgements"]
    assert row["verdict"] == "regression", done.stderr
    drawn = [line for line in notes.read_text().split() if line != "None"]
    pairs = len(row["comparison"]["log_ratios"])
    assert drawn[:12] == ["False"] * 12, "six pairs before anybody is accused"
    assert drawn[-6:] == ["True"] * 6, "three that confirm"
    assert drawn.count("True") <= 2 * (pairs - 6)
