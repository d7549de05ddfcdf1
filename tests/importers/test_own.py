"""Our own exports as events: the records themselves, each part by itself. Their way into the store: test_restoring."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from sessions.exporters import document
from sessions.exporters.formats import Conversation
from sessions.importers import own
from sessions.importers.own import CUT_OFF, LATER_VERSION
from sessions.importers.sources import FORMATS
from sessions.records import ExportedInteraction, ExportedSession, ImportEvent, InteractionRecord, SessionRecord

from .builders import asides, events_of, only

JUNE = datetime(2025, 6, 1, tzinfo=UTC)
SESSION = SessionRecord(
    session_id="s1", created_at=JUNE, last_activity_at=JUNE, context_summary="sum", tags=["t"], metadata={"m": 1}
)
INTERACTIONS = [
    InteractionRecord(
        id=UUID(int=n), sequence=n, kind="client_request", prompt=f"p{n}", occurred_at=JUNE, recorded_at=JUNE
    )
    for n in (1, 2, 3)
]


def exported(write: Any, records: list[InteractionRecord] | None = None) -> str:
    records = INTERACTIONS if records is None else records
    return "".join(
        write(
            Conversation(
                header=SESSION,
                merges=[],
                interactions=lambda: iter(records),
                total_interactions=len(records),
                exported_at=JUNE,
            )
        )
    )


def read(folder: Path, content: str) -> list[ImportEvent]:
    path = folder / "export"
    path.write_text(content)
    return events_of(path)


def told(events: list[ImportEvent]) -> list[str]:
    """The session's ID, and each interaction's prompt."""
    return [
        event.record.session_id if isinstance(event, ExportedSession) else event.record.prompt
        for event in events
        if isinstance(event, ExportedSession | ExportedInteraction)
    ]


@pytest.mark.parametrize(("write", "name"), [(document.stream, "sessionsite"), (document.lines, "sessionsite-lines")])
def test_the_records_come_back_as_they_were(tmp_path: Path, write: Any, name: str) -> None:
    events = read(tmp_path, exported(write))
    assert [format.name for format in FORMATS if format.recognises((tmp_path / "export").read_bytes())] == [name]
    assert [event.record for event in events if isinstance(event, ExportedSession)] == [SESSION]
    assert [event.record for event in events if isinstance(event, ExportedInteraction)] == INTERACTIONS
    assert not asides(events)


def test_several_sessions_in_one_file_of_lines(tmp_path: Path) -> None:
    events = read(tmp_path, exported(document.lines) * 2)
    assert told(events) == ["s1", "p1", "p2", "p3"] * 2
    assert not asides(events)


@pytest.mark.parametrize("lines", [1, 2, 4])
def test_lines_without_their_end_are_cut_off(tmp_path: Path, lines: int) -> None:
    content = "".join(exported(document.lines).splitlines(keepends=True)[:lines])
    events = read(tmp_path, content)
    assert told(events) == ["s1", "p1", "p2", "p3"][:lines]
    assert [aside.reason for aside in asides(events)] == [CUT_OFF]
    assert [aside.reason for aside in asides(read(tmp_path, content + exported(document.lines)))] == [CUT_OFF]


def test_a_wrong_count_is_cut_off(tmp_path: Path) -> None:
    lines = exported(document.lines).splitlines(keepends=True)
    del lines[2]
    assert [aside.reason for aside in asides(read(tmp_path, "".join(lines)))] == [CUT_OFF]


def test_a_line_ahead_of_any_session_is_named(tmp_path: Path) -> None:
    content = exported(document.lines)
    events = read(tmp_path, content + content.splitlines()[1] + "\n")
    assert [aside.reason for aside in asides(events)] == ["a line of no session"]


@pytest.mark.parametrize("write", [document.stream, document.lines])
def test_a_later_version_is_not_guessed_at(tmp_path: Path, write: Any) -> None:
    events = read(tmp_path, exported(write).replace('"export_version": 1', '"export_version": 2'))
    assert told(events) == []
    assert asides(events)[0].reason == LATER_VERSION
    assert all(aside.damaged for aside in asides(events))


def test_members_in_any_order_make_the_same_session(tmp_path: Path) -> None:
    whole = json.loads(exported(document.stream))
    events = read(tmp_path, json.dumps(dict(reversed(whole.items()))))
    assert told(events) == ["s1", "p1", "p2", "p3"]


def test_interactions_far_ahead_of_their_session_are_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own, "MAX_WAITING_BYTES", 300)
    whole = json.loads(exported(document.stream))
    events = read(tmp_path, json.dumps(dict(reversed(whole.items()))))
    assert told(events) == ["s1", "p1"]
    assert [aside.damaged for aside in asides(events)] == [True, True]


def test_members_that_are_not_known_are_named(tmp_path: Path) -> None:
    whole = json.loads(exported(document.stream)) | {"weather": "fine", "nothing": None}
    assert [(aside.reason, aside.damaged) for aside in asides(read(tmp_path, json.dumps(whole)))] == [
        ("export: weather", False)
    ]


def test_a_document_without_interactions_is_a_session(tmp_path: Path) -> None:
    assert told(read(tmp_path, exported(document.stream, []))) == ["s1"]


def test_parameters_may_be_as_deep_as_the_store_holds_them(tmp_path: Path) -> None:
    deep: Any = "x"
    for _ in range(64):
        deep = [deep]
    record = InteractionRecord(
        id=UUID(int=1), sequence=1, kind="tool_call", tool_parameters=deep, occurred_at=JUNE, recorded_at=JUNE
    )
    for write in (document.stream, document.lines):
        events = read(tmp_path, exported(write, [record]))
        assert [event.record for event in events if isinstance(event, ExportedInteraction)] == [record]


def test_a_manifest_names_what_was_left_out(tmp_path: Path) -> None:
    lines = [
        {"manifest_version": 1, "sessions": 2},
        {"session_id": "a", "file": "f"},
        {"session_id": "b", "left_out": "gone"},
        {"kind": "end", "documents": 1, "left_out": 1, "bytes": 10},
    ]
    events = read(tmp_path, "".join(json.dumps(line) + "\n" for line in lines))
    assert only(tmp_path / "export").format_name == "sessionsite-manifest"
    assert [aside.reason for aside in asides(events)] == ["a session that was left out: gone"]


@pytest.mark.parametrize("joined", ["%s\n%s", "[%s,\n%s]"])
def test_several_documents_in_one_file_are_several_sessions(tmp_path: Path, joined: str) -> None:
    other = exported(document.stream).replace('"s1"', '"s2"')
    events = read(tmp_path, joined % (exported(document.stream), other))
    assert told(events) == ["s1", "p1", "p2", "p3", "s2", "p1", "p2", "p3"]
    assert not asides(events)
