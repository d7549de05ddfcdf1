"""What an import writes: pieces of sessions, as many in one transaction as make its price worth while.

A commit costs more than a short conversation's rows, and a query for each of a dozen questions more than the rows do.
So what is asked of all the sessions is asked once, and a session that is not there yet is made in memory and inserted
whole; its journal is written from what was inserted.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from sessions import mapping, statements, validation
from sessions.errors import Conflict, InvalidInput, SessionPurged
from sessions.mirror import bell
from sessions.mirror.codec import Entry
from sessions.mirror.layout import is_safe_id
from sessions.models import Interaction, Profile, Session, SessionTag, Tombstone
from sessions.records import (
    ANONYMOUS,
    JSON,
    Actor,
    ExportedInteraction,
    ExportedSession,
    InteractionDraft,
    SessionDraft,
    SetAside,
)
from sessions.search import index
from sessions.search.engine import NewPassage

from . import audit
from .begin import checked_header, checked_session_id, refuse_files, refuse_purged
from .context import set_tags
from .find import lock_ahead, lock_session
from .identity import claim_user, hold_users, resolve_user
from .keys import known_by_key, own_by_key, same_content, scope_of
from .log import append
from .own_ids import with_own_ids, with_own_pins
from .restoring import differs, draft_of, restore

NOT_YOURS = "A session of this ID is not yours."
_OBJECTS = ("user_preferences", "project_context", "semantic_context", "metadata")
_LATER_WINS = {"title": validation.MAX_TITLE_CHARACTERS, "context_summary": validation.MAX_TEXT_CHARACTERS}


@dataclass(frozen=True, slots=True)
class AddedPart:
    """What an import added at once: a session, interactions `first` to `last` of it, or both.

    `last` is below `first` where only the session itself is new; `interactions` counts them, for numbers may be missing
    between.
    """

    session_id: str
    is_new: bool
    first: int
    last: int
    interactions: int


@dataclass(slots=True)
class Piece:
    """Some interactions of one session, each checked and with its place, and what the source says of the session.

    `size_bytes` is about what they take in memory.
    """

    drafts: list[SessionDraft]
    interactions: list[tuple[InteractionDraft, str]] = field(default_factory=list)
    size_bytes: int = 0

    @property
    def session_id(self) -> str:
        return self.drafts[0].session_id


@dataclass(slots=True)
class ExportedPiece:
    """The same of an export of our own."""

    export: ExportedSession
    interactions: list[ExportedInteraction] = field(default_factory=list)
    size_bytes: int = 0

    @property
    def session_id(self) -> str:
        return self.export.record.session_id


@dataclass(slots=True)
class Outcome:
    """What became of a piece: what was added, known and left as it differs, set aside, or why all of it was refused.

    `differing_header` is the place of a session's header that says something else than the session that is here.
    `passages` are to be stored for the search with the piece.
    """

    session_id: str
    source: str = ""
    is_new: bool = False
    added: int = 0
    known: int = 0
    differing: list[str] = field(default_factory=list)
    differing_header: str = ""
    asides: list[SetAside] = field(default_factory=list)
    passages: Sequence[NewPassage] = ()
    part: AddedPart | None = None
    refused: str = ""
    refused_count: int = 0


class Writer:
    """Writes the pieces of one source, and remembers of which sessions it made and what it told them."""

    def __init__(
        self,
        actor: Actor,
        *,
        user_id: str | None,
        tags: Sequence[str],
        on_added: Callable[[Sequence[AddedPart]], None],
        tell: Callable[[Outcome], None],
        owner: str = "",
    ) -> None:
        self._owner = owner
        self._actor = actor
        self._user_id = user_id
        self._tags = set(tags)
        self._on_added = on_added
        self._tell = tell
        self._created: set[str] = set()
        self._given: dict[str, dict[str, Any]] = {}

    def write(self, pieces: Sequence[Piece | ExportedPiece]) -> None:
        """Write pieces in one transaction, and tell what became of each once it is committed. Raises MirrorUnavailable.

        What cannot come in is told too, and costs the others nothing.
        """
        try:
            self._together(pieces)
        except IntegrityError:
            # Another import made one of the sessions since it was looked for.
            for piece in pieces:
                self._together([piece])

    def _together(self, pieces: Sequence[Piece | ExportedPiece]) -> None:
        outcomes: list[Outcome] = []
        with transaction.atomic(durable=True):
            # Ahead of the bells: what is committed is told even where a file cannot be written.
            transaction.on_commit(lambda: self._told(outcomes))
            store = _Store(pieces)
            told = [(piece, self._if_unchanged(piece, store)) for piece in pieces]
            # All that will be changed by one call, as everybody locks them: pieces stand in any order.
            hold_users(user for piece in pieces if piece.session_id not in store.known for user in self._users(piece))
            lock_ahead(
                (piece.session_id for piece, outcome in told if outcome is None and piece.session_id in store.known),
                absorbed_ids=(name for piece in pieces if not self._owner for name in _absorbed_ids(piece)),
            )
            # New ones in one order too: another import that brings them waits where it would insert the same.
            in_order = sorted(range(len(told)), key=lambda place: told[place][0].session_id)
            written = {place: told[place][1] or self._attempt(told[place][0], store) for place in in_order}
            outcomes += [written[place] for place in range(len(told))]
            index.store([passage for outcome in outcomes for passage in outcome.passages])
            if parts := [outcome.part for outcome in outcomes if outcome.part is not None]:
                self._on_added(parts)
            new = {one.session_id: {"source": one.source} for one in outcomes if one.is_new}
            audit.record_each(self._actor, "session_imported", new)

    def _told(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            if outcome.is_new:
                self._created.add(outcome.session_id)
            self._tell(outcome)

    def _attempt(self, piece: Piece | ExportedPiece, store: "_Store") -> Outcome:
        count = max(1, len(piece.interactions))
        try:
            with transaction.atomic():
                outcome = self._write(piece, store)
        except (InvalidInput, SessionPurged, Conflict) as error:
            return Outcome(piece.session_id, refused=error.message, refused_count=count)
        if outcome.is_new:
            store.known.add(outcome.session_id)
        return outcome

    def _write(self, piece: Piece | ExportedPiece, store: "_Store") -> Outcome:
        if isinstance(piece, ExportedPiece):
            return self._restore(piece)
        checked_session_id(piece.session_id)
        if piece.session_id in store.known:
            return self._go_on(piece)
        return self._begin(piece, store)

    # --- a session that is not here yet -------------------------------------------------------------------------

    def _begin(self, piece: Piece, store: "_Store") -> Outcome:
        """The session whole: made in memory, inserted once, and its journal written from what was inserted."""
        store.refuse_used(piece.session_id)
        session = self._new_session(piece, store)
        outcome = Outcome(session.pk, session.source, is_new=True)
        appended = append(session, _unknown(piece, {}, outcome), scope="", known={})
        tags = set(self._tags)
        for draft in piece.drafts:
            self._fill_in(session, draft)
            tags.update(validation.storable_tags(draft.tags or []))
        session.header_revision = session.raise_revision()
        header = checked_header(session, tags)
        passages = index.of_new(session, tags, appended.rows)
        if passages is not None:
            outcome.passages = passages
            session.searched_revision = session.revision
        statements.insert([session])
        if tags:
            SessionTag.objects.bulk_create([SessionTag(session=session, name=name) for name in sorted(tags)])
        # The header stands behind the interactions too, so that a replay takes the source's times and not ours.
        opening = [Entry(0, header.record)] if appended.entries else []
        bell.ring_for_session(session.pk, [*opening, *appended.entries, header])
        return self._added(session, outcome, appended.added)

    def _users(self, piece: Piece | ExportedPiece) -> Iterator[str]:
        """Whose the sessions are that a piece may begin, as far as these can be users' IDs."""
        named: list[object]
        if self._owner:
            # Whatever the source says.
            named = [self._owner]
        elif isinstance(piece, Piece):
            named = [piece.drafts[0].user_id, self._user_id]
        else:
            absorbed = [merge.absorbed_before for merge in piece.export.merges if merge.undone_at is None]
            named = [piece.export.record.user_id, self._user_id, *(before.get("user_id") for before in absorbed)]
        for user_id in named:
            with suppress(InvalidInput):
                if user_id:
                    yield validation.identifier("user_id", user_id)

    def _new_session(self, piece: Piece, store: "_Store") -> Session:
        draft, now = piece.drafts[0], timezone.now()
        times = [one.occurred_at for one, _ in piece.interactions if one.occurred_at is not None]
        user_id = validation.identifier("user_id", self._owner or draft.user_id or self._user_id or ANONYMOUS)
        owner, profile = store.claim(user_id)
        # What the source states stands; the profile fills in the rest.
        stated = validation.json_object("user_preferences", _mended(draft.user_preferences))
        return Session(
            session_id=draft.session_id,
            user_id=owner,
            user_preferences={**(profile.preferences if profile else {}), **stated},
            source=validation.storable_text(draft.source, 64),
            stated_interactions=validation.count("stated_interactions", draft.stated_interactions) or 0,
            created_at=_within(draft.created_at or min(times, default=now), now),
            last_activity_at=_within(draft.last_activity_at or max(times, default=draft.created_at or now), now),
            settled_at=now,
        )

    # --- a session that is here ---------------------------------------------------------------------------------

    def _if_unchanged(self, piece: Piece | ExportedPiece, store: "_Store") -> Outcome | None:
        """What became of a piece that brings nothing new, as most do in a folder that is imported every day.

        None where it may bring something: this is told by rows that nobody has locked.
        """
        if not isinstance(piece, Piece):
            return None
        # Once it was changed, here in passing or by what is written for it, it is not what was found any more.
        session = store.present.pop(piece.session_id, None)
        if session is None or (self._owner and session.user_id != resolve_user(self._owner)):
            return None
        outcome = Outcome(session.pk)
        if _unknown(piece, {**store.by_key[session.pk]}, outcome):
            return None
        try:
            if any(self._fill_in(session, one) or self._lacking_tags(session, one) for one in piece.drafts):
                return None
        except InvalidInput:
            # It is refused where the others of its batch are written.
            return None
        store.present[session.pk] = session
        return outcome

    def _go_on(self, piece: Piece) -> Outcome:
        session = lock_session(piece.session_id)
        self._refuse_others(session)
        outcome = Outcome(session.pk)
        if session.trashed_at is not None:
            return _refused_as_trashed(outcome, len(piece.interactions))
        keys = [draft.idempotency_key for draft, _ in piece.interactions if draft.idempotency_key is not None]
        scope = scope_of(piece.session_id, session.pk)
        drafts = _unknown(piece, {**known_by_key(session.pk, scope, keys)}, outcome)
        appended = append(session, drafts, scope=scope)
        changed = [self._amend(session, draft) for draft in piece.drafts]
        if appended.added:
            latest = max(row.occurred_at for row in appended.rows)
            session.last_activity_at = max(session.last_activity_at, min(latest, timezone.now()))
        if appended.added or any(changed):
            session.header_revision = session.raise_revision()
            names = list(session.tags.values_list("name", flat=True))
            session.unmirrored = [*appended.entries, checked_header(session, names)]
            session.save()
        return self._added(session, outcome, appended.added)

    def _amend(self, session: Session, draft: SessionDraft) -> bool:
        """Fill in what the source says and the store does not; whether that changed anything."""
        is_changed = self._fill_in(session, draft)
        if lacking := self._lacking_tags(session, draft):
            set_tags(session, lacking | {tag.name for tag in session.tags.all()})
        return is_changed or bool(lacking)

    def _lacking_tags(self, session: Session, draft: SessionDraft) -> set[str]:
        # A tag that somebody took off since it was here stays off.
        is_ours = session.pk in self._created
        wanted = self._tags | set(validation.storable_tags(draft.tags or [])) if is_ours else self._tags
        return wanted - {tag.name for tag in session.tags.all()} if wanted else set()

    def _fill_in(self, session: Session, draft: SessionDraft) -> bool:
        """Give a session what it lacks and the source says; whether that changed anything.

        What this run itself gave it may be given anew.
        """
        given = self._given.setdefault(session.pk, {})
        before = mapping.session_record(session, ())
        for name, longest in _LATER_WINS.items():
            value = validation.storable_text(getattr(draft, name), longest)
            if value and getattr(session, name) in ("", given.get(name)):
                given[name] = value
                setattr(session, name, value)
        for name in _OBJECTS:
            if offered := getattr(draft, name):
                merged = _with_missing(getattr(session, name), offered, given.setdefault(name, {}))
                setattr(session, name, validation.json_object(name, merged))
        if draft.active_topics and not session.active_topics:
            topics = [validation.storable_text(one, validation.MAX_TITLE_CHARACTERS) for one in draft.active_topics]
            session.active_topics = validation.strings("active_topics", topics)
        now = timezone.now()
        if draft.last_activity_at is not None:
            session.last_activity_at = max(session.last_activity_at, _within(draft.last_activity_at, now))
        if draft.created_at is not None:
            session.created_at = min(session.created_at, _within(draft.created_at, now))
        return mapping.session_record(session, ()) != before

    # --- an export of our own -----------------------------------------------------------------------------------

    def _restore(self, piece: ExportedPiece) -> Outcome:
        export = self._owned(piece.export)
        is_exact = export.record.session_id in self._created
        interactions = self._owned_interactions(piece)
        restored = restore(export, interactions, is_exact=is_exact, user_id=self._user_id, tags=sorted(self._tags))
        session = restored.session
        self._refuse_others(session)
        outcome = Outcome(session.pk, session.source, is_new=restored.is_new)
        if session.trashed_at is not None:
            return _refused_as_trashed(outcome, len(piece.interactions))
        is_amended = not restored.is_new and not is_exact and self._amend(session, draft_of(export.record))
        if restored.is_new or restored.added or is_amended:
            session.header_revision = session.raise_revision()
            names = list(session.tags.values_list("name", flat=True))
            header = checked_header(session, names)
            session.unmirrored = None if restored.has_merges else [*restored.entries, header]
            session.save()
        is_differing = not is_exact and not restored.is_new and differs(session, export.record)
        outcome.known, outcome.differing, outcome.asides = restored.known, restored.differing, restored.asides
        outcome.differing_header = export.place if is_differing else ""
        return self._added(session, outcome, restored.added, first=restored.first)

    def _owned(self, export: ExportedSession) -> ExportedSession:
        """The export as an owner may bring it: the session is theirs, and no other comes in with its merges."""
        if not self._owner:
            return export
        record = with_own_pins(export.record, resolve_user(self._owner))
        return replace(export, record=replace(record, user_id=self._owner), merges=())

    def _owned_interactions(self, piece: ExportedPiece) -> Sequence[ExportedInteraction]:
        """The interactions as an owner may bring them."""
        if not self._owner:
            return piece.interactions
        brought = [one for one in piece.interactions if not one.absorbed_id]
        records = [one.record for one in brought]
        own = with_own_ids(records, piece.session_id, resolve_user(self._owner))
        return [replace(one, record=record) for one, record in zip(brought, own, strict=True)]

    def _refuse_others(self, session: Session) -> None:
        """Raise Conflict where a session is not the owner's; what was done to it by then is taken back."""
        if self._owner and session.user_id != resolve_user(self._owner):
            raise Conflict(NOT_YOURS)

    def _added(self, session: Session, outcome: Outcome, added: int, *, first: int = 0) -> Outcome:
        outcome.added = added
        if outcome.is_new or added:
            first = first or session.last_sequence - added + 1
            outcome.part = AddedPart(session.pk, outcome.is_new, first, session.last_sequence, added)
        return outcome


