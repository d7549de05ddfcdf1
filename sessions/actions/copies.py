"""Keeping the two copies true: settle, reconcile, verify, repair."""

import itertools
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db.models import Count, F, Min, QuerySet
from django.utils import timezone

from sessions import errors
from sessions.importers import legacy
from sessions.mirror import documents, drain, journal, load, quarantine, reconcile, strays, verify
from sessions.mirror.layout import DOCUMENT_SUFFIX, JOURNAL_SUFFIX, Layout, is_safe_id
from sessions.mirror.quarantine import Quarantined
from sessions.mirror.reconcile import Reconciled
from sessions.mirror.verify import Finding
from sessions.models import Profile, Session, Tombstone
from sessions.records import Actor, SetAside
from sessions.search import index

from . import audit
from .find import find_row
from .imports import adopt
from .user_merging import finish_moves

log = logging.getLogger(__name__)

_NAMES_A_QUERY = 500
_SESSIONS_A_LOOK = 100
# How long a writer may be between its commit and its file.
SECOND_LOOK_SECONDS = 1.0
# A large debt to the search is settled by a job of its own; the files need not wait for it.
_SEARCH_SECONDS = 2.0

type Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorStatus:
    """How far the files are behind. `debt_age_seconds` is the oldest unsettled change's, None without debt."""

    debt_sessions: int
    debt_profiles: int
    debt_age_seconds: float | None
    debt_documents: int
    unsettled_tombstones: int
    quarantined: int

    @property
    def settled(self) -> bool:
        return not (self.debt_sessions or self.debt_profiles or self.unsettled_tombstones)


@dataclass(slots=True)
class Adoption:
    """What became of documents that the old system left: taken in, known already, damaged, or none of that system."""

    adopted: int = 0
    known: int = 0
    quarantined: int = 0
    foreign: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The outcome of making both copies whole."""

    copies: Reconciled
    adoption: Adoption


def settle_mirror(*, limit: int = 500) -> int:
    """Bring files up to the database where no bell did, and refresh present-state documents; return how many.

    What changed is indexed for the search on the way: a document is written last. Raises MirrorUnavailable when a
    file could not be written; the others were.
    """
    try:
        settled = drain.drain_debt(limit)
    finally:
        index.settle(limit=limit, seconds=_SEARCH_SECONDS)
        documents.refresh_documents(limit)
    return settled


def reconcile_copies(*, actor: Actor, progress: Progress | None = None) -> Reconciliation:
    """Load what the database lacks, write what the files lack, adopt the old system's documents."""
    tell = progress or (lambda _: None)
    places = drain.layout()
    copies = reconcile.reconcile(places, tell)
    # A merge of users is decided in a profile's journal; a crash may have kept it from the sessions' ones.
    moved = finish_moves()
    adoption = _adopt_documents(places, actor, tell)
    if copies.changed or adoption.adopted or moved:
        audit.record(actor, "copies_reconciled", loaded=copies.loaded, written=copies.written, adopted=adoption.adopted)
    return Reconciliation(copies, adoption)


def mirror_status(*, quarantined: int | None = None) -> MirrorStatus:
    """The debt, and what lies in quarantine, where the caller has not counted that. Costs a few indexed queries."""
    debt = Session.objects.in_mirror_debt().order_by().aggregate(oldest=Min("debt_since"), sessions=Count("pk"))
    oldest = debt["oldest"]
    return MirrorStatus(
        debt_sessions=debt["sessions"],
        debt_profiles=Profile.objects.filter(revision__gt=F("mirrored_revision")).count(),
        debt_age_seconds=None if oldest is None else (timezone.now() - oldest).total_seconds(),
        debt_documents=Session.objects.in_document_debt().filter(trashed_at=None).order_by().count(),
        unsettled_tombstones=Tombstone.objects.filter(mirrored_at=None).count(),
        quarantined=quarantine.count(drain.layout()) if quarantined is None else quarantined,
    )


def quarantined() -> list[Quarantined]:
    """What lies in quarantine."""
    return list(quarantine.entries(drain.layout()))


def verify_mirror(*, progress: Progress | None = None) -> Iterator[Finding]:
    """Compare both copies to the last hash; yields what is wrong. Changes nothing, and may run while others write."""
    places = drain.layout()
    passing: list[Finding] = []
    for finding in _verify_all(places, progress):
        if finding.may_pass:
            passing.append(finding)
        else:
            yield finding
    if passing:
        # A writer may have been between its commit and its file; what is still so then is no writer's doing.
        time.sleep(SECOND_LOOK_SECONDS)
        again = set(_verify_again(places, passing))
        yield from (finding for finding in passing if finding in again)


def _verify_all(places: Layout, progress: Progress | None) -> Iterator[Finding]:
    total = Session.objects.count()
    names = Session.objects.order_by("pk").values_list("pk", flat=True)
    number = 0
    for page in itertools.batched(_in_batches(names), _SESSIONS_A_LOOK):
        yield from verify.verify_sessions(places, page)
        number += len(page)
        if progress:
            progress(f"{number} of {total} sessions verified")
    for user_id in _in_batches(Profile.objects.order_by("pk").values_list("pk", flat=True)):
        yield from verify.verify_profile(places, user_id)
    yield from strays.verify_strays(places)


def _verify_again(places: Layout, passing: Sequence[Finding]) -> Iterator[Finding]:
    for key in {finding.key for finding in passing if is_safe_id(finding.key)}:
        yield from verify.verify_session(places, key)
    for user_id in _in_batches(Profile.objects.order_by("pk").values_list("pk", flat=True)):
        yield from verify.verify_profile(places, user_id)
    yield from strays.verify_strays(places)


