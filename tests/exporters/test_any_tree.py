"""Whatever was said, and whoever followed whom: it is all in the file, and reads back as what it was."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sessions.exporters import catalogue
from sessions.exporters.formats import Conversation
from sessions.importers import open_sources
from sessions.records import (
    ImportedInteraction,
    InteractionDraft,
    InteractionKind,
    InteractionRecord,
    SessionRecord,
    SetAside,
)

TREES = ("chatgpt", "librechat", "openwebui")
BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
TEXTS = st.sampled_from(
    [
        "",
        " ",
        "a",
        "b\n\nb",
        "> quoted",
        "<details>",
        '<details type="reasoning">\nx</details>',
        '{"a": 1}',
        "ü\u2028",
        "\ue200",
    ]
)
ROLES: st.SearchStrategy[Any] = st.sampled_from(["system", "developer", "Narrator", "assistant", 3, None])
ODD: st.SearchStrategy[Any] = st.sampled_from([None, 5, "x", [], [5], {}, [{"name": "f.txt", "size_bytes": 5}]])


@st.composite
def records(draw: st.DrawFn) -> list[InteractionRecord]:
    """Interactions of any kind, each following the one before, an earlier one, or none."""
    said: list[InteractionRecord] = []
    for number in range(1, draw(st.integers(1, 9)) + 1):
        parent = draw(st.sampled_from([number - 1, number - 1, *range(number)]))
        kind = draw(st.sampled_from(list(InteractionKind)))
        metadata = {"role": draw(ROLES), "attachments": draw(ODD), "tool_use_id": draw(ODD | st.sampled_from("pq"))}
        is_tool = kind in (InteractionKind.TOOL_CALL, InteractionKind.TOOL_RESPONSE)
        said.append(
            InteractionRecord(
                id=UUID(int=number),
                sequence=number,
                kind=kind,
                prompt="" if is_tool else draw(TEXTS),
                response="" if kind is InteractionKind.TOOL_CALL else draw(TEXTS),
                reasoning=draw(TEXTS),
                tool_name=draw(st.sampled_from(["", "grep", "all"])) if is_tool else "",
                tool_parameters=draw(st.sampled_from([None, {"q": 1}, ["x"], "ls"])) if is_tool else None,
                model=draw(st.sampled_from(["", "m", "n"])),
                error_message=draw(TEXTS) if kind is InteractionKind.ERROR else "",
                metadata={**metadata, "begins_branch": draw(st.booleans())},
                occurred_at=BEGUN + timedelta(seconds=number),
                recorded_at=BEGUN,
                idempotency_key=draw(st.sampled_from([None, f"chatgpt:{number}", "librechat:x#1", "openwebui:"])),
                source_record=draw(st.sampled_from([None, b"", b"x\x9c"])),
                parent_id=UUID(int=parent) if parent else None,
            )
        )
    return said


def conversation(said: Sequence[InteractionRecord], kept: Any) -> Conversation:
    header = SessionRecord(
        session_id="s",
        created_at=BEGUN,
        last_activity_at=BEGUN,
        metadata={"chatgpt": kept, "librechat": kept, "openwebui": kept, "original_session_id": kept},
    )
    return Conversation(
        header=header,
        merges=[],
        interactions=lambda: iter(said),
        total_interactions=len(said),
        exported_at=BEGUN,
    )


def texts_of(one: InteractionRecord | InteractionDraft) -> list[str]:
    """All texts, those of a turn of two said apart; a thought by itself."""
    return [text for text in (one.prompt, one.reasoning, one.response, one.error_message) if text.strip()]


@pytest.mark.parametrize("form", TREES)
@given(said=records(), kept=ODD)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_text_is_in_the_file_and_comes_back(
    form: str, said: list[InteractionRecord], kept: Any, tmp_path: Path
) -> None:
    path = tmp_path / "s.json"
    path.write_text("".join(catalogue.FORMATS[form].write(conversation(said, kept))), encoding="utf-8")
    json.loads(path.read_bytes())
    events = [event for source in open_sources(path) for event in source.read()]
    assert not [event for event in events if isinstance(event, SetAside) and event.damaged]
    drafts = [event.draft for event in events if isinstance(event, ImportedInteraction)]
    assert sorted(text for one in drafts for text in texts_of(one)) == sorted(
        text for one in said for text in expected(one)
    )


def expected(one: InteractionRecord) -> list[str]:
    texts = texts_of(one)
    if one.kind == InteractionKind.ERROR and not one.error_message:
        texts.append("an error")
    return texts
