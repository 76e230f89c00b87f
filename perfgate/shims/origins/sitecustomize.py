"""Brings perfgate_origins into a Python process, then makes way for the sitecustomize that would have been found."""

import os
import sys

_here = os.path.dirname(os.path.abspath(__file__))
_path = sys.path[:]
sys.path[:] = [os.path.dirname(_here)]
try:
    import perfgate_origins  # noqa: F401 - it listens once it is imported
finally:
    sys.path[:] = [entry for entry in _path if os.path.abspath(entry) != _here]

_mine = sys.modules.pop("sitecustomize", None)
try:
    import sitecustomize  # noqa: F401 - the user's or the system's own
except ImportError:
    if _mine is not None:
        sys.modules["sitecustomize"] = _mine
