"""Gemini's part of Google Takeout: `MyActivity.json`, an array of what was done, with each prompt its answer as HTML.

Nothing in it says which prompts belong to one conversation, so those are taken for one that follow each other closely.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import unescape
from typing import Any

from sessions.records import JSON, ImportEvent, InteractionKind, SessionDraft, SetAside

from .chat import turn_part
from .documents import first_objects, read_objects
from .files import describe_file
from .formats import Format, Input, set_aside
from .jsonl import parse_part
from .threads import Message, Part, Thread
from .values import clip, digest, mapping, parse_time, text

SOURCE = "gemini-takeout"
LONGEST_PAUSE = timedelta(minutes=30)
"""A prompt after a longer pause begins a conversation."""

MAX_HELD_BYTES = 48 * 1024 * 1024
"""A longer file is read in pieces of so much, and at their seams a conversation may fall in two."""

_PRODUCTS = re.compile(r"gemini|\bbard\b", re.IGNORECASE)
# The verb stands in the account's language; an unknown one stays with the prompt.
_VERB = re.compile(r"(?:Prompted(?: with)?:?|Said|Eingegebener Prompt:|Prompt:)\s+")


@dataclass(slots=True)
class _Entry:
    moment: datetime | None
    place: str
    raw: bytes


def _is_entry(record: dict[str, Any]) -> bool:
    return "title" in record and "header" in record and ("time" in record or "products" in record)


def _is_gemini(record: dict[str, Any]) -> bool:
    products = record.get("products")
    named = [record.get("header"), *(products if isinstance(products, list) else [])]
    return any(_PRODUCTS.search(name) for name in named if isinstance(name, str))


def recognises(head: bytes) -> bool:
    """Whether one of the first objects is an activity of Gemini or Bard."""
    return any(_is_entry(record) and _is_gemini(record) for record in first_objects(head))


def read(source: Input) -> Iterator[ImportEvent]:
    """The conversations, the oldest first; the file has the newest first, and not always in order."""
    held: list[_Entry] = []
    held_bytes = 0
    for line in read_objects(source):
        source.records_read += 1
        if isinstance(line, SetAside):
            yield line
        elif not _is_gemini(line.record):
            yield set_aside(line.place, "an activity of another product", damaged=False, raw=line.raw)
        else:
            held.append(_Entry(parse_time(line.record.get("time")), line.place, line.raw))
            held_bytes += len(line.raw)
            if held_bytes > MAX_HELD_BYTES:
                yield from _told(held)
                held, held_bytes = [], 0
    yield from _told(held)


def _told(entries: list[_Entry]) -> Iterator[ImportEvent]:
    timed = sorted(
        ((entry.moment, place) for place, entry in enumerate(entries) if entry.moment), key=lambda one: one[0]
    )
    group: list[_Entry] = []
    last: datetime | None = None
    for moment, place in timed:
        if last and moment - last > LONGEST_PAUSE:
            yield from _conversation(group)
            group = []
        group.append(entries[place])
        last = moment
    if group:
        yield from _conversation(group)
    for entry in entries:
        if entry.moment is None:
            yield from _conversation([entry])


def _conversation(entries: list[_Entry]) -> Iterator[ImportEvent]:
    thread: Thread | None = None
    times: dict[str, int] = {}
    for entry in entries:
        record = mapping(parse_part(entry.raw))
        key = digest(f"{record.get('time')}\0{record.get('title')}")
        parts = _read(record)
        if thread is None:
            thread = Thread(SOURCE, f"{SOURCE}-{key}")
            first = next((part.prompt for part in parts if part.prompt), "")
            yield SessionDraft(
                session_id=thread.session_id,
                title=clip(" ".join(first.split()), 80) or None,
                source=SOURCE,
                created_at=entry.moment,
                last_activity_at=entries[-1].moment,
            )
        times[key] = times.get(key, 0) + 1
        if times[key] > 1:
            key = f"{key}~{times[key]}"
        yield from thread.say(Message(key, entry.place, parts, thread.tip, entry.moment, entry.raw))


def _read(record: dict[str, Any]) -> list[Part]:
    """The prompt and its answer, which may be in pieces; what is no prompt is told as it stands."""
    title = text(record.get("title"))
    verb = _VERB.match(title)
    answers = [said for item in _listed(record.get("safeHtmlItem")) if (said := text_of(text(item.get("html"))))]
    if not verb and not answers:
        part = turn_part(title, "")
        part.metadata["record"] = "activity"
        parts = [part]
    else:
        parts = [Part(InteractionKind.CLIENT_REQUEST, prompt=title[verb.end() :] if verb else title)]
        parts += [Part(InteractionKind.AGENT_RESPONSE, name="answer", response="\n\n".join(answers))] if answers else []
    if files := _files(record):
        parts[0].metadata["attachments"] = files
    names = [clip(name, 500) for item in _listed(record.get("subtitles")) if (name := text(item.get("name")))]
    if names:
        parts[0].metadata["subtitles"] = names
    if parse_time(record.get("time")) is None and record.get("time") is not None:
        parts[0].metadata["unreadable_time"] = clip(str(record["time"]), 100)
    return parts


def _listed(value: JSON) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _files(record: dict[str, Any]) -> list[JSON]:
    files: list[JSON] = []
    for name, kind in (
        ("imageFile", "image"),
        ("attachedFiles", "file"),
        ("audioFile", "audio"),
        ("audioFiles", "audio"),
    ):
        value = record.get(name)
        items = value if isinstance(value, list) else [value] if value else []
        files += [describe_file(item if isinstance(item, dict) else {"path": item}, kind) for item in items]
    return files


# --- HTML -------------------------------------------------------------------------------------------------------

# Every match ends at the next bracket, so that no input makes the search long.
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]{0,20})\b[^<>]{0,4000}>|<![^<>]{0,4000}>")
_BLOCKS = frozenset({"p", "div", "table", "tr", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6"})
_HIDDEN = frozenset({"script", "style", "template"})


class _Text:
    """The text of an answer, with its paragraphs, lists, headings and code as in Markdown."""

    def __init__(self) -> None:
        self._out: list[str] = []
        self._lists: list[int | None] = []
        self._hidden_by = ""
        self._in_code = False

    def read(self, html: str) -> str:
        end = 0
        for found in _TAG.finditer(html):
            self._say(html[end : found.start()])
            end = found.end()
            self._tag((found[2] or "").lower(), is_end=bool(found[1]))
        self._say(html[end:])
        lines = re.sub(r"(?<![ \t])[ \t]+\n", "\n", "".join(self._out))
        return re.sub(r"\n{3,}", "\n\n", lines).strip()

    def _say(self, said: str) -> None:
        if said and not self._hidden_by:
            said = unescape(said)
            self._out.append(said if self._in_code else re.sub(r"\s+", " ", said))

    def _tag(self, tag: str, *, is_end: bool) -> None:
        if tag in _HIDDEN and not (self._hidden_by and tag != self._hidden_by):
            self._hidden_by = "" if is_end else tag
        elif tag in ("ul", "ol"):
            self._list(tag, is_end=is_end)
        elif tag == "li" and not is_end:
            self._out.append(f"\n{'  ' * min(len(self._lists) - 1, 20)}{self._bullet()}")
        elif tag == "br":
            self._out.append("\n")
        elif tag in ("td", "th") and not is_end:
            self._out.append(" | ")
        elif tag == "pre":
            self._in_code = not is_end
            self._out.append("\n```\n\n" if is_end else "\n\n```\n")
        elif tag in _BLOCKS:
            is_heading = tag[0] == "h" and not is_end
            self._out.append("\n\n" + ("#" * int(tag[1]) + " " if is_heading else ""))

    def _list(self, tag: str, *, is_end: bool) -> None:
        if not is_end:
            self._lists.append(0 if tag == "ol" else None)
            self._out.append("\n" if len(self._lists) > 1 else "\n\n")
        elif self._lists:
            self._lists.pop()
            self._out.append("\n")

    def _bullet(self) -> str:
        number = self._lists[-1] if self._lists else None
        if number is None:
            return "- "
        self._lists[-1] = number + 1
        return f"{number + 1}. "


def text_of(html: str) -> str:
    """HTML as text. Its original is in the source record."""
    return _Text().read(html)


FORMAT = Format(name=SOURCE, recognises=recognises, read=read)
