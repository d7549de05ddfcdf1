"""Logging interactions."""

import os
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import pytest

from sessions import actions, figures
from sessions.actions import Order, SessionFilters
from sessions.errors import IdempotencyConflict, InvalidInput, MirrorUnavailable, SessionNotFound, SessionTrashed
from sessions.models import Interaction, Session
from sessions.records import InteractionDraft, InteractionKind
from tests.builders import ALICE, draft, log, make_session
from tests.mirror.disk import findings, image_of, journal_of


def log_all(session: Session, *drafts: InteractionDraft) -> list[int]:
    return [row.sequence for row in actions.log_interactions(session.pk, drafts, actor=ALICE)]


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


def test_it_numbers_without_gaps() -> None:
    session = make_session()
    assert [log(session, prompt=str(n)).sequence for n in range(5)] == [1, 2, 3, 4, 5]
    assert log_all(session, draft(prompt="a"), draft(prompt="b")) == [6, 7]


def test_it_keeps_every_field() -> None:
    session = make_session()
    parent = log(session, prompt="p")
    wanted = draft(
        InteractionKind.TOOL_CALL,
        prompt="p",
        response="r",
        reasoning="why",
        tool_name="grep",
        tool_parameters={"z": [-(2**63), 0.5, None, True], "a": "ä\u2028🜂"},
        model="m",
        input_tokens=1,
        output_tokens=2**63 - 1,
        cost_microusd=0,
        execution_time_ms=12,
        status="ok",
        error_message="e",
        metadata={"k": {"n": 1}},
        idempotency_key="key",
        parent_id=parent.pk,
        source_record=b"\xff\0",
    )
    row = Interaction.objects.get(pk=actions.log_interaction(session.pk, wanted, actor=ALICE).pk)
    for name in ("prompt", "response", "reasoning", "tool_name", "tool_parameters", "model", "input_tokens", "status"):
        assert getattr(row, name) == getattr(wanted, name)
    assert list(row.tool_parameters) == ["z", "a"]
    assert (row.output_tokens, row.cost_microusd, row.execution_time_ms) == (2**63 - 1, 0, 12.0)
    assert (row.kind, row.metadata, row.parent_id, row.idempotency_key) == (
        "tool_call",
        {"k": {"n": 1}},
        parent.pk,
        "key",
    )
    assert actions.export_document(session.pk)["interactions"][1]["source_record"] == {"base64": "/wA="}
    assert findings() == []


def test_it_counts_what_it_takes_in() -> None:
    session = make_session()
    log(session, prompt="  what\n is  a journal?  ", input_tokens=5, output_tokens=7, cost_microusd=11)
    log(session, kind=InteractionKind.ERROR, error_message="broken")
    log(session, kind=InteractionKind.TOOL_RESPONSE, response="x", status="error", input_tokens=1)
    session.refresh_from_db()
    assert (session.interaction_count, session.error_count, session.last_sequence) == (3, 2, 3)
    assert (session.input_tokens, session.output_tokens, session.cost_microusd) == (6, 7, 11)
    assert session.opening == "what is a journal?"


def test_sums_stop_where_lists_and_users_can_still_add_them_up() -> None:
    for session in (make_session(), make_session()):
        for _ in range(3):
            log(session, prompt="x", input_tokens=2**63 - 1, output_tokens=2**63 - 1, cost_microusd=2**63 - 1)
        session.refresh_from_db()
        assert session.input_tokens == figures.MAX_SUM
    assert len(actions.list_sessions(SessionFilters(), order=Order("tokens")).sessions) == 2
    assert actions.user_figures("alice").input_tokens == 2 * figures.MAX_SUM
    assert findings() == []


def test_it_moves_the_last_activity_on() -> None:
    session = make_session(idle_days=5)
    before = session.last_activity_at
    log(session, prompt="x")
    session.refresh_from_db()
    assert session.last_activity_at > before


# --- Idempotency ---


def test_a_known_key_is_answered_with_what_it_became() -> None:
    session = make_session()
    first = log(session, prompt="x", tool_parameters={"a": (1, 2)}, execution_time_ms=5, idempotency_key="k")
    again = log(session, prompt="x", tool_parameters={"a": [1, 2]}, execution_time_ms=5.0, idempotency_key="k")
    assert again.pk == first.pk
    assert Interaction.objects.count() == 1
    assert Session.objects.get().interaction_count == 1


def test_a_known_key_for_something_else_is_a_conflict() -> None:
    session = make_session()
    log(session, prompt="x", idempotency_key="k")
    with pytest.raises(IdempotencyConflict):
        log(session, prompt="y", idempotency_key="k")
    assert Interaction.objects.get().prompt == "x"


