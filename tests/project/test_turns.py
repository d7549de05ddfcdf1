"""Writers that wait for one another before they ask SQLite: threads, processes, and those that die."""

import errno
import os
import random
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from sessionsite.sqlite.turns import Turns, turns_at

# Who waits in another's stead is a thread, and does not go along; nothing of it is used in the forked process.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite3"


def in_another_process(database: Path, *, hold_seconds: float) -> int:
    """A forked process that has taken a turn, keeps it so long, and dies without giving it back."""
    ready, told = os.pipe()
    if not (pid := os.fork()):
        taken = turns_at(database).take(5)
        os.write(told, b"y" if taken else b"n")
        time.sleep(hold_seconds)
        os._exit(0)
    os.close(told)
    assert os.read(ready, 1) == b"y"
    os.close(ready)
    return pid


def test_it_lets_one_at_a_time(database: Path) -> None:
    first, second = Turns(database), Turns(database)
    assert first.take(0)
    assert not second.take(0.01)
    first.give_back()
    assert second.take(1)
    second.give_back()


def test_it_hands_a_turn_on_among_threads(database: Path) -> None:
    turns, inside, most = turns_at(database), [0], [0]

    def write() -> None:
        for _ in range(50):
            assert turns.take(5)
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            time.sleep(0)
            inside[0] -= 1
            turns.give_back()

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]


def test_it_waits_for_another_process(database: Path) -> None:
    turns = turns_at(database)
    pid = in_another_process(database, hold_seconds=0.2)
    assert not turns.take(0.02)
    began = time.monotonic()
    assert turns.take(5)
    assert time.monotonic() - began < 2
    turns.give_back()
    os.waitpid(pid, 0)


def test_nobody_has_a_turn_twice_however_many_give_up(database: Path) -> None:
    """Threads of several processes, most of them in a hurry; who is inside notes it in a file and finds nobody else."""
    inside = database.with_name("inside")
    children = []
    for number in range(3):
        if not (pid := os.fork()):
            os._exit(_hurry(turns_at(database), inside, number))
        children.append(pid)
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children] == [0, 0, 0]


def _hurry(turns: Turns, inside: Path, seed: int) -> int:
    chances, failures, had = random.Random(seed), [], []

    def write() -> None:
        for _ in range(60):
            if not turns.take(chances.choice([0, 0.0005, 0.002, 5])):
                continue
            try:
                os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
                time.sleep(chances.choice([0, 0.0005, 0.003]))
                inside.unlink()
                had.append(1)
            except OSError as error:
                failures.append(error)
            turns.give_back()

    threads = [threading.Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 0 if had and not failures else 1


def test_a_turn_that_comes_when_nobody_wants_it_any_more_is_given_back(database: Path) -> None:
    turns = turns_at(database)
    pid = in_another_process(database, hold_seconds=0.2)
    assert not turns.take(0.02)
    os.waitpid(pid, 0)
    # What waits in its stead has the file for a moment, and nobody asked for it.
    assert Turns(database).take(2)


def test_who_is_interrupted_while_waiting_holds_nothing(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    turns = turns_at(database)
    pid = in_another_process(database, hold_seconds=0.2)
    wait_for = threading.Condition.wait_for

    def interrupted(self: threading.Condition, *given: Any) -> Any:
        done = wait_for(self, *given)
        if threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt
        return done

    with monkeypatch.context() as broken:
        broken.setattr(threading.Condition, "wait_for", interrupted)
        with pytest.raises(KeyboardInterrupt):
            turns.take(5)
    os.waitpid(pid, 0)
    assert Turns(database).take(2)


def test_a_file_that_cannot_be_locked_is_told_to_whoever_waits(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    turns = turns_at(database)
    pid = in_another_process(database, hold_seconds=0.2)

    def broken(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(turns, "_lock_at_last", broken)
    for _ in range(2):
        with pytest.raises(OSError, match="no locks"):
            turns.take(5)
    os.waitpid(pid, 0)
    assert turns.take(1)
    turns.give_back()


def test_processes_that_keep_asking_are_heard_in_turn(database: Path) -> None:
    """One that takes a turn as soon as it gave the last one back must not keep the others from it."""
    ready, told = os.pipe()
    if not (pid := os.fork()):
        turns = turns_at(database)
        os.write(told, b"y")
        while turns.take(5):
            time.sleep(0.002)
            turns.give_back()
        os._exit(1)
    try:
        assert os.read(ready, 1) == b"y"
        turns, began = turns_at(database), time.monotonic()
        for _ in range(20):
            assert turns.take(5)
            turns.give_back()
        # The first take is the contest. Who looked at the file every millisecond instead did not get it in 5 s.
        assert time.monotonic() - began < 1
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_a_forked_process_does_not_share_its_parents_turn(database: Path) -> None:
    turns = turns_at(database)
    assert turns.take(0)
    # The file is open now. A lock belongs to that, and a process that went on with it would find its own lock.
    turns.give_back()
    pid = in_another_process(database, hold_seconds=0.2)
    assert not turns.take(0.02)
    os.waitpid(pid, 0)


def test_a_file_that_cannot_be_made_stops_nobody(tmp_path: Path) -> None:
    turns = Turns(tmp_path / "missing" / "store.sqlite3")
    assert turns.take(0)
    assert not turns.take(0.01), "threads still wait for one another"
    turns.give_back()
    assert turns.take(0)
    turns.give_back()


def test_it_does_not_follow_a_link(database: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("kept")
    database.with_name(f"{database.name}-turn").symlink_to(tmp_path / "elsewhere")
    assert Turns(database).take(0)
    assert (tmp_path / "elsewhere").read_text() == "kept"
