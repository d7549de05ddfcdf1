"""Every verb against a running site."""

import inspect
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sessionsite_client import (
    AsyncClient,
    Changed,
    Client,
    Conflict,
    InvalidInput,
    NotFound,
    ScopeMissing,
    TokenRefused,
)
from sessionsite_client.exports import whole_file

from sessions.api import openapi

from .running import run
from .server import Server


def test_it_tells_who_it_is(writer: Client) -> None:
    me = writer.me()
    assert (me.scope, me.user_id) == ("write", "")


def test_it_begins_a_session_under_a_random_id(client: Client) -> None:
    session = client.start_session(user_id="alice", title="The move", tags=["b", "a"], metadata={"room": 1})
    assert len(session.session_id) == 32
    assert (session.user_id, session.title, session.tags) == ("alice", "The move", ["a", "b"])
    assert session.context.metadata == {"room": 1}
    assert session.created_at.tzinfo is not None


def test_it_refuses_an_id_that_is_there_or_resumes_it(client: Client, name: str) -> None:
    first = client.start_session(name)
    with pytest.raises(Conflict) as refusal:
        client.start_session(name)
    assert refusal.value.code == "session_exists"
    assert refusal.value.status == 409
    assert client.start_session(name, if_exists="resume").created_at == first.created_at


def test_it_logs_and_reads_back_every_member(client: Client, name: str) -> None:
    client.start_session(name)
    moment = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
    parent = client.log(name, kind="client_request", prompt="a")
    client.log(
        name,
        kind="tool_call",
        prompt="p",
        response="r",
        reasoning="because",
        tool_name="grep",
        tool_parameters={"q": [1]},
        model="m",
        input_tokens=1,
        output_tokens=2,
        cost_microusd=3,
        execution_time_ms=4.5,
        status="ok",
        metadata={"a": 1},
        occurred_at=moment,
        idempotency_key="own",
        parent_id=parent.id,
        source_record='{"x": 1}',
    )
    told = client.get_interaction(name, 2)
    assert (told.kind, told.prompt, told.response, told.reasoning) == ("tool_call", "p", "r", "because")
    assert (told.tool_name, told.tool_parameters, told.model) == ("grep", {"q": [1]}, "m")
    assert (told.input_tokens, told.output_tokens, told.cost_microusd, told.execution_time_ms) == (1, 2, 3, 4.5)
    assert (told.status, told.metadata, told.occurred_at) == ("ok", {"a": 1}, moment)
    assert (told.idempotency_key, told.parent_id, told.source_record) == ("own", parent.id, '{"x": 1}')


def test_it_adds_nothing_twice_under_one_key(client: Client, name: str) -> None:
    client.start_session(name)
    first = client.log(name, prompt="once", idempotency_key="k")
    assert client.log(name, prompt="once", idempotency_key="k").id == first.id
    with pytest.raises(Conflict) as refusal:
        client.log(name, prompt="another", idempotency_key="k")
    assert refusal.value.code == "idempotency_conflict"


def test_it_logs_many_in_their_order_in_several_requests(client: Client, name: str) -> None:
    client.start_session(name)
    logged = client.log_many(name, ({"prompt": f"{number}"} for number in range(1_234)))
    assert logged.added == len(logged.interactions) == 1_234
    assert [one.prompt for one in client.history(name, page=500)] == [f"{number}" for number in range(1_234)]
    assert [one.prompt for one in client.history(name, after=1_231)] == ["1231", "1232", "1233"]
    latest = client.latest(name, page=2)
    assert [next(latest).prompt for _ in range(3)] == ["1233", "1232", "1231"]


def test_it_refuses_a_time_without_its_zone_before_sending(client: Client, name: str) -> None:
    with pytest.raises(ValueError, match="zone"):
        client.log(name, prompt="a", occurred_at=datetime(2026, 1, 1))  # noqa: DTZ001


def test_it_tells_why_an_interaction_is_refused(client: Client, name: str) -> None:
    client.start_session(name)
    with pytest.raises(InvalidInput) as refusal:
        client.log(name, prompt="half \ud800 a pair")
    assert refusal.value.status == 400
    assert "surrogate" in str(refusal.value)
    assert client.get_session(name).interaction_count == 0


def test_it_edits_the_context_only_of_the_version_that_was_seen(client: Client, name: str) -> None:
    seen = client.start_session(name).context
    edited = client.update_context(name, version=seen.version, context_summary="Packing", active_topics=["boxes"])
    assert (edited.context_summary, edited.active_topics) == ("Packing", ["boxes"])
    with pytest.raises(Changed):
        client.update_context(name, version=seen.version, context_summary="Unpacking")
    assert client.get_context(name) == edited


