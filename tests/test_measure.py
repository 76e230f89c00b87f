"""The orchestrator's parts, each against real git and real processes."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from perfgate.core.model import Run
from perfgate.core.policy import Policy
from perfgate.core.ports import Launch
from perfgate.core.schedule import draw_pair, turns_for
from perfgate.errors import BuildError, MeasureError, UsageError
from perfgate.host import addresses, cpus, interpreters
from perfgate.host.git import Repository
from perfgate.host.interrupt import Interrupts
from perfgate.measure import crew as crews
from perfgate.measure import sides
from perfgate.measure.build import Build
from perfgate.measure.session import Effort, Progress, Watcher, measure_pairs
from perfgate.measure.sides import PreparedSide
from perfgate.measure.suite import Job
from perfgate.measure.track import metric_named
from perfgate.measure.turns import Design, Pairing, run_pair
from perfgate.runners.command import Command
from perfgate.runners.pytest_benchmark import PytestBenchmark
from tests.live import BENCHMARK, LIBRARY, Project, explore, place

HERE = Build(python=sys.executable)


@pytest.fixture
def repository(project: Project) -> Iterator[Repository]:
    project.two_commits(factor=2.0)
    with Interrupts() as interrupts:
        yield Repository(project.root, interrupts=interrupts)


def prepare(repository: Repository, name: str, build: Build = HERE) -> AbstractContextManager[PreparedSide]:
    return sides.prepared(repository, repository.revision(name), build, interrupts=repository._interrupts)


def test_a_side_comes_back_as_it_was_committed_and_keeps_what_its_build_made(repository: Repository) -> None:
    build = Build(python=sys.executable, setup=("echo made > built.txt",))
    with prepare(repository, "HEAD~1", build) as first, prepare(repository, "HEAD") as head:
        tree = Path(first.place.root)
        sides.share_files(repository, first, head, ("lib.py", "none.py"))
        assert "2.0" in (tree / "lib.py").read_text()
    with prepare(repository, "HEAD~1", build) as again:
        assert again.directory == first.directory
        assert (tree / "lib.py").read_text() == LIBRARY
        assert (tree / "built.txt").read_text() == "made\n"


def test_a_file_that_only_base_has_is_taken_away_while_it_is_shared(project: Project) -> None:
    project.commit("base", bench__old_py="", lib_py=LIBRARY)
    project.git("rm", "--quiet", "bench/old.py")
    project.commit("head", bench__new_py="")
    with Interrupts() as interrupts:
        repository = Repository(project.root, interrupts=interrupts)
        with prepare(repository, "HEAD~1") as base, prepare(repository, "HEAD") as head:
            sides.share_files(repository, base, head, ("bench",))
            assert [path.name for path in (Path(base.place.root) / "bench").iterdir()] == ["new.py"]
        with prepare(repository, "HEAD~1") as base:
            assert [path.name for path in (Path(base.place.root) / "bench").iterdir()] == ["old.py"]


def test_a_second_measurement_gets_a_place_of_its_own_and_clean_spares_both(repository: Repository) -> None:
    with prepare(repository, "HEAD") as one, prepare(repository, "HEAD") as other:
        assert one.directory != other.directory
        assert len(str(one.directory)) == len(str(other.directory))
        assert sides.clean(repository) == (0, 2)
    assert sides.clean(repository) == (2, 0)
    assert sides.clean(repository) == (0, 0)


def test_more_measurements_than_places_are_refused(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sides, "SLOTS", 1)
    with prepare(repository, "HEAD"), pytest.raises(BuildError, match="already running"), prepare(repository, "HEAD"):
        pytest.fail("it got a place that was taken")


def test_a_tree_that_somebody_removed_is_made_anew(repository: Repository) -> None:
    with prepare(repository, "HEAD") as first:
        pass
    subprocess.run(["rm", "-rf", str(first.directory)], check=True)
    with prepare(repository, "HEAD") as again:
        assert (Path(again.place.root) / "lib.py").exists()


def test_an_isolated_side_has_its_own_environment(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """With pip in it, and without what a PYTHONPATH would leak in."""
    monkeypatch.setenv("PYTHONPATH", "/leaks/in")
    setup = "python -c \"import sys, pip; open('who', 'w').write(sys.prefix)\""
    isolated = Build(python=sys.executable, setup=(setup,), isolated=True)
    with prepare(repository, "HEAD", isolated) as made:
        venv = made.directory / "venv"
        assert made.place.python == str(venv / "bin" / "python")
        assert dict(made.place.environ)["PYTHONPATH"] == ""
        assert (Path(made.place.root) / "who").read_text() == str(venv)


def test_an_interpreter_that_is_none_is_said(repository: Repository, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="cannot start no-such-python"):
        _prepare_isolated(repository, "no-such-python")
    other = tmp_path / "other"
    other.write_text("#!/bin/sh\necho I am none; exit 3\n")
    other.chmod(0o755)
    with pytest.raises(BuildError, match=f"cannot make a virtual environment with {other}:\n.*"):
        _prepare_isolated(repository, str(other))


def _prepare_isolated(repository: Repository, python: str) -> None:
    with prepare(repository, "HEAD", Build(python=python, isolated=True)):
        pytest.fail("there is a side")


def test_src_comes_before_the_root_on_the_path(project: Project) -> None:
    project.commit("base", src__pkg__mod_py="")
    with Interrupts() as interrupts:
        repository = Repository(project.root, interrupts=interrupts)
        with prepare(repository, "HEAD") as made:
            first, second, *_ = dict(made.place.environ)["PYTHONPATH"].split(":")
            assert (first, second) == (f"{made.place.root}/src", made.place.root)


def test_the_interpreter_is_the_project_s_own_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert interpreters.default_python(tmp_path) == sys.executable
    for name in (".venv", "active"):
        (tmp_path / name / "bin").mkdir(parents=True)
        (tmp_path / name / "bin" / "python").write_text("")
    assert interpreters.default_python(tmp_path) == str(tmp_path / ".venv" / "bin" / "python")
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "active"))
    assert interpreters.default_python(tmp_path) == str(tmp_path / "active" / "bin" / "python")


def test_the_default_base_is_named_or_said_to_be_missing(project: Project) -> None:
    with Interrupts() as interrupts:
        project.git("switch", "--quiet", "-c", "odd")
        project.commit("one", a_txt="1")
        repository = Repository(project.root, interrupts=interrupts)
        with pytest.raises(UsageError, match="no default branch"):
            repository.fork_point()
        project.git("branch", "main")
        with pytest.raises(UsageError, match="HEAD is already on"):
            repository.fork_point()
        project.put("a.txt", "dirty")
        assert repository.fork_point().commit == project.git("rev-parse", "main")
        project.git("checkout", "--quiet", "--", "a.txt")
        project.git("switch", "--quiet", "--orphan", "island")
        project.commit("alone", b_txt="1")
        with pytest.raises(UsageError, match="no common commit"):
            repository.fork_point()


def test_a_process_that_cannot_be_started_is_said(tmp_path: Path) -> None:
    launch = Launch(argv=("/no/such/python",), cwd=str(tmp_path))
    with Interrupts() as interrupts, pytest.raises(MeasureError, match="/no/such/python"):
        with crews.crew([(launch, {})], mark=str(tmp_path), interrupts=interrupts):
            pytest.fail("it started")


def test_a_process_that_never_speaks_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crews, "START_S", 0.3)
    launch = Launch(argv=("sleep", "1000"), cwd=str(tmp_path))
    with Interrupts() as interrupts, crews.crew([(launch, {})], mark=str(tmp_path), interrupts=interrupts) as people:
        with pytest.raises(MeasureError, match="listed nothing within 0 s"):
            people.meet()


def test_a_metric_that_nobody_knows_is_refused() -> None:
    with pytest.raises(MeasureError, match="'karma'"):
        metric_named("karma")


FLIP = """\
import os


