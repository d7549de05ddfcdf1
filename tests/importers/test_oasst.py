"""OpenAssistant's trees, messages and threads: the same keys in all three, the best reply last."""

import json
from pathlib import Path
from typing import Any

import pytest

from sessions.importers import oasst

from .builders import asides, drafts, only, read, sessions
from .telling import FIXTURES, branches, keys, told

TREE = "054e1df3-35e0-4bb8-a585-607dbdcd24e0"


def node(identifier: str, role: str, text: str, *replies: Any, **more: Any) -> dict[str, Any]:
    return {"message_id": identifier, "role": role, "text": text, "lang": "en", "replies": list(replies), **more}


def tree() -> dict[str, Any]:
    best = node("a", "assistant", "best", node("c", "prompter", "more", parent_id="a"), rank=0, parent_id=TREE)
    worse = node("b", "assistant", "worse", rank=1, parent_id=TREE)
    return node(TREE, "prompter", "hello", best, worse)


def flat() -> list[dict[str, Any]]:
    def spread(one: dict[str, Any]) -> list[dict[str, Any]]:
        alone = {name: value for name, value in one.items() if name != "replies"} | {"message_tree_id": TREE}
        return [alone, *(inner for reply in one["replies"] for inner in spread(reply))]

    return spread(tree())


def test_it_reads_a_tree_with_the_best_reply_last(tmp_path: Path) -> None:
    events = read(tmp_path, {"message_tree_id": TREE, "tree_state": "ready_for_export", "prompt": tree()})
    assert told(events) == [("user", "hello"), ("agent", "worse"), ("agent", "best"), ("user", "more")]
    assert branches(events) == [("worse", "best")]
    assert (sessions(events)[0].session_id, sessions(events)[0].metadata) == (TREE, {"tree_state": "ready_for_export"})
    assert drafts(events)[2].metadata == {"lang": "en", "rank": 0}


def test_trees_messages_and_roots_are_the_same(tmp_path: Path) -> None:
    whole = read(tmp_path, {"message_tree_id": TREE, "prompt": tree()})
    loose, root = read(tmp_path, *flat()), read(tmp_path, tree())
    assert keys(whole) == keys(loose) == keys(root)
    contents = [
        [(one.response, one.metadata, one.parent_key) for one in drafts(found)] for found in (whole, loose, root)
    ]
    assert contents[0] == contents[1] == contents[2]


def test_it_reads_messages_whose_parents_come_later(tmp_path: Path) -> None:
    events = read(tmp_path, *reversed(flat()))
    assert told(events)[0] == ("user", "hello")
    assert branches(events) == [("worse", "best")]


def test_it_reads_a_thread(tmp_path: Path) -> None:
    path = [one for one in flat() if one["message_id"] != "b"]
    events = read(tmp_path, {"thread": path})
    assert told(events) == [("user", "hello"), ("agent", "best"), ("user", "more")]
    assert {session.session_id for session in sessions(events)} == {TREE}


def test_it_keeps_rings_and_strangers_among_the_messages(tmp_path: Path) -> None:
    ring = [node("x", "prompter", "one", parent_id="y"), node("y", "assistant", "two", parent_id="x")]
    events = read(tmp_path, *({**one, "message_tree_id": "t" * 20, "replies": None} for one in ring))
    assert {text for _, text in told(events)} == {"one", "two"}
    with_stranger = node(TREE, "prompter", "hello", "no message", 7)
    events = read(tmp_path, {"prompt": with_stranger})
    assert told(events) == [("user", "hello")]
    assert [aside.reason for aside in asides(events)] == ["a reply that is no message"] * 2


def test_it_reads_trees_made_by_others() -> None:
    path = FIXTURES / "oasst" / "oasst.trees.first2.jsonl"
    count = path.read_text().count('"message_id"')
    events = list(only(path).read())
    assert len(drafts(events)) == count
    first = json.loads(path.read_text().splitlines()[0])
    assert sessions(events)[0].session_id == first["message_tree_id"]


def loose(identifier: str, parent: str | None, tree: str) -> dict[str, Any]:
    role = "assistant" if parent else "prompter"
    return {"message_id": identifier, "parent_id": parent, "text": identifier, "role": role, "message_tree_id": tree}


def test_messages_of_several_trees_may_stand_between_each_other(tmp_path: Path) -> None:
    one, other = "t" * 20, "u" * 20
    rows = [loose("a1", "a0", one), loose("b0", None, other), loose("a0", None, one), loose("b1", "b0", other)]
    events = read(tmp_path, *rows, loose("a2", "a1", one))
    assert [(draft.idempotency_key, draft.parent_key) for draft in drafts(events)] == [
        ("oasst:a0", None), ("oasst:a1", "oasst:a0"), ("oasst:a2", "oasst:a1"),
        ("oasst:b0", None), ("oasst:b1", "oasst:b0"),
    ]  # fmt: skip


def test_a_tree_too_large_to_be_held_stays_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oasst, "MAX_HELD_MESSAGES", 3)
    rows = [loose(f"m{n}", f"m{n - 1}" if n else None, "t" * 20) for n in range(10)]
    events = read(tmp_path, *rows)
    assert [draft.parent_key for draft in drafts(events)] == [None, *(f"oasst:m{n}" for n in range(9))]


def test_a_message_that_stands_twice_is_told_once_and_named(tmp_path: Path) -> None:
    row = loose("a0", None, "t" * 20)
    events = read(tmp_path, row, row, row | {"text": "other"}, row | {"text": "other"})
    assert told(events) == [("user", "a0"), ("user", "other")]
    assert [aside.reason for aside in asides(events)] == ["a record that stands twice"] * 2


def test_replies_that_stand_several_times_in_a_tree_are_all_kept(tmp_path: Path) -> None:
    reply = node("r", "assistant", "again")
    found = drafts(read(tmp_path, {"message_tree_id": "t" * 20, "prompt": node("q", "prompter", "q", *[reply] * 3)}))
    assert len({draft.idempotency_key for draft in found}) == len(found) == 4


def test_a_tree_deeper_than_any_that_is_stored_is_read_message_by_message(tmp_path: Path) -> None:
    deep = "[" * 65 + "]" * 65
    nested = '{"message_id": "m%d", "text": "t%d", "role": "prompter", "replies": ['
    text = "".join(nested % (number, number) for number in range(400)) + "]}" * 400
    path = tmp_path / "deep.json"
    path.write_text(f'{{"message_tree_id": "{"t" * 20}", "prompt": {text.replace('"t5"', f'"t5", "labels": {deep}')}}}')
    events = list(only(path).read())
    assert [words for _, words in told(events)] == [f"t{number}" for number in range(400) if number != 5]
    assert [(aside.reason, aside.damaged) for aside in asides(events)] == [("nested too deeply", True)]
