"""`@logged`: a function's calls as turns of a conversation."""

import functools
import inspect
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from typing import Any, ParamSpec, Protocol, TypeVar, Unpack, cast, overload

from .conversation import current, error_of, turn_of
from .recorder.threaded import Recorder
from .shapes import Details, InteractionFields
from .verbs.sessions import SessionStart

P = ParamSpec("P")
R = TypeVar("R")

_MOST_KNOWN = 10_000
_default: Recorder | None = None
_default_lock = threading.Lock()


class Sink(Protocol):
    """Where turns go: a `Recorder` or an `AsyncRecorder`."""

    def session(self, session_id: str | None = None, **given: Unpack[SessionStart]) -> str: ...

    def record(self, session_id: str, **fields: Unpack[InteractionFields]) -> str: ...


def default_recorder() -> Recorder:
    """The one that is used where none is named: for SESSIONSITE_URL and SESSIONSITE_TOKEN. Raises NotConfigured."""
    global _default  # noqa: PLW0603  (one for the process)
    with _default_lock:
        if _default is None:
            _default = Recorder()
        return _default


@overload
def logged(function: Callable[P, R], /) -> Callable[P, R]: ...


@overload
def logged(
    *,
    recorder: Sink | None = None,
    session_id: str | Callable[..., str] | None = None,
    prompt: Callable[..., str] | None = None,
    response: Callable[[Any], str] | None = None,
    model: str = "",
    **given: Unpack[SessionStart],
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...


def logged(
    function: Callable[..., Any] | None = None,
    /,
    *,
    recorder: Sink | None = None,
    session_id: str | Callable[..., str] | None = None,
    prompt: Callable[..., str] | None = None,
    response: Callable[[Any], str] | None = None,
    model: str = "",
    **given: Unpack[SessionStart],
) -> Any:
    """Log each call of a function as a turn: its first argument as the prompt, what it returns as the response.

    Works on functions, coroutines, generators and asynchronous generators (what they yield is joined). An exception is
    logged as an error and goes on its way. The turn goes to the conversation whose `with` block is being run; else to
    the session `session_id` (a text, or a function of the same arguments); else to one session for the function.
    `prompt` and `response` say otherwise what is logged, `given` how a session begins. It is logged in the background;
    the function never waits for the server.
    """
    turns = _Turns(recorder, session_id, prompt, response, model, given)
    return turns.around if function is None else turns.around(function)


class _Turns:
    def __init__(
        self,
        recorder: Sink | None,
        session_id: str | Callable[..., str] | None,
        prompt: Callable[..., str] | None,
        response: Callable[[Any], str] | None,
        model: str,
        given: SessionStart,
    ) -> None:
        self._recorder = recorder
        self._session_id = session_id
        self._prompt = prompt
        self._response = response
        self._fields: InteractionFields = {"model": model} if model else {}
        self._given = given
        self._lock = threading.Lock()
        self._own_session = ""
        self._begun: set[str] = set()

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, its calls logged."""
        if inspect.isasyncgenfunction(function):
            return self._around_async_generator(function)
        if inspect.iscoroutinefunction(function):
            return self._around_coroutine(function)
        if inspect.isgeneratorfunction(function):
            return self._around_generator(function)

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with _Turn(self, function, args, kwargs) as turn:
                turn.result = function(*args, **kwargs)
            return turn.result

        return call

    def _around_coroutine(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        async def call(*args: Any, **kwargs: Any) -> Any:
            with _Turn(self, function, args, kwargs) as turn:
                turn.result = await function(*args, **kwargs)
            return turn.result

        return call

    def _around_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Iterator[Any]:
            with _Turn(self, function, args, kwargs) as turn:
                for piece in function(*args, **kwargs):
                    turn.pieces.append(piece)
                    yield piece

        return call

    def _around_async_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        async def call(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            with _Turn(self, function, args, kwargs) as turn:
                async for piece in function(*args, **kwargs):
                    turn.pieces.append(piece)
                    yield piece

        return call

    # --- what a turn says -----------------------------------------------------------------------------------

    def prompt_of(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        if self._prompt is not None:
            return self._prompt(*args, **kwargs)
        bound = inspect.signature(function).bind(*args, **kwargs).arguments
        told = {name: value for name, value in bound.items() if name not in ("self", "cls")}
        first = next(iter(told.values()), "")
        return first if isinstance(first, str) else as_text(told)

    def response_of(self, result: Any) -> str:
        return as_text(result) if self._response is None else self._response(result)

    def record(self, args: tuple[Any, ...], kwargs: dict[str, Any], fields: InteractionFields) -> None:
        conversation = current.get()
        told: InteractionFields = {**self._fields, **fields}
        if conversation is not None and self._session_id is None:
            conversation.log(**told)
            return
        sink = self._recorder or default_recorder()
        sink.record(self._session_for(sink, args, kwargs), **told)

    def _session_for(self, sink: Sink, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        with self._lock:
            if self._session_id is None:
                self._own_session = self._own_session or sink.session(**self._given)
                return self._own_session
            wanted = self._session_id if isinstance(self._session_id, str) else self._session_id(*args, **kwargs)
            if wanted not in self._begun:
                sink.session(wanted, **self._given)
                if len(self._begun) >= _MOST_KNOWN:
                    # Beginning a session twice does no harm.
                    self._begun.clear()
                self._begun.add(wanted)
            return wanted


class _Turn:
    """One call, from its beginning to its end."""

    def __init__(
        self, turns: _Turns, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self._turns = turns
        self._call = (function, args, kwargs)
        self.result: Any = None
        self.pieces: list[Any] = []

    def __enter__(self) -> "_Turn":
        self._occurred_at = datetime.now(UTC)
        self._began = time.perf_counter()
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        elapsed_ms = (time.perf_counter() - self._began) * 1_000
        function, args, kwargs = self._call
        # A generator that is left early has said what it said.
        if error is not None and not isinstance(error, Exception | GeneratorExit):
            return
        prompt = self._turns.prompt_of(function, args, kwargs)
        details: Details = {"occurred_at": self._occurred_at, "execution_time_ms": elapsed_ms}
        if error is None or isinstance(error, GeneratorExit):
            said = self._turns.response_of(_joined(self.pieces) if self.pieces else self.result)
            fields = turn_of(prompt, said, details)
        else:
            fields = error_of(error, prompt, details)
            fields["response"] = as_text(_joined(self.pieces))
        self._turns.record(args, kwargs, fields)


def _joined(pieces: list[Any]) -> Any:
    return "".join(cast("list[str]", pieces)) if all(isinstance(one, str) for one in pieces) else pieces


def as_text(value: Any) -> str:
    """A text as it is, nothing as "", anything else as JSON, what JSON has not by its `str`."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
