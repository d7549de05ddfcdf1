"""What several sessions have in common, found in the database so that no session has to be loaded whole."""

from collections.abc import Mapping, Sequence
from itertools import batched
from uuid import UUID

from django.db.models import Case, Exists, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.lookups import IsNull

from sessions.fields import JSONTextField
from sessions.models import Interaction
from sessions.records import INTERACTION_CONTENT

_BATCH = 400
_FIELDS = {name: Interaction._meta.get_field(name) for name in INTERACTION_CONTENT}
_JSON = tuple(name for name, field in _FIELDS.items() if isinstance(field, JSONTextField))
_PLAIN = tuple(name for name in _FIELDS if name not in _JSON)


def find_duplicates(session_ids: Sequence[str]) -> dict[str, dict[UUID, UUID]]:
    """By session, the interactions that a session before it has too, each with its twin there.

    The same is what has one idempotency key and one content.
    """
    return {pk: _shared(pk, session_ids[:place]) for place, pk in enumerate(session_ids) if place}


def _shared(session_id: str, before: Sequence[str]) -> dict[UUID, UUID]:
    """A session's interactions that those before it have, with their twins; JSON is compared by what it means."""
    keyed = Interaction.objects.filter(session_id=session_id, idempotency_key__isnull=False).order_by()
    candidates = (
        keyed.annotate(twin=Subquery(_first_alike(before)))
        .filter(twin__isnull=False)
        .annotate(alike=Exists(_same(Interaction.objects.filter(pk=OuterRef("twin")).order_by(), _JSON)))
        .values_list("pk", "twin", "alike")
    )
    twins: dict[UUID, UUID] = {}
    doubtful: dict[UUID, UUID] = {}
    for pk, twin, alike in candidates:
        (twins if alike else doubtful)[pk] = twin
    return {**twins, **_same_by_meaning(doubtful)}


def _first_alike(before: Sequence[str]) -> QuerySet[Interaction, UUID]:
    """The interaction with the outer one's key that is like it in the plain columns, in the first session that has one.

    Merges may have brought a session several with one key.
    """
    holders = Interaction.objects.filter(session_id__in=before, idempotency_key=OuterRef("idempotency_key"))
    place = Case(
        *(When(session_id=session_id, then=Value(number)) for number, session_id in enumerate(before)),
        output_field=IntegerField(),
    )
    return _same(holders, _PLAIN).order_by(place, "sequence").values_list("pk", flat=True)[:1]


def _same(rows: QuerySet[Interaction], names: Sequence[str]) -> QuerySet[Interaction]:
    """Of some rows those that are like the outer one in some columns."""
    for name in names:
        same = Q(**{name: OuterRef(name)})
        if _FIELDS[name].null:
            same |= Q(IsNull(F(name), True), IsNull(OuterRef(name), True))
        rows = rows.filter(same)
    return rows


def _same_by_meaning(pairs: Mapping[UUID, UUID]) -> dict[UUID, UUID]:
    """Of pairs whose JSON is spelled differently, those whose JSON says the same."""
    same: dict[UUID, UUID] = {}
    for batch in batched(pairs.items(), _BATCH):
        rows = Interaction.objects.only("id", *_JSON).in_bulk({pk for pair in batch for pk in pair})
        same |= {pk: twin for pk, twin in batch if _say_the_same(rows[pk], rows[twin])}
    return same


def _say_the_same(one: Interaction, other: Interaction) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in _JSON)
