"""The people of the conversations."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from sessions.fields import IdentifierField, JSONTextField

from .mirrored import Mirrored

MAX_USER_ID = 255


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
