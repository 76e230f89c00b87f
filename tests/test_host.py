import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from perfgate.core.ports import Launch
from perfgate.errors import FileError, GitError, Interrupted, MeasureError, UsageError
from perfgate.host import command, cpus, files
from perfgate.host.agent import Agent, AgentGone, AgentSilent
from perfgate.host.environment import environment
from perfgate.host.git import Repository, create_repository
from perfgate.host.interrupt import Interrupts
from perfgate.host.tree import MARK, kill_marked
from tests.live import Project


def test_a_command_is_run_to_its_end_with_all_it_prints(tmp_path: Path) -> None:
    with Interrupts() as interrupts:
        ended = command.run("echo one; echo two >&2; exit 3", cwd=tmp_path, interrupts=interrupts)

    assert (ended.status, ended.output) == (3, "one\ntwo\n")


def test_the_tail_is_the_last_lines(tmp_path: Path) -> None:
    with Interrupts() as interrupts:
        ended = command.run("seq 100", cwd=tmp_path, interrupts=interrupts)

    assert ended.tail.splitlines() == [str(n) for n in range(71, 101)]


def test_a_signal_ends_a_command_and_all_it_started(tmp_path: Path) -> None:
    with Interrupts() as interrupts:
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(Interrupted):
            command.run("sleep 300 & echo $! > child; wait", cwd=tmp_path, interrupts=interrupts)
        with pytest.raises(Interrupted):
            command.run("true", cwd=tmp_path, interrupts=interrupts)

    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 10
    while _alive(child) and time.monotonic() < deadline:
        time.sleep(0.01)  # it was killed; the system takes a moment to end it
    assert not _alive(child)


def test_a_second_ctrl_c_stops_at_once() -> None:
    with Interrupts() as interrupts:
        os.kill(os.getpid(), signal.SIGTERM)
        assert interrupts.requested
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_a_signal_ends_a_pause() -> None:
    with Interrupts() as interrupts:
        interrupts.pause(0.01)
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()
        with pytest.raises(Interrupted):
            interrupts.pause(60)


def test_the_old_handlers_come_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Interrupts():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_daemon_that_left_its_group_is_found_by_its_mark() -> None:
    daemon = subprocess.Popen(["sleep", "300"], env={**os.environ, MARK: "lost"}, start_new_session=True)
    other = subprocess.Popen(["sleep", "300"], env={**os.environ, MARK: "another"}, start_new_session=True)

    kill_marked("lost")

    assert daemon.wait(timeout=10) == -signal.SIGKILL
    assert other.poll() is None
    other.kill()
    other.wait()


def test_this_process_keeps_off_the_cpu_that_is_measured() -> None:
    before = cpus.allowed()
    with cpus.away_from(before[0]):
        assert before[0] not in cpus.allowed() or len(before) == 1
    with cpus.away_from(None):
        assert cpus.allowed() == before
    assert cpus.allowed() == before
    assert cpus.can_pin()


def test_where_affinity_is_refused_nothing_is_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    assert not cpus.can_pin()
    monkeypatch.delattr(os, "sched_getaffinity")
    assert cpus.allowed() == ()
    assert not cpus.can_pin()


def talk(code: str, interrupts: Interrupts) -> Agent:
    start = "import json, os; r, w = map(int, os.environ['PERFGATE_CHANNEL'].split(','))\n"
    return Agent(Launch(argv=(sys.executable, "-c", start + code), cwd="/"), environ={}, interrupts=interrupts)


def test_an_agent_answers_line_by_line() -> None:
    echo = "while True:\n    os.write(w, os.read(r, 1000))"
    with Interrupts() as interrupts, talk(echo, interrupts) as agent:
        agent.send(do="turn", loops=3)
        assert agent.receive(timeout_s=20) == {"do": "turn", "loops": 3}


def test_an_agent_that_says_nothing_is_silent() -> None:
    with Interrupts() as interrupts, talk("os.read(r, 1)", interrupts) as agent, pytest.raises(AgentSilent):
        agent.receive(timeout_s=0.3)


@pytest.mark.parametrize("code", ["os._exit(7)", "os.write(w, b'no json\\n')", "os.write(w, b'[1]\\n')"])
def test_an_agent_that_ends_or_babbles_is_gone(code: str) -> None:
    with Interrupts() as interrupts, talk(code, interrupts) as agent, pytest.raises(AgentGone):
        agent.receive(timeout_s=20)


def test_an_agent_whose_child_holds_the_pipe_is_gone_all_the_same() -> None:
    code = "import time\nif os.fork():\n    os._exit(3)\ntime.sleep(300)"
    with Interrupts() as interrupts, talk(code, interrupts) as agent:
        with pytest.raises(AgentGone):
            agent.receive(timeout_s=20)
        assert agent.last_words() == "exited with status 3"


def test_nobody_reads_what_is_sent_to_the_dead() -> None:
    with Interrupts() as interrupts, talk("os.kill(os.getpid(), 9)", interrupts) as agent:
        agent.finish(timeout_s=20)
        with pytest.raises(AgentGone):
            agent.send(do="run", names=["x" * 100_000])
        assert agent.last_words() == "killed by signal 9"


