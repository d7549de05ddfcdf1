"""Laws over whole files: every record accounted for, counts that the importer did not make, nothing ever raised."""

import json
import os
import re
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sessions.importers import Source, open_sources
from sessions.records import ImportedInteraction, ImportEvent, InteractionKind, SetAside

from .builders import FIXTURES, events_of

UNFORESEEN = "a shape this importer does not know"


def transcripts(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.jsonl"))


def raw_records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(path.read_text().split("\n"), 1):
        if line.strip():
            yield number, json.loads(line)


def counted_from_json(path: Path) -> Counter[str]:
    """What a file holds, read from its JSON without any of the importer's code."""
    found: Counter[str] = Counter()
    for _, record in raw_records(path):
        kind = record.get("type")
        content = (record.get("message") or {}).get("content")
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
        for block in blocks:
            name = "text of an API error" if record.get("isApiErrorMessage") else f"{kind} {block['type']}"
            if record.get("isCompactSummary"):
                name = "compact summary"
            found[name] += 1
        queued = (record.get("attachment") or {}).get("prompt")
        if isinstance(queued, list):
            found["user image"] += sum(block["type"] == "image" for block in queued)
    return found


def counted_from_events(events: list[ImportEvent]) -> Counter[str]:
    found: Counter[str] = Counter()
    for event in events:
        if not isinstance(event, ImportedInteraction):
            continue
        draft, metadata = event.draft, event.draft.metadata
        if draft.kind is InteractionKind.CLIENT_REQUEST:
            found["user text"] += 1 if draft.prompt or "attachments" not in metadata else 0
        elif draft.kind is InteractionKind.AGENT_RESPONSE:
            found["assistant text"] += 1 if draft.response else 0
        elif draft.kind is InteractionKind.TOOL_CALL:
            found["assistant tool_use"] += 1
        elif draft.kind is InteractionKind.TOOL_RESPONSE:
            found["user tool_result"] += 1
        elif metadata.get("subtype") == "compact_summary":
            found["compact summary"] += 1
        elif metadata.get("subtype") == "api_error" and "role" not in metadata:
            found["text of an API error"] += 1
        found["user image"] += len(metadata.get("attachments", [])) if draft.kind != "tool_response" else 0
    return found


def assert_counts_agree(folder: Path) -> Counter[str]:
    total: Counter[str] = Counter()
    for path in transcripts(folder):
        expected, found = counted_from_json(path), counted_from_events(events_of(path))
        for name in ("assistant thinking", "assistant fallback"):
            expected.pop(name, None)
        assert +found == +expected, path
        total += found
    return total


def assert_all_accounted_for(source: Source) -> None:
    events = list(source.read())
    places = {event.place for event in events if isinstance(event, ImportedInteraction | SetAside)}
    assert len(places) + source.records_noted == source.records_read
    assert source.bytes_read == source.size_bytes
    assert not any(isinstance(event, SetAside) and event.damaged for event in events)


def assert_rereading_changes_nothing(folder: Path) -> None:
    assert events_of(folder) == events_of(folder)


def keys_in(paths: list[Path]) -> set[tuple[str, str | None]]:
    found = [event for path in paths for event in events_of(path) if isinstance(event, ImportedInteraction)]
    return {(event.session_id, event.draft.idempotency_key) for event in found}


def assert_bytes_are_kept(folder: Path) -> None:
    for path in transcripts(folder):
        lines = path.read_bytes().split(b"\n")
        for event in events_of(path):
            if isinstance(event, ImportedInteraction) and event.draft.source_record is not None:
                assert event.draft.source_record == lines[int(event.place.rsplit(":", 1)[1]) - 1]


def test_the_fixtures_counts_agree() -> None:
    found = assert_counts_agree(FIXTURES)
    assert (found["user text"], found["assistant text"]) == (14, 13)


@pytest.mark.parametrize("path", transcripts(FIXTURES), ids=lambda path: path.stem)
def test_every_record_of_the_fixtures_is_accounted_for(path: Path) -> None:
    (source,) = open_sources(path)
    assert_all_accounted_for(source)


def test_reading_the_fixtures_again_gives_the_same() -> None:
    assert_rereading_changes_nothing(FIXTURES)
    assert_bytes_are_kept(FIXTURES)


def test_the_order_of_files_changes_no_key() -> None:
    paths = transcripts(FIXTURES)
    assert keys_in(paths) == keys_in(paths[::-1])


def test_a_longer_version_keeps_all_that_the_shorter_had(tmp_path: Path) -> None:
    for path in transcripts(FIXTURES):
        lines = path.read_bytes().splitlines(keepends=True)
        longer, shorter = tmp_path / path.name, tmp_path / "shorter" / path.name
        shorter.parent.mkdir(exist_ok=True)
        longer.write_bytes(b"".join(lines))
        shorter.write_bytes(b"".join(lines[: len(lines) // 2 + 1]))
        before = [event for event in events_of(shorter) if isinstance(event, ImportedInteraction)]
        after = [event for event in events_of(longer) if isinstance(event, ImportedInteraction)]
        assert [event.draft for event in before] == [event.draft for event in after][: len(before)]


def test_all_that_is_shared_imports_with_the_right_counts(shared_data: Path) -> None:
    folder = shared_data / "claude-code"
    assert_counts_agree(folder)
    for source in open_sources(folder):
        if source.format_name == "claude-code":
            assert_all_accounted_for(source)
    assert_rereading_changes_nothing(folder)
    assert_bytes_are_kept(folder)
    assert keys_in(transcripts(folder)) == keys_in(transcripts(folder)[::-1])


def test_a_fork_repeats_its_origin_in_a_session_of_its_own(shared_data: Path) -> None:
    origin, fork = sorted((shared_data / "claude-code" / "authentic").rglob("claude-code-2.1.197__A/*/*.jsonl"))
    assert re.fullmatch(r"[0-9a-f-]{36}", origin.stem)
    shared = {key for _, key in keys_in([origin])} & {key for _, key in keys_in([fork])}
    assert len(shared) >= 8
    assert {session for session, _ in keys_in([fork])} == {fork.stem}


def test_no_other_format_is_taken_for_this_one(shared_data: Path) -> None:
    others = [
        source
        for folder in sorted(shared_data.iterdir())
        if folder.name not in {"claude-code", "legacy-sessions"} and not folder.name.endswith(".sealed")
        for source in open_sources(folder)
    ]
    assert len(others) > 100
    ours = {"claude-code", "claude-code-log", "claude-code-agent", "legacy"}
    assert ours.isdisjoint(source.format_name for source in others)


@pytest.mark.thorough
def test_a_hole_of_a_gigabyte_costs_time_but_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "hole.jsonl"
    with path.open("wb") as file:
        file.write(LINES[0] + b"\n")
        file.seek(2**30, os.SEEK_CUR)
        file.write(b"\n" + LINES[1] + b"\n")
    tracemalloc.start()
    try:
        events = events_of(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [event.reason for event in events if isinstance(event, SetAside)] == ["a line too long"]
    assert len([event for event in events if isinstance(event, ImportedInteraction)]) == 2
    assert peak < 150 * 2**20


# --- fuzz -------------------------------------------------------------------------------------------------------

LINES = [line for path in transcripts(FIXTURES) for line in path.read_bytes().splitlines()]

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8) | st.sampled_from(["type", "text", "content"]), inner, max_size=4)
    ),
    max_leaves=12,
)


def paths_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from paths_in(inner, (*path, key))


@st.composite
def reshaped_lines(draw: st.DrawFn) -> bytes:
    """A record in which some member, at any depth, is gone or something else."""
    record = json.loads(draw(st.sampled_from(LINES)))
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from([path for path in paths_in(record) if path] or [("type",)]))
        inner = record
        for key in way:
            inner = inner[key]
        if draw(st.booleans()):
            inner[last] = draw(anything)
        else:
            del inner[last]
    return json.dumps(record).encode()


