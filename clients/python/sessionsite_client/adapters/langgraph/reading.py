"""What LangGraph is given of a thread's contents."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import Checkpoint, CheckpointTuple, PendingWrite, get_checkpoint_id
from langgraph.checkpoint.serde.base import SerializerProtocol

from .contents import Contents, Name, Saved
from .values import Typed, Whole


def name_of(config: RunnableConfig) -> tuple[str, str, str | None]:
    """Thread, namespace, and checkpoint, where one is named."""
    configurable: Mapping[str, Any] = config["configurable"]
    return str(configurable["thread_id"]), str(configurable.get("checkpoint_ns", "")), get_checkpoint_id(config)


def config_of(thread_id: str, name: Name) -> RunnableConfig:
    return {"configurable": {"thread_id": thread_id, "checkpoint_ns": name[0], "checkpoint_id": name[1]}}


def tuple_of(
    serde: SerializerProtocol, contents: Contents, thread_id: str, name: Name, *, forgotten: bool = False
) -> CheckpointTuple | None:
    """A checkpoint with its channels and its writes; None where it is not there, or forgotten."""
    saved = contents.saved(name, forgotten=forgotten)
    if saved is None:
        return None
    checkpoint = bare_checkpoint(serde, saved)
    checkpoint["channel_values"] = _channel_values(serde, contents, name[0], checkpoint)
    return CheckpointTuple(
        config=config_of(thread_id, name),
        checkpoint=checkpoint,
        metadata=serde.loads_typed(saved.metadata),
        parent_config=config_of(thread_id, (name[0], saved.parent)) if saved.parent else None,
        pending_writes=pending_writes(serde, contents, name),
    )


def tuples_of(
    serde: SerializerProtocol,
    contents: Contents,
    config: RunnableConfig,
    wanted: Mapping[str, Any] | None,
    before: RunnableConfig | None,
) -> Iterator[CheckpointTuple]:
    """Those of a thread that fit, the latest first."""
    thread_id, namespace, identifier = name_of(config)
    is_named = "checkpoint_ns" in config["configurable"]
    ahead_of = get_checkpoint_id(before) if before else None
    for name in contents.names(namespace if is_named else None):
        if (identifier and name[1] != identifier) or (ahead_of and name[1] >= ahead_of):
            continue
        saved = contents.saved(name)
        if saved is None or not _fits(serde.loads_typed(saved.metadata), wanted):
            continue
        if (found := tuple_of(serde, contents, thread_id, name)) is not None:
            yield found


def bare_checkpoint(serde: SerializerProtocol, saved: Saved) -> Checkpoint:
    """A checkpoint without the values of its channels."""
    checkpoint: Checkpoint = serde.loads_typed(saved.checkpoint)
    return checkpoint


def pending_writes(serde: SerializerProtocol, contents: Contents, name: Name) -> list[PendingWrite]:
    return [(one.task_id, one.channel, serde.loads_typed(one.value)) for one in contents.writes(name)]


def ancestors(contents: Contents, name: Name) -> Iterator[Name]:
    """From a checkpoint's parent on back, over those too that were forgotten: later channels build upon them."""
    seen = {name}
    saved = contents.saved(name, forgotten=True)
    while saved is not None and saved.parent is not None:
        name = (name[0], saved.parent)
        if name in seen:
            return
        seen.add(name)
        yield name
        saved = contents.saved(name, forgotten=True)


def channel_value(serde: SerializerProtocol, value: Whole | list[Typed] | None) -> tuple[bool, Any]:
    """Whether there is one, and it."""
    if isinstance(value, list):
        return True, [serde.loads_typed(one) for one in value]
    if value is None or value.value is None:
        return False, None
    return True, serde.loads_typed(value.value)


def _channel_values(
    serde: SerializerProtocol, contents: Contents, namespace: str, checkpoint: Checkpoint
) -> dict[str, Any]:
    values = {}
    for channel, version in checkpoint["channel_versions"].items():
        is_there, value = channel_value(serde, contents.channel(namespace, channel, version))
        if is_there:
            values[channel] = value
    return values


def _fits(metadata: Mapping[str, Any], wanted: Mapping[str, Any] | None) -> bool:
    return all(metadata.get(name) == value for name, value in (wanted or {}).items())


def history_of(
    serde: SerializerProtocol, contents: Contents, name: Name, channels: Sequence[str]
) -> dict[str, tuple[list[PendingWrite], bool, Any]]:
    """For each channel the writes since the nearest ancestor that has its value, the oldest first, and that value."""
    found: dict[str, tuple[list[PendingWrite], bool, Any]] = {channel: ([], False, None) for channel in channels}
    open_channels = set(channels)
    for ancestor in ancestors(contents, name):
        if not open_channels:
            break
        for write in reversed(pending_writes(serde, contents, ancestor)):
            if write[1] in open_channels:
                found[write[1]][0].append(write)
        saved = contents.saved(ancestor, forgotten=True)
        versions = bare_checkpoint(serde, saved)["channel_versions"] if saved is not None else {}
        for channel in list(open_channels & versions.keys()):
            stored = contents.channel(ancestor[0], channel, versions[channel])
            is_there, value = channel_value(serde, stored)
            if is_there:
                found[channel] = (found[channel][0], True, value)
                open_channels.discard(channel)
    return {channel: (writes[::-1], is_there, value) for channel, (writes, is_there, value) in found.items()}
