"""What was done to sessions and must not be forgotten: merges, purges, every change."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from sessions.fields import IdentifierField, JSONTextField
from sessions.records import new_interaction_id

from .session import MAX_SESSION_ID


class Merge(models.Model):
    """One session absorbed by another, and what that changed.

    Merging several at once makes one row for each, in their order; `group_id` is what they have in common, empty for
    one that was merged alone. `choices` is what was decided where the contexts differed. `revision` is the
    survivor's, at which this row was last written.
    """

    id = models.UUIDField(primary_key=True, default=new_interaction_id, editable=False)
    survivor_id = IdentifierField(max_length=MAX_SESSION_ID, db_index=True)
    absorbed_id = IdentifierField(max_length=MAX_SESSION_ID, db_index=True)
    group_id = models.UUIDField(null=True, blank=True, db_index=True)
    merged_at = models.DateTimeField(default=timezone.now)
    merged_by = models.CharField(max_length=255, blank=True, default="")
    choices = JSONTextField(blank=True, default=dict)
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

    at = models.DateTimeField(default=timezone.now)
    actor = models.CharField(max_length=255)
    face = models.CharField(max_length=32)
    verb = models.CharField(max_length=64)
    session_id = IdentifierField(max_length=MAX_SESSION_ID, blank=True, default="")
    details = JSONTextField(blank=True, default=dict)

    class Meta:
        ordering: ClassVar = ["-at", "-id"]
        # One for each way the log is read, latest first. A change writes one row; an append writes none.
        indexes: ClassVar = [
            models.Index("at", "id", name="audit_by_time"),
            models.Index("session_id", "at", "id", name="audit_by_session"),
            models.Index("actor", "at", "id", name="audit_by_actor"),
            models.Index("verb", "at", "id", name="audit_by_verb"),
            models.Index("face", "at", "id", name="audit_by_face"),
        ]

    def __str__(self) -> str:
        return f"{self.actor} {self.verb} {self.session_id}".strip()
