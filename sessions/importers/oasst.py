"""OpenAssistant's exports: trees of messages, the same messages one by one, and threads, which are paths through one.

All three name messages and trees alike, so they may be imported one after the other. Of several replies the best
ranked comes last, so that it is on the way that is read.
"""

from collections.abc import Iterator
from typing import Any

from sessions.records import JSON, ImportEvent, InteractionKind, SessionDraft, SetAside

from .chat import role_of, turn_part
from .dialogues import SURPRISES, UNFORESEEN, kept, without
from .formats import Format, Input, set_aside
from .jsonl import Line
from .rows import first_rows, read_rows
from .threads import Message, Part, Thread, compact
from .values import clip, digest, parse_time, safe_session_id, text

SOURCE = "oasst"
MAX_HELD_MESSAGES = 5_000
_THREADS = ("thread", "messages", "conversation", "path")
_ROLES = frozenset({"prompter", "assistant"})
_ABOUT = ("lang", "rank", "labels", "emojis", "deleted", "synthetic", "review_result", "user_id")


def _is_node(value: JSON) -> bool:
    return isinstance(value, dict) and "message_id" in value and "text" in value and text(value.get("role")) in _ROLES


def _nodes_of(row: dict[str, Any]) -> list[JSON]:
    """The messages that a row is or holds: a tree's root, a message (with or without replies), or a thread's path."""
    if isinstance(row.get("prompt"), dict) and _is_node(row["prompt"]):
        return [row["prompt"]]
    if _is_node(row):
        return [row]
    for name in _THREADS:
        if isinstance(nodes := row.get(name), list) and nodes and all(_is_node(node) for node in nodes[:3]):
            return nodes
    return []


def recognises(head: bytes) -> bool:
    """Whether one of the first objects is a tree, a message or a thread."""
    return any(_nodes_of(row) for row in first_rows(head))


def read(source: Input) -> Iterator[ImportEvent]:
    """The events of an export, tree by tree; messages that stand one by one are held until another tree's come."""
    trees = _Trees()
    for row in read_rows(source):
        source.records_read += 1
        if isinstance(row, SetAside):
            yield row
            continue
        try:
            yield from list(trees.take(row))
        except SURPRISES:
            yield set_aside(row.place, UNFORESEEN, damaged=True, raw=row.raw)
    yield from trees.close()


