"""The context pack of a real session: what is in it, how it is read, and that nothing changes."""

import json
import time
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sessions import actions, packing
from sessions.errors import InvalidInput, SessionNotFound, SessionPurged
from sessions.models import AuditEvent, Interaction, Session
from sessions.packing import ContextPack
from sessions.records import InteractionKind
from tests.builders import ALICE, draft, log, make_session


def document(pack: ContextPack) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(packing.to_json(packing.document(pack)))
    return found


def long_session(turns: int = 300) -> Session:
    session = make_session()
    drafts = [draft(prompt=f"request {n}", response="answer " * 20) for n in range(1, turns + 1)]
    actions.log_interactions(session.pk, drafts, actor=ALICE)
    return Session.objects.get(pk=session.pk)


def test_it_holds_what_an_agent_needs() -> None:
    actions.update_profile("alice", actor=ALICE, replace={"language": "en", "tone": "dry"})
    session = make_session(title="Ferries")
    actions.update_context(
        session.pk,
        actor=ALICE,
        context_summary="Where we are",
        active_topics=["ferries"],
        user_preferences={"language": "de"},
        project_context={"repo": "ferrybook"},
        semantic_context={"entities": ["kiosk"]},
        metadata={"client": "cursor"},
    )
    call = log(session, kind=InteractionKind.TOOL_CALL, tool_name="Bash", tool_parameters={"command": ["ls", None]})
    log(session, prompt="And then?", reasoning="not handed out", response="Then it went on.")
    actions.add_note(session.pk, "for people only", actor=ALICE)
    actions.pin_interaction(session.pk, call.pk, actor=ALICE)
    pack = document(actions.context_pack(session.pk))
    assert pack["session"] == {
        "id": session.pk,
        "title": "Ferries",
        "user_id": "alice",
        "state": "active",
        "interactions": 2,
    }
    assert pack["context"] == {
        "summary": "Where we are",
        "active_topics": ["ferries"],
        "project_context": {"repo": "ferrybook"},
        "semantic_context": {"entities": ["kiosk"]},
    }
    assert pack["preferences"] == {"language": "de", "tone": "dry"}
    assert pack["budget"]["tokenizer"] == "estimate-1"
    first, second = pack["latest"]
    assert (first["tool_parameters"], first["pinned"]) == ({"command": ["ls", None]}, True)
    assert (second["prompt"], second["response"]) == ("And then?", "Then it went on.")
    assert "not handed out" not in json.dumps(pack)
    assert "for people only" not in json.dumps(pack)


def test_it_tells_what_it_left_out_and_how_to_go_on() -> None:
    session = long_session()
    pack = actions.context_pack(session.pk, max_tokens=2_000)
    first = pack.latest[0].sequence
    (gap,) = pack.gaps
    assert (gap.first, gap.last, gap.count) == (1, first - 1, first - 1)
    earlier = actions.context_pack(session.pk, max_tokens=2_000, cursor=pack.cursor)
    assert earlier.latest[-1].sequence == first - 1
    assert not earlier.material.preferences


def test_its_cursors_lead_through_all_of_it() -> None:
    session = long_session(120)
    pin = session.interactions.get(sequence=10)
    actions.pin_interaction(session.pk, pin.pk, actor=ALICE)
    seen: list[int] = []
    pack = actions.context_pack(session.pk, max_tokens=2_000)
    seen += [turn.sequence for turn in pack.latest]
    while pack.cursor:
        pack = actions.context_pack(session.pk, max_tokens=2_000, cursor=pack.cursor)
        seen += [turn.sequence for turn in pack.latest]
    assert sorted(seen) == list(range(1, 121))


def test_its_cursors_lead_through_all_of_it_with_the_least_budget() -> None:
    session = long_session(12)
    actions.update_context(session.pk, title="标题" * 100, context_summary="Where we are. " * 100, actor=ALICE)
    pack = actions.context_pack(session.pk, max_tokens=packing.MIN_TOKENS)
    assert (pack.latest, pack.cursor) == ([], packing.FROM_THE_END)
    seen: list[int] = []
    while pack.cursor:
        pack = actions.context_pack(session.pk, max_tokens=packing.MIN_TOKENS, cursor=pack.cursor)
        assert pack.latest
        seen += [turn.sequence for turn in pack.latest]
    assert sorted(seen) == list(range(1, 13))


def test_a_cursor_outlives_a_merge() -> None:
    session, other = long_session(), make_session(turns=3)
    pack = actions.context_pack(session.pk, max_tokens=2_000)
    oldest = pack.latest[0]
    actions.merge_sessions(session.pk, absorbed=other.pk, actor=ALICE)
    earlier = actions.context_pack(session.pk, max_tokens=2_000, cursor=pack.cursor)
    assert earlier.latest[-1].sequence < Interaction.objects.get(pk=oldest.id).sequence


