"""Other tools' result files: read by their shape, with the numbers that the tool itself printed."""

import gzip
import json
import math
import re
import subprocess
import sys
from pathlib import Path
from random import Random
from statistics import fmean, median, stdev
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfgate import codec, registry
from perfgate.core.model import Direction, Kind, Reason, Run
from perfgate.core.units import Unit
from perfgate.errors import FileError
from perfgate.formats.document import LARGEST, Document
from perfgate.formats.readings import unit_named
from tests import fuzz
from tests.live import Project

DATA = fuzz.DATA
ROOT = Path(__file__).resolve().parent.parent


def load(name: str, reader: str | None = None) -> Run:
    path = DATA / name
    return registry.read(path.read_bytes(), name=str(path), reader=reader)


def printed(name: str) -> str:
    return (DATA / name).read_text(encoding="utf-8")


def values(run: Run) -> dict[str, tuple[tuple[float, ...], ...]]:
    """`benchmark:metric` to the values of each process."""
    return {f"{s.sli.benchmark.name}:{s.sli.metric.name}": s.processes for s in run.samples}


def levels(run: Run) -> dict[str, float]:
    """`benchmark:metric` to the median of all values."""
    return {name: median(v for process in found for v in process) for name, found in values(run).items()}


def rounded(value: float, like: str) -> str:
    """Write a value with as many digits behind the point as a text has."""
    return f"{value:.{len(like.partition('.')[2])}f}"


FILES = sorted(
    str(path.relative_to(DATA))
    for reader in registry.readers()
    for path in (DATA / reader).rglob("*")
    if path.is_file() and (path.suffix != ".txt" or reader in ("go", "wrk", "h2load"))
)


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_its_own_reader_s_and_nobody_else_s(name: str) -> None:
    document = Document(str(DATA / name), (DATA / name).read_bytes())

    assert [r for r in registry.readers() if registry.reader_named(r).recognises(document)] == [name.partition("/")[0]]
    run = load(name)
    assert run.samples or run.failures
    assert codec.load_run(codec.dump_run(run).encode(), name="again") == run


def test_every_reader_has_a_file_and_a_row_in_the_documentation(golden: Any) -> None:
    from perfgate.pipeline.converting import table

    named = {"custom-bigger", "custom-smaller"}  # read the same files as `custom`
    assert {name.partition("/")[0] for name in FILES} == set(registry.readers()) - named
    page = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    assert f"<!-- formats -->\n{table()}\n<!-- /formats -->" in page


def test_pytest_benchmark_by_its_own_table() -> None:
    run, brief = load("pytest-benchmark/with-data.json"), load("pytest-benchmark/summary.json")

    rows = re.findall(r"^(test_\S+) +([\d,.]+) \(.*\) +(\d+)$", printed("pytest-benchmark/with-data.txt"), re.MULTILINE)
    assert len(rows) == 3
    for name, nanoseconds, rounds in rows:
        (process,) = values(run)[f"test_sums.py::{name}:time"]
        assert rounded(1e9 * median(process), "1.1234") == nanoseconds.replace(",", "")
        assert len(process) == int(rounds)
        assert len(values(brief)[f"test_sums.py::{name}:time"][0]) == 1
    assert dict(run.environment.facts)["system"] == "Linux"


def test_pyperf_by_its_own_show_and_gzip() -> None:
    run, packed = load("pyperf/times.json"), load("pyperf/times.json.gz")

    rows = re.findall(
        r"^(\w+): Mean \+- std dev: ([\d.]+) us \+- ([\d.]+) us$", printed("pyperf/times.txt"), re.MULTILINE
    )
    assert [name for name, *_ in rows] == ["sum", "sort"]
    for name, mean, spread in rows:
        processes = values(run)[f"{name}:time"]
        every = [1e6 * value for process in processes for value in process]
        assert (rounded(fmean(every), mean), rounded(stdev(every), spread)) == (mean, spread)
        assert len(processes) == 10
    assert values(packed) == values(run)
    assert {s.sli.metric.name for s in load("pyperf/memory.json").samples} == {"peak-memory"}


