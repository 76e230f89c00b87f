# ruff: noqa: E501 - what tools print is as wide as it is
"""Numbers of other tools: which way is better, what is zero, what tells results apart, what failed."""

import json
import re

import pytest

from perfgate import registry
from perfgate.core.model import Direction, Kind, Reason, Run
from perfgate.core.units import Unit
from perfgate.errors import FileError
from perfgate.formats.readings import unit_named
from tests.live import Project
from tests.test_formats import levels, load, values
from tests.test_formats_odd import failures, read

HIGHER = [
    ("fps", "fps", 1.0), ("FPS", "fps", 1.0), ("rps", "rps", 1.0), ("qps", "qps", 1.0), ("tps", "tps", 1.0),
    ("ops/hr", "rate", 1 / 3600), ("ops/day", "rate", 1 / 86400), ("ops/min", "rate", 1 / 60), ("Ops/Sec", "rate", 1.0),
    ("requests per second", "rate", 1.0), ("Mbps", "bits-per-second", 1e6), ("Gbits/sec", "bits-per-second", 1e9),
    ("MBps", "bytes-per-second", 1e6), ("MiB/sec", "bytes-per-second", 2**20), ("frames per second", "frames-per-second", 1.0),
    ("widgets/min", "widgets-per-second", 1 / 60),
]  # fmt: skip
LOWER = [
    ("Seconds", "time", 1.0), ("msec", "time", 1e-3), ("usec", "time", 1e-6), ("nsec", "time", 1e-9), ("Minutes", "time", 60.0),
    ("Megabytes", "size", 1e6), ("KB", "size", 1e3), ("ms/frame", "ms-frame", 1e-3), ("B/op", "b-op", 1.0),
    ("cache-misses", "cache-misses", 1.0), ("allocs/op", "allocs-op", 1.0),
]  # fmt: skip


@pytest.mark.parametrize(("unit", "metric", "factor"), HIGHER)
def test_known_rates_are_better_when_they_are_higher(unit: str, metric: str, factor: float) -> None:
    found = unit_named(unit)

    assert (found.metric.name, found.metric.unit) == (metric, Unit.PER_SECOND)
    assert (found.metric.direction, found.metric.guessed) == (Direction.HIGHER, False)
    assert found.factor == pytest.approx(factor)


@pytest.mark.parametrize(("unit", "metric", "factor"), LOWER)
def test_known_times_sizes_and_costs_are_better_when_they_are_lower(unit: str, metric: str, factor: float) -> None:
    found = unit_named(unit)

    assert (found.metric.name, found.metric.direction, found.metric.guessed) == (metric, Direction.LOWER, False)
    assert found.factor == pytest.approx(factor)


@pytest.mark.parametrize("unit", ["points", "%", "", "hits", "score"])
def test_of_any_other_unit_the_direction_is_a_guess(unit: str) -> None:
    assert unit_named(unit).metric.guessed


def one(reader: str, unit: str, value: float = 1.0) -> Run:
    text = json.dumps([{"name": "a", "unit": unit, "value": value}])
    return registry.read(text.encode(), name="x", reader=reader)


@pytest.mark.parametrize(
    ("reader", "unit", "metric", "better"),
    [
        ("custom-bigger", "points", "points", "higher"), ("custom-smaller", "points", "points", "lower"),
        ("custom-bigger", "ms", "time.higher", "higher"), ("custom-smaller", "fps", "fps", "lower"),
        ("custom-bigger", "ops/s", "rate", "higher"), ("custom-smaller", "ms", "time", "lower"),
    ],
)  # fmt: skip
def test_custom_readers_say_which_way_is_better(reader: str, unit: str, metric: str, better: str) -> None:
    (sample,) = one(reader, unit).samples

    found = sample.sli.metric
    assert (found.name, found.direction, found.guessed) == (metric, better, False)


def test_a_direction_that_a_file_states_is_no_guess() -> None:
    csv = read("benchmark,metric,better,value\na,score,higher,1\nb,loss,,1\n")
    go = read("Unit points better=higher\npkg: p\nBenchmarkA 1 2 points\nBenchmarkB 1 3 marks\n")

    assert {s.sli.metric.name: s.sli.metric.guessed for s in csv.samples} == {"score": False, "loss": True}
    assert {s.sli.metric.name: s.sli.metric.guessed for s in go.samples} == {"points": False, "marks": True}


