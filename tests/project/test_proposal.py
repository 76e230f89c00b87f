"""What the files of a project say about its benchmarks, and what perfgate proposes to do about them."""

import pytest

from perfgate.project.diagnosis import missing_distributions, unavailable_distribution
from perfgate.project.distribution import Project
from perfgate.project.files import LARGEST, Files, get, texts
from perfgate.project.needs import distribution_of
from perfgate.project.proposal import PIP, UV, Look, Proposal, installer, look, propose
from perfgate.project.pytest_options import plugin_distribution, plugin_of_fixture, plugin_of_option, pytest_options
from perfgate.project.requirements import Declared, Group, declared, distribution, poetry_versions

TEST = "import mylib\ndef test_f(benchmark):\n    benchmark(mylib.f)\n"
WRAPPED = "import pytest\n@pytest.fixture\ndef bench(benchmark):\n    return benchmark\n"
HELPER = "import pyperf\nclass Suite:\n    def run(self):\n        pyperf.Runner().bench_func('x', f)\n"
LIB = {"mylib/__init__.py": "def f(): pass\n"}


def of(files: dict[str, str]) -> Look:
    return look(Files(paths=tuple(files), read=lambda path: files[path].encode()))


def proposal(files: dict[str, str]) -> Proposal:
    return propose(of({**LIB, **files}))


PROJECT = '[project]\nname = "mylib"\ndependencies = ["attrs"]\n[build-system]\nbuild-backend = "hatchling.build"\n'


@pytest.mark.parametrize(
    ("files", "line"),
    [
        ({}, f"{PIP} pytest-benchmark"),
        ({"pyproject.toml": PROJECT}, f"{PIP} -e . pytest-benchmark"),
        (
            {"pyproject.toml": PROJECT + '[dependency-groups]\ntest = ["pytest-benchmark"]\nbench = ["pyperf"]\n'},
            f"{PIP} -e . --group test",
        ),
        (
            {"pyproject.toml": f'{PROJECT}[project.optional-dependencies]\nbenchmarking = ["pytest-benchmark"]\n'},
            f"{PIP} -e '.[benchmarking]'",
        ),
        (
            {
                "pyproject.toml": f"{PROJECT}[dependency-groups]\na = ['pytest-benchmark']\n"
                "tests = [{include-group = 'a'}]\n"
            },
            f"{PIP} -e . --group tests",
        ),
        (
            {
                "pyproject.toml": PROJECT,
                "requirements/test.txt": "-r more.txt\n",
                "requirements/more.txt": "pytest-benchmark==5\n",
            },
            f"{PIP} -e . -r requirements/test.txt",
        ),
        (
            {
                "pyproject.toml": "[tool.poetry]\nname='mylib'\n[tool.poetry.group.dev.dependencies]\n"
                "pytest-codspeed='^3.1'\n"
            },
            f"{PIP} -e . 'pytest-codspeed>=3.1,<4'",
        ),
        (
            {"pyproject.toml": PROJECT, "pytest.ini": "[pytest]\naddopts = --cov=x -n 2\n"},
            f"{PIP} -e . pytest-benchmark pytest-cov pytest-xdist",
        ),
        (
            {"pyproject.toml": PROJECT.replace("hatchling.build", "mesonpy")},
            f"{PIP} --no-build-isolation -e . pytest-benchmark",
        ),
        (
            {
                "setup.py": "setup(name='mylib')",
                "setup.cfg": "[options.extras_require]\ntests =\n    pytest-benchmark>=4\n",
            },
            f"{PIP} -e '.[tests]'",
        ),
        ({"pyproject.toml": "broken [", "requirements.txt": "attrs\n"}, f"{PIP} pytest-benchmark"),
        (
            {"pyproject.toml": PROJECT, "tox.ini": "[testenv:bench]\ndeps =\n    pytest-benchmark<9\n"},
            f"{PIP} -e . 'pytest-benchmark<9'",
        ),
    ],
)
def test_the_setup_holds_what_the_benchmarks_need(files: dict[str, str], line: str) -> None:
    assert proposal({"tests/test_speed.py": TEST, **files}).setup[-1] == line


