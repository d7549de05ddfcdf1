"""From a journal's image to rows: what a file says, put into the database so that no file can break the store."""

import logging
from dataclasses import dataclass
from uuid import UUID

from django.utils import timezone

from sessions import figures, mapping, validation
from sessions.analytics import tally
from sessions.errors import InvalidInput
from sessions.models import Interaction, Merge, Session, SessionModel, SessionTag
from sessions.records import SessionRecord

from . import replay
from .layout import Layout, is_safe_id
from .replay import Damage, Image

log = logging.getLogger(__name__)
BATCH = 500


def unusable(session_id: str, image: Image) -> str:
    """Why nothing of a journal can be loaded; empty when it can. Drops from the image what no store may hold."""
    if image.header is None:
        return image.damages[0].reason if image.damages else "It has no session line."
    if image.header.session_id != session_id or not is_safe_id(session_id):
        return "It is the journal of another session."
    try:
        validation.stored_session(image.header)
    except InvalidInput as error:
        return str(error)
    _drop_unstorable_interactions(image)
    _drop_unstorable_merges(image, session_id)
    return ""


def _drop_unstorable_interactions(image: Image) -> None:
    keys: set[tuple[str, str | None]] = set()
    for pk, (_, record) in list(image.interactions.items()):
        try:
            validation.stored_interaction(record)
            key = (record.key_scope, record.idempotency_key)
            if record.idempotency_key is not None and key in keys:
                raise InvalidInput("idempotency_key", "belongs to an earlier interaction of the file.")
        except InvalidInput as error:
            del image.interactions[pk]
            image.damages.append(Damage(0, f"An interaction holds what may not be stored: {error.message}"))
        else:
            keys.add(key)


def _drop_unstorable_merges(image: Image, session_id: str) -> None:
    for pk, (_, merge) in list(image.merges.items()):
        try:
            validation.stored_merge(merge)
            if merge.survivor_id != session_id:
                raise InvalidInput("survivor_id", "is another session.")
        except InvalidInput as error:
            del image.merges[pk]
            image.damages.append(Damage(0, f"A merge holds what may not be stored: {error.message}"))


def insert_image(places: Layout, image: Image, header: SessionRecord, *, in_trash: bool) -> int:
    """Insert all rows of a journal within the caller's transaction; return the number of interactions.

    Rings no bell: the files are where this comes from. What the rows must say otherwise is left as debt.
    """
    session = mapping.session_row(header)
    session.revision = max(image.revision, image.header_revision)
    session.header_revision = image.header_revision
    session.mirrored_revision = session.revision
    if not image.sound:
        # The drain writes the file anew, ending in a header of its own: what was lost may have stood at the end.
        session.header_revision = session.raise_revision()
        session.mirrored_revision = 0
    if in_trash:
        _mark_trashed(places, session)
    claims = _claims(image, header)
    if claims.merged_into != header.merged_into:
        session.header_revision = session.raise_revision()
    session.merged_into_id = claims.merged_into
    records = sorted(
        (pair for key, pair in image.interactions.items() if key not in claims.elsewhere),
        key=lambda pair: pair[1].sequence,
    )
    for revision, record in records:
        # The header as it was read knows nothing of what came behind it.
        if revision > image.header_revision:
            session.last_activity_at = max(session.last_activity_at, record.recorded_at)
    rows = _numbered([mapping.interaction_row(record, session.pk, revision) for revision, record in records])
    for row in rows:
        figures.count_in(session, row)
    Session.objects.bulk_create([session])
    SessionTag.objects.bulk_create([SessionTag(session=session, name=name) for name in set(header.tags)])
    figures.note_models(session)
    Interaction.objects.bulk_create(rows, batch_size=BATCH)
    tally.add(rows)
    Merge.objects.bulk_create(
        [mapping.merge_row(merge, revision) for revision, merge in image.merges.values()], ignore_conflicts=True
    )
    for absorbed in Session.objects.select_for_update().filter(pk__in=claims.absorbed).order_by("pk"):
        _lead_to(session, absorbed)
    return len(rows)


