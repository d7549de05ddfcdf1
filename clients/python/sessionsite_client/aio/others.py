"""Searches, merges, cleanups, users, and who one is."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from ..shapes import Cleanup, CleanupPlan, Found, Hit, Me, Merge, MergePlan, Preferences, User, UserLine, UserList
from ..verbs import others as verbs
from ..verbs.others import Choices
from .core import AsyncCore


class AsyncOtherVerbs(AsyncCore):
    async def me(self) -> Me:
        """Who the token is, and what it may do."""
        return await self.send(verbs.me())

    async def search(self, text: str, *, cursor: str = "", limit: int | None = None) -> Found:
        """A page of hits for words, "phrases" and filters, as docs/search.md tells."""
        return await self.send(verbs.search(text, cursor=cursor, limit=limit))

    async def hits(self, text: str, *, page: int = 20) -> AsyncIterator[Hit]:
        """All hits, page after page."""
        found = await self.search(text, limit=page)
        for one in found.hits:
            yield one
        while found.next_cursor:
            found = await self.search(text, cursor=found.next_cursor, limit=page)
            for one in found.hits:
                yield one

    async def plan_merge(self, survivor_id: str, absorbed: Sequence[str], choices: Choices | None = None) -> MergePlan:
        """What a merge would do, and the token that makes it. Changes nothing. Raises Conflict (`merge_refused`)."""
        return await self.send(verbs.plan_merge(survivor_id, absorbed, choices))

    async def apply_merge(self, plan_token: str) -> Merge:
        """Make the merge of a plan. Raises Conflict (`plan_changed`) where a session went on since."""
        return await self.send(verbs.apply_merge(plan_token))

    async def merge(self, survivor_id: str, absorbed: Sequence[str], choices: Choices | None = None) -> Merge:
        """Merge at once, without a plan."""
        return await self.send(verbs.merge(survivor_id, absorbed, choices))

    async def get_merge(self, merge_id: str) -> Merge:
        return await self.send(verbs.get_merge(merge_id))

    async def undo_merge(self, merge_id: str) -> Merge:
        """Take a merge back; what was said since stays with the survivor."""
        return await self.send(verbs.undo_merge(merge_id))

    async def plan_cleanup(
        self, *, idle_days: int | None = None, user_id: str | None = None, purge: bool | None = None
    ) -> CleanupPlan:
        """What a cleanup would take, and the token that does it. Changes nothing. Needs the scope admin."""
        return await self.send(verbs.plan_cleanup(idle_days=idle_days, user_id=user_id, purge=purge))

    async def apply_cleanup(self, plan_token: str, *, confirmed_sessions: int | None = None) -> Cleanup:
        """Do what a plan says; what was used since is left alone. Needs the scope admin.

        Raises Conflict: `plan_changed`, or `brake_pulled` where the number of sessions must be confirmed.
        """
        return await self.send(verbs.apply_cleanup(plan_token, confirmed_sessions=confirmed_sessions))

    async def get_cleanup(self, run_id: str) -> Cleanup:
        return await self.send(verbs.get_cleanup(run_id))

    async def undo_cleanup(self, run_id: str) -> Cleanup:
        """Take out of the trash again what a cleanup put there."""
        return await self.send(verbs.undo_cleanup(run_id))

    async def list_users(self, *, prefix: str = "", cursor: str = "", limit: int | None = None) -> UserList:
        """A page of those who have sessions, the latest active first."""
        return await self.send(verbs.list_users(prefix=prefix, cursor=cursor, limit=limit))

    async def users(self, *, prefix: str = "", page: int = 50) -> AsyncIterator[UserLine]:
        """All of them, page after page."""
        found = await self.list_users(prefix=prefix, limit=page)
        for one in found.users:
            yield one
        while found.next_cursor:
            found = await self.list_users(prefix=prefix, cursor=found.next_cursor, limit=page)
            for one in found.users:
                yield one

    async def get_user(self, user_id: str) -> User:
        return await self.send(verbs.get_user(user_id))

    async def get_preferences(self, user_id: str) -> Preferences:
        """What a user prefers; nothing for one who is not known yet."""
        return await self.send(verbs.get_preferences(user_id))

    async def set_preferences(self, user_id: str, values: Mapping[str, Any]) -> Preferences:
        """Set some, which sessions begun from now on have; the others stay."""
        return await self.send(verbs.set_preferences(user_id, values))

    async def remove_preference(self, user_id: str, name: str) -> Preferences:
        """One that is not there is no mistake."""
        return await self.send(verbs.remove_preference(user_id, name))
