"""What cleanups did."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from sessions.fields import JSONTextField
from sessions.records import new_interaction_id


class CleanupRun(models.Model):
    """A cleanup from its first session to its last, in as many steps as it takes.

    `at` is when it was begun, and the `trashed_at` of every session that it put into the trash: that is how they
    are found again. `planned` and `done` count sessions; `skipped` were used since the plan was made. A run
    without `finished_at` can be continued; `stopped` says why one took nothing.
    """

    id = models.UUIDField(primary_key=True, default=new_interaction_id, editable=False)
    at = models.DateTimeField(default=timezone.now, unique=True)
    actor = models.CharField(max_length=255)
    face = models.CharField(max_length=32)
    rule = JSONTextField(default=dict)
    planned_at = models.DateTimeField(default=timezone.now)
    planned = models.BigIntegerField(default=0)
    trashed = models.BigIntegerField(default=0)
    purged = models.BigIntegerField(default=0)
    restored = models.BigIntegerField(default=0)
    size_bytes = models.BigIntegerField(default=0)
    failures = models.BigIntegerField(default=0)
    stopped = models.TextField(blank=True, default="")
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-at"]

    def __str__(self) -> str:
        return f"Cleanup of {self.at:%Y-%m-%d %H:%M}"

    @property
    def done(self) -> int:
        return self.trashed + self.purged

    @property
    def skipped(self) -> int:
        """Planned, and left alone because it was used meanwhile; known once the run has ended."""
        return self.planned - self.done if self.finished_at and not self.stopped else 0
