"""What is sent again, when, and what is not."""

import socket
from collections.abc import Callable

import pytest
from sessionsite_client import (
    AsyncClient,
    Client,
    Conflict,
    NotConfigured,
    NotFound,
    NotUnderstood,
    Refused,
    Retry,
    ServerFailed,
    TooManyRequests,
    Unavailable,
    Unreachable,
)

from .fake import LOGGED, SESSION, Answer, Fake
from .running import run
from .server import free_port

Connected = Callable[..., Client]


@pytest.fixture
def waits() -> list[float]:
    """How long a client waited, each time."""
    return []


@pytest.fixture
def connected(fake: Fake, waits: list[float]) -> Connected:
    return lambda **given: Client(fake.url, "sst_t", sleep=waits.append, **given)


def problem(status: int, code: str = "x", **headers: str) -> Answer:
    return Answer(status, {"code": code, "detail": "No.", "hint": "Do."}, headers)


def test_it_sends_the_token_and_asks_for_json(connected: Connected, fake: Fake) -> None:
    fake.will(Answer(200, SESSION))
    connected().get_session("s")
    assert fake.asked[0].path == "/api/v1/sessions/s"
    assert fake.asked[0].headers["Authorization"] == "Bearer sst_t"


@pytest.mark.parametrize("answer", [Answer(breaks=True), problem(502), problem(503), problem(504), problem(429)])
def test_it_asks_again_for_what_may_pass(connected: Connected, fake: Fake, answer: Answer) -> None:
    fake.will(answer, answer, Answer(200, SESSION))
    assert connected().get_session("s").user_id == "alice"
    assert len(fake.asked) == 3


def test_it_waits_as_long_as_it_is_told_to(connected: Connected, fake: Fake, waits: list[float]) -> None:
    fake.will(problem(429, **{"Retry-After": "7"}), Answer(200, SESSION))
    connected().get_session("s")
    assert 7 <= waits[0] <= 7.2


def test_it_does_not_wait_for_ever(connected: Connected, fake: Fake, waits: list[float]) -> None:
    fake.will(problem(429, **{"Retry-After": "3600"}))
    with pytest.raises(TooManyRequests) as refusal:
        connected().get_session("s")
    assert refusal.value.retry_after_seconds == 3600
    assert not waits


def test_it_doubles_what_it_waits_at_most(connected: Connected, fake: Fake, waits: list[float]) -> None:
    fake.otherwise(lambda asked: problem(503))
    with pytest.raises(Unavailable):
        connected(retry=Retry(attempts=8, first_seconds=1, most_seconds=10)).get_session("s")
    assert len(fake.asked) == 8
    for wait, most in zip(waits, [1, 2, 4, 8, 10, 10, 10], strict=True):
        assert 0 <= wait <= most


def test_it_sends_an_interaction_again_under_the_same_key(connected: Connected, fake: Fake) -> None:
    fake.will(Answer(breaks=True), Answer(201, LOGGED))
    connected().log("s", prompt="hello")
    keys = [asked.body["interactions"][0]["idempotency_key"] for asked in fake.asked]
    assert keys[0] == keys[1]
    assert len(keys[0]) == 32


def test_it_begins_a_session_again_under_the_same_random_id(connected: Connected, fake: Fake) -> None:
    fake.will(Answer(breaks=True), Answer(200, SESSION))
    connected().start_session(user_id="alice")
    first, second = (asked.body for asked in fake.asked)
    assert first == second
    assert first["if_exists"] == "resume"


def test_it_does_not_repeat_what_may_have_been_done(connected: Connected, fake: Fake) -> None:
    client = connected()
    for change in (
        lambda: client.merge("s", ["t"]),
        lambda: client.start_session("s"),
        lambda: client.update_context("s", version="1", title="t"),
        lambda: client.undo_merge("m"),
        lambda: client.apply_cleanup("p"),
        lambda: client.trash("s"),
    ):
        fake.asked.clear()
        fake.will(Answer(breaks=True))
        with pytest.raises(Unreachable):
            change()
        assert len(fake.asked) == 1


def test_it_repeats_anything_that_never_left(waits: list[float]) -> None:
    client = Client(f"http://127.0.0.1:{free_port()}", "sst_t", sleep=waits.append)
    with pytest.raises(Unreachable):
        client.merge("s", ["t"])
    assert len(waits) == 4


@pytest.mark.parametrize(
    ("status", "kind"), [(400, Refused), (404, NotFound), (409, Conflict), (500, ServerFailed), (418, Refused)]
)
def test_it_asks_once_where_the_answer_is_no(
    connected: Connected, fake: Fake, status: int, kind: type[Refused]
) -> None:
    fake.will(problem(status, "why"))
    with pytest.raises(kind) as refusal:
        connected().get_session("s")
    assert (refusal.value.status, refusal.value.code) == (status, "why")
    assert str(refusal.value) == f"{status} why: No. Do."


def test_it_tells_an_answer_that_is_no_sessionsites(connected: Connected, fake: Fake) -> None:
    fake.will(Answer(200, b"<html>"), Answer(502, b"<html>"), Answer(301, b"", {"Location": "https://else/"}))
    with pytest.raises(NotUnderstood, match="Session"):
        connected().get_session("s")
    once = connected(retry=Retry(attempts=1))
    with pytest.raises(Unavailable):
        once.get_session("s")
    with pytest.raises(Refused, match="https://else/"):
        once.get_session("s")


def test_it_gives_up_on_a_server_that_says_nothing(waits: list[float]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        client = Client(url, "sst_t", timeout=0.05, retry=Retry(attempts=2), sleep=waits.append)
        with pytest.raises(Unreachable, match="ReadTimeout"):
            client.get_session("s")


def test_it_does_the_same_asynchronously(fake: Fake) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async def talk() -> str:
        async with AsyncClient(fake.url, "sst_t", sleep=sleep) as client:
            with pytest.raises(Unreachable):
                await client.merge("s", ["t"])
            return (await client.get_session("s")).user_id

    fake.will(Answer(breaks=True), problem(503, **{"Retry-After": "2"}), Answer(breaks=True), Answer(200, SESSION))
    assert run(talk()) == "alice"
    assert 2 <= waits[0] <= 2.2
    assert len(waits) == 2


def test_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("SESSIONSITE_URL", "SESSIONSITE_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(NotConfigured, match="SESSIONSITE_URL"):
        Client()
    with pytest.raises(NotConfigured, match="SESSIONSITE_TOKEN"):
        Client("http://127.0.0.1")
    with pytest.raises(NotConfigured, match="http"):
        Client("127.0.0.1:8000", "sst_t")


def test_it_reads_address_and_token_from_the_environment(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESSIONSITE_URL", f"{fake.url}/api/v1/")
    monkeypatch.setenv("SESSIONSITE_TOKEN", "sst_env")
    fake.will(Answer(200, SESSION))
    Client().get_session("s")
    assert fake.asked[0].path == "/api/v1/sessions/s"
    assert fake.asked[0].headers["Authorization"] == "Bearer sst_env"


def test_it_shows_no_token_where_it_is_printed() -> None:
    assert "sst_secret" not in repr(Client("http://127.0.0.1", "sst_secret").site)
