"""What taking files in would do, without doing it: the counts that a person decides by."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from sessions import validation
from sessions.branching import SIDES
from sessions.errors import InvalidInput, SessionNotFound, SessionPurged
from sessions.importers import Source
from sessions.models import Interaction
from sessions.records import (
    ExportedInteraction,
    ExportedSession,
    ImportedInteraction,
    ImportEvent,
    InteractionDraft,
    InteractionKind,
    InteractionRecord,
    SessionDraft,
    SetAside,
)

from .begin import checked_session_id
from .find import get_session
from .identity import resolve_user
from .import_pieces import NOT_YOURS
from .keys import known_by_key, same_content, scope_of
from .own_ids import with_own_ids
from .restoring import ScopedKey, present_among, scoped_key

_BATCH = 500
_BATCH_BYTES = 8 * 1024 * 1024
MOST_FILES_TOLD = 1_000
_MOST_PLACES = 50
_TOOLS = frozenset({InteractionKind.TOOL_CALL, InteractionKind.TOOL_RESPONSE})
_SUMS = (
    *("sessions", "known_sessions", "new_interactions", "known_interactions", "differing", "messages", "tool_calls"),
    *("branches", "damaged_count"),
)


@dataclass(slots=True)
class FilePreview:
    """What a file holds: sessions and interactions that would be new, known, or left since they differ.

    `sessions` and `known_sessions` count each session in the first file that has it.
    """

    name: str
    format: str = ""
    sessions: int = 0
    known_sessions: int = 0
    new_interactions: int = 0
    known_interactions: int = 0
    differing: int = 0
    messages: int = 0
    tool_calls: int = 0
    branches: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    set_aside: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    damaged: list[dict[str, str]] = field(default_factory=list)
    damaged_count: int = 0
    differing_places: list[str] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        counts = {name: getattr(self, name) for name in _SUMS}
        reasons = {name: dict(getattr(self, name)) for name in ("kinds", "set_aside", "refused")}
        places = {"damaged": self.damaged, "differing_places": self.differing_places}
        return {"name": self.name, "format": self.format, **counts, **reasons, **places}


class Preview:
    """The counts of all files, while they are read and when they are."""

    def __init__(self, named: Callable[[str], str] = str, *, owner: str = "") -> None:
        self._named = named
        # Whoever may write only their own sessions learns nothing of what others hold.
        self._owner = resolve_user(owner) if owner else ""
        self._files: list[FilePreview] = []
        self._file_count = 0
        self._sums = FilePreview("")
        self._homes: dict[str, _Home] = {}
        # Of what these files bring, a mark each: a million interactions are looked at in one process.
        self._seen: set[int] = set()

    def steps(self, sources: Iterable[Source]) -> Iterator[None]:
        """Read the sources, as far as it is asked to go on."""
        for source in sources:
            file = FilePreview(self._named(str(source.path)))
            yield from self._read(source, file)
            file.format = source.format_name
            self._add(file)

    def told(self) -> dict[str, Any]:
        """All of it as JSON has it: a file each, the first 1,000, and the sums."""
        sums = self._sums.told()
        del sums["name"], sums["format"]
        return {"files": [file.told() for file in self._files], "file_count": self._file_count, **sums}

    def _add(self, file: FilePreview) -> None:
        self._file_count += 1
        if len(self._files) < MOST_FILES_TOLD:
            self._files.append(file)
        sums = self._sums
        for name in _SUMS:
            setattr(sums, name, getattr(sums, name) + getattr(file, name))
        for name in ("kinds", "set_aside", "refused"):
            getattr(sums, name).update(getattr(file, name))
        sums.damaged += file.damaged[: _MOST_PLACES - len(sums.damaged)]
        sums.differing_places += file.differing_places[: _MOST_PLACES - len(sums.differing_places)]

    def _read(self, source: Source, file: FilePreview) -> Iterator[None]:
        waiting: list[_Waiting] = []
        size_bytes, exported = 0, ""
        for event in source.read():
            if isinstance(event, ExportedSession):
                exported = event.record.session_id
            if found := self._take(file, event, exported):
                waiting.append(found)
                size_bytes += len(found.draft.response) + len(found.draft.source_record or b"")
            if len(waiting) >= _BATCH or size_bytes >= _BATCH_BYTES:
                self._look_up(file, waiting)
                waiting, size_bytes = [], 0
            yield
        self._look_up(file, waiting)

    def _take(self, file: FilePreview, event: ImportEvent, exported: str) -> "_Waiting | None":
        match event:
            case SetAside():
                self._set_aside(file, event.place, event.reason, is_damaged=event.damaged)
            case SessionDraft():
                self._find(file, event.session_id)
            case ExportedSession():
                self._find(file, exported)
            case ExportedInteraction() if event.absorbed_id:
                # No part of the conversation, and not counted as one.
                pass
            case ExportedInteraction():
                return _Waiting(exported, event.record, event.place)
            case ImportedInteraction():
                try:
                    draft = validation.interaction(validation.storable(event.draft))
                except InvalidInput as error:
                    self._set_aside(file, event.place, error.message, is_damaged=True)
                else:
                    return _Waiting(event.session_id, draft, event.place)
        return None

    def _set_aside(self, file: FilePreview, place: str, reason: str, *, is_damaged: bool) -> None:
        file.set_aside[reason] += 1
        if is_damaged:
            file.damaged_count += 1
            if len(file.damaged) < _MOST_PLACES:
                file.damaged.append({"place": self._named(place), "reason": reason})

    def _look_up(self, file: FilePreview, waiting: Sequence["_Waiting"]) -> None:
        """Count interactions by what the store has of them: one question for each session's."""
        by_session: dict[str, list[_Waiting]] = {}
        for one in waiting:
            by_session.setdefault(one.session_id, []).append(one)
        for session_id, ones in by_session.items():
            home = self._find(file, session_id)
            if home.refused:
                file.refused[home.refused] += len(ones)
                continue
            owned = _with_own_ids(session_id, ones, self._owner)
            scope = scope_of(session_id, home.pk or session_id)
            present = _present(home.pk, owned, scope)
            for one in owned:
                self._count(file, home, one, scope, present)

    def _count(
        self,
        file: FilePreview,
        home: "_Home",
        one: "_Waiting",
        scope: str,
        present: Mapping[UUID | ScopedKey, Interaction],
    ) -> None:
        draft = one.draft
        known = present.get(draft.id) if isinstance(draft, InteractionRecord) else None
        key = scoped_key(draft, scope) if isinstance(draft, InteractionRecord) else (scope, draft.idempotency_key)
        known = known or present.get(key)
        file.kinds[draft.kind] += 1
        file.tool_calls += draft.kind == InteractionKind.TOOL_CALL
        file.messages += draft.kind not in _TOOLS
        file.branches += self._is_branch(one)
        if known is not None:
            file.known_interactions += 1
            if not same_content(known, draft):
                file.differing += 1
                if len(file.differing_places) < _MOST_PLACES:
                    file.differing_places.append(self._named(one.place))
        elif self._came_earlier(home, one, key):
            file.known_interactions += 1
        else:
            file.new_interactions += 1

    def _came_earlier(self, home: "_Home", one: "_Waiting", key: ScopedKey) -> bool:
        """Whether the same stood earlier in these files: by its ID, or by its key where that would go."""
        by_id = isinstance(one.draft, InteractionRecord) and self._was_seen("id", one.draft.id)
        by_key = one.draft.idempotency_key is not None and self._was_seen(home.pk or one.session_id, *key)
        return by_id or by_key

    def _was_seen(self, *of: object) -> bool:
        """Whether something came earlier in these files; remembered from now on."""
        mark = hash(of)
        was_seen = mark in self._seen
        self._seen.add(mark)
        return was_seen

    def _is_branch(self, one: "_Waiting") -> bool:
        """Whether another way than the first goes on here; see `sessions.branching`."""
        draft = one.draft
        parent = draft.parent_id or (draft.parent_key if isinstance(draft, InteractionDraft) else None)
        side = SIDES.get(draft.kind) or ("reply" if draft.metadata.get("begins_branch") else None)
        if side is None or (parent is None and not draft.metadata.get("begins_branch")):
            return False
        again = draft.idempotency_key is not None and self._was_seen("branch", one.session_id, draft.idempotency_key)
        return not again and self._was_seen("fork", one.session_id, parent, side)

    def _find(self, file: FilePreview, session_id: str) -> "_Home":
        """What the store has under a session's ID; counted in the first file that names it."""
        if session_id not in self._homes:
            home = self._homes[session_id] = _home_of(session_id, self._owner)
            if home.refused:
                file.refused[home.refused] += 0
            elif home.pk:
                file.known_sessions += 1
            else:
                file.sessions += 1
        return self._homes[session_id]


