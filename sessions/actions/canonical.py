"""The canonical dump: what a store says, without how it is kept. Equal dumps are equal stores.

Revisions, mirror bookkeeping, the audit trail and the time of arrival are left out; everything that was said,
decided or set is in, in one order, with one spelling.
"""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from sessions import mapping
from sessions.mirror import codec
from sessions.models import Interaction, Merge, Profile, Session, Tombstone, UserMerge

_CHUNK = 500
_SESSIONS_A_QUERY = 100


def session_dump(session_id: str) -> dict[str, Any]:
    """One session: header, trash marks, figures and all interactions."""
    return _dump(Session.objects.get(pk=session_id))


def _dump(session: Session) -> dict[str, Any]:
    trash = mapping.trash_record(session)
    return {
        "session": codec.to_payload(mapping.session_record(session, [tag.name for tag in session.tags.all()])),
        "trash": None if trash is None else codec.to_payload(trash),
        "figures": {
            name: getattr(session, name)
            for name in (
                "last_sequence",
                "interaction_count",
                "error_count",
                "input_tokens",
                "output_tokens",
                "cost_microusd",
                "opening",
                "model_names",
            )
        },
        "interactions": [
            codec.to_payload(mapping.interaction_record(row))
            for row in Interaction.objects.of(session.pk).iterator(chunk_size=_CHUNK)
        ],
    }


def store_lines() -> Iterator[str]:
    """The whole store, one JSON object a line."""
    sessions = Session.objects.order_by("pk").prefetch_related("tags")
    for session in sessions.iterator(chunk_size=_SESSIONS_A_QUERY):
        yield _line("session", _dump(session))
    for merge in Merge.objects.order_by("pk"):
        yield _line("merge", codec.to_payload(mapping.merge_record(merge)))
    for tombstone in Tombstone.objects.order_by("pk"):
        yield _line("tombstone", codec.to_payload(mapping.tombstone_record(tombstone)))
    for profile in Profile.objects.order_by("pk"):
        yield _line("profile", codec.to_payload(mapping.profile_record(profile)))
    for user_merge in UserMerge.objects.order_by("pk").iterator(chunk_size=_CHUNK):
        yield _line("usermerge", codec.to_payload(mapping.user_merge_record(user_merge)))


def store_digest() -> str:
    """The SHA-256 of the whole store's canonical dump."""
    digest = hashlib.sha256()
    for line in store_lines():
        digest.update(line.encode())
    return digest.hexdigest()


def _line(kind: str, value: dict[str, Any]) -> str:
    return json.dumps({kind: value}, sort_keys=True, separators=(",", ":")) + "\n"