@st.composite
def broken_lines(draw: st.DrawFn) -> bytes:
    """A line whose bytes were cut, overwritten or glued."""
    line = draw(st.sampled_from(LINES))
    start = draw(st.integers(0, len(line)))
    end = draw(st.integers(start, min(len(line), start + 40)))
    return line[:start] + draw(st.binary(max_size=12)) + line[end:]


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=2000)
@given(st.lists(st.sampled_from(LINES) | reshaped_lines() | broken_lines(), min_size=1, max_size=8))
def test_no_content_ever_raises(tmp_path: Path, lines: list[bytes]) -> None:
    path = tmp_path / "fuzz.jsonl"
    path.write_bytes(b"\n".join([LINES[0], *lines]))
    (source,) = open_sources(path)
    events = list(source.read())
    assert events == list(source.read())
    for event in events:
        if isinstance(event, SetAside):
            assert event.reason != UNFORESEEN
        elif isinstance(event, ImportedInteraction):
            assert event.draft.idempotency_key
            assert len(event.draft.idempotency_key) <= 200
            assert event.draft.parent_key != event.draft.idempotency_key
    found = [event for event in events if isinstance(event, ImportedInteraction)]
    assert len({(event.session_id, event.draft.idempotency_key) for event in found}) == len(found)
    places = {event.place for event in events if isinstance(event, ImportedInteraction | SetAside)}
    assert len(places) + source.records_noted == source.records_read


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=2000)
@given(st.binary(max_size=300) | anything.map(lambda value: json.dumps(value).encode()))
def test_no_file_ever_raises(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "fuzz"
    path.write_bytes(data)
    assert events_of(path)