def test_a_key_is_a_sessions_own() -> None:
    one, two = make_session(), make_session()
    log(one, prompt="x", idempotency_key="k")
    log(two, prompt="y", idempotency_key="k")
    assert Interaction.objects.count() == 2


def test_a_batch_may_name_a_key_twice() -> None:
    session = make_session()
    twin = draft(prompt="x", idempotency_key="k")
    assert log_all(session, twin, draft(prompt="y"), twin) == [1, 2, 1]
    with pytest.raises(IdempotencyConflict):
        log_all(session, draft(prompt="1", idempotency_key="n"), draft(prompt="2", idempotency_key="n"))
    assert Interaction.objects.count() == 2


def test_a_batch_is_all_or_none() -> None:
    session = make_session(turns=1)
    before = journal_of(session).read_bytes()
    with pytest.raises(InvalidInput):
        log_all(session, draft(prompt="good"), draft(prompt="\0"))
    log(session, prompt="x", idempotency_key="k")
    with pytest.raises(IdempotencyConflict):
        log_all(session, draft(prompt="good"), draft(prompt="other", idempotency_key="k"))
    assert Interaction.objects.count() == 2
    assert journal_of(session).read_bytes().startswith(before)
    assert findings() == []


def test_an_empty_batch_is_refused() -> None:
    with pytest.raises(InvalidInput):
        log_all(make_session())


def test_a_parent_can_be_named_by_its_key() -> None:
    session = make_session()
    rows = actions.log_interactions(
        session.pk,
        [draft(prompt="root", idempotency_key="r"), draft(prompt="branch", parent_key="r")],
        actor=ALICE,
    )
    assert rows[1].parent_id == rows[0].pk
    assert log(session, prompt="later", parent_key="r").parent_id == rows[0].pk
    assert log(session, prompt="lost", parent_key="nobody").parent_id is None
    assert findings() == []


# --- Where it goes ---


def test_an_absorbed_id_logs_to_the_survivor() -> None:
    survivor, absorbed = make_session(turns=1), make_session(turns=1)
    actions.merge_sessions(survivor.pk, absorbed=absorbed.pk, actor=ALICE)
    assert log(absorbed, prompt="on").session_id == survivor.pk
    assert findings() == []


def test_a_session_in_the_trash_is_refused() -> None:
    session = make_session(turns=1)
    actions.trash_session(session.pk, actor=ALICE)
    with pytest.raises(SessionTrashed):
        log(session, prompt="x")
    assert Interaction.objects.count() == 1


@pytest.mark.parametrize("name", ["unknown", "../x", "a\0b"])
def test_an_unknown_session_is_an_error(name: str) -> None:
    with pytest.raises(SessionNotFound):
        log(name, prompt="x")


# --- What neither database nor file can hold ---


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", "poem"),
        ("kind", ["conversation_turn"]),
        ("prompt", "a\0b"),
        ("response", "half \ud83d of a pair"),
        ("reasoning", 5),
        ("error_message", None),
        ("prompt", "x" * (4 * 1024 * 1024 + 1)),
        ("tool_name", "x" * 256),
        ("status", "x" * 65),
        ("model", "m\0"),
        ("tool_parameters", float("nan")),
        ("tool_parameters", {"a": [float("inf")]}),
        ("tool_parameters", 2**63),
        ("tool_parameters", -(2**63) - 1),
        ("tool_parameters", {"a": -(2**64)}),
        ("tool_parameters", {1: 2}),
        ("tool_parameters", {"a\0": 1}),
        ("tool_parameters", {"\udfff": 1}),
        ("tool_parameters", deep(65)),
        ("tool_parameters", deep(5_000)),
        ("tool_parameters", object()),
        ("tool_parameters", {1, 2}),
        ("metadata", [1]),
        ("metadata", {"a": b"bytes"}),
        ("input_tokens", -1),
        ("input_tokens", 2**63),
        ("output_tokens", 1.5),
        ("cost_microusd", True),
        ("execution_time_ms", -1.0),
        ("execution_time_ms", float("nan")),
        ("execution_time_ms", 10**400),
        ("execution_time_ms", "5"),
        ("occurred_at", "2026-01-01"),
        ("idempotency_key", ""),
        ("idempotency_key", "x" * 201),
        ("idempotency_key", "a\nb"),
        ("parent_key", " "),
        ("parent_id", "no uuid"),
        ("source_record", "text"),
    ],
)
def test_it_names_the_field_that_it_refuses(field: str, value: Any) -> None:
    session = make_session()
    before = journal_of(session).read_bytes()
    values: dict[str, Any] = {"kind": InteractionKind.CONVERSATION_TURN, field: value}
    with pytest.raises(InvalidInput) as caught:
        actions.log_interaction(session.pk, InteractionDraft(**values), actor=ALICE)
    assert caught.value.field == field
    assert not Interaction.objects.exists()
    assert journal_of(session).read_bytes() == before


