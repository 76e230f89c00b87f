"""A project's configuration of pytest: which files it collects, and the plug-ins that its options belong to."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any

from perfgate.project.files import Files, get, joined

USUAL_FILES = ("test_*.py", "*_test.py")

# Options and keys of plug-ins, as their own documentation names them. What pytest itself has is not here.
_OPTIONS = {
    "--asyncio-mode": "pytest-asyncio",
    "--benchmark-": "pytest-benchmark",
    "--block-network": "pytest-recording",
    "--codspeed": "pytest-codspeed",
    "--cov": "pytest-cov",
    "--no-cov": "pytest-cov",
    "--disable-socket": "pytest-socket",
    "--allow-hosts": "pytest-socket",
    "--dist": "pytest-xdist",
    "--numprocesses": "pytest-xdist",
    "-n": "pytest-xdist",
    "--maxprocesses": "pytest-xdist",
    "--doctest-plus": "pytest-doctestplus",
    "--doctest-rst": "pytest-doctestplus",
    "--ds": "pytest-django",
    "--create-db": "pytest-django",
    "--reuse-db": "pytest-django",
    "--no-migrations": "pytest-django",
    "--nomigrations": "pytest-django",
    "--emoji": "pytest-emoji",
    "--flake8": "pytest-flake8",
    "--html": "pytest-html",
    "--hypothesis-": "hypothesis",
    "--mpl": "pytest-mpl",
    "--mypy": "pytest-mypy",
    "--nbmake": "nbmake",
    "--nbval": "nbval",
    "--picked": "pytest-picked",
    "--random-order": "pytest-random-order",
    "--randomly-": "pytest-randomly",
    "--record-mode": "pytest-recording",
    "--regressions": "pytest-regressions",
    "--reruns": "pytest-rerunfailures",
    "--snapshot-": "syrupy",
    "--sphinx": "pytest-sphinx",
    "--timeout": "pytest-timeout",
    "--typeguard-packages": "typeguard",
    "--unordered": "pytest-unordered",
    "--beartype-packages": "pytest-beartype",
    "--pylint": "pytest-pylint",
    "--forked": "pytest-forked",
    "--sw-": "pytest",
    "--ruff": "pytest-ruff",
    "--black": "pytest-black",
    "--isort": "pytest-isort",
    "--splits": "pytest-split",
    "--store-durations": "pytest-split",
    "--postgresql-": "pytest-postgresql",
    "--alluredir": "allure-pytest",
    "--vcr-record": "pytest-vcr",
    "--xvfb-backend": "pytest-xvfb",
}
_KEYS = {
    "asyncio_default_fixture_loop_scope": "pytest-asyncio",
    "asyncio_mode": "pytest-asyncio",
    "DJANGO_SETTINGS_MODULE": "pytest-django",
    "django_find_project": "pytest-django",
    "doctest_plus": "pytest-doctestplus",
    "env": "pytest-env",
    "env_files": "pytest-dotenv",
    "timeout": "pytest-timeout",
    "timeout_method": "pytest-timeout",
    "trio_mode": "pytest-trio",
    "qt_api": "pytest-qt",
}
_FIXTURES = {
    "mocker": "pytest-mock",
    "snapshot": "syrupy",
    "httpserver": "pytest-httpserver",
    "httpx_mock": "pytest-httpx",
    "aiohttp_client": "pytest-aiohttp",
    "requests_mock": "requests-mock",
    "subtests": "pytest-subtests",
    "freezer": "pytest-freezer",
    "faker": "faker",
    "datadir": "pytest-datadir",
    "data_regression": "pytest-regressions",
    "db": "pytest-django",
    "django_db": "pytest-django",
    "qtbot": "pytest-qt",
    "benchmark": "pytest-benchmark",
    "codspeed_benchmark": "pytest-codspeed",
    "event_loop": "pytest-asyncio",
    "virtualenv": "pytest-virtualenv",
    "script_runner": "pytest-console-scripts",
    "postgresql": "pytest-postgresql",
    "redisdb": "pytest-redis",
    "lazy_shared": "pytest-lazy-fixtures",
    "celery_app": "celery",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PytestOptions:
    """What a project tells pytest."""

    source: str = ""
    """The file that says it; empty where none does."""
    python_files: tuple[str, ...] = USUAL_FILES
    """Patterns of the names of files that pytest collects from a directory."""
    plugins: tuple[str, ...] = ()
    """Distributions that its options, keys and `-p` belong to."""

    def collects(self, path: str) -> bool:
        """Return whether pytest reads this file when it is given the directory."""
        name = PurePosixPath(path).name
        return any(fnmatch(path, f"*{form}") if "/" in form else fnmatch(name, form) for form in self.python_files)


def pytest_options(files: Files, home: str = "") -> PytestOptions:
    """Return the options that count for tests below the directory `home`: of the first file, as pytest looks.

    Source: pytest's documentation, "Initialization: determining rootdir and configfile".
    """
    for path in _places(home):
        table = _table(files, path)
        if table is not None:
            return _read(path, table)
    return PytestOptions()


def plugin_of_option(option: str) -> str | None:
    """Return the distribution that an option of pytest's command line belongs to; None where that is not known."""
    plain = option.partition("=")[0]
    if re.fullmatch(r"-n(\d+|auto|logical)?", plain):
        return "pytest-xdist"
    if plain in _OPTIONS:
        return _OPTIONS[plain]
    begins = [name for name in _OPTIONS if name.startswith("--") and plain.startswith(name)]
    return _OPTIONS[max(begins, key=len)] if begins else None


