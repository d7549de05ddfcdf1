"""What was said: stored, read, given out, pinned."""

from collections.abc import Iterable, Iterator
from typing import Unpack

from ..shapes import Interaction, InteractionFields, InteractionList, Logged, LoggedInteraction, Session
from ..verbs import interactions as verbs
from .core import Core


class InteractionVerbs(Core):
    def log(self, session_id: str, **fields: Unpack[InteractionFields]) -> LoggedInteraction:
        """Store one interaction; when this returns, both of the server's copies have it.

        Raises NotFound, InvalidInput, and Conflict (`session_trashed`, `idempotency_conflict`).
        """
        return self.run(verbs.log_many(session_id, [fields])).interactions[0]

    def log_many(self, session_id: str, interactions: Iterable[InteractionFields]) -> Logged:
        """Store interactions in their order, as many at once as the server takes, each request's all or none."""
        return self.run(verbs.log_many(session_id, interactions))

    def list_interactions(
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
        return self.send(
            verbs.list_interactions(
                session_id, after=after, before=before, limit=limit, keys=list(keys), include_source=include_source
            )
        )

    def history(
        self, session_id: str, *, after: int | None = None, include_source: bool = False, page: int = 200
    ) -> Iterator[Interaction]:
        """All interactions in their order, page after page, from behind a sequence on."""
        position: int | None = after or 0
        while position is not None:
            found = self.list_interactions(session_id, after=position, limit=page, include_source=include_source)
            yield from found.interactions
            position = found.after

    def latest(self, session_id: str, *, include_source: bool = False, page: int = 200) -> Iterator[Interaction]:
        """All interactions, the last one first, page after page."""
        position: int | None = verbs.NEWEST
        while position is not None:
            found = self.list_interactions(session_id, before=position, limit=page, include_source=include_source)
            yield from reversed(found.interactions)
            position = found.before

    def get_interaction(self, session_id: str, sequence: int) -> Interaction:
        """One interaction, with its source's record. Raises NotFound."""
        return self.send(verbs.get_interaction(session_id, sequence))

    def pin(self, session_id: str, interaction_id: str) -> Session:
        """Whoever resumes is handed a pinned interaction, however long ago it was."""
        return self.send(verbs.pin(session_id, interaction_id))

    def unpin(self, session_id: str, interaction_id: str) -> Session:
        return self.send(verbs.unpin(session_id, interaction_id))
