"""Appending and reading over REST."""

from typing import Any

import pytest

from sessions import actions
from sessions.models import Interaction, Session
from tests.builders import ALICE, log, make_session
from tests.mirror.disk import findings

from .programs import Program, code, told

TURN: dict[str, Any] = {
    "prompt": "hello",
    "response": "hi",
    "model": "m-1",
    "input_tokens": 3,
    "metadata": {"a": [1.5]},
}


def test_it_appends_one_interaction(writer: Program) -> None:
    session = make_session()
    answer = writer.post(f"/sessions/{session.pk}/interactions", {**TURN, "occurred_at": "2026-03-01T12:00:00+01:00"})
    row = Interaction.objects.get()
    assert answer.status_code == 201
    assert told(answer) == {
        "session_id": session.pk,
        "added": 1,
        "interactions": [{"id": str(row.pk), "sequence": 1, "idempotency_key": None}],
    }
    assert (row.prompt, row.metadata, row.occurred_at.isoformat()) == (
        "hello",
        {"a": [1.5]},
        "2026-03-01T11:00:00+00:00",
    )
    assert findings() == []


@pytest.mark.parametrize("header", ["turn-1", '"turn-1"'])
def test_it_takes_the_idempotency_key_from_the_header(writer: Program, header: str) -> None:
    path = f"/sessions/{make_session().pk}/interactions"
    first, again = (writer.post(path, TURN, Idempotency_Key=header) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert told(again)["interactions"] == told(first)["interactions"]
    assert Interaction.objects.get().idempotency_key == "turn-1"
    assert writer.post(path, {**TURN, "idempotency_key": "turn-1"}, Idempotency_Key=header).status_code == 200


def test_it_refuses_two_different_keys(writer: Program) -> None:
    body = {**TURN, "idempotency_key": "b"}
    answer = writer.post(f"/sessions/{make_session().pk}/interactions", body, Idempotency_Key="a")
    assert code(answer) == (400, "invalid_input")
    assert not Interaction.objects.exists()


def test_a_merged_session_tells_under_which_id_each_key_was_given(reader: Program) -> None:
    for name in "ab":
        make_session(session_id=name)
        log(name, prompt=f"in {name}", idempotency_key="k")
    actions.merge_sessions("a", absorbed="b", actor=ALICE)
    page = told(reader.get("/sessions/a/interactions"))
    given = {one["prompt"]: (one["idempotency_key"], one["key_scope"]) for one in page["interactions"]}
    assert given == {"in a": ("k", ""), "in b": ("k", "b")}


@pytest.mark.parametrize("key", ["", " ", "a" * 201, "é".encode().decode("latin-1")])
def test_it_refuses_a_key_that_cannot_be_kept(writer: Program, key: str) -> None:
    answer = writer.post(f"/sessions/{make_session().pk}/interactions", TURN, Idempotency_Key=key)
    assert code(answer) == (400, "invalid_input")


def test_it_refuses_a_key_that_was_used_for_something_else(writer: Program) -> None:
    path = f"/sessions/{make_session().pk}/interactions"
    writer.post(path, TURN, Idempotency_Key="a")
    assert code(writer.post(path, {**TURN, "prompt": "other"}, Idempotency_Key="a")) == (409, "idempotency_conflict")


def test_it_appends_a_batch_whole_or_not_at_all(writer: Program) -> None:
    session = make_session()
    path = f"/sessions/{session.pk}/interactions:batch"
    turns = [{"prompt": str(n), "idempotency_key": str(n)} for n in range(3)]
    assert writer.post(path, {"interactions": turns}).status_code == 201
    assert writer.post(path, {"interactions": turns}).status_code == 200
    assert code(writer.post(path, {"interactions": [{"prompt": "new"}, {"prompt": "a\0"}]})) == (400, "invalid_input")
    assert Interaction.objects.count() == 3


@pytest.mark.parametrize("count", [0, 2_001])
def test_it_bounds_a_batch(writer: Program, count: int) -> None:
    session = make_session()
    answer = writer.post(f"/sessions/{session.pk}/interactions:batch", {"interactions": [{}] * count})
    assert code(answer) == (400, "invalid_input")
    answer = writer.post("/interactions:batch", {"batches": [{"session_id": session.pk, "interactions": [{}] * count}]})
    assert code(answer) == (400, "invalid_input")


def test_it_answers_each_session_of_a_batch_by_itself(writer: Program) -> None:
    known, trashed = make_session(), make_session()
    actions.trash_session(trashed.pk, actor=ALICE)
    batches = [{"session_id": one, "interactions": [TURN]} for one in ("unknown", known.pk, trashed.pk, "../x")]
    answer = writer.post("/interactions:batch", {"batches": batches})
    results = told(answer)["results"]
    assert answer.status_code == 200
    assert [(one["problem"] or {}).get("code") for one in results] == [
        "session_not_found",
        None,
        "session_trashed",
        "session_not_found",
    ]
    assert results[1]["logged"]["added"] == 1


def test_it_refuses_to_append_to_what_lies_in_the_trash(writer: Program) -> None:
    session = make_session()
    actions.trash_session(session.pk, actor=ALICE)
    assert code(writer.post(f"/sessions/{session.pk}/interactions", TURN)) == (409, "session_trashed")


def test_it_appends_to_the_session_that_absorbed_another(writer: Program) -> None:
    kept, absorbed = make_session(), make_session()
    actions.merge_sessions(kept.pk, absorbed=absorbed.pk, actor=ALICE)
    assert told(writer.post(f"/sessions/{absorbed.pk}/interactions", TURN))["session_id"] == kept.pk


def test_it_lists_from_either_end(reader: Program) -> None:
    path = f"/sessions/{make_session(turns=5).pk}/interactions"

    def sequences(query: str) -> list[int]:
        return [one["sequence"] for one in told(reader.get(f"{path}{query}"))["interactions"]]

    assert sequences("") == [1, 2, 3, 4, 5]
    assert sequences("?after=2&limit=2") == [3, 4]
    assert sequences("?before=4&limit=2") == [2, 3]
    page = told(reader.get(f"{path}?limit=2"))
    assert sequences(f"?limit=9&after={page['after']}") == [3, 4, 5]


def test_it_lists_some_keys(reader: Program) -> None:
    session = make_session()
    for key in "abc":
        log(session, prompt=key, idempotency_key=key)
    page = told(reader.get(f"/sessions/{session.pk}/interactions?key=a&key=c&key=unknown"))
    assert [one["idempotency_key"] for one in page["interactions"]] == ["a", "c"]


def test_it_gives_a_source_record_where_it_is_asked_for(reader: Program) -> None:
    session = make_session()
    log(session, prompt="x", source_record=b'{"a": 1}')
    path = f"/sessions/{session.pk}/interactions"
    assert told(reader.get(path))["interactions"][0]["source_record"] is None
    assert told(reader.get(f"{path}?include=source"))["interactions"][0]["source_record"] == '{"a": 1}'
    assert told(reader.get(f"{path}/1"))["source_record"] == '{"a": 1}'


@pytest.mark.parametrize("sequence", ["x", "-1", "1_0", "1.0", "%201", str(2**63), "1" * 5_000])
def test_it_refuses_a_sequence_that_is_none(reader: Program, sequence: str) -> None:
    path = f"/sessions/{make_session(turns=1).pk}/interactions"
    assert code(reader.get(f"{path}/{sequence}")) == (400, "invalid_input")
    assert code(reader.get(f"{path}/2")) == (404, "not_found")


NO_NUMBERS = ["after=x", "after=-1", "after=1.0", "after=%201", f"after={2**63}", "limit=0", "limit=501", "limit="]
NO_PARAMETERS = ["include=all", "key=%00", "unknown=1", "after=1&after=2", "after=%ff", "&".join(["key=a"] * 2_001)]


@pytest.mark.parametrize("query", [*NO_NUMBERS, *NO_PARAMETERS])
def test_it_refuses_a_query_that_makes_no_sense(reader: Program, query: str) -> None:
    answer = reader.get(f"/sessions/{make_session(turns=1).pk}/interactions?{query}")
    assert code(answer) == (400, "invalid_input")


def test_it_pins_and_unpins(writer: Program) -> None:
    session = make_session(turns=1)
    path = f"/sessions/{session.pk}/pins/{session.interactions.get().pk}"
    assert told(writer.put(path))["pins"] == [str(session.interactions.get().pk)]
    assert told(writer.delete(path))["pins"] == []
    assert code(writer.put(f"/sessions/{session.pk}/pins/{'0' * 32}")) == (404, "not_found")
    assert code(writer.put(f"/sessions/{session.pk}/pins/none")) == (404, "not_found")


def test_a_failing_disk_is_told_and_a_retry_adds_nothing_twice(
    writer: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/sessions/{make_session().pk}/interactions"
    with monkeypatch.context() as broken:
        broken.setattr("os.fdatasync", _fail)
        answer = writer.post(path, TURN, Idempotency_Key="a")
    assert code(answer) == (503, "mirror_unavailable")
    assert answer["Retry-After"] == "5"
    assert writer.post(path, TURN, Idempotency_Key="a").status_code == 200
    assert Session.objects.get().interaction_count == 1
    assert findings() == []


def _fail(_: int) -> None:
    raise OSError(28, "No space left on device")
