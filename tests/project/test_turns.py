"""Writers that wait for one another before they ask SQLite: threads, processes, and those that die."""

import os
import threading
import time
from pathlib import Path

import pytest

from sessionsite.sqlite.turns import Turns, turns_at


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
    assert second.take(0)
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
