"""How a conversation begins, and how it goes on."""

import itertools
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from sessions import actions, conf
from sessions.errors import InvalidInput, SessionExists, SessionNotFound, SessionPurged
from sessions.models import AuditEvent, Interaction, Session
from sessions.records import State
from tests.builders import ALICE, make_session
from tests.mirror.disk import findings


def resume(session_id: str, **options: str) -> Session:
    return actions.resume_session(session_id, actor=ALICE, **options)


def test_it_gives_an_id_of_128_random_bits() -> None:
    ids = {actions.new_session_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(len(bytes.fromhex(one)) == 16 for one in ids)


@pytest.mark.parametrize("name", ["0302048640c75d3f", "a.b-c_D", "0" * 128])
def test_it_keeps_a_given_id(name: str) -> None:
    assert make_session(session_id=name).pk == name


@pytest.mark.parametrize("name", ["", ".", "../../etc/passwd", "a/b", "ä", "a\0b", "0" * 129, "a b"])
def test_it_refuses_an_id_that_is_no_file_name(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        make_session(session_id=name)
    assert caught.value.field == "session_id"
    assert not Session.objects.exists()


def test_it_refuses_an_id_that_is_taken() -> None:
    session = make_session(turns=1)
    with pytest.raises(SessionExists):
        make_session(session_id=session.pk)
    assert Session.objects.get().interaction_count == 1
    assert findings() == []


def test_it_never_gives_a_purged_id_out_again() -> None:
    session = make_session()
    actions.trash_session(session.pk, actor=ALICE)
    actions.purge_session(session.pk, actor=ALICE)
    with pytest.raises(SessionPurged):
        make_session(session_id=session.pk)
    with pytest.raises(SessionPurged):
        resume(session.pk)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("user_id", ""),
        ("user_id", " a"),
        ("user_id", "a\nb"),
        ("user_id", "x" * 256),
        ("user_id", "\ud800"),
        ("title", "\0"),
        ("title", "x" * 1_001),
        ("source", "x" * 65),
        ("metadata", {"a": float("nan")}),
        ("metadata", [1]),
        ("project_context", {1: 2}),
        ("tags", [""]),
        ("tags", ["x" * 101]),
    ],
)
def test_it_names_the_field_that_it_refuses(field: str, value: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        make_session(**{field: value})
    assert caught.value.field == field
    assert not Session.objects.exists()


def test_it_starts_with_the_preferences_of_the_profile() -> None:
    actions.update_profile("alice", actor=ALICE, replace={"lang": "de"})
    assert make_session().user_preferences == {"lang": "de"}
    assert make_session(user_id="bob").user_preferences == {}
    assert findings() == []


def test_it_resumes_by_the_id_and_counts_that_as_activity() -> None:
    session = make_session(turns=2, idle_days=3)
    resumed = resume(session.pk)
    assert resumed.pk == session.pk
    assert timezone.now() - resumed.last_activity_at < timedelta(seconds=30)
    assert findings() == []


def test_resuming_adds_and_repeats_nothing() -> None:
    session = make_session(turns=2)
    before = list(Interaction.objects.values())
    for _ in range(3):
        resume(session.pk)
    assert list(Interaction.objects.values()) == before


@pytest.mark.parametrize("name", ["unknown", "../x", "", "a\0", "\ud800"])
def test_resuming_an_unknown_id_is_an_error_with_a_hint_and_no_new_session(name: str) -> None:
    with pytest.raises(SessionNotFound) as caught:
        actions.create_or_resume(session_id=name, user_id="alice", actor=ALICE)
    assert "start a new session" in caught.value.hint
    assert not Session.objects.exists()


def test_it_starts_a_session_when_no_id_is_given() -> None:
    beginning = actions.create_or_resume(user_id="alice", source="mcp", actor=ALICE)
    assert (beginning.created, beginning.session.user_id, beginning.session.source) == (True, "alice", "mcp")
    assert actions.create_or_resume(actor=ALICE).session.user_id == "anonymous"
    assert actions.create_or_resume(session_id=beginning.session.pk, actor=ALICE).created is False


def test_it_brings_an_expired_session_back() -> None:
    session = make_session(idle_days=30)
    assert session.state(conf.expires_before()) == State.EXPIRED
    assert resume(session.pk).state(conf.expires_before()) == State.ACTIVE


def test_it_brings_a_trashed_session_back() -> None:
    session = make_session(turns=1, idle_days=30)
    actions.trash_session(session.pk, reason="r", actor=ALICE)
    resumed = resume(session.pk)
    assert (resumed.trashed_at, resumed.trashed_by, resumed.trash_reason) == (None, "", "")
    assert resumed.state(conf.expires_before()) == State.ACTIVE
    assert findings() == []


def test_an_absorbed_id_leads_to_its_survivor_however_long_the_way() -> None:
    chain = [make_session() for _ in range(6)]
    for absorbed, survivor in itertools.pairwise(chain):
        actions.merge_sessions(survivor.pk, absorbed=absorbed.pk, actor=ALICE)
    assert resume(chain[0].pk).pk == chain[-1].pk
    assert actions.get_session(chain[0].pk).pk == chain[-1].pk


def test_somebody_elses_session_is_as_good_as_unknown() -> None:
    session, anonymous = make_session(), make_session(user_id="anonymous")
    with pytest.raises(SessionNotFound):
        resume(session.pk, user_id="mallory")
    assert resume(session.pk, user_id="alice").pk == session.pk
    assert resume(anonymous.pk, user_id="mallory").pk == anonymous.pk


def test_the_audit_says_who_did_what() -> None:
    session = make_session()
    resume(session.pk)
    verbs = list(AuditEvent.objects.order_by("id").values_list("verb", "actor", "face", "session_id"))
    assert verbs == [
        ("session_created", "alice", "python", session.pk),
        ("session_resumed", "alice", "python", session.pk),
    ]


def test_it_says_of_a_known_id_that_there_is_such_a_session() -> None:
    make_session(session_id="known")
    with pytest.raises(SessionExists, match="There is already a session 'known'"):
        make_session(session_id="known")
