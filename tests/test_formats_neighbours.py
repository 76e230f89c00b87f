# ruff: noqa: E501 - what tools print is as wide as it is
"""Formats that other gates read as well: what the files in tests/data say, and what their text looks like elsewhere."""

import base64
import json
import re
import struct
import zlib

import pytest

from perfgate import registry
from perfgate.core.model import Kind, Reason
from perfgate.errors import FileError
from perfgate.formats import hdr
from tests.test_formats import levels, load, printed, values
from tests.test_formats_odd import failures, read


def test_libtest_and_what_criterion_writes_like_it() -> None:
    text = (
        "\nrunning 3 tests\ntest tests::plain ... ignored\n"
        "test sums::all ... bench:       1,234 ns/iter (+/- 56) = 120 MB/s\n"
        "test sums::few   ... bench:          12.51 ns/iter (+/- 0.04)\ntest sums::broken ... FAILED\n\n"
        "test result: FAILED. 0 passed; 1 failed; 1 ignored; 2 measured\n"
    )
    run = read(text)

    assert levels(run) == pytest.approx(
        {"sums::all:time": 1234e-9, "sums::all:bytes-per-second": 120e6, "sums::few:time": 12.51e-9}
    )
    assert failures(run) == {"sums::broken": Reason.RAISED}


def test_criterion_s_text_and_estimates() -> None:
    assert levels(load("criterion/printed.out")) == pytest.approx({
        "parse/10:time": 1.5012e-6,
        "a group with a rather long name/and a benchmark of a long name:time": 3.01e-3,
    })  # fmt: skip
    assert levels(load("criterion/parse/20/new/estimates.json")) == pytest.approx({"parse/20:time": 3008e-9})


def test_gungraun_s_text_and_json_and_iai_s_text_are_exact() -> None:
    run, lines, old = load("gungraun/text.out"), load("gungraun/summary.json"), load("gungraun/iai.out")

    short = "my_lib::sums::sum_all short:vec! [1 ; 10]"
    assert levels(run)[f"{short}:instructions"] == 1734
    assert levels(run)[f"{short}:estimated-cycles"] == 2464
    assert len({s.sli.benchmark for s in run.samples}) == 2
    assert levels(lines) == {
        "sums::group::sum_all::short:instructions": 1734, "sums::group::sum_all::short:l1-hits": 2359,
        "sums::group::sum_all::short:ll-hits": 0, "sums::group::sum_all::short:ram-hits": 3,
        "sums::group::sum_all::short:estimated-cycles": 2464, "sums::group::sum_all::long:instructions": 26214734,
        "sums::group::sum_all::long:estimated-cycles": 35638769,
    }  # fmt: skip
    assert levels(old)["bench_fibonacci_long:instructions"] == 26214735
    assert {s.sli.metric.kind for each in (run, lines, old) for s in each.samples} == {Kind.EXACT}
    judged = [s.sli.metric.name for s in run.samples if not s.sli.metric.diagnostic]
    assert set(judged) == {"instructions"}


def test_benchmark_js() -> None:
    run = read("fib(10) x 1,431,759 ops/sec ±0.74% (93 runs sampled)\n/o/.test x 12.5 ops/sec ±2.10% (34 runs sampled)\n"
               "broken: TypeError: x is not a function\nFastest is fib(10)\n")  # fmt: skip

    assert levels(run) == {"fib(10):rate": 1431759.0, "/o/.test:rate": 12.5}
    assert failures(run) == {"broken": Reason.RAISED}


def test_julia_s_groups_trials_and_estimates() -> None:
    run = load("julia/suite.json")

    assert values(run)["sums/small:time"] == (
        (pytest.approx(120.5e-9), pytest.approx(121e-9), pytest.approx(119.5e-9)),
    )
    found = levels(run)
    assert (found["sums/small:allocations"], found["sums/small:allocated-bytes"]) == (2, 128)
    assert (found["sums/large:time"], found["sums/large:allocations"]) == (pytest.approx(98e-6), 0)
    assert dict(run.environment.facts) == {"julia": "1.10.2"}


@pytest.mark.parametrize("value", [".4.29", "1,5,9,"])
def test_what_asv_prints_in_place_of_a_number_is_no_number(value: str) -> None:
    run = registry.read(f"[100.00%] ··· sums.time_a      {value}\n".encode(), name="x", reader="asv")

    assert failures(run).keys() == {"sums.time_a"}


