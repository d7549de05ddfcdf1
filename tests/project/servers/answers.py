"""An application that answers in every way that an application can, by the address; and says what was done in quiet."""

import io
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from sessionsite import patient_worker

_noted: list[int] = []


def _when_quiet() -> None:
    _noted.append(len(_noted))


# No client of the tests is taken for one that went away because the machine is busy.
patient_worker.LINGER_MS = 300
patient_worker.PatientWorker.when_quiet = staticmethod(_when_quiet)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    def begin(*headers: tuple[str, str], status: str = "200 OK") -> None:
        start_response(status, [("Content-Type", "text/plain"), *headers])

    match environ["PATH_INFO"]:
        case "/whole":
            begin(("Content-Length", "5"))
            return [b"whole"]
        case "/nothing":
            begin(status="204 No Content")
            return []
        case "/late":
            begin()
            return _late([b"", b"first", b"second"])
        case "/file":
            begin(("Content-Length", "9"))
            wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](io.BytesIO(b"from disk"))
            return wrapped
        case "/real-file":
            itself = Path(__file__)
            begin(("Content-Length", str(itself.stat().st_size)))
            opened: Iterable[bytes] = environ["wsgi.file_wrapper"](itself.open("rb"))
            return opened
        case "/broken":
            begin(("Content-Length", "10"))
            return _broken()
        case "/refused":
            raise ValueError("refused")
        case "/quiet":
            count = str(len(_noted)).encode()
            begin(("Content-Length", str(len(count))))
            return [count]
        case _:
            begin(("Content-Length", "0"), status="404 Not Found")
            return []


def _late(pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield piece
        time.sleep(0.5)


def _broken() -> Iterator[bytes]:
    yield b"half"
    raise ValueError("broke")
