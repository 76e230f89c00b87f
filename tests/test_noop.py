"""The edits of `benchmarks.noop` change nothing of what the benchmarks do, and its recordings can be played."""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from random import Random

import pytest

from benchmarks.decision.record import SAME, Recording
from benchmarks.decision.replay import MEMBERS, changed_nothing, draw, drawn_from
from benchmarks.noop.__main__ import NOW, Cell, by_chance, kept, made, row, short, starvation
from benchmarks.noop.edits import KINDS
from benchmarks.noop.suites import SUITES

RESULTS = """\
import work
def told(name):
    try:
        return repr(work.WORK[name]())
    except Exception as exc:
        return repr(exc)
steady = ["splitting", "joining", "nesting", "replacing", "merging", "native", "arithmetic", "dictionary", "checking"]
print([(name, told(name)) for name in steady if name in work.WORK])
print(list(work.WORK))
"""


def results(side: Path) -> str:
    done = subprocess.run([sys.executable, "-c", RESULTS], cwd=side, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> str:
    return results(made(tmp_path_factory.mktemp("base"), "identical", SUITES["fifty"]))


@pytest.mark.parametrize("kind", KINDS)
def test_an_edit_changes_files_and_nothing_else(kind: str, before: str, tmp_path: Path) -> None:
    base = made(tmp_path / "base", "identical", SUITES["fifty"])
    head = made(tmp_path / "head", kind, SUITES["fifty"])

    assert results(head) == before
    files = [
        {
            path.relative_to(side): path.read_bytes()
            for path in side.rglob("*")
            if "__pycache__" not in path.parts and path.is_file()
        }
        for side in (base, head)
    ]
    same = kind in ("identical", "longer path", "extension rebuilt")
    assert (
        files[0].keys() == files[1].keys() and all(files[0][p] == files[1][p] for p in files[0] if p.suffix != ".so")
    ) is same


def cell(**changes: object) -> Cell:
    rng = Random(1)
    pairs = {name: [rng.gauss(0.001, 0.01) for _ in range(20)] for name in ("parse", "dump")}
    about = {"suite": "fifty", "kind": "comments", "where": "calm", "python": "3.11.7", "shims": NOW, "seed": 1}
    return Cell(**{**about, "pairs": pairs, "pair_s": {"parse": 0.1, "dump": 0.2}, "starved": [], **changes})  # type: ignore[arg-type]


def test_what_was_measured_is_kept_and_shown(tmp_path: Path) -> None:
    file = tmp_path / "noop.jsonl"
    file.write_text("".join(json.dumps(asdict(each)) + "\n" for each in (cell(), cell(where="neighbour"))))

    assert [each.key for each in kept(file)] == [cell().key, cell(where="neighbour").key]
    assert row(kept(file)[0]).startswith("| fifty | comments | calm | 3.11.7 | now | 20 | ")
    assert kept(tmp_path / "none") == []


def test_pairs_that_waited_and_lie_far_from_the_others_are_seen_to() -> None:
    waited = [(0.0, 0.01 * number) for number in range(20)]
    pairs = {name: [0.001 * (-1) ** number * (1 + number) for number in range(20)] for name in ("parse", "dump")}

    (line,) = starvation([cell(pairs=pairs, starved=waited)])
    (none,) = starvation([cell(starved=[(0.0, 0.0)] * 20)])

    assert line.startswith("| calm | 20 | 9.5% | 19.0% | +1.00")
    assert none.endswith("| +nan |")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("test_work.py::test_work[far_reads]", "far_reads"),
        ("bench/test_x.py::test_unstruct[a-b]", "test_unstruct[a-b]"),
        ("test_a.py::test_plain", "test_plain"),
        ("a.py::test_b[c::d]", "test_b[c::d]"),
    ],
)
def test_a_benchmark_is_named_without_what_all_have(name: str, expected: str) -> None:
    assert short(name) == expected


@pytest.mark.parametrize("shared", [0.0, 1.0])
def test_chance_alone_stays_below_the_bound_and_a_bias_does_not(shared: float) -> None:
    """Also where all benchmarks of a pair move together: then one table of them says little."""
    rng = Random(2)
    above = seen = 0
    for _ in range(100):
        together = [shared * rng.gauss(0, 1) for _ in range(20)]
        pairs = {str(name): [common + rng.gauss(0, 1) for common in together] for name in range(15)}
        rms, most = by_chance(cell(pairs=pairs))
        above += rms > most
        moved = {name: [value + 1.5 for value in values] for name, values in pairs.items()}
        rms, most = by_chance(cell(pairs=moved))
        seen += rms > most
    assert above <= 5
    assert seen >= 95


def test_half_of_a_drawn_suite_are_edits_that_change_nothing(tmp_path: Path) -> None:
    recording = Recording(
        pairs={"calm": {SAME: {"a": [0.0] * 16}}, "drift": {SAME: {"a": [0.0] * 16}}}, pair_s={"a": 0.1}
    )
    file = tmp_path / "noop.jsonl"
    version = ".".join(map(str, sys.version_info[:3]))
    other = cell(python="3.9.1", kind="constants"), cell(shims="before", kind="docstrings")
    file.write_text("".join(json.dumps(asdict(each)) + "\n" for each in (cell(python=version), *other)))

    recording.add_edits(file)

    members = changed_nothing(recording, "calm")
    assert sorted(members) == [("fifty/dump", "edit: comments"), ("fifty/parse", "edit: comments")]
    assert changed_nothing(recording, "drift") == []
    drawn = draw(recording, "calm", Random(1))
    assert [each.name.startswith("fifty/") for each in drawn] == [True, False] * (MEMBERS // 2)
    assert {each.name for each in draw(recording, "drift", Random(1))} == {"a"}
    assert {each.name for each in drawn_from(members, recording, "calm", Random(1))} == {"fifty/dump", "fifty/parse"}
    assert recording.pair_s["fifty/parse"] == 0.1
