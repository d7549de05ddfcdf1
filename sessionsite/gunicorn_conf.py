"""gunicorn's configuration; `GUNICORN_CMD_ARGS` may override any of it.

Two processes of four threads: SQLite has one writer at a time, so more processes would mostly wait for each
other, while the threads keep a slow reader or a long download from holding up everybody else.
"""

import gc
import os
from importlib import import_module
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sessionsite.settings")

from django.conf import settings

from sessionsite.address import socket_address
from sessionsite.patient_worker import PatientWorker
from sessionsite.processes import stop_with_supervisor

wsgi_app = "sessionsite.wsgi"
bind = socket_address(settings.SESSIONSITE_HOST, settings.SESSIONSITE_PORT)

# gunicorn's gthread, but for waiting: a slow client holds no thread.
worker_class = "sessionsite.patient_worker.PatientWorker"
workers = 2
threads = 4
# Loaded once before the fork: shared memory, and an application that cannot load stops the start at once.
preload_app = True
# A worker's heartbeat is a file; on a disk that is busy syncing, a healthy worker could look dead.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108  (gunicorn makes a private file)
timeout = 60
# How long a request may go on after the stop signal; the supervisor waits a little longer.
graceful_timeout = 10
keepalive = 5
# As long as it may be: a search of some hundred Chinese characters takes nine bytes for each in an address.
limit_request_line = 8190
control_socket_disable = True

# gunicorn would put together a line of its access log for each request and then drop it.
logger_class = "sessionsite.access_log.Logger"
proc_name = "sessionsite"
# Requests leave next to no cycles behind; looking for them ten times less often is a fortieth of an append.
GARBAGE_THRESHOLDS = (20_000, 20, 20)
logconfig_dict = settings.LOGGING


def on_starting(server: Any) -> None:
    """Runs in gunicorn's first process before it listens."""
    stop_with_supervisor()
    # The protocol's SDK is long in loading: done here, the workers share it, and no agent's first call waits for it.
    import_module("sessions.mcp_server.server")


def when_ready(server: Any) -> None:
    """Runs once gunicorn listens: from here on a browser gets its answer."""
    # What is loaded stays: neither is it looked through for garbage, nor copied into each worker by being looked at.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    os.write(1, f"Sessionsite answers on http://{bind}/ (Ctrl-C stops it)\n".encode())


def post_worker_init(worker: Any) -> None:
    """Runs in each worker once it has the application, before it answers anybody."""
    if isinstance(worker, PatientWorker):
        bookkeeping = import_module("sessions.bookkeeping")
        bookkeeping.wait_for_quiet()
        worker.when_quiet = bookkeeping.write_kept
