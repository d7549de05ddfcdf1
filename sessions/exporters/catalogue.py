"""Every format in which a session can be given out. A new one is one module and one entry here."""

from collections.abc import Mapping

from . import (
    chatgpt,
    claude_code,
    document,
    librechat,
    markdown,
    openai,
    openai_finetune,
    openwebui,
    sharegpt,
    table,
    webpage,
)
from .formats import Format

FORMATS: Mapping[str, Format] = {
    format.name: format
    for format in (
        document.JSON_FORMAT,
        document.LINES_FORMAT,
        markdown.FORMAT,
        webpage.FORMAT,
        table.FORMAT,
        chatgpt.FORMAT,
        librechat.FORMAT,
        openwebui.FORMAT,
        openai.FORMAT,
        openai_finetune.FORMAT,
        sharegpt.FORMAT,
        claude_code.FORMAT,
    )
}
"""By name, in the order in which people are offered them."""

DEFAULT = document.JSON_FORMAT.name
