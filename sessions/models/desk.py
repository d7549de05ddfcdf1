"""What lies on an administrator's desk: saved views of the list, and runs over many sessions.

The site's own, not the sessions': none of it is mirrored.
"""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from sessions.fields import IdentifierField, JSONTextField
from sessions.records import new_interaction_id

from .session import MAX_SESSION_ID


class SavedView(models.Model):
    """A list's filters, order and columns under a name; `query` is an address's query string without its mark.

    A shared one is everybody's to open and its owner's to change. An owner has at most one default: what the bare
    address of the list opens.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views")
    name = IdentifierField(max_length=80)
    query = models.TextField(blank=True, default="")
    is_shared = models.BooleanField(default=False, db_index=True)
    is_default = models.BooleanField(default=False)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["name", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["owner", "name"], name="view_name_once"),
            models.UniqueConstraint(fields=["owner"], condition=Q(is_default=True), name="view_default_once"),
        ]

    def __str__(self) -> str:
        return str(self.name)


class BulkRun(models.Model):
    """One verb over many sessions, done in steps.

    `planned` until somebody says go, then `doing` and `done`; taking it back is `undoing` and `undone`. The sessions
    are written down when the run is planned: what fits the filters later is not touched.
    """

    class Phase(models.TextChoices):
        PLANNED = "planned"
        DOING = "doing"
        DONE = "done"
        UNDOING = "undoing"
        UNDONE = "undone"

    id = models.UUIDField(primary_key=True, default=new_interaction_id, editable=False)
    verb = models.CharField(max_length=32)
    parameters = JSONTextField(blank=True, default=dict)
    chosen_by = models.TextField(blank=True, default="")
    phase = models.CharField(max_length=16, choices=Phase, default=Phase.PLANNED)
    actor = models.CharField(max_length=255)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.CharField(max_length=255, blank=True, default="")
    total = models.BigIntegerField(default=0)
    done = models.BigIntegerField(default=0)
    skipped = models.BigIntegerField(default=0)
    undone = models.BigIntegerField(default=0)
    kept = models.BigIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"{self.verb} {self.total}"


class BulkItem(models.Model):
    """A session of a run and what became of it.

    `details` is what undoing needs, such as the tags that were really added; `reason` why it was skipped, or why it
    was kept when the run was taken back. The session may be gone by now.
    """

    class Outcome(models.TextChoices):
        PENDING = "pending"
        DONE = "done"
        SKIPPED = "skipped"
        UNDONE = "undone"
        KEPT = "kept"

    run = models.ForeignKey(BulkRun, on_delete=models.CASCADE, related_name="items", db_index=False)
    session_id = IdentifierField(max_length=MAX_SESSION_ID)
    outcome = models.CharField(max_length=16, choices=Outcome, default=Outcome.PENDING)
    reason = models.CharField(max_length=300, blank=True, default="")
    details = JSONTextField(blank=True, default=dict)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["run", "session_id"], name="bulk_session_once")]
        indexes: ClassVar = [models.Index("run", "outcome", "id", name="bulk_by_outcome")]

    def __str__(self) -> str:
        return f"{self.session_id} {self.outcome}"
