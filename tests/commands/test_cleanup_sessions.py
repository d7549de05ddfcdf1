"""`manage.py cleanup_sessions`: shows what it takes, asks, and deletes nothing that it was not told to."""

import os
import pty
from datetime import timedelta

import pytest
from django.utils import timezone

from sessions import actions
from sessions.models import AuditEvent, Session, Tombstone
from tests.builders import ALICE, make_session

from .running import Ran, everything, run, run_process


def trashed() -> set[str]:
    return set(Session.objects.filter(trashed_at__isnull=False).values_list("pk", flat=True))


def trash(session: Session, days_ago: float = 0) -> None:
    actions.trash_session(session.pk, actor=ALICE)
    Session.objects.filter(pk=session.pk).update(trashed_at=timezone.now() - timedelta(days=days_ago))


def make_idle_sessions(count: int) -> None:
    for _ in range(count):
        make_session()
    Session.objects.update(last_activity_at=timezone.now() - timedelta(days=30))


def at_a_terminal(typed: bytes, *arguments: str) -> Ran:
    """Run it with a person at its standard input who types this."""
    person, terminal = pty.openpty()
    try:
        os.write(person, typed)
        return run_process("cleanup_sessions", *arguments, stdin=terminal)
    finally:
        os.close(person)
        os.close(terminal)


def test_it_trashes_what_is_idle_and_spares_what_is_held() -> None:
    idle, held, fresh = make_session(turns=2, idle_days=8), make_session(idle_days=8), make_session(idle_days=6)
    actions.hold_session(held.pk, actor=ALICE)

    ran = run("cleanup_sessions", "--yes")

    assert (ran.code, ran.err) == (0, "")
    assert trashed() == {idle.pk}
    assert f"trash  {idle.pk}  alice" in ran.out
    assert f"spare  {held.pk}  held" in ran.out
    assert fresh.pk not in ran.out
    assert "1 put into the trash, 0 purged, 0 skipped" in ran.out
    assert AuditEvent.objects.filter(verb="session_trashed", session_id=idle.pk, face="command").exists()
    assert list(actions.verify_mirror()) == []


def test_it_tells_a_program_what_it_did() -> None:
    idle = make_session(idle_days=8)

    told = run("cleanup_sessions", "--yes", "--json").json

    assert [item["session_id"] for item in told["to_trash"]] == [idle.pk]
    assert (told["to_purge"], told["excluded"], told["braked"], told["store_sessions"]) == ([], [], False, 1)
    assert told["result"]["trashed"] == 1


@pytest.mark.parametrize("json", [[], ["--json"]])
def test_it_changes_nothing_in_a_dry_run(json: list[str]) -> None:
    idle, old = make_session(turns=1, idle_days=8), make_session()
    trash(old, days_ago=31)
    before = everything()

    ran = run("cleanup_sessions", "--dry-run", "--purge", "--yes", *json)

    assert ran.code == 0
    assert idle.pk in ran.out
    assert old.pk in ran.out
    assert everything() == before


def test_a_dry_run_names_exactly_what_is_then_taken() -> None:
    for days in (1, 8, 9):
        make_session(idle_days=days)
    planned = run("cleanup_sessions", "--dry-run", "--json").json
    run("cleanup_sessions", "--yes")

    assert "result" not in planned
    assert trashed() == {item["session_id"] for item in planned["to_trash"]}
    assert len(trashed()) == 2


@pytest.mark.parametrize("days", ["0", "-1", "abc", "", " ", "1.5", "1e3", "36501", "9" * 30, "9" * 5000, "nan"])
def test_it_refuses_senseless_days_and_deletes_nothing(days: str) -> None:
    make_session(turns=1, idle_days=20_000)
    trash(make_session(), days_ago=20_000)
    before = everything()

    ran = run("cleanup_sessions", "--older-than", days, "--purge", "--yes", "--json")

    assert (ran.code, ran.out) == (2, "")
    assert "older-than" in ran.err or "idle_days" in ran.err
    assert everything() == before


