"""Where pins go when interactions go from one session to another."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from sessions.models import Interaction
from sessions.records import SessionRecord

from .duplicates import find_duplicates


def with_pins_on_twins(record: SessionRecord, before: Sequence[str]) -> SessionRecord:
    """A session's record as one that is merged in behind those: a pinned duplicate pins the one that is kept."""
    if not record.pins:
        return record
    twins = find_duplicates([*before, record.session_id])[record.session_id]
    return replace(record, pins=list(dict.fromkeys(twins.get(pin, pin) for pin in record.pins)))


def parted_pins(record: SessionRecord) -> tuple[SessionRecord, dict[str, list[UUID]]]:
    """A record without its pins on other sessions' interactions; and those, by the session that they went to."""
    homes = dict(Interaction.objects.filter(pk__in=record.pins).values_list("pk", "session_id"))
    staying: list[UUID] = []
    leaving: dict[str, list[UUID]] = {}
    for pin in record.pins:
        home = homes.get(pin, record.session_id)
        (staying if home == record.session_id else leaving.setdefault(home, [])).append(pin)
    return replace(record, pins=staying), leaving


def with_more_pins(record: SessionRecord, pins: Sequence[UUID]) -> SessionRecord:
    return replace(record, pins=list(dict.fromkeys([*record.pins, *pins])))
