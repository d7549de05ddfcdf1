"""Imports: files that came in to be taken into the store, and what of the store came from them.

The site's own, not the sessions': none of it is mirrored.
"""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from sessions.fields import IdentifierField, JSONTextField
from sessions.records import new_interaction_id

from .session import MAX_SESSION_ID


class Import(models.Model):
    """Files on their way into the store, from their staging to their undoing.

    `waiting` until the worker looks at them, `examining`, then `ready` until a person says yes; `queued`, `importing`
    and `done`; or `failed`, or `cancelled`; taking it back is `undoing` and `undone`. `bytes_done` is of the stage at
    hand. `file_names` are as the person calls them, `options` what they asked for.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        EXAMINING = "examining"
        READY = "ready"
        QUEUED = "queued"
        IMPORTING = "importing"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"
        UNDOING = "undoing"
        UNDONE = "undone"

    id = models.UUIDField(primary_key=True, default=new_interaction_id, editable=False)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.CharField(max_length=255)
    face = models.CharField(max_length=32)
    state = models.CharField(max_length=16, choices=State, default=State.WAITING, db_index=True)
    file_names = JSONTextField(blank=True, default=list)
    size_bytes = models.BigIntegerField(default=0)
    bytes_done = models.BigIntegerField(default=0)
    options = JSONTextField(blank=True, default=dict)
    # Whose token brought it, "" for nobody's in particular: who may see it.
    owner = IdentifierField(max_length=255, blank=True, default="")
    preview = JSONTextField(blank=True, default=dict)
    report = JSONTextField(blank=True, default=dict)
    error = models.TextField(blank=True, default="")
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.CharField(max_length=255, blank=True, default="")

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"Import {self.pk}"


class ImportedPart(models.Model):
    """What an import added: a session, its interactions `first` to `last`, or both.

    `last` is below `first` where only the session is new; `interactions` are fewer than the numbers between them where
    the numbering of an export has gaps. The session may be gone by now.
    """

    run = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="parts", db_index=False)
    session_id = IdentifierField(max_length=MAX_SESSION_ID)
    is_new = models.BooleanField(default=False)
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    interactions = models.BigIntegerField()

    class Meta:
        ordering: ClassVar = ["session_id", "first"]
        indexes: ClassVar = [
            models.Index("run", "session_id", "first", name="imported_by_run"),
            models.Index("session_id", name="imported_by_session"),
        ]

    def __str__(self) -> str:
        return f"{self.session_id} {self.first}–{self.last}"
