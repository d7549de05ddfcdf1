"""`@logged`: a function's calls as turns."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from sessionsite_client import Client, Interaction, Recorder, logged
from sessionsite_client import logged as decorator

from .programs import finish, start

Told = Callable[[], list[Interaction]]


@pytest.fixture
def recorder(environment: Path) -> Iterator[Recorder]:
    with Recorder() as made:
        yield made


@pytest.fixture
def told(recorder: Recorder, client: Client, name: str) -> Told:
    """What was logged into the session of the test's name."""

    def read() -> list[Interaction]:
        assert recorder.flush(60)
        return list(client.history(name))

    return read


def test_it_logs_a_call_as_a_turn(recorder: Recorder, told: Told, name: str) -> None:
    @logged(recorder=recorder, session_id=name, model="m", user_id="alice")
    def answer(prompt: str, *, loud: bool = False) -> str:
        """Answers."""
        return prompt.upper() if loud else prompt

    assert answer("hello", loud=True) == "HELLO"
    assert answer.__doc__ == "Answers."
    (turn,) = told()
    assert (turn.kind, turn.prompt, turn.response, turn.model) == ("conversation_turn", "hello", "HELLO", "m")
    assert turn.execution_time_ms is not None
    assert 0 <= turn.execution_time_ms < 5_000


def test_it_logs_an_error_and_raises_it(recorder: Recorder, told: Told, name: str) -> None:
    @logged(recorder=recorder, session_id=name)
    def fail(prompt: str) -> str:
        raise KeyError("missing")

    with pytest.raises(KeyError):
        fail("hello")
    (turn,) = told()
    assert (turn.kind, turn.prompt, turn.status) == ("error", "hello", "error")
    assert turn.error_message == "KeyError: 'missing'"


def test_it_logs_coroutines(recorder: Recorder, told: Told, name: str) -> None:
    @logged(recorder=recorder, session_id=name)
    async def answer(prompt: str) -> dict[str, int]:
        await asyncio.sleep(0.02)
        return {"length": len(prompt)}

    assert asyncio.run(answer("hello")) == {"length": 5}
    (turn,) = told()
    assert turn.response == '{"length": 5}'
    assert turn.execution_time_ms is not None
    assert turn.execution_time_ms >= 20


def test_it_logs_what_generators_yield(recorder: Recorder, told: Told, name: str) -> None:
    @logged(recorder=recorder, session_id=name)
    def stream(prompt: str) -> Iterator[str]:
        yield from prompt

    @logged(recorder=recorder, session_id=name)
    async def astream(prompt: str) -> AsyncIterator[str]:
        for letter in prompt:
            yield letter

    async def gather() -> str:
        return "".join([piece async for piece in astream("async")])

    assert "".join(stream("hello")) == "hello"
    assert asyncio.run(gather()) == "async"
    assert [turn.response for turn in told()] == ["hello", "async"]


def test_it_logs_as_much_as_was_taken_of_a_stream(recorder: Recorder, told: Told, name: str) -> None:
    @logged(recorder=recorder, session_id=name)
    def stream(prompt: str) -> Iterator[str]:
        yield "one"
        yield "two"
        raise ValueError("broken")

    left = stream("left early")
    assert next(left) == "one"
    left.close()  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="broken"):
        list(stream("broken"))
    assert [(turn.kind, turn.response) for turn in told()] == [("conversation_turn", "one"), ("error", "onetwo")]


def test_it_logs_methods_and_whatever_arguments_there_are(recorder: Recorder, told: Told, name: str) -> None:
    class Agent:
        @logged(recorder=recorder, session_id=name)
        def answer(self, question: str) -> str:
            return question

        @logged(recorder=recorder, session_id=name)
        def add(self, a: int, b: int = 2) -> int:
            return a + b

    Agent().answer("who?")
    Agent().add(1, b=3)
    assert [(turn.prompt, turn.response) for turn in told()] == [("who?", "who?"), ('{"a": 1, "b": 3}', "4")]


def test_it_lets_functions_say_what_is_logged_and_where(recorder: Recorder, told: Told, name: str) -> None:
    @logged(
        recorder=recorder,
        session_id=lambda user, text: f"{name}",
        prompt=lambda user, text: f"{user}: {text}",
        response=lambda result: result["said"],
    )
    def answer(user: str, text: str) -> dict[str, str]:
        return {"said": text[::-1]}

    answer("alice", "abc")
    (turn,) = told()
    assert (turn.prompt, turn.response) == ("alice: abc", "cba")


def test_it_logs_into_the_conversation_that_is_being_held(recorder: Recorder, client: Client) -> None:
    @decorator(recorder=recorder)
    def answer(prompt: str) -> str:
        return prompt

    with recorder.conversation() as chat:
        answer("within")
    answer("outside")
    assert recorder.flush(60)
    assert [turn.prompt for turn in client.history(chat.session_id)] == ["within"]


def test_it_needs_two_lines(environment: Path, client: Client) -> None:
    finish(
        start("""
        @logged
        def answer(prompt):
            return "two-lined " + prompt
        answer("zwetschge"); answer("again")
        """)
    )
    hit = next(client.hits("zwetschge"))
    assert [turn.prompt for turn in client.history(hit.session.session_id)] == ["zwetschge", "again"]