def test_what_makes_no_sense_fails_its_metric_alone() -> None:
    text = "benchmark,metric,unit,value\na,time,s,1\na,loss,,nan\nb,time,s,-1\nb,loss,,-2\nc,time,s,0\n"
    run = read(text)

    assert levels(run) == {"a:time": 1.0, "b:loss": -2.0}
    assert {f.benchmark.name: (f.reason, f.metrics) for f in run.failures} == {
        "a": (Reason.BAD_VALUE, ("loss",)),
        "b": (Reason.BAD_VALUE, ("time",)),
        "c": (Reason.BAD_VALUE, ()),
    }


def test_values_of_several_metrics_that_make_no_sense_are_all_named() -> None:
    (failure,) = read("benchmark,metric,value\na,time,1\na,x,nan\na,y,inf\na,cpu,-1\n").failures

    assert set(failure.metrics) == {"x", "y", "cpu"}
    assert failure.partial


def test_wrk2_s_recorded_latencies_win_over_the_uncorrected_ones() -> None:
    text = """\
Running 30s test @ http://127.0.0.1:80/
  2 threads and 100 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   865.00ms  300.10ms   1.90s    80.00%
    Req/Sec     1.20k   100.00     1.50k    72.00%
  Latency Distribution (HdrHistogram - Recorded Latency)
 50.000%  865.00ms
 90.000%    1.71s
 99.000%    1.89s

  Latency Distribution (HdrHistogram - Uncorrected Latency (measured without taking delayed starts into account))
 50.000%    4.08ms
 90.000%    5.53ms
 99.000%   11.69ms
  39500 requests in 30.00s, 31.00MB read
Requests/sec:   1316.60
"""
    found = levels(read(text))

    assert [found[f"total:latency.p{q}"] for q in (50, 90, 99)] == pytest.approx([0.865, 1.71, 1.89])
    assert (found["total:latency.mean"], found["total:latency.max"]) == pytest.approx((0.865, 1.9))


HYPERFINE = {"mean": 1.0, "stddev": 0.1, "median": 1.0, "user": 0.5, "system": 0.1, "times": [1.0, 1.0]}


def hyperfine(*results: dict[str, object]) -> str:
    return json.dumps({"results": [{**HYPERFINE, **result} for result in results]})


def test_hyperfine_s_parameters_tell_results_apart() -> None:
    branches = [{"command": "./prog", "parameters": {"branch": name}} for name in ("main", "feature")]
    sizes = [{"command": f"./prog {n}", "parameters": {"n": str(n)}} for n in (1, 2)]

    assert {f.partition(":")[0] for f in levels(read(hyperfine(*branches)))} == {
        "./prog[branch=main]", "./prog[branch=feature]",
    }  # fmt: skip
    assert {f.partition(":")[0] for f in levels(read(hyperfine(*sizes)))} == {"./prog 1", "./prog 2"}
    alone = levels(read(hyperfine(branches[0])))
    assert set(alone) == {"./prog[branch=main]:time", "./prog[branch=main]:cpu"}, "a name depends on no other result"
    with pytest.raises(FileError, match="two benchmarks are called"):
        read(hyperfine({"command": "x"}, {"command": "x"}))


def test_go_s_configurations_stay_apart_and_gomaxprocs_is_a_fact() -> None:
    lines = "BenchmarkX-4 100 {} ns/op\n"
    two = "goos: linux\ngoarch: amd64\npkg: p\nnote: before\n" + lines.format(100) + "note: after\n" + lines.format(50)
    run = read(two)

    assert levels(run) == pytest.approx({"p.BenchmarkX[note=before]:time": 1e-7, "p.BenchmarkX[note=after]:time": 5e-8})
    assert dict(run.environment.facts) == {"goos": "linux", "goarch": "amd64", "gomaxprocs": "4"}
    systems = read("goos: linux\ngoarch: amd64\n" + lines.format(1) + "goos: darwin\n" + lines.format(2))
    assert set(levels(systems)) == {"BenchmarkX[goos=linux]:time", "BenchmarkX[goos=darwin]:time"}
    assert "goos" not in dict(systems.environment.facts)
    several = read("goos: linux\ngoarch: amd64\nBenchmarkX 1 3 ns/op\nBenchmarkX-2 1 2 ns/op\n")
    assert set(levels(several)) == {"BenchmarkX:time", "BenchmarkX-2:time"}


def test_go_files_without_a_system_or_a_cost_an_operation_are_recognised() -> None:
    assert levels(read("BenchmarkSize 1 100 text-bytes\n")) == {"BenchmarkSize:text-bytes": 100.0}
    assert set(levels(read("BenchmarkRead 10 250 MB/s\n"))) == {"BenchmarkRead:bytes-per-second"}