def test_it_refuses_more_than_a_journal_line_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    session = make_session()
    with pytest.raises(InvalidInput) as caught:
        log(session, prompt="🜂" * 4_000_000, response="🜂" * 4_000_000)
    assert caught.value.field == "interaction"
    monkeypatch.setattr("sessions.validation.values.MAX_INTERACTION_CHARACTERS", 5_000)
    with pytest.raises(InvalidInput):
        log(session, tool_parameters=[1] * 5_000)
    with pytest.raises(InvalidInput) as caught:
        log(session, source_record=os.urandom(9 * 1024 * 1024))
    assert caught.value.field == "source_record"


@pytest.mark.slow
def test_the_largest_interaction_that_it_takes_can_be_read_back() -> None:
    session = make_session()
    log(session, prompt="🜂" * 4_000_000, source_record=os.urandom(8_000_000))
    log(session, prompt="on")
    assert len(image_of(session).interactions) == 2
    assert actions.quarantined() == []


def test_a_missing_parent_does_not_matter() -> None:
    session = make_session()
    unknown = uuid4()
    assert log(session, prompt="x", parent_id=unknown).parent_id == unknown
    assert findings() == []


def test_a_failing_mirror_is_no_acknowledgement_and_a_retry_adds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    session = make_session()
    wanted = [draft(prompt="x", idempotency_key="k1"), draft(prompt="y", idempotency_key="k2")]

    def fail(*_: Any) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as dying:
        dying.setattr(os, "fdatasync", fail)
        dying.setattr(os, "fsync", fail)
        with pytest.raises(MirrorUnavailable):
            actions.log_interactions(session.pk, wanted, actor=ALICE)
    assert log_all(session, *wanted) == [1, 2]
    assert Interaction.objects.count() == 2
    assert findings() == []


def test_it_tells_what_an_append_did() -> None:
    session = make_session()
    log(session, prompt="known", idempotency_key="known")
    drafts = [draft(prompt="new", model="m"), draft(prompt="known", idempotency_key="known"), draft(prompt="last")]
    appended = actions.append_interactions(session.pk, drafts, actor=ALICE)
    assert (appended.session_id, appended.added) == (session.pk, 2)
    assert [row.sequence for row in appended.rows] == [2, 1, 3]
    assert {row.recorded_at for row in appended.rows if row.sequence > 1} == {appended.recorded_at}
    assert actions.get_session(session.pk).last_activity_at == appended.recorded_at


def test_it_counts_no_activity_when_all_of_an_append_was_known() -> None:
    session = make_session(idle_days=3)
    log(session, prompt="x", idempotency_key="k")
    before = actions.get_session(session.pk)
    appended = actions.append_interactions(session.pk, [draft(prompt="x", idempotency_key="k")] * 2, actor=ALICE)
    after = actions.get_session(session.pk)
    assert appended.added == 0
    assert (after.last_activity_at, after.revision) == (before.last_activity_at, before.revision)


def test_it_tells_the_survivor_of_an_append_to_an_absorbed_session() -> None:
    survivor, absorbed = make_session(), make_session()
    actions.merge_sessions(survivor.pk, absorbed=absorbed.pk, actor=ALICE)
    assert actions.append_interactions(absorbed.pk, [draft(prompt="x")], actor=ALICE).session_id == survivor.pk


def test_it_lists_by_idempotency_key() -> None:
    session, other = make_session(), make_session()
    log_all(session, *(draft(prompt=str(n), idempotency_key=f"k{n}") for n in range(4)))
    log(other, prompt="x", idempotency_key="k9")
    page = actions.list_interactions(session.pk, keys=["k3", "k1", "k9"], limit=10)
    assert [row.idempotency_key for row in page.interactions] == ["k1", "k3"]
    for keys in (["\0"], ["\ud800"], ["k"] * 2_001, ["x" * 201]):
        with pytest.raises(InvalidInput, match="keys"):
            actions.list_interactions(session.pk, keys=keys)


def test_it_takes_a_time_of_whatever_zone(transactional_db: None) -> None:
    far_east = timezone(timedelta(hours=20))
    session = make_session()
    log(session, prompt="x", occurred_at=datetime(2026, 3, 1, 12, tzinfo=far_east))
    assert session.interactions.get().occurred_at == datetime(2026, 2, 28, 16, tzinfo=UTC)
    filters = SessionFilters(active_since=datetime(2026, 3, 1, tzinfo=far_east))
    assert len(actions.list_sessions(filters).sessions) == 1
    assert findings() == []
