"""Interactions as programs send and read them."""

import os
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from sessions import actions, agents
from sessions.agents.shapes import InteractionIn, SessionBatch
from sessions.errors import IdempotencyConflict, InvalidInput
from sessions.models import Interaction
from sessions.records import Scope
from tests.builders import ALICE, log, make_session
from tests.mirror.disk import findings

from .estate import caller, said, whole_store

WRITER = caller(Scope.WRITE)


def batch(session_id: str, *interactions: InteractionIn) -> SessionBatch:
    return SessionBatch(session_id=session_id, interactions=list(interactions))


def test_it_adds_nothing_when_the_same_is_sent_again() -> None:
    session = make_session()
    sent = [said(prompt=name, idempotency_key=name) for name in ("a", "b")]
    first = agents.append(WRITER, session.pk, sent)
    before = whole_store()
    again = agents.append(WRITER, session.pk, sent)
    assert (first.added, again.added) == (2, 0)
    assert again.interactions == first.interactions
    assert [(one.sequence, one.idempotency_key) for one in again.interactions] == [(1, "a"), (2, "b")]
    assert (whole_store(), findings()) == (before, [])


def test_it_adds_what_is_new_of_a_batch_that_was_half_sent() -> None:
    session = make_session()
    agents.append(WRITER, session.pk, [said(prompt="a", idempotency_key="a")])
    sent = [said(prompt=name, idempotency_key=name) for name in ("a", "b", "b")]
    logged = agents.append(WRITER, session.pk, sent)
    assert (logged.added, [one.sequence for one in logged.interactions]) == (1, [1, 2, 2])


def test_it_stores_nothing_of_a_batch_with_a_key_for_something_else() -> None:
    session = make_session()
    agents.append(WRITER, session.pk, [said(prompt="a", idempotency_key="a")])
    before = whole_store()
    with pytest.raises(IdempotencyConflict):
        agents.append(WRITER, session.pk, [said(prompt="new"), said(prompt="other", idempotency_key="a")])
    assert whole_store() == before


def test_it_tells_which_session_holds_what_was_sent_to_an_absorbed_one() -> None:
    survivor, absorbed = make_session(), make_session()
    actions.merge_sessions(survivor.pk, absorbed=absorbed.pk, actor=ALICE)
    assert agents.append(WRITER, absorbed.pk, [said()]).session_id == survivor.pk


def test_it_lets_one_sessions_failure_cost_no_other() -> None:
    fine, trashed, conflicting = make_session(), make_session(), make_session()
    actions.trash_session(trashed.pk, actor=ALICE)
    log(conflicting, prompt="first", idempotency_key="key")
    results = agents.append_batches(
        WRITER,
        [
            batch("missing", said()),
            batch(trashed.pk, said()),
            batch(conflicting.pk, said(prompt="new"), said(prompt="second", idempotency_key="key")),
            batch(fine.pk, said(prompt="\0")),
            batch(fine.pk, said(), said()),
        ],
    ).results
    assert [one.problem.code if one.problem else "" for one in results] == [
        "session_not_found",
        "session_trashed",
        "idempotency_conflict",
        "invalid_input",
        "",
    ]
    assert [one.logged.added if one.logged else 0 for one in results] == [0, 0, 0, 0, 2]
    assert Interaction.objects.count() == 3


def broken_disk(*_: object) -> None:
    raise OSError(5, "Input/output error")


def test_it_tells_what_a_copys_disk_refused_and_takes_it_when_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = [batch(make_session().pk, said(idempotency_key="k")) for _ in range(2)]
    with monkeypatch.context() as dying:
        dying.setattr(os, "fdatasync", broken_disk)
        dying.setattr(os, "fsync", broken_disk)
        refused = agents.append_batches(WRITER, sent).results
    assert [one.problem.code if one.problem else "" for one in refused] == ["mirror_unavailable"] * 2
    again = agents.append_batches(WRITER, sent).results
    assert [one.logged.added if one.logged else None for one in again] == [0, 0]
    assert (Interaction.objects.count(), findings()) == (2, [])


def test_it_refuses_more_than_it_takes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agents.interactions, "MAX_BATCH", 3)
    session = make_session()
    with pytest.raises(InvalidInput, match="4 are too many at once"):
        agents.append(WRITER, session.pk, [said()] * 4)
    with pytest.raises(InvalidInput, match="4 are too many at once"):
        agents.append_batches(WRITER, [batch(session.pk, said(), said())] * 2)
    assert not Interaction.objects.exists()


def test_it_refuses_an_empty_batch() -> None:
    with pytest.raises(InvalidInput, match="must not be empty"):
        agents.append(WRITER, make_session().pk, [])
    with pytest.raises(ValidationError):
        batch("any")