def test_what_a_benchmark_imports_is_installed_with_the_versions_that_the_project_asks_for() -> None:
    bench = (
        "import yaml, json, helper\nfrom numpy import array\ntry:\n    import ujson\nexcept ImportError:\n    pass\n"
    )
    files = {
        "bench/test_a.py": f"{bench}{TEST}",
        "bench/helper.py": "import msgspec\n",
        "bench/conftest.py": "from . import x\nimport mocklib\n",
        "pyproject.toml": f"{PROJECT}[project.optional-dependencies]\n"
        "msgspec = [\"msgspec>=0.19; python_version > '3'\"]\n",
    }

    found = proposal(files)

    assert found.setup == (f"{PIP} -e . mocklib 'msgspec>=0.19' numpy pytest-benchmark pyyaml",)
    assert found.suites == {"benchmarks": {"runner": "pytest-benchmark", "paths": ("bench",)}}


def test_the_members_of_a_workspace_that_the_project_uses_are_installed_too() -> None:
    files = {
        "packages/a/pyproject.toml": '[project]\nname = "a"\ndependencies = ["b", "attrs"]\n',
        "packages/a/a/__init__.py": "",
        "packages/a/tests/test_a.py": TEST.replace("mylib", "a"),
        "packages/b/pyproject.toml": '[project]\nname = "b"\n',
        "packages/b/b/__init__.py": "",
        "packages/c/pyproject.toml": '[project]\nname = "c"\n',
    }

    assert propose(of(files)).setup == (f"{PIP} -e ./packages/b -e ./packages/a pytest-benchmark",)


@pytest.mark.parametrize(
    ("files", "suites"),
    [
        ({"benchmarks/bench_core.py": TEST}, {"benchmarks": "benchmarks/bench_core.py"}),
        (
            {"benchmarks/bench_core.py": TEST, "setup.cfg": "[tool:pytest]\npython_files = bench_*.py\n"},
            {"benchmarks": "benchmarks"},
        ),
        ({"benchmarks/test_a.py": TEST, "benchmarks/pyproject.toml": ""}, {"benchmarks": "benchmarks/test_a.py"}),
        (
            {"tests/test_a.py": "import pytest\n@pytest.mark.benchmark\ndef test_a(): pass\n"},
            {"benchmarks": "tests/test_a.py"},
        ),
        (
            {"tests/test_a.py": "import pytest\npytestmark = pytest.mark.benchmark\ndef test_a(): pass\n"},
            {"benchmarks": "tests/test_a.py"},
        ),
        ({"bench/run.py": "from pyperf import Runner\nRunner().bench_func('x', f)\n"}, {"benchmarks": "bench/run.py"}),
        (
            {"bench/run.py": "import pyperf\nr = pyperf.Runner()\n", "test_a.py": TEST},
            {"benchmarks": "test_a.py", "pyperf": "bench/run.py"},
        ),
        ({"bench/run.py": "if __name__ == '__main__':\n    main()\n"}, {"benchmarks": "python bench/run.py"}),
        (
            {"package.json": '{"scripts": {"bench": "vitest bench"}}', "package-lock.json": ""},
            {"benchmarks": "npm run --silent bench"},
        ),
        ({"package.json": '{"scripts": {"bench": "npm run build && node x"}}'}, {"benchmarks": "node x"}),
        (
            {"bench/conftest.py": WRAPPED, "bench/test_a.py": TEST.replace("benchmark", "bench"), "test_b.py": ""},
            {"benchmarks": "bench"},
        ),
        (
            {
                "b/common.py": HELPER,
                "b/run.py": "from b.common import Suite\nSuite().run()\n",
                "b/x.py": "import b.common\n",
            },
            {"benchmarks": "b/run.py"},
        ),
        ({"a_test.go": "func BenchmarkX(b *testing.B) {}\n", "go.mod": ""}, {"go": "go test -run ^$ -bench . ./..."}),
        (
            {"sub/a_test.go": "func BenchmarkX(b *testing.B) {}\n", "sub/go.mod": ""},
            {"go": "go test -C sub -run ^$ -bench . ./..."},
        ),
    ],
)
def test_benchmarks_of_every_harness_are_found(files: dict[str, str], suites: dict[str, str]) -> None:
    found = proposal(files).suites

    assert found.keys() == suites.keys()
    for name, what in suites.items():
        assert what in (found[name].get("paths") or found[name]["benchmarks"].values())


@pytest.mark.parametrize(
    "text",
    [
        "import sys\nif __name__ == '__main__':\n    main(sys.argv[1])\n",
        "def main(): f()\nif __name__ == '__main__':\n    pass  # main()\n",
        "p.add_argument('file')\nif __name__ == '__main__':\n    main()\n",
        "p.add_argument('--file', required=True)\nif __name__ == '__main__':\n    main()\n",
        "def main(): pass\n",
        "broken (",
        '"""A test that writes `def test_x(benchmark)` into a file."""\n',
    ],
)
def test_a_file_that_needs_arguments_or_does_nothing_is_not_run(text: str) -> None:
    assert proposal({"bench/run.py": text}).suites == {}


