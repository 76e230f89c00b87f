"""Why benchmarks could not be collected or run, read from what the tools printed, and what to install about it."""

import re
from collections.abc import Iterable

from packaging.utils import canonicalize_name

from perfgate.project.distribution import Project
from perfgate.project.needs import distribution_of, is_foreign
from perfgate.project.pytest_options import plugin_of_fixture, plugin_of_option
from perfgate.project.requirements import Declared

_MODULE = re.compile(r"No module named '([\w.]+)'|could not import '([\w.]+)'")
_PLUGIN = re.compile(r'Error importing plugin "([\w.]+)"')
_ARGUMENTS = re.compile(
    r"(?:error: )?unrecognized arguments: (.+)|unknown config option: (\S+)|Unknown config option: (\S+)"
)
_REQUIRED = re.compile(r"[Mm]issing required plugins: (.+)")
_FIXTURE = re.compile(r"fixture '(\w+)' not found")
_NOT_INSTALLED = re.compile(
    r"(?m)neither pytest-benchmark nor pytest-codspeed is installed|^.*: (pytest) is not installed in"
)
_PIP_NONE = re.compile(
    r"No matching distribution found for (\S+)|Because (\S+?)(?:[=<>!~][^ ]*)? was not found in the package registry"
    r"|Failed building wheel for ([\w.-]+)"
    r"|Failed to build (?:installable wheels for some pyproject.toml based projects )?[(`']?([\w.-]+)"
)


def missing_distributions(texts: Iterable[str], declared: Declared, project: Project) -> tuple[str, ...]:
    """Return what is not installed according to error texts, as normalized names of distributions, in order.

    Args:
        declared: knows how the project calls what it needs.
        project: nothing of its own is the answer, were it only a directory of scripts: a stranger may have
            taken that name on the index.
    """
    found: list[str] = []
    for text in texts:
        for match in _MODULE.finditer(text):
            module = (match[1] or match[2]).partition(".")[0]
            found += [distribution_of(module, declared)] if is_foreign(module, project) else []
        found += [distribution_of(name.partition(".")[0], declared) for name in _PLUGIN.findall(text)]
        for groups in _ARGUMENTS.findall(text):
            words = next(group for group in groups if group).split()
            found += [dist for word in words if (dist := plugin_of_option(word))]
        for names in _REQUIRED.findall(text):
            found += [
                canonicalize_name(name) for name in re.findall(r"[A-Za-z][\w.-]*", re.sub(r"[<>=!~][^,]*", "", names))
            ]
        found += [dist for name in _FIXTURE.findall(text) if (dist := plugin_of_fixture(name))]
        if absent := _NOT_INSTALLED.search(text):
            found.append("pytest" if absent[1] else "pytest-benchmark")
    return tuple(dict.fromkeys(name for name in found if name not in project.names))


def unknown_option(texts: Iterable[str]) -> str:
    """Return the first option that pytest refused, empty where there is none."""
    found = (group for text in texts for groups in _ARGUMENTS.findall(text) for group in groups if group)
    return next((words.split()[0] for words in found), "")


_NETWORK = re.compile(
    r"Temporary failure in name resolution|Name or service not known|nodename nor servname|Failed to establish a new "
    r"connection|Network is unreachable|Could not resolve host|No route to host|dns error|failed to lookup address"
    r"|Connection refused|ConnectTimeout|Max retries exceeded|Cannot connect to proxy|error sending request"
    r"|getaddrinfo (?:ENOTFOUND|EAI_AGAIN)|ECONNREFUSED"
)
_ADVICE = (
    (
        r"No space left on device|Disk quota exceeded",
        "free some space (perfgate clean removes prepared sides), or set PERFGATE_CACHE to a directory on another disk",
    ),
    (
        r"fatal error: Python\.h: No such file",
        "install the headers of this Python, as in: apt install python3-dev",
    ),
    (
        r"fatal error: (\S+): No such file",
        "install the library that has {0} with its headers, or name where they are in the environment: CPATH",
    ),
    (
        r"command '\S*(?:gcc|cc|clang|g\+\+)' failed: No such file|unable to execute '\S*(?:gcc|cc|clang)'"
        r"|Unknown compiler\(s\)|No CMAKE_CXX?_COMPILER could be found|(?:gcc|cc|clang): not found",
        "install a C compiler, as in: apt install build-essential",
    ),
    (
        r"[Cc]an't find Rust compiler|the Rust package manager, is not installed|cargo: not found|rustc: not found",
        "install Rust, as in: https://rustup.rs",
    ),
    (r"meson: not found|ninja: not found|cmake: not found", "install the build tool that is named above"),
    (
        r"requires a different Python: \S+ not in '([^']+)'|requires Python ?'?([^'\n]*\d)",
        "name an interpreter of such a version: PERFGATE_PYTHON=/path/to/python, or python under [build]",
    ),
    (
        r"setuptools-scm was unable to detect version|Error getting the version from source|not a git repository",
        "the version comes from git's tags: git fetch --tags --unshallow; in a workflow, fetch-depth: 0",
    ),
    (
        r"No matching distribution found for (\S+)",
        "check how {0} is spelled, whether it runs on this Python, and which index pip asks: pip config list",
    ),
)


def is_about_the_network(text: str) -> bool:
    """Return whether an installer failed because nothing could be reached."""
    return bool(_NETWORK.search(text))


def build_advice(text: str) -> str:
    """Return what to do about a setup that failed with these last words; empty where they name nothing known."""
    if is_about_the_network(text):
        return 'connect to a network, or use the current environment as it is: isolate = "none" under [build]'
    for pattern, advice in _ADVICE:
        if match := re.search(pattern, text):
            return advice.format(*(group for group in match.groups() if group))
    return ""


def unavailable_distribution(text: str) -> str:
    """Return which requirement an installer could not find or build, normalized; empty where it names none."""
    match = _PIP_NONE.search(text)
    if not match:
        return ""
    name = re.split(r"[<>=!~;\[(]", next(group for group in match.groups() if group))[0].strip("`'\"),")
    return canonicalize_name(name)
