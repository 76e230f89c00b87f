"""One contract for every store, and what each does when the world goes wrong: real git, real HTTP, real hooks."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from perfgate.core.audit import Decision
from perfgate.core.baseline import StoredRun
from perfgate.core.levels import Level
from perfgate.core.model import TIME, Benchmark, Environment, Failure, Reason, Sli
from perfgate.core.ports import Store
from perfgate.core.verdict import Verdict
from perfgate.errors import StoreError
from perfgate.host.clone import Address, refusal
from perfgate.host.interrupt import Interrupts
from perfgate.stores import columns
from perfgate.stores.archive import Archive, Read
from perfgate.stores.branch import open_branch
from perfgate.stores.columns import Entry
from perfgate.stores.directory import open_directory
from tests.core.build import BYTES
from tests.githttp import READER, WRITER, serving

BRANCH = "perfgate-results"
HERE = Environment(facts=(("cpu", "X"), ("python", "3.11")))
Opening = Callable[[], AbstractContextManager[Store]]


def commit_of(number: int) -> str:
    return hashlib.sha1(b"%d" % number).hexdigest()


def stored(number: int = 0, *, time: float = 1.23456789e-3, suite: str = "micro", day: int | None = None) -> StoredRun:
    day = number % 28 if day is None else day
    return StoredRun(
        commit=commit_of(number),
        suite=suite,
        environment=HERE,
        committed=f"2026-01-{day + 1:02}T00:00:{number % 60:02}+00:00",
        started=f"2026-01-{day + 1:02}T01:00:{number % 60:02}+00:00",
        levels={
            Sli(benchmark=Benchmark(suite=suite, name="a::b[1]"), metric=TIME): Level(
                median=time, low=time * 0.99, high=time * 1.01, n=10
            ),
            Sli(benchmark=Benchmark(suite=suite, name="size"), metric=BYTES): Level(
                median=1234567, low=1234567, high=1234567, n=10
            ),
        },
        failures=(Failure(benchmark=Benchmark(suite=suite, name="broken"), reason=Reason.RAISED, text="x" * 300),),
    )


def bare(path: Path) -> Path:
    subprocess.run(["git", "init", "--quiet", "--bare", str(path)], check=True)
    for key in ("uploadpack.allowFilter", "http.receivepack"):
        subprocess.run(["git", "-C", str(path), "config", key, "true"], check=True)
    return path


@pytest.fixture
def interrupts() -> Iterator[Interrupts]:
    with Interrupts() as found:
        yield found


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    return bare(tmp_path / "remote.git")


def branch_at(url: str, interrupts: Interrupts) -> Opening:
    return lambda: open_branch(Address(url=url, push_url=url), BRANCH, interrupts=interrupts)


@pytest.fixture(params=["branch", "http", "directory"])
def opening(request: pytest.FixtureRequest, tmp_path: Path, remote: Path, interrupts: Interrupts) -> Iterator[Opening]:
    if request.param == "directory":
        yield lambda: open_directory(tmp_path / "stored")
    elif request.param == "branch":
        yield branch_at(f"file://{remote}", interrupts)
    else:
        with serving(tmp_path) as address:
            yield branch_at(f"http://{WRITER}:secret@{address}/remote.git", interrupts)


def record(opening: Opening, *runs: StoredRun) -> tuple[str, ...]:
    with opening() as store:
        return Archive(store).record(runs, message="record")


def everything(opening: Opening) -> tuple[StoredRun, ...]:
    with opening() as store:
        read = Archive(store).read(Archive(store).entries())
    assert read.faults == ()
    return read.runs


def short(run: StoredRun) -> StoredRun:
    """What comes back: noisy values to five digits, texts cut."""
    levels = {
        sli: level
        if sli.metric is BYTES
        else Level(
            median=float(f"{level.median:.5g}"),
            low=float(f"{level.low:.5g}"),
            high=float(f"{level.high:.5g}"),
            n=level.n,
        )
        for sli, level in run.levels.items()
    }
    return replace(run, levels=levels, failures=tuple(replace(f, text=f.text[:200]) for f in run.failures))


def test_an_empty_store_has_nothing(opening: Opening) -> None:
    assert everything(opening) == ()
    with opening() as store:
        assert store.paths(columns.folder(commit_of(1))) == ()
        assert store.recent(5) == ()
        assert Archive(store).verify() == ()


def test_what_is_recorded_comes_back(opening: Opening) -> None:
    one, other = stored(1), stored(2, suite="a b/c.d~é" + "x" * 200)

    new = record(opening, one, other)

    assert len(new) == 2
    assert {run.suite: run for run in everything(opening)} == {run.suite: short(run) for run in (one, other)}
    with opening() as store:
        archive = Archive(store)
        assert [run.commit for run in archive.read(archive.entries_of(one.commit)).runs] == [one.commit]
        assert archive.verify() == ()


def _decided(number: int) -> Decision:
    verdicts = (("s/a:time", Verdict.PASS),)
    return Decision(base=commit_of(0), head=commit_of(number), same=False, started="2026-01-01", verdicts=verdicts)


def test_the_last_appends_are_found_in_their_order(opening: Opening) -> None:
    with opening() as store:
        for number in (5, 3, 9, 1):
            Archive(store).record([stored(number)], message="x")
            Archive(store).record_decisions([_decided(number)], message="x")
    with opening() as store:
        archive = Archive(store)
        some, all_of_them = archive.recent(2), archive.recent(99)
        read = archive.read(some)

    assert [entry.commit for entry in some] == [commit_of(9), commit_of(1)]
    assert [entry.commit for entry in all_of_them] == [commit_of(number) for number in (5, 3, 9, 1)]
    assert {run.commit for run in read.runs} == {commit_of(9), commit_of(1)}


def test_the_same_run_is_stored_once_and_another_of_the_commit_beside_it(opening: Opening) -> None:
    record(opening, stored(1))

    again = record(opening, stored(1))
    rerun = record(opening, replace(stored(1), started="2026-02-01T00:00:00+00:00"))
    rerun_again = record(opening, replace(stored(1), started="2026-02-01T00:00:00+00:00"))

    assert (again, rerun_again) == ((), ())
    assert [path.endswith(".micro.2.json") for path in rerun] == [True]
    assert len(everything(opening)) == 2


def test_two_runs_of_one_commit_in_one_go_are_both_kept_and_known_again(opening: Opening) -> None:
    """Two run files of one suite, each with some of its benchmarks."""
    one = stored(1)
    other = replace(one, levels=dict(list(one.levels.items())[:1]))

    new = record(opening, one, other)
    again = record(opening, other, one)

    assert [path.rpartition(".micro")[2] for path in new] == [".json", ".2.json"]
    assert again == ()
    assert sorted(len(run.levels) for run in everything(opening)) == [1, 2]


def test_compacting_keeps_the_newest_and_one_a_day_of_the_rest(opening: Opening) -> None:
    runs = [stored(number, time=1e-3 * (number + 1), day=number // 3) for number in range(12)]
    record(opening, *runs)
    before = {run.commit: run for run in everything(opening)}

    with opening() as store:
        rolled = Archive(store).compact(6)
    with opening() as store:
        again = Archive(store).compact(6)

    after = everything(opening)
    newest = [run for run in after if run.runs == 1]
    days = [run for run in after if run.runs > 1]
    assert (rolled, again) == ((6, 2), (6, 2))
    assert {run.commit: run for run in newest} == {run.commit: before[run.commit] for run in runs[6:]}
    assert [(run.committed[:10], run.runs) for run in days] == [("2026-01-01", 3), ("2026-01-02", 3)]
    assert [next(iter(run.levels.values())).median for run in days] == [2e-3, 5e-3]
    assert record(opening, stored(99)) != ()
    with opening() as store:
        assert Archive(store).verify() == ()


def test_a_newer_layout_is_refused_with_the_version_that_reads_it(opening: Opening) -> None:
    with opening() as store:
        files = [("format.json", b'{"perfgate":7,"reader":"3.1","new":1}'), ("runs/aa/x/y.json", b"{}")]
        store.append(files, message="a later perfgate")

    with opening() as store, pytest.raises(StoreError, match="has layout 7; this perfgate"):
        Archive(store).entries()
    with opening() as store, pytest.raises(StoreError, match="has layout 7; this perfgate") as caught:
        Archive(store).record([stored()], message="x")

    assert caught.value.hint == "pip install 'perfgate>=3.1'"


def test_many_writers_lose_nothing(opening: Opening) -> None:
    faults = []

    def write(writer: int) -> None:
        try:
            for number in range(3):
                record(opening, stored(100 * writer + number))
        except Exception as exc:
            faults.append(exc)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert faults == []
    assert len(everything(opening)) == 12
    with opening() as store:
        assert Archive(store).verify() == ()


def put(remote: Path, files: dict[str, bytes], *, branch: str = BRANCH) -> None:
    """Commit files to a branch by hand, whatever they are."""
    stream = f"commit refs/heads/{branch}\ncommitter x <x@y> 1 +0000\ndata 1\nx\nfrom refs/heads/{branch}^0\n".encode()
    asked = ["git", "-C", str(remote), "rev-parse", "-q", "--verify", branch]
    if subprocess.run(asked, capture_output=True, check=False).returncode:
        stream = stream.rpartition(b"from ")[0]
    for path, data in files.items():
        stream += b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(data), data)
    subprocess.run(["git", "-C", str(remote), "fast-import", "--quiet", "--force"], input=stream, check=True)


@pytest.fixture
def on_branch(remote: Path, interrupts: Interrupts) -> Opening:
    return branch_at(f"file://{remote}", interrupts)


@pytest.mark.parametrize("name", ["README.md", "docs/README.md"])
def test_a_foreign_branch_is_refused_and_left_alone(on_branch: Opening, remote: Path, name: str) -> None:
    put(remote, {name: b"mine"})
    before = subprocess.run(["git", "-C", str(remote), "show-ref"], capture_output=True, check=True).stdout

    for attempt in (lambda: record(on_branch, stored()), lambda: everything(on_branch)):
        with pytest.raises(StoreError, match="exists and is not perfgate's") as caught:
            attempt()
        assert "results-branch" in str(caught.value.hint)

    assert subprocess.run(["git", "-C", str(remote), "show-ref"], capture_output=True, check=True).stdout == before


def test_damage_is_named_and_the_rest_stays_readable(on_branch: Opening, remote: Path) -> None:
    paths = record(on_branch, *(stored(number) for number in range(6)))
    with on_branch() as store:
        store.paths()
        whole = store.read(paths)
        names = next(path for path in store.paths() if path.startswith("names/"))
        names_data = store.read([names])[names]
    body = json.loads(whole[paths[2]])
    resealed = {key: value for key, value in body.items() if key != "sha256"} | {"median": [1.0]}
    put(
        remote,
        {
            paths[0]: whole[paths[0]][:100],
            paths[1]: whole[paths[1]].replace(b'"n":10', b'"n":11'),
            paths[2]: columns.sealed(resealed),
            paths[3]: whole[paths[4]],
            "stray.txt": b"",
            "runs/aa/odd.json": b"[]",
        },
    )
    with on_branch() as store:
        archive = Archive(store)
        faults = "\n".join(archive.verify())
        read = archive.read(archive.entries())

    assert [run.commit for run in read.runs] == [commit_of(4), commit_of(5)] or len(read.runs) == 2
    assert f"{paths[0]} is truncated" in faults
    assert f"{paths[1]} was changed after it was written" in faults
    assert f"{paths[2]} has columns of other lengths" in faults
    assert f"{paths[3]} holds micro of {commit_of(4)}, which belongs elsewhere" in faults
    assert "stray.txt is not a file of perfgate" in faults
    assert f"changed {paths[0]}" in faults
    put(remote, {names: names_data.replace(b"size", b"sise")})
    with on_branch() as store, pytest.raises(StoreError, match="holds something else than it should"):
        Archive(store).record([stored(9)], message="x")
    with on_branch() as store:
        assert f"{names} was changed: its content belongs under" in "\n".join(Archive(store).verify())
        with pytest.raises(StoreError, match="files are damaged"):
            Archive(store).compact(1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("remote: error: GH006: Protected branch update failed for refs/heads/x.", "is protected"),
        ("remote: error: GH013: Repository rule violations found", "is protected"),
        ("no reason", "is protected"),
    ],
)
def test_a_hook_that_refuses_is_no_race(on_branch: Opening, remote: Path, words: str, message: str) -> None:
    record(on_branch, stored(1))
    hook = remote / "hooks" / "pre-receive"
    hook.write_text(f"#!/bin/sh\necho {words!r} >&2\necho x >> {remote}/asked\nexit 1\n")
    hook.chmod(0o755)

    with pytest.raises(StoreError, match=message) as caught:
        record(on_branch, stored(2))

    assert "exclude the branch from the rule" in str(caught.value.hint)
    assert (remote / "asked").read_text() == "x\n"
    hook.unlink()
    assert len(everything(on_branch)) == 1


def test_tokens_that_may_not_say_which_right_is_missing(tmp_path: Path, remote: Path, interrupts: Interrupts) -> None:
    with serving(tmp_path) as address:
        for user, message, hint in (
            (f"{READER}:x@", "the token may not write branch perfgate-results of http://127", "contents: write"),
            ("", "wants to know who asks", "log in"),
        ):
            with pytest.raises(StoreError, match=message) as caught:
                record(branch_at(f"http://{user}{address}/remote.git", interrupts), stored())
            assert hint in str(caught.value.hint)
            assert "reader:x" not in caught.value.message
        with pytest.raises(StoreError, match="is not there, or its existence is kept from you"):
            record(branch_at(f"http://{WRITER}:x@{address}/none.git", interrupts), stored())
    with pytest.raises(StoreError, match="cannot read"):
        everything(branch_at(f"http://{address}/remote.git", interrupts))


def test_a_server_without_filters_serves_all_the_same(on_branch: Opening, remote: Path) -> None:
    subprocess.run(["git", "-C", str(remote), "config", "uploadpack.allowFilter", "false"], check=True)

    record(on_branch, stored(1))
    record(on_branch, stored(2))

    assert len(everything(on_branch)) == 2
    with on_branch() as store:
        assert Archive(store).read(Archive(store).entries_of(commit_of(2))).runs[0].commit == commit_of(2)


def test_a_force_push_between_fetch_and_push_is_a_race_and_not_undone(
    on_branch: Opening, remote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody compacts while we record: our run goes on top of what they made."""
    from perfgate.host.clone import Clone

    record(on_branch, *(stored(number) for number in range(4)))
    push, raced = Clone.push, []

    def late(self: Clone, commit: str, *, expected: str | None) -> bool:
        if not raced:
            raced.append(1)
            with on_branch() as store:
                monkeypatch.setattr(Clone, "push", push)
                Archive(store).compact(2)
                monkeypatch.setattr(Clone, "push", late)
        return push(self, commit, expected=expected)

    monkeypatch.setattr(Clone, "push", late)
    new = record(on_branch, stored(9))

    assert len(new) == 1
    assert commit_of(9) in {run.commit for run in everything(on_branch)}
    log = subprocess.run(["git", "-C", str(remote), "rev-list", BRANCH], capture_output=True, text=True, check=True)
    assert len(log.stdout.split()) == 2


