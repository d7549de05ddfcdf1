"""The database that DATABASE_URL names, as Django wants it."""

from pathlib import Path
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

SQLITE_FILE_NAME = "sessionsite.sqlite3"
# A persistent connection serves this long before it is opened anew.
CONNECTION_SECONDS = 600
# How long a start or a request waits for a PostgreSQL server that does not answer.
CONNECT_TIMEOUT_SECONDS = 10

_EXPECTED = (
    "Expected sqlite:////absolute/path/file.sqlite3 or postgresql://user:password@host:5432/name, with special "
    "characters in the user and the password percent-encoded (@ is %40, / is %2F, # is %23)."
)


def database_config(url: str, *, data_dir: Path) -> dict[str, Any]:
    """Django's entry for `url`; SQLite in the data directory when it is empty.

    Raises ImproperlyConfigured for anything but a file of SQLite or a PostgreSQL database. The message never
    holds any part of the URL, which may hold a password.
    """
    if not url:
        return _sqlite(str(data_dir / SQLITE_FILE_NAME), {})
    try:
        config = dict(dj_database_url.parse(url))
    except ValueError:
        raise ImproperlyConfigured(f"DATABASE_URL cannot be read. {_EXPECTED}") from None
    if not config["NAME"] or config["NAME"] == ":memory:":
        raise ImproperlyConfigured(f"DATABASE_URL names no database that would last. {_EXPECTED}")
    if config["ENGINE"] == "django.db.backends.sqlite3":
        return _sqlite(str(config["NAME"]), config.get("OPTIONS", {}))
    if config["ENGINE"] == "django.db.backends.postgresql":
        return _postgresql(config)
    raise ImproperlyConfigured(f"DATABASE_URL names a database that Sessionsite does not know. {_EXPECTED}")


def _sqlite(path: str, options: Any) -> dict[str, Any]:
    return {
        "ENGINE": "sessionsite.sqlite",
        # A relative path would name another file whenever the working directory changes.
        "NAME": str(Path(path).expanduser().absolute()),
        "OPTIONS": options,
        "CONN_MAX_AGE": CONNECTION_SECONDS,
    }


def _postgresql(config: dict[str, Any]) -> dict[str, Any]:
    defaults = {"connect_timeout": CONNECT_TIMEOUT_SECONDS, "application_name": "sessionsite"}
    return config | {
        "OPTIONS": defaults | config.get("OPTIONS", {}),
        "CONN_MAX_AGE": CONNECTION_SECONDS,
        "CONN_HEALTH_CHECKS": True,
    }
