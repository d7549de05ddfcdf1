"""OpenAssistant's exports: trees of messages, the same messages one by one, and threads, which are paths through one.

All three name messages and trees alike, so they may be imported one after the other. Of several replies the best
ranked comes last, so that it is on the way that is read.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, count
from typing import Any

from sessions.records import JSON, ImportEvent, InteractionKind, SessionDraft, SetAside

from .chat import role_of, turn_part
from .dialogues import SURPRISES, UNFORESEEN, kept, without
from .formats import Format, Input, set_aside
from .jsonl import Line, Unreadable, parse_part, refuse_depth
from .rows import first_rows, read_rows
from .threads import Message, Part, Thread, compact
from .values import clip, digest, parse_time, safe_session_id, text

SOURCE = "oasst"
MAX_HELD_MESSAGES = 5_000
MAX_HELD_BYTES = 32 * 1024 * 1024
MAX_REMEMBERED_TREES = 100
"""So many of those whose first messages were told already may go on."""

TWICE = "a record that stands twice"
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
    for found in read_rows(source):
        source.records_read += 1
        row = _unfolded(found) if isinstance(found, SetAside) else found
        if isinstance(row, SetAside):
            yield row
            continue
        try:
            yield from list(trees.take(row))
        except SURPRISES:
            yield set_aside(row.place, UNFORESEEN, damaged=True, raw=row.raw)
    yield from trees.close()


def _unfolded(row: SetAside) -> Line | SetAside:
    """A tree that is deeper than what the store holds: each of its messages by itself is not."""
    if row.reason == "nested too deeply":
        try:
            tree = parse_part(row.raw, refuse_deep=False)
        except Unreadable:
            return row
        if isinstance(tree, dict):
            return Line(row.place, row.raw, tree)
    return row


@dataclass(slots=True)
class _Loose:
    """A message that stands by itself."""

    node: dict[str, Any]
    place: str
    size_bytes: int


class _Trees:
    """The trees of one file. Those whose messages stand one by one are held, for other trees' may stand between."""

    def __init__(self) -> None:
        self._held: dict[str, dict[str, _Loose]] = {}
        self._tree_of: dict[str, str] = {}
        self._given: dict[str, Thread] = {}
        self._held_bytes = self._held_count = 0

    def take(self, row: Line) -> Iterator[ImportEvent]:
        record = row.record
        nodes = _nodes_of(record)
        if not nodes:
            yield set_aside(row.place, "a row without a message", damaged=False, raw=row.raw)
        elif nodes[0] is record and not record.get("replies"):
            yield from self._hold(record, row)
        else:
            yield from self._whole(record, nodes, row.place)

    def _hold(self, node: dict[str, Any], row: Line) -> Iterator[ImportEvent]:
        key = _key_of(node)
        tree_id = text(node.get("message_tree_id")) or self._tree_of.get(text(node.get("parent_id")), key)
        tree = self._held.setdefault(tree_id, {})
        if key in tree:
            if tree[key].node == node:
                yield set_aside(row.place, TWICE, damaged=False, raw=row.raw)
                return
            key = f"{key}~{digest(compact(node))}"
            if key in tree:
                yield set_aside(row.place, TWICE, damaged=False, raw=row.raw)
                return
        tree[key] = _Loose(node, row.place, len(row.raw))
        self._tree_of[key] = tree_id
        self._held_bytes += len(row.raw)
        self._held_count += 1
        while self._held_count > MAX_HELD_MESSAGES or self._held_bytes > MAX_HELD_BYTES:
            yield from self._give(next(iter(self._held)))

    def close(self) -> Iterator[ImportEvent]:
        """The trees that are held, in the order in which they began."""
        for tree_id in list(self._held):
            yield from self._give(tree_id)

    def _give(self, tree_id: str) -> Iterator[ImportEvent]:
        held = self._held.pop(tree_id)
        self._held_count -= len(held)
        for key, loose in held.items():
            self._tree_of.pop(key, None)
            self._held_bytes -= loose.size_bytes
        thread = self._given.pop(tree_id, None) or Thread(SOURCE, safe_session_id(tree_id, SOURCE))
        self._given[tree_id] = thread
        if len(self._given) > MAX_REMEMBERED_TREES:
            del self._given[next(iter(self._given))]
        replies: dict[str, list[str]] = {}
        roots = []
        for key, loose in held.items():
            parent = text(loose.node.get("parent_id"))
            if parent in held and parent != key:
                replies.setdefault(parent, []).append(key)
            else:
                roots.append(key)
        yield from _opened(thread, {}, [loose.node for loose in held.values()])
        # Whatever hangs in a circle is reached from no root.
        begun = set(roots)
        told: set[str] = set()
        waiting = [*reversed([key for key in held if key not in begun]), *reversed(roots)]
        while waiting:
            key = waiting.pop()
            if key in told:
                continue
            told.add(key)
            loose = held[key]
            own_key = _new_key(thread, loose.node) if thread.knows(key) else key
            yield from thread.say(_message(loose.node, own_key, loose.place, text(loose.node.get("parent_id")) or None))
            waiting += sorted(replies.get(key, []), key=lambda reply: _rank(held[reply].node), reverse=True)

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
            key = _new_key(thread, node)
            own = without(node, "replies")
            try:
                refuse_depth(own)
            except Unreadable as error:
                # What replies to it follows what it followed.
                yield set_aside(place, error.reason, damaged=True, raw=compact(own))
                key = parent or ""
            else:
                yield from thread.say(_message(node, key, place, parent))
            replies = node.get("replies")
            listed = replies if isinstance(replies, list) else []
            waiting += [(reply, key or None) for reply in sorted(listed, key=_rank, reverse=True)]


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


def _new_key(thread: Thread, node: dict[str, Any]) -> str:
    """A key for a message of a tree; where its own is taken, one by its content, and by which of those alike it is."""
    key = _key_of(node)
    if not thread.knows(key):
        return key
    alike = f"{key}~{digest(compact(without(node, 'replies')))}"
    names = chain([alike], (f"{alike}~{times}" for times in count(2)))
    return next(name for name in names if not thread.knows(name))


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
