"""Sessions: begun, found, gone on with, put away and brought back."""

from collections.abc import Iterator
from typing import Unpack

from ..shapes import Context, ContextPack, Resumed, Session, SessionLine, SessionList
from ..verbs import sessions as verbs
from ..verbs.sessions import ContextEdit, SessionFilters, SessionStart
from .core import Core


class SessionVerbs(Core):
    def start_session(self, session_id: str | None = None, **given: Unpack[SessionStart]) -> Session:
        """Begin a session; without an ID under a random one. Raises Conflict (`session_exists`) for a known ID."""
        return self.send(verbs.start_session(session_id, **given))

    def get_session(self, session_id: str) -> Session:
        """A session without its interactions; the ID of an absorbed one leads to its survivor. Raises NotFound."""
        return self.send(verbs.get_session(session_id))

    def list_sessions(self, **filters: Unpack[SessionFilters]) -> SessionList:
        """A page of sessions, those that were active last first."""
        return self.send(verbs.list_sessions(**filters))

    def sessions(self, **filters: Unpack[SessionFilters]) -> Iterator[SessionLine]:
        """All of them, page after page; `limit` is the size of a page."""
        page = self.list_sessions(**filters)
        yield from page.sessions
        while page.next_cursor:
            filters["cursor"] = page.next_cursor
            page = self.list_sessions(**filters)
            yield from page.sessions

    def resume(self, session_id: str, *, max_tokens: int | None = None, user_id: str | None = None) -> Resumed:
        """Go on with a session: bring it back to life, and receive its context within so many tokens.

        Adds no interaction. With `user_id`, somebody else's session is as good as unknown. Raises NotFound.
        """
        return self.send(verbs.resume(session_id, max_tokens=max_tokens, user_id=user_id))

    def context_pack(self, session_id: str, *, max_tokens: int | None = None, cursor: str = "") -> ContextPack:
        """The same without resuming; with the cursor of what was left out, the turns before."""
        return self.send(verbs.context_pack(session_id, max_tokens=max_tokens, cursor=cursor))

    def get_context(self, session_id: str) -> Context:
        return self.send(verbs.get_context(session_id))

    def update_context(self, session_id: str, *, version: str = "", **changes: Unpack[ContextEdit]) -> Context:
        """Replace the members that are given. With the version that was seen, raises Changed where it is another."""
        return self.send(verbs.update_context(session_id, version, changes))

    def add_tag(self, session_id: str, tag: str) -> Context:
        return self.send(verbs.add_tag(session_id, tag))

    def remove_tag(self, session_id: str, tag: str) -> Context:
        """A tag that is not there is no mistake."""
        return self.send(verbs.remove_tag(session_id, tag))

    def hold(self, session_id: str, reason: str = "") -> Session:
        """Exempt a session from every cleanup."""
        return self.send(verbs.hold(session_id, reason))

    def release(self, session_id: str) -> Session:
        """End a hold. Needs the scope admin."""
        return self.send(verbs.release(session_id))

    def trash(self, session_id: str, reason: str = "") -> Session:
        """Put a session into the trash, from where it can be restored. Needs the scope admin."""
        return self.send(verbs.trash(session_id, reason))

    def restore(self, session_id: str) -> Session:
        """Take a session out of the trash, as it was."""
        return self.send(verbs.restore(session_id))
