"""The Claude Agent SDK's SessionStore: its own conformance suite, and what else is promised."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from claude_agent_sdk import (
    get_session_messages_from_store,
    list_sessions_from_store,
    rename_session_via_store,
)
from claude_agent_sdk.testing import run_session_store_conformance
from claude_agent_sdk.types import SessionKey
from sessionsite_client import AsyncClient, Client, ScopeMissing
from sessionsite_client.adapters.claude_agent import SessionsiteSessionStore
from sessionsite_client.adapters.claude_keys import base_id

from ..running import run

Connect = Callable[..., AsyncClient]
CONTRACTS = 14


def user(text: str, **members: Any) -> Any:
    return {"type": "user", "message": {"role": "user", "content": text}, **members}


def assistant(*blocks: dict[str, Any], **members: Any) -> Any:
    message = {"role": "assistant", "content": list(blocks), "model": "claude-x", **members.pop("message", {})}
    return {"type": "assistant", "message": message, **members}


class Apart(SessionsiteSessionStore):
    """Like a store of its own: the suite uses the same keys for each contract, and counts on finding nothing."""

    def __init__(self, client: AsyncClient, name: str) -> None:
        super().__init__(client)
        self.name = name

    async def append(self, key: Any, entries: Any) -> None:
        await super().append(self._apart(key), entries)

    async def load(self, key: Any) -> Any:
        return await super().load(self._apart(key))

    async def list_sessions(self, project_key: str) -> Any:
        return await super().list_sessions(self.name + project_key)

    async def list_session_summaries(self, project_key: str) -> Any:
        return await super().list_session_summaries(self.name + project_key)

    async def delete(self, key: Any) -> None:
        await super().delete(self._apart(key))

    async def list_subkeys(self, key: Any) -> Any:
        return await super().list_subkeys(self._apart(key))

    def _apart(self, key: Any) -> Any:
        return {**key, "project_key": self.name + key["project_key"]}


def test_it_passes_the_sdks_own_suite(connect: Connect, name: str) -> None:
    made: list[Apart] = []

    async def check() -> None:
        async with connect() as client:

            def make() -> Apart:
                made.append(Apart(client, f"{name}-{len(made)}-"))
                return made[-1]

            await run_session_store_conformance(make)

    run(check())
    # One to see what it can do, and one for each contract: none was left out.
    assert len(made) == 1 + CONTRACTS


@pytest.fixture
def key(name: str) -> SessionKey:
    return {"project_key": f"-home-{name}", "session_id": f"{name}"}


@pytest.fixture
def stored(connect: Connect) -> Callable[..., Any]:
    """Runs something with a store."""

    def with_store(use: Callable[[SessionsiteSessionStore], Any], scope: str = "admin") -> Any:
        async def call() -> Any:
            async with connect(scope) as client:
                return await use(SessionsiteSessionStore(client, user_id="alice", tags=["sdk"]))

        return run(call())

    return with_store


def session_of(key: SessionKey) -> str:
    return base_id(key["project_key"], key["session_id"])


def test_it_shows_people_a_readable_transcript(stored: Any, client: Client, key: SessionKey) -> None:
    entries = [
        user("find it", uuid="1", timestamp="2026-01-02T03:04:05Z"),
        assistant(
            {"type": "thinking", "thinking": "hm"},
            {"type": "tool_use", "id": "t", "name": "Grep", "input": {"q": "x"}},
            uuid="2",
            parentUuid="1",
        ),
        {
            "type": "user",
            "uuid": "3",
            "parentUuid": "2",
            "message": {"content": [{"type": "tool_result", "tool_use_id": "t", "content": "line 1"}]},
        },
        assistant(
            {"type": "text", "text": "there"},
            uuid="4",
            parentUuid="3",
            message={"stop_reason": "end_turn", "usage": {"input_tokens": 3, "output_tokens": 4}},
        ),
        {"type": "custom-title", "customTitle": "A search"},
    ]
    stored(lambda store: store.append(key, entries))
    told = list(client.history(session_of(key), include_source=True))
    assert [one.kind for one in told][:4] == ["client_request", "tool_call", "tool_response", "agent_response"]
    assert told[0].prompt == "find it"
    assert told[0].occurred_at.year == 2026
    assert (told[1].tool_name, told[1].tool_parameters, told[1].reasoning) == ("Grep", {"q": "x"}, "hm")
    assert told[2].response == "line 1"
    assert (told[3].response, told[3].model, told[3].output_tokens) == ("there", "claude-x", 4)
    assert [one.parent_id for one in told[1:4]] == [one.id for one in told[:3]]
    assert [json.loads(one.source_record or "") for one in told] == entries
    session = client.get_session(session_of(key))
    assert (session.title, session.user_id, session.tags) == ("A search", "alice", ["sdk"])


def test_it_stores_an_entry_once_however_often_it_comes(stored: Any, key: SessionKey) -> None:
    first, second = user("a", uuid="1"), user("b", uuid="2")

    async def use(store: SessionsiteSessionStore) -> Any:
        await store.append(key, [first])
        # Sent again with one more, and once with another text under a uuid that is known.
        await store.append(key, [first, second])
        await store.append(key, [user("changed", uuid="1")])
        return await store.load(key)

    assert stored(use) == [first, second]


def test_it_begins_anew_after_a_delete(stored: Any, client: Client, key: SessionKey) -> None:
    async def use(store: SessionsiteSessionStore) -> Any:
        await store.append(key, [user("old", uuid="1")])
        await store.delete(key)
        assert await store.load(key) is None
        await store.append(key, [user("new", uuid="1")])
        return await store.load(key)

    assert stored(use) == [user("new", uuid="1")]
    assert client.get_session(session_of(key)).state == "trashed"
    # A store that knows nothing of it finds the same.
    assert stored(lambda store: store.load(key)) == [user("new", uuid="1")]
    assert stored(lambda store: store.list_sessions(key["project_key"]))[0]["session_id"] == key["session_id"]


def test_it_notices_that_another_program_deleted(stored: Any, connect: Connect, key: SessionKey) -> None:
    async def use(store: SessionsiteSessionStore) -> Any:
        await store.append(key, [user("old", uuid="1")])
        async with connect() as client:
            await SessionsiteSessionStore(client).delete(key)
        assert await store.load(key) is None
        await store.append(key, [user("new", uuid="2")])
        return await store.load(key)

    assert stored(use) == [user("new", uuid="2")]


def test_it_finds_what_a_cleanup_or_a_person_moved(stored: Any, client: Client, key: SessionKey) -> None:
    stored(lambda store: store.append(key, [user("a", uuid="1")]))
    client.trash(session_of(key), "idle")
    assert stored(lambda store: store.load(key)) == [user("a", uuid="1")]
    stored(lambda store: store.append(key, [user("b", uuid="2")]))
    assert client.get_session(session_of(key)).state == "active"
    stored(lambda store: store.delete(key))
    assert stored(lambda store: store.load(key)) is None
    client.restore(session_of(key))
    assert stored(lambda store: store.load(key)) == [user("a", uuid="1"), user("b", uuid="2")]


def test_it_says_that_a_token_may_not_delete(stored: Any, client: Client, key: SessionKey) -> None:
    async def use(store: SessionsiteSessionStore) -> Any:
        await store.append(key, [user("kept", uuid="1")])
        with pytest.raises(ScopeMissing, match="nothing was deleted"):
            await store.delete(key)
        return await store.load(key)

    assert stored(use, "write") == [user("kept", uuid="1")]
    assert client.get_session(session_of(key)).tags == ["sdk"]


def test_it_keeps_its_own_through_a_merge(stored: Any, client: Client, key: SessionKey) -> None:
    other: SessionKey = {**key, "session_id": key["session_id"] + "-other"}
    for one in (key, other):
        stored(lambda store, one=one: store.append(one, [user(one["session_id"], uuid="1")]))
    client.merge(session_of(key), [session_of(other)])
    summaries = stored(lambda store: store.list_session_summaries(key["project_key"]))
    assert {one["data"]["first_prompt"] for one in summaries} == {key["session_id"], other["session_id"]}
    for one in (key, other):
        stored(lambda store, one=one: store.append(one, [user("more", uuid="2")]))
        assert stored(lambda store, one=one: store.load(one)) == [
            user(one["session_id"], uuid="1"),
            user("more", uuid="2"),
        ]


def test_it_gives_back_what_no_text_could_hold(stored: Any, client: Client, key: SessionKey) -> None:
    deep: Any = "end"
    for _ in range(80):
        deep = [deep]
    entries = [
        user("NUL \0, half \ud800 a pair", uuid="1", big=2**70, deep=deep),
        assistant({"type": "tool_use", "name": "T", "input": {"n": 2**70}}, uuid="2"),
        user("x" * 9_000_000, uuid="3"),
    ]
    stored(lambda store: store.append(key, entries))
    assert stored(lambda store: store.load(key)) == entries
    assert client.get_interaction(session_of(key), 1).prompt == "NUL \ufffd, half \ufffd a pair"


def test_it_serves_the_sdks_own_functions(stored: Any, client: Client, key: SessionKey, tmp_path: Any) -> None:
    from claude_agent_sdk._internal.session_store import project_key_for_directory

    session_id = "11111111-2222-4333-8444-555555555555"
    own: SessionKey = {"project_key": project_key_for_directory(tmp_path), "session_id": session_id}
    said = user(
        "hello", uuid="a" * 8 + "-2222-4333-8444-555555555555", sessionId=session_id, timestamp="2026-01-01T00:00:00Z"
    )

    async def use(store: SessionsiteSessionStore) -> Any:
        await store.append(own, [said])
        await rename_session_via_store(store, session_id, "Renamed", directory=str(tmp_path))
        sessions = await list_sessions_from_store(store, directory=str(tmp_path))
        messages = await get_session_messages_from_store(store, session_id, directory=str(tmp_path))
        return [one.custom_title for one in sessions], [one.uuid for one in messages]

    assert stored(use) == (["Renamed"], [said["uuid"]])
    assert client.get_session(session_of(own)).title == "Renamed"


def test_it_never_sends_what_it_has_sent(stored: Any, key: SessionKey) -> None:
    """The thousandth append costs what the first did."""

    async def use(store: SessionsiteSessionStore) -> list[int]:
        sizes: list[int] = []
        send = store._client.send

        async def counted(request: Any) -> Any:
            sizes[-1] += len(request.body or b"")
            return await send(request)

        store._client.send = counted  # type: ignore[method-assign]
        for number in range(60):
            sizes.append(0)
            await store.append(key, [user("x" * 100, uuid=f"{number:04}")])
        return sizes

    sizes = stored(use)
    assert max(sizes[2:]) < min(sizes[2:]) * 1.2
