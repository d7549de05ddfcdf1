"""Where the site is, what to come in with, and where this machine keeps what waits."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path


class NotConfigured(Exception):
    """No address or no token."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`user` names whose sessions they become; "" leaves that to the token."""

    url: str
    token: str
    user: str = ""


def load() -> Settings:
    """From SESSIONSITE_URL, SESSIONSITE_TOKEN and SESSIONSITE_USER, else from the file. Raises NotConfigured."""
    try:
        kept = json.loads(config_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        kept = {}
    values = {
        name: os.environ.get(f"SESSIONSITE_{name.upper()}") or kept.get(name) or "" for name in ("url", "token", "user")
    }
    if not values["url"] or not values["token"]:
        raise NotConfigured("Neither SESSIONSITE_URL and SESSIONSITE_TOKEN nor `install` said where to send it.")
    return Settings(values["url"].rstrip("/"), values["token"], values["user"])


def save(settings: Settings) -> Path:
    """Keep them for later, readable by this user alone."""
    path = config_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = {"url": settings.url, "token": settings.token, "user": settings.user}
    write_private(path, json.dumps(kept, indent=2))
    return path


def config_file() -> Path:
    return _home("XDG_CONFIG_HOME", ".config") / "sessionsite" / "claude-code.json"


def state_folder(settings: Settings) -> Path:
    """What was sent to a site of each transcript, and what waits; made where it is not there, for this user alone."""
    site = hashlib.sha256(settings.url.encode()).hexdigest()[:16]
    folder = _home("XDG_STATE_HOME", ".local/state") / "sessionsite" / "claude-code" / site
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def write_private(path: Path, text: str) -> None:
    """Write a file at once and whole, readable by this user alone."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    with open(part, "w", encoding="utf-8", opener=_private) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _home(variable: str, usual: str) -> Path:
    given = os.environ.get(variable, "")
    return Path(given) if given else Path.home() / usual