def _absorbed_ids(piece: Piece | ExportedPiece) -> Iterator[str]:
    """The absorbed sessions that a piece brings something for."""
    if isinstance(piece, ExportedPiece):
        yield from (one.absorbed_id for one in piece.interactions if is_safe_id(one.absorbed_id))


class _Store:
    """What one transaction finds there: asked once for all its sessions.

    `present` are the known sessions that pieces other than exports may belong to, as nobody has locked them, and
    `by_key` what each has under the pieces' keys.
    """

    def __init__(self, pieces: Sequence[Piece | ExportedPiece]) -> None:
        ids = {piece.session_id for piece in pieces if is_safe_id(piece.session_id)}
        self.known = set(Session.objects.filter(pk__in=ids).order_by().values_list("pk", flat=True))
        going_on = [piece for piece in pieces if isinstance(piece, Piece) and piece.session_id in self.known]
        unmoved = Session.objects.with_short_header().filter(merged_into=None, trashed_at=None).prefetch_related("tags")
        self.present = unmoved.in_bulk({piece.session_id for piece in going_on}) if going_on else {}
        keys_of: dict[str, set[str]] = {session_id: set() for session_id in self.present}
        for piece in going_on:
            if piece.session_id in keys_of:
                keys_of[piece.session_id].update(one.idempotency_key or "" for one, _ in piece.interactions)
        self.by_key = own_by_key(keys_of)
        self._purged = set(Tombstone.objects.filter(pk__in=ids - self.known).values_list("pk", flat=True))
        self._owners: dict[str, tuple[str, Profile | None]] = {}

    def refuse_used(self, session_id: str) -> None:
        """Raises SessionPurged or SessionExists where an ID that no session has was given out before."""
        if session_id in self._purged:
            refuse_purged(session_id)
        refuse_files(session_id)

    def claim(self, user_id: str) -> tuple[str, Profile | None]:
        """See `claim_user`, whose answer holds until the transaction ends."""
        if user_id not in self._owners:
            self._owners[user_id] = claim_user(user_id)
        return self._owners[user_id]


