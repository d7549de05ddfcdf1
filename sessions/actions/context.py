"""What is known around a conversation: its context."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict, Unpack

from django.db import transaction
from django.utils import timezone

from sessions import validation
from sessions.errors import ContextChanged, InvalidInput, SessionTrashed
from sessions.models import Session, SessionTag
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


def update_context(
    session_id: str,
    *,
    actor: Actor,
    seen: Mapping[str, str] | None = None,
    version: str = "",
    **changes: Unpack[ContextChanges],
) -> Session:
    """Replace the given context fields; counts as activity. Raises InvalidInput, SessionNotFound, SessionTrashed.

    `seen` holds the fingerprints of the fields as the editor saw them. Where one says something else by now, and not
    what it is to say, ContextChanged is raised and nothing is changed. So it is where the whole context is not of the
    `version` that the editor saw.
    """
    checked = {field: _check(field, value) for field, value in changes.items()}
    with transaction.atomic(durable=True):
        session = lock_session(session_id)
        if session.trashed_at is not None:
            raise SessionTrashed(f"Session {session.pk!r} lies in the trash.", hint="Resume or restore it first.")
        if version and version != context_version(session):
            raise ContextChanged(sorted(_CHECKS))
        _refuse_unseen(session, seen or {}, checked)
        if "tags" in checked:
            set_tags(session, checked.pop("tags"))
        for field, value in checked.items():
            setattr(session, field, value)
        session.last_activity_at = max(session.last_activity_at, timezone.now())
        change_header(session)
        audit.record(actor, "context_updated", session.pk, fields=sorted(changes))
    log.info("context_updated", extra={"session_id": session.pk, "face": actor.face, "fields": len(changes)})
    return session


def context_version(session: Session) -> str:
    """A name for what stands in all context fields together, another one as soon as any of them differs."""
    told = json.dumps(fingerprints(session), sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:24]


def fingerprints(session: Session) -> dict[str, str]:
    """What stands in each context field, told in a few characters, to find out later whether it changed."""
    values = {name: getattr(session, name) for name in _CHECKS if name != "tags"}
    values["tags"] = sorted(tag.name for tag in session.tags.all())
    return {name: fingerprint(value) for name, value in values.items()}


def fingerprint(value: JSON) -> str:
    """A value's hash, the same for what a form cannot tell apart: kinds of line ends, blanks around a list's lines."""
    if isinstance(value, str):
        value = value.replace("\r\n", "\n")
    if isinstance(value, list | tuple):
        value = [line.strip() for item in value for line in str(item).splitlines() if line.strip()]
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]


def _refuse_unseen(session: Session, seen: Mapping[str, str], wanted: Mapping[str, Any]) -> None:
    if seen:
        now = fingerprints(session)
        changed = [name for name in wanted if now[name] not in (seen.get(name, ""), fingerprint(wanted[name]))]
        if changed:
            raise ContextChanged(changed)


def set_tags(session: Session, names: Iterable[str]) -> None:
    """Give a locked session exactly these tags; the caller counts the change."""
    wanted = set(names)
    present = set(session.tags.values_list("name", flat=True))
    SessionTag.objects.filter(session=session, name__in=present - wanted).delete()
    SessionTag.objects.bulk_create([SessionTag(session=session, name=name) for name in sorted(wanted - present)])


def _check(field: str, value: object) -> Any:
    check = _CHECKS.get(field)
    if check is None:
        raise InvalidInput(field, "is not a context field.", hint=f"Known: {', '.join(_CHECKS)}.")
    return check(field, value)