def test_an_agent_that_cannot_start_leaves_nothing_open() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with Interrupts() as interrupts, pytest.raises(FileNotFoundError):
        Agent(Launch(argv=("/no/such/program",), cwd="/"), environ={}, interrupts=interrupts)

    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "run.json"
    files.write(path, "one")
    files.write(path, "two")

    assert path.read_text() == "two"
    assert [entry.name for entry in path.parent.iterdir()] == ["run.json"]
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    files.write(path, "old")
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        with pytest.raises(MeasureError, match="cannot write"):
            files.write(path, "x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)

    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.json"]


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MeasureError, match="cannot write"):
        files.write(tmp_path / "file" / "run.json", "x")


def test_reading_has_a_limit(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(b"12345")

    assert files.read(path, largest=5) == b"12345"
    with pytest.raises(FileError, match="more than 4"):
        files.read(path, largest=4)
    with pytest.raises(FileError, match="does not exist") as found:
        files.read(tmp_path / "none", largest=4)
    assert found.value.hint == f"check its name; it was looked for in {tmp_path}"
    with pytest.raises(FileError, match="not a regular file"):
        files.read(Path("/dev/null"), largest=4)


def test_the_environment_has_what_makes_runs_comparable() -> None:
    facts = dict(environment((("python", "cpython 3.11"),)).facts)

    assert {"cpu", "cores", "system", "kernel", "machine", "python"} <= facts.keys()


def test_without_proc_the_processor_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> str:
        raise OSError

    monkeypatch.setattr(Path, "read_text", refuse)
    assert environment().fingerprint


def test_a_directory_outside_git_is_refused(tmp_path: Path) -> None:
    with Interrupts() as interrupts, pytest.raises(UsageError, match="is not in a git repository"):
        Repository(tmp_path, interrupts=interrupts)


def test_the_working_tree_becomes_a_commit_and_stays_as_it_is(project: Project) -> None:
    first = project.commit(a_txt="one")
    project.put(".gitignore", "*.log\n")
    project.put("a.txt", "two")
    project.put("new file.txt", "new")
    project.put("noise.log", "ignored")
    before = project.snapshot()
    with Interrupts() as interrupts:
        repository = Repository(project.root, interrupts=interrupts)
        dirty, again = repository.working_tree(), repository.working_tree()
        commit = str(dirty.commit)
        assert set(repository.tree(commit)) == {".gitignore", "a.txt", "new file.txt"}
        assert repository.content(commit, "a.txt") == b"two"
        assert repository.contents(commit, ["a.txt"], largest=100) == {"a.txt": b"two"}
        assert repository.parents(commit) == (first,)

    assert project.snapshot() == before
    assert dirty == again
    assert dirty.dirty
    assert dirty.commit != first


def test_a_clean_working_tree_is_its_commit(project: Project) -> None:
    commit = project.commit(a_txt="one")
    with Interrupts() as interrupts:
        found = Repository(project.root, interrupts=interrupts).working_tree()

    assert (found.commit, found.dirty) == (commit, False)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_git_s_own_reason_is_not_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkout of another owner, as in a container: git says so and names the remedy."""
    (tmp_path / "git").write_text("#!/bin/sh\necho 'fatal: detected dubious ownership in repository' >&2\nexit 128\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    with Interrupts() as interrupts, pytest.raises(UsageError, match="does not trust") as caught:
        Repository(tmp_path, interrupts=interrupts)

    assert caught.value.hint == f"git config --global --add safe.directory {tmp_path}"


def test_a_repository_that_git_refuses_to_make_is_not_somebody_else_s(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old git inside another repository: the commits must not go there."""
    real = shutil.which("git")
    fake = project.root / "bin" / "git"
    fake.parent.mkdir()
    fake.write_text(f'#!/bin/sh\n[ "$1" = init ] && {{ echo no >&2; exit 129; }}\nexec {real} "$@"\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")

    with Interrupts() as interrupts, pytest.raises(GitError, match="git cannot make a repository in"):
        create_repository(project.root / "inside", interrupts=interrupts)


def test_what_a_command_says_aside_is_no_part_of_what_it_printed(tmp_path: Path) -> None:
    with Interrupts() as interrupts:
        ended = command.run("cat; echo two >&2", cwd=tmp_path, interrupts=interrupts, data=b"one", apart=True)

    assert (ended.printed, ended.complaints) == (b"one", b"two\n")


def test_what_is_no_regular_file_is_written_into_and_a_link_stays_one(tmp_path: Path) -> None:
    pipe, link, target = tmp_path / "pipe", tmp_path / "link", tmp_path / "target"
    os.mkfifo(pipe)
    link.symlink_to(target)
    reader = subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE)

    files.write(pipe, "text")
    files.write(link, "text")

    assert reader.communicate(timeout=10)[0] == b"text"
    assert pipe.is_fifo()
    assert link.is_symlink()
    assert target.read_text() == "text"


def test_a_place_that_cannot_be_written_is_said_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    files.check_writable(tmp_path / "new" / "report.md")
    with pytest.raises(MeasureError, match="cannot make"):
        files.check_writable(tmp_path / "file" / "report.md")
    with pytest.raises(MeasureError, match="cannot write"):
        files.check_writable(tmp_path)


def test_half_characters_are_replaced_where_messages_enter() -> None:
    code = r"""os.write(w, b'{"a": ["\\udc80"], "b": 1}\n')"""
    with Interrupts() as interrupts, talk(code, interrupts) as agent:
        assert agent.receive(timeout_s=10) == {"a": ["?"], "b": 1}
