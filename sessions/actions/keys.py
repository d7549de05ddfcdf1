"""Idempotency keys: each means one interaction within the session that it was given in, wherever merges took that.

Two sessions that count their turns both have a `turn-3`. When one is merged into the other, both IDs lead to the same
session, but a key that is sent to the one ID is not the other's: it would be answered with what somebody else said, and
what was sent would be lost. So an interaction remembers as its `key_scope` in which session its key was given, "" where
that is the session that holds it, and a key is looked up in the scope of the ID that was named. See
docs/decisions/0011-keys-have-a-scope.md.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from uuid import UUID, uuid5

from django.db.models import F, Q, QuerySet

from sessions import statements
from sessions.models import Interaction, Session
from sessions.records import INTERACTION_CONTENT, InteractionDraft, InteractionRecord

_RETIRED = UUID("5b0c2f3e-6a0d-5f43-9a53-6f0d8f1f7c11")
_KEYED = ("session_id", "idempotency_key")


def scope_of(named: str, holder_id: str) -> str:
    """The scope of keys that come under an ID which leads to that session."""
    return "" if named == holder_id else named


def retired_scope(scope: str) -> str:
    """What a scope is called in a session that its ID no longer leads to: a name that no ID is."""
    return str(uuid5(_RETIRED, scope))


def known_by_key(holder_id: str, scope: str, keys: Iterable[str]) -> dict[str | None, Interaction]:
    """A session's interactions that have these keys in a scope, by their keys."""
    wanted, scope = set(keys), scope_of(scope, holder_id)
    # The common case, one new key, must not cost a query of the ORM, which takes half as long as all the rest.
    is_new = len(wanted) == 1 and not statements.exists(Interaction, _KEYED, [holder_id, *wanted])
    known: dict[str | None, Interaction] = {}
    if wanted and not is_new:
        # Of two under a session's own ID the one in "" comes last, and stands.
        known = {row.idempotency_key: row for row in _rows(holder_id, scope, wanted).order_by("-key_scope")}
    if scope and (missing := wanted - known.keys()):
        known |= {row.idempotency_key: row for row in _twins_of_left(holder_id, scope, missing)}
    return known


def own_by_key(keys_of: Mapping[str, Collection[str]]) -> dict[str, dict[str | None, Interaction]]:
    """What each session holds under its own ID of the keys that are asked of it, without the source records."""
    found: dict[str, dict[str | None, Interaction]] = {session_id: {} for session_id in keys_of}
    wanted = {key for keys in keys_of.values() for key in keys}
    if not found or not wanted:
        return found
    # Every key is looked up in every session, since positions are the same in all; only what was asked for is loaded.
    rows = Interaction.objects.filter(session_id__in=found, idempotency_key__in=wanted)
    rows = rows.filter(Q(key_scope="") | Q(key_scope=F("session_id"))).order_by("-key_scope")
    there = rows.values_list("pk", "session_id", "idempotency_key")
    asked = [pk for pk, session_id, key in there if key in keys_of[session_id]]
    for row in rows.filter(pk__in=asked).defer("source_record"):
        found[row.session_id][row.idempotency_key] = row
    return found


def having_keys(holder_id: str, scope: str, keys: Iterable[str]) -> Q:
    """What picks those of a session's interactions that have these keys in a scope; hardly any is loaded for it."""
    wanted, scope = set(keys), scope_of(scope, holder_id)
    mine = _rows(holder_id, scope, wanted)
    picked = Q(pk__in=mine.values("pk"))
    if scope:
        missing = wanted - set(mine.values_list("idempotency_key", flat=True))
        picked |= Q(pk__in=[row.pk for row in _twins_of_left(holder_id, scope, missing)])
    return picked


def _rows(holder_id: str, scope: str, keys: set[str]) -> QuerySet[Interaction]:
    """What a session holds of these keys. Its own name is a scope of it too: what was parted from it has come home."""
    scopes = [scope, scope or holder_id]
    return Interaction.objects.filter(session_id=holder_id, idempotency_key__in=keys, key_scope__in=scopes).order_by()


def same_content(
    row: Interaction | InteractionDraft, other: Interaction | InteractionDraft | InteractionRecord
) -> bool:
    """Whether one interaction says what the other says; times, parents and source records aside."""
    return all(getattr(row, name) == getattr(other, name) for name in INTERACTION_CONTENT)


def _twins_of_left(holder_id: str, scope: str, keys: set[str]) -> Iterator[Interaction]:
    """What stands in the session for interactions that merges left behind, because it had the same already."""
    left = {row.idempotency_key: row for row in _left_behind(holder_id, scope, keys)}
    if not left:
        return
    for row in Interaction.objects.filter(session_id=holder_id, idempotency_key__in=left).order_by("sequence"):
        if row.idempotency_key in left and same_content(row, left[row.idempotency_key]):
            del left[row.idempotency_key]
            yield row


def _left_behind(holder_id: str, scope: str, keys: set[str]) -> Iterator[Interaction]:
    """Interactions with these keys of that scope in the sessions through which it leads to this one."""
    way = _way(scope, holder_id)
    if way:
        there = Q(session_id=scope, key_scope="") | Q(session_id__in=way, key_scope=scope)
        yield from Interaction.objects.filter(there, idempotency_key__in=keys).order_by()


def leads(start: str, end: str) -> bool:
    """Whether the ID of one session leads to another one, or is its own."""
    return start == end or bool(_way(start, end))


def with_absorbed(session_ids: Iterable[str]) -> list[str]:
    """Sessions, and behind them all whose IDs lead to them."""
    found = list(session_ids)
    level = found
    while level:
        level = list(Session.objects.filter(merged_into__in=level).exclude(pk__in=found).values_list("pk", flat=True))
        found += level
    return found


def _way(start: str, end: str) -> list[str]:
    """The IDs of the absorbed sessions that lead from one session to another; none where they do not."""
    way: list[str] = []
    passed: str | None = start
    while passed != end:
        if passed is None or passed in way:
            return []
        way.append(passed)
        passed = Session.objects.filter(pk=passed).values_list("merged_into_id", flat=True).first()
    return way


__all__ = ["having_keys", "known_by_key", "leads", "retired_scope", "same_content", "scope_of", "with_absorbed"]