def test_compacting_gives_way_to_whoever_wrote_meanwhile(on_branch: Opening, monkeypatch: pytest.MonkeyPatch) -> None:
    record(on_branch, *(stored(number) for number in range(4)))
    with on_branch() as store:
        archive = Archive(store)
        read = archive.read

        def slow(entries: Iterable[Entry]) -> Read:
            found = read(entries)
            record(on_branch, stored(9))
            return found

        monkeypatch.setattr(archive, "read", slow)
        with pytest.raises(StoreError, match="was changed meanwhile"):
            archive.compact(2)

    assert len(everything(on_branch)) == 5


def test_a_full_disk_leaves_the_branch_whole(remote: Path, tmp_path: Path) -> None:
    """A limit on the size of a file stands for the disk: git's own pack does not fit."""
    code = (
        "import resource, sys\n"
        "from tests.test_stores import *\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))\n"
        f"with Interrupts() as interrupts:\n    record(branch_at('file://{remote}', interrupts), stored(1))\n"
    )
    failed = subprocess.run([sys.executable, "-c", code], cwd=Path.cwd(), capture_output=True, text=True, check=False)

    assert failed.returncode != 0
    assert "StoreError" in failed.stderr or "OSError" in failed.stderr
    with Interrupts() as interrupts:
        opening = branch_at(f"file://{remote}", interrupts)
        assert everything(opening) == ()
        assert len(record(opening, stored(1))) == 1


