"""The synchronous client, whole."""

from typing import Unpack

from ..conversation import Conversation
from ..verbs.sessions import SessionStart
from .files import FileVerbs
from .interactions import InteractionVerbs
from .others import OtherVerbs
from .sessions import SessionVerbs


class Client(SessionVerbs, InteractionVerbs, FileVerbs, OtherVerbs):
    """A Sessionsite, asked and waited for: `with Client() as client: client.log(session_id, prompt="Hello")`.

    Every method raises Refused, by the kind of refusal, and Unreachable. May be shared by threads.
    """

    def conversation(self, session_id: str | None = None, **given: Unpack[SessionStart]) -> Conversation:
        """`with client.conversation(user_id="alice") as chat: chat.turn(prompt, response)`.

        Goes on with the session of an ID; without one, or where there is none, it begins. Each turn is in both of the
        server's copies when the call returns; `Recorder.conversation` does the same in the background.
        """
        started: SessionStart = {"if_exists": "resume", **given}
        return Conversation(lambda: self.start_session(session_id, **started).session_id, self.log)
