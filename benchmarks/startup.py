"""How long `perfgate --help` takes, beside an interpreter that does nothing.

python -m benchmarks.startup
"""

import statistics
import subprocess
import sys
import time

RUNS = 30


def once(*args: str) -> float:
    """Return the milliseconds of one run."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *args], check=True, stdout=subprocess.DEVNULL)
    return 1e3 * (time.perf_counter() - start)


def main() -> None:
    """Run both in turns and print the medians."""
    commands = {"python -c pass": ("-c", "pass"), "perfgate --help": ("-m", "perfgate", "--help")}
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(RUNS):
        for name, args in commands.items():
            times[name].append(once(*args))
    for name, found in times.items():
        print(f"{name}: median {statistics.median(found):.0f} ms, worst {max(found):.0f} ms of {RUNS}")


if __name__ == "__main__":
    main()
