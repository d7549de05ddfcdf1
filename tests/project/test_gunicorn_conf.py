"""What gunicorn's configuration wires up."""

import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest
from gunicorn.workers.gthread import ThreadWorker

from sessions import bookkeeping
from sessionsite import gunicorn_conf
from sessionsite.patient_worker import PatientWorker


def test_a_worker_that_tells_of_quiet_writes_the_notes_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bookkeeping, "_quiet_is_told", False)
    worker = object.__new__(PatientWorker)
    gunicorn_conf.post_worker_init(worker)
    assert worker.when_quiet == bookkeeping.write_kept
    assert bookkeeping._quiet_is_told


def test_another_worker_does_not_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bookkeeping, "_quiet_is_told", False)
    gunicorn_conf.post_worker_init(object.__new__(ThreadWorker))
    assert not bookkeeping._quiet_is_told


def test_what_is_loaded_is_not_looked_through_for_garbage(tmp_path: Path) -> None:
    program = """
import gc
from sessionsite import gunicorn_conf
gunicorn_conf.when_ready(None)
assert gc.get_freeze_count() > 10_000, gc.get_freeze_count()
assert gc.get_threshold() == gunicorn_conf.GARBAGE_THRESHOLDS
"""
    environment = {**os.environ, "SESSIONSITE_DATA_DIR": str(tmp_path), "SESSIONSITE_ENV_FILE": os.devnull}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert gc.get_threshold() != gunicorn_conf.GARBAGE_THRESHOLDS
