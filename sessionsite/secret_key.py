"""The signing key: made once, kept in the data directory, readable by its owner alone."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

FILE_NAME = "secret_key"


def load_or_create(data_dir: Path) -> str:
    """Return the kept key, making it first where there is none.

    Two processes that start together agree on one key: the link that makes the file visible
    fails for the second, which then reads the first one's. Raises ImproperlyConfigured when there is
    no key to be had, naming the way out.
    """
    path = data_dir / FILE_NAME
    try:
        if not path.exists():
            data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            _create(path)
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(
            f"No signing key: {path} cannot be read or made ({error}). "
            "Make the data directory writable or set SESSIONSITE_SECRET_KEY."
        ) from error
    if not key:
        # Never replaced silently: whoever emptied it may still hold the old one to put back.
        raise ImproperlyConfigured(f"No signing key: {path} is empty. Restore it, or delete it to get a new one.")
    return key


def _create(path: Path) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(secrets.token_urlsafe(48))
            stream.flush()
            os.fsync(stream.fileno())
        # A link, unlike a rename, never replaces the key that another process made a moment earlier.
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
