"""Logging in the background: what is recorded waits on the disk until the server has it."""

from .tasks import AsyncRecorder
from .threaded import Recorder

__all__ = ["AsyncRecorder", "Recorder"]