def remove_rows(session: Session) -> None:
    """Delete a session's rows within the caller's transaction, to insert them anew."""
    Merge.objects.filter(survivor_id=session.pk).delete()
    tally.subtract(Interaction.objects.filter(session=session))
    Interaction.objects.filter(session=session).unordered_delete()
    SessionTag.objects.filter(session=session).delete()
    SessionModel.objects.filter(session=session).delete()
    Session.objects.filter(merged_into=session).update(merged_into=None)
    Session.objects.filter(pk=session.pk)._raw_delete(session._state.db)


def _lead_to(survivor: Session, absorbed: Session) -> None:
    """Let an absorbed session lead to its survivor, and count what is left in it; its journal is told by the drain."""
    if absorbed.merged_into_id is None:
        absorbed.header_revision = absorbed.raise_revision()
    absorbed.merged_into = survivor
    figures.recount(absorbed)
    Session.objects.bulk_update(
        [absorbed],
        [
            "merged_into",
            "revision",
            "header_revision",
            "debt_since",
            "last_sequence",
            "interaction_count",
            "error_count",
            "input_tokens",
            "output_tokens",
            "cost_microusd",
            "opening",
            "model_names",
        ],
    )


@dataclass(frozen=True, slots=True)
class _Claims:
    """Who owns interactions that two journals hold, as a crash between the two files of a merge may leave them.

    `elsewhere` are those that another row keeps; `absorbed` the sessions that lead to this one from now on; and
    `merged_into` is the survivor that this session now leads to.
    """

    elsewhere: set[UUID]
    absorbed: set[str]
    merged_into: str | None


def _claims(image: Image, header: SessionRecord) -> _Claims:
    target = _survivor(header)
    absorbed = {merge.absorbed_id for _, merge in image.merges.values() if merge.undone_at is None}
    # Files that name each other must not make a chain that leads back to itself.
    absorbed -= {header.session_id, *_chain(target)}
    rows = Session.objects.select_for_update().filter(pk__in=absorbed, merged_into=None)
    # Locked before the counts are, as everybody does who deletes interactions.
    absorbed = set(rows.order_by("pk").values_list("pk", flat=True))
    ids = list(image.interactions)
    elsewhere: set[UUID] = set()
    for start in range(0, len(ids), BATCH):
        batch = Interaction.objects.filter(pk__in=ids[start : start + BATCH]).order_by()
        tally.subtract(batch.filter(session_id__in=absorbed))
        batch.filter(session_id__in=absorbed).unordered_delete()
        elsewhere.update(batch.values_list("pk", flat=True))
    return _Claims(elsewhere, absorbed, target)


def _survivor(header: SessionRecord) -> str | None:
    """Where a session leads, if that is there: by its own word, or by that of the survivor's merge record."""
    target = header.merged_into
    if target is None:
        standing = Merge.objects.filter(absorbed_id=header.session_id, undone_at=None)
        target = standing.values_list("survivor_id", flat=True).first()
    if target is None or header.session_id in (chain := _chain(target)) or not chain:
        return None
    return target


def _chain(session_id: str | None) -> list[str]:
    """The sessions that one ID leads through, itself first; empty when it is not there."""
    chain: list[str] = []
    while session_id is not None and session_id not in chain:
        row = Session.objects.filter(pk=session_id).only("merged_into_id").first()
        if row is None:
            break
        chain.append(session_id)
        session_id = row.merged_into_id
    return chain


def _mark_trashed(places: Layout, session: Session) -> None:
    """Take the marks from the trash record; without a sound one the session is in the trash since now."""
    record = None
    try:
        image = replay.read_image(places.trash_record(session.pk))
        if image.trash is not None and image.sound and image.trash.session_id == session.pk:
            validation.stored_trash(image.trash)
            record = image.trash
            session.revision = max(session.revision, image.revision)
            session.mirrored_revision = session.mirrored_revision and session.revision
    except (OSError, InvalidInput):
        log.warning("trash_record_missing", extra={"session_id": session.pk})
    session.trashed_at = record.trashed_at if record else timezone.now()
    session.trashed_by = record.trashed_by if record else "unknown"
    session.trash_reason = record.reason if record else "Its trash record was missing."
    if record is None:
        session.raise_revision()


def _numbered(rows: list[Interaction]) -> list[Interaction]:
    """Sequences made unique: a salvaged journal may hold an old and a new numbering side by side."""
    taken = 0
    for row in rows:
        row.sequence = max(row.sequence, taken + 1)
        taken = row.sequence
    return rows
