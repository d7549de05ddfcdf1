"""An application that gives back what it is sent, says where it runs, or takes its time."""

import os
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from sessionsite import balance, patient_worker

# The tests need not wait so long.
patient_worker.ARRIVAL_SECONDS = 4
patient_worker.STALL_SECONDS = 1
# A machine that is busy with other tests may be longer in waking a process.
patient_worker.STEP_BACK_SECONDS = 0.05
patient_worker.LINGER_MS = int(os.environ.get("LINGER_MS", patient_worker.LINGER_MS))


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    body = environ["wsgi.input"].read()
    if environ["PATH_INFO"] == "/thread":
        body = f"{threading.get_ident()} thread".encode()
    if environ["PATH_INFO"] == "/process":
        body = f"{os.getpid()} process".encode()
    if environ["PATH_INFO"] == "/server":
        body = f"{os.getppid()} server".encode()
    if environ["PATH_INFO"] == "/sharing":
        sharing = [process for process, _ in balance._ENTRY.iter_unpack(balance._memory[:]) if process]
        body = f"{len(sharing)} sharing".encode()
    if environ["PATH_INFO"] == "/held":
        while not Path(os.environ["HELD_UNTIL"]).exists():
            time.sleep(0.01)
        body = b"held"
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
