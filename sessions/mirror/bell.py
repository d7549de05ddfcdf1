"""Asking the mirror to catch up when the present transaction is committed; at once where there is none."""

from collections.abc import Sequence
from functools import partial

from django.db import transaction

from . import drain
from .codec import Entry


def ring_for_session(session_id: str, known: Sequence[Entry] = (), *, using: str | None = None) -> None:
    transaction.on_commit(partial(drain.drain_session, session_id, known), using)


def ring_for_profile(user_id: str, *, using: str | None = None) -> None:
    transaction.on_commit(partial(drain.drain_profile, user_id), using)


def ring_for_tombstone(session_id: str, *, using: str | None = None) -> None:
    transaction.on_commit(partial(drain.drain_tombstone, session_id), using)
