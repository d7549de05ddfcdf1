"""The app's settings, typed; read when asked, so that tests may change them."""

from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from sessions.errors import InvalidInput

MAX_DAYS = 36_500


def data_dir() -> Path:
    """The folder that holds everything that is not in the database."""
    folder = settings.DATA_DIR
    # The same object each time: a path knows its hash, a copy of it does not.
    return folder if isinstance(folder, Path) else Path(folder)


def expire_days() -> int:
    """Days without activity after which a session is expired. Raises InvalidInput for a senseless setting."""
    return _days("SESSIONSITE_EXPIRE_DAYS")


def trash_days() -> int:
    """Days in the trash after which a session is purged. Raises InvalidInput for a senseless setting."""
    return _days("SESSIONSITE_TRASH_DAYS")


def expires_before() -> datetime:
    """A session whose last activity lies before this moment is expired."""
    return timezone.now() - timedelta(days=expire_days())


def purges_before() -> datetime:
    """A session trashed before this moment is due to be purged."""
    return timezone.now() - timedelta(days=trash_days())


def requests_per_minute() -> int:
    """How many requests a minute a token may make that has no limit of its own."""
    return int(settings.SESSIONSITE_REQUESTS_PER_MINUTE)


def max_request_bytes() -> int:
    """How large a request's body may be."""
    return int(settings.SESSIONSITE_MAX_REQUEST_MB) * 1024 * 1024


def max_upload_bytes() -> int:
    """How much may be sent at once to be imported."""
    return int(settings.SESSIONSITE_MAX_UPLOAD_MB) * 1024 * 1024


def _days(name: str) -> int:
    """A missing, negative or senseless number of days must delete nothing, so it is refused wherever it is read."""
    value = getattr(settings, name, None)
    if type(value) is not int or not 1 <= value <= MAX_DAYS:
        raise InvalidInput(name, f"must be a whole number of days from 1 to {MAX_DAYS:,}; nothing was touched.")
    return value