def _unknown(
    piece: Piece, known: dict[str | None, Interaction | InteractionDraft], outcome: Outcome
) -> list[InteractionDraft]:
    """The drafts that the session does not have yet; what it has otherwise is named and left."""
    new = []
    for draft, place in piece.interactions:
        key = draft.idempotency_key
        present = known.get(key) if key is not None else None
        if present is None:
            new.append(draft)
            if key is not None:
                known[key] = draft
            continue
        outcome.known += 1
        if not same_content(present, draft):
            outcome.differing.append(place)
    return new


def _refused_as_trashed(outcome: Outcome, count: int) -> Outcome:
    outcome.is_new = False
    outcome.refused, outcome.refused_count = f"Session {outcome.session_id!r} lies in the trash.", count
    return outcome


def _with_missing(present: Mapping[str, JSON], offered: Mapping[str, JSON], given: dict[str, JSON]) -> dict[str, JSON]:
    """The object with the offered members that it lacks, or that this run itself gave it."""
    result = dict(present)
    for name, value in _mended(offered).items():
        if name not in result or (name in given and result[name] == given[name]):
            result[name] = given[name] = value
    return result


def _mended(value: Mapping[str, JSON] | None) -> dict[str, JSON]:
    mended: dict[str, JSON] = validation.storable_json(dict(value or {}))
    return mended


def _within(moment: datetime, latest: datetime) -> datetime:
    """A source's clock may be ahead; the store's order must not be."""
    try:
        return min(validation.moment("time", moment), latest)
    except InvalidInput:
        return latest