def test_oha_bombardier_and_gatling() -> None:
    oha, bombardier, gatling = (
        levels(load(f"{name}")) for name in ("oha/good.json", "bombardier/good.json", "gatling/stats.json")
    )

    assert oha == pytest.approx({
        "total:latency.mean": 0.0025, "total:latency.max": 0.0214, "total:latency.p50": 0.0021, "total:latency.p90": 0.0041,
        "total:latency.p95": 0.0055, "total:latency.p99": 0.0102, "total:throughput": 1996.0, "total:errors": 0.01,
    })  # fmt: skip
    assert bombardier == pytest.approx({
        "total:latency.mean": 2510.4e-6, "total:latency.max": 21.4e-3, "total:latency.p50": 2.1e-3,
        "total:latency.p90": 4.1e-3, "total:latency.p95": 5.5e-3, "total:latency.p99": 10.2e-3,
        "total:throughput": 1996.2, "total:errors": 8 / 2000,
    })  # fmt: skip
    assert gatling["total:errors"] == 0.01
    assert (gatling["home:latency.p99"], gatling["shop/buy:latency.p50"]) == (pytest.approx(0.08), pytest.approx(0.045))
    assert gatling["total:latency.mean"] == pytest.approx(0.032), "of the requests that succeeded"


def test_phpbench_by_class_subject_and_parameters() -> None:
    run = load("phpbench/sums.xml")

    assert values(run)["Demo\\SumBench::benchSum:time"] == ((pytest.approx(1.01e-6),), (pytest.approx(1.03e-6),))
    assert levels(run)["Demo\\SumBench::benchSum[many]:time"] == pytest.approx(500e-6)
    assert levels(run)["Demo\\SumBench::benchSum:peak-memory"] == 524288
    assert {f.benchmark.name: f.text for f in run.failures} == {"Demo\\SumBench::benchBroken": "no disk"}


def test_jmeter_s_lines_and_elements() -> None:
    lines = (
        "timeStamp,elapsed,label,responseCode,responseMessage,threadName,success,bytes\n"
        "1700000000000,100,home,200,OK,t 1-1,true,10\n1700000000500,300,home,200,OK,t 1-1,true,10\n"
        '1700000001000,5,buy,500,"no, sorry",t 1-1,false,10\n1700000001500,200,buy,200,OK,t 1-1,true,10\n'
    )
    found = levels(read(lines))

    assert found["home:latency.max"] == pytest.approx(0.3)
    assert (found["buy:errors"], found["total:errors"]) == (0.5, 0.25)
    assert found["buy:latency.mean"] == pytest.approx(0.2, rel=0.01), "a failure's 5 ms are no latency"
    assert found["total:throughput"] == pytest.approx(4 / 1.7)
    xml = (
        '<?xml version="1.0"?><testResults version="1.2"><httpSample t="100" lt="90" ts="1700000000000" s="true" lb="home">'
        '<java.net.URL>http://x</java.net.URL></httpSample><sample t="50" ts="1700000000200" s="true" lb="home"/></testResults>'
    )
    assert levels(read(xml))["home:latency.max"] == pytest.approx(0.1)
    with pytest.raises(FileError, match="line 2"):
        read("timeStamp,elapsed,label,success\nnow,1,a,true\n")


AB = """\
This is ApacheBench, Version 2.3 <$Revision: 1903618 $>
Complete requests:      1000
Failed requests:        12
   (Connect: 0, Receive: 0, Length: 9, Exceptions: 0)
Non-2xx responses:      5
Requests per second:    2500.12 [#/sec] (mean)

Connection Times (ms)
              min  mean[+/-sd] median   max
Total:          1    4   2.1      3      31

Percentage of the requests served within a certain time (ms)
  50%      3
  66%      4
  90%      7
  95%      9
  99%     12
 100%     31 (longest request)
"""


def test_ab_counts_what_broke_off_or_was_refused() -> None:
    assert levels(read(AB)) == pytest.approx({
        "total:latency.p50": 0.003, "total:latency.p90": 0.007, "total:latency.p95": 0.009, "total:latency.p99": 0.012,
        "total:latency.mean": 0.004, "total:latency.max": 0.031, "total:throughput": 2500.12, "total:errors": 0.008,
    })  # fmt: skip
    with pytest.raises(FileError, match="not whole"):
        read("This is ApacheBench, Version 2.3\nBenchmarking 127.0.0.1 (be patient)\n")


