"""What the search index is made of. Nothing here is content: it can be made anew from the interactions at any time."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from .interaction import Interaction
from .session import Session


class Passage(models.Model):
    """Some 1,000 terms of an interaction, or of a session's own texts.

    `terms` are what can be found, `facets` what can be filtered by, both separated by blanks; migration 0002 puts
    beside them what each database searches. The passage begins in the field `field`, at its character `place`.
    A passage goes with what it was taken from, by the database itself, and says nothing of where that stands now.
    """

    interaction = models.ForeignKey(
        Interaction, null=True, on_delete=models.DB_CASCADE, related_name="passages", editable=False
    )
    session = models.ForeignKey(
        Session, null=True, on_delete=models.DB_CASCADE, related_name="passages", editable=False
    )
    field = models.CharField(max_length=32)
    place = models.IntegerField(default=0)
    facets = models.TextField()
    terms = models.TextField()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(interaction__isnull=True, session__isnull=False)
                | Q(interaction__isnull=False, session__isnull=True),
                name="passage_of_one",
            )
        ]

    def __str__(self) -> str:
        return f"{self.interaction_id or self.session_id} {self.field}:{self.place}"