def test_hyperfine_by_what_it_printed_and_every_run_is_a_process() -> None:
    run = load("hyperfine/two.json")

    told = re.findall(r"Benchmark \d: (.+)\n.*?([\d.]+) ms ± +([\d.]+) ms", printed("hyperfine/two.txt"))
    assert len(told) == 2
    for name, mean, spread in told:
        seconds = [value for (value,) in values(run)[f"{name}:time"]]
        assert len(seconds) == 12
        assert (rounded(1e3 * fmean(seconds), mean), rounded(1e3 * stdev(seconds), spread)) == (mean, spread)
    (failed,) = load("hyperfine/failing.json").failures
    assert failed.text == "4 of its runs ended with an error, the first with 1"


def test_google_benchmark_by_its_own_table() -> None:
    run, brief = load("google-benchmark/repeated.json"), load("google-benchmark/aggregates.json")

    rows = re.findall(
        r"^(Sum/\S+?)_median +([\d.]+) ns +([\d.]+) ns", printed("google-benchmark/repeated.txt"), re.MULTILINE
    )
    assert len(rows) == 2
    for name, real, cpu in rows:
        assert float(real) == pytest.approx(1e9 * levels(run)[f"{name}:time"], rel=0.01)
        assert float(cpu) == pytest.approx(1e9 * levels(run)[f"{name}:cpu"], rel=0.01)
        assert len(values(run)[f"{name}:time"][0]) == 5
    rows = re.findall(r"^(Sum/\S+?)_median +([\d.]+) ns", printed("google-benchmark/aggregates.txt"), re.MULTILINE)
    assert [float(r) for _, r in rows] == pytest.approx([1e9 * levels(brief)[f"{n}:time"] for n, _ in rows], rel=0.01)
    (failed,) = run.failures
    assert (failed.benchmark.name, failed.reason, failed.text) == ("Broken", Reason.RAISED, "no disk")


def test_go_by_its_own_lines() -> None:
    run = load("go/sums.txt")

    lines = re.findall(r"^(Benchmark\S+)\s+\d+\s+([\d.]+) ns/op", printed("go/sums.txt"), re.MULTILINE)
    assert len(lines) == 8
    for name in {name for name, _ in lines}:
        times = [float(value) for other, value in lines if other == name]
        found = values(run)[f"example.org/sums.{name.removesuffix('-2')}:time"]
        assert [1e9 * v for v in found[0]] == pytest.approx(times)
    assert values(run)["example.org/sums.BenchmarkSum/k:allocations"] == ((1, 1, 1, 1),)
    assert values(run)["example.org/sums.BenchmarkSum/m:allocated-bytes"] == ((8192,) * 4,)
    assert values(run)["example.org/sums.BenchmarkSum/m:elements-op"] == ((1000,) * 4,)
    assert dict(run.environment.facts)["gomaxprocs"] == "2"
    (failed,) = run.failures
    assert (failed.benchmark.name, failed.reason) == ("example.org/sums.BenchmarkBroken", Reason.RAISED)


def test_go_s_metadata_of_units_and_what_never_ended() -> None:
    text = (
        "Unit hits/op better=higher assume=exact\npkg: p\nBenchmarkA-2 \t 100\t 12 ns/op\t 5 hits/op\n"
        "BenchmarkNoisy\n   200\t 7 ns/op\nBenchmarkB\npanic: no\nBenchmarkC-2\n"
    )
    run = registry.read(text.encode(), name="x")

    (hits,) = (s.sli.metric for s in run.samples if s.sli.metric.name == "hits-op")
    assert (hits.direction, hits.kind) == (Direction.HIGHER, Kind.EXACT)
    assert levels(run)["p.BenchmarkNoisy:time"] == pytest.approx(7e-9)
    assert {f.benchmark.name: f.reason for f in run.failures} == {
        "p.BenchmarkB": Reason.DIED,
        "p.BenchmarkC-2": Reason.DIED,
    }