def test_optional_arguments_do_no_harm() -> None:
    text = "p.add_argument('--fast')\np.add_argument('n', nargs='?')\nif __name__ == '__main__':\n    main()\n"

    assert proposal({"bench/run.py": text}).suites["benchmarks"]["benchmarks"] == {"run": "python bench/run.py"}


@pytest.mark.parametrize(
    ("files", "note"),
    [
        (
            {"asv.conf.json": '{"benchmark_dir": "asv_bench", // yes\n}', "asv_bench/b.py": "def time_x(): pass\n"},
            "perfgate compare base",
        ),
        ({"asv.conf.json": "{", "benchmarks/b.py": "def time_x(): pass\n"}, "found 1 file of asv's benchmarks"),
        ({"Cargo.toml": '[[bench]]\nname = "x"\n'}, "of Cargo benchmarks"),
        ({"b.cc": '#include "benchmark/benchmark.h"\n'}, "of Google Benchmark"),
        ({"B.java": "import org.openjdk.jmh.annotations.*;\n"}, "of JMH benchmarks"),
        (
            {f"bench/{n}.py": "if __name__ == '__main__':\n    main()\n" for n in "abcd"},
            "are not run: bench/a.py, bench/b.py, bench/c.py …",
        ),
    ],
)
def test_what_cannot_be_run_is_named(files: dict[str, str], note: str) -> None:
    found = proposal(files)

    assert found.suites == {}
    assert any(note in each for each in found.notes)


def test_code_that_lies_in_the_benchmark_files_is_taken_from_each_side() -> None:
    found = propose(of({"test_a.py": "def test_f(benchmark): benchmark(len, ())\n"}))

    assert found.suites["benchmarks"]["benchmarks-from"] == "each"


@pytest.mark.parametrize(
    ("file", "text", "compiles"),
    [
        ("setup.py", "setup(ext_modules=[Extension('x', ['x.c'])])", True),
        ("pyproject.toml", '[build-system]\nbuild-backend = "maturin"\n', True),
        ("pyproject.toml", '[build-system]\nrequires = ["setuptools", "Cython>=3"]\n', True),
        ("pyproject.toml", '[tool.poetry]\nname = "x"\n[tool.poetry.build]\nscript = "b.py"\n', True),
        ("pyproject.toml", "[tool.hatch.build.hooks.mypyc]\n", True),
        ("pyproject.toml", "[[tool.setuptools.ext-modules]]\nname = 'x'\n", True),
        ("pyproject.toml", PROJECT, False),
        ("setup.py", "setup(name='x')", False),
    ],
)
def test_a_project_that_compiles_is_told_by_its_build_files(file: str, text: str, compiles: bool) -> None:
    assert of({file: text}).project.compiles is compiles


def test_what_a_trial_learnt_of_head_counts_for_base_too() -> None:
    found = proposal({"bench/test_a.py": TEST, "pyproject.toml": PROJECT})
    before = proposal({"bench/test_a.py": f"import six\n{TEST}"})

    tried = found.plus(["six>=1", "x"]).less("x").less("absent").less("pytest-benchmark")

    assert tried.setup == (f"{PIP} -e .", f"{PIP} 'six>=1'")
    assert tried.unavailable == ("x", "pytest-benchmark")
    assert found.plus(["y"]).less("y").setup == found.setup
    assert before.as_tried(found.plus(["six", "x"]).less("six")).setup == (f"{PIP} pytest-benchmark", f"{PIP} x")


def test_benchmarks_that_only_base_has_stay_in_the_suites() -> None:
    go = {"a_test.go": "func BenchmarkX(b *testing.B) {}\n", "go.mod": ""}
    script = {"bench/run.py": "from pyperf import Runner\nRunner()\n"}
    one, two = {"tests/test_a.py": TEST}, {"tests/test_b.py": TEST}
    command = {"perf.py": "if __name__ == '__main__':\n    main()\n"}

    def suites(head: dict[str, str], base: dict[str, str]) -> dict[str, object]:
        found = proposal(head).with_suites_of(proposal(base)).suites
        return {name: table.get("paths") or table["benchmarks"] for name, table in found.items()}

    assert suites(one, {**one, **two}) == {"benchmarks": ("tests/test_a.py", "tests/test_b.py")}
    assert suites({"bench/test_a.py": TEST}, {"bench/test_a.py": TEST, "bench/test_b.py": TEST}) == {
        "benchmarks": ("bench",)
    }
    assert suites(one, script) == {"benchmarks": ("tests/test_a.py",), "benchmarks-of-base": ("bench/run.py",)}
    assert suites(one, {**one, **go}).keys() == {"benchmarks", "go"}
    assert suites({}, one) == {"benchmarks": ("tests/test_a.py",)}
    assert suites(command, {**command, "bench.py": command["perf.py"]}) == {
        "benchmarks": {"perf": "python perf.py", "bench": "python bench.py"}
    }