def test_go_s_other_number_of_cpus_is_another_environment_and_nothing_missing(project: Project) -> None:
    for name, cpus in (("base.txt", 8), ("head.txt", 4)):
        project.put(name, f"goos: linux\ngoarch: amd64\npkg: x\nBenchmarkA-{cpus} 100 12 ns/op 0 B/op 0 allocs/op\n")

    done = project.perfgate("compare", "base.txt", "head.txt")

    assert done.returncode == 0, done.stdout
    assert "gomaxprocs: 8 against 4" in done.stdout


def test_go_events_are_read_as_the_text_that_they_hold() -> None:
    text = "goos: linux\ngoarch: amd64\npkg: p\nBenchmarkA-2 \t 100\t 12.5 ns/op\n--- FAIL: BenchmarkB\nFAIL\n"
    parts = [text[:60], text[60:]]
    events = [{"Time": "2026-01-01T00:00:00Z", "Action": "start", "Package": "p"}]
    events += [{"Action": "output", "Package": "p", "Output": part} for part in parts]
    events += [{"Action": "fail", "Package": "p", "Elapsed": 0.1}]
    run = read("".join(json.dumps(event) + "\n" for event in events))

    assert levels(run) == pytest.approx({"p.BenchmarkA:time": 12.5e-9})
    assert failures(run) == {"p.BenchmarkB": Reason.RAISED}


def test_java_s_not_a_number_in_quotes_fails_its_metric() -> None:
    good = {
        "benchmark": "a.B.c",
        "mode": "avgt",
        "primaryMetric": {"score": 1.5, "scoreUnit": "ns/op", "rawData": [[1.5]]},
    }
    bad = {
        "benchmark": "a.B.d", "mode": "avgt",
        "primaryMetric": {"score": "NaN", "scoreUnit": "ns/op", "rawData": [["NaN"]]},
        "secondaryMetrics": {"·gc.alloc.rate.norm": {"score": 24.0, "scoreUnit": "B/op", "rawData": [[24.0, 24.0]]}},
    }  # fmt: skip
    run = read(json.dumps([good, bad]))

    assert levels(run) == pytest.approx({"a.B.c:time": 1.5e-9, "a.B.d:gc.alloc.rate.norm": 24.0})
    assert {f.benchmark.name: f.metrics for f in run.failures} == {"a.B.d": ("time",)}
    (exact,) = [s.sli.metric for s in run.samples if s.sli.metric.name == "gc.alloc.rate.norm"]
    assert (exact.kind, exact.unit, exact.diagnostic) == (Kind.EXACT, Unit.BYTE, True)


def test_jmh_s_sampled_times_keep_their_forks() -> None:
    metric = {"score": 2.0, "scoreUnit": "us/op", "rawDataHistogram": [[[[1.0, 3], [5.0, 1]]], [[[2.0, 2]]]]}
    run = read(json.dumps([{"benchmark": "a.B.c", "mode": "sample", "primaryMetric": metric}]))

    assert values(run)["a.B.c:sample:time"] == ((pytest.approx(2e-6),), (pytest.approx(2e-6),))


def test_jmh_s_csv() -> None:
    text = (
        '"Benchmark","Mode","Threads","Samples","Score","Score Error (99.9%)","Unit","Param: n"\n'
        '"a.B.c","avgt",1,5,12.5,0.3,"ns/op",10\n"a.B.c","avgt",1,5,125,0.3,"ns/op",100\n'
        '"a.B.c:·gc.alloc.rate.norm","avgt",1,5,"24,5",0.0,"B/op",10\n"a.B.d","thrpt",1,5,3.5,NaN,"ops/us",\n'
    )

    assert levels(read(text)) == pytest.approx({
        "a.B.c[n=10]:time": 12.5e-9, "a.B.c[n=100]:time": 125e-9, "a.B.c[n=10]:gc.alloc.rate.norm": 24.5,
        "a.B.d:thrpt:rate": 3.5e6,
    })  # fmt: skip


