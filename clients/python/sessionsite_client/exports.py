"""Sessions given out whole: one by itself, or many as an archive."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import BinaryIO, Literal

import httpx

from .requests import Request, encoded, parameters_of, path_of
from .verbs.sessions import SessionNarrowing

Format = Literal[
    "json",
    "jsonl",
    "markdown",
    "html",
    "csv",
    "chatgpt",
    "librechat",
    "openwebui",
    "openai",
    "openai-finetune",
    "sharegpt",
    "claude-code",
]


def export_request(session_id: str, form: Format) -> Request[bytes]:
    """The request of an export, whose answer is read in pieces."""
    path = path_of("sessions", session_id, "export")
    return Request("GET", path, _content, parameters=[("format", form)], headers={"Accept": "*/*"})


def archive_request(
    form: Format, session_ids: Sequence[str] | None, after: str, narrowed: SessionNarrowing
) -> Request[bytes]:
    """The request of an archive: of the sessions that are named, or of those that a list would hold."""
    if session_ids is not None and narrowed:
        raise ValueError("Sessions are named, or found by filters, not both.")
    if session_ids is None:
        asked = parameters_of({**narrowed, "format": form, "after": after})
        return Request("GET", "/exports", _content, parameters=asked, headers={"Accept": "*/*"})
    body = encoded({"session_ids": list(session_ids), "format": form, "after": after})
    return Request("POST", "/exports", _content, body=body, headers={"Accept": "*/*"})


def _content(response: httpx.Response) -> bytes:
    return response.content


@contextmanager
def whole_file(to: str | PathLike[str] | BinaryIO) -> Iterator[BinaryIO]:
    """A file to write to. One that is named by its path appears, or is replaced, only if nothing goes wrong."""
    if not isinstance(to, str | PathLike):
        yield to
        return
    target = Path(to)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
