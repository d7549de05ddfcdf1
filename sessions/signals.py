"""The doorbell: a saved row that has a journal asks the mirror to catch up once its transaction is committed.

It is never the ledger. What `update`, `bulk_create` and raw SQL change rings nothing and is found by the drain,
which compares the revision columns.
"""

from typing import Any

from django.db.models.signals import post_save
from django.dispatch import receiver

from .mirror import bell
from .models import Profile, Session, Tombstone


@receiver(post_save, sender=Session)
def session_saved(instance: Session, using: str, **_: Any) -> None:
    known, instance.unmirrored = instance.unmirrored or (), None
    bell.ring_for_session(instance.pk, known, using=using)


@receiver(post_save, sender=Profile)
def profile_saved(instance: Profile, using: str, **_: Any) -> None:
    bell.ring_for_profile(instance.pk, using=using)


@receiver(post_save, sender=Tombstone)
def tombstone_saved(instance: Tombstone, using: str, **_: Any) -> None:
    bell.ring_for_tombstone(instance.pk, using=using)
