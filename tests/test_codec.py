import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate import codec
from perfgate.core.policy import Policy
from perfgate.core.report import report
from perfgate.errors import FileError
from tests.core.build import failure, noisy_pair, run, sample

GOLDEN = Path(__file__).parent / "golden"


@given(st.lists(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1), min_size=1, max_size=5))
def test_every_float_comes_back_exactly(values: list[list[float]]) -> None:
    made = run(sample(values), failures=[failure("b")])

    assert codec.load_run(codec.dump_run(made).encode(), name="run") == made


def test_a_report_comes_back_whole_also_with_an_open_interval() -> None:
    base, head = noisy_pair(0.1, pairs=1)
    made = report(run(base), run(head), Policy(), repeat="x", version="1")

    assert made.judgements[0].comparison is not None
    assert made.judgements[0].comparison.change.high == math.inf
    assert codec.load_report(codec.dump_report(made).encode(), name="report") == made


def test_files_of_schema_1_load_for_ever() -> None:
    loaded = codec.load_run((GOLDEN / "run-v1.json").read_bytes(), name="run-v1.json")
    judged = codec.load_report((GOLDEN / "report-v1.json").read_bytes(), name="report-v1.json")

    assert [str(sample.sli) for sample in loaded.samples] == ["micro/parse:time"]
    assert judged.outcome == "regression"


def test_the_golden_files_are_what_is_written_today(golden: Callable[[str, str], None]) -> None:
    base, head = noisy_pair(0.1, pairs=15)
    golden("run-v1.json", codec.dump_run(run(head, failures=[failure("broken")])))
    golden("report-v1.json", codec.dump_report(report(run(base), run(head), Policy(), repeat="x", version="1")))


def changed(**fields: object) -> bytes:
    content = json.loads(codec.dump_run(run(sample([[1.0]]))))
    return json.dumps({**content, **fields}).encode()


def with_value(value: str) -> bytes:
    return codec.dump_run(run(sample([[0.123]]))).replace("0.123", value).encode()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[]", "not a file that perfgate wrote"),
        (b'{"kind": "other"}', "not a file that perfgate wrote"),
        (changed(schema_version=2), "has schema 2; this perfgate reads up to 1"),
        (changed(surprise=1), "is damaged: surprise"),
        (changed(run={}), "is damaged: run.revision: Field required .and 2 more."),
        (with_value("NaN"), "is damaged"),
        (with_value("Infinity"), "is damaged"),
        (with_value('"0.1"'), "is damaged"),
        (with_value("true"), "is damaged"),
        (
            codec.dump_run(run(sample([[1.0]]))).replace('"pairs":[0]', '"pairs":[0,1]').encode(),
            "1 processes but 2 pairs",
        ),
        (b"[" * 100_000, "is not JSON"),
    ],
)
def test_what_is_no_whole_run_is_refused_with_the_reason(data: bytes, message: str) -> None:
    with pytest.raises(FileError, match=message):
        codec.load_run(data, name="run.json")


def test_a_huge_file_is_refused_by_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "LARGEST", 10)
    with pytest.raises(FileError, match="at most 10"):
        codec.load_run(b" " * 11, name="run.json")


@given(st.binary(max_size=200))
def test_garbage_is_refused_and_never_crashes(data: bytes) -> None:
    with pytest.raises(FileError):
        codec.load_run(data, name="run.json")
