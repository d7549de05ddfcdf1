"""Writers that wait for one another before they ask SQLite: threads, processes, and those that die."""

import errno
import fcntl
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sessionsite.sqlite.turns import Turns, turns_at

# Who waits in another's stead is a thread, and does not go along; nothing of it is used in the forked process.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite3"


def forked(work: Callable[[], object]) -> int:
    """A process that does something, and fails where that raises."""
    if pid := os.fork():
        return pid
    try:
        work()
        os._exit(0)
    finally:
        os._exit(1)


@contextmanager
def held_by_another(database: Path, then: Callable[[Turns], object] = lambda _: time.sleep(60)) -> Iterator[int]:
    """A process that has taken a turn and goes on from there; it dies with the block, giving nothing back."""
    ready, told = os.pipe()

    def hold() -> None:
        turns = turns_at(database)
        os.write(told, b"y" if turns.take(5) else b"n")
        then(turns)

    pid = forked(hold)
    try:
        os.close(told)
        assert os.read(ready, 1) == b"y"
        yield pid
    finally:
        os.close(ready)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def side_by_side(count: int, work: Callable[[], object]) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_it_lets_one_at_a_time(database: Path) -> None:
    first, second = Turns(database), Turns(database)
    assert first.take(0)
    assert not second.take(0.01)
    first.give_back()
    assert second.take(5)
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

    side_by_side(4, write)
    assert most == [1]


def test_it_waits_for_another_process_until_that_dies(database: Path) -> None:
    turns = turns_at(database)
    with held_by_another(database) as pid:
        assert not turns.take(0.02)
        killer = threading.Timer(0.1, os.kill, [pid, signal.SIGKILL])
        killer.start()
        assert turns.take(30)
        killer.join()
        turns.give_back()


def test_nobody_has_a_turn_twice_however_many_give_up(database: Path) -> None:
    """Threads of several processes, most of them in a hurry; who is inside notes it in a file and finds nobody else."""
    inside = database.with_name("inside")
    children = [forked(partial(_hurry, database, inside, number)) for number in range(3)]
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children] == [0, 0, 0]


def _hurry(database: Path, inside: Path, seed: int) -> None:
    turns = turns_at(database)
    chances, done, had = random.Random(seed), [], []

    def write() -> None:
        for _ in range(60):
            if turns.take(chances.choice([0, 0.0005, 0.002, 30])):
                os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
                time.sleep(chances.choice([0, 0.0005, 0.003]))
                inside.unlink()
                turns.give_back()
                had.append(1)
        done.append(1)

    side_by_side(3, write)
    assert had
    assert len(done) == 3


def test_a_turn_that_comes_when_nobody_wants_it_any_more_is_given_back(database: Path) -> None:
    turns = turns_at(database)
    with held_by_another(database):
        assert not turns.take(0.02)
    # What waits in its stead has the file for a moment, and nobody asked for it.
    assert Turns(database).take(5)


def test_what_is_on_its_way_back_is_nobodys(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock is its file's: asked for again meanwhile, the system would grant it, and it would be taken back then."""
    turns, given_back = turns_at(database), threading.Event()
    has_it = threading.Event()

    def lock_and_linger() -> None:
        fcntl.flock(turns._descriptor or -1, fcntl.LOCK_EX)
        has_it.set()
        given_back.wait(30)

    monkeypatch.setattr(turns, "_lock_at_last", lock_and_linger)
    with held_by_another(database):
        assert not turns.take(0.1)
    assert has_it.wait(30)
    assert not turns.take(0)
    given_back.set()
    assert turns.take(30)
    turns.give_back()


def test_who_did_not_wait_does_not_keep_the_next_from_it(database: Path) -> None:
    turns = turns_at(database)
    with held_by_another(database):
        for _ in range(50):
            assert not turns.take(0)
    ending = time.monotonic() + 5
    while not turns.take(0):
        assert time.monotonic() < ending
        time.sleep(0.001)
    turns.give_back()


def test_who_is_interrupted_while_waiting_holds_nothing(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    turns = turns_at(database)
    wait_for = threading.Condition.wait_for

    def interrupted(self: threading.Condition, *given: Any) -> Any:
        done = wait_for(self, *given)
        if threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt
        return done

    with held_by_another(database) as pid, monkeypatch.context() as broken:
        broken.setattr(threading.Condition, "wait_for", interrupted)
        killer = threading.Timer(0.1, os.kill, [pid, signal.SIGKILL])
        killer.start()
        with pytest.raises(KeyboardInterrupt):
            turns.take(30)
        killer.join()
    another = Turns(database)
    assert another.take(5)
    another.give_back()
    assert turns.take(5)
    turns.give_back()


def test_who_waited_for_a_thread_has_less_time_for_a_process(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    turns, left = turns_at(database), list[float]()
    monkeypatch.setattr(turns, "_lock_file_now", lambda: False)
    monkeypatch.setattr(turns, "_lock_file", left.append)
    turns._threads.acquire()
    threading.Timer(0.1, turns._threads.release).start()
    turns.take(10)
    assert 0 < left[0] < 10


def test_who_is_interrupted_while_giving_back_keeps_no_thread_out(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    turns = turns_at(database)
    assert turns.take(0)
    with monkeypatch.context() as broken:
        broken.setattr(fcntl, "flock", interrupted)
        with pytest.raises(KeyboardInterrupt):
            turns.give_back()
    assert turns.take(5)
    turns.give_back()


def test_a_file_system_without_locks_stops_nobody(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    turns = turns_at(database)
    monkeypatch.setattr(fcntl, "flock", broken)
    for _ in range(2):
        assert turns.take(0)
        assert not turns.take(0.01), "threads still wait for one another"
        turns.give_back()


def test_locks_that_fail_while_one_is_waited_for_stop_nobody(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flock = fcntl.flock

    def broken(descriptor: int, how: int) -> None:
        if how == fcntl.LOCK_EX:
            raise OSError(errno.ENOLCK, "no locks available")
        flock(descriptor, how)

    turns = turns_at(database)
    with held_by_another(database):
        monkeypatch.setattr(fcntl, "flock", broken)
        for _ in range(2):
            assert turns.take(5)
            turns.give_back()


def test_one_that_takes_every_turn_keeps_nobody_out(database: Path) -> None:
    """It takes the next as soon as it gave the last back; who looked at the file every millisecond never got one."""

    def go_on(turns: Turns) -> None:
        while True:
            time.sleep(0.002)
            turns.give_back()
            turns.take(30)

    turns = turns_at(database)
    with held_by_another(database, go_on):
        for _ in range(5):
            assert turns.take(5)
            turns.give_back()
            # The other has it again by then.
            time.sleep(0.003)


def test_a_forked_process_does_not_share_its_parents_turn(database: Path) -> None:
    turns = turns_at(database)
    assert turns.take(0)
    # The file is open now. A lock belongs to that, and a process that went on with it would find its own lock.
    turns.give_back()
    with held_by_another(database):
        assert not turns.take(0.02)


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
