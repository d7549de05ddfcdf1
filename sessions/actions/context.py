"""What is known around a conversation: its context, and the preferences of its user."""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict, Unpack

from django.db import transaction
from django.utils import timezone

from sessions import validation
from sessions.errors import InvalidInput, SessionTrashed
from sessions.models import Profile, Session, SessionTag
from sessions.records import JSON, Actor

from . import audit
from .begin import change_header
from .find import lock_session

log = logging.getLogger(__name__)


class ContextChanges(TypedDict, total=False):
    """The fields that a context update may name; each given one replaces what was there."""

    title: str
    context_summary: str
    active_topics: list[str]
    user_preferences: Mapping[str, JSON]
    project_context: Mapping[str, JSON]
    semantic_context: Mapping[str, JSON]
    metadata: Mapping[str, JSON]
    tags: list[str]


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "title": lambda field, value: validation.text(field, value, longest=validation.MAX_TITLE_CHARACTERS),
    "context_summary": validation.text,
    "active_topics": validation.strings,
    "user_preferences": validation.json_object,
    "project_context": validation.json_object,
    "semantic_context": validation.json_object,
    "metadata": validation.json_object,
    "tags": lambda _, value: validation.tags(value),
}


def update_context(session_id: str, *, actor: Actor, **changes: Unpack[ContextChanges]) -> Session:
    """Replace the given context fields; counts as activity. Raises InvalidInput, SessionNotFound, SessionTrashed."""
    checked = {field: _check(field, value) for field, value in changes.items()}
    with transaction.atomic(durable=True):
        session = lock_session(session_id)
        if session.trashed_at is not None:
            raise SessionTrashed(f"Session {session.pk!r} lies in the trash.", hint="Resume or restore it first.")
        if "tags" in checked:
            set_tags(session, checked.pop("tags"))
        for field, value in checked.items():
            setattr(session, field, value)
        session.last_activity_at = max(session.last_activity_at, timezone.now())
        change_header(session)
        audit.record(actor, "context_updated", session.pk, fields=sorted(changes))
    log.info("context_updated", extra={"session_id": session.pk, "face": actor.face, "fields": len(changes)})
    return session


def set_tags(session: Session, names: Iterable[str]) -> None:
    """Give a locked session exactly these tags; the caller counts the change."""
    wanted = set(names)
    present = set(session.tags.values_list("name", flat=True))
    SessionTag.objects.filter(session=session, name__in=present - wanted).delete()
    SessionTag.objects.bulk_create([SessionTag(session=session, name=name) for name in sorted(wanted - present)])


def update_profile(
    user_id: str, *, actor: Actor, replace: Mapping[str, JSON] | None = None, remove: Iterable[str] = ()
) -> Profile:
    """Set some preferences of a user and remove others; sessions started from now on begin with the result."""
    validation.identifier("user_id", user_id)
    values = validation.json_object("preferences", replace or {})
    removed = set(validation.strings("remove", list(remove)))
    with transaction.atomic(durable=True):
        Profile.objects.get_or_create(pk=user_id)
        profile = Profile.objects.select_for_update().get(pk=user_id)
        kept = {name: value for name, value in profile.preferences.items() if name not in removed}
        profile.preferences = {**kept, **values}
        if validation.escaped_bytes(profile.preferences) > validation.MAX_HEADER_BYTES:
            raise InvalidInput("preferences", f"take more than {validation.MAX_HEADER_BYTES:,} bytes together.")
        profile.updated_at = timezone.now()
        profile.raise_revision()
        profile.save()
        audit.record(actor, "profile_updated", user_id=user_id, names=sorted({*values, *removed}))
    log.info("profile_updated", extra={"user_id": user_id, "face": actor.face})
    return profile


def _check(field: str, value: object) -> Any:
    check = _CHECKS.get(field)
    if check is None:
        raise InvalidInput(field, "is not a context field.", hint=f"Known: {', '.join(_CHECKS)}.")
    return check(field, value)