def test_catch2() -> None:
    run = load("catch2/sums.xml")

    means = re.findall(r'<mean value="([\d.]+)"', printed("catch2/sums.xml"))
    assert [1e9 * v for v in levels(run).values()] == pytest.approx([float(m) for m in means])
    assert list(levels(run)) == ["sums/accumulate:time", "sums/a & <b>:time"]


def test_asv_by_its_own_table() -> None:
    run = load("asv/samples.json")

    found, text = levels(run), printed("asv/samples.txt")
    small = re.search(r"^ +10 +(\d+)±\S+ +(\d+)±", text, re.MULTILINE)
    large = re.search(r"^ +1000 +([\d.]+)±", text, re.MULTILINE)
    assert small is not None
    assert large is not None
    assert rounded(1e9 * found["sums.Sums.time_sum(10, 'list'):time"], small[1]) == small[1]
    assert rounded(1e9 * found["sums.Sums.time_sum(10, 'tuple'):time"], small[2]) == small[2]
    assert rounded(1e6 * found["sums.Sums.time_sum(1000, 'list'):time"], large[1]) == large[1]
    assert len(values(run)["sums.Sums.time_sum(10, 'list'):time"][0]) == 8
    assert (found["sums.mem_list:bytes"], found["sums.track_answer:value"]) == (8056, 42)
    reasons = {failure.benchmark.name: failure.reason for failure in run.failures}
    assert reasons == {"sums.Sums.time_sum(1000, 'tuple')": Reason.SKIPPED, "sums.time_broken": Reason.RAISED}


def test_wrk_and_h2load_by_their_own_words() -> None:
    good, refused = levels(load("wrk/good.txt")), load("wrk/refused.txt")
    text = printed("wrk/good.txt")
    for q in (50, 90, 99):
        told = re.search(rf"^ +{q}% +([\d.]+)(us|ms)$", text, re.MULTILINE)
        assert told is not None
        assert good[f"total:latency.p{q}"] == pytest.approx(float(told[1]) * {"us": 1e-6, "ms": 1e-3}[told[2]])
    rate = re.search(r"Requests/sec: +([\d.]+)", text)
    assert rate is not None
    assert good["total:throughput"] == float(rate[1])
    assert good["total:errors"] == 0
    assert [(f.benchmark.name, f.reason) for f in refused.failures] == [("total", Reason.NOTHING)]
    assert not refused.samples

    good, text = levels(load("h2load/good.txt")), printed("h2load/good.txt")
    told = re.search(r"^time for request: +\S+ +([\d.]+)([a-z]+) +([\d.]+)us", text, re.MULTILINE)
    assert told is not None
    assert good["total:latency.max"] == pytest.approx(float(told[1]) * {"us": 1e-6, "ms": 1e-3}[told[2]])
    assert 1e6 * good["total:latency.mean"] == pytest.approx(float(told[3]))
    (failure,) = load("h2load/refused.txt").failures
    assert failure.text == "400 of 400 requests failed"


def test_locust_by_its_own_table() -> None:
    run = load("locust/two.json")
    found = levels(run)

    told = re.search(r"Aggregated +(\d+) +(\d+)\(", printed("locust/two.txt"))
    assert told is not None
    (errors,) = (s for s in run.samples if str(s.sli).endswith("total:errors"))
    assert (errors.trials, round(errors.processes[0][0] * errors.trials[0])) == ((int(told[1]),), int(told[2]))
    assert [f.benchmark.name for f in run.failures] == ["GET missing"]
    assert found["GET /:errors"] == 0
    assert found["total:latency.p50"] == pytest.approx(1e-3, rel=0.01)


