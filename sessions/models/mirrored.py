"""What every row that has a journal keeps beside its content."""

from django.db import models
from django.utils import timezone


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
