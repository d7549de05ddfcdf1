"""How a conversation begins, and how it goes on."""

import logging
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NoReturn

from django.db import IntegrityError, transaction
from django.utils import timezone

from sessions import mapping, validation
from sessions.errors import InvalidInput, SessionExists, SessionNotFound, SessionPurged
from sessions.mirror import codec, drain
from sessions.mirror.codec import Entry
from sessions.mirror.layout import is_safe_id
from sessions.models import Session, SessionTag, Tombstone
from sessions.records import ANONYMOUS, JSON, Actor

from . import audit
from .find import find_row, get_session, lock_session
from .identity import claim_user, resolve_user

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Beginning:
    """A session ready to go on with, and whether this call created it or found it."""

    session: Session
    created: bool


def new_session_id() -> str:
    """128 random bits in hexadecimal."""
    return secrets.token_hex(16)


def create_or_resume(
    *, session_id: str | None = None, user_id: str | None = None, source: str = "", actor: Actor
) -> Beginning:
    """Resume the session of an ID, or start a new one when no ID is given.

    Raises SessionNotFound for an unknown ID: a silent new session would hide the mistake.
    """
    if session_id is None:
        return Beginning(create_session(user_id=user_id or ANONYMOUS, source=source, actor=actor), True)
    return Beginning(resume_session(session_id, user_id=user_id, actor=actor), False)


def create_session(
    *,
    user_id: str = ANONYMOUS,
    session_id: str | None = None,
    title: str = "",
    source: str = "",
    metadata: Mapping[str, JSON] | None = None,
    project_context: Mapping[str, JSON] | None = None,
    tags: list[str] | None = None,
    actor: Actor,
) -> Session:
    """Start a session, with the preferences of its user's profile.

    Raises InvalidInput, SessionExists, SessionPurged (a purged ID is not given out again).
    """
    session = Session(
        session_id=new_session_id() if session_id is None else checked_session_id(session_id),
        user_id=validation.identifier("user_id", user_id),
        title=validation.text("title", title, longest=validation.MAX_TITLE_CHARACTERS),
        source=validation.text("source", source, longest=64),
        metadata=validation.json_object("metadata", metadata or {}),
        project_context=validation.json_object("project_context", project_context or {}),
    )
    tag_names = validation.tags(tags or [])
    now = timezone.now()
    session.created_at = session.last_activity_at = session.settled_at = now
    try:
        with transaction.atomic(durable=True):
            insert_session(session, tag_names)
            audit.record(actor, "session_created", session.pk)
    except IntegrityError as error:
        raise SessionExists(f"There is already a session {session.pk!r}.", hint="Resume it instead.") from error
    log.info("session_created", extra={"session_id": session.pk, "face": actor.face})
    return session


def checked_session_id(session_id: str) -> str:
    """An ID given from outside, if it may name a file. Raises InvalidInput."""
    if not is_safe_id(session_id):
        raise InvalidInput(
            "session_id",
            "may hold letters, digits, '-', '_' and '.', must not begin with '.', and has at most 128 characters.",
        )
    return session_id


def insert_session(session: Session, tags: list[str]) -> None:
    """Insert a new session within the caller's transaction. Raises SessionPurged, SessionExists or IntegrityError."""
    refuse_used_id(session.pk)
    session.user_id, profile = claim_user(session.user_id)
    if profile is not None:
        session.user_preferences = {**profile.preferences, **session.user_preferences}
    session.header_revision = session.raise_revision()
    session.unmirrored = [checked_header(session, tags)]
    session.save(force_insert=True)
    SessionTag.objects.bulk_create([SessionTag(session=session, name=name) for name in tags])


def refuse_used_id(session_id: str) -> None:
    """Raise SessionPurged or SessionExists where an ID was given out before."""
    if Tombstone.objects.filter(pk=session_id).exists():
        refuse_purged(session_id)
    refuse_files(session_id)


def refuse_purged(session_id: str) -> NoReturn:
    raise SessionPurged(session_id, hint="A purged ID is not used again; choose another.")


def refuse_files(session_id: str) -> None:
    """Raise SessionExists where there is a journal of a session's ID."""
    places = drain.layout()
    if any(
        path.exists(follow_symlinks=False) for path in (places.journal(session_id), places.trashed_journal(session_id))
    ):
        # Asked only now: a new ID has no files, and costs no query.
        if Session.objects.filter(pk=session_id).exists():
            raise SessionExists(f"There is already a session {session_id!r}.", hint="Resume it instead.")
        raise SessionExists(
            f"The files hold a session {session_id!r} that the database lacks.",
            hint="Bring it back with `manage.py mirror restore`.",
        )


def resume_session(session_id: str, *, user_id: str | None = None, actor: Actor) -> Session:
    """Bring a session back to life, from expired or trash too, and count that as activity.

    Adds no interaction. An absorbed session's ID leads to its survivor. With `user_id`, somebody else's session is
    as good as unknown. Raises SessionNotFound or SessionPurged.
    """
    with transaction.atomic(durable=True):
        session = lock_session(session_id)
        if user_id is not None and not _belongs_to(session, user_id):
            raise SessionNotFound(session_id)
        was_trashed = session.trashed_at is not None
        if was_trashed:
            take_out_of_trash(session)
        session.last_activity_at = max(session.last_activity_at, timezone.now())
        change_header(session)
        audit.record(actor, "session_resumed", session.pk, asked_for=session_id, from_trash=was_trashed)
    log.info("session_resumed", extra={"session_id": session.pk, "face": actor.face, "from_trash": was_trashed})
    return session


def _belongs_to(session: Session, user_id: str) -> bool:
    """Whether a user may go on with a session: their own, by whichever of their IDs, or nobody's."""
    return session.user_id in (user_id, ANONYMOUS) or session.user_id == resolve_user(user_id)


def take_out_of_trash(session: Session) -> None:
    """Clear the marks of the trash on a locked row; the caller saves it."""
    session.trashed_at = None
    session.trashed_by = session.trash_reason = ""
    session.settled_at = timezone.now()


def change_header(session: Session) -> None:
    """Save a locked row whose own content changed, as its next revision."""
    session.header_revision = session.raise_revision()
    checked_header(session, session.tags.values_list("name", flat=True))
    session.save()


def checked_header(session: Session, tags: Iterable[str]) -> Entry:
    """A row's header line, refused when a journal could not hold it. Raises InvalidInput."""
    record = mapping.session_record(session, tags)
    size_bytes = validation.escaped_bytes(codec.to_payload(record))
    if size_bytes > validation.MAX_HEADER_BYTES:
        raise InvalidInput(
            "context",
            f"takes {size_bytes:,} bytes with all its fields; at most {validation.MAX_HEADER_BYTES:,} are kept.",
        )
    return Entry(session.header_revision, record)


__all__ = [
    "Beginning",
    "change_header",
    "checked_header",
    "checked_session_id",
    "create_or_resume",
    "create_session",
    "find_row",
    "get_session",
    "insert_session",
    "new_session_id",
    "refuse_files",
    "refuse_purged",
    "refuse_used_id",
    "resume_session",
    "take_out_of_trash",
]