def test_it_gives_back_what_was_sent() -> None:
    session = make_session()
    sent: dict[str, Any] = {
        "kind": "tool_call",
        "prompt": "p",
        "response": "r",
        "reasoning": "why",
        "tool_name": "grep",
        "tool_parameters": {"z": [1, 0.5, None, True], "a": "ä\u2028🜂"},
        "model": "m",
        "input_tokens": 1,
        "output_tokens": 2**63 - 1,
        "cost_microusd": 0,
        "execution_time_ms": 12.5,
        "status": "ok",
        "error_message": "e",
        "metadata": {"k": {"n": 1}},
        "idempotency_key": "key",
    }
    moment = datetime(2026, 3, 1, 12, tzinfo=UTC)
    logged = agents.append(WRITER, session.pk, [said(**sent, occurred_at=moment, source_record='{"raw": true}')])
    read = agents.get_interaction(WRITER, session.pk, 1).model_dump()
    assert {name: read[name] for name in sent} == sent
    assert (read["occurred_at"], read["source_record"], read["source_encoding"]) == (moment, '{"raw": true}', "text")
    assert read["id"] == logged.interactions[0].id
    (listed,) = agents.list_interactions(WRITER, session.pk).interactions
    assert (listed.source_record, listed.source_encoding) == (None, None)
    (listed,) = agents.list_interactions(WRITER, session.pk, with_source=True).interactions
    assert listed.source_record == '{"raw": true}'


def test_it_gives_back_a_source_record_that_is_no_text() -> None:
    session = make_session()
    log(session, source_record=b"\xff\0")
    agents.append(WRITER, session.pk, [said(source_record="\ud800")])
    first, second = (agents.get_interaction(WRITER, session.pk, number) for number in (1, 2))
    assert (first.source_record, first.source_encoding) == ("/wA=", "base64")
    assert (second.source_record, second.source_encoding) == ("7aCA", "base64")


def test_it_reads_on_from_either_end_and_by_key() -> None:
    session = make_session()
    agents.append(WRITER, session.pk, [said(prompt=str(n), idempotency_key=f"k{n}") for n in range(1, 8)])

    def read(**place: Any) -> tuple[list[int], int | None, int | None]:
        page = agents.list_interactions(WRITER, session.pk, **place)
        return [one.sequence for one in page.interactions], page.before, page.after

    assert read(limit=3) == ([1, 2, 3], None, 3)
    assert read(limit=3, after=3) == ([4, 5, 6], 4, 6)
    assert read(limit=3, after=6) == ([7], 7, None)
    assert read(limit=3, before=4) == ([1, 2, 3], None, 3)
    assert read(keys=["k7", "k2", "unknown"]) == ([2, 7], None, None)
    assert read(keys=[]) == ([], None, None)


def test_it_reads_by_the_keys_of_the_id_that_is_named() -> None:
    kept, other = make_session().pk, make_session().pk
    for name in (kept, other):
        agents.append(WRITER, name, [said(prompt=name, idempotency_key="turn-0")])
    actions.merge_sessions(kept, absorbed=other, actor=ALICE)
    logged = agents.append(WRITER, other, [said(prompt="more", idempotency_key="turn-1")])
    assert (logged.session_id, logged.added, logged.interactions[0].sequence) == (kept, 1, 3)
    for name, told in {kept: [kept], other: [other, "more"]}.items():
        found = agents.list_interactions(WRITER, name, keys=["turn-0", "turn-1"])
        assert (found.session_id, [one.prompt for one in found.interactions]) == (kept, told)


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "gossip"},
        {"prompt": 1},
        {"input_tokens": -1},
        {"input_tokens": 1.5},
        {"input_tokens": True},
        {"output_tokens": 2**63},
        {"execution_time_ms": -0.1},
        {"metadata": []},
        {"occurred_at": "2026-03-01T12:00:00"},
        {"occurred_at": 1_772_366_400},
        {"occurred_at": "yesterday"},
        {"parent_id": "17"},
        {"promt": "misspelt"},
    ],
)
def test_it_refuses_shapes_that_it_does_not_know(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        said(**fields)


def test_it_pins_what_whoever_resumes_is_handed() -> None:
    session = make_session(turns=3)
    first = agents.get_interaction(WRITER, session.pk, 1)
    assert agents.pin(WRITER, session.pk, first.id).pins == [str(first.id)]
    assert [turn.sequence for turn in agents.context_pack(WRITER, session.pk).latest if turn.pinned] == [1]
    assert agents.unpin(WRITER, session.pk, first.id).pins == []
