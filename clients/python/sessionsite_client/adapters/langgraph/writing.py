"""Checkpoints and writes as interactions: what is stored, and what people read of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import BaseMessage
from langgraph.checkpoint.base import WRITES_IDX_MAP, ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.types import ERROR, INTERRUPT

from ...shapes import InteractionFields
from ..langchain_messages import turn_of
from ..records import Writer
from ..texts import digest, readable
from .contents import CHECKPOINT, WRITES, Contents
from .values import Stored, Version, Whole, spliced, stored_json, typed_json

_MOST_STATE_CHARACTERS = 4_000


@dataclass
class Step:
    """One checkpoint to store: `said` are new messages, `changed` other values that a person may want to see."""

    channels: list[tuple[str, Version, Stored]] = field(default_factory=list)
    said: list[BaseMessage] = field(default_factory=list)
    changed: dict[str, Any] = field(default_factory=dict)


def step_of(
    serde: SerializerProtocol,
    contents: Contents | None,
    namespace: str,
    checkpoint: Checkpoint,
    new_versions: ChannelVersions,
    parent_versions: Mapping[str, Version],
) -> Step:
    """The channels that changed, lists among them by what changed in them since the parent."""
    step = Step()
    values = checkpoint["channel_values"]
    for channel, version in new_versions.items():
        if channel not in values:
            step.channels.append((channel, version, Whole(None)))
            continue
        value = values[channel]
        if type(value) is list:
            base = parent_versions.get(channel)
            known = contents.channel(namespace, channel, base) if contents is not None and base is not None else None
            before = known if isinstance(known, list) else []
            stored = spliced([serde.dumps_typed(one) for one in value], base, before)
            step.channels.append((channel, version, stored))
            new = value[stored.head : len(value) - stored.tail]
            step.said += [one for one in new if isinstance(one, BaseMessage)]
        else:
            step.channels.append((channel, version, Whole(serde.dumps_typed(value))))
        if not channel.startswith(("__", "branch:")):
            step.changed[channel] = value
    return step


def checkpoint_interactions(
    writer: Writer,
    serde: SerializerProtocol,
    namespace: str,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
    parent: str | None,
    step: Step,
    *,
    is_readable: bool,
) -> list[dict[str, Any]]:
    bare = {name: value for name, value in checkpoint.items() if name != "channel_values"}
    told = {
        "checkpoint": typed_json(serde.dumps_typed(bare)),
        "metadata": typed_json(serde.dumps_typed(metadata)),
        "parent": parent,
        "channels": [[channel, version, stored_json(stored)] for channel, version, stored in step.channels],
    }
    text = json.dumps(told)
    mark: dict[str, Any] = {"record": CHECKPOINT, "ns": namespace, "id": checkpoint["id"]}
    for member in ("source", "step", "run_id"):
        if isinstance(value := metadata.get(member), str | int):
            mark[member] = value
    fields = _readable_step(step) if is_readable else _silent(CHECKPOINT)
    name = f"checkpoint-{digest(namespace, checkpoint['id'], text)}"
    return writer.interactions(text, fields, name=name, **mark)


def writes_interactions(
    writer: Writer,
    serde: SerializerProtocol,
    namespace: str,
    checkpoint_id: str,
    writes: Sequence[tuple[str, Any]],
    task_id: str,
    task_path: str,
    *,
    is_readable: bool,
) -> list[dict[str, Any]]:
    told = {
        "task": task_id,
        "path": task_path,
        "writes": [
            [WRITES_IDX_MAP.get(channel, index), channel, typed_json(serde.dumps_typed(value))]
            for index, (channel, value) in enumerate(writes)
        ],
    }
    text = json.dumps(told)
    fields = _readable_writes(writes) if is_readable else _silent(WRITES)
    # Of errors, interrupts and the like the last one counts, though it may have been said before.
    is_replaced = any(channel in WRITES_IDX_MAP for channel, _ in writes)
    name = None if is_replaced else f"writes-{digest(namespace, checkpoint_id, text)}"
    return writer.interactions(text, fields, name=name, record=WRITES, ns=namespace, id=checkpoint_id)


def _silent(status: str) -> InteractionFields:
    return {"kind": "agent_response", "status": status}


def _readable_step(step: Step) -> InteractionFields:
    if step.said:
        return turn_of(step.said)
    fields = _silent(CHECKPOINT)
    if step.changed:
        fields["response"] = readable(step.changed, longest=_MOST_STATE_CHARACTERS)
    return fields


def _readable_writes(writes: Sequence[tuple[str, Any]]) -> InteractionFields:
    """Only what no checkpoint tells later: what went wrong, and what waits for a person."""
    fields = _silent(WRITES)
    for channel, value in writes:
        if channel == ERROR:
            message = f"{type(value).__name__}: {value}" if isinstance(value, BaseException) else readable(value)
            fields["kind"], fields["error_message"], fields["status"] = "error", readable(message), "error"
        elif channel == INTERRUPT:
            fields["response"], fields["status"] = readable(_interrupts(value)), "interrupt"
    return fields


def _interrupts(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_interrupts(one) for one in value]
    return getattr(value, "value", value)
