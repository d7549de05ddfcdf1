"""How interactions become messages of a tree, whatever the format."""

import json
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from sessions import actions
from sessions.exporters import catalogue
from sessions.exporters.formats import Conversation
from sessions.models import Session
from sessions.records import InteractionKind, InteractionRecord, SessionRecord
from tests.builders import ALICE, log, make_session

from .round_trips import FIXTURES, all_told, out_and_in, take_in, told

pytestmark = pytest.mark.django_db(transaction=True)

TREES = ("chatgpt", "librechat", "openwebui")
REQUEST, REPLY = InteractionKind.CLIENT_REQUEST, InteractionKind.AGENT_RESPONSE
CALL, RESULT = InteractionKind.TOOL_CALL, InteractionKind.TOOL_RESPONSE


def messages(session: Session | str, form: str) -> list[dict[str, Any]]:
    """The messages of an export, of ChatGPT without their nodes."""
    pk = session if isinstance(session, str) else session.pk
    content = json.loads("".join(actions.export_session(pk, form)))
    if form == "librechat":
        return list(content["messages"])
    if form == "openwebui":
        return list(content[0]["chat"]["history"]["messages"].values())
    return [node["message"] for node in content[0]["mapping"].values() if node["message"]]


def agent_session() -> Session:
    """A request, and what an agent did about it: two calls at once, their results the wrong way round, an error."""
    session = make_session(title="T", tags=["t"])
    log(session, kind=InteractionKind.CONVERSATION_TURN, response="Be brief.", metadata={"role": "system"})
    log(session, kind=REQUEST, prompt='do <details type="reasoning">that</details> now')
    log(session, kind=REPLY, reasoning="> hm\n\nso", response='<details type="reasoning">no</details>', model="m")
    log(session, kind=CALL, tool_name="grep", tool_parameters={"q": "ä"}, metadata={"tool_use_id": "c1"}, model="m")
    log(session, kind=CALL, tool_name="sh", tool_parameters='{"a": 1}', metadata={"tool_use_id": "c2"}, model="m")
    log(session, kind=RESULT, tool_name="sh", response="2", metadata={"tool_use_id": "c2"})
    log(session, kind=RESULT, tool_name="grep", response="1", status="error", metadata={"tool_use_id": "c1"})
    log(session, kind=RESULT, tool_name="lost", response="nobody asked")
    log(session, kind=InteractionKind.ERROR, error_message="it broke")
    log(session, kind=REPLY, reasoning="one", model="m")
    log(session, kind=REPLY, reasoning="two", response="done", model="m")
    log(session, kind=InteractionKind.CONVERSATION_TURN, prompt="thanks", response="welcome")
    return session


@pytest.mark.parametrize("form", TREES)
def test_it_keeps_what_an_agent_did_in_its_order(form: str, tmp_path: Path) -> None:
    session = agent_session()
    before = list(told(session.pk).default)
    out_and_in(tmp_path, form)
    after = told(session.pk).default
    if form == "chatgpt":  # where parameters that are JSON in a text are JSON
        before[5].text = after[5].text
    assert after == before


@pytest.mark.parametrize("form", TREES)
def test_a_call_that_was_answered_twice_keeps_both_answers(form: str, tmp_path: Path) -> None:
    session = make_session()
    log(session, kind=CALL, tool_name="browser", tool_parameters="search x")
    for answer in ("found", "quoted"):
        log(session, kind=RESULT, tool_name="browser", response=answer)
    before = told(session.pk).default
    out_and_in(tmp_path, form)
    assert told(session.pk).default == before


@pytest.mark.parametrize("form", TREES)
def test_title_and_times_come_back(form: str, tmp_path: Path) -> None:
    session = agent_session()
    out_and_in(tmp_path, form)
    again = Session.objects.get(pk=session.pk)
    assert again.title == "T"
    assert abs(again.created_at - session.created_at) < timedelta(seconds=1)
    assert again.source == form


@pytest.mark.parametrize(("form", "count"), [("chatgpt", 15), ("librechat", 8), ("openwebui", 8)])
def test_a_reply_and_its_calls_are_one_message_where_the_tool_has_it_so(form: str, count: int) -> None:
    assert len(messages(agent_session(), form)) == count


@pytest.mark.parametrize("form", TREES)
def test_a_session_that_nothing_was_said_in_is_a_document_too(form: str) -> None:
    assert messages(make_session(), form) == []


