"""What importers find in files of every kind, on its way into a store: nothing lost, nothing added twice."""

import json
from pathlib import Path
from typing import Any

import pytest

from sessions import actions, validation
from sessions.actions import ImportReport
from sessions.models import Interaction, Session
from sessions.records import InteractionDraft, InteractionKind
from tests.importers.exports import chatgpt, libre, libre_message, node

from .test_imports import import_file

pytestmark = pytest.mark.django_db(transaction=True)

SHARED_ID = "11111111-2222-4333-8444-555555555555"


def write(path: Path, value: Any, encoding: str = "utf-8") -> Path:
    path.write_bytes(json.dumps(value).encode(encoding))
    return path


def of_two_tools(folder: Path) -> list[Path]:
    """A conversation of ChatGPT's, and what LibreChat made of it under the same ID."""
    one = chatgpt(node("u1", None, "user", "q"), node("a1", "u1", "assistant", "a"), id=SHARED_ID)
    messages = [
        libre_message("l1", None, "q", user=True),
        libre_message("l2", "l1", "a"),
        libre_message("l3", "l2", "b"),
    ]
    other = libre(*messages, conversationId=SHARED_ID)
    return [write(folder / "chatgpt.json", [one]), write(folder / "librechat.json", other)]


@pytest.mark.parametrize("order", [1, -1])
def test_one_id_from_two_tools_is_one_session_in_which_nothing_is_lost(tmp_path: Path, order: int) -> None:
    paths = of_two_tools(tmp_path)[::order]
    added = [import_file(path).added for path in paths]
    assert sorted(added) == [2, 3]
    rows = Interaction.objects.of(SHARED_ID)
    assert {row.idempotency_key: row.parent and row.parent.idempotency_key for row in rows} == {
        "chatgpt:u1": None, "chatgpt:a1": "chatgpt:u1",
        "librechat:l1": None, "librechat:l2": "librechat:l1", "librechat:l3": "librechat:l2",
    }  # fmt: skip
    assert Session.objects.get().source == ("chatgpt", "librechat")[order < 0]
    before = actions.store_digest()
    assert [import_file(path).added for path in reversed(paths)] == [0, 0]
    assert actions.store_digest() == before


def test_another_encoding_and_container_add_nothing(tmp_path: Path) -> None:
    export = [chatgpt(node("u1", None, "user", "q"), node("a1", "u1", "assistant", "a"), id=SHARED_ID)]
    assert import_file(write(tmp_path / "a.json", export)).added == 2
    for number, other in enumerate((export, {"conversations": export}, {"version": 1, "data": export})):
        for encoding in ("utf-8", "utf-8-sig", "utf-16"):
            report = import_file(write(tmp_path / f"{number}.json", other, encoding))
            assert (report.added, report.known, report.differing_count) == (0, 2, 0)


def test_a_value_of_any_depth_is_made_storable() -> None:
    deep: Any = 1
    for _ in range(100):
        deep = [deep]
    draft = InteractionDraft(kind=InteractionKind.ERROR, metadata={"a": deep}, tool_parameters=deep)
    validation.interaction(validation.storable(draft))
    validation.json_object("metadata", validation.storable_json({"a": deep}))


def test_a_deep_member_of_a_conversation_does_not_cost_it(tmp_path: Path) -> None:
    nested = "[" * 65 + "]" * 65
    tree = {"message_id": "m1", "text": "q", "role": "prompter", "replies": []}
    path = tmp_path / "tree.json"
    path.write_text(f'{{"message_tree_id": "{SHARED_ID}", "prompt": {json.dumps(tree)}, "future": {nested}}}')
    report: ImportReport = import_file(path)
    assert (report.added, dict(report.refused)) == (1, {})
    assert Session.objects.get().metadata["future"]