@pytest.mark.parametrize("kind", ["branch", "directory"])
def test_a_writer_killed_at_any_moment_loses_nothing_and_doubles_nothing(
    kind: str, remote: Path, tmp_path: Path, interrupts: Interrupts
) -> None:
    where = (
        f"branch_at('file://{remote}', interrupts)"
        if kind == "branch"
        else f"lambda: open_directory(Path('{tmp_path}/d'))"
    )
    code = (
        "import sys\nfrom tests.test_stores import *\n"
        f"with Interrupts() as interrupts:\n    opening = {where}\n"
        "    print('go', flush=True)\n    record(opening, *(stored(int(sys.argv[1]) * 10 + i) for i in range(3)))\n"
    )
    opening = branch_at(f"file://{remote}", interrupts) if kind == "branch" else lambda: open_directory(tmp_path / "d")
    rng = random.Random(1)
    quiet = {key: value for key, value in os.environ.items() if "COVERAGE" not in key}  # killed, it would leave rubbish
    for number in range(8):
        victim = subprocess.Popen(
            [sys.executable, "-c", code, str(number)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**quiet, "TMPDIR": str(tmp_path)}, start_new_session=True,
        )  # fmt: skip
        assert victim.stdout is not None
        victim.stdout.readline()
        try:
            victim.wait(timeout=rng.uniform(0, 0.15))
        except subprocess.TimeoutExpired:
            os.killpg(victim.pid, signal.SIGKILL)
            victim.wait()
        victim.stdout.close()
        record(opening, *(stored(number * 10 + i) for i in range(3)))

    assert len(everything(opening)) == 24
    with opening() as store:
        assert Archive(store).verify() == ()


