"""What waits to be sent: a session to begin, or an interaction; each is one line of JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ..requests import encoded
from ..shapes import InteractionFields
from ..verbs.interactions import prepared

MOST_ID_CHARACTERS = 128


@dataclass(frozen=True, slots=True)
class Start:
    """A session to begin, or to go on with: the body of the request."""

    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Log:
    """An interaction for a session, encoded as it is sent."""

    session_id: str
    interaction: bytes


@dataclass(frozen=True, slots=True)
class Rejected:
    """What will never be stored as it is, and why."""

    line: bytes
    code: str
    detail: str

    def encoded(self) -> bytes:
        """A line of the file where it is kept. What is no JSON is kept as a text."""
        try:
            item = json.loads(self.line)
        except ValueError:
            item = self.line.decode("utf-8", "backslashreplace")
        told = {"at": datetime.now(UTC), "code": self.code, "detail": self.detail, "item": item}
        return encoded(told) + b"\n"


def start_line(body: Mapping[str, Any]) -> bytes:
    """Raises TypeError and ValueError for what JSON, or an address, cannot hold."""
    _check_id(body["session_id"])
    return encoded({"start": body}) + b"\n"


def log_line(session_id: str, fields: InteractionFields) -> tuple[bytes, str]:
    """The line and its idempotency key. It may be sent much later, so it says when it was said.

    Raises TypeError and ValueError for what JSON, or an address, cannot hold.
    """
    _check_id(session_id)
    interaction = prepared({"occurred_at": datetime.now(UTC), **fields})
    return encoded({"to": session_id, "log": interaction}) + b"\n", interaction["idempotency_key"]


def parse(line: bytes) -> Start | Log:
    """Raises ValueError for what is no such line."""
    value = json.loads(line)
    if isinstance(value, dict):
        if isinstance(value.get("start"), dict):
            _check_id(value["start"].get("session_id"))
            return Start(value["start"])
        if isinstance(value.get("to"), str) and isinstance(value.get("log"), dict):
            _check_id(value["to"])
            return Log(value["to"], encoded(value["log"]))
    raise ValueError("neither a session nor an interaction")


def _check_id(session_id: object) -> None:
    """Raises ValueError where a session's ID is no text that can stand in an address."""
    if not isinstance(session_id, str):
        raise ValueError("A session's ID must be a text.")
    if len(session_id) > MOST_ID_CHARACTERS:
        raise ValueError(f"A session's ID has at most {MOST_ID_CHARACTERS} characters.")
    try:
        session_id.encode()
    except UnicodeEncodeError:
        raise ValueError("A session's ID must be whole characters.") from None