def test_it_tags_with_whatever_a_tag_may_hold(client: Client, name: str) -> None:
    client.start_session(name)
    for tag in ("a/b", "~2F", "..", "50 %", "plain"):
        assert tag in client.add_tag(name, tag).tags
        assert tag not in client.remove_tag(name, tag).tags


def test_it_lists_page_after_page(client: Client, name: str) -> None:
    for number in range(5):
        client.start_session(f"{name}.{number}", user_id=name)
    found = [one.session_id for one in client.sessions(user_id=name, limit=2, sort="created", descending=False)]
    assert found == [f"{name}.{number}" for number in range(5)]
    assert [one.session_id for one in client.sessions(prefix=f"{name}.3")] == [f"{name}.3"]


def test_it_resumes_with_a_pack_within_a_budget(client: Client, name: str) -> None:
    client.start_session(name, user_id="alice")
    client.log_many(name, [{"prompt": "request " * 50, "response": "answer " * 50} for _ in range(50)])
    pack = client.resume(name, max_tokens=2_000).context_pack
    assert pack.budget.tokens <= 2_000
    assert pack.left_out.ranges[0].first == 1
    earlier = client.context_pack(name, max_tokens=2_000, cursor=pack.left_out.cursor)
    assert earlier.latest[-1].sequence < pack.latest[0].sequence
    with pytest.raises(NotFound):
        client.resume(name, user_id="bob")


def test_it_pins(client: Client, name: str) -> None:
    client.start_session(name)
    logged = client.log(name, prompt="remember this")
    assert client.pin(name, logged.id).pins == [logged.id]
    assert client.unpin(name, logged.id).pins == []


def test_it_searches(client: Client, name: str) -> None:
    client.start_session(name)
    client.log(name, prompt="where is the zwieback", response="in the cupboard")
    hit = next(client.hits(f"zwieback in:{name}"))
    assert (hit.session.session_id, hit.sequence, hit.field) == (name, 1, "prompt")
    assert "«zwieback»" in hit.snippet


def test_it_exports_into_a_file_that_is_whole_or_not_there(client: Client, name: str, tmp_path: Path) -> None:
    client.start_session(name, title="The move")
    client.log(name, prompt="a", response="b")
    size = client.export(name, tmp_path / "session.json")
    assert size == (tmp_path / "session.json").stat().st_size
    assert json.loads((tmp_path / "session.json").read_text())["session_info"]["session_id"] == name
    memory = io.BytesIO()
    client.export(name, memory, "markdown")
    assert b"The move" in memory.getvalue()
    with pytest.raises(NotFound):
        client.export("nobody", tmp_path / "nothing.json")
    assert [path.name for path in tmp_path.iterdir()] == ["session.json"]


def test_it_leaves_a_file_as_it_was_where_an_export_breaks_off(tmp_path: Path) -> None:
    def break_off(name: str) -> None:
        with whole_file(tmp_path / name) as file:
            file.write(b"half")
            raise OSError("broke")

    (tmp_path / "old").write_text("old")
    for name in ("old", "new"):
        with pytest.raises(OSError, match="broke"):
            break_off(name)
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
    assert (tmp_path / "old").read_text() == "old"


def test_it_merges_by_plan_and_takes_it_back(client: Client, name: str) -> None:
    for part in ("a", "b"):
        client.start_session(f"{name}.{part}", user_id=name)
        client.log(f"{name}.{part}", prompt=part)
    plan = client.plan_merge(f"{name}.a", [f"{name}.b"])
    assert plan.moving == {f"{name}.b": 1}
    merge = client.apply_merge(plan.plan_token)
    assert client.get_session(f"{name}.b").session_id == f"{name}.a"
    assert [one.prompt for one in client.history(f"{name}.a")] == ["a", "b"]
    assert client.undo_merge(merge.merge_id).undone
    assert client.get_session(f"{name}.b").interaction_count == 1


def test_it_trashes_restores_holds_and_releases(client: Client, name: str) -> None:
    client.start_session(name)
    assert client.trash(name, "test").state == "trashed"
    assert client.restore(name).state == "active"
    assert client.hold(name, "evidence").hold_reason == "evidence"
    assert not client.release(name).held


def test_it_cleans_up_by_plan(client: Client, name: str) -> None:
    client.start_session(name, user_id=name)
    plan = client.plan_cleanup(idle_days=365, user_id=name)
    assert (plan.sessions, plan.user_id) == (0, name)
    done = client.apply_cleanup(plan.plan_token)
    assert (done.finished, done.trashed) == (True, 0)
    assert client.get_cleanup(done.run_id) == done


def test_it_keeps_preferences(client: Client, name: str) -> None:
    user = f"{name}/{'~2F'}"
    client.start_session(user_id=user)
    assert client.set_preferences(user, {"tone": "dry", "none": None}).preferences == {"tone": "dry", "none": None}
    assert client.remove_preference(user, "none").preferences == {"tone": "dry"}
    assert client.get_preferences(user).preferences == client.get_user(user).preferences == {"tone": "dry"}
    assert [one.user_id for one in client.users(prefix=user)] == [user]