def test_iperf3_s_intervals_and_what_broke_off() -> None:
    interval = {"sum": {"bits_per_second": 1e9, "omitted": False}}
    said = {
        "start": {"test_start": {"protocol": "TCP", "reverse": 0}},
        "intervals": [{"sum": {"bits_per_second": 1.0, "omitted": True}}, interval, {"sum": {"bits_per_second": 2e9}}],
        "end": {"sum_sent": {"bits_per_second": 1.5e9, "retransmits": 3}},
    }

    assert levels(read(json.dumps(said))) == {"TCP:bits-per-second": 1.5e9, "TCP:retransmits": 3}
    udp = {**said, "start": {"test_start": {"protocol": "UDP", "reverse": 1}},
           "end": {"sum": {"bits_per_second": 1e9, "jitter_ms": 0.02, "lost_percent": 1.5}}}  # fmt: skip
    assert levels(read(json.dumps(udp)))["UDP/reverse:lost"] == pytest.approx(0.015)
    broken = {"start": {}, "intervals": [], "end": {}, "error": "unable to connect to server"}
    assert failures(read(json.dumps(broken))) == {"TCP": Reason.RAISED}


def test_fio_s_jobs_by_what_they_did() -> None:
    side = {
        "total_ios": 100, "iops": 5000.5, "bw_bytes": 20480000,
        "clat_ns": {"mean": 2000.0, "max": 9000, "percentile": {"50.000000": 1800, "99.000000": 8000}},
    }  # fmt: skip
    said = {
        "fio version": "fio-3.33",
        "jobs": [
            {"jobname": "seq", "error": 0, "read": side, "write": {"total_ios": 0}},
            {"jobname": "bad", "error": 28},
            {"jobname": "full", "error": 28, "write": side},
            {"jobname": "idle", "error": 0},
        ],
    }
    run = read(json.dumps(said))

    assert levels(run) == pytest.approx({
        "seq/read:iops": 5000.5, "seq/read:bytes-per-second": 20480000, "seq/read:latency.mean": 2e-6,
        "seq/read:latency.max": 9e-6, "seq/read:latency.p50": 1.8e-6, "seq/read:latency.p99": 8e-6,
    })  # fmt: skip
    assert failures(run) == {"bad": Reason.RAISED, "full/write": Reason.RAISED, "idle": Reason.NOTHING}


PGBENCH = """\
pgbench (15.8 (Debian 15.8-0+deb12u1))
transaction type: <builtin: TPC-B (sort of)>
scaling factor: 1
number of transactions actually processed: 990/1000
number of failed transactions: 10 (1.000%)
latency average = 1.234 ms
initial connection time = 9.876 ms
tps = 810.123456 (without initial connection time)
"""


def test_pgbench_of_newer_and_older_versions() -> None:
    name = "<builtin: TPC-B (sort of)>"
    assert levels(read(PGBENCH)) == pytest.approx(
        {f"{name}:latency.mean": 1.234e-3, f"{name}:throughput": 810.123456, f"{name}:errors": 0.01}
    )
    older = (
        "transaction type: t.sql\nscaling factor: 1\nnumber of transactions actually processed: 100\n"
        "latency average = 2.0 ms\ntps = 80.1 (including connections establishing)\n"
        "tps = 85.2 (excluding connections establishing)\n"
    )
    assert levels(read(older))["t.sql:throughput"] == 85.2


SYSBENCH = """\
sysbench 1.0.20 (using system LuaJIT 2.1.0-beta3)

CPU speed:
    events per second:  1500.25

General statistics:
    total time:                          10.0005s
    total number of events:              15004

Latency (ms):
         min:                                    0.60
         avg:                                    0.66
         max:                                    5.12
         95th percentile:                        0.72
         sum:                                 9990.12
"""