def plugin_of_fixture(name: str) -> str | None:
    """Return the distribution that a fixture belongs to; None where that is not known."""
    return _FIXTURES.get(name)


def _places(home: str) -> list[str]:
    homes = [home, *(str(parent) for parent in PurePosixPath(home).parents)] if home else [""]
    names = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")
    return [joined("" if place == "." else place, name) for place in homes for name in names]


def _table(files: Files, path: str) -> Mapping[str, Any] | None:
    """Return the options in a file, None where it holds none for pytest."""
    if path not in files.known:
        return None
    name = PurePosixPath(path).name
    if name.endswith("pytest.toml"):
        return get(files.toml(path), "pytest") or {}
    if name == "pyproject.toml":
        table = get(files.toml(path), "tool", "pytest")
        if not isinstance(table, dict):
            return None
        return get(table, "ini_options") or table
    sections = files.ini(path)
    section = "tool:pytest" if name == "setup.cfg" else "pytest"
    return sections.get(section, {} if name.endswith("pytest.ini") else None)


def _read(path: str, table: Mapping[str, Any]) -> PytestOptions:
    words = _words(table.get("addopts", ""))
    plugins = [dist for word in words if (dist := plugin_of_option(word))]
    plugins += [plugin_distribution(name) for before, name in pairwise(words) if before == "-p"]
    plugins += [plugin_distribution(word[2:]) for word in words if re.fullmatch(r"-p[a-z_][\w.]*", word)]
    plugins += [_KEYS[key] for key in table if key in _KEYS]
    plugins += [
        name for each in _words(table.get("required_plugins", "")) if (name := re.split(r"[<>=!~;\[ ]", each)[0])
    ]
    patterns = tuple(_words(table.get("python_files", ""))) or USUAL_FILES
    return PytestOptions(
        source=path,
        python_files=patterns,
        plugins=tuple(dict.fromkeys(name for name in plugins if name and name != "pytest")),
    )


def plugin_distribution(module: str) -> str:
    """Return the distribution that most likely holds a plug-in's module; empty for pytest's own and the project's."""
    top = module.partition(".")[0]
    if module.startswith("no:") or not re.match(r"(pytest|hypothesis|xdist|syrupy|nbmake|anyio)", top):
        return ""
    known = {"xdist": "pytest-xdist", "pytest": "", "pytester": "", "anyio": "anyio"}
    return known.get(top, top.replace("_", "-"))


def _words(value: Any) -> list[str]:
    if isinstance(value, list):
        return [str(each) for each in value]
    try:
        return shlex.split(str(value), comments=True)
    except ValueError:
        return str(value).split()
