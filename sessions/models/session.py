"""Conversations, and what hangs on them as a whole."""

from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from sessions.fields import IdentifierField, JSONTextField
from sessions.querysets import SessionQuerySet
from sessions.records import ANONYMOUS, State

from .mirrored import Mirrored
from .profile import MAX_USER_ID

MAX_SESSION_ID = 128
MAX_OPENING = 200


class Session(Mirrored):
    """One conversation.

    `header_revision` is the revision of the last change to this row's own content, `rewrite_revision` of the last
    one that an append cannot express (a merge or its undoing), `documented_revision` the one that the small
    `<id>.json` shows. `settled_at` is when the session came into this database or back from the trash; the
    scheduled cleanup counts from the later of it and the last activity. `stated_interactions` is what an old
    system counted and did not hand over; `opening` is the beginning of the first request. Counts, sums and
    `opening` follow from the interactions and are not mirrored.
    """

    session_id = IdentifierField(primary_key=True, max_length=MAX_SESSION_ID)
    user_id = IdentifierField(max_length=MAX_USER_ID, default=ANONYMOUS)
    title = models.TextField(blank=True, default="")
    source = IdentifierField(max_length=64, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)
    last_activity_at = models.DateTimeField(default=timezone.now)
    settled_at = models.DateTimeField(default=timezone.now)

    context_summary = models.TextField(blank=True, default="")
    active_topics = JSONTextField(blank=True, default=list)
    user_preferences = JSONTextField(blank=True, default=dict)
    project_context = JSONTextField(blank=True, default=dict)
    semantic_context = JSONTextField(blank=True, default=dict)
    metadata = JSONTextField(blank=True, default=dict)

    last_sequence = models.BigIntegerField(default=0)
    interaction_count = models.BigIntegerField(default=0)
    stated_interactions = models.BigIntegerField(default=0)
    error_count = models.BigIntegerField(default=0)
    input_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    cost_microusd = models.BigIntegerField(default=0)
    opening = models.CharField(max_length=MAX_OPENING, blank=True, default="")

    held_at = models.DateTimeField(null=True, blank=True)
    held_by = models.CharField(max_length=255, blank=True, default="")
    hold_reason = models.TextField(blank=True, default="")
    trashed_at = models.DateTimeField(null=True, blank=True)
    trashed_by = models.CharField(max_length=255, blank=True, default="")
    trash_reason = models.TextField(blank=True, default="")
    merged_into = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="absorbed_sessions"
    )

    header_revision = models.BigIntegerField(default=0)
    rewrite_revision = models.BigIntegerField(default=0)
    documented_revision = models.BigIntegerField(default=0)

    objects = SessionQuerySet.as_manager()

    # What this instance's transaction added, so that the drain need not read it back from the database.
    unmirrored: Any = None

    class Meta:
        ordering: ClassVar = ["-last_activity_at", "-session_id"]
        indexes: ClassVar = [
            models.Index("last_activity_at", "session_id", name="session_by_activity"),
            models.Index("user_id", "last_activity_at", "session_id", name="session_by_user"),
            models.Index("source", name="session_by_source"),
            models.Index("trashed_at", "session_id", condition=Q(trashed_at__isnull=False), name="session_in_trash"),
            # One for both debts: a document is only ever written of what the journal has. A second one would cost
            # two more pages in every write.
            models.Index("session_id", condition=Q(revision__gt=F("documented_revision")), name="session_behind"),
        ]

    def __str__(self) -> str:
        return self.title or self.opening or self.session_id

    def state(self, expires_before: datetime) -> State:
        """Where the session is in its life, an idle one being expired when it was last active before that time."""
        if self.merged_into_id is not None:
            return State.MERGED
        if self.trashed_at is not None:
            return State.TRASHED
        return State.EXPIRED if self.last_activity_at < expires_before else State.ACTIVE

    @property
    def total_interactions(self) -> int:
        """All interactions there ever were, those counted: the ones here and the ones an old system only stated."""
        return self.interaction_count + self.stated_interactions


class SessionTag(models.Model):
    """A tag on a session; lives and dies with the session's header line."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="tags")
    name = IdentifierField(max_length=100)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["name", "session"], name="tag_once")]

    def __str__(self) -> str:
        return str(self.name)