def test_sysbench_s_rate_and_latencies() -> None:
    assert levels(read(SYSBENCH)) == pytest.approx({
        "run:throughput": 1500.25, "run:latency.mean": 0.66e-3, "run:latency.max": 5.12e-3, "run:latency.p95": 0.72e-3,
    })  # fmt: skip
    memory = SYSBENCH.replace(
        "CPU speed:\n    events per second:  1500.25",
        "Total operations: 1000 ( 5000.50 per second)\n\n1000.00 MiB transferred (4883.30 MiB/sec)",
    )
    assert levels(read(memory))["run:bytes-per-second"] == pytest.approx(4883.30 * 2**20)
    with pytest.raises(FileError, match="not whole"):
        read(SYSBENCH[:120])


def test_ruby_s_rates_and_times() -> None:
    ips = (
        "Calculating -------------------------------------\n"
        "                fast     12.345M (± 1.2%) i/s   (81.00 ns/i) -     61.725M in   5.000123s\n"
        "                slow    345.600 (± 3.0%) i/s -      1.750k in   5.066000s\n\nComparison:\n"
        "                fast: 12345000.0 i/s\n                slow:      345.6 i/s - 35720x  slower\n"
    )
    table = (
        "                 user     system      total        real\nfor:           1.010000   0.010000   1.020000 (  1.030000)\n"
        "times:         2.000000   0.000000   2.000000 (  2.100000)\n"
    )

    assert levels(read(ips)) == pytest.approx({"fast:rate": 12.345e6, "slow:rate": 345.6})
    assert levels(read(table)) == pytest.approx(
        {"for:time": 1.03, "for:cpu": 1.02, "times:time": 2.1, "times:cpu": 2.0}
    )
    said = [{"name": "fast", "ips": 10.5, "stddev": 1, "microseconds": 5e6, "iterations": 50, "cycles": 5}]
    assert levels(read(json.dumps(said))) == {"fast:rate": 10.5}


CATCH2 = """\
~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
bench is a Catch2 v3.4.0 host application.
Run with -? for options

-------------------------------------------------------------------------------
sums
-------------------------------------------------------------------------------
bench.cpp:9
...............................................................................

benchmark name                       samples       iterations    est run time
                                     mean          low mean      high mean
                                     std dev       low std dev   high std dev
-------------------------------------------------------------------------------
accumulate                                     100            10     1.2360 ms
                                        1.2363 us     1.2320 us     1.2420 us
                                        25.363 ns     18.142 ns     36.242 ns

a benchmark of a name that takes more
than one line                                  100             1     3.0000 ms
                                        30.000 us     29.000 us     31.000 us
                                        1.0000 us     1.0000 us     1.0000 us

"""


def test_catch2_s_table() -> None:
    assert levels(read(CATCH2)) == pytest.approx({
        "sums/accumulate:time": 1.2363e-6, "sums/a benchmark of a name that takes more than one line:time": 30e-6,
    })  # fmt: skip


def test_google_benchmark_s_csv_and_console() -> None:
    csv = (
        "name,iterations,real_time,cpu_time,time_unit,bytes_per_second,items_per_second,label,error_occurred,error_message,hits\n"
        '"Sum/100",1000,10.5,10.4,ns,,5e6,,,,3\n"Sum/100",1000,11.5,10.6,ns,,7e6,,,,5\n"Broken",,,,,,,,true,"no disk",\n'
    )
    console = (
        "Run on (2 X 2400 MHz CPU s)\n------------------------------------\n"
        "Benchmark          Time             CPU   Iterations UserCounters...\n------------------------------------\n"
        "Sum/100         10.5 ns         10.4 ns     66000000 items_per_second=5M/s hits=3\n"
        "Sum/100_mean    10.5 ns         10.4 ns            2\nBroken   ERROR OCCURRED: 'no disk'\n"
    )

    assert levels(read(csv)) == pytest.approx(
        {"Sum/100:time": 11e-9, "Sum/100:cpu": 10.5e-9, "Sum/100:items-per-second": 6e6, "Sum/100:hits": 4}
    )
    assert levels(read(console)) == pytest.approx(
        {"Sum/100:time": 10.5e-9, "Sum/100:cpu": 10.4e-9, "Sum/100:items-per-second": 5e6, "Sum/100:hits": 3}
    )
    assert failures(read(csv)) == failures(read(console)) == {"Broken": Reason.RAISED}


