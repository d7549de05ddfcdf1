"""LangChain's chat history: `RunnableWithMessageHistory(chain, lambda name: SessionsiteChatMessageHistory(name))`."""

from collections.abc import Sequence
from typing import Unpack

from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import BaseMessage

from ..aio.client import AsyncClient
from ..sync.client import Client
from ..verbs.sessions import SessionStart
from .history import History
from .langchain_messages import interaction_of, message_of, text_of

ADAPTER = "langchain"


class SessionsiteChatMessageHistory(BaseChatMessageHistory):
    """The messages of a conversation in a Sessionsite, each an interaction.

    Its session has the ID `<namespace>.<session_id>`; with `namespace=""` the ID as it is given, so that a chain goes
    on where any other program has left off, and sees of it what LangChain wrote. `given` is what the session begins
    with. Needs a token of the scope write. What is cleared stays readable for people.
    """

    def __init__(
        self,
        session_id: str,
        client: Client | None = None,
        *,
        async_client: AsyncClient | None = None,
        namespace: str = ADAPTER,
        **given: Unpack[SessionStart],
    ) -> None:
        """Without a client one for SESSIONSITE_URL and SESSIONSITE_TOKEN is made. Raises NotConfigured.

        The asynchronous methods use `async_client` where it is given, else the other one in a thread.
        """
        super().__init__()
        self.session_id = session_id
        self._is_own = client is None
        self._client = client or Client()
        self._async_client = async_client
        self._history = History.of(ADAPTER, namespace, session_id, given)

    @property
    def messages(self) -> list[BaseMessage]:  # type: ignore[override]
        """All messages in their order, asked for anew each time."""
        return [message_of(record.text) for record in self._client.run(self._history.last())]

    def last_messages(self, limit: int) -> list[BaseMessage]:
        """The last ones, without asking for those before them."""
        return [message_of(record.text) for record in self._client.run(self._history.last(limit))]

    async def aget_messages(self) -> list[BaseMessage]:
        if self._async_client is None:
            return await super().aget_messages()
        return [message_of(record.text) for record in await self._async_client.run(self._history.last())]

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        self._client.run(self._history.add((text_of(one), interaction_of(one)) for one in messages))

    async def aadd_messages(self, messages: Sequence[BaseMessage]) -> None:
        if self._async_client is None:
            await super().aadd_messages(messages)
        else:
            await self._async_client.run(self._history.add((text_of(one), interaction_of(one)) for one in messages))

    def clear(self) -> None:
        """From here on it is empty for the chain."""
        self._client.run(self._history.clear())

    async def aclear(self) -> None:
        if self._async_client is None:
            await super().aclear()
        else:
            await self._async_client.run(self._history.clear())

    def close(self) -> None:
        """Give the connections back, if the client was made here."""
        if self._is_own:
            self._client.close()
