"""Facts of this machine and of a side's interpreter that decide which runs may be compared."""

import os
import platform
from pathlib import Path

from perfgate.core.model import Environment


def environment(python: tuple[tuple[str, str], ...] = ()) -> Environment:
    """Return the facts of the machine, with those of the interpreter that measured."""
    facts = {
        "cpu": _cpu_model(),
        "cores": str(os.cpu_count() or 0),
        "system": platform.system(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "libc": " ".join(platform.libc_ver()).strip(),
        "image": os.environ.get("ImageOS", "") + os.environ.get("ImageVersion", ""),
    }
    return Environment(facts=tuple((name, value) for name, value in (*facts.items(), *python) if value))


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def ci_job() -> str:
    """Return which CI job this is, as its address; empty elsewhere."""
    parts = [os.environ.get(name, "") for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")]
    attempt = os.environ.get("GITHUB_RUN_ATTEMPT", "1")
    return f"{parts[0]}/{parts[1]}/actions/runs/{parts[2]}/attempts/{attempt}" if all(parts) else ""
