"""The tables. What they mean is told in docs/architecture.md; how they reach the disk in docs/mirror-format.md."""

from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from .fields import IdentifierField, JSONTextField
from .querysets import InteractionQuerySet, SessionQuerySet
from .records import ANONYMOUS, InteractionKind, State, new_interaction_id

MAX_SESSION_ID = 128
MAX_USER_ID = 255
MAX_KEY = 200
MAX_OPENING = 200


class Mirrored(models.Model):
    """A row that has a journal: every change raises `revision`, and the drain raises `mirrored_revision` after it.

    The difference is the debt. `debt_since` says when the oldest unsettled change was made; it means nothing
    while there is no debt.
    """

    revision = models.BigIntegerField(default=0)
    mirrored_revision = models.BigIntegerField(default=0)
    debt_since = models.DateTimeField(default=timezone.now)

    class Meta:
        abstract = True

    def raise_revision(self, by: int = 1) -> int:
        """Count a change, start the debt's clock where there was none, and return the new revision."""
        if self.revision == self.mirrored_revision:
            self.debt_since = timezone.now()
        self.revision += by
        return self.revision


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


class Interaction(models.Model):
    """One event in a session. `sequence` has no gaps and follows the conversation's order."""

    id = models.UUIDField(primary_key=True, default=new_interaction_id, editable=False)
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="interactions", db_index=False)
    sequence = models.BigIntegerField()
    revision = models.BigIntegerField()
    kind = models.CharField(max_length=32, choices=[(kind.value, kind.value) for kind in InteractionKind])
    prompt = models.TextField(blank=True, default="")
    response = models.TextField(blank=True, default="")
    reasoning = models.TextField(blank=True, default="")
    tool_name = models.CharField(max_length=255, blank=True, default="")
    tool_parameters = JSONTextField(null=True, blank=True)
    model = models.CharField(max_length=255, blank=True, default="")
    input_tokens = models.BigIntegerField(null=True, blank=True)
    output_tokens = models.BigIntegerField(null=True, blank=True)
    cost_microusd = models.BigIntegerField(null=True, blank=True)
    execution_time_ms = models.FloatField(null=True, blank=True)
    status = models.CharField(max_length=64, blank=True, default="")
    error_message = models.TextField(blank=True, default="")
    metadata = JSONTextField(blank=True, default=dict)
    occurred_at = models.DateTimeField(default=timezone.now)
    recorded_at = models.DateTimeField(default=timezone.now)
    idempotency_key = IdentifierField(max_length=MAX_KEY, null=True, blank=True)
    parent = models.ForeignKey(
        # A branch's root may have been merged away; the link is kept even when it leads nowhere.
        "self",
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="children",
    )
    source_record = models.BinaryField(null=True, blank=True)
    origins = JSONTextField(blank=True, default=list)

    objects = InteractionQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["session", "sequence"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["session", "sequence"], name="interaction_sequence_once"),
            models.UniqueConstraint(
                fields=["session", "idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="interaction_key_once",
            ),
        ]
        indexes: ClassVar = [models.Index("session", "revision", name="interaction_by_revision")]

    def __str__(self) -> str:
        return f"{self.session_id}#{self.sequence}"


class Profile(Mirrored):
    """What is known of a user across sessions; a new session starts with these preferences."""

    user_id = IdentifierField(primary_key=True, max_length=MAX_USER_ID)
    preferences = JSONTextField(blank=True, default=dict)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["user_id"]

    def __str__(self) -> str:
        return str(self.user_id)


class Merge(models.Model):
    """One merge and what it changed; `revision` is the survivor's, at which this row was last written."""

    id = models.UUIDField(primary_key=True, default=new_interaction_id, editable=False)
    survivor_id = IdentifierField(max_length=MAX_SESSION_ID, db_index=True)
    absorbed_id = IdentifierField(max_length=MAX_SESSION_ID, db_index=True)
    merged_at = models.DateTimeField(default=timezone.now)
    merged_by = models.CharField(max_length=255, blank=True, default="")
    survivor_before = JSONTextField(default=dict)
    survivor_after = JSONTextField(default=dict)
    absorbed_before = JSONTextField(default=dict)
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.CharField(max_length=255, blank=True, default="")
    revision = models.BigIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["-merged_at", "-id"]

    def __str__(self) -> str:
        return f"{self.absorbed_id} → {self.survivor_id}"


class Tombstone(models.Model):
    """A session that was purged. `mirrored_at` is empty until its tombstone file stands and its journal is gone."""

    session_id = IdentifierField(primary_key=True, max_length=MAX_SESSION_ID)
    purged_at = models.DateTimeField(default=timezone.now)
    purged_by = models.CharField(max_length=255, blank=True, default="")
    reason = models.TextField(blank=True, default="")
    interaction_count = models.BigIntegerField(default=0)
    mirrored_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-purged_at", "-session_id"]

    def __str__(self) -> str:
        return str(self.session_id)


class AuditEvent(models.Model):
    """Who changed what, when, and through which face. Never holds what was said."""

    at = models.DateTimeField(default=timezone.now, db_index=True)
    actor = models.CharField(max_length=255)
    face = models.CharField(max_length=32)
    verb = models.CharField(max_length=64)
    session_id = IdentifierField(max_length=MAX_SESSION_ID, blank=True, default="", db_index=True)
    details = JSONTextField(blank=True, default=dict)

    class Meta:
        ordering: ClassVar = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.actor} {self.verb} {self.session_id}".strip()


class Schedule(models.Model):
    """A job that runs by the clock, once, whatever the number of workers.

    A worker claims a run by moving `next_run_at` on in one conditional update; `running_since` marks a run that
    has not ended.
    """

    name = models.CharField(primary_key=True, max_length=64)
    next_run_at = models.DateTimeField()
    running_since = models.DateTimeField(null=True, blank=True)
    last_finished_at = models.DateTimeField(null=True, blank=True)
    last_result = JSONTextField(blank=True, default=dict)
    last_error = models.TextField(blank=True, default="")

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name
