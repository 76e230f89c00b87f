"""Reading and comparing 10,000 benchmarks of 100 values, beside pytest-benchmark's own compare and a plain loop.

python -m benchmarks.formats [--benchmarks 10000] [--values 100]

Two files of pytest-benchmark's JSON with all their values. perfgate reads, compares (Mann-Whitney, Hodges-Lehmann, its
interval) and judges: once the files as they are, of one process a side, once with every value as a process of its
own, in perfgate's CSV. `plain` reads with the json module and asks scipy's Mann-Whitney of each, corrected by Holm, as
benchstat would. Each in a process of its own: seconds and peak memory from start to end.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PLAIN = """\
import json, sys
from scipy.stats import mannwhitneyu
sides = [{b["fullname"]: b["stats"]["data"] for b in json.load(open(path))["benchmarks"]} for path in sys.argv[1:]]
found = sorted((mannwhitneyu(sides[0][name], values).pvalue, name) for name, values in sides[1].items())
rejected = 0
for place, (p, name) in enumerate(found):
    if p > 0.05 / (len(found) - place):
        break
    rejected += 1
print(rejected)
"""


def written(path: Path, benchmarks: int, values: int, seed: int) -> None:
    """Write a file of pytest-benchmark's."""
    rng = random.Random(seed)
    rows = []
    for number in range(benchmarks):
        level = 1e-6 * (1 + number % 50)
        data = [level * rng.lognormvariate(0, 0.02) for _ in range(values)]
        ordered = sorted(data)
        stats = {
            "min": ordered[0], "max": ordered[-1], "mean": sum(data) / values, "stddev": level * 0.02, "rounds": values,
            "median": ordered[values // 2], "iqr": level * 0.02, "q1": ordered[values // 4],
            "q3": ordered[3 * values // 4], "iqr_outliers": 0, "stddev_outliers": 0, "outliers": "0;0",
            "ld15iqr": ordered[0], "hd15iqr": ordered[-1], "ops": values / sum(data), "total": sum(data),
            "iterations": 1, "data": data,
        }  # fmt: skip
        name = f"test_{number}"
        rows.append(
            {
                "group": None, "name": name, "fullname": f"tests/test_x.py::{name}", "params": None, "param": None,
                "extra_info": {}, "options": {}, "stats": stats,
            }
        )  # fmt: skip
    machine = {"node": "n", "processor": "", "machine": "x86_64", "python_implementation": "CPython",
               "python_implementation_version": "3.11.7", "python_version": "3.11.7", "python_build": ["", ""],
               "release": "", "system": "Linux", "cpu": {}}  # fmt: skip
    commit = {"id": "0" * 40, "time": "2026-01-01T00:00:00", "dirty": False, "project": "p", "branch": "main"}
    file = {"machine_info": machine, "commit_info": commit, "benchmarks": rows, "datetime": "2026-01-01T00:00:00+00:00",
            "version": "5.1.0"}  # fmt: skip
    path.write_text(json.dumps(file))


def as_processes(source: Path, target: Path) -> None:
    """Write the same values as perfgate's CSV, each as a process of its own: then there is a test to be made."""
    with target.open("w") as file:
        file.write("benchmark,process,value\n")
        for row in json.loads(source.read_text())["benchmarks"]:
            file.writelines(
                f"{row['fullname']},{number},{value!r}\n" for number, value in enumerate(row["stats"]["data"])
            )


def timed(*command: str) -> tuple[float, float]:
    """Run a command; return its seconds and its peak memory in MiB."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        raise SystemExit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return time.monotonic() - start, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 2**20


def main() -> None:
    """Print a row a tool."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.formats")
    parser.add_argument("--benchmarks", type=int, default=10_000)
    parser.add_argument("--values", type=int, default=100)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        home = Path(made)
        files = [str(home / name) for name in ("0001_base.json", "0002_head.json")]
        for seed, path in enumerate(files):
            written(Path(path), given.benchmarks, given.values, seed)
        (home / "plain.py").write_text(PLAIN)
        floor = min(timed(sys.executable, "-c", f"open({files[0]!r}, 'rb').read(); open({files[1]!r}, 'rb').read()")
                    for _ in range(3))  # fmt: skip
        tables = [path.replace(".json", ".csv") for path in files]
        for path, table in zip(files, tables, strict=True):
            as_processes(Path(path), Path(table))
        report = str(home / "report.txt")
        commands = {
            "perfgate compare, the same values as so many processes": (
                sys.executable,
                "-m",
                "perfgate",
                "compare",
                *tables,
                "-o",
                report,
            ),
            "perfgate compare": (sys.executable, "-m", "perfgate", "compare", *files, "-o", report),
            "plain loop over scipy": (sys.executable, str(home / "plain.py"), *files),
            "pytest-benchmark compare": (sys.executable, "-m", "pytest_benchmark", "compare", *files),
        }
        size = sum(Path(path).stat().st_size for path in files) / 2**20
        print(f"{given.benchmarks:,} benchmarks of {given.values} values, two files of {size:.0f} MiB together\n")
        print("| | seconds | / reading the bytes | peak memory |\n|---|---:|---:|---:|")
        print(f"| reading the bytes | {floor[0]:.2f} | 1 | {floor[1]:.0f} MiB |")
        for name, command in commands.items():
            seconds, memory = timed(*command)
            print(f"| {name} | {seconds:.1f} | {seconds / floor[0]:.0f} | {memory:.0f} MiB |", flush=True)


if __name__ == "__main__":
    main()