def test_first(benchmark):
    benchmark(sum, range(100))


def test_flips(benchmark):
    benchmark(sum, range(100))
    marker = {marker!r}
    with open(marker, "a") as file:
        file.write("x")
    assert os.path.getsize(marker) < 3
"""


def test_a_benchmark_that_fails_later_is_dropped_and_the_others_go_on(project: Project, tmp_path: Path) -> None:
    """It passes in the two scouts and fails from the first pair on."""
    project.commit("base", test_flip_py=FLIP.format(marker=str(tmp_path / "marker")))

    done = project.perfgate("compare", "HEAD", "HEAD", "--budget", "60s")

    assert done.returncode == 3, done.stdout + done.stderr
    assert re.search(r"failed +benchmarks/test_flip.py::test_flips", done.stdout)
    assert re.search(r"(unchanged|inconclusive) +benchmarks/test_flip.py::test_first", done.stdout)


ALONE = """\
import os

import pytest


@pytest.fixture
def lock():
    os.close(os.open({path!r}, os.O_CREAT | os.O_EXCL))
    yield
    os.unlink({path!r})


def test_shy(benchmark, lock):
    benchmark(sum, range(100))


def test_other(benchmark):
    benchmark(sum, range(100))
"""


def test_what_cannot_be_alive_twice_is_measured_one_side_after_the_other(project: Project, tmp_path: Path) -> None:
    project.commit("base", test_shy_py=ALONE.format(path=str(tmp_path / "lock")))

    done = project.perfgate("compare", "HEAD", "HEAD", "--budget", "60s", "--format", "json")
    shy, other = json.loads(done.stdout)["report"]["judgements"]

    assert done.returncode == 0, done.stderr
    assert [warning["code"] for warning in shy["comparison"]["warnings"]] == ["not-together"]
    assert shy["comparison"]["log_ratios"]
    assert other["comparison"]["warnings"] == []


SLOWER_HEAD = LIBRARY.replace("range(n)", "range(n * (300 if n > 500 else 1))")


def test_a_head_that_became_much_slower_gets_fewer_turns(tmp_path: Path) -> None:
    """Shared loops would make its pair last seconds."""
    for name, text in (("base", LIBRARY), ("head", SLOWER_HEAD)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "lib.py").write_text(text)
        (tmp_path / name / "test_lib.py").write_text(BENCHMARK)
    survey = explore(tmp_path / "base")
    runner = PytestBenchmark()
    pairing = Pairing(
        suite="s",
        launches=tuple(runner.launch(place(tmp_path / name), names=()) for name in ("base", "head")),
        design=Design.TURNS,
        timeout_s=20.0,
        mark="slow",
    )
    plans = {name: turns_for(survey.iteration_s[name]) for name in survey.names}
    with Interrupts() as interrupts:
        result = run_pair(pairing, draw_pair(1, "s", 0, cpus=()), plans, interrupts=interrupts)

    turns = {name: len(sides_[1].values["time"]) for name, sides_ in result.readings.items()}
    assert turns["test_lib.py::test_spin"] < plans["test_lib.py::test_spin"].count
    assert turns["test_lib.py::test_other"] == plans["test_lib.py::test_other"].count


def measure_short(repository: Repository, watch: Watcher) -> Run:
    """Measure two commits with as little effort as there is; return head's run."""
    with prepare(repository, "HEAD") as one, prepare(repository, "HEAD~1") as other:
        _, head = measure_pairs(
            repository,
            one,
            other,
            [Job(name="s", runner=Command(benchmarks={"one": "true", "two": "true"}), timeout_s=20.0)],
            Policy(),
            Effort(budget_s=180.0, benchmark_s=0.3),
            interrupts=repository._interrupts,
            watch=watch,
        )
    return head


