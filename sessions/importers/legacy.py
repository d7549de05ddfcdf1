"""The flat JSON documents of the system that this one replaces, and the present-state documents of our mirror.

The old ones hold `session_id, user_id, created_at, last_activity, total_interactions, session_file_path,
metadata, context_summary, active_topics, user_preferences`, times naive and in UTC; ours begin with the same
names and add their own. Neither holds interactions.
"""

from collections.abc import Callable, Iterator
from typing import Any

from sessions.records import JSON, ImportEvent, SessionDraft, SetAside

from .formats import Format, Input, set_aside
from .jsonl import Unreadable, head_records, parse, read_lines
from .values import count, parse_time, safe_session_id

SOURCE = "legacy"
MAX_DOCUMENT_BYTES = 16 * 1024 * 1024

_DISTINCTIVE = frozenset(
    {"last_activity", "total_interactions", "session_file_path", "context_summary", "active_topics"}
)
_KNOWN = _DISTINCTIVE | {"user_id", "created_at", "metadata", "user_preferences"}
_TRACES = (b'"session_id"', b'"session_file_path"', b'"total_interactions"')

# Members of our own documents that say again, or say of the store, what the draft need not hold.
_OURS_AGAIN = frozenset({"session_file_path", "last_activity_at", "stated_interactions"})
_OURS_OR_EMPTY = frozenset({"held_at", "held_by", "hold_reason", "merged_into"})


def recognises(head: bytes) -> bool:
    """Whether this is such a document, or the beginning or remains of one, or the first of those on lines."""
    if _are_lines(head):
        return True
    try:
        return _is_document(parse(head.removeprefix(b"\xef\xbb\xbf")))
    except Unreadable:
        return head.lstrip()[:1] == b"{" and all(trace in head for trace in _TRACES)


def read(source: Input) -> Iterator[ImportEvent]:
    """The session of a document, or of each line where a document stands on each."""
    if _are_lines(source.head):
        for line in read_lines(source):
            source.records_read += 1
            yield line if isinstance(line, SetAside) else read_document(line.raw, line.place)
        return
    source.records_read += 1
    data = source.read(MAX_DOCUMENT_BYTES + 1)
    yield read_document(data, source.place)


def _are_lines(head: bytes) -> bool:
    first, _, rest = head.partition(b"\n")
    return bool(rest.strip()) and any(map(_is_document, head_records(first, 1)))


def read_document(data: bytes, place: str) -> SessionDraft | SetAside:
    """The session that a document describes.

    Fields of unknown name, and known ones of no known meaning, are kept in `metadata["legacy"]`. So is
    `session_file_path`, which may be some other machine's and is never opened. Raises nothing.
    """
    if len(data) > MAX_DOCUMENT_BYTES:
        return set_aside(place, "a document too large", damaged=True, raw=data)
    try:
        document = parse(data.removeprefix(b"\xef\xbb\xbf"))
    except Unreadable as error:
        return set_aside(place, error.reason, damaged=True, raw=data)
    if not _is_document(document):
        return set_aside(place, "not a known format", damaged=False, raw=data)
    return _draft(document)


def _is_document(document: JSON) -> bool:
    """Its ID, and enough of the other names that no other program's JSON is taken for one."""
    if type(document) is not dict or not _original_id(document) or "interactions" in document:
        return False
    return len(_KNOWN & document.keys()) >= 4 and not _DISTINCTIVE.isdisjoint(document)


def _original_id(document: dict[str, Any]) -> str:
    value = document.get("session_id")
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _draft(document: dict[str, Any]) -> SessionDraft:
    fields: dict[str, Any] = {}
    left: dict[str, JSON] = {}
    for name, value in document.items():
        field, understand = _FIELDS.get(name, ("", _nothing))
        understood = understand(value)
        if understood is not None:
            fields[field] = understood
        elif value is not None and name != "session_id":
            left[name] = value
    if "stated_interactions" in document:
        left = {name: value for name, value in left.items() if not _is_said_elsewhere(name, value)}
    original = _original_id(document)
    session_id = safe_session_id(original, SOURCE)
    metadata = fields.pop("metadata", {})
    if left:
        metadata = metadata | {"legacy": _kept(metadata.get("legacy")) | left}
    if session_id != original:
        metadata = metadata | {"original_session_id": original}
    fields.setdefault("source", SOURCE)
    return SessionDraft(session_id=session_id, metadata=metadata or None, **fields)


def _is_said_elsewhere(name: str, value: JSON) -> bool:
    return name in _OURS_AGAIN or (name in _OURS_OR_EMPTY and not value)


def _kept(earlier: JSON) -> dict[str, JSON]:
    """What an earlier adoption had left over, which our own document hands back."""
    return earlier if isinstance(earlier, dict) else {} if earlier is None else {"legacy": earlier}


def _nothing(value: JSON) -> None:
    return None


def _name(longest: int) -> Callable[[JSON], str | None]:
    """What the store takes for a name: printable, without blanks around it."""

    def name(value: JSON) -> str | None:
        is_name = isinstance(value, str) and value.isprintable() and value == value.strip()
        return value if is_name and 0 < len(value) <= longest else None

    return name


def _string(value: JSON) -> str | None:
    return value if isinstance(value, str) and value else None


def _decoded(value: JSON) -> JSON:
    """Lists and objects may stand there as JSON in a string."""
    if not isinstance(value, str):
        return value
    try:
        return parse(value.encode("utf-8", "surrogatepass"))
    except Unreadable:
        return value


def _names(longest: int) -> Callable[[JSON], list[str] | None]:
    """A list of names, or one; as a whole not understood where one of them is not."""
    name = _name(longest)

    def names(value: JSON) -> list[str] | None:
        items = _decoded(value)
        found = [name(item) for item in (items if isinstance(items, list) else [items])]
        return None if None in found else [item for item in found if item is not None]

    return names


def _object(value: JSON) -> dict[str, Any] | None:
    found = _decoded(value)
    return found if isinstance(found, dict) else None


_FIELDS: dict[str, tuple[str, Callable[[JSON], Any]]] = {
    "user_id": ("user_id", _name(255)),
    "created_at": ("created_at", parse_time),
    "last_activity": ("last_activity_at", parse_time),
    "total_interactions": ("stated_interactions", count),
    "metadata": ("metadata", _object),
    "context_summary": ("context_summary", _string),
    "active_topics": ("active_topics", _names(1000)),
    "user_preferences": ("user_preferences", _object),
    "title": ("title", _string),
    "source": ("source", _name(64)),
    "tags": ("tags", _names(100)),
    "project_context": ("project_context", _object),
    "semantic_context": ("semantic_context", _object),
}

FORMAT = Format(name=SOURCE, recognises=recognises, read=read)
