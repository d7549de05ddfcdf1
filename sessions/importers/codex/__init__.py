"""Codex CLI's rollouts: `sessions/YYYY/MM/DD/rollout-<time>-<id>.jsonl`, of all three generations.

`items` says what one record holds, `rollouts` which session, key, parent and tokens that gets. docs/importers.md has
the mapping.
"""

import re
from collections.abc import Iterator
from typing import Any

from sessions.records import ImportEvent, SetAside

from ..formats import HEAD_BYTES, Format, Input
from ..jsonl import head_records, read_lines
from ..values import text
from .rollouts import Rollouts
from .state import SOURCE

_RECORDS = frozenset({"session_meta", "response_item", "event_msg", "turn_context", "compacted", "world_state"})
_BARE = frozenset({
    "custom_tool_call", "custom_tool_call_output", "function_call", "function_call_output", "local_shell_call",
    "reasoning", "web_search_call",
})  # fmt: skip
# A quote inside a JSON string is escaped, so this can only be a member.
_CUT_HEADER = re.compile(rb'(?<!\\)"type"\s*:\s*"(session_meta|response_item|event_msg|compacted)"')


def _is_record(record: dict[str, Any]) -> bool:
    kind = text(record.get("type"))
    if isinstance(record.get("payload"), dict):
        return kind in _RECORDS
    if record.get("record_type") == "state":
        return True
    if kind == "message":
        blocks = record.get("content")
        kinds = (
            {text(block.get("type")) for block in blocks if isinstance(block, dict)}
            if isinstance(blocks, list)
            else set()
        )
        return "role" in record and not kinds.isdisjoint({"input_text", "output_text"})
    if kind in ("tool_call", "tool_result"):
        return "timestamp" in record and not {"function", "result"}.isdisjoint(record)
    return kind in _BARE and not {"call_id", "summary", "encrypted_content", "action"}.isdisjoint(record)


def recognises(head: bytes) -> bool:
    """Whether one of the first lines is a record of Codex; the first may be longer than the head."""
    if any(_is_record(record) for record in head_records(head)):
        return True
    first = head.partition(b"\n")[0]
    is_cut = first.lstrip()[:1] == b"{" and len(first) == len(head) >= HEAD_BYTES
    return is_cut and bool(_CUT_HEADER.search(first[:1000])) and b'"payload"' in first[:1000]


def read(source: Input) -> Iterator[ImportEvent]:
    """The events of a rollout, in the file's order."""
    rollouts = Rollouts(source)
    for line in read_lines(source):
        if isinstance(line, SetAside):
            source.records_read += 1
            yield line
        else:
            yield from rollouts.take(line)
    yield from rollouts.close()


FORMAT = Format(name=SOURCE, recognises=recognises, read=read)
