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
MAX_MODELS = 50

_LISTED = (
    "trashed_at",
    "merged_into",
    "held_at",
    "settled_at",
    "user_id",
    "source",
    "interaction_count",
    "stated_interactions",
    "error_count",
    "input_tokens",
    "output_tokens",
    "cost_microusd",
    "created_at",
)


class Session(Mirrored):
    """One conversation.

    `header_revision` is the revision of the last change to this row's own content, `rewrite_revision` of the last
    one that an append cannot express (a merge or its undoing), `searched_revision` the one up to which the search
    finds it, `documented_revision` the one that the small `<id>.json` shows. `settled_at` is when the session came
    into this database or back from the trash; the scheduled cleanup counts from the later of it and the last activity.
    `stated_interactions` is what an old system counted and did not hand over; `opening` is the beginning of the first
    request; `model_names` are the models in the order of their first use, 50 at most. Counts, sums, `opening` and
    `model_names` follow from the interactions and are not mirrored.
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
    notes = JSONTextField(blank=True, default=list)
    pins = JSONTextField(blank=True, default=list)

    last_sequence = models.BigIntegerField(default=0)
    interaction_count = models.BigIntegerField(default=0)
    stated_interactions = models.BigIntegerField(default=0)
    error_count = models.BigIntegerField(default=0)
    input_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    cost_microusd = models.BigIntegerField(default=0)
    opening = models.CharField(max_length=MAX_OPENING, blank=True, default="")
    model_names = JSONTextField(blank=True, default=list)

    held_at = models.DateTimeField(null=True, blank=True)
    held_by = models.CharField(max_length=255, blank=True, default="")
    hold_reason = models.TextField(blank=True, default="")
    trashed_at = models.DateTimeField(null=True, blank=True)
    trashed_by = models.CharField(max_length=255, blank=True, default="")
    trash_reason = models.TextField(blank=True, default="")
    merged_into = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="absorbed_sessions", db_index=False
    )

    header_revision = models.BigIntegerField(default=0)
    rewrite_revision = models.BigIntegerField(default=0)
    searched_revision = models.BigIntegerField(default=0)
    documented_revision = models.BigIntegerField(default=0)

    objects = SessionQuerySet.as_manager()

    # What this instance's transaction added, so that the drain need not read it back from the database.
    unmirrored: Any = None

    class Meta:
        ordering: ClassVar = ["-last_activity_at", "-session_id"]
        indexes: ClassVar = [
            # Behind the first two stands whatever a list is narrowed or sorted by, so that no list reads the rows it
            # leaves out. Every append moves this entry anyway; it costs a few bytes more and no page.
            models.Index("last_activity_at", "session_id", *_LISTED, name="session_by_activity"),
            # All behind the first three is there to be read: a user's figures come from the index alone. An append
            # moves the entry anyway, and writes no page more for them.
            models.Index(
                "user_id",
                "last_activity_at",
                "session_id",
                "created_at",
                "interaction_count",
                "stated_interactions",
                "error_count",
                "input_tokens",
                "output_tokens",
                "cost_microusd",
                "trashed_at",
                "merged_into",
                name="session_by_user",
            ),
            models.Index("source", name="session_by_source"),
            # Of the absorbed alone: nearly all rows have NULL here, and SQLite would take that for a rare value.
            models.Index("merged_into", condition=Q(merged_into__isnull=False), name="session_absorbed"),
            # Neither this nor the next changes with an append.
            models.Index("held_at", "session_id", condition=Q(held_at__isnull=False), name="session_on_hold"),
            models.Index("trashed_at", "session_id", condition=Q(trashed_at__isnull=False), name="session_in_trash"),
            # One for all three debts: a document is only ever written of what the journal has and the search finds.
            # Another one would cost two more pages in every write.
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


class SessionModel(models.Model):
    """That a session used a model. Follows from the interactions, as the session's `model_names` do."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="used_models")
    name = IdentifierField(max_length=255)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["name", "session"], name="model_once")]

    def __str__(self) -> str:
        return str(self.name)
