"""Questions that several rooms ask of the tables, named once."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Length

if TYPE_CHECKING:
    from .models import Interaction, Session  # noqa: F401


_SHORT_HEADER_CHARACTERS = 64 * 1024


class SessionQuerySet(models.QuerySet["Session"]):
    """Sessions by their place in life, and by what the mirror still owes them."""

    def live(self) -> Self:
        """Neither in the trash nor absorbed by another session."""
        return self.filter(trashed_at__isnull=True, merged_into__isnull=True)

    def with_short_header(self) -> Self:
        """Those of which many may be held at once, going by the characters of all columns that may be long."""
        columns = (field.name for field in self.model._meta.concrete_fields if isinstance(field, models.TextField))
        characters = sum((Length(name) for name in columns), Value(0))
        return self.alias(header_characters=characters).filter(header_characters__lte=_SHORT_HEADER_CHARACTERS)

    def active(self, expires_before: datetime) -> Self:
        return self.live().filter(last_activity_at__gte=expires_before)

    def expired(self, expires_before: datetime) -> Self:
        return self.live().filter(last_activity_at__lt=expires_before)

    def held(self) -> Self:
        return self.live().filter(held_at__isnull=False)

    def trashed(self) -> Self:
        return self.filter(trashed_at__isnull=False)

    def merged(self) -> Self:
        return self.filter(merged_into__isnull=False)

    def in_state(self, state: str, expires_before: datetime) -> Self:
        """Those in a state that a list or a search is narrowed to, all for "all". Raises KeyError for no such state."""
        return {
            "active": lambda: self.active(expires_before),
            "expired": lambda: self.expired(expires_before),
            "held": self.held,
            "trashed": self.trashed,
            "merged": self.merged,
            "all": self.all,
        }[state]()

    def in_mirror_debt(self) -> Self:
        """Those whose journal is behind their row; among those whose document is, which have an index."""
        return self.in_document_debt().filter(revision__gt=F("mirrored_revision"))

    def in_document_debt(self) -> Self:
        """Those whose small present-state document is behind their row."""
        return self.filter(revision__gt=F("documented_revision"))

    def in_search_debt(self) -> Self:
        """Those that the search does not wholly find yet; among those whose document is behind, which have an index."""
        return self.in_document_debt().filter(revision__gt=F("searched_revision"))

    def older_than(self, last_activity_at: datetime, session_id: str) -> Self:
        """Those that come after this place in the order "latest activity first"."""
        return self.filter(
            Q(last_activity_at__lt=last_activity_at) | Q(last_activity_at=last_activity_at, session_id__lt=session_id)
        )


class InteractionQuerySet(models.QuerySet["Interaction"]):
    """Interactions in the orders in which they are read."""

    def of(self, session_id: str) -> Self:
        return self.filter(session_id=session_id).order_by("sequence")

    def changed_after(self, session_id: str, revision: int) -> Self:
        """What a journal that stands at `revision` lacks."""
        return self.filter(session_id=session_id, revision__gt=revision).order_by("revision")

    def unordered_delete(self) -> Any:
        """Delete without loading the rows; for whole sessions, whose signals nobody awaits."""
        return self.order_by()._raw_delete(self.db)
