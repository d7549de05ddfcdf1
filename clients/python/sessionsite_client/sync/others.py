"""Searches, merges, cleanups, users, and who one is."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..shapes import Cleanup, CleanupPlan, Found, Hit, Me, Merge, MergePlan, Preferences, User, UserLine, UserList
from ..verbs import others as verbs
from ..verbs.others import Choices
from .core import Core


class OtherVerbs(Core):
    def me(self) -> Me:
        """Who the token is, and what it may do."""
        return self.send(verbs.me())

    def search(self, text: str, *, cursor: str = "", limit: int | None = None) -> Found:
        """A page of hits for words, "phrases" and filters, as docs/search.md tells."""
        return self.send(verbs.search(text, cursor=cursor, limit=limit))

    def hits(self, text: str, *, page: int = 20) -> Iterator[Hit]:
        """All hits, page after page."""
        found = self.search(text, limit=page)
        yield from found.hits
        while found.next_cursor:
            found = self.search(text, cursor=found.next_cursor, limit=page)
            yield from found.hits

    def plan_merge(self, survivor_id: str, absorbed: Sequence[str], choices: Choices | None = None) -> MergePlan:
        """What a merge would do, and the token that makes it. Changes nothing. Raises Conflict (`merge_refused`)."""
        return self.send(verbs.plan_merge(survivor_id, absorbed, choices))

    def apply_merge(self, plan_token: str) -> Merge:
        """Make the merge of a plan. Raises Conflict (`plan_changed`) where a session went on since."""
        return self.send(verbs.apply_merge(plan_token))

    def merge(self, survivor_id: str, absorbed: Sequence[str], choices: Choices | None = None) -> Merge:
        """Merge at once, without a plan."""
        return self.send(verbs.merge(survivor_id, absorbed, choices))

    def get_merge(self, merge_id: str) -> Merge:
        return self.send(verbs.get_merge(merge_id))

    def undo_merge(self, merge_id: str) -> Merge:
        """Take a merge back; what was said since stays with the survivor."""
        return self.send(verbs.undo_merge(merge_id))

    def plan_cleanup(
        self, *, idle_days: int | None = None, user_id: str | None = None, purge: bool | None = None
    ) -> CleanupPlan:
        """What a cleanup would take, and the token that does it. Changes nothing. Needs the scope admin."""
        return self.send(verbs.plan_cleanup(idle_days=idle_days, user_id=user_id, purge=purge))

    def apply_cleanup(self, plan_token: str, *, confirmed_sessions: int | None = None) -> Cleanup:
        """Do what a plan says; what was used since is left alone. Needs the scope admin.

        Raises Conflict: `plan_changed`, or `brake_pulled` where the number of sessions must be confirmed.
        """
        return self.send(verbs.apply_cleanup(plan_token, confirmed_sessions=confirmed_sessions))

    def get_cleanup(self, run_id: str) -> Cleanup:
        return self.send(verbs.get_cleanup(run_id))

    def undo_cleanup(self, run_id: str) -> Cleanup:
        """Take out of the trash again what a cleanup put there."""
        return self.send(verbs.undo_cleanup(run_id))

    def list_users(self, *, prefix: str = "", cursor: str = "", limit: int | None = None) -> UserList:
        """A page of those who have sessions, the latest active first."""
        return self.send(verbs.list_users(prefix=prefix, cursor=cursor, limit=limit))

    def users(self, *, prefix: str = "", page: int = 50) -> Iterator[UserLine]:
        """All of them, page after page."""
        found = self.list_users(prefix=prefix, limit=page)
        yield from found.users
        while found.next_cursor:
            found = self.list_users(prefix=prefix, cursor=found.next_cursor, limit=page)
            yield from found.users

    def get_user(self, user_id: str) -> User:
        return self.send(verbs.get_user(user_id))

    def get_preferences(self, user_id: str) -> Preferences:
        """What a user prefers; nothing for one who is not known yet."""
        return self.send(verbs.get_preferences(user_id))

    def set_preferences(self, user_id: str, values: Mapping[str, Any]) -> Preferences:
        """Set some, which sessions begun from now on have; the others stay."""
        return self.send(verbs.set_preferences(user_id, values))

    def remove_preference(self, user_id: str, name: str) -> Preferences:
        """One that is not there is no mistake."""
        return self.send(verbs.remove_preference(user_id, name))
