"""SillyTavern's chats: a header, then one message a line, with the other replies that were made (`swipes`) in it.

Such a file names no conversation. It goes by when, with whom and with which words it began, so that a branch or a
checkpoint, which SillyTavern writes as a file of its own, is found to be a branch of the chat that it left.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sessions.records import JSON, ImportEvent, InteractionKind, SessionDraft, SetAside

from .blocks import decoded
from .chat import turn_part
from .files import describe_file
from .formats import Format, Input, set_aside
from .jsonl import Line, head_records, read_lines
from .threads import Message, Part, Thread, canonical
from .values import clip, count, digest, mapping, name_of, parse_time, safe_session_id, text

SOURCE = "sillytavern"
_UNFORESEEN = "a shape this importer does not know"
_SURPRISES = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
_NOT_SPOKEN = frozenset({"narrator", "comment", "help", "slash_commands", "macros", "formatting", "welcome", "system"})
_OWN_OF_SWIPES = ("send_date", "gen_started", "gen_finished", "extra")


def _is_header(record: dict[str, Any]) -> bool:
    return {"user_name", "character_name"} <= record.keys() and "mes" not in record


def _is_message(record: dict[str, Any]) -> bool:
    return isinstance(record.get("mes"), str) and "is_user" in record


def recognises(head: bytes) -> bool:
    """Whether one of the first lines is a header or a message of SillyTavern."""
    return any(_is_header(record) or _is_message(record) for record in head_records(head))


def read(source: Input) -> Iterator[ImportEvent]:
    """The events of a chat, in the file's order; of several replies the one that was taken comes last."""
    chat = _Chat(source)
    for line in read_lines(source):
        source.records_read += 1
        if isinstance(line, SetAside):
            yield line
            continue
        try:
            yield from list(chat.take(line))
        except _SURPRISES:
            yield set_aside(line.place, _UNFORESEEN, damaged=True, raw=line.raw)
    yield from chat.close()


class _Chat:
    """One file's chat, from its header to its last message."""

    def __init__(self, source: Input) -> None:
        self._source = source
        self._header: dict[str, Any] = {}
        self._thread: Thread | None = None
        self._told: SessionDraft | None = None

    def take(self, line: Line) -> Iterator[ImportEvent]:
        if "mes" in line.record:
            yield from self._message(replace(line, record={**line.record, "mes": text(line.record["mes"])}))
        elif self._header or not _is_header(line.record):
            yield set_aside(line.place, "neither header nor message", damaged=False, raw=line.raw)
        else:
            self._header = line.record
            self._source.records_noted += 1

    def close(self) -> Iterator[ImportEvent]:
        if self._header and self._thread is None:
            self._thread = self._begun({})
        if self._thread and (draft := self._draft(self._thread)) != self._told:
            yield draft

    def _message(self, line: Line) -> Iterator[ImportEvent]:
        thread = self._thread
        if thread is None:
            thread = self._thread = self._begun(line.record)
            self._told = self._draft(thread)
            yield self._told
        before, moment = thread.tip, _sent(line.record.get("send_date"))
        for number, reply in enumerate(_replies(line.record)):
            parts = _read(reply)
            key = digest(f"{before}\0{canonical([reply.get('is_user'), reply['mes'], _sent_as_told(reply)])}")
            if thread.knows(key):
                # The same words were made twice over: one reply.
                key = digest(f"{key}\0{number}")
            said = _sent(reply.get("send_date")) or moment
            record = None if number else line.raw
            yield from thread.say(Message(key, line.place, parts, before, said, record))

    def _begun(self, first: dict[str, Any]) -> Thread:
        integrity = text(mapping(self._header.get("chat_metadata")).get("integrity"))
        if integrity:
            return Thread(SOURCE, safe_session_id(integrity, SOURCE))
        swipes = first.get("swipes")
        words = swipes[0] if isinstance(swipes, list) and swipes else first.get("mes")
        names = [self._header.get(name) for name in ("user_name", "character_name", "create_date")]
        return Thread(SOURCE, f"{SOURCE}-{digest(canonical([names, first.get('is_user'), words]))}")

    def _draft(self, thread: Thread) -> SessionDraft:
        header = {name: value for name, value in self._header.items() if value not in (None, {}, "")}
        return SessionDraft(
            session_id=thread.session_id,
            title=clip(text(self._header.get("character_name")), 1000) or None,
            source=SOURCE,
            created_at=_sent(self._header.get("create_date")) or thread.first_time,
            last_activity_at=thread.last_time,
            metadata=header or None,
        )


def _replies(record: dict[str, Any]) -> list[dict[str, Any]]:
    """The message as each of its replies would make it, the one that was taken last and as it stands."""
    swipes, chosen = record.get("swipes"), record.get("swipe_id")
    if not isinstance(swipes, list) or len(swipes) < 2:
        return [record]
    infos = record.get("swipe_info")
    replies = []
    for number, said in enumerate(swipes):
        if number != chosen and isinstance(said, str):
            info = mapping(infos[number]) if isinstance(infos, list) and number < len(infos) else {}
            made = {name: info[name] for name in _OWN_OF_SWIPES if name in info}
            replies.append({**record, "extra": {}, **made, "mes": said, "swipe": number})
    if type(chosen) is not int or not 0 <= chosen < len(swipes):
        replies = [reply for reply in replies if reply["mes"] != record["mes"]]
        return [*replies, record]
    return [*replies, {**record, "swipe": chosen}]


