"""Find the benchmark files of a project and tell which harness runs each."""

import ast
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath
from typing import Any

from perfgate.project.files import Files, get

PYTEST, PYPERF, ASV, SCRIPT = "pytest-benchmark", "pyperf", "asv", "script"
GO, CARGO, NPM, GOOGLE, JMH = "go", "cargo", "npm", "google-benchmark", "jmh"
MOST_PARSED = 2_000  # Python files that are looked into
_FIXTURES = {"benchmark", "codspeed_benchmark"}
_NAMED = re.compile(r"(^|[_-])(bench|benchmark|benchmarks|benchmarking|perf|performance)([_-]|$)", re.IGNORECASE)
_USES = re.compile(r"benchmark|pyperf")


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkFile:
    """A file that holds benchmarks."""

    path: str
    harness: str
    codspeed: bool = False
    """Written for pytest-codspeed: it imports that, or marks whole tests, which pytest-benchmark cannot measure."""
    name: str = ""
    """Of the script in package.json, for npm."""
    command: str = ""
    """What runs it, for the harnesses that are commands."""
    setup: tuple[str, ...] = ()
    """What must be run once before that command."""
    fixtures: frozenset[str] = frozenset()
    """Arguments of its tests: fixtures that some plug-in or conftest must have."""


def benchmark_files(files: Files) -> tuple[BenchmarkFile, ...]:
    """Return the files with benchmarks, sorted by harness and path."""
    found = [*_python(files), *_elsewhere(files)]
    return tuple(sorted(found, key=lambda file: (file.harness, file.path)))


def _python(files: Files) -> Iterable[BenchmarkFile]:
    asv = {str(PurePosixPath(path).parent) for path in files.own("asv.conf.json", "asv.conf.jsonc")}
    suites = tuple(f"{_asv_directory(files, path)}/" for path in files.own("asv.conf.json", "asv.conf.jsonc"))
    scripts = []
    wrapped, runners = _wrapped_fixtures(files), _runner_modules(files)
    for path in list(files.own(".py"))[:MOST_PARSED]:
        named = is_named_for_benchmarks(path)
        if suites and path.startswith(suites):
            if re.search(r"def (time|timeraw|track|mem|peakmem)_", files.text(path)):
                yield BenchmarkFile(path=path, harness=ASV)
            continue
        text = files.text(path)
        own = {name for home, names in wrapped.items() if path.startswith(home) for name in names}
        if not named and not _USES.search(text) and not any(name in text for name in (*own, *runners)):
            continue
        if (tree := parsed(text)) is None:
            continue
        usual = _FIXTURES | own | _fixtures_around_benchmark(tree)
        if fixtures := _tests(tree, usual):
            yield BenchmarkFile(
                path=path,
                harness=PYTEST,
                codspeed="pytest_codspeed" in text or not fixtures & usual,
                fixtures=fixtures - usual - {"*"},
            )
        elif _makes_runner(tree) or _uses_runner(tree, runners):
            yield BenchmarkFile(path=path, harness=PYPERF)
        elif named and _is_script(tree) and not asv & set(map(str, PurePosixPath(path).parents)) - {"."}:
            scripts.append(BenchmarkFile(path=path, harness=SCRIPT, command=f"python {path}"))
    yield from scripts


def is_named_for_benchmarks(path: str) -> bool:
    """Return whether the file or a directory that it lies in is named for benchmarks."""
    return any(_NAMED.search(PurePosixPath(part).stem) for part in PurePosixPath(path).parts)