def _in_batches(names: QuerySet[Any, str]) -> Iterator[str]:
    """Primary keys in their order, a page at a time: an open cursor would keep a long look from ever ending."""
    last = ""
    while page := list(names.filter(pk__gt=last)[:_NAMES_A_QUERY]):
        yield from page
        last = page[-1]


def verify_session_now(session_id: str) -> list[Finding]:
    """What is wrong with one session's files."""
    return verify.verify_session(drain.layout(), session_id)


def repair_mirror(*, actor: Actor, progress: Progress | None = None) -> list[Finding]:
    """Mend what `verify_mirror` finds; return what is left: where both copies truly disagree, neither is picked."""
    places = drain.layout()
    findings = list(verify_mirror(progress=progress))
    # A damaged journal that goes beyond its row is more than a broken copy; somebody must decide.
    ahead = {finding.path for finding in findings if finding.kind == "ahead"}
    for finding in {one.path: one for one in findings if one.path not in ahead}.values():
        _repair(places, finding)
    if findings:
        reconcile_copies(actor=actor, progress=progress)
        audit.record(actor, "mirror_repaired", findings=len(findings))
    return list(verify_mirror(progress=progress)) if findings else []


def keep_database(session_id: str, *, actor: Actor) -> None:
    """Settle a disagreement: the database's version stands, the journal goes to the quarantine as it is."""
    places = drain.layout()
    session = find_row(session_id)
    _set_aside(places, session, "Somebody decided for the database's version.")
    drain.drain_session(session_id)
    audit.record(actor, "disagreement_settled", session_id, kept="database")


def keep_journal(session_id: str, *, actor: Actor) -> int:
    """Settle a disagreement: the journal's version stands, the row's is kept in the quarantine as a journal."""
    find_row(session_id)
    count = load.replace_session(drain.layout(), session_id)
    drain.drain_session(session_id)
    audit.record(actor, "disagreement_settled", session_id, kept="journal", interactions=count)
    return count


def _repair(places: Layout, finding: Finding) -> None:
    """Set aside what is broken, unfinished or in nobody's place; reconciling writes and loads the rest."""
    path = places.root / finding.path
    if finding.kind not in ("damaged", "leftover", "unknown"):
        return
    if finding.kind == "unknown" and _may_be_loaded(places, path):
        return
    try:
        with journal.hold(places, finding.key):
            if path.exists(follow_symlinks=False):
                quarantine.quarantine(places, path, key=finding.key, reason=finding.reason)
    except OSError as error:
        log.error("repair_failed", extra={"key": ascii(finding.key), "reason": error.strerror})


def _may_be_loaded(places: Layout, path: Path) -> bool:
    """Whether a file that no row answers for stands where a journal does that reconciling will look at."""
    name = path.stem
    if path.suffix != JOURNAL_SUFFIX or path.parent.name != name[:2]:
        return False
    if places.profiles in path.parents or places.tombstones in path.parents:
        return True
    known = Session.objects.filter(pk=name).exists() or Tombstone.objects.filter(pk=name).exists()
    return is_safe_id(name) and not known


def _set_aside(places: Layout, session: Session, reason: str) -> None:
    path = places.trashed_journal(session.pk) if session.trashed_at else places.journal(session.pk)
    with journal.hold(places, session.pk):
        if path.exists(follow_symlinks=False):
            quarantine.quarantine(places, path, key=session.pk, reason=reason)


def _adopt_documents(places: Layout, actor: Actor, progress: Progress) -> Adoption:
    """Take in the old system's flat documents, and present-state documents whose journal and row are both gone."""
    done = Adoption()
    for number, path in enumerate(_documents(places), start=1):
        _adopt_document(places, path, actor, done)
        if number % 500 == 0:
            progress(f"{number} old documents read, {done.adopted} adopted")
    if done.adopted:
        log.info("session_adopted", extra={"adopted": done.adopted, "known": done.known})
    return done


def _documents(places: Layout) -> Iterator[Path]:
    if not places.sessions.is_dir():
        return
    shards = [entry for entry in places.sessions.iterdir() if entry.is_dir() and not entry.is_symlink()]
    for folder in [places.sessions, *sorted(shards)]:
        present = {path.stem: path for path in folder.iterdir() if path.suffix == DOCUMENT_SUFFIX}
        names = sorted(present)
        for start in range(0, len(names), _NAMES_A_QUERY):
            batch = names[start : start + _NAMES_A_QUERY]
            known = set(Session.objects.filter(pk__in=batch).values_list("pk", flat=True))
            gone = set(Tombstone.objects.filter(pk__in=batch).values_list("pk", flat=True))
            yield from (present[name] for name in batch if name not in known | gone)


def _adopt_document(places: Layout, path: Path, actor: Actor, done: Adoption) -> None:
    place = str(path.relative_to(places.root))
    try:
        descriptor = journal.open_regular(path, os.O_RDONLY)
        with os.fdopen(descriptor, "rb") as stream:
            found = legacy.read_document(stream.read(legacy.MAX_DOCUMENT_BYTES + 1), place)
    except (OSError, errors.DamagedLine) as error:
        found = SetAside(place=place, reason=str(error), damaged=True)
    if not isinstance(found, SetAside):
        adopted = adopt(found, actor=actor)
        done.adopted += adopted
        done.known += not adopted
    elif found.damaged:
        quarantine.quarantine(places, path, key=path.stem[:128].lstrip(".") or "unnamed", reason=found.reason)
        done.quarantined += 1
    else:
        done.foreign.append(place)
