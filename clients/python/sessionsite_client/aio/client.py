"""The asynchronous client, whole."""

from typing import Unpack

from ..conversation import AsyncConversation
from ..verbs.sessions import SessionStart
from .files import AsyncFileVerbs
from .interactions import AsyncInteractionVerbs
from .others import AsyncOtherVerbs
from .sessions import AsyncSessionVerbs


class AsyncClient(AsyncSessionVerbs, AsyncInteractionVerbs, AsyncFileVerbs, AsyncOtherVerbs):
    """The verbs of `Client`, awaited: `async with AsyncClient() as client: await client.log(session_id, prompt="Hi")`.

    Every method raises Refused, by the kind of refusal, and Unreachable. May be shared by tasks of one event loop.
    """

    def conversation(self, session_id: str | None = None, **given: Unpack[SessionStart]) -> AsyncConversation:
        """`async with client.conversation(user_id="alice") as chat: await chat.turn(prompt, response)`.

        Goes on with the session of an ID; without one, or where there is none, it begins.
        """
        started: SessionStart = {"if_exists": "resume", **given}

        async def begin() -> str:
            return (await self.start_session(session_id, **started)).session_id

        return AsyncConversation(begin, self.log)
