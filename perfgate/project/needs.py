"""The distributions that a project's benchmarks need, from their imports and from the options of pytest."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from packaging.utils import canonicalize_name

from perfgate.project.benchmarks import PYPERF, PYTEST, BenchmarkFile, guarded_imports, imports_of
from perfgate.project.distribution import Project
from perfgate.project.files import Files, joined
from perfgate.project.pytest_options import plugin_of_fixture, pytest_options
from perfgate.project.requirements import Declared

MOST_FOLLOWED = 200  # modules of the benchmarks' own that are looked into

# Modules whose distribution is called otherwise: the most downloaded ones on PyPI.
_DISTRIBUTIONS = {
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cattr": "cattrs",
    "bson": "pymongo",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "fitz": "pymupdf",
    "git": "gitpython",
    "google": "protobuf",
    "graphql": "graphql-core",
    "grpc": "grpcio",
    "jose": "python-jose",
    "jwt": "pyjwt",
    "kafka": "kafka-python",
    "ldap": "python-ldap",
    "magic": "python-magic",
    "markdown_it": "markdown-it-py",
    "MySQLdb": "mysqlclient",
    "mpl_toolkits": "matplotlib",
    "nacl": "pynacl",
    "OpenSSL": "pyopenssl",
    "osgeo": "gdal",
    "PIL": "pillow",
    "pkg_resources": "setuptools",
    "psycopg2": "psycopg2-binary",
    "pytest_benchmark": "pytest-benchmark",
    "ruamel": "ruamel-yaml",
    "serial": "pyserial",
    "simplejson": "simplejson",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "socks": "pysocks",
    "ulid": "ulid-py",
    "umsgpack": "u-msgpack-python",
    "usb": "pyusb",
    "xdist": "pytest-xdist",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
    "_pytest": "pytest",
}
_COMES_WITH_OTHERS = {"pytest", "setuptools", "pip", "wheel"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """The distributions that benchmarks need in addition to the project itself."""

    distributions: frozenset[str]
    """Normalized names."""
    modules: frozenset[str] = frozenset()
    """Top-level modules that they import, to see whether an interpreter has them."""
    packages: frozenset[str] = frozenset()
    """The distributions among them that no import names: the harness and plug-ins of pytest."""


def needs(benchmarks: Iterable[BenchmarkFile], files: Files, project: Project, declared: Declared) -> Needs:
    """Return what must be installed for `benchmarks` to be collected and run."""
    chosen = tuple(benchmarks)
    wanted, modules = set[str](), set[str]()
    if any(file.harness == PYTEST for file in chosen):
        harness = pytest_harness(chosen, declared)
        wanted.add(harness)
        modules |= {"pytest", harness.replace("-", "_")}
        for home in {str(PurePosixPath(file.path).parent) for file in chosen if file.harness == PYTEST}:
            wanted.update(map(canonicalize_name, pytest_options(files, "" if home == "." else home).plugins))
    if any(file.harness == PYPERF for file in chosen):
        wanted.add("pyperf")
        modules.add("pyperf")
    fixtures = {name for file in chosen for name in file.fixtures}
    wanted.update(dist for name in fixtures if (dist := plugin_of_fixture(name)))
    imported = {name for file in chosen if file.path.endswith(".py") for name in _reached(file, files)}
    foreign = {name for name in imported if is_foreign(name, project)}
    own = _COMES_WITH_OTHERS | project.names
    return Needs(
        distributions=frozenset({*wanted, *(distribution_of(name, declared) for name in foreign)} - own),
        modules=frozenset(modules | foreign),
        packages=frozenset(wanted - own),
    )


def pytest_harness(benchmarks: Iterable[BenchmarkFile], declared: Declared) -> str:
    """Return the plug-in that these benchmarks are for: pytest-codspeed where they or the project say so."""
    if any(file.codspeed for file in benchmarks if file.harness == PYTEST):
        return "pytest-codspeed"
    alone = declared.declares("pytest-codspeed") and not declared.declares("pytest-benchmark")
    return "pytest-codspeed" if alone else "pytest-benchmark"


def distribution_of(module: str, declared: Declared) -> str:
    """Return the normalized name of the distribution that most likely holds a top-level module."""
    plain = canonicalize_name(module)
    names = {*declared.runtime, *(name for group in declared.groups for name in group.distributions)}
    if plain in names:
        return plain
    if module in _DISTRIBUTIONS:
        return _DISTRIBUTIONS[module]
    likely = sorted(
        name for name in names if name in (f"python-{plain}", f"{plain}-python", f"py{plain}", f"{plain}-py")
    )
    return likely[0] if likely else plain


def _reached(file: BenchmarkFile, files: Files) -> set[str]:
    """Return the imports of a benchmark file, its conftests and the modules of the benchmarks' own that it imports."""
    found: set[str] = set()
    todo = [file.path, *_conftests(file, files)]
    seen = set(todo)
    while todo and len(seen) < MOST_FOLLOWED:
        path = todo.pop()
        names = imports_of(files.text(path)) - guarded_imports(files.text(path))
        found |= names
        for name in names:
            for place in _beside(name, path, files):
                if place not in seen:
                    seen.add(place)
                    todo.append(place)
    return found


def _conftests(file: BenchmarkFile, files: Files) -> list[str]:
    if file.harness != PYTEST:
        return []
    homes = [str(parent) for parent in PurePosixPath(file.path).parents]
    places = [joined("" if home == "." else home, "conftest.py") for home in homes]
    return [place for place in places if place in files.known]


def _beside(name: str, path: str, files: Files) -> list[str]:
    """Return the file of a module that lies in the directory of `path`."""
    home = str(PurePosixPath(path).parent)
    places = [joined("" if home == "." else home, f"{name}{ending}") for ending in (".py", "/__init__.py")]
    return [place for place in places if place in files.known]


def is_foreign(name: str, project: Project) -> bool:
    """Return whether a module comes from elsewhere: neither Python's own, nor the project's, nor one of its tests."""
    if name in sys.stdlib_module_names or name == "__main__" or project.defines(name):
        return False
    for path in project.files:
        if name not in path or not path.endswith(_MODULES):
            continue
        parts = PurePosixPath(path).parts
        for place, part in enumerate(parts):
            if part.partition(".")[0] == name and (place == len(parts) - 1 or part == name):
                home = "/".join(parts[:place])
                if joined(home, "__init__.py") not in project.files:
                    return False
    return True


_MODULES = (".py", ".pyx", ".pyi", ".c", ".cpp", ".rs")
