"""How often a token may be used: counted by the clock, for all threads and processes together."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from sessions import throttle
from sessions.throttle import Allowance, spend

# Somewhere behind zero, as the system's clock is.
BEGIN = 1_000.0
# Nothing else runs in the children.
pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")


@pytest.fixture(autouse=True)
def anew() -> Iterator[None]:
    throttle.forget()
    yield
    throttle.forget()


def spend_all(key: int = 1, *, per_minute: int = 60, now: float = BEGIN, tries: int = 200) -> int:
    """How many of so many requests are heard at one moment."""
    return sum(spend(key, per_minute=per_minute, now=now).allowed for _ in range(tries))


def in_processes(number: int, work: Callable[[], int]) -> int:
    """The sum of what some forked processes come to, each less than 256."""
    children = []
    for _ in range(number):
        if (child := os.fork()) == 0:
            os._exit(work())
        children.append(child)
    return sum(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)


@pytest.mark.parametrize("per_minute", [1, 7, 60, 6_000])
def test_it_hears_a_minutes_worth_at_once(per_minute: int) -> None:
    assert spend_all(per_minute=per_minute, tries=per_minute + 50) == per_minute


def test_it_hears_them_evenly_after_that() -> None:
    spend_all()
    heard = [spend(1, per_minute=60, now=BEGIN + step / 4).allowed for step in range(41)]
    assert [place / 4 for place, allowed in enumerate(heard) if allowed] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]


def test_it_is_whole_again_after_a_minute_and_never_more_than_whole() -> None:
    spend_all()
    assert spend_all(now=BEGIN + 60) == 60
    assert spend_all(now=BEGIN + 86_400) == 60


def test_it_tells_what_is_left_and_how_long_it_takes() -> None:
    assert spend(1, per_minute=60, now=BEGIN) == Allowance(True, 60, 59, 1.0, 0.0)
    assert spend(1, per_minute=60, now=BEGIN) == Allowance(True, 60, 58, 2.0, 0.0)
    assert spend(1, per_minute=60, now=BEGIN + 1) == Allowance(True, 60, 58, 2.0, 0.0)


def test_it_tells_when_the_next_is_heard_and_keeps_its_word() -> None:
    spend_all()
    refused = spend(1, per_minute=60, now=BEGIN + 0.25)
    assert refused == Allowance(False, 60, 0, 59.75, 0.75)
    assert not spend(1, per_minute=60, now=BEGIN + 0.99).allowed
    assert spend(1, per_minute=60, now=BEGIN + 0.25 + refused.wait_seconds).allowed


def test_it_costs_a_refused_token_nothing_to_ask() -> None:
    spend_all(tries=10_000)
    assert spend(1, per_minute=60, now=BEGIN + 1).allowed


def test_it_counts_each_token_by_itself() -> None:
    spend_all(key=1)
    assert spend_all(key=2) == 60


def test_it_tells_tokens_apart_that_share_a_slot() -> None:
    colliding = [5 + number * throttle._SLOTS for number in range(throttle._PROBES)]
    for key in colliding:
        assert spend_all(key) == 60
    assert [spend(key, per_minute=60, now=BEGIN).allowed for key in colliding] == [False] * len(colliding)


def test_it_forgets_the_token_that_was_quiet_longest_where_too_many_collide() -> None:
    *early, latest = [5 + number * throttle._SLOTS for number in range(throttle._PROBES + 1)]
    for age, key in enumerate(early):
        spend_all(key, now=BEGIN + age)
    assert spend_all(latest, now=BEGIN + 10) == 60
    # The first one made room, and is whole again; the others are not.
    assert not spend(early[-1], per_minute=60, now=BEGIN + 7).allowed
    assert spend_all(early[0], now=BEGIN + 10) == 60


def test_it_counts_for_all_threads_together() -> None:
    heard: list[int] = []
    threads = [threading.Thread(target=lambda: heard.append(spend_all(tries=100))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(heard) == 60


def test_it_counts_for_all_forked_processes_together() -> None:
    assert in_processes(4, spend_all) == 60
    assert not spend(1, per_minute=60, now=BEGIN).allowed


def test_it_keeps_nobody_waiting_for_a_process_that_was_killed() -> None:
    child = os.fork()
    if child == 0:
        while True:
            spend(1, per_minute=1_000_000)
    time.sleep(0.3)
    os.kill(child, signal.SIGSTOP)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert spend(2, per_minute=60).allowed