def test_hyperfine_s_and_locust_s_csv() -> None:
    hyperfine = (
        "command,mean,stddev,median,user,system,min,max,parameter_n\n"
        "sleep 0.1,0.1012,0.0005,0.1011,0.001,0.002,0.1005,0.102,0.1\n./run,1.5,0.1,1.4,1.0,0.2,1.3,1.7,7\n"
    )
    locust = (
        "Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,Min Response Time,Max Response Time,"
        "Average Content Size,Requests/s,Failures/s,50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%\n"
        "GET,/,90,0,3,4.5,1,20,12,9.0,0.0,3,4,4,5,7,9,12,15,20,20,20\nGET,/gone,10,10,2,2.1,1,3,0,1.0,1.0,2,2,2,2,3,3,3,3,3,3,3\n"
        ",Aggregated,100,10,3,4.2,1,20,11,10.0,1.0,3,4,4,5,7,9,12,15,20,20,20\n"
    )

    assert levels(read(hyperfine)) == pytest.approx(
        {"sleep 0.1:time": 0.1011, "sleep 0.1:cpu": 0.003, "./run[n=7]:time": 1.4, "./run[n=7]:cpu": 1.2}
    )
    found = read(locust)
    assert levels(found)["GET /:latency.p95"] == pytest.approx(0.009)
    assert (levels(found)["total:errors"], levels(found)["total:throughput"]) == (0.1, 10.0)
    assert failures(found) == {"GET /gone": Reason.NOTHING}


def encoded(version: int, word: int, counts: list[int]) -> str:
    """Return a histogram of two digits as versions 0 and 1 of the format have it."""
    form = {2: ">h", 4: ">i", 8: ">q"}[word]
    data = b"".join(struct.pack(form, count) for count in counts)
    cookies = {0: (0x1C849308, 0x1C849309), 1: (0x1C849301, 0x1C849302)}[version]
    plain = cookies[0] | word << 4
    head = (
        struct.pack(">iiqqq", plain, 2, 1, 10**9, sum(counts))
        if version == 0
        else struct.pack(">iiiiqqd", plain, len(data), 0, 2, 1, 10**9, 1.0)
    )
    packed = zlib.compress(head + data)
    return base64.b64encode(struct.pack(">ii", cookies[1] | word << 4, len(packed)) + packed).decode()


@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize("word", [2, 4, 8])
def test_histograms_of_older_encodings(version: int, word: int) -> None:
    counts = [0] * 300
    counts[5], counts[200], counts[260] = 2, 1, 3

    found = hdr.decoded(encoded(version, word, counts), where="x")

    assert found == {5: 2, 200: 1, 265: 3}, "from 256 on two values share a place"
    log = f"#[StartTime: 0]\n0.0,1.0,5.0,{encoded(version, word, counts)}\n"
    assert levels(registry.read(log.encode(), name="x"))["total:latency.max"] == pytest.approx(265e-9)


def test_histograms_of_no_known_encoding_are_refused() -> None:
    broken = base64.b64encode(struct.pack(">ii", 0x1C8493F7, 0)).decode()

    with pytest.raises(FileError, match="other than V0, V1 and V2"):
        hdr.decoded(broken, where="x")
    with pytest.raises(FileError, match="damaged"):
        hdr.decoded(encoded(1, 2, [1, -2]), where="x")


def test_older_forms_of_benchmark_dotnet() -> None:
    said = {
        "HostEnvironmentInfo": {},
        "Benchmarks": [
            {
                "Namespace": "Demo", "Type": "Sums", "Method": "Add", "Parameters": "N=10",
                "Statistics": {"Median": 12.5},
                "Measurements": [
                    {"IterationMode": "Result", "LaunchIndex": 1, "Operations": 10, "Nanoseconds": 130.0},
                    {"IterationMode": "MainTarget", "LaunchIndex": 1, "Operations": 10, "Nanoseconds": 900.0},
                ],
            }
        ],
    }  # fmt: skip

    assert levels(read(json.dumps(said))) == pytest.approx({"Demo.Sums.Add(N=10):time": 13e-9})


def test_asv_show_s_text() -> None:
    text = (
        "Commit: 13da0f0b <master>\n\nsums.mem_list [m/existing]\n  8.06k\n  started: 2026-01-01 10:00:00, duration: 1.00s\n\n"
        "sums.time_one [m/existing]\n  ok\n  ====== ===========\n   n                \n  ------ -----------\n"
        "    10    1.21±0.1μs \n   100    12.5±0.2μs \n  ====== ===========\n"
    )
    run = read(text)

    assert levels(run) == pytest.approx(
        {"sums.mem_list:bytes": 8060, "sums.time_one(10):time": 1.21e-6, "sums.time_one(100):time": 12.5e-6}
    )
    assert run.revision.commit == "13da0f0b"