@pytest.mark.parametrize("cursor", ["x", "c0ffee" * 5 + "00", "0" * 33, "\0"])
def test_it_refuses_a_foreign_cursor(cursor: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        actions.context_pack(make_session(turns=1).pk, cursor=cursor)
    assert caught.value.field == "cursor"


def test_the_gaps_are_close_to_what_they_would_take() -> None:
    session = long_session()
    (gap,) = actions.context_pack(session.pk, max_tokens=1_000).gaps
    everything = actions.context_pack(session.pk, max_tokens=100_000)
    real = everything.tokens * gap.count / 300
    assert 0.7 * real < gap.tokens < 1.6 * real


def test_a_pin_from_afar_comes_along() -> None:
    session = long_session()
    pin = session.interactions.get(sequence=7)
    actions.pin_interaction(session.pk, pin.pk, actor=ALICE)
    pack = actions.context_pack(session.pk, max_tokens=2_000)
    assert [turn.sequence for turn in pack.pinned] == [7]
    assert [(gap.first, gap.last, gap.count) for gap in pack.gaps] == [
        (1, 6, 6),
        (8, pack.latest[0].sequence - 1, pack.latest[0].sequence - 8),
    ]


def test_it_cuts_a_text_that_no_budget_holds() -> None:
    session = make_session()
    log(session, prompt="before")
    log(session, kind=InteractionKind.TOOL_CALL, tool_name="Write", tool_parameters={"text": "x y " * 1_000_000})
    log(session, prompt="after")
    pack = actions.context_pack(session.pk, max_tokens=2_000)
    assert [turn.shortened for turn in pack.latest] == [False, True, False]
    assert "characters left out" in pack.latest[1].tool_parameters
    assert pack.tokens <= 2_000


def test_it_changes_nothing() -> None:
    session = make_session(turns=2, idle_days=9)
    digest, audited = actions.store_digest(), AuditEvent.objects.count()
    assert document(actions.context_pack(session.pk))["session"]["state"] == "expired"
    assert (actions.store_digest(), AuditEvent.objects.count()) == (digest, audited)


def test_an_absorbed_session_leads_to_its_survivor() -> None:
    session, other = make_session(turns=1), make_session(turns=1)
    actions.merge_sessions(session.pk, absorbed=other.pk, actor=ALICE)
    assert actions.context_pack(other.pk).material.session_id == session.pk


def test_it_packs_a_session_in_the_trash_and_none_that_is_gone() -> None:
    session = make_session(turns=1)
    actions.trash_session(session.pk, actor=ALICE)
    assert actions.context_pack(session.pk).material.state == "trashed"
    actions.purge_session(session.pk, actor=ALICE)
    with pytest.raises(SessionPurged):
        actions.context_pack(session.pk)
    with pytest.raises(SessionNotFound):
        actions.context_pack("unknown")


def test_an_empty_session_has_a_pack_too() -> None:
    pack = actions.context_pack(make_session().pk, max_tokens=packing.MIN_TOKENS)
    assert (pack.latest, pack.gaps, pack.cursor) == ([], [], "")


@pytest.mark.thorough
def test_10_000_interactions_take_no_more_queries_and_not_three_times_as_long_as_200() -> None:
    session, short = make_session(turns=3), make_session()
    actions.pin_interaction(session.pk, session.interactions.get(sequence=2).pk, actor=ALICE)
    with CaptureQueriesContext(connection) as few:
        actions.context_pack(session.pk)
    said = {"kind": "conversation_turn", "prompt": "word " * 40, "response": "x y " * 200}
    rows = [Interaction(session=session, sequence=n, revision=n, **said) for n in range(4, 10_001)]
    Interaction.objects.bulk_create(rows, batch_size=1_000)
    # As many as fill the budget, so that just the length differs.
    filling = [Interaction(session=short, sequence=n, revision=n, **said) for n in range(1, 201)]
    Interaction.objects.bulk_create(filling)
    with CaptureQueriesContext(connection) as many:
        actions.context_pack(session.pk)
    assert len(many) == len(few) <= 8
    assert pack_seconds(session.pk) < 3 * pack_seconds(short.pk)


def pack_seconds(session_id: str) -> float:
    """The best of five, and the process's own time: the machine may have other things to do."""
    taken = []
    for _ in range(5):
        begun = time.process_time()
        actions.context_pack(session_id)
        taken.append(time.process_time() - begun)
    return min(taken)
