"""What is asked of the server, told without asking it: one description for the synchronous and the asynchronous client.

A verb is a function that returns a `Request`. What needs several requests is a generator that yields them and is sent
the answers (`Steps`); `Client.run` and `AsyncClient.run` carry it out.
"""

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx

from .errors import NotUnderstood
from .reading import read
from .uploads import Upload

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request(Generic[T]):
    """One request below /api/v1 and what is made of its answer.

    `repeatable` says that sending it twice does what sending it once does, so that it may be sent again where nobody
    knows whether it arrived.
    """

    method: str
    path: str
    read: Callable[[httpx.Response], T]
    parameters: Sequence[tuple[str, str]] = ()
    body: bytes | Upload | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = True


Steps = Generator[Request[Any], Any, T]


def ask(request: Request[T]) -> Steps[T]:
    """One step: `answer = yield from ask(request)`."""
    answer: T = yield request
    return answer


def get(path: str, kind: type[T], **parameters: Any) -> Request[T]:
    """A question, with parameters as `parameters_of` takes them."""
    return Request("GET", path, reading(kind), parameters=parameters_of(parameters))


def send(
    method: str,
    path: str,
    kind: type[T],
    body: Any = None,
    *,
    headers: Mapping[str, str] | None = None,
    repeatable: bool = False,
) -> Request[T]:
    """A change. Members of the body that are None are left out."""
    if isinstance(body, Mapping):
        body = {name: value for name, value in body.items() if value is not None}
    content = None if body is None else encoded(body)
    return Request(method, path, reading(kind), body=content, headers=headers or {}, repeatable=repeatable)


def reading(kind: type[T]) -> Callable[[httpx.Response], T]:
    """What makes an answer a dataclass. Raises NotUnderstood."""

    def read_answer(response: httpx.Response) -> T:
        try:
            return read(kind, response.json())
        except (TypeError, ValueError) as error:
            raise NotUnderstood(f"{response.url.path} was not answered with a {kind.__name__}: {error}") from error

    return read_answer


def path_of(*parts: str) -> str:
    """An address below /api/v1, each part quoted."""
    return "/" + "/".join(quote(part, safe=":") for part in parts)


def name_in_path(name: str) -> str:
    """A tag or a user as one part of an address, whatever it holds.

    What a proxy might change on its way (`/`, dots alone) is written as `~` and two hexadecimal digits.
    """
    escaped = name.replace("~", "~7E").replace("/", "~2F")
    return escaped if escaped.strip(".") else escaped.replace(".", "~2E")


def encoded(value: Any) -> bytes:
    """JSON in ASCII. Raises ValueError for NaN and infinity, TypeError for what JSON has not."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False, default=_plain).encode("ascii")


def _plain(value: object) -> Any:
    if isinstance(value, datetime):
        return moment(value)
    raise TypeError(f"JSON has no {type(value).__name__}.")


def moment(value: datetime) -> str:
    """ISO 8601 with its zone. Raises ValueError for a time without."""
    if value.tzinfo is None:
        raise ValueError("A time must have its zone, such as datetime.now(UTC).")
    return value.isoformat()


def parameters_of(given: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    """What stands behind an address. What is None or "" is left out; a list is repeated."""
    pairs: list[tuple[str, str]] = []
    for name, value in given.items():
        if value is None or value == "":
            continue
        pairs += [(name, _text(one)) for one in (value if isinstance(value, list | tuple) else [value])]
    return pairs


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return moment(value) if isinstance(value, datetime) else str(value)