def test_javascript_s_by_what_they_printed() -> None:
    tasks = load("tinybench/tasks.json")
    table = next(json.loads(line) for line in printed("tinybench/tasks.txt").splitlines() if line.startswith("["))
    assert rounded(1e9 * levels(tasks)["sum:time"], "1.1") == table[0]["Latency med (ns)"].split()[0]
    assert [(f.benchmark.name, f.reason) for f in tasks.failures] == [("broken", Reason.RAISED)]

    report = load("tinybench/vitest.json")
    assert set(levels(report)) == {"sums.bench.mjs > sums > small:time", "sums.bench.mjs > sums > large:time"}
    mean = re.search(r"· large +\S+ +\S+ +\S+ +([\d.]+)", printed("tinybench/vitest.txt"))
    assert mean is not None
    assert 1e3 * levels(report)["sums.bench.mjs > sums > large:time"] == pytest.approx(float(mean[1]), rel=0.1)

    mitata = json.loads(printed("mitata/sums.json"))
    own = {run["name"]: run["stats"]["p50"] for one in mitata["benchmarks"] for run in one["runs"]}
    assert {name: 1e9 * value for name, value in levels(load("mitata/sums.json")).items()} == pytest.approx(
        {f"{name}:time": value for name, value in own.items()}
    )

    said = json.loads(printed("autocannon/good.json"))
    found = levels(load("autocannon/good.json"))
    assert (1e3 * found["total:latency.p99"], found["total:throughput"]) == (
        said["latency"]["p99"],
        said["requests"]["mean"],
    )
    assert not load("autocannon/refused.json").samples


def test_an_hdr_log_merges_its_intervals_as_the_library_does() -> None:
    found = levels(load("hdr/intervals.hlog"))

    for line in printed("hdr/intervals.txt").splitlines():
        tag, *words = line.split()
        for part, nanoseconds in zip(words[::2], words[1::2], strict=True):
            if part != "count":
                assert 1e9 * found[f"{tag}:latency.{part}"] == pytest.approx(int(nanoseconds), rel=0.006)


def test_an_hdr_log_s_tags_are_benchmarks() -> None:
    lines = printed("hdr/intervals.hlog").splitlines()
    tagged = [f"Tag=search,{line}" if "HIST" in line else line for line in lines]

    found = levels(registry.read("\n".join([*lines, tagged[-1]]).encode(), name="x"))

    assert {name.partition(":")[0] for name in found} == {"total", "search"}


def test_those_that_could_not_be_had_say_what_their_files_hold() -> None:
    dotnet = load("benchmark-dotnet/full.json")
    launches = values(dotnet)["Demo.Sums.Add(N: 10):time"]
    assert [[round(1e10 * v) for v in launch] for launch in launches] == [[125, 127], [129, 131]]
    assert values(dotnet)["Demo.Sums.Brief:time"][0] == pytest.approx((3.5e-9, 3.25e-9))
    assert levels(dotnet)["Demo.Sums.Add(N: 10):allocated-bytes"] == 24
    assert [f.benchmark.name for f in dotnet.failures] == ["Demo.Sums.Broken"]

    jmh = values(load("jmh/two.json"))
    forks = jmh["org.example.Sums.add[kind=list,n=1000]:time"]
    assert [[round(1e9 * v) for v in fork] for fork in forks] == [[250, 251, 252], [251, 252, 253]]
    assert jmh["org.example.Sums.add:thrpt:rate"][0] == pytest.approx((3.95e6,))

    (sample,) = values(load("criterion/group/parse/new/sample.json"))["group/parse:time"]
    assert sample == pytest.approx((1.5e-6, 1.51e-6, 1.505e-6, 1.51e-6))
    messages = levels(load("criterion/messages.json"))
    assert messages == pytest.approx({"group/parse/10:time": 1.5e-6, "group/parse/20:time": 3.01e-6})

    for name in ("k6/summary.json", "k6/handle-summary.json"):
        k6 = levels(load(name))
        assert k6 == pytest.approx({
            "total:latency.mean": 0.14456, "total:latency.p50": 0.11047, "total:latency.max": 1.1402,
            "total:latency.p90": 0.20354, "total:latency.p95": 0.21595,
            "total:throughput": 4.36938, "total:errors": 0.05,
        })  # fmt: skip
    points = levels(load("k6/points.json"))
    assert points["total:latency.p50"] == pytest.approx(19.5e-3, rel=0.03)
    assert points["home:latency.max"] == pytest.approx(28e-3)
    assert (points["home:errors"], points["search:errors"]) == (0, 0.1)

    vegeta = levels(load("vegeta/report.json"))
    assert (vegeta["total:latency.p95"], vegeta["total:errors"]) == (pytest.approx(3.478629e-3), pytest.approx(0.03))

    bmf = load("bmf/two.json")
    assert levels(bmf) == pytest.approx({
        "parse small:time": 1500.5e-9, "parse small:instructions": 12000, "parse large:time": 98e-6,
        "parse large:rate": 10204.08, "parse large:bytes": 4096,
    })  # fmt: skip
    custom = load("custom/three.json")
    assert levels(custom) == pytest.approx(
        {"My Custom Benchmark - CPU Load:percent": 50, "parse:time": 0.0125, "requests:rate": 1500}
    )