def test_uv_takes_the_place_of_pip_and_of_nothing_else() -> None:
    assert installer(f"{PIP} -e .", UV) == "uv pip install -e ."
    assert installer("npm ci", UV) == "npm ci"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("E   ModuleNotFoundError: No module named 'yaml.nodes'", ("pyyaml",)),
        ("ImportError: Error importing plugin \"pytest_cov\": No module named 'pytest_cov'", ("pytest-cov",)),
        ("error: unrecognized arguments: --nbmake -n 4 --no-such", ("nbmake", "pytest-xdist")),
        ("Missing required plugins: pytest-timeout>=2, pytest-mock", ("pytest-timeout", "pytest-mock")),
        ("fixture 'mocker' not found", ("pytest-mock",)),
        ("fixture 'own' not found", ()),
        ("neither pytest-benchmark nor pytest-codspeed is installed in /x", ("pytest-benchmark",)),
        ("No module named 'pytest': pytest is not installed in /x", ("pytest",)),
        ("No module named 'mylib.absent'", ()),
        ("No module named 'bench'", ()),
        ("No module named 'run'", ()),
        ("SyntaxError: invalid syntax", ()),
    ],
)
def test_errors_name_what_is_not_installed(text: str, names: tuple[str, ...]) -> None:
    own = Project(files=frozenset({"mylib/__init__.py", "bench/run.py"}), names=frozenset({"mylib"}))
    assert missing_distributions([text], Declared(), own) == names


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ERROR: No matching distribution found for Absent_Lib>=2", "absent-lib"),
        ("Because absent-lib was not found in the package registry and", "absent-lib"),
        ("ERROR: Failed building wheel for fast_thing", "fast-thing"),
        ("× Failed to build `fast-thing==1.0`", "fast-thing"),
        ("gcc: error", ""),
    ],
)
def test_an_installer_s_error_names_what_it_could_not_get(text: str, name: str) -> None:
    assert unavailable_distribution(text) == name


@pytest.mark.parametrize(
    ("constraint", "versions"),
    [
        ("^1.2.3", ">=1.2.3,<2"),
        ("^0.3", ">=0.3,<0.4"),
        ("^0.0.3", ">=0.0.3,<0.0.4"),
        ("~1.2", ">=1.2,<1.3"),
        ("~1", ">=1,<2"),
        ("*", ""),
        ("1.2", "==1.2"),
        (">=1,<3", ">=1,<3"),
        ("^x", ""),
        ("^1 || ^2", ""),
    ],
)
def test_poetry_s_versions_are_written_as_pip_takes_them(constraint: str, versions: str) -> None:
    assert poetry_versions(constraint) == versions


def test_groups_of_every_tool_are_read_and_faulty_ones_left_out() -> None:
    table = (
        '[dependency-groups]\nloop = [{include-group = "loop"}]\n[tool.uv]\ndev-dependencies = ["a"]\n'
        '[tool.pdm.dev-dependencies]\np = ["b"]\n'
        '[tool.hatch.envs.h]\ndependencies = ["c"]\nextra-dependencies = ["d"]\n'
        '[tool.poetry.dependencies]\npython = "^3.9"\nx = {version = "^1", extras = ["y"]}\n'
        '[tool.poetry.dev-dependencies]\nz = "*"\n'
    )
    files = {"pyproject.toml": table, "requirements-dev.txt": "# no\n-e .\ne==1 \\\n  --hash=x\nf  # why\n"}

    looked = Files(paths=tuple(files), read=lambda path: files[path].encode())
    found = declared(looked)

    assert "dependency group 'loop'" in looked.broken["pyproject.toml"]
    assert {group.name: group.requirements for group in found.groups} == {
        "dev": ("a",),
        "p": ("b",),
        "h": ("c", "d"),
        "requirements-dev.txt": ("e==1", "f"),
    }
    assert found.dependencies == ("x[y]>=1,<2",)
    assert found.python == ">=3.9,<4"