@pytest.mark.parametrize("days", ["0", "-7", "abc", "99999999999"])
@pytest.mark.parametrize("name", ["SESSIONSITE_EXPIRE_DAYS", "SESSIONSITE_TRASH_DAYS"])
@pytest.mark.slow
def test_it_deletes_nothing_where_the_configuration_makes_no_sense(name: str, days: str) -> None:
    make_session(idle_days=8)
    before = everything()

    ran = run_process("cleanup_sessions", "--purge", "--yes", **{name: days})

    assert (ran.code, ran.out) == (1, "")
    assert name in ran.err
    assert everything() == before


def test_it_refuses_an_empty_user_instead_of_taking_everybodys() -> None:
    make_session(idle_days=8)
    before = everything()

    ran = run("cleanup_sessions", "--user", "", "--yes")

    assert (ran.code, ran.out) == (2, "")
    assert everything() == before


def test_it_takes_only_the_sessions_of_a_user() -> None:
    make_session(idle_days=8)
    bobs = make_session(user_id="bob", idle_days=8)
    bobs_old, alices_old = make_session(user_id="bob"), make_session()
    trash(bobs_old, days_ago=31)
    trash(alices_old, days_ago=31)

    assert run("cleanup_sessions", "--user", "bob", "--purge", "--yes").code == 0

    assert trashed() == {bobs.pk, alices_old.pk}
    assert [one.pk for one in Tombstone.objects.all()] == [bobs_old.pk]
    assert "0 to trash" in run("cleanup_sessions", "--user", "nobody", "--yes").out


def test_it_goes_by_the_days_given() -> None:
    nine, eleven = make_session(idle_days=9), make_session(idle_days=11)

    run("cleanup_sessions", "--older-than", 10, "--yes")
    assert trashed() == {eleven.pk}
    run("cleanup_sessions", "--yes")
    assert trashed() == {nine.pk, eleven.pk}


def test_it_purges_only_when_told_to_and_only_what_lay_long_enough() -> None:
    old, recent = make_session(turns=1), make_session()
    trash(old, days_ago=31)
    trash(recent, days_ago=29)

    run("cleanup_sessions", "--yes")
    assert trashed() == {old.pk, recent.pk}
    assert run("cleanup_sessions", "--purge", "--yes", "--json").json["result"]["purged"] == 1

    assert trashed() == {recent.pk}
    assert [one.pk for one in Tombstone.objects.all()] == [old.pk]
    assert run("export_sessions", old.pk).code == 1


@pytest.mark.parametrize("json", [[], ["--json"]])
def test_it_touches_nothing_without_a_terminal_and_without_yes(json: list[str]) -> None:
    make_session(turns=1, idle_days=8)
    before = everything()

    ran = run("cleanup_sessions", "--purge", *json)

    assert ran.code == 1
    assert "Nothing was touched" in ran.err
    assert json == [] or ran.out == ""
    assert everything() == before


def test_it_is_well_where_there_is_nothing_to_do() -> None:
    make_session()

    ran = run("cleanup_sessions")

    assert ran.code == 0
    assert "0 to trash, 0 to purge" in ran.out


def test_yes_passes_the_brake_and_its_absence_does_not() -> None:
    make_idle_sessions(22)
    before = everything()

    stopped = run("cleanup_sessions")
    assert stopped.code == 1
    assert everything() == before

    told = run("cleanup_sessions", "--yes", "--json").json
    assert told["braked"] is True
    assert told["result"]["trashed"] == len(trashed()) == 22


@pytest.mark.slow
def test_a_person_at_a_terminal_is_asked_and_told_of_a_large_part() -> None:
    make_idle_sessions(22)

    for answer in (b"n\n", b"\x04", b"yes please\n"):
        declined = at_a_terminal(answer)
        assert declined.code == 1
        assert "Clean up 22 sessions? That is a large part of the store (22 sessions)!" in declined.err
        assert trashed() == set()

    agreed = at_a_terminal(b"y\n", "--json")
    assert agreed.json["result"]["trashed"] == len(trashed()) == 22