@cache
def parsed(text: str) -> ast.Module | None:
    """Return the syntax tree of a Python file, None where it has none."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


@cache
def imports_of(text: str) -> frozenset[str]:
    """Return the top-level names of all absolute imports, those inside functions included."""
    found: set[str] = set()
    tree = parsed(text)
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return frozenset(found)


def guarded_imports(text: str) -> frozenset[str]:
    """Return the imports whose absence the file itself takes care of, by `try` or `if`."""
    found: set[str] = set()
    tree = parsed(text)
    for node in ast.walk(tree) if tree else ():
        if (isinstance(node, ast.Try) and any(_catches_import(handler) for handler in node.handlers)) or (
            isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        ):
            found |= _imported(node.body)
    return frozenset(found)


def _imported(body: list[ast.stmt]) -> set[str]:
    return {name.partition(".")[0] for statement in body for node in ast.walk(statement) for name in _names(node)}


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []


def _catches_import(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or bool(
        re.search(r"ImportError|ModuleNotFoundError|'Exception'", ast.dump(handler.type))
    )


def _called(node: ast.Call) -> str:
    function = node.func
    return (
        function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    )


def _wrapped_fixtures(files: Files) -> dict[str, frozenset[str]]:
    """Return, by the directory of a conftest with a slash, its fixtures that hand the `benchmark` fixture on."""
    found = {}
    for path in files.own("conftest.py"):
        if _USES.search(files.text(path)) and (tree := parsed(files.text(path))):
            found[path.removesuffix("conftest.py")] = _fixtures_around_benchmark(tree)
    return found


def _fixtures_around_benchmark(tree: ast.Module) -> frozenset[str]:
    return frozenset(
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and any("'fixture'" in ast.dump(decorator) for decorator in node.decorator_list)
        and {argument.arg for argument in node.args.args} & _FIXTURES
    )


def _tests(tree: ast.Module, usual: frozenset[str] | set[str]) -> frozenset[str]:
    """Return the arguments of the tests that are benchmarks; "*" for one that is marked as a whole; empty for none.

    Args:
        usual: fixtures that make a test a benchmark.
    """
    found: set[str] = set()
    marked_module = any("'benchmark'" in ast.dump(node) for node in tree.body if _assigns(node, "pytestmark"))
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or not node.name.startswith("test"):
            continue
        arguments = {argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)} - {"self"}
        marked = marked_module or any(_is_mark(decorator) for decorator in node.decorator_list)
        if arguments & usual or marked:
            found |= arguments | {"*"}
    return frozenset(found)


def _is_mark(decorator: ast.expr) -> bool:
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(target, ast.Attribute) and target.attr in _FIXTURES and "'mark'" in ast.dump(target.value)


def _assigns(node: ast.stmt, name: str) -> bool:
    return isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets)


def _makes_runner(tree: ast.Module) -> bool:
    """Return whether running a file makes a pyperf runner; one inside of a class waits to be used by another file."""
    outside = [node for node in tree.body if not isinstance(node, ast.ClassDef)]
    return _imports_pyperf(tree) and any(_has_runner(node) for node in outside)


def _imports_pyperf(tree: ast.Module) -> bool:
    return "pyperf" in {name.partition(".")[0] for node in ast.walk(tree) for name in _names(node)}


def _has_runner(tree: ast.AST) -> bool:
    return any(isinstance(node, ast.Call) and _called(node) == "Runner" for node in ast.walk(tree))


def _runner_modules(files: Files) -> frozenset[str]:
    """Return the dotted names of the modules that have a pyperf runner inside of a class."""
    found = set()
    for path in files.own(".py"):
        tree = parsed(files.text(path)) if "pyperf" in files.text(path) else None
        if tree is not None and _imports_pyperf(tree) and not _makes_runner(tree) and _has_runner(tree):
            found.add(path.removesuffix(".py").replace("/", "."))
    return frozenset(found)


def _uses_runner(tree: ast.Module, modules: frozenset[str]) -> bool:
    """Return whether a file, when it is run, calls what it imported from one of `modules`."""
    if not modules:
        return False
    names = {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module in modules
        for alias in node.names
    }
    doing = [node for node in tree.body if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)]
    return any(isinstance(call, ast.Call) and _called(call) in names for node in doing for call in ast.walk(node))


def _is_script(tree: ast.Module) -> bool:
    """Return whether a file does something when it is run, and needs no argument for it as far as can be seen."""
    for node in tree.body:
        if isinstance(node, ast.If) and "'__main__'" in ast.dump(node.test):
            calls = any(isinstance(each, ast.Call) for line in node.body for each in ast.walk(line))
            return calls and not _needs_arguments(tree)
    return False


def _needs_arguments(tree: ast.Module) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _called(node) == "add_argument" and node.args:
            first = node.args[0]
            keywords = {keyword.arg: keyword.value for keyword in node.keywords}
            optional = isinstance(nargs := keywords.get("nargs"), ast.Constant) and nargs.value in ("?", "*")
            named = isinstance(first, ast.Constant) and str(first.value).startswith("-")
            if (not named and not optional) or "required" in keywords:
                return True
        if (
            isinstance(node, ast.Subscript)
            and ast.dump(node.value) == "Attribute(value=Name(id='sys', ctx=Load()), attr='argv', ctx=Load())"
        ):
            return True
    return False


def _asv_directory(files: Files, path: str) -> str:
    """Return the directory of the benchmarks that an asv.conf.json names."""
    home = PurePosixPath(path).parent
    try:
        plain = re.sub(r"(?m)(^|(?<=[,\[{\s]))//.*$", "", files.text(path))
        table = json.loads(re.sub(r",(?=\s*[}\]])", "", plain) or "{}")
    except ValueError:
        table = {}
    inside = get(table, "benchmark_dir")
    return str(home / (inside if isinstance(inside, str) else "benchmarks"))


def _elsewhere(files: Files) -> Iterable[BenchmarkFile]:
    """Return the benchmarks of other languages, with the command that runs them."""
    for path in files.own("_test.go"):
        if re.search(r"(?m)^func Benchmark\w*\(", files.text(path)):
            home = files.above(path, "go.mod")
            inside = f"-C {home} " if home not in ("", "-") else ""
            yield BenchmarkFile(path=path, harness=GO, command=f"go test {inside}-run ^$ -bench . ./...")
    for path in files.own("Cargo.toml"):
        if get(files.toml(path), "bench"):
            yield BenchmarkFile(path=path, harness=CARGO, command=f"cargo bench --manifest-path {path}")
    for path in files.own("package.json"):
        for name, script in _npm_scripts(files.text(path)).items():
            home = str(PurePosixPath(path).parent)
            prefix = "" if home == "." else f"--prefix {home} "
            *before, last = script.split(" && ")
            if (
                home == "."
                and last.startswith("node ")
                and all(re.fullmatch(r"npm (run )?[\w:-]+", one) for one in before)
            ):
                yield BenchmarkFile(path=path, harness=NPM, name=name, command=last, setup=tuple(before))
            else:
                yield BenchmarkFile(path=path, harness=NPM, name=name, command=f"npm {prefix}run --silent {name}")
    for path in files.own(".cc", ".cpp", ".cxx"):
        if "benchmark/benchmark.h" in files.text(path):
            yield BenchmarkFile(path=path, harness=GOOGLE)
    for path in files.own(".java", ".kt"):
        if "org.openjdk.jmh.annotations" in files.text(path):
            yield BenchmarkFile(path=path, harness=JMH)


def _npm_scripts(text: str) -> dict[str, str]:
    try:
        scripts: Any = get(json.loads(text or "{}"), "scripts")
    except (ValueError, RecursionError):
        return {}
    found = scripts if isinstance(scripts, dict) else {}
    return {
        name: script
        for name, script in found.items()
        if re.fullmatch(r"(bench|benchmark|benchmarks|perf)", name) and isinstance(script, str)
    }
