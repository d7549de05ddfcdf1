"""Exports with something changed in them, anywhere: nothing raises, hangs, or is taken in without a key."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sessions.exporters import document
from sessions.importers import open_sources
from sessions.importers.trees import UNFORESEEN
from sessions.records import (
    ExportedInteraction,
    ExportedSession,
    ImportedInteraction,
    ImportEvent,
    SessionDraft,
    SetAside,
)

from .exports import chatgpt, claude, claude_message, libre, libre_message, node, webui, webui_message
from .test_claude_code_whole import anything, paths_in
from .test_openwebui import CALLED, THOUGHTS
from .test_own import exported
from .test_trees import FIXTURES

_CALL = {"id": "t", "name": "f", "args": "{}", "output": "o"}
_PARTS = [{"type": "think", "think": "t"}, {"type": "tool_call", "tool_call": _CALL}]
_BLOCKS = [
    {"type": "thinking", "thinking": "t"},
    {"type": "tool_use", "id": "x", "name": "f", "input": {"a": [1]}},
    {"type": "tool_result", "tool_use_id": "x", "content": [{"type": "text", "text": "r"}], "is_error": False},
]
_OUTPUT = [
    {"type": "reasoning", "content": [{"type": "output_text", "text": "t"}]},
    {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "o"}]},
    {"type": "message", "content": [{"type": "output_text", "text": "said"}]},
]
SEEDS: list[Any] = [
    [chatgpt(node("u1", None, "user", "q", {"asset_pointer": "f"}, metadata={"attachments": [{"id": "f"}]}),
             node("c1", "u1", "assistant", '{"a": 1}', recipient="web", create_time=1700000000.5),
             node("r1", "c1", "tool", "r", name="web", metadata={"aggregate_result": {"start_time": 1}}),
             node("a1", "r1", "assistant", content={"content_type": "thoughts", "thoughts": [{"content": "t"}]}))],
    [claude(claude_message("m1", "human", "q", attachments=[{"file_name": "f", "extracted_content": "x"}], files=[{}]),
            claude_message("m2", "assistant", *_BLOCKS, "a", parent="m1"))],
    [webui(webui_message("u1", None, "user", "q", files=[{"type": "image", "url": "u"}], childrenIds=["a1"]),
           webui_message("a1", "u1", "assistant", THOUGHTS + CALLED, output=_OUTPUT, usage={"prompt_tokens": 1}))],
    libre(libre_message("m1", None, "q", user=True, children=[
        libre_message("m2", "m1", "a", content=_PARTS)
    ])),
    json.loads(exported(document.stream)),
]  # fmt: skip
SEEDS += [json.loads(path.read_bytes()) for _, path in FIXTURES if path.stat().st_size < 8_000]


@st.composite
def reshaped(draw: st.DrawFn) -> bytes:
    """An export in which some members, at any depth, are gone, somewhere else, or something else."""
    value = json.loads(json.dumps(draw(st.sampled_from(SEEDS))))
    for _ in range(draw(st.integers(1, 4))):
        places = [path for path in paths_in(value) if path]
        if not places:
            break
        *way, last = draw(st.sampled_from(places))
        inner = value
        for key in way:
            inner = inner[key]
        change = draw(st.sampled_from(["gone", "other", "copied", "nested"]))
        if change == "gone":
            del inner[last]
        elif change == "other":
            inner[last] = draw(anything)
        elif change == "copied":
            inner[last] = json.loads(json.dumps(draw(st.sampled_from(list(values_in(value))))))
        else:
            inner[last] = [inner[last]]
    return json.dumps(value).encode()


def values_in(value: Any) -> list[Any]:
    found = [value]
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        found += values_in(inner)
    return found


@st.composite
def broken(draw: st.DrawFn) -> bytes:
    """An export whose bytes were cut, overwritten, repeated or swapped."""
    data = json.dumps(draw(st.sampled_from(SEEDS)), indent=draw(st.sampled_from([None, 1]))).encode()
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 200)))
        new = draw(
            st.binary(max_size=8) | st.sampled_from([b"", data[start:end] * 2, b"NaN", b"[[[[", b'"', b"\\", b"}"])
        )
        data = data[:start] + new + data[end:]
    return data


def assert_sound(events: list[ImportEvent]) -> None:
    keys: set[tuple[str, str | None]] = set()
    opened: set[str] = set()
    for event in events:
        match event:
            case SetAside():
                assert event.reason != UNFORESEEN, event
                assert event.place.isprintable()
            case SessionDraft():
                opened.add(event.session_id)
            case ImportedInteraction():
                key = event.draft.idempotency_key
                assert key is not None
                assert 0 < len(key) <= 200
                assert event.draft.parent_key != key
                assert event.session_id in opened
                keys.add((event.session_id, key))
            case ExportedSession() | ExportedInteraction():
                pass
    assert events


quick = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=2000)


@quick
@given(reshaped() | broken())
def test_no_export_ever_raises(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "fuzz"
    path.write_bytes(data)
    (source,) = open_sources(path)
    events = list(source.read())
    assert events == list(source.read())
    assert_sound(events)


@pytest.mark.thorough
@settings(quick, max_examples=1_500)
@given(reshaped() | broken())
def test_no_export_ever_raises_however_long_one_tries(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "fuzz"
    path.write_bytes(data)
    for source in open_sources(path):
        assert_sound(list(source.read()))
