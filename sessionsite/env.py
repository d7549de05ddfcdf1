"""Typed readers of the environment; a value that cannot be read stops the start, loudly.

Messages name the variable and say what is expected. The value itself is shown only where it cannot be a secret.
"""

import os
import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def text(name: str, default: str = "") -> str:
    """The variable's text, or the content of the file that `<name>_FILE` points to (for secrets).

    White space around it is dropped; an empty value counts as absent. Raises ImproperlyConfigured when both
    are given, or when the file cannot be read.
    """
    value = os.environ.get(name, "").strip()
    file_name = os.environ.get(f"{name}_FILE", "").strip()
    if not file_name:
        return value or default
    if value:
        raise ImproperlyConfigured(f"Set either {name} or {name}_FILE, not both: which one counts is unclear.")
    try:
        return Path(file_name).read_text(encoding="utf-8").strip() or default
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ImproperlyConfigured(f"{name}_FILE: {file_name} cannot be read ({reason}).") from None


def boolean(name: str, default: bool = False) -> bool:
    """True for 1/true/yes/on, False for 0/false/no/off, in any case."""
    value = text(name).lower()
    if not value:
        return default
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}.")


def integer(name: str, default: int, *, minimum: int, maximum: int) -> int:
    """A whole number within [minimum, maximum]."""
    value = text(name)
    if not value:
        return default
    try:
        number = int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.") from None
    if not minimum <= number <= maximum:
        raise ImproperlyConfigured(f"{name} must be between {minimum} and {maximum}, not {number}.")
    return number


def words(name: str, default: tuple[str, ...] = ()) -> list[str]:
    """A comma-separated list."""
    value = text(name)
    return [word.strip() for word in value.split(",") if word.strip()] if value else list(default)


def networks(name: str) -> list[IPv4Network | IPv6Network]:
    """Comma-separated IP addresses and networks, such as `127.0.0.1, 10.0.0.0/8`."""
    try:
        return [ip_network(word) for word in words(name)]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must hold IP addresses or networks: {error}.") from None


def choice(name: str, default: str, choices: tuple[str, ...]) -> str:
    """One of a few words, in any case."""
    value = text(name, default)
    for candidate in choices:
        if candidate.lower() == value.lower():
            return candidate
    raise ImproperlyConfigured(f"{name} must be one of {', '.join(choices)}, not {value!r}.")


def load_file(path: Path) -> None:
    """Take the variables of a `.env` file into the environment; what is already set there wins.

    One `NAME=value` a line. The value is literal to the line's end: `$`, `#`, `\\` and inner quotes mean
    nothing, so a password needs no escaping; one pair of quotes around the whole value is dropped. Lines that
    are empty or start with `#` are skipped. No file is no settings. Raises ImproperlyConfigured for a line
    that is not an assignment (naming its number, never its text) and for a file that cannot be read.
    """
    try:
        content = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"{path} cannot be read: {type(error).__name__}.") from None
    for number, line in enumerate(content.splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            _set_absent(*_assignment(line, place=f"{path}, line {number}"))


def _assignment(line: str, *, place: str) -> tuple[str, str]:
    name, equals, value = line.partition("=")
    name, value = name.strip().removeprefix("export ").strip(), value.strip()
    if not equals or not _NAME.fullmatch(name):
        raise ImproperlyConfigured(f"{place}: expected NAME=value.")
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    return name, value


def _set_absent(name: str, value: str) -> None:
    # A variable and its _FILE twin are one setting: the real environment's form of it wins over the file's.
    twin = name.removesuffix("_FILE") if name.endswith("_FILE") else f"{name}_FILE"
    if name not in os.environ and twin not in os.environ:
        os.environ[name] = value
