"""The people of the conversations."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from sessions.fields import IdentifierField, JSONTextField
from sessions.records import new_interaction_id

from .mirrored import Mirrored

MAX_USER_ID = 255


class Profile(Mirrored):
    """What is known of a user across sessions; a new session starts with these preferences.

    `merged_into` names the user who absorbed this one: what comes under this ID belongs to that one. `previous`
    holds the preferences before the last change of them, for undoing it; it is not mirrored.
    """

    user_id = IdentifierField(primary_key=True, max_length=MAX_USER_ID)
    preferences = JSONTextField(blank=True, default=dict)
    merged_into = IdentifierField(max_length=MAX_USER_ID, null=True, blank=True)
    previous = JSONTextField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["user_id"]
        indexes: ClassVar = [
            models.Index("merged_into", "user_id", condition=Q(merged_into__isnull=False), name="profile_absorbed"),
        ]

    def __str__(self) -> str:
        return str(self.user_id)


class UserMerge(models.Model):
    """One merge of two users' identities and what it changed, so that it can be undone at any later time.

    `session_ids` are the sessions that went over to the kept user. `revision` is that of the absorbed user's
    profile, in whose journal this stands, at which this row was last written.
    """

    id = models.UUIDField(primary_key=True, default=new_interaction_id, editable=False)
    kept_id = IdentifierField(max_length=MAX_USER_ID, db_index=True)
    absorbed_id = IdentifierField(max_length=MAX_USER_ID, db_index=True)
    merged_at = models.DateTimeField(default=timezone.now)
    merged_by = models.CharField(max_length=255, blank=True, default="")
    kept_before = JSONTextField(blank=True, default=dict)
    kept_after = JSONTextField(blank=True, default=dict)
    session_count = models.BigIntegerField(default=0)
    session_ids = JSONTextField(blank=True, default=list)
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.CharField(max_length=255, blank=True, default="")
    revision = models.BigIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["-merged_at", "-id"]

    def __str__(self) -> str:
        return f"{self.absorbed_id} → {self.kept_id}"
