"""Addresses of what people name as they like."""

import re
from urllib.parse import unquote

# A browser takes a path apart at "/" and "\\" and drops "." and ".."; servers in between treat other signs so or so.
_UNSAFE = re.compile(r"[/\\~%?#;\x00-\x20\x7f]")
_ESCAPED = re.compile(r"~([0-9A-F]{2})")


class UserConverter:
    """A user ID as one segment of a path, whatever it holds.

    What a path cannot carry as itself is written as `~` and two hexadecimal digits, in the way of percent signs, but
    no server in between decodes it: `team/bob` is `/users/team~2Fbob/`, and `..` is `/users/~2E~2E/`.
    """

    regex = "[^/]+"

    def to_python(self, value: str) -> str:
        return _ESCAPED.sub(lambda match: unquote(f"%{match[1]}"), value)

    def to_url(self, value: str) -> str:
        escaped = _UNSAFE.sub(lambda match: f"~{ord(match[0]):02X}", value)
        if not escaped.strip("."):
            escaped = escaped.replace(".", "~2E")
        return escaped or "~"