WRK = "Running 1s test @ http://x\n    Latency     5.00ms  1.00ms   9.00ms   90.00%\n  {} requests in 1.00s, 1MB read\n{}Requests/sec: 10\n"
K6 = {"metrics": {"http_req_duration": {"avg": 0, "max": 0, "p(95)": 0}, "http_reqs": {"count": 400, "rate": 40}}}
LOCUST = {
    "name": "/", "method": "GET", "num_requests": 100, "num_failures": 100, "start_time": 1.0, "max_response_time": 5.0,
    "last_request_timestamp": 3.0, "response_times": {"5": 100},
}  # fmt: skip
FAILED = {
    "wrk": (WRK.format(2000, "  Non-2xx or 3xx responses: 2000\n"), "2,000 of 2,000 requests failed"),
    "wrk, nothing": (WRK.format(0, ""), "there were no requests"),
    "k6": (
        json.dumps({"metrics": {**K6["metrics"], "http_req_failed": {"passes": 400, "fails": 0, "value": 1}}}),
        "400 of 400 requests failed",
    ),
    "locust": (json.dumps([LOCUST]), "100 of 100 requests failed"),
    "autocannon": (
        json.dumps({
            "latency": {"mean": 1, "p50": 1, "p90": 1, "p99": 1, "max": 1}, "requests": {"mean": 10}, "errors": 0,
            "non2xx": 60, "2xx": 40,
        }),
        "60 of 100 requests failed",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", FAILED)
def test_a_load_of_which_most_requests_failed_has_failed_and_shows_no_latency(kind: str) -> None:
    text, said = FAILED[kind]
    run = read(text)

    assert levels(run) == {}
    assert {failure.text for failure in run.failures} == {said}
    assert set(failures(run).values()) == {Reason.NOTHING}


def test_k6_s_checks_are_a_benchmark_and_an_unknown_quantile_is_left_out() -> None:
    run = load("k6/machine.json")

    found = levels(run)
    assert found["checks:errors"] == pytest.approx(0.1)
    assert found["total:errors"] == pytest.approx(0.05)
    assert found["total:latency.p95"] == pytest.approx(0.21595)
    assert "total:latency.p99" not in found
    points = [
        {"type": "Point", "metric": "checks", "data": {"value": value, "tags": {"check": "logged in"}}}
        for value in (1, 1, 0)
    ]
    points += [{"type": "Point", "metric": "http_req_duration", "data": {"value": 5, "tags": {}}}]
    said = levels(read("\n".join(map(json.dumps, [{"type": "Metric", "metric": "checks", "data": {}}, *points]))))
    assert (said["checks:errors"], said["checks/logged in:errors"]) == (pytest.approx(1 / 3), pytest.approx(1 / 3))


def test_a_placeholder_is_no_commit() -> None:
    file = {
        "machine_info": {}, "version": "4", "commit_info": {"id": "unversioned"},
        "benchmarks": [{"fullname": "a", "stats": {"median": 1.0}}],
    }  # fmt: skip

    assert read(json.dumps(file)).revision.commit is None


def test_google_benchmark_s_older_aggregates_are_no_benchmarks_and_counters_are_metrics() -> None:
    rows = [
        {"name": "A", "iterations": 1, "real_time": 10, "cpu_time": 9, "time_unit": "ns", "items_per_second": 5.0, "hits": 3},
        {"name": "A", "iterations": 1, "real_time": 12, "cpu_time": 9, "time_unit": "ns", "items_per_second": 7.0, "hits": 5},
        *({"name": f"A_{word}", "iterations": 2, "real_time": 1, "cpu_time": 1, "time_unit": "ns"} for word in
          ("mean", "median", "stddev")),
    ]  # fmt: skip
    run = read(json.dumps({"context": {}, "benchmarks": rows}))

    assert levels(run) == pytest.approx({"A:time": 11e-9, "A:cpu": 9e-9, "A:items-per-second": 6.0, "A:hits": 4.0})
    counters = {s.sli.metric.name: s.sli.metric for s in run.samples}
    assert (counters["items-per-second"].direction, counters["hits"].guessed) == (Direction.HIGHER, True)
    assert all(counters[name].diagnostic for name in ("items-per-second", "hits"))


def test_the_head_of_a_csv_may_be_written_as_spreadsheets_write_it() -> None:
    for head, line in (
        ("Benchmark,Value", "a,1"),
        ("benchmark, value", "a, 1"),
        ("Benchmark;Value", "a;1"),
        ("BENCHMARK\tVALUE", "a\t1"),
    ):
        assert levels(read(f"{head}\n{line}\n")) == {"a:time": 1.0}, head
    with pytest.raises(FileError, match="not a result file") as caught:
        read("name,duration\na,1\n")
    assert "benchmark and value" in str(caught.value.hint)


def test_asv_s_first_version_and_what_it_prints() -> None:
    old = load("asv/version-1.json")

    assert levels(old) == pytest.approx(
        {"sums.time_sum:time": 0.0125, "sums.track_answer:value": 42, "sums.Sums.time_sum(10):time": 0.001}
    )
    assert failures(old) == {"sums.time_broken": Reason.RAISED, "sums.Sums.time_sum(1000)": Reason.SKIPPED}
    assert old.revision.commit == "13da0f0b" * 5
    text = (load.__globals__["DATA"] / "asv" / "samples.txt").read_text(encoding="utf-8")
    printed, whole = read(text), levels(load("asv/samples.json"))
    found = levels(printed)
    assert found["sums.mem_list:bytes"] == pytest.approx(whole["sums.mem_list:bytes"], rel=0.01)
    assert found["sums.Sums.time_sum(10, list):time"] == pytest.approx(
        whole["sums.Sums.time_sum(10, 'list'):time"], rel=0.01
    )
    assert failures(printed) == {"sums.Sums.time_sum(1000, tuple)": Reason.SKIPPED, "sums.time_broken": Reason.RAISED}


def test_convert_says_what_it_leaves_out(project: Project) -> None:
    broken = {"name": "A", "iterations": 0, "error_occurred": True, "error_message": "no disk"}
    project.put("gb.json", json.dumps({"context": {}, "benchmarks": [broken]}))
    project.put("load.txt", WRK.format(100, ""))

    nothing = project.perfgate("convert", "gb.json", "--to", "csv")
    some = project.perfgate("convert", "load.txt", "--to", "csv")

    assert nothing.returncode == 3
    assert "left out: google-benchmark/A: raised: no disk" in nothing.stderr
    assert some.returncode == 0
    assert re.search(r"left out: wrk/total:errors: .*a share of", some.stderr)


@pytest.mark.parametrize(
    ("writer", "left_out", "code"),
    [
        ("custom-bigger", {"a:time", "a:cpu"}, 3),
        ("custom-smaller", set(), 0),
        ("bmf", set(), 0),
        ("csv", set(), 0),
        ("pyperf", {"a:cpu"}, 0),
        ("run", set(), 0),
    ],
)
def test_every_format_names_what_it_cannot_hold(project: Project, writer: str, left_out: set[str], code: int) -> None:
    project.put(
        "r.csv", "benchmark,metric,unit,process,value\na,time,ns,1,5\na,time,ns,2,6\na,cpu,s,1,0\na,cpu,s,2,1\n"
    )

    done = project.perfgate("convert", "r.csv", "--to", writer)

    assert done.returncode == code, done.stderr
    assert {line.split(": ")[2] for line in done.stderr.splitlines() if "left out" in line} == {
        f"csv/{name}" for name in left_out
    }
    assert ("the median" in done.stderr) is (writer in ("custom-smaller", "bmf"))


def test_a_result_file_is_recorded_for_the_commit_that_it_is_said_to_be_of(project: Project) -> None:
    project.commit("x", perfgate_toml='[baseline]\ndirectory = "store"\n')
    project.put("j.json", '[{"name": "job", "unit": "ns", "value": 100}]')

    without = project.perfgate("record", "j.json")
    done = project.perfgate("record", "j.json", "--commit", "HEAD")
    run = project.perfgate("convert", "j.json", "--commit", "HEAD")
    shown = project.perfgate("baseline", "show", "HEAD")

    assert without.returncode == 2
    assert "perfgate record FILE --commit HEAD" in without.stderr
    assert done.returncode == 0, done.stderr
    assert json.loads(run.stdout)["run"]["revision"]["commit"] == project.git("rev-parse", "HEAD").strip()
    assert "custom/job:time" in shown.stdout


def test_a_file_that_its_shape_does_not_tell_is_compared_by_name(project: Project) -> None:
    for name, value in (("a.json", 60), ("b.json", 30)):
        project.put(name, json.dumps([{"name": "scene", "unit": "points", "value": value}]))

    guessed = project.perfgate("compare", "a.json", "b.json")
    stated = project.perfgate("compare", "a.json", "b.json", "--from", "custom-bigger")

    assert "which way is better is a guess" in guessed.stdout
    assert "which way is better is a guess" not in stated.stdout


@pytest.mark.parametrize("share", [-0.1, 1.5, 1e308])
def test_a_share_of_requests_that_cannot_be_is_refused(share: float) -> None:
    text = json.dumps({"metrics": {**K6["metrics"], "http_req_failed": {"value": share}}})

    with pytest.raises(FileError, match="http_req_failed is"):
        read(text)
