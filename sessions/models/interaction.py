"""What was said and done in a conversation."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from sessions.fields import IdentifierField, JSONTextField
from sessions.querysets import InteractionQuerySet
from sessions.records import InteractionKind, new_interaction_id

from .session import MAX_SESSION_ID, Session

MAX_KEY = 200


class Interaction(models.Model):
    """One event in a session. `sequence` has no gaps and follows the conversation's order.

    `key_scope` is the session in which the idempotency key was given, "" where that is the one that holds it.
    """

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
    key_scope = IdentifierField(max_length=MAX_SESSION_ID, blank=True, default="")
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
                fields=["session", "idempotency_key", "key_scope"],
                condition=Q(idempotency_key__isnull=False),
                name="interaction_key_once",
            ),
        ]
        indexes: ClassVar = [models.Index("session", "revision", name="interaction_by_revision")]

    def __str__(self) -> str:
        return f"{self.session_id}#{self.sequence}"