def test_a_directory_that_is_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("")
    with open_directory(tmp_path) as store, pytest.raises(StoreError, match="exists and is not perfgate's"):
        store.paths()


def test_a_directory_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with open_directory(tmp_path / "file" / "below") as store, pytest.raises(StoreError, match="cannot write"):
        Archive(store).record([stored()], message="x")


def test_what_nobody_foresaw_is_shown_as_git_said_it() -> None:
    found = refusal("fatal: unable to access: Could not resolve host", "http://x", "b", "read")

    assert found.message == "cannot read branch b of http://x:\nfatal: unable to access: Could not resolve host"


def test_shared_files_that_lack_or_mislead_are_named() -> None:
    path, files = columns.pack(stored())
    names = next(name for name in files if name.startswith("names/"))
    facts = next(name for name in files if name.startswith("environments/"))
    short = b'{"benchmarks":[],"metrics":[],"slis":[[0,0],[1,1]]}'
    hashed = f"names/{hashlib.sha256(short).hexdigest()[:16]}.json"
    body = json.loads(files[path]) | {"names": hashed[6:-5]}
    del body["sha256"]

    for data, shared, message in (
        (files[path], {facts: files[facts]}, f"{path} needs {names}, which is not there"),
        (columns.sealed(body), {hashed: short, facts: files[facts]}, "speaks of names that it does not hold"),
        (files[path], {names: files[names], facts: b'{"facts":[]}'}, f"{facts} was changed"),
        (files[path], {names: b"[]", facts: files[facts]}, f"{names} is damaged"),
    ):
        with pytest.raises(StoreError, match=message.replace("[", r"\\[")):
            columns.unpack(data, path, shared)
