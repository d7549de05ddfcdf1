"""Logging: constant events with fields; emojis on the console, or one JSON object a line.

Conversation text is never logged: callers pass identifiers, counts and durations in `extra`.
"""

import json
import logging
from datetime import UTC, datetime
from typing import Any

EMOJIS = {
    "session_created": "🆕",
    "session_resumed": "🔄",
    "session_restored": "♻️",
    "session_trashed": "🗑️",
    "session_purged": "🔥",
    "session_held": "📌",
    "session_released": "📍",
    "session_adopted": "🏠",
    "interaction_logged": "💾",
    "context_updated": "📝",
    "profile_updated": "👤",
    "profile_restored": "👤",
    "sessions_merged": "🔗",
    "users_merged": "🔗",
    "sessions_unmerged": "✂️",
    "users_unmerged": "✂️",
    "cleanup_finished": "🧹",
    "cleanup_stopped": "🛑",
    "import_finished": "📥",
    "mirror_unavailable": "🚨",
    "file_quarantined": "⚠️",
    "mirror_reconciled": "🪞",
    "worker_started": "⏱️",
    "worker_stopped": "💤",
    "job_failed": "⚠️",
    "job_recovered": "💚",
}
_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    # Django attaches the whole request to its records; its text would be the visitor's.
    return {key: value for key, value in vars(record).items() if key not in _STANDARD_FIELDS | {"request"}}


def _shown(value: object) -> str:
    """The value as one word: what holds spaces, quotes or control characters is quoted and escaped.

    An identifier that a client chose could otherwise end the line and forge the next one.
    """
    text = str(value)
    return text if text and text.isprintable() and not set(text) & set(' "=') else json.dumps(text)


class ConsoleFormatter(logging.Formatter):
    """`12:00:01 🆕 session_created session_id=... user_id=...`, in the machine's time zone."""

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        emoji = EMOJIS.get(message) or ("⚠️" if record.levelno >= logging.WARNING else "·")
        moment = datetime.fromtimestamp(record.created, UTC).astimezone().strftime("%H:%M:%S")
        fields = "".join(f" {key}={_shown(value)}" for key, value in _fields(record).items())
        line = f"{moment} {emoji} {message}{fields}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `at`, `level`, `logger`, `event`, and the event's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        # Ours win over a field of the same name, which could otherwise disguise the event.
        entry = {**entry, **_fields(record), **entry}
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False, default=str)


def logging_config(*, level: str, log_format: str) -> dict[str, Any]:
    """The dictConfig for a level and a format (`console` or `json`); everything goes to standard error."""
    formatter = "sessionsite.logs.JsonFormatter" if log_format == "json" else "sessionsite.logs.ConsoleFormatter"

    def logger(level: str) -> dict[str, Any]:
        return {"handlers": ["stderr"], "level": level, "propagate": False}

    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"chosen": {"()": formatter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "chosen"}},
        # Libraries that nobody named here speak up when something is wrong.
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            "sessions": logger(level),
            "sessionsite": logger(level),
            # Django's DEBUG prints every SQL statement with its parameters: conversation text. Never that.
            "django": logger("INFO" if level == "DEBUG" else level),
            # gunicorn's chatter about its own processes says nothing that the supervisor does not say.
            "gunicorn.error": logger("WARNING" if level in ("DEBUG", "INFO") else level),
        },
    }
