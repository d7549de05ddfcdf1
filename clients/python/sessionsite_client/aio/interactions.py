"""What was said: stored, read, given out, pinned."""

from collections.abc import AsyncIterator, Iterable
from typing import Unpack

from ..shapes import Interaction, InteractionFields, InteractionList, Logged, LoggedInteraction, Session
from ..verbs import interactions as verbs
from .core import AsyncCore


class AsyncInteractionVerbs(AsyncCore):
    async def log(self, session_id: str, **fields: Unpack[InteractionFields]) -> LoggedInteraction:
        """Store one interaction; when this returns, both of the server's copies have it.

        Raises NotFound, InvalidInput, and Conflict (`session_trashed`, `idempotency_conflict`).
        """
        return (await self.run(verbs.log_many(session_id, [fields]))).interactions[0]

    async def log_many(self, session_id: str, interactions: Iterable[InteractionFields]) -> Logged:
        """Store interactions in their order, as many at once as the server takes, each request's all or none."""
        return await self.run(verbs.log_many(session_id, interactions))

    async def list_interactions(
        self,
        session_id: str,
        *,
        after: int | None = None,
        before: int | None = None,
        limit: int | None = None,
        keys: Iterable[str] = (),
        include_source: bool = False,
    ) -> InteractionList:
        """A page of interactions behind a sequence, or the last ones ahead of one; `keys` are idempotency keys."""
        return await self.send(
            verbs.list_interactions(
                session_id, after=after, before=before, limit=limit, keys=list(keys), include_source=include_source
            )
        )

    async def history(
        self, session_id: str, *, after: int | None = None, include_source: bool = False, page: int = 200
    ) -> AsyncIterator[Interaction]:
        """All interactions in their order, page after page, from behind a sequence on."""
        position: int | None = after or 0
        while position is not None:
            found = await self.list_interactions(session_id, after=position, limit=page, include_source=include_source)
            for one in found.interactions:
                yield one
            position = found.after

    async def latest(
        self, session_id: str, *, include_source: bool = False, page: int = 200
    ) -> AsyncIterator[Interaction]:
        """All interactions, the last one first, page after page."""
        position: int | None = verbs.NEWEST
        while position is not None:
            found = await self.list_interactions(session_id, before=position, limit=page, include_source=include_source)
            for one in reversed(found.interactions):
                yield one
            position = found.before

    async def get_interaction(self, session_id: str, sequence: int) -> Interaction:
        """One interaction, with its source's record. Raises NotFound."""
        return await self.send(verbs.get_interaction(session_id, sequence))

    async def pin(self, session_id: str, interaction_id: str) -> Session:
        """Whoever resumes is handed a pinned interaction, however long ago it was."""
        return await self.send(verbs.pin(session_id, interaction_id))

    async def unpin(self, session_id: str, interaction_id: str) -> Session:
        return await self.send(verbs.unpin(session_id, interaction_id))