@pytest.mark.parametrize("form", TREES)
def test_an_older_branch_that_was_taken_up_again_stays_open(form: str, tmp_path: Path) -> None:
    session = make_session()
    first = log(session, kind=REQUEST, prompt="why?")
    old = log(session, kind=REPLY, response="old", parent_id=first.pk)
    log(session, kind=REPLY, response="new", parent_id=first.pk)
    log(session, kind=REQUEST, prompt="back to old", parent_id=old.pk)
    before = told(session.pk)
    assert [one.text for one in before.default] == ["why?", "old", "back to old"]
    out_and_in(tmp_path, form)
    assert told(session.pk) == before


@pytest.mark.parametrize("form", TREES)
def test_ways_on_from_a_reply_that_went_on_itself_stay_apart(form: str, tmp_path: Path) -> None:
    session = make_session()
    reply = log(session, kind=REPLY, response="let me see")
    call = log(session, kind=CALL, tool_name="ls", parent_id=reply.pk)
    result = log(session, kind=RESULT, tool_name="ls", response="a.txt", parent_id=call.pk)
    log(session, kind=REPLY, response="one file", parent_id=result.pk)
    for other in ("no file", "who knows"):
        log(session, kind=REPLY, response=other, parent_id=reply.pk)
    before = told(session.pk).ways
    assert len(before) == 3
    out_and_in(tmp_path, form)
    assert told(session.pk).ways == before


@pytest.mark.parametrize("form", TREES)
def test_several_beginnings_stay_several(form: str, tmp_path: Path) -> None:
    session = make_session()
    log(session, kind=REQUEST, prompt="hello", metadata={"begins_branch": True})
    log(session, kind=REPLY, response="welcome", metadata={"begins_branch": True})
    before = told(session.pk).ways
    assert len(before) == 2
    out_and_in(tmp_path, form)
    assert told(session.pk).ways == before


@pytest.mark.parametrize("form", TREES)
def test_what_was_said_here_since_follows_what_came_from_the_tool(form: str, tmp_path: Path) -> None:
    [sample] = [path for path in sorted((FIXTURES / form).glob("*.json")) if path.name in SAMPLES]
    take_in(sample)
    pk = next(iter(all_told()))
    log(pk, kind=REQUEST, prompt="and here?")
    before = told(pk)
    out_and_in(tmp_path, form)
    assert told(pk).default == before.default
    assert told(pk).default[-1].text == "and here?"


SAMPLES = {
    "Sinity__native-conversation-v1.json",
    "librechat-linear.json",
    "yetanotherchris__claude_thinking_output.json",
}


@pytest.mark.parametrize("form", TREES)
def test_what_a_merge_wove_in_is_read_in_its_place(form: str, tmp_path: Path) -> None:
    one, other = make_session(), make_session()
    tips: dict[str, UUID | None] = {one.pk: None, other.pk: None}
    for number in range(6):
        session = other if number % 2 else one
        tips[session.pk] = log(session, kind=REPLY, response=f"{number}", parent_id=tips[session.pk]).pk
    actions.merge_sessions(one.pk, absorbed=[other.pk], actor=ALICE)
    before = told(one.pk).default
    assert [said.text for said in before] == ["0", "1", "2", "3", "4", "5"]
    out_and_in(tmp_path, form)
    assert told(one.pk).default == before


def endless(count: int, characters: int) -> Conversation:
    """A conversation of one request and tool calls without end."""
    begun = datetime(2026, 1, 1, tzinfo=UTC)

    def interactions() -> Iterator[InteractionRecord]:
        for number in range(1, count + 1):
            yield InteractionRecord(
                id=UUID(int=number),
                sequence=number,
                kind=REQUEST if number == 1 else REPLY,
                occurred_at=begun,
                recorded_at=begun,
                parent_id=UUID(int=number - 1) if number > 1 else None,
                prompt="go" if number == 1 else "",
                response="" if number == 1 else f"{number}" * (characters // len(str(number))),
            )

    return Conversation(
        header=SessionRecord(session_id="s", created_at=begun, last_activity_at=begun),
        merges=[],
        interactions=interactions,
        total_interactions=count,
        exported_at=begun,
    )


@pytest.mark.parametrize("form", TREES)
def test_memory_does_not_grow_with_what_was_said(form: str) -> None:
    conversation = endless(count=600, characters=100_000)
    tracemalloc.start()
    written = sum(len(piece) for piece in catalogue.FORMATS[form].write(conversation))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert written > 55_000_000
    assert peak < 12_000_000


@pytest.mark.parametrize("form", ["librechat", "openwebui"])
def test_a_reply_without_end_goes_on_in_the_next_message(form: str) -> None:
    content = json.loads("".join(catalogue.FORMATS[form].write(endless(count=100, characters=100_000))))
    found = content["messages"] if form == "librechat" else content[0]["chat"]["messages"]
    assert 10 <= len(found) <= 15
