"""The directory in which perfgate keeps what the next run can use: prepared sides, and what was found out."""

import hashlib
import os
from pathlib import Path

from platformdirs import user_cache_path

CACHE = "PERFGATE_CACHE"
OTHER_CACHE = f"set {CACHE} to a directory that you may write to"


def cache_root() -> Path:
    """Return where it is: `PERFGATE_CACHE`, or the system's cache directory."""
    return Path(os.environ.get(CACHE) or user_cache_path("perfgate")).absolute()


def cache_of(common_directory: Path) -> Path:
    """Return the part of it that belongs to the repository with this git directory."""
    return cache_root() / hashlib.sha256(str(common_directory).encode()).hexdigest()[:10]
