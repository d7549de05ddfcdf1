"""OpenAI Agents' memory: `await Runner.run(agent, "Hello", session=SessionsiteSession("a-conversation"))`."""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Unpack, cast

from agents.items import TResponseInputItem
from agents.memory import SessionABC, SessionSettings

from ..aio.client import AsyncClient
from ..shapes import InteractionFields
from ..verbs.sessions import SessionStart
from .history import History
from .texts import plain, readable, said, short

ADAPTER = "openai-agents"


class SessionsiteSession(SessionABC):
    """A conversation of the OpenAI Agents SDK in a Sessionsite, each item an interaction.

    Its session has the ID `<namespace>.<session_id>`; with `namespace=""` the ID as it is given, so that an agent goes
    on where any other program has left off, and sees of it what agents of this SDK wrote. `given` is what the session
    begins with. Needs a token of the scope write. What is cleared or popped stays readable for people.
    """

    def __init__(
        self,
        session_id: str,
        client: AsyncClient | None = None,
        *,
        namespace: str = ADAPTER,
        session_settings: SessionSettings | None = None,
        **given: Unpack[SessionStart],
    ) -> None:
        """Without a client one for SESSIONSITE_URL and SESSIONSITE_TOKEN is made. Raises NotConfigured."""
        self.session_id = session_id
        self.session_settings = session_settings or SessionSettings()
        self._is_own = client is None
        self._client = client or AsyncClient()
        self._history = History.of(ADAPTER, namespace, session_id, given)

    async def get_items(self, limit: int | None = None) -> list[TResponseInputItem]:
        """All items, or the last ones, in their order."""
        if limit is None and self.session_settings is not None:
            limit = self.session_settings.limit
        records = await self._client.run(self._history.last(limit))
        return [json.loads(record.text) for record in records]

    async def add_items(self, items: list[TResponseInputItem]) -> None:
        told = [cast("Mapping[str, Any]", item) for item in items]
        await self._client.run(self._history.add((json.dumps(item), interaction_of(item)) for item in told))

    async def pop_item(self) -> TResponseInputItem | None:
        """The last item, which no longer counts then."""
        record = await self._client.run(self._history.take_back())
        return None if record is None else cast("TResponseInputItem", json.loads(record.text))

    async def clear_session(self) -> None:
        """From here on it is empty for the agent."""
        await self._client.run(self._history.clear())

    async def aclose(self) -> None:
        """Give the connections back, if the client was made here."""
        if self._is_own:
            await self._client.aclose()


def interaction_of(item: Mapping[str, Any]) -> InteractionFields:
    """What an item of the Responses API says to people."""
    kind = str(item.get("type") or "message")
    if kind == "message":
        return _message(item)
    if kind == "reasoning":
        return {"kind": "agent_response", "reasoning": said(item.get("summary")) or said(item.get("content"))}
    if kind.endswith("_output"):
        output = item.get("output")
        told = said(output) if isinstance(output, str | list) else readable(output)
        return {"kind": "tool_response", "response": told, "status": short(item.get("status"), longest=64)}
    if kind.endswith("_call"):
        return _call(kind, item)
    return {"kind": "agent_response", "response": readable(item), "status": short(kind, longest=64)}


def _message(item: Mapping[str, Any]) -> InteractionFields:
    text = said(item.get("content"))
    if item.get("role") == "assistant":
        return {"kind": "agent_response", "response": text}
    fields: InteractionFields = {"kind": "client_request", "prompt": text}
    if item.get("role") != "user":
        fields["status"] = short(item.get("role"), longest=64)
    return fields


def _call(kind: str, item: Mapping[str, Any]) -> InteractionFields:
    arguments = item.get("arguments", item.get("action"))
    if isinstance(arguments, str):
        with suppress(ValueError, RecursionError):
            arguments = json.loads(arguments)
    return {
        "kind": "tool_call",
        "tool_name": short(item.get("name") or kind.removesuffix("_call")),
        "tool_parameters": plain(arguments),
        "status": short(item.get("status"), longest=64),
    }
