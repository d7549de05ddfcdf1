"""Records to lines and back."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions.errors import DamagedLine
from sessions.mirror import codec
from sessions.mirror.codec import NO_PREVIOUS, Entry, Record, decode_line, encode_line, tail_revision
from sessions.records import (
    InteractionRecord,
    MergeRecord,
    Note,
    Origin,
    ProfileRecord,
    SessionRecord,
    TombstoneRecord,
    TrashRecord,
    UserMergeRecord,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
texts = st.text(st.characters(exclude_categories=["Cs"]))
moments = st.datetimes(datetime(1970, 1, 2), datetime(8999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
numbers = st.none() | st.integers(0, 2**63 - 1)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(texts, values, max_size=3)
origins = st.builds(
    Origin, merge_id=st.uuids(), session_id=texts, sequence=st.integers(1, 9), key_scope=texts, idempotency_key=texts
)
notes = st.builds(Note, id=st.uuids(), text=texts, author=texts, written_at=moments, edited_at=st.none() | moments)


def _scoped(record: InteractionRecord) -> InteractionRecord:
    """As it is written since keys have scopes: what a merge moved names its own."""
    return replace(record, key_scope="b") if record.origins and not record.key_scope else record


records = st.one_of(
    st.builds(
        InteractionRecord,
        id=st.uuids(),
        sequence=st.integers(1, 2**63 - 1),
        kind=st.just("tool_call"),
        prompt=texts,
        response=texts,
        tool_parameters=values,
        input_tokens=numbers,
        execution_time_ms=st.none() | st.floats(0, allow_nan=False, allow_infinity=False),
        metadata=objects,
        occurred_at=moments,
        recorded_at=moments,
        idempotency_key=st.none() | texts,
        key_scope=texts,
        parent_id=st.none() | st.uuids(),
        source_record=st.none() | st.binary(),
        origins=st.lists(origins, max_size=2),
    ).map(_scoped),
    st.builds(
        SessionRecord,
        session_id=texts,
        title=texts,
        created_at=moments,
        last_activity_at=moments,
        stated_interactions=st.integers(0, 2**63 - 1),
        active_topics=st.lists(texts, max_size=3),
        user_preferences=objects,
        tags=st.lists(texts, max_size=3),
        notes=st.lists(notes, max_size=2),
        pins=st.lists(st.uuids(), max_size=3),
        held_at=st.none() | moments,
        merged_into=st.none() | texts,
    ),
    st.builds(
        MergeRecord,
        id=st.uuids(),
        survivor_id=texts,
        absorbed_id=texts,
        group_id=st.none() | st.uuids(),
        merged_at=moments,
        merged_by=texts,
        choices=objects,
        survivor_before=objects,
        survivor_after=objects,
        absorbed_before=objects,
        undone_at=st.none() | moments,
    ),
    st.builds(TrashRecord, session_id=texts, trashed_at=moments, trashed_by=texts, reason=texts),
    st.builds(
        TombstoneRecord, session_id=texts, purged_at=moments, purged_by=texts, reason=texts, interaction_count=numbers
    ).filter(lambda record: record.interaction_count is not None),
    st.builds(
        ProfileRecord,
        user_id=texts,
        preferences=objects,
        created_at=moments,
        updated_at=moments,
        merged_into=st.none() | texts,
    ),
    st.builds(
        UserMergeRecord,
        id=st.uuids(),
        kept_id=texts,
        absorbed_id=texts,
        merged_at=moments,
        merged_by=texts,
        kept_before=objects,
        kept_after=objects,
        session_ids=st.lists(texts, max_size=3),
        undone_at=st.none() | moments,
        undone_by=texts,
    ),
)


def a_line(**fields: Any) -> bytes:
    record = InteractionRecord(
        id=UUID(int=7),
        sequence=1,
        kind="conversation_turn",
        occurred_at=NOON,
        recorded_at=NOON,
        **{"prompt": 'Wörter, "Zitate"\n🜂', "metadata": {"z": [1, None], "a": 0.5}, **fields},
    )
    return encode_line(Entry(7, record), NO_PREVIOUS)[0]


def signed(value: Any) -> bytes:
    """A line with the hash that its bytes deserve, whatever they say."""
    body = json.dumps(value, separators=(",", ":")).encode()[:-1]
    return body + b',"sha256":"' + hashlib.sha256(body).hexdigest().encode() + b'"}\n'


def members(**changes: Any) -> dict[str, Any]:
    line = json.loads(a_line())
    del line["sha256"]
    return {**line, **changes}


def deep(levels: int) -> bytes:
    body = b'{"v":1,"kind":"profile","rev":1,"prev":"","data":' + b"[" * levels + b"]" * levels
    return body + b',"sha256":"' + hashlib.sha256(body).hexdigest().encode() + b'"}\n'


@settings(max_examples=300, deadline=None)
@given(records, st.integers(0, 2**60), st.text("0123456789abcdef", min_size=64, max_size=64))
def test_it_reads_what_it_wrote(record: Record, revision: int, previous: str) -> None:
    raw, digest = encode_line(Entry(revision, record), previous)
    line = decode_line(raw)
    assert (line.record, line.revision, line.previous, line.digest) == (record, revision, previous, digest)
    assert tail_revision(raw) == (revision, digest)
    assert raw.count(b"\n") == 1
    assert raw.endswith(b"\n")
    assert raw.isascii()


@settings(deadline=None)
@given(records)
def test_it_writes_what_it_read(record: Record) -> None:
    raw, _ = encode_line(Entry(3, record), NO_PREVIOUS)
    line = decode_line(raw)
    assert encode_line(Entry(line.revision, line.record), line.previous)[0] == raw


@pytest.mark.parametrize("value", [[1], ["no uuid"], "x", [None], {}])
def test_it_refuses_pins_and_notes_that_are_none(value: Any) -> None:
    header = SessionRecord(session_id="s", created_at=NOON, last_activity_at=NOON)
    line = json.loads(encode_line(Entry(1, header), NO_PREVIOUS)[0])
    del line["sha256"]
    for name in ("pins", "notes"):
        with pytest.raises(DamagedLine):
            decode_line(signed({**line, "data": {**line["data"], name: value}}))


def test_a_header_of_before_there_were_notes_has_none() -> None:
    header = SessionRecord(session_id="s", created_at=NOON, last_activity_at=NOON)
    raw = encode_line(Entry(1, header), NO_PREVIOUS)[0]
    assert b"notes" not in raw
    assert decode_line(raw).record == header


def test_it_keeps_the_order_of_keys() -> None:
    line = decode_line(a_line(tool_parameters={"z": 1, "a": {"y": 1, "b": 2}}))
    assert isinstance(line.record, InteractionRecord)
    assert isinstance(line.record.tool_parameters, Mapping)
    assert json.dumps(line.record.tool_parameters) == '{"z": 1, "a": {"y": 1, "b": 2}}'


def test_it_writes_times_in_utc() -> None:
    line = decode_line(a_line(idempotency_key="k"))
    local = NOON.astimezone(timezone(timedelta(hours=5)))
    record = ProfileRecord(user_id="u", preferences={}, created_at=local, updated_at=local)
    again = decode_line(encode_line(Entry(1, record), line.digest)[0]).record
    assert isinstance(again, ProfileRecord)
    assert again.created_at == NOON
    assert again.created_at.tzinfo is UTC


def test_it_refuses_to_write_nan() -> None:
    with pytest.raises(ValueError):
        a_line(tool_parameters=float("nan"))


def test_it_detects_every_single_flipped_bit() -> None:
    raw = a_line()
    for place in range(len(raw)):
        for bit in range(8):
            flipped = bytearray(raw)
            flipped[place] ^= 1 << bit
            for piece in bytes(flipped).splitlines(keepends=True):
                with pytest.raises(DamagedLine):
                    decode_line(piece)
                with pytest.raises(DamagedLine):
                    tail_revision(piece)


@settings(deadline=None)
@given(st.binary())
def test_it_refuses_bytes_that_are_no_line(raw: bytes) -> None:
    with pytest.raises(DamagedLine):
        decode_line(raw)


def test_it_refuses_every_beginning_and_every_end_of_a_line() -> None:
    raw = a_line()
    for cut in range(1, len(raw)):
        for piece in (raw[:cut], raw[cut:]):
            with pytest.raises(DamagedLine):
                decode_line(piece)


@pytest.mark.parametrize(
    "raw",
    [
        a_line() + a_line(),
        a_line()[:-1] + a_line(),
        b"\0" * 500,
        signed(members(v=2)),
        signed(members(v="1")),
        signed(members(kind="poem")),
        signed(members(kind=["interaction"])),
        signed(members(rev=-1)),
        signed(members(rev=True)),
        signed(members(rev=1.0)),
        signed(members(rev=2**63)),
        signed(members(prev=None)),
        signed(members(data=[])),
        signed(members(data={})),
        signed({"v": 1}),
        signed([1]),
        deep(100),
        deep(1_000_000),
        signed(members(data={**members()["data"], "sequence": "1"})),
        signed(members(data={**members()["data"], "sequence": True})),
        signed(members(data={**members()["data"], "id": "no uuid"})),
        signed(members(data={**members()["data"], "prompt": None})),
        signed(members(data={**members()["data"], "metadata": []})),
        signed(members(data={**members()["data"], "origins": [1]})),
        signed(members(data={**members()["data"], "source_record": "ä"})),
        signed(members(data={**members()["data"], "occurred_at": "2026-03-01T12:00:00"})),
        signed(members(data={**members()["data"], "occurred_at": "0001-01-01T00:00:00+14:00"})),
        signed(members(data={**members()["data"], "execution_time_ms": "1"})),
    ],
)
def test_it_refuses_a_line_that_says_nothing_it_knows(raw: bytes) -> None:
    with pytest.raises(DamagedLine):
        decode_line(raw)


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity", "1" * 5000])
def test_it_refuses_numbers_that_json_has_not(constant: str) -> None:
    body = f'{{"v":1,"kind":"profile","rev":1,"prev":"","data":{{"x":{constant}}}'.encode()
    with pytest.raises(DamagedLine):
        decode_line(body + b',"sha256":"' + hashlib.sha256(body).hexdigest().encode() + b'"}\n')


def test_it_passes_over_fields_that_it_does_not_know() -> None:
    line = decode_line(signed(members(data={**members()["data"], "mood": "sunny"}, more=1)))
    assert isinstance(line.record, InteractionRecord)


def test_its_hash_needs_no_canonical_json() -> None:
    """What docs/mirror-format.md promises to readers in other languages."""
    raw = a_line()
    cut = raw.rindex(b',"sha256":"')
    assert hashlib.sha256(raw[:cut]).hexdigest() == json.loads(raw)["sha256"]
    assert codec.line_digest(raw) == json.loads(raw)["sha256"]


def test_it_names_the_scopes_that_an_older_line_lacks() -> None:
    def read(*origins: Origin, key: str | None) -> InteractionRecord:
        record = InteractionRecord(
            id=uuid4(),
            sequence=1,
            kind="error",
            occurred_at=NOON,
            recorded_at=NOON,
            idempotency_key=key,
            origins=origins,
        )
        found = decode_line(encode_line(Entry(1, record), NO_PREVIOUS)[0]).record
        assert isinstance(found, InteractionRecord)
        return found

    first = Origin(merge_id=uuid4(), session_id="b", sequence=4)
    second = Origin(merge_id=uuid4(), session_id="a", sequence=5)
    found = read(first, second, key="k")
    assert (found.idempotency_key, found.key_scope) == ("k", "b")
    assert found.origins == [first, replace(second, key_scope="b")]
    gave_up = read(first, replace(second, idempotency_key="k"), key=None)
    assert (gave_up.idempotency_key, gave_up.key_scope, gave_up.origins) == ("k", "b", found.origins)
    assert (read(first, key=None).key_scope, read(key="k").key_scope) == ("", "")
