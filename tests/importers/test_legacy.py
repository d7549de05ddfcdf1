import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sessions.importers.legacy import read_document
from sessions.records import SessionDraft, SetAside

from .builders import events_of, only

OLD: dict[str, Any] = {
    "session_id": "00ff00ff00ff00ff",
    "user_id": "alice",
    "created_at": "2025-08-29T23:39:20.765332",
    "last_activity": "2025-08-30T01:02:03",
    "total_interactions": 3,
    "session_file_path": "/elsewhere/data/sessions/00ff00ff00ff00ff.json",
    "metadata": {"environment": "production"},
    "context_summary": "Wrote a parser",
    "active_topics": ["parsers", "python"],
    "user_preferences": {"language": "python"},
}


def read(**changes: Any) -> SessionDraft | SetAside:
    return read_document(json.dumps(OLD | changes).encode(), "old.json")


def draft(**changes: Any) -> SessionDraft:
    found = read(**changes)
    assert isinstance(found, SessionDraft)
    return found


def test_it_reads_an_old_document() -> None:
    assert draft() == SessionDraft(
        session_id="00ff00ff00ff00ff",
        user_id="alice",
        source="legacy",
        created_at=datetime(2025, 8, 29, 23, 39, 20, 765332, UTC),
        last_activity_at=datetime(2025, 8, 30, 1, 2, 3, tzinfo=UTC),
        stated_interactions=3,
        context_summary="Wrote a parser",
        active_topics=["parsers", "python"],
        user_preferences={"language": "python"},
        metadata={
            "environment": "production",
            "legacy": {"session_file_path": "/elsewhere/data/sessions/00ff00ff00ff00ff.json"},
        },
    )


@pytest.mark.parametrize("stated", [["a", "b"], '["a", "b"]'])
def test_it_takes_topics_as_list_and_as_json_in_a_string(stated: Any) -> None:
    assert draft(active_topics=stated).active_topics == ["a", "b"]


def test_it_takes_one_topic_and_none() -> None:
    assert draft(active_topics="parsers").active_topics == ["parsers"]
    assert draft(active_topics=None).active_topics is None


def test_it_takes_preferences_as_json_in_a_string() -> None:
    assert draft(user_preferences='{"a": 1}').user_preferences == {"a": 1}


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("created_at", "created_at", "the day before"),
        ("created_at", "created_at", "99999-01-01T00:00:00"),
        ("last_activity", "last_activity_at", [1]),
        ("total_interactions", "stated_interactions", -1),
        ("total_interactions", "stated_interactions", "many"),
        ("total_interactions", "stated_interactions", True),
        ("user_id", "user_id", 7),
        ("user_id", "user_id", "a" * 300),
        ("context_summary", "context_summary", {"a": 1}),
        ("active_topics", "active_topics", [1, 2]),
        ("active_topics", "active_topics", ["fine", "x" * 1001]),
        ("tags", "tags", ["fine", "two\nlines"]),
        ("user_id", "user_id", "alice\u0000"),
        ("user_id", "user_id", " alice"),
        ("user_preferences", "user_preferences", "[1]"),
        ("title", "title", 5),
        ("weather", "title", "rain"),
    ],
)
def test_it_keeps_what_it_does_not_understand(name: str, field: str, value: Any) -> None:
    found = draft(**{name: value})
    assert getattr(found, field) is None
    assert found.metadata
    assert found.metadata["legacy"][name] == value


def test_it_reads_our_own_documents() -> None:
    ours = draft(
        title="Parser",
        source="claude-code",
        tags=["work"],
        project_context={"cwd": "/p"},
        semantic_context={"topic": "x"},
        metadata={"legacy": {"session_file_path": "where it was"}},
        last_activity_at="2025-08-30T01:02:03+00:00",
        stated_interactions=1,
        held_at=None,
        held_by="",
        hold_reason="",
        merged_into=None,
    )
    assert (ours.title, ours.source, ours.tags) == ("Parser", "claude-code", ["work"])
    assert (ours.project_context, ours.semantic_context) == ({"cwd": "/p"}, {"topic": "x"})
    assert ours.stated_interactions == 3
    assert ours.metadata == {"legacy": {"session_file_path": "where it was"}}


def test_it_replaces_an_id_that_is_no_file_name() -> None:
    found = draft(session_id="../../etc/passwd")
    assert found.session_id == draft(session_id="../../etc/passwd").session_id
    assert found.session_id.startswith("legacy-")
    assert found.metadata
    assert found.metadata["original_session_id"] == "../../etc/passwd"


@pytest.mark.parametrize(
    "document",
    [
        {"session_id": "a", "user_id": "b", "metadata": {}},
        {"session_id": "a", "created_at": "", "user_id": "b", "metadata": {}, "messages": []},
        {"id": "a", **{name: value for name, value in OLD.items() if name != "session_id"}},
        {**OLD, "session_id": None},
        {**OLD, "interactions": []},
        [OLD],
        "text",
    ],
)
def test_it_does_not_take_other_json_for_its_own(document: Any) -> None:
    found = read_document(json.dumps(document).encode(), "x.json")
    assert isinstance(found, SetAside)
    assert (found.reason, found.damaged) == ("not a known format", False)


@pytest.mark.parametrize("data", [b"", b"{", b"\x00", b"\xff", b'{"session_id": NaN}', b"[" * 100_000])
def test_it_sets_damaged_documents_aside(data: bytes) -> None:
    found = read_document(data, "x.json")
    assert isinstance(found, SetAside)
    assert (found.place, found.damaged, found.raw) == ("x.json", True, data)


def test_it_recognises_the_remains_of_a_document(tmp_path: Path) -> None:
    path = tmp_path / "torn"
    path.write_bytes(json.dumps(OLD).encode()[:300])
    assert only(path).format_name == "legacy"
    (aside,) = events_of(path)
    assert isinstance(aside, SetAside)
    assert (aside.reason, aside.damaged) == ("not JSON", True)


def test_it_reads_every_document_that_the_old_system_left(shared_data: Path) -> None:
    paths = sorted((shared_data / "legacy-sessions").glob("*.json"))
    found = [event for path in paths for event in events_of(path)]
    stated = [json.loads(path.read_bytes()) for path in paths]
    assert len(found) == 58
    for event, document in zip(found, stated, strict=True):
        assert isinstance(event, SessionDraft)
        assert event.session_id == document["session_id"]
        assert event.stated_interactions == document["total_interactions"]
        assert event.created_at == datetime.fromisoformat(document["created_at"] + "+00:00")


@pytest.mark.parametrize("joined", ["%s\n%s\n", "[%s, %s]"])
def test_several_documents_in_one_file_are_several_sessions(tmp_path: Path, joined: str) -> None:
    path = tmp_path / "old.json"
    path.write_text(joined % (json.dumps(OLD), json.dumps(OLD | {"session_id": "11ff11ff11ff11ff"})))
    events = events_of(path)
    assert [event.session_id for event in events if isinstance(event, SessionDraft)] == [
        "00ff00ff00ff00ff", "11ff11ff11ff11ff"
    ]  # fmt: skip
