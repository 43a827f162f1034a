"""Child processes start, say why they cannot, and never outlive their parent."""

import multiprocessing
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from duijie import processes
from duijie.exits import UserMistake
from duijie.processes import Child

ROOT = Path(__file__).parents[2]


class Quiet:
    def start(self):
        pass

    def stop(self):
        pass


class Writes(Quiet):
    def __init__(self, path: Path):
        self.path = path

    def stop(self):
        self.path.write_text("stopped in order")


class CannotStart(Quiet):
    def start(self):
        raise UserMistake("端口已被占用", "the port is taken")


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_child_stops_in_order_when_told(tmp_path):
    child = Child("writes", partial(Writes, tmp_path / "said"))
    child.start()
    child.wait_ready()
    pid = child.pid

    child.stop()

    assert (tmp_path / "said").read_text() == "stopped in order"
    assert gone(pid)


def test_the_first_of_two_children_stops_while_the_second_lives(tmp_path):
    first, second = Child("first", partial(Writes, tmp_path / "said")), Child("second", Quiet)
    first.start()
    second.start()
    first.wait_ready()
    second.wait_ready()

    first.stop()

    assert (tmp_path / "said").exists()
    second.stop()


def test_a_child_that_cannot_start_says_why():
    child = Child("taken", CannotStart)
    child.start()

    with pytest.raises(UserMistake, match="the port is taken"):
        child.wait_ready()


class KilledAtOnce:
    """A process that is killed before it has read what it is to do."""

    def __init__(self, theirs):
        self.theirs = theirs

    def kill(self):
        self.theirs.close()

    def join(self):
        pass


@pytest.mark.parametrize("killed", ["before it is told its job", "before it reads its job"])
def test_a_child_that_was_killed_before_it_read_its_job_did_not_start(monkeypatch, killed):
    ours, theirs = multiprocessing.Pipe()
    process = KilledAtOnce(theirs)
    monkeypatch.setattr(processes, "_new_process", lambda name: (process, ours))
    child = Child("quiet", Quiet)
    if killed == "before it is told its job":
        process.kill()
    child.start()
    process.kill()
    with pytest.raises(UserMistake, match="quiet did not start"):
        child.wait_ready()


def test_children_end_when_their_parent_is_killed(tmp_path):
    (tmp_path / "marking.py").write_text("""
import os
class Marks:
    def __init__(self, path): self.path = path
    def start(self): pass
    def stop(self): open(f"{self.path}/stopped-{os.getpid()}", "w").close()
""")
    program = tmp_path / "parent.py"
    program.write_text("""
import sys
from functools import partial
from duijie.processes import Child
from marking import Marks
if __name__ == "__main__":
    children = [Child(name, partial(Marks, sys.argv[1]), again=name == "a") for name in "ab"]
    for child in children: child.start()
    for child in children: child.wait_ready()
    print(*(child.pid for child in children), flush=True)
    sys.stdin.read()
""")
    parent = subprocess.Popen(
        [sys.executable, str(program), str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)])},
    )
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) == 2
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    # The children hold the other end of this pipe until they are gone.
    assert parent.stdout.read() == ""
    parent.stdout.close()
    parent.stdin.close()
    assert {path.name for path in tmp_path.glob("stopped-*")} == {f"stopped-{pid}" for pid in pids}


class Echoes(Quiet):
    def __init__(self, said: str):
        self.said = said


def echo(service: Echoes, question: str, argument: str) -> str:
    return f"{service.said} {question} {argument}"


@pytest.fixture
def nobody_rests(monkeypatch):
    monkeypatch.setattr(processes, "_resting", [])
    yield
    for process, lifeline in processes._resting:
        lifeline.close()
        process.join(20)
        assert not process.is_alive()


def started_again(said: str) -> Child:
    child = Child("echoes", partial(Echoes, said), echo, again=True)
    child.start()
    child.wait_ready()
    return child


def test_a_process_that_stopped_in_order_is_used_again_for_another_service(nobody_rests):
    first = started_again("first")
    pid = first.pid
    assert first.ask("says", "a") == "first says a"
    first.stop()
    second = started_again("second")
    assert second.pid == pid
    assert second.ask("says", "b") == "second says b"
    third = started_again("third")
    assert third.pid != pid
    for child in (second, third):
        child.stop()


def test_a_process_that_was_killed_is_never_used_again(nobody_rests):
    first = started_again("first")
    pid = first.pid
    first.kill()
    second = started_again("second")
    assert second.pid != pid
    second.stop()


def test_a_process_that_ended_while_it_rested_is_replaced(nobody_rests):
    first = started_again("first")
    first.stop()
    ((process, _),) = processes._resting
    process.kill()
    process.join(20)
    second = started_again("second")
    assert second.ask("says", "b") == "second says b"
    second.stop()


class StopsBadly(Quiet):
    def stop(self):
        raise RuntimeError("it broke")


def test_a_process_whose_service_did_not_stop_in_order_is_not_used_again(nobody_rests):
    child = Child("breaks", StopsBadly, again=True)
    child.start()
    child.wait_ready()
    child.stop()
    assert processes._resting == []


def test_a_process_whose_service_could_not_start_leaves_room_for_the_next(nobody_rests):
    child = Child("taken", CannotStart, again=True)
    child.start()
    with pytest.raises(UserMistake, match="the port is taken"):
        child.wait_ready()
    started_again("next").stop()
