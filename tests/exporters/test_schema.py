"""The published JSON Schema, and whether what is exported is what it says."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from sessions import actions
from sessions.exporters import document, schema
from sessions.models import Session
from tests.actions.test_samples import FIXTURES, FOLDERS, LOADS, SHARED, take_all
from tests.builders import ALICE, log, make_session
from tests.conftest import SHARED_DATA

PUBLISHED = Path(__file__).resolve().parents[2] / "docs/schemas/session-export-1.schema.json"

pytestmark = pytest.mark.django_db(transaction=True)


def closed(found: Any) -> Any:
    """The schema with every object closed: a member that is exported and not described is then a mistake."""
    if isinstance(found, list):
        return [closed(one) for one in found]
    if not isinstance(found, dict):
        return found
    inner = {name: closed(value) for name, value in found.items()}
    return {**inner, "additionalProperties": False} if isinstance(found.get("properties"), dict) else inner


STRICT: dict[str, Any] = closed(schema.schema())
DOCUMENT = Draft202012Validator(STRICT, format_checker=Draft202012Validator.FORMAT_CHECKER)
LINE = DOCUMENT.evolve(schema={"$ref": f"{schema.ID}#/$defs/line", "$defs": {"all": STRICT}})


def problems_of(session_id: str) -> Iterator[str]:
    content = json.loads("".join(actions.export_session(session_id)))
    yield from (f"{error.json_path}: {error.message[:200]}" for error in DOCUMENT.iter_errors(content))
    for line in "".join(actions.export_session(session_id, "jsonl")).split("\n")[:-1]:
        yield from (f"{line[:60]}: {error.message[:200]}" for error in LINE.iter_errors(json.loads(line)))


def problems_of_all(paths: list[Path]) -> list[str]:
    take_all(paths)
    return [problem for pk in Session.objects.values_list("pk", flat=True) for problem in problems_of(pk)]


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
    assert list(problems_of(one.pk)) == []


def test_it_finds_what_is_wrong() -> None:
    content = json.loads("".join(actions.export_session(make_session(turns=1).pk)))
    interaction = content["interactions"][0]
    for wrong in (
        {**content, "export_version": 2},
        {**content, "more": 1},
        {**content, "interactions": [{**interaction, "kind": "shout"}]},
        {**content, "interactions": [{**interaction, "occurred_at": 5}]},
        {**content, "session_info": {**content["session_info"], "session_id": "../x"}},
        {name: value for name, value in content.items() if name != "merges"},
    ):
        assert list(DOCUMENT.iter_errors(wrong))
    assert list(LINE.iter_errors({"kind": "end"}))


@pytest.mark.parametrize("name", FOLDERS)
def test_every_fixture_is_exported_as_it_says(name: str) -> None:
    assert problems_of_all(sorted((FIXTURES / name).iterdir())) == []


@pytest.mark.thorough
@pytest.mark.parametrize("name", [name for name in SHARED if name not in LOADS])
def test_every_shared_sample_is_exported_as_it_says(name: str) -> None:
    assert problems_of_all(sorted((SHARED_DATA / name).iterdir())) == []
