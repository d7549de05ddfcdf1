"""An application that answers in every way that an application can, by the address; and says what was done in quiet."""

import io
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from sessionsite import patient_worker

_noted: list[int] = []


def _when_quiet() -> None:
    _noted.append(len(_noted))
    raise RuntimeError("Nobody's connection is closed for this.")


patient_worker.LINGER_MS = int(os.environ.get("LINGER_MS", patient_worker.LINGER_MS))
patient_worker.PatientWorker.when_quiet = staticmethod(_when_quiet)


WHOLE = {"/whole": [b"whole"], "/large": [b"large" * 20_000, b"LARGE" * 40_000]}


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    def begin(length: int | None = None, status: str = "200 OK") -> None:
        stated = [] if length is None else [("Content-Length", str(length))]
        start_response(status, [("Content-Type", "text/plain"), *stated])

    path = environ["PATH_INFO"]
    if path == "/refused":
        raise ValueError("refused")
    if path in WHOLE:
        begin(sum(map(len, WHOLE[path])))
        return WHOLE[path]
    if path == "/quiet":
        count = str(len(_noted)).encode()
        begin(len(count))
        return [count]
    if path == "/broken":
        begin(10)
        return _broken()
    if "file" in path:
        itself = Path(__file__)
        real = path == "/real-file"
        begin(itself.stat().st_size if real else 9)
        wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](itself.open("rb") if real else io.BytesIO(b"from disk"))
        return wrapped
    begin(status="204 No Content" if path == "/nothing" else "200 OK")
    if path == "/late":
        return _late([b"", b"first", b"second"])
    return ["no bytes"] if path == "/text" else []  # type: ignore[list-item]


def _late(pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield piece
        time.sleep(0.5)


def _broken() -> Iterator[bytes]:
    yield b"half"
    raise ValueError("broke")
