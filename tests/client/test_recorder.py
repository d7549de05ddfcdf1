"""Logging in the background: in order, in batches, nothing twice, and no bad item in the way of the others."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from sessionsite_client import (
    AsyncRecorder,
    Client,
    ClientError,
    NotSpooled,
    Recorder,
    TokenRefused,
    Unavailable,
    Unreachable,
)

from .fake import Answer, Asked, Fake
from .running import run
from .server import Server, free_port


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessionsite_client.recorder.base._FIRST_PAUSE_SECONDS", 0.01)


def prompts(client: Client, session_id: str) -> list[str]:
    return [one.prompt for one in client.history(session_id, page=500)]


def files(spool: Path, pattern: str = "[0-9]*.jsonl") -> list[Path]:
    return sorted(spool.glob(f"*/{pattern}"))


def set_aside(spool: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in files(spool, "rejected.jsonl") for line in path.read_text().splitlines()]


def storing(asked: Asked) -> Answer:
    """A server that stores everything."""
    if asked.path.endswith("/sessions"):
        return Answer(201, {**_SESSION, "session_id": asked.body["session_id"]})
    batches = asked.body.get("batches", [{"session_id": "s", **asked.body}])
    results = [{"session_id": one["session_id"], "logged": _logged(one)} for one in batches]
    return Answer(200, {"results": results} if "batches" in asked.body else results[0]["logged"])


_SESSION = {
    "user_id": "a",
    "title": "",
    "state": "active",
    "created_at": "2026-01-01T00:00:00Z",
    "last_activity_at": "2026-01-01T00:00:00Z",
    "total_interactions": 0,
    "context": {"session_id": "s", "version": "1"},
}


def _logged(batch: dict[str, Any]) -> dict[str, Any]:
    told = [{"id": "i", "sequence": number} for number, _ in enumerate(batch["interactions"], 1)]
    return {"session_id": batch["session_id"], "added": len(told), "interactions": told}


def test_it_logs_in_order_across_sessions(environment: Path, client: Client) -> None:
    with Recorder() as recorder:
        sessions = [recorder.session(user_id="alice") for _ in range(3)]
        for number in range(700):
            recorder.record(sessions[number % 3], prompt=f"{number}")
        assert recorder.flush(30)
        assert recorder.pending == 0
    for place, session_id in enumerate(sessions):
        assert prompts(client, session_id) == [f"{number}" for number in range(place, 700, 3)]
    assert files(environment) == []


def test_it_sends_few_requests(environment: Path, fake: Fake) -> None:
    fake.otherwise(storing)
    with Recorder(fake.url, "sst_t", linger_seconds=0.05) as recorder:
        for number in range(1_000):
            recorder.record(f"s{number % 4}", prompt="a")
        recorder.flush(10)
    sizes = [sum(len(batch["interactions"]) for batch in asked.body["batches"]) for asked in fake.asked]
    assert sum(sizes) == 1_000
    assert len(sizes) <= 6
    assert max(sizes) <= 512


def test_it_waits_for_company_but_not_long(environment: Path, fake: Fake) -> None:
    fake.otherwise(storing)
    with Recorder(fake.url, "sst_t", linger_seconds=0.2) as recorder:
        for _ in range(5):
            recorder.record("s", prompt="a")
        assert not fake.asked
        assert _soon(lambda: bool(fake.asked))
    assert [len(asked.body["interactions"]) for asked in fake.asked] == [5]


def test_it_counts_what_was_said_as_said_then(environment: Path, client: Client) -> None:
    with Recorder(linger_seconds=3600) as recorder:
        session_id = recorder.session()
        recorder.record(session_id, prompt="a")
        before = client.start_session().created_at
    told = next(client.history(session_id))
    assert told.occurred_at < before < told.recorded_at


def test_it_sets_a_bad_interaction_aside_and_stores_all_others(environment: Path, client: Client) -> None:
    with Recorder() as recorder:
        sessions = [recorder.session(), recorder.session()]
        for number in range(40):
            recorder.record(sessions[number % 2], prompt="half \ud800" if number == 13 else f"{number}")
        assert recorder.flush(30)
        assert recorder.rejected == 1
    assert prompts(client, sessions[0]) == [f"{number}" for number in range(0, 40, 2)]
    assert prompts(client, sessions[1]) == [f"{number}" for number in range(1, 40, 2) if number != 13]
    (aside,) = set_aside(environment)
    assert aside["code"] == "invalid_input"
    assert aside["item"]["log"]["prompt"] == "half \ud800"
    assert files(environment, "rejected.jsonl")[0].stat().st_mode & 0o777 == 0o600


def test_it_sets_aside_what_has_no_session(environment: Path, client: Client) -> None:
    with Recorder() as recorder:
        session_id = recorder.session()
        recorder.record("nobody", prompt="lost")
        recorder.record(session_id, prompt="kept")
        assert recorder.flush(30)
    assert prompts(client, session_id) == ["kept"]
    assert [one["code"] for one in set_aside(environment)] == ["session_not_found"]


BAD: dict[str, tuple[str, str]] = {
    "another's": ("other_user", "bob"),
    "too large": ("body_too_large", "x" * 33 * 2**20),
}


@pytest.mark.parametrize("what", BAD)
@pytest.mark.parametrize("is_async", [False, True], ids=["thread", "task"])
def test_nothing_that_is_refused_for_itself_stands_in_the_way(
    environment: Path, client: Client, tokens: dict[str, str], what: str, is_async: bool
) -> None:
    """With a token that is bound to one user; over a real connection, which a refusal may cut short."""
    code, text = BAD[what]

    def speak(recorder: Recorder | AsyncRecorder) -> str:
        mine = recorder.session()
        if what == "another's":
            recorder.record(recorder.session(user_id=text), prompt="theirs")
        else:
            recorder.record(mine, prompt=text)
        recorder.record(mine, prompt="mine")
        return mine

    async def speak_async() -> str:
        async with AsyncRecorder(token=tokens["alice"]) as recorder:
            mine = speak(recorder)
            assert await recorder.flush(60)
        return mine

    if is_async:
        mine = run(speak_async())
    else:
        with Recorder(token=tokens["alice"]) as recorder:
            mine = speak(recorder)
            assert recorder.flush(60)
    assert prompts(client, mine) == ["mine"]
    assert set_aside(environment)[0]["code"] == code


def test_it_keeps_no_id_that_no_address_can_hold(environment: Path, client: Client, name: str) -> None:
    """Not even one that an older program left in the spool."""
    with Recorder() as recorder:
        with pytest.raises(ValueError, match="whole characters"):
            recorder.session("half \ud800")
        with pytest.raises(ValueError, match="whole characters"):
            recorder.record("half \ud800", prompt="a")
        with pytest.raises(ValueError, match="128 characters"):
            recorder.record("x" * 129, prompt="a")
        recorder._keep(b'{"start":{"session_id":"s","tags":5}}\n')
        recorder._keep(b'{"to":"half \\ud800","log":{"prompt":"a"}}\n')
        recorder._keep(b'{"start":{"session_id":["a"]}}\n')
        recorder.session(name)
        recorder.record(name, prompt="kept")
        assert recorder.flush(30)
    assert prompts(client, name) == ["kept"]
    assert [one["code"] for one in set_aside(environment)] == ["not_readable", "not_readable", "not_readable"]


def test_what_it_remembers_for_a_fork_is_bounded_however_long_it_is(environment: Path, fake: Fake) -> None:
    fake.otherwise(storing)
    with Recorder(fake.url, "sst_t", linger_seconds=3600) as recorder:
        for number in range(8):
            recorder.session(f"s{number}", metadata={"p": "x" * 300_000})
        recorder.session("s7", metadata={"p": "x"})
        assert sum(map(len, recorder._begun.values())) == recorder._begun_bytes <= 1024 * 1024
        assert [*recorder._begun][-1] == "s7"


def test_what_is_recorded_when_the_loop_has_ended_waits_and_is_not_refused(environment: Path, fake: Fake) -> None:
    fake.otherwise(storing)

    async def enter() -> AsyncRecorder:
        recorder = AsyncRecorder(fake.url, "sst_t")
        assert await recorder.flush(), "nobody sends before `async with`"
        return await recorder.__aenter__()

    recorder = run(enter())
    recorder.record("s", prompt="a")
    assert recorder.pending == 1
    assert recorder.close(10) == 0
    assert [asked.body["interactions"][0]["prompt"] for asked in fake.asked] == ["a"]


def test_it_sets_a_reused_key_aside(environment: Path, client: Client, name: str) -> None:
    client.start_session(name)
    client.log(name, prompt="first", idempotency_key="k")
    with Recorder() as recorder:
        recorder.record(name, prompt="second", idempotency_key="k")
        recorder.record(name, prompt="third")
        assert recorder.flush(30)
    assert prompts(client, name) == ["first", "third"]
    assert [one["code"] for one in set_aside(environment)] == ["idempotency_conflict"]


def test_it_brings_a_trashed_session_back(environment: Path, client: Client, name: str) -> None:
    client.start_session(name)
    client.trash(name)
    with Recorder() as recorder:
        recorder.record(name, prompt="still here")
        assert recorder.flush(30)
    assert prompts(client, name) == ["still here"]
    assert client.get_session(name).state == "active"


def test_it_goes_on_once_the_server_does(environment: Path, fake: Fake) -> None:
    troubles: list[ClientError] = []
    fake.will(Answer(503), Answer(503), Answer(breaks=True))
    fake.otherwise(storing)
    with Recorder(fake.url, "sst_t", on_trouble=troubles.append, linger_seconds=0.01) as recorder:
        recorder.record("s", prompt="a")
        recorder.record("t", prompt="b")
        assert recorder.flush(60)
        assert recorder.trouble is None
    assert [type(one) for one in troubles] == [Unavailable, Unreachable]
    bodies = [json.dumps(asked.body) for asked in fake.asked]
    assert len(set(bodies[-3:])) == 1


def test_it_sends_again_only_the_session_whose_copy_could_not_be_written(environment: Path, fake: Fake) -> None:
    problem = {"code": "mirror_unavailable", "detail": "No room."}
    half = {"results": [{"session_id": "s", "problem": problem}, {"session_id": "t", "logged": _logged_one("t")}]}
    fake.will(Answer(200, half))
    fake.otherwise(storing)
    with Recorder(fake.url, "sst_t", linger_seconds=0.1) as recorder:
        recorder.record("s", prompt="a")
        recorder.record("t", prompt="b")
        assert recorder.flush(60)
    assert [asked.path for asked in fake.asked] == [
        "/api/v1/interactions:batch",
        "/api/v1/sessions/s/interactions:batch",
    ]
    assert set_aside(environment) == []


def _logged_one(session_id: str) -> dict[str, Any]:
    return {"session_id": session_id, "added": 1, "interactions": [{"id": "i", "sequence": 1}]}


def test_it_finds_the_interaction_that_the_server_fails_over(environment: Path, fake: Fake) -> None:
    def failing(asked: Asked) -> Answer:
        # The prompt, not "bad" anywhere: a key is a random hexadecimal number, and now and then holds that word.
        return Answer(500) if '"prompt": "bad"' in json.dumps(asked.body) else storing(asked)

    fake.otherwise(failing)
    with Recorder(fake.url, "sst_t", linger_seconds=0.1) as recorder:
        for prompt in ("a", "b", "bad", "c"):
            recorder.record("s", prompt=prompt)
        assert recorder.flush(60)
        assert recorder.rejected == 1
    assert [one["item"]["log"]["prompt"] for one in set_aside(environment)] == ["bad"]


def test_it_keeps_everything_while_its_token_is_refused(environment: Path, fake: Fake) -> None:
    fake.otherwise(lambda asked: Answer(401, {"code": "token_refused"}))
    recorder = Recorder(fake.url, "sst_old", linger_seconds=0.01)
    recorder.record("s", prompt="a")
    assert not recorder.flush(0.3)
    assert isinstance(recorder.trouble, TokenRefused)
    assert recorder.close(within=0) == 1
    assert set_aside(environment) == []


def test_it_says_at_once_what_json_cannot_hold(environment: Path) -> None:
    with Recorder() as recorder:
        with pytest.raises(TypeError):
            recorder.record("s", tool_parameters=object())
        with pytest.raises(ValueError, match="JSON"):
            recorder.record("s", tool_parameters=float("nan"))
        assert recorder.pending == 0


def test_it_may_be_shared_by_threads(environment: Path, client: Client) -> None:
    with Recorder() as recorder:
        sessions = [recorder.session() for _ in range(4)]

        def talk(session_id: str) -> None:
            for number in range(150):
                recorder.record(session_id, prompt=f"{number}")

        threads = [threading.Thread(target=talk, args=[session_id]) for session_id in sessions]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert recorder.flush(30)
    for session_id in sessions:
        assert prompts(client, session_id) == [f"{number}" for number in range(150)]


def test_it_holds_a_conversation_in_the_background(environment: Path, client: Client) -> None:
    with Recorder() as recorder, recorder.conversation(user_id="alice") as chat:
        chat.turn("hello", "hi")
    assert prompts(client, chat.session_id) == ["hello"]
    assert client.get_session(chat.session_id).user_id == "alice"


def test_it_keeps_in_memory_what_may_not_touch_the_disk(
    server: Server, client: Client, environment: Path, tmp_path: Path
) -> None:
    with Recorder(spool=False) as recorder:
        session_id = recorder.session()
        recorder.record(session_id, prompt="a")
    assert prompts(client, session_id) == ["a"]
    assert not environment.exists()


def test_it_says_what_memory_could_not_keep(environment: Path) -> None:
    recorder = Recorder(f"http://127.0.0.1:{free_port()}", "sst_t", spool=False)
    recorder.record("s", prompt="a")
    with pytest.raises(NotSpooled, match="could not be sent"):
        recorder.close(within=0.1)


def test_it_takes_nothing_more_once_it_is_closed(environment: Path) -> None:
    recorder = Recorder()
    recorder.close()
    assert recorder.close() == 0
    with pytest.raises(RuntimeError, match="closed"):
        recorder.record("s", prompt="a")


def test_it_says_where_it_cannot_spool(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotSpooled, match="spool=False"):
        Recorder("http://127.0.0.1:1", "sst_t", spool=tmp_path / "file" / "folder")


def test_it_records_in_an_event_loop(environment: Path, client: Client) -> None:
    async def talk() -> str:
        async with AsyncRecorder() as recorder:
            session_id = recorder.session(user_id="alice")
            for number in range(600):
                recorder.record(session_id, prompt="half \ud800" if number == 300 else f"{number}")
            assert await recorder.flush(30)
            assert recorder.rejected == 1
            recorder.record(session_id, prompt="last")
            return session_id

    session_id = run(talk())
    assert prompts(client, session_id) == [*(f"{number}" for number in range(600) if number != 300), "last"]
    assert files(environment) == []


def test_it_leaves_to_the_next_what_an_event_loop_could_not_send(
    environment: Path, client: Client, server: Server
) -> None:
    async def talk(url: str | None) -> int:
        async with AsyncRecorder(url, exit_seconds=30 if url is None else 0.2) as recorder:
            if url is not None:
                recorder.session("from-a-loop")
                recorder.record("from-a-loop", prompt="a")
            return await recorder.aclose()

    away = f"http://127.0.0.1:{free_port()}"
    assert run(talk(away)) == 2
    for path in files(environment):
        # As if the server had been away, and came back where it was.
        _move_to(path, away, server.url)
    assert run(talk(None)) == 0
    assert prompts(client, "from-a-loop") == ["a"]


def _move_to(path: Path, url: str, other: str) -> None:
    from sessionsite_client.recorder.spool import folder_of
    from sessionsite_client.transport import site_of

    folder = folder_of(path.parent.parent, site_of(other, None))
    folder.mkdir(exist_ok=True)
    (folder / path.name).write_text(path.read_text().replace(url, other))
    path.unlink()


def _soon(is_so: Any, seconds: float = 30) -> bool:
    waited = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if is_so():
            return True
        waited.wait(0.02)
    return False