def test_real_files_in_two_forms_say_the_same() -> None:
    ips, text = levels(load("ruby/ips.json")), levels(load("ruby/ips.out"))
    assert text == pytest.approx(ips, rel=1e-3)
    table, whole = levels(load("hyperfine/parameters.csv")), levels(load("hyperfine/parameters.json"))
    assert set(table) == {f"/bin/true[n={n}]:{metric}" for n in (1, 2) for metric in ("time", "cpu")}
    assert table == pytest.approx({name: whole[name] for name in table}, rel=1e-6)
    events = [json.loads(line) for line in printed("go/events.json").splitlines()]
    told = re.findall(
        r"^(Benchmark\S+?)-\d+\s+\d+\s+([\d.]+) ns/op", "".join(e.get("Output", "") for e in events), re.M
    )
    found = values(load("go/events.json"))
    assert len(told) == 4
    for name, nanoseconds in told:
        assert 1e-9 * float(nanoseconds) in found[f"example.org/sums.{name}:time"][0]


def test_real_files_by_what_their_tools_printed() -> None:
    pgbench, rust, old = load("pgbench/usual.out"), load("libtest/sums.out"), load("benchmark-js/cycles.out")
    (rate,) = re.findall(r"^tps = ([\d.]+)", printed("pgbench/usual.out"), re.M)
    assert levels(pgbench)["<builtin: TPC-B (sort of)>:throughput"] == float(rate)
    for name, nanoseconds in re.findall(r"^test (\w+) \.\.\. bench: +([\d.]+) ns", printed("libtest/sums.out"), re.M):
        assert levels(rust)[f"{name}:time"] == pytest.approx(1e-9 * float(nanoseconds))
    for name, ops in re.findall(r"^(\S+) x ([\d,]+) ops/sec", printed("benchmark-js/cycles.out"), re.M):
        assert levels(old)[f"{name}:rate"] == float(ops.replace(",", ""))
    assert failures(old) == {"broken": Reason.RAISED}
    good, refused = load("ab/good.out"), load("ab/refused.out")
    (rate,) = re.findall(r"^Requests per second: +([\d.]+)", printed("ab/good.out"), re.M)
    assert (levels(good)["total:throughput"], levels(good)["total:errors"]) == (float(rate), 0)
    assert failures(refused) == {"total": Reason.NOTHING}
    cpu, memory = levels(load("sysbench/cpu.out")), levels(load("sysbench/memory.out"))
    (rate,) = re.findall(r"events per second: +([\d.]+)", printed("sysbench/cpu.out"))
    (moved,) = re.findall(r"transferred \(([\d.]+) MiB/sec\)", printed("sysbench/memory.out"))
    assert cpu["run:throughput"] == float(rate)
    assert memory["run:bytes-per-second"] == pytest.approx(float(moved) * 2**20)
    said = json.loads(printed("iperf3/tcp.json"))["end"]["sum_sent"]["bits_per_second"]
    assert levels(load("iperf3/tcp.json"))["TCP:bits-per-second"] == pytest.approx(said, rel=0.2)
    assert failures(load("iperf3/refused.json")) == {"TCP": Reason.RAISED}
    (job,) = json.loads(printed("fio/seq.json"))["jobs"]
    assert levels(load("fio/seq.json"))["seq/read:iops"] == job["read"]["iops"]


def test_real_tables_and_consoles_are_read_whole() -> None:
    assert set(levels(load("catch2/console.out"))) == {"sums/accumulate:time", "sums/a & <b>:time"}
    csv, console = load("google-benchmark/repeated.csv"), load("google-benchmark/console.out")
    names = {f"Sum/{n}/min_time:0.010" for n in (100, 10000)}
    for run in (csv, console):
        assert {s.sli.benchmark.name for s in run.samples} == names
        assert {len(process) for s in run.samples for process in s.processes} == {3}
    assert failures(console) == {"Broken": Reason.RAISED}
    assert {s.sli.benchmark.name for s in load("locust/stats.csv").samples} >= {"GET /", "total"}