@dataclass(frozen=True, slots=True)
class _Home:
    """Where a session's interactions would go: `pk` is "" for a new one; `refused` says why they may not come in."""

    pk: str = ""
    refused: str = ""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An interaction that is yet to be looked up."""

    session_id: str
    draft: InteractionDraft | InteractionRecord
    place: str


def preview(sources: Iterable[Source]) -> dict[str, Any]:
    """What importing these would do, as JSON has it. Nothing is written."""
    found = Preview()
    for _ in found.steps(sources):
        pass
    return found.told()


def _home_of(session_id: str, owner: str) -> _Home:
    try:
        session = get_session(checked_session_id(session_id))
    except InvalidInput as error:
        return _Home(refused=error.message)
    except SessionPurged as error:
        return _Home(refused=error.message)
    except SessionNotFound:
        return _Home()
    if owner and session.user_id != owner:
        return _Home(refused=NOT_YOURS)
    return _Home(session.pk, f"Session {session.pk!r} lies in the trash." if session.trashed_at else "")


def _with_own_ids(session_id: str, ones: Sequence[_Waiting], owner: str) -> Sequence[_Waiting]:
    """What waits as an owner may bring it; an export of our own has nothing but records."""
    records = [one.draft for one in ones if isinstance(one.draft, InteractionRecord)]
    if not owner or not records:
        return ones
    own = with_own_ids(records, session_id, owner)
    return [replace(one, draft=record) for one, record in zip(ones, own, strict=True)]


def _present(session_id: str, ones: Sequence[_Waiting], scope: str) -> Mapping[UUID | ScopedKey, Interaction]:
    records = [one.draft for one in ones if isinstance(one.draft, InteractionRecord)]
    if records:
        return present_among(session_id, records, scope)
    keys = [one.draft.idempotency_key for one in ones if one.draft.idempotency_key is not None] if session_id else []
    return {(scope, key): row for key, row in known_by_key(session_id, scope, keys).items()}
