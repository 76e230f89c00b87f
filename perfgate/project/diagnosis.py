"""Why benchmarks could not be collected or run, read from what the tools printed, and what to install about it."""

import re
from collections.abc import Iterable

from packaging.utils import canonicalize_name

from perfgate.project.needs import distribution_of
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


def missing_distributions(
    texts: Iterable[str], declared: Declared, *, project: frozenset[str] = frozenset()
) -> tuple[str, ...]:
    """Return what is not installed according to error texts, as normalized names of distributions, in order.

    Args:
        declared: knows how the project calls what it needs.
        project: names of the project's own distributions, which are never the answer.
    """
    found: list[str] = []
    for text in texts:
        for match in _MODULE.finditer(text):
            found.append(distribution_of((match[1] or match[2]).partition(".")[0], declared))
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
    return tuple(dict.fromkeys(name for name in found if name not in project))


def unavailable_distribution(text: str) -> str:
    """Return which requirement an installer could not find or build, normalized; empty where it names none."""
    match = _PIP_NONE.search(text)
    if not match:
        return ""
    name = re.split(r"[<>=!~;\[(]", next(group for group in match.groups() if group))[0].strip("`'\"),")
    return canonicalize_name(name)