def test_it_says_what_the_token_may_not(writer: Client, server: Server, name: str) -> None:
    writer.start_session(name)
    with pytest.raises(ScopeMissing) as refusal:
        writer.trash(name)
    assert refusal.value.hint
    with Client(server.url, "sst_nobody") as stranger, pytest.raises(TokenRefused):
        stranger.me()


def test_it_takes_somebody_elses_session_for_unknown(
    server: Server, client: Client, tokens: dict[str, str], name: str
) -> None:
    client.start_session(name, user_id="bob")
    with Client(server.url, tokens["alice"]) as alice:
        for ask in (alice.get_session, alice.resume, lambda session: alice.log(session, prompt="a")):
            with pytest.raises(NotFound):
                ask(name)


def test_it_holds_a_conversation(client: Client) -> None:
    with client.conversation(user_id="alice", title="A talk") as chat:
        chat.turn("hello", "hi", model="m")
        chat.tool("grep", {"q": "x"}, "found")
        chat.request("more")
        chat.response("that is all")
    told = list(client.history(chat.session_id))
    assert [one.kind for one in told] == [
        "conversation_turn",
        "tool_call",
        "tool_response",
        "client_request",
        "agent_response",
    ]
    assert told[2].parent_id == told[1].id
    assert client.get_session(chat.session_id).title == "A talk"


def test_it_goes_on_with_a_conversation_and_logs_what_went_wrong(client: Client, name: str) -> None:
    with client.conversation(name) as chat:
        chat.turn("a", "b")
    with pytest.raises(ZeroDivisionError), client.conversation(name) as chat:
        chat.turn("c", str(1 // 0))
    told = list(client.history(name))
    assert [one.kind for one in told] == ["conversation_turn", "error"]
    assert told[1].error_message.startswith("ZeroDivisionError")


def test_it_does_all_that_asynchronously(connect: Callable[..., AsyncClient], name: str, tmp_path: Path) -> None:
    async def talk() -> tuple[list[str], list[str], int]:
        async with connect() as client:
            async with client.conversation(name, user_id=name) as chat:
                await chat.turn("hello", "hi")
                await chat.tool("grep", None, "found")
            kinds = [one.kind async for one in client.history(name)]
            sessions = [one.session_id async for one in client.sessions(user_id=name)]
            return kinds, sessions, await client.export(name, tmp_path / "a.jsonl", "jsonl")

    kinds, sessions, size = run(talk())
    assert kinds == ["conversation_turn", "tool_call", "tool_response"]
    assert sessions == [name]
    assert size == (tmp_path / "a.jsonl").stat().st_size


def test_it_has_the_same_verbs_in_both_clients() -> None:
    def verbs(kind: type[Any]) -> dict[str, Any]:
        methods = {name: method for name, method in vars_of(kind).items() if not name.startswith("_")}
        return {name: inspect.signature(method).parameters.values() for name, method in methods.items()}

    one, other = verbs(Client), verbs(AsyncClient)
    assert one.keys() - {"close"} == other.keys() - {"aclose"}
    for name in one.keys() & other.keys():
        assert [str(part) for part in one[name]] == [str(part) for part in other[name]], name


def vars_of(kind: type[Any]) -> dict[str, Any]:
    return {name: getattr(kind, name) for name in dir(kind) if callable(getattr(kind, name))}


# Operations whose verb has another name, or has none with a reason.
OTHERWISE = {
    "append_interaction": "log",
    "append_interactions": "log_many",
    "edit_context": "update_context",
    "export_named_sessions": "export_many",
    "export_session": "export",
    "export_sessions": "export_many",
    "get_context_pack": "context_pack",
    "get_me": "me",
    "hold_session": "hold",
    "merge_sessions": "merge",
    "pin_interaction": "pin",
    "release_session": "release",
    "restore_session": "restore",
    "resume_session": "resume",
    "trash_session": "trash",
    "unpin_interaction": "unpin",
}
NO_VERB = {
    "append_batches": "the recorders send by it",
    "get_metrics": "for what watches a server",
    "get_openapi": "for who makes another client",
    "health_live": "for what watches a server",
    "health_ready": "for what watches a server",
}


def test_it_has_a_verb_for_every_operation() -> None:
    paths = openapi.document()["paths"].values()
    operations = {one["operationId"] for path in paths for name, one in path.items() if name != "parameters"}
    assert operations >= {*OTHERWISE, *NO_VERB}
    lacking = [one for one in operations - NO_VERB.keys() if not hasattr(Client, OTHERWISE.get(one, one))]
    assert lacking == []
