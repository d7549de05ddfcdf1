"""Text as it stands: escaped, without what only a terminal understands."""

import re
from html import escape

# ECMA-48: control sequences, strings such as window titles and links, and the two-character escapes.
_TERMINAL = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]"
    r"|\x1b[\]PX^_][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)"
    r"|\x1b[ -/]{0,8}[0-~]"
)
_DATA = re.compile(r"data:([\w.+-]{1,64}/[\w.+-]{1,64})((?:;[\w=-]{1,64}){0,4});base64,([A-Za-z0-9+/=_-]{64,})")
# What has no look of its own, and is no tab or line break.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def without_escapes(text: str) -> str:
    """A terminal's output as it would be read there: no colours, and of a line redrawn only its last state."""
    if "\x1b" in text or "\x9b" in text:
        text = _TERMINAL.sub("", text)
    if "\r" in text:
        text = text.replace("\r\n", "\n")
        text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return _CONTROLS.sub("", text)


def with_data_named(text: str) -> str:
    """A text whose embedded files are named by type and size and not spelt out."""
    return _DATA.sub(_name_data, text) if "base64," in text else text


def _name_data(found: re.Match[str]) -> str:
    return f"data:{found[1]};size={len(found[3].rstrip('=')) * 3 // 4}"


def to_html(text: str) -> str:
    return escape(text, quote=False)