def test_where_no_cpu_may_be_chosen_turns_go_on_with_a_warning(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpus, "can_pin", lambda: False)
    seen: list[Progress] = []

    head = measure_short(repository, seen.append)

    assert "not-pinned" in {warning.code for warning in head.warnings}
    assert {facts.cpu for facts in head.processes} == {None}
    assert seen[0].text == "exploring suite s"
    assert (seen[-1].total, seen[-1].undecided) == (2, ())


def test_where_addresses_cannot_be_fixed_it_says_so(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses.sys, "platform", "darwin")

    head = measure_short(repository, lambda state: None)

    assert "addresses-vary" in {warning.code for warning in head.warnings}


def test_with_one_cpu_it_says_that_it_sat_beside_the_benchmarks(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpus, "allowed", lambda: (0,))
    usual = os.sched_getaffinity(0)

    try:
        head = measure_short(repository, lambda state: None)
    finally:
        os.sched_setaffinity(0, usual)  # trying whether CPUs can be chosen has left this process on that one

    assert "one-cpu" in {warning.code for warning in head.warnings}
    assert {facts.cpu for facts in head.processes} == {0}


def test_a_survey_goes_on_behind_a_benchmark_that_kills_its_process(tmp_path: Path) -> None:
    (tmp_path / "test_x.py").write_text(
        "import os\n\n\ndef test_a(benchmark):\n    benchmark(sum, [1])\n\n\ndef test_b(benchmark):\n    os._exit(5)\n"
        "\n\ndef test_c(benchmark):\n    benchmark(sum, [1])\n"
    )

    survey = explore(tmp_path)

    assert set(survey.iteration_s) == {"test_x.py::test_a", "test_x.py::test_c"}
    assert survey.journey.troubles["test_x.py::test_b"][0].text.startswith("exited with status 5")


RELEASES = """\
from packaging.version import Version


def test_parse(benchmark):
    benchmark(Version, "1!2.3.4rc1.post2.dev3+local.7")


def test_sum(benchmark):
    benchmark(sum, range(2000))
"""


def test_two_releases_of_a_library_that_others_wrote(project: Project) -> None:
    """The commit pins another release of `packaging`; each side's setup installs its own from the index."""
    config = '[build]\nsetup = ["python -m pip install -q -r requirements.txt"]\n'
    pins = "packaging=={0}\npytest<10\npytest-benchmark\n"
    project.commit("base", requirements_txt=pins.format("26.2"), test_releases_py=RELEASES, perfgate_toml=config)
    project.commit("head", requirements_txt=pins.format("24.2"))

    done = project.perfgate("compare", "HEAD~1", "--budget", "120s")

    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"regression +benchmarks/test_releases.py::test_parse:time", done.stdout)
    assert re.search(r"unchanged +benchmarks/test_releases.py::test_sum:time", done.stdout)