class _Trees:
    """The trees of one file; one is at hand."""

    def __init__(self) -> None:
        self._tree_id = ""
        self._loose: dict[str, tuple[dict[str, Any], str]] = {}

    def take(self, row: Line) -> Iterator[ImportEvent]:
        record = row.record
        nodes = _nodes_of(record)
        if not nodes:
            yield set_aside(row.place, "a row without a message", damaged=False, raw=row.raw)
        elif nodes[0] is record and not record.get("replies"):
            yield from self._hold(record, row.place)
        else:
            yield from self.close()
            yield from self._whole(record, nodes, row.place)

    def _hold(self, node: dict[str, Any], place: str) -> Iterator[ImportEvent]:
        tree_id = text(node.get("message_tree_id")) or self._tree_of(node)
        if tree_id != self._tree_id or len(self._loose) >= MAX_HELD_MESSAGES:
            yield from self.close()
            self._tree_id = tree_id
        key = _key_of(node)
        if key in self._loose:
            key = f"{key}~{digest(compact(node))}"
        self._loose[key] = (node, place)

    def _tree_of(self, node: dict[str, Any]) -> str:
        """Without the tree's ID: the tree at hand, if it has the parent; else one that begins here."""
        parent = text(node.get("parent_id"))
        return self._tree_id if parent and parent in self._loose else _key_of(node)

    def close(self) -> Iterator[ImportEvent]:
        """The tree whose messages were held."""
        held, self._loose = self._loose, {}
        if not held:
            return
        thread = Thread(SOURCE, safe_session_id(self._tree_id, SOURCE))
        replies: dict[str, list[str]] = {}
        roots = []
        for key, (node, _) in held.items():
            parent = text(node.get("parent_id"))
            if parent in held and parent != key:
                replies.setdefault(parent, []).append(key)
            else:
                roots.append(key)
        yield from _opened(thread, {}, [node for node, _ in held.values()])
        # Whatever hangs in a circle is reached from no root.
        waiting = [*reversed([key for key in held if key not in roots]), *reversed(roots)]
        while waiting:
            key = waiting.pop()
            if thread.knows(key):
                continue
            node, place = held[key]
            yield from thread.say(_message(node, key, place, text(node.get("parent_id")) or None))
            waiting += sorted(replies.get(key, []), key=lambda reply: _rank(held[reply][0]), reverse=True)

    def _whole(self, row: dict[str, Any], nodes: list[JSON], place: str) -> Iterator[ImportEvent]:
        """A tree with its replies inside, or a path."""
        first = nodes[0]
        is_message = first is row
        envelope = {} if is_message else without(row, "prompt", *_THREADS)
        tree_id = text(row.get("message_tree_id")) or text(first.get("message_tree_id"))
        if not tree_id:
            tree_id = text(first.get("parent_id")) or _key_of(first)
        thread = Thread(SOURCE, safe_session_id(tree_id, SOURCE))
        yield from _opened(thread, envelope, [node for node in nodes if isinstance(node, dict)])
        waiting: list[tuple[JSON, str | None]] = [(nodes[0], text(first.get("parent_id")) or None)]
        path = nodes[:0:-1]
        while waiting or path:
            node, parent = waiting.pop() if waiting else (path.pop(), thread.tip)
            if not isinstance(node, dict):
                yield set_aside(place, "a reply that is no message", damaged=True, raw=compact(node))
                continue
            key = _key_of(node)
            if thread.knows(key):
                key = f"{key}~{digest(compact(without(node, 'replies')))}"
            yield from thread.say(_message(node, key, place, parent))
            replies = node.get("replies")
            listed = replies if isinstance(replies, list) else []
            waiting += [(reply, key) for reply in sorted(listed, key=_rank, reverse=True)]


def _opened(thread: Thread, envelope: dict[str, Any], nodes: list[dict[str, Any]]) -> Iterator[SessionDraft]:
    times = [moment for node in nodes if (moment := parse_time(node.get("created_date")))]
    thread.see_time(min(times, default=None))
    yield SessionDraft(
        session_id=thread.session_id,
        source=SOURCE,
        created_at=min(times, default=None),
        last_activity_at=max(times, default=None),
        metadata=kept(without(envelope, "message_tree_id")) or None,
    )


def _is_void(value: JSON) -> bool:
    return value is None or value is False or value in ("", [], {})


def _key_of(node: dict[str, Any]) -> str:
    return text(node.get("message_id")) or f"message:{digest(compact(without(node, 'replies')))}"


def _rank(node: JSON) -> float:
    """For sorting: the unranked first, the best last."""
    rank = node.get("rank") if isinstance(node, dict) else None
    return -rank if isinstance(rank, int | float) and not isinstance(rank, bool) else float("-inf")


def _message(node: dict[str, Any], key: str, place: str, parent: str | None) -> Message:
    said, role = text(node.get("text")), role_of(node.get("role"))
    model = text(node.get("model_name"))
    if role == "user":
        part = Part(InteractionKind.CLIENT_REQUEST, prompt=said)
        if model:
            part.metadata["model_name"] = clip(model, 255)
    elif role == "assistant":
        part = Part(InteractionKind.AGENT_RESPONSE, response=said, model=model)
    else:
        part = turn_part(said, text(node.get("role")))
    part.metadata |= {name: node[name] for name in _ABOUT if name in node and not _is_void(node[name])}
    record = compact(without(node, "replies"))
    return Message(key, place, [part], parent, parse_time(node.get("created_date")), record)


FORMAT = Format(name=SOURCE, recognises=recognises, read=read)
