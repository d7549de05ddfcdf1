"""The limit of sign-ins: guessing does not pay, and nobody is shut out."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from sessions.actions import Attempt, begin_sign_in, sign_in, sign_in_failed, sign_in_succeeded
from sessions.errors import SignInSlowed
from sessions.models import AuditEvent, SignInBudget

pytestmark = pytest.mark.django_db
HERE, ELSEWHERE = "203.0.113.7", "198.51.100.9"
type Pass = Callable[[float], None]


@pytest.fixture
def time_passes(monkeypatch: pytest.MonkeyPatch) -> Pass:
    """Moves the clock by so many seconds, backwards when negative; it stands still otherwise."""
    clock = {"now": timezone.now()}
    monkeypatch.setattr(timezone, "now", lambda: clock["now"])

    def move(seconds: float) -> None:
        clock["now"] += timedelta(seconds=seconds)

    return move


def fail(name: str = "alice", *, address: str = HERE, mark: str = "", times: int = 1) -> None:
    for _ in range(times):
        sign_in_failed(begin_sign_in(name, address=address, mark=mark))


def wait_of(name: str = "alice", *, address: str = HERE, mark: str = "") -> int:
    """The seconds that the next attempt would have to wait; where it need not, it is made and succeeds."""
    try:
        sign_in_succeeded(begin_sign_in(name, address=address, mark=mark))
    except SignInSlowed as slowed:
        return slowed.wait_seconds
    return 0


def test_it_lets_some_attempts_fail_freely(time_passes: Pass) -> None:
    fail(times=sign_in.FREE_FAILURES - 1)
    assert wait_of() == 0


def test_it_doubles_the_wait_up_to_a_quarter_of_an_hour(time_passes: Pass) -> None:
    fail(times=sign_in.FREE_FAILURES)
    waits = []
    for _ in range(12):
        waits.append(wait_of())
        time_passes(waits[-1])
        fail()
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]


def test_it_does_not_prolong_the_wait_for_asking_again(time_passes: Pass) -> None:
    fail(times=sign_in.FREE_FAILURES)
    for _ in range(50):
        assert wait_of() == 2
    time_passes(2)
    assert wait_of() == 0


def test_it_forgets_the_failures_after_a_success(time_passes: Pass) -> None:
    for _ in range(5):
        fail(times=sign_in.FREE_FAILURES - 1)
        assert wait_of() == 0


def test_it_forgets_them_after_a_day(time_passes: Pass) -> None:
    fail(times=sign_in.FREE_FAILURES)
    time_passes(2)
    fail()
    time_passes(24 * 3600 + 1)
    fail(times=sign_in.FREE_FAILURES - 1)
    assert wait_of() == 0


def test_it_counts_other_accounts_and_other_networks_apart(time_passes: Pass) -> None:
    fail(times=sign_in.FREE_FAILURES)
    assert wait_of("alice", address=ELSEWHERE) == 0
    assert wait_of("bob") == 0
    assert wait_of() == 2


def test_it_slows_a_network_that_tries_many_accounts(time_passes: Pass) -> None:
    for number in range(sign_in.FREE_FAILURES_OF_A_NETWORK):
        fail(f"guess-{number}")
    assert wait_of("alice") == 2
    assert wait_of("alice", address=ELSEWHERE) == 0


def test_it_gives_a_success_back_to_its_network_and_no_more(time_passes: Pass) -> None:
    for number in range(sign_in.FREE_FAILURES_OF_A_NETWORK - 1):
        fail(f"guess-{number}")
    for _ in range(5):
        assert wait_of("mallory") == 0
    fail("guess-last")
    assert wait_of("mallory") == 2


def test_it_never_makes_a_known_browser_wait_for_what_others_did(time_passes: Pass) -> None:
    for number in range(sign_in.FREE_FAILURES):
        fail()
        fail(f"guess-{number}")
    for number in range(sign_in.FREE_FAILURES_OF_A_NETWORK - 2 * sign_in.FREE_FAILURES):
        fail(f"other-{number}")
    assert wait_of() > 0
    assert wait_of("bob") > 0
    assert wait_of(mark="alice's own") == 0


def test_it_gives_a_known_browser_a_budget_of_its_own(time_passes: Pass) -> None:
    fail(mark="stolen", times=sign_in.FREE_FAILURES)
    assert wait_of(mark="stolen") == 2
    assert wait_of(mark="alice's own") == 0
    assert wait_of("bob", mark="stolen") == 0
    assert wait_of() == 0


def test_it_never_waits_for_a_clock_that_was_wrong(time_passes: Pass) -> None:
    time_passes(365 * 24 * 3600)
    fail(times=sign_in.FREE_FAILURES)
    time_passes(-365 * 24 * 3600)
    assert wait_of() == 0


def test_it_keeps_a_wait_over_a_clock_that_is_set_a_little(time_passes: Pass) -> None:
    fail(times=sign_in.FREE_FAILURES)
    time_passes(-0.5)
    assert wait_of() == 3


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("", "unknown"),
        ("a pipe", "unknown"),
    ],
)
def test_it_takes_for_one_visitor_what_one_visitor_may_hold(address: str, network: str) -> None:
    assert sign_in.network_of(address) == network


def test_it_keeps_neither_names_nor_addresses_in_the_budgets() -> None:
    fail("alice@example.org")
    kept = " ".join(f"{row.key}" for row in SignInBudget.objects.all())
    assert "alice" not in kept
    assert HERE not in kept


def test_it_keeps_a_bounded_number_of_budgets(time_passes: Pass, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in, "MOST_BUDGETS", 20)
    for number in range(40):
        time_passes(1)
        fail(f"guess-{number}", address=f"203.0.113.{number}")
    assert SignInBudget.objects.count() <= 20 + 2 + 2
    time_passes(0)
    fail("guess-39", address="203.0.113.39", times=sign_in.FREE_FAILURES - 1)
    assert wait_of("guess-39", address="203.0.113.39") == 2


def test_it_drops_budgets_that_say_nothing_any_more(time_passes: Pass) -> None:
    fail(times=3)
    time_passes(24 * 3600 + 1)
    fail("bob", address=ELSEWHERE)
    assert SignInBudget.objects.exclude(key__startswith="audit:").count() == 2


def test_it_notes_who_signed_in_and_who_failed_to(time_passes: Pass) -> None:
    User.objects.create_user("alice")
    fail("alice")
    fail("my secret password")
    wait_of("alice")
    noted = AuditEvent.objects.order_by("pk").values_list("actor", "verb", "details")
    details = {"network": HERE, "known_browser": False}
    assert [*noted] == [
        ("alice", "sign_in_failed", details),
        ("unknown", "sign_in_failed", details),
        ("alice", "signed_in", details),
    ]


def test_it_notes_no_more_than_so_many_failures_an_hour(time_passes: Pass) -> None:
    attempt = Attempt("alice", HERE, known_browser=False, budgets={})
    for _ in range(sign_in.AUDITED_AN_HOUR + 50):
        sign_in_failed(attempt)
    assert AuditEvent.objects.count() == sign_in.AUDITED_AN_HOUR
    last = AuditEvent.objects.order_by("-pk")[0]
    assert datetime.fromisoformat(last.details["not_noted_until"]) > timezone.now()
    time_passes(3601)
    sign_in_failed(attempt)
    assert AuditEvent.objects.count() == sign_in.AUDITED_AN_HOUR + 1


def test_it_lets_no_more_through_at_once_than_one_by_one() -> None:
    passed: list[str] = []

    def attempt() -> None:
        try:
            begin_sign_in("alice", address=HERE)
            passed.append("looked at")
        except SignInSlowed:
            passed.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=attempt) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(passed) == ["looked at"] * sign_in.FREE_FAILURES + ["refused"] * (12 - sign_in.FREE_FAILURES)