def test_a_csv_says_all_that_it_can() -> None:
    run = load("csv/full.csv")

    assert values(run) == {
        "parse:time": ((0.0125, 12.75 * 1e-3), (0.01225,)),
        "parse:peak-memory": ((64 * 2**20,),),
        'search, "all":hits': ((17,),),
    }
    assert [s.sli.metric.direction for s in run.samples] == [Direction.LOWER, Direction.LOWER, Direction.HIGHER]
    assert levels(load("csv/short.csv")) == {"parse:time": 0.0125, "format:time": 0.5}


@pytest.mark.parametrize(
    ("unit", "metric", "factor"),
    [
        ("ns/op", "time", 1e-9), ("us/op", "time", 1e-6), ("µs", "time", 1e-6), ("ms", "time", 1e-3),
        ("s/op", "time", 1.0), ("min", "time", 60.0), ("ops/s", "rate", 1.0), ("ops/sec", "rate", 1.0),
        ("iter/sec", "rate", 1.0), ("ops/us", "rate", 1e6), ("ops/ms", "rate", 1e3), ("req/s", "rate", 1.0),
        ("Mops/s", "rate", 1e6), ("MB/s", "bytes-per-second", 1e6), ("widgets/s", "widgets-per-second", 1.0),
        ("B", "size", 1.0), ("KiB", "size", 1024.0), ("Percent", "percent", 1.0),
        ("", "value", 1.0),
    ],
)  # fmt: skip
def test_units_as_tools_write_them(unit: str, metric: str, factor: float) -> None:
    found = unit_named(unit)

    assert (found.metric.name, found.factor) == (metric, pytest.approx(factor))
    assert (found.metric.direction is Direction.HIGHER) == (found.metric.unit is Unit.PER_SECOND)