def _sent_as_told(record: dict[str, Any]) -> JSON:
    """A request's time is part of it, for the same words are said often; a reply's may change with each new one."""
    return record.get("send_date") if record.get("is_user") else None


# --- messages ---------------------------------------------------------------------------------------------------


def _read(record: dict[str, Any]) -> list[Part]:
    extra = mapping(record.get("extra"))
    said, kind = record["mes"], text(extra.get("type"))
    calls = _invocations(extra)
    parts = calls if calls and record.get("is_system") else [*calls, _spoken(record, extra, said, kind)]
    first = parts[-1]
    for name, value in _about(record, extra).items():
        first.metadata[name] = value
    if files := _files(extra):
        first.metadata["attachments"] = files
    return parts


def _spoken(record: dict[str, Any], extra: dict[str, Any], said: str, kind: str) -> Part:
    if kind in _NOT_SPOKEN:
        part = turn_part(said, "")
        part.metadata["record"] = name_of(kind)
    elif record.get("is_user"):
        part = Part(InteractionKind.CLIENT_REQUEST, prompt=said)
        if tokens := count(extra.get("token_count")):
            part.metadata["token_count"] = tokens
    else:
        part = Part(InteractionKind.AGENT_RESPONSE, response=said, reasoning=text(extra.get("reasoning")))
        part.model = text(extra.get("model"))
        part.output_tokens = count(extra.get("token_count"))
        started, finished = parse_time(record.get("gen_started")), parse_time(record.get("gen_finished"))
        if started and finished and finished >= started:
            part.execution_time_ms = (finished - started).total_seconds() * 1000
    return part


def _about(record: dict[str, Any], extra: dict[str, Any]) -> dict[str, JSON]:
    about: dict[str, JSON] = {}
    if name := text(record.get("name")):
        about["name"] = clip(name, 255)
    if record.get("is_system") is True:
        about["hidden"] = True
    if type(record.get("swipe")) is int:
        about["swipe"] = record["swipe"]
    links = {"bookmark": extra.get("bookmark_link"), "branches": extra.get("branches")}
    return about | {name: value for name, value in links.items() if value}


def _invocations(extra: dict[str, Any]) -> list[Part]:
    listed = extra.get("tool_invocations")
    parts: list[Part] = []
    for call in listed if isinstance(listed, list) else []:
        made = mapping(call)
        name, call_id = text(made.get("name")), text(made.get("id"))
        parts.append(Part(InteractionKind.TOOL_CALL, tool_name=name, call_id=call_id))
        parts[-1].tool_parameters = decoded(made.get("parameters"))
        if made.get("result") is not None:
            result = made["result"] if isinstance(made["result"], str) else canonical(made["result"])
            part = Part(InteractionKind.TOOL_RESPONSE, tool_name=name, call_id=call_id, response=result)
            part.status = "error" if made.get("error") is True else "success"
            parts.append(part)
    return parts


def _files(extra: dict[str, Any]) -> list[JSON]:
    files: list[JSON] = []
    for name, kind in (("image", "image"), ("video", "video"), ("file", "file")):
        value = extra.get(name)
        if value:
            files.append(describe_file(value if isinstance(value, dict) else {"url": value}, kind))
    for name in ("files", "media", "image_swipes"):
        listed = extra.get(name)
        values = listed if isinstance(listed, list) else []
        files += [describe_file(value if isinstance(value, dict) else {"url": value}, "file") for value in values]
    return files


# --- times ------------------------------------------------------------------------------------------------------

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WORDED = re.compile(r"([A-Za-z]{3,9}) (\d{1,2}), (\d{4}) (\d{1,2}):(\d{2})(?::(\d{2}))? ?([ap])m", re.IGNORECASE)
_PACKED = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2}) ?@ ?(\d{1,2})h ?(\d{1,2})m ?(\d{1,2})s(?: ?(\d{1,3})ms)?", re.IGNORECASE
)


def _sent(value: JSON) -> datetime | None:
    """A time in any of the notations of the years; they have no zone, and are taken for UTC."""
    if not isinstance(value, str):
        return parse_time(value)
    try:
        if found := _PACKED.fullmatch(value.strip()):
            *whole, milliseconds = (int(one or 0) for one in found.groups())
            return parse_time(datetime(*whole, milliseconds * 1000, tzinfo=UTC).isoformat())  # type: ignore[arg-type,misc]
        if found := _WORDED.fullmatch(value.strip()):
            name, day, year, hour, minute, second, half = found.groups()
            month = _MONTHS.index(name[:3].lower()) + 1
            hour_of_day = int(hour) % 12 + (12 if half.lower() == "p" else 0)
            moment = datetime(int(year), month, int(day), hour_of_day, int(minute), int(second or 0), tzinfo=UTC)
            return parse_time(moment.isoformat())
        return parse_time(int(value)) if value.isascii() and value.isdigit() and len(value) < 16 else parse_time(value)
    except ValueError:
        return None


FORMAT = Format(name=SOURCE, recognises=recognises, read=read)
