"""The published JSON Schema, and whether what is exported is what it says; of the samples, tests/actions asks it."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from sessions import actions
from sessions.exporters import document, schema
from tests.builders import ALICE, log, make_session

from .described import LINE, problems_of_document, problems_of_lines

PUBLISHED = Path(__file__).resolve().parents[2] / "docs/schemas/session-export-1.schema.json"

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_is_published_is_what_the_records_say() -> None:
    assert PUBLISHED.read_text() == schema.as_text()
    Draft202012Validator.check_schema(json.loads(PUBLISHED.read_text()))
    assert f"session-export-{document.EXPORT_VERSION}." in PUBLISHED.name


def test_a_session_with_everything_is_one() -> None:
    one, other = make_session(turns=2, title="T", tags=["t"], metadata={"m": 1}), make_session(turns=1)
    row = log(one, prompt="x", source_record=b"\xff\0", tool_parameters=[1], execution_time_ms=1.5, input_tokens=2)
    actions.add_note(one.pk, "note", actor=ALICE)
    actions.pin_interaction(one.pk, row.pk, actor=ALICE)
    actions.hold_session(one.pk, actor=ALICE, reason="r")
    actions.merge_sessions(one.pk, absorbed=other.pk, actor=ALICE)
    assert problems_of_document(actions.export_document(one.pk)) == []
    assert list(problems_of_lines(one.pk)) == []


def test_it_finds_what_is_wrong() -> None:
    content = json.loads("".join(actions.export_session(make_session(turns=1).pk)))
    interaction = content["interactions"][0]
    for wrong in (
        {**content, "export_version": 2},
        {**content, "more": 1},
        {**content, "interactions": [{**interaction, "kind": "shout"}]},
        {**content, "interactions": [{**interaction, "occurred_at": 5}]},
        {**content, "interactions": [{**interaction, "occurred_at": "yesterday"}]},
        {**content, "session_info": {**content["session_info"], "session_id": "../x"}},
        {name: value for name, value in content.items() if name != "merges"},
    ):
        assert problems_of_document(wrong)
    assert list(LINE.iter_errors({"kind": "end"}))