def test_a_group_s_name_says_what_it_is_for() -> None:
    names = {
        "bench": "bt",
        "perf": "b",
        "test": "t",
        "tests-extra": "t",
        "docs": "",
        "dev": "t",
        "lint-tests": "",
        "x": "",
    }
    for name, kinds in names.items():
        group = Group(kind="group", name=name, requirements=())
        assert group.for_benchmarks is ("b" in kinds), name
        assert group.for_tests is ("t" in kinds and name != "bench"), name
    assert Group(kind="file", name="requirements/test.txt", requirements=()).for_tests
    assert not Group(kind="list", name="docs", requirements=()).for_running


@pytest.mark.parametrize(
    ("path", "text", "plugins"),
    [
        ("pytest.ini", "[pytest]\naddopts = -p pytest_cov --dist=loadscope\n", ("pytest-cov", "pytest-xdist")),
        (
            "pyproject.toml",
            '[tool.pytest.ini_options]\naddopts = ["--emoji"]\nasyncio_mode = "auto"\n',
            ("pytest-emoji", "pytest-asyncio"),
        ),
        ("pyproject.toml", '[tool.pytest]\ntimeout = "20"\n', ("pytest-timeout",)),
        ("pyproject.toml", "[tool]\n", ()),
        ("tox.ini", "[pytest]\nrequired_plugins = pytest-mock>=3 pytest-bdd\n", ("pytest-mock", "pytest-bdd")),
        ("pytest.toml", '[pytest]\naddopts = "-ppytest_mock \'unclosed"\n', ("pytest-mock",)),
        ("setup.cfg", "[tool:pytest]\naddopts = -p no:cacheprovider -p tests.own --strict\n", ()),
        ("setup.cfg", "broken", ()),
    ],
)
def test_the_plug_ins_of_pytest_s_options_are_known(path: str, text: str, plugins: tuple[str, ...]) -> None:
    found = pytest_options(Files(paths=(path,), read=lambda _: text.encode()), "tests/deep")

    assert sorted(found.plugins) == sorted(plugins)


def test_only_known_options_and_fixtures_have_a_plug_in() -> None:
    assert plugin_of_option("--benchmark-sort=name") == "pytest-benchmark"
    assert plugin_of_option("--verbose") is None
    assert plugin_of_fixture("tmp_path") is None
    assert plugin_distribution("xdist.plugin") == "pytest-xdist"


@pytest.mark.parametrize(
    ("module", "names", "expected"),
    [
        ("PIL", (), "pillow"),
        ("ulid", ("ulid2",), "ulid-py"),
        ("redis_x", (), "redis-x"),
        ("slugify", ("python-slugify",), "python-slugify"),
        ("attr", ("attr",), "attr"),
    ],
)
def test_modules_are_looked_for_under_the_names_that_the_project_uses(
    module: str, names: tuple[str, ...], expected: str
) -> None:
    assert distribution_of(module, Declared(dependencies=names)) == expected


def test_odd_files_are_read_as_nothing() -> None:
    huge = Files(paths=("a.toml", "b.ini", "c"), read=lambda path: b"x" * (LARGEST + 1) if path == "c" else b"=[")

    assert huge.toml("a.toml") == {}
    assert huge.ini("b.ini") == {}
    assert huge.text("c") == ""
    assert huge.text("absent") == ""
    assert set(huge.broken) == {"a.toml", "b.ini"}
    assert huge.above("x/y/z", "c") == ""
    assert huge.above("x/y/z", "absent") == "-"
    assert get([], "x") is None
    assert texts("x") == []
    assert distribution("-e .") == ""


def test_pytest_itself_looks_where_a_project_only_names_the_plug_in() -> None:
    table = '[project]\nname = "x"\n[dependency-groups]\ntest = ["pytest-benchmark"]\n'

    assert of({"pyproject.toml": table, "x.py": ""}).falls_back
    assert not of({"pyproject.toml": table, "test_x.py": TEST}).falls_back
    assert not of({"x.py": ""}).falls_back


def test_a_directory_of_the_tests_does_not_hide_a_library_of_the_same_name() -> None:
    files = {"tests/__init__.py": "", "tests/django/__init__.py": "", "tests/test_a.py": f"import django\n{TEST}"}

    assert "django" in proposal(files).needs.distributions
    assert "django" not in proposal({**files, "django/__init__.py": ""}).needs.distributions