BAD = {
    "nothing": (b"", "not a result file that perfgate knows: it is empty"),
    "prose": (b"all is well\n", "not a result file that perfgate knows"),
    "cut": ((DATA / "pyperf" / "times.json").read_bytes()[:900], "its JSON is damaged"),
    "text for a number": (b'[{"name": "a", "unit": "ms", "value": "much"}]', "'a' has the value 'much'"),
    "a number for a name": (b'{"results": [{"command": 1, "mean": 1, "stddev": 1}]}', "results.0.command"),
    "a bool for a number": (b'{"results": [{"command": "a", "mean": true, "stddev": 1}]}', "(it is True)"),
    "twice": (b'[{"name": "a", "unit": "ms", "value": 1}, {"name": "a", "unit": "ms", "value": 2}]', "two benchmarks"),
    "no name": (b'[{"name": " ", "unit": "ms", "value": 1}]', "a benchmark without a name"),
    "no benchmarks": (b'{"machine_info": {}, "benchmarks": [], "version": "4"}', "has no benchmark"),
    "newer": (b'{"benchmarks": [{"runs": []}], "version": "9.0"}', "of version '9.0'; this perfgate reads 1.0"),
    "latin 1": ("goos: linux\ngoarch: x\nBenchmark\xe9 1 2 ns/op\n".encode("latin-1"), "is not utf-8 text: byte 31"),
    "bomb": (
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><Catch name="x"><TestCase name="&b;"/></Catch>',
        "declares entities or a document type",
    ),
    "half an xml": ((DATA / "catch2" / "sums.xml").read_bytes()[:700], "is not a complete XML file"),
    "packed badly": (gzip.compress(b"{}" * 900)[:-12], "damaged gzip"),
    "a bomb, packed": (gzip.compress(b" " * (LARGEST + 1), 9), "bytes when unpacked"),
    "two formats": (b"Running 1s test @ http://x\nBenchmarkA-2 1 2 ns/op\n", "could be a file of go or wrk"),
    "a wrong line": (b'{"reason": "benchmark-complete"}\nnonsense\n', "line 2: not JSON"),
    "a row without a number": (b"benchmark,value\na,\n", "line 2: '' is not a number"),
    "two units": (b"benchmark,metric,unit,value\na,time,MiB,1\n", "time is measured in s, not in 'MiB'"),
    "two directions": (b"benchmark,metric,better,value\na,x,lower,1\na,x,higher,1\n", "two units or two directions"),
    "neither way": (b"benchmark,metric,better,value\na,x,up,1\n", "it is lower or higher"),
    "a share": (b"benchmark,metric,value\na,errors,1\n", "which this format cannot say"),
    "half a result": (b"BenchmarkA-2 100 12 ns/op 5\n", "is not a list of values with their units"),
    "only a spread": (
        b'{"context": {}, "benchmarks": [{"name": "a_stddev", "run_name": "a", "iterations": 3, '
        b'"run_type": "aggregate", "aggregate_name": "stddev", "real_time": 1}]}',
        "neither an iteration nor a median",
    ),
    "deep": (b"[" * 100_000, "its JSON is damaged"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_not_understood_is_refused_with_what_and_where(kind: str) -> None:
    data, said = BAD[kind]
    with pytest.raises(FileError) as caught:
        registry.read(data, name="some/file")

    assert said in caught.value.message
    assert "some/file" in caught.value.message


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-3", "0"])
def test_what_is_no_time_fails_its_benchmark_and_loses_no_other(value: str) -> None:
    text = f'[{{"name": "a", "unit": "ms", "value": {value}}}, {{"name": "b", "unit": "ms", "value": 2}}]'
    run = registry.read(text.encode(), name="x")

    assert [(f.benchmark.name, f.reason) for f in run.failures] == [("a", Reason.BAD_VALUE)]
    assert levels(run) == {"b:time": 0.002}


def test_utf_16_with_its_mark_is_read() -> None:
    text = '[{"name": "é", "unit": "ms", "value": 1}]'
    assert levels(registry.read(text.encode("utf-16"), name="x")) == {"é:time": 0.001}
    assert levels(registry.read(text.encode("utf-8-sig"), name="x")) == {"é:time": 0.001}


@pytest.mark.parametrize("reader", registry.readers())
@settings(max_examples=60)
@given(random=st.randoms(use_true_random=False))
def test_damaged_files_are_read_or_refused_and_nothing_else(reader: str, random: Any) -> None:
    run = fuzz.tried(reader, fuzz.damaged(random.choice(fuzz.samples(reader)), random))

    if run is not None:
        assert run.samples or run.failures
        assert all(math.isfinite(v) for s in run.samples for process in s.processes for v in process)


@pytest.mark.parametrize("reader", registry.readers())
def test_a_number_that_makes_no_sense_leaves_nothing_out_in_silence(reader: str) -> None:
    random = Random(reader)
    for data in fuzz.samples(reader):
        before = fuzz.tried(reader, data)
        assert before is not None
        for _ in range(30):
            changed = fuzz.senseless(data, random)
            after = fuzz.tried(reader, changed)
            assert after is None or not fuzz.left_out(before, after), changed[:10_000]


def test_files_of_one_process_a_side_are_advisory_and_exact_metrics_decide(project: Project) -> None:
    go = printed("go/sums.txt").replace("--- FAIL: BenchmarkBroken", "ok")
    project.put("base.txt", go)
    project.put("head.txt", re.sub(r"(\S+) ns/op", lambda m: f"{2 * float(m[1])} ns/op", go))
    project.put("more.txt", go.replace("1 allocs/op", "3 allocs/op"))

    slower = project.perfgate("compare", "base.txt", "head.txt")
    greedier = project.perfgate("compare", "base.txt", "more.txt")

    assert slower.returncode == 0
    assert "1 process on a side; at least 6 are needed" in slower.stdout
    assert "❔" in slower.stdout.splitlines()[0]
    assert greedier.returncode == 1
    assert re.search(r"regression +go/example.org/sums.BenchmarkSum/k:allocations +1(?:.00)? → 3", greedier.stdout), (
        greedier.stdout
    )


def test_convert_writes_what_it_reads(project: Project) -> None:
    path = str(DATA / "hyperfine" / "two.json")

    run = project.perfgate("convert", path, "--suite", "cli", "-o", "run.json")
    assert run.returncode == 0, run.stderr
    csv = project.perfgate("convert", "run.json", "--to", "csv", "-o", "run.csv")
    back = project.perfgate("convert", "run.csv", "--from", "csv")
    assert back.returncode == 0, back.stderr
    first = codec.load_run((project.root / "run.json").read_bytes(), name="run")
    second = codec.load_run(back.stdout.encode(), name="back")

    assert csv.returncode == 0, csv.stderr
    assert {s.sli.benchmark.suite for s in first.samples} == {"cli"}
    assert {s.processes for s in first.samples} == {s.processes for s in second.samples}
    for form in ("bmf", "custom-smaller", "pyperf"):
        written = project.perfgate("convert", "run.json", "--to", form)
        again = registry.read(written.stdout.encode(), name=form)
        times = {str(s.sli) for s in again.samples if s.sli.metric.name == "time" and ":cpu" not in str(s.sli)}
        assert len(times) == 2, written.stdout
    bigger = project.perfgate("convert", str(DATA / "vegeta" / "report.json"), "--to", "custom-bigger")
    assert json.loads(bigger.stdout) == [{"name": "vegeta/total:throughput", "unit": "ops/s", "value": 97.5}]
    listed = project.perfgate("convert", "--list")
    assert "| JMH | `jmh` |" in listed.stdout
    piped = subprocess.run(
        [sys.executable, "-m", "perfgate", "convert", "-", "--to", "csv"], input=(DATA / "jmh/two.json").read_bytes(),
        capture_output=True, check=True,
    )  # fmt: skip
    assert piped.stdout.startswith(b"benchmark,metric,unit,better,process,value\n")
    missing = project.perfgate("convert")
    assert missing.returncode == 2
    assert "FILE is missing" in missing.stderr


def test_a_huge_file_is_refused_unread(project: Project) -> None:
    with (project.root / "huge.json").open("wb") as file:
        file.truncate(10**9)

    done = project.perfgate("compare", "huge.json", "huge.json")

    assert done.returncode == 2
    assert "huge.json has more than 268,435,456 bytes" in done.stderr
