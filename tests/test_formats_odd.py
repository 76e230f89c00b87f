"""Odd but honest result files: nothing of them is dropped in silence, nothing is taken for what it is not."""

import gzip
import json

import pytest

from perfgate import registry
from perfgate.core.model import Reason, Run
from perfgate.errors import FileError
from perfgate.formats import pyperf
from tests.fuzz import DATA
from tests.test_formats import levels, values


def read(text: str | bytes) -> Run:
    return registry.read(text.encode() if isinstance(text, str) else text, name="x")


def failures(run: Run) -> dict[str, Reason]:
    return {failure.benchmark.name: failure.reason for failure in run.failures}


def test_a_go_benchmark_that_prints_is_read_and_one_without_a_result_has_failed() -> None:
    text = (
        "goos: linux\ngoarch: amd64\nBenchmarkA-8 \thello\nmore of it\n   2000\t        41.00 ns/op\n"
        "BenchmarkB-8 \tnothing\nBenchmarkC-8   100   7 ns/op\n"
        "BenchmarkD\nBenchmarkD/x\nBenchmarkD/x-8   100   9 ns/op\n"
    )
    run = read(text)

    assert {name: round(1e9 * value) for name, value in levels(run).items()} == {
        "BenchmarkA:time": 41, "BenchmarkC:time": 7, "BenchmarkD/x:time": 9,
    }  # fmt: skip
    assert failures(run) == {"BenchmarkB": Reason.NOTHING}


def test_a_time_that_a_go_benchmark_reports_itself_is_another_metric() -> None:
    run = read("goos: linux\ngoarch: x\nBenchmarkA-8 100 40 ns/op 12 p99-ms 3 ms\n")

    assert set(levels(run)) == {"BenchmarkA:time", "BenchmarkA:p99-ms", "BenchmarkA:ms"}
    assert values(run)["BenchmarkA:ms"] == ((0.003,),)


def test_what_has_no_value_has_failed() -> None:
    empty = {"benchmarks": [{"metadata": {"name": "a"}, "runs": [{"metadata": {}}]}], "version": "1.0"}
    assert failures(read(json.dumps(empty))) == {"a": Reason.NOTHING}
    jmh = json.loads((DATA / "jmh" / "two.json").read_text())
    jmh[0]["primaryMetric"]["rawData"] = [[]]
    assert failures(read(json.dumps(jmh))) == {"org.example.Sums.add[kind=list,n=1000]": Reason.NOTHING}


def test_gzip_files_that_follow_each_other_are_read_to_the_end() -> None:
    one, other = b"benchmark,value\na,1\n", b"b,2\n"

    assert set(levels(read(gzip.compress(one) + gzip.compress(other)))) == {"a:time", "b:time"}
    with pytest.raises(FileError, match="damaged gzip"):
        read(gzip.compress(one) + b"rest")


def test_a_cut_histogram_is_refused() -> None:
    *lines, last = (DATA / "hdr" / "intervals.hlog").read_text().splitlines()
    head, _, packed = last.rpartition(",")
    with pytest.raises(FileError, match="line 6: a"):
        read("\n".join([*lines, f"{head},{packed[: len(packed) // 8 * 4]}"]))


def test_complexity_of_google_benchmark_is_no_benchmark() -> None:
    file = json.loads((DATA / "google-benchmark" / "repeated.json").read_text())
    for kind in ("BigO", "RMS"):
        row = {"name": f"Sum_{kind}", "run_name": "Sum", "run_type": "aggregate", "aggregate_name": kind}
        file["benchmarks"].append(row)

    assert levels(read(json.dumps(file))) == levels(read((DATA / "google-benchmark" / "repeated.json").read_bytes()))


def test_two_measures_of_one_name_are_refused() -> None:
    with pytest.raises(FileError, match="two benchmarks are called 'a:bytes'"):
        read('{"a": {"file-size": {"value": 1}, "bytes": {"value": 2}}}')
    with pytest.raises(FileError, match="errors is a share"):
        read('{"a": {"errors": {"value": 1}}}')


def test_pyperf_gets_only_what_it_takes() -> None:
    run = read((DATA / "k6" / "points.json").read_bytes())

    written = pyperf.write(run)

    names = [each["metadata"]["name"] for each in json.loads(written.text)["benchmarks"]]
    assert "k6/total:latency.p50" in names
    assert "k6/home:errors" not in names
    assert "k6/home:errors" in {str(sli) for sli, _ in written.left_out}


@pytest.mark.parametrize(
    "text",
    [
        '{"results": [{"command": "a", "mean": 1, "stddev": 0, "memory_usage_byte": [1%s]}]}' % ("0" * 400),
        "Running 1s test @ http://x\n  1%s requests in 1s\nRequests/sec: 1\n" % ("0" * 5000),
        "starting benchmark...\nfinished in 1s, 1.2.3 req/s\nrequests: 1 total, 1 started, 1 done, 1 succeeded, "
        "0 failed, 0 errored, 0 timeout\ntime for request: 1us 1us 1us\n",
        '{"latencies": {"50th": 1}, "requests": 1%s, "throughput": 1, "success": 1, "status_codes": {}}' % ("0" * 400),
    ],
)
def test_numbers_beyond_all_measure_are_refused(text: str) -> None:
    with pytest.raises(FileError):
        read(text)
