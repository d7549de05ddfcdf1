"""What programs come in with."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from sessions.records import Scope

from .profile import MAX_USER_ID

MAX_TOKEN_NAME = 80


class Token(models.Model):
    """A program's key. Of the secret only a SHA-256 is kept, and its first characters, to be recognised by.

    `user_id` binds it to the sessions of one user; "" binds it to nobody. `made_by` is an account's name, or the door
    and who came by it, such as "command:root"; `last_used_at` is right to a minute. The site's own: none of it is
    mirrored.
    """

    name = models.CharField(max_length=MAX_TOKEN_NAME)
    prefix = models.CharField(max_length=16)
    digest = models.CharField(max_length=64, unique=True)
    scope = models.CharField(max_length=8, choices=[(scope.value, scope.value) for scope in Scope])
    user_id = models.CharField(max_length=MAX_USER_ID, blank=True, default="")
    requests_per_minute = models.PositiveIntegerField(null=True, blank=True)
    made_by = models.CharField(max_length=255)
    made_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.CharField(max_length=255, blank=True, default="")
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-made_at", "-id"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
