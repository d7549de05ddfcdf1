"""Which session, key, parent, time and price each record of a file gets: what depends on the records before it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sessions.records import (
    JSON,
    ImportedInteraction,
    ImportEvent,
    InteractionDraft,
    InteractionKind,
    SessionDraft,
    SetAside,
)

from ..formats import Input, set_aside
from ..jsonl import Line
from ..noted import OWN, give_back
from ..values import clip, count, digest, mapping, milliseconds, one_line, parse_time, safe_session_id, text
from .parts import MAX_NAME, Part, Reading, read_record

SOURCE = "claude-code"
SYNTHETIC_MODEL = "<synthetic>"
MAX_HELD_BYTES = 8 * 1024 * 1024
MAX_TITLE = 1_000
_HELD_OVERHEAD_BYTES = 500
MAX_TAG = 100

_TITLE_RANK = {"summary": 1, "ai-title": 2, "custom-title": 3}
_NOTES = {"ai-title": "aiTitle", "custom-title": "customTitle", "agent-name": "agentName", "tag": "tag"}
_PLAIN_ID = re.compile(r"[A-Za-z0-9_.:-]{1,80}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_FIRST_SESSION_ID = re.compile(rb'(?<!\\)"sessionId"\s*:\s*"([^"\\]{1,256})"')


def record_key(identifier: str) -> str:
    """The idempotency key of a record's first interaction, from its uuid alone."""
    return f"{SOURCE}:{identifier if _PLAIN_ID.fullmatch(identifier) else digest(identifier)}"


@dataclass(slots=True)
class Conversation:
    """What is remembered of one session while its file is read."""

    session_id: str
    original_id: str
    opened: bool = False
    title: str = ""
    title_rank: int = 0
    first_time: datetime | None = None
    last_time: datetime | None = None
    time: datetime | None = None
    project: dict[str, JSON] = field(default_factory=dict)
    metadata: dict[str, JSON] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    told: SessionDraft | None = None
    # uuid -> the key that its children name as their parent's; None where a root gave nothing.
    last_key: dict[str, str | None] = field(default_factory=dict)
    contents: dict[str, int] = field(default_factory=dict)
    repeated: set[str] = field(default_factory=set)
    occurrences: dict[str, int] = field(default_factory=dict)
    tool_names: dict[str, str] = field(default_factory=dict)
    usage: dict[str, tuple[int, int]] = field(default_factory=dict)
    unclaimed: list[SetAside] = field(default_factory=list)

    def draft(self) -> SessionDraft:
        return SessionDraft(
            session_id=self.session_id,
            title=self.title or None,
            source=SOURCE,
            created_at=self.first_time,
            last_activity_at=self.last_time,
            project_context=dict(self.project) or None,
            metadata=dict(self.metadata) or None,
            tags=tuple(self.tags) or None,
        )

    def see_time(self, moment: datetime) -> None:
        self.time = moment
        self.first_time = min(self.first_time or moment, moment)
        self.last_time = max(self.last_time or moment, moment)

    def see_surroundings(self, record: dict[str, Any]) -> None:
        """Where and with what the session ran: its first folder, and the last branch and version."""
        if cwd := text(record.get("cwd")):
            self.project.setdefault("cwd", cwd)
        if branch := text(record.get("gitBranch")):
            self.project["git_branch"] = branch
        if version := text(record.get("version")):
            self.metadata["claude_code_version"] = version
        if origin := text(mapping(record.get("forkedFrom")).get("sessionId")):
            self.metadata["forked_from"] = origin

    def name(self, kind: str, title: str) -> None:
        """A title: the user's own wins over the program's, that over a summary, and the last of each kind."""
        if kind == "summary":
            kept = self.metadata.get("summaries", [])
            self.metadata["summaries"] = [*kept, title] if title not in kept else kept
        if _TITLE_RANK[kind] >= self.title_rank:
            self.title, self.title_rank = title, _TITLE_RANK[kind]


class Conversations:
    """The sessions of one file, from its first record to its last."""

    def __init__(self, source: Input) -> None:
        self._source = source
        self._by_id: dict[str, Conversation] = {}
        self._current: Conversation | None = None
        self._own_names: dict[str, str] = {}
        self._summaries: list[tuple[str, str, SetAside]] = []
        self._held_bytes = 0

    def damaged(self, place: str, reason: str, raw: bytes) -> SetAside:
        self._source.records_read += 1
        return set_aside(place, reason, damaged=True, raw=raw)

    def take(self, line: Line) -> Iterator[ImportEvent]:
        """The events of one record. A shape that nobody foresaw costs this record alone."""
        self._source.records_read += 1
        try:
            yield from list(self._take(line))
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
            yield set_aside(line.place, "a shape this importer does not know", damaged=True, raw=line.raw)

    def close(self) -> Iterator[ImportEvent]:
        """What is known only at the end: titles, last times, and notes that belong to no session here."""
        yield from self._place_summaries()
        for conversation in self._by_id.values():
            if not conversation.opened:
                self._source.records_noted -= len(conversation.unclaimed)
                yield from conversation.unclaimed
            elif (draft := conversation.draft()) != conversation.told:
                yield draft

    def _take(self, line: Line) -> Iterator[ImportEvent]:
        record = line.record
        kind = record.get("type")
        if own_name := text(mapping(record.get(OWN)).get("session_id")):
            # One of our own exports gave the session an ID that Claude Code takes.
            self._own_names[text(record.get("sessionId"))] = own_name
        if kind == "summary" and (said := text(record.get("summary"))):
            yield from self._hold_summary(line, said)
            return
        if isinstance(kind, str) and kind in _NOTES and (said := text(record.get(_NOTES[kind]))):
            yield from self._note(line, kind, said)
            return
        reading = read_record(record)
        give_back(reading.parts, mapping(record.get(OWN)))
        for reason in reading.unsupported:
            yield set_aside(line.place, reason, damaged=False, raw=line.raw)
        conversation = self._conversation_of(line, opening=bool(reading.parts))
        if conversation and reading.parts:
            yield from self._interactions(conversation, line, reading)
        elif conversation:
            self._remember_silent(conversation, record)

    # --- sessions -------------------------------------------------------------------------------------------

    def _conversation_of(self, line: Line, *, opening: bool) -> Conversation | None:
        """The record's session; without an ID of its own the last one's, and where there is none the file's."""
        record = line.record
        original = text(record.get("sessionId")) or text(record.get("session_id"))
        if not original:
            if self._current is None and opening:
                self._current = self._known(self._file_session_id(line))
            return self._current
        if record.get("agentId") and (parent := self._parent_of_agent(original, record)):
            original = parent
        conversation = self._known(original)
        if opening:
            self._current = conversation
        return conversation

    def _known(self, original: str) -> Conversation:
        conversation = self._by_id.get(original)
        if conversation is None:
            original = self._own_names.get(named := original, original)
            conversation = Conversation(safe_session_id(original, SOURCE), original)
            if conversation.session_id != original:
                conversation.metadata["original_session_id"] = clip(original, 1000)
            self._by_id[named] = conversation
        return conversation

    def _parent_of_agent(self, original: str, record: dict[str, Any]) -> str | None:
        """`<session>/subagents/.../agent-<id>.jsonl` belongs to that session, though some call themselves another."""
        path = self._source.path
        if path.stem != f"agent-{text(record.get('agentId'))}" or original != path.stem:
            return None
        return _folder_above(path, "subagents")

    def _file_session_id(self, first: Line) -> str:
        """For records that name no session: the one named nearby, the file's name, or one made of the first."""
        if found := _FIRST_SESSION_ID.search(self._source.head):
            return found[1].decode("utf-8", "replace")
        stem = self._source.path.stem
        if _UUID.fullmatch(stem):
            return stem
        # A record that says neither who nor when may begin many conversations; the file tells them apart.
        is_telling = first.record.get("uuid") or first.record.get("timestamp")
        name = b"" if is_telling else stem.encode("utf-8", "surrogateescape")
        return f"{SOURCE}-{digest(name + first.raw)}"

    def _open(self, conversation: Conversation) -> SessionDraft:
        conversation.opened = True
        conversation.unclaimed.clear()
        conversation.told = conversation.draft()
        return conversation.told

    # --- notes ----------------------------------------------------------------------------------------------

    def _note(self, line: Line, kind: str, said: str) -> Iterator[SetAside]:
        """A title, an agent's name or a tag: information of the session, if the file has any of its messages."""
        conversation = self._conversation_of(line, opening=False)
        aside = set_aside(line.place, kind, damaged=False, raw=line.raw)
        if conversation is None or not (conversation.opened or self._may_hold(aside)):
            yield aside
            return
        if kind == "agent-name":
            conversation.metadata["agent_name"] = said
        elif kind == "tag":
            tag = clip(one_line(said), MAX_TAG)
            conversation.tags += [tag] if tag and tag not in conversation.tags else []
        else:
            conversation.name(kind, clip(said, MAX_TITLE))
        self._source.records_noted += 1
        if not conversation.opened:
            conversation.unclaimed.append(aside)

    def _may_hold(self, aside: SetAside) -> bool:
        """Whether there is room to keep a note until its session is seen. There is for all that a writer makes."""
        self._held_bytes += len(aside.raw) + _HELD_OVERHEAD_BYTES
        return self._held_bytes <= MAX_HELD_BYTES

    def _hold_summary(self, line: Line, said: str) -> Iterator[SetAside]:
        """A summary names the last record of what it sums up, in this file or another, before or after it."""
        aside = set_aside(line.place, "a summary of another file's session", damaged=False, raw=line.raw)
        if self._may_hold(aside):
            self._summaries.append((text(line.record.get("leafUuid")), clip(said, MAX_TITLE), aside))
        else:
            yield aside

    def _place_summaries(self) -> Iterator[SetAside]:
        """Summaries of what stands in this file become titles. So does a lone one of unknown origin, if there is
        no title and one session; the others, which sum up other files, are set aside."""
        homes = self._homes({leaf for leaf, _, _ in self._summaries})
        strays = [held for held in self._summaries if held[0] not in homes]
        opened = [conversation for conversation in self._by_id.values() if conversation.opened]
        for leaf, said, _ in self._summaries:
            if leaf in homes:
                homes[leaf].name("summary", said)
                self._source.records_noted += 1
        if len(strays) == 1 and len(opened) == 1 and not opened[0].title:
            opened[0].name("summary", strays[0][1])
            self._source.records_noted += 1
        else:
            yield from (aside for _, _, aside in strays)

    def _homes(self, leaves: set[str]) -> dict[str, Conversation]:
        homes: dict[str, Conversation] = {}
        for conversation in self._by_id.values():
            if conversation.opened:
                homes |= dict.fromkeys(leaves & conversation.last_key.keys(), conversation)
        return homes

    # --- interactions ---------------------------------------------------------------------------------------

    def _interactions(self, conversation: Conversation, line: Line, reading: Reading) -> Iterator[ImportEvent]:
        record, parts = line.record, reading.parts
        key = self._key_of(conversation, line)
        if key is None:
            yield set_aside(line.place, "a record that stands twice", damaged=False, raw=line.raw)
            return
        moment = parse_time(record.get("timestamp"))
        if moment:
            conversation.see_time(moment)
        if not record.get("agentId"):
            conversation.see_surroundings(record)
        if not conversation.opened:
            yield self._open(conversation)
        common = _common_metadata(record, moment)
        parent = self._parent_key(conversation, record, key)
        spent = _spending(conversation, record)
        for number, part in enumerate(parts):
            own_key = f"{key}#{part.block}" if number else key
            draft = _draft(conversation, record, part, common, **spent if not number else {},
                           idempotency_key=own_key, parent_key=parent,
                           source_record=None if number else line.raw)  # fmt: skip
            yield ImportedInteraction(session_id=conversation.session_id, draft=draft, place=line.place)
            parent = own_key
        uuid = text(record.get("uuid"))
        if uuid and key == record_key(uuid):
            conversation.last_key[uuid] = parent

    def _key_of(self, conversation: Conversation, line: Line) -> str | None:
        """The key of the record's first interaction; None for a record that the file had before.

        The same uuid with other bytes is another message (nothing is lost to a careless writer) and is keyed by
        its bytes as well; a record without uuid by its bytes, and by which of those identical it is.
        """
        uuid = text(line.record.get("uuid"))
        if not uuid:
            base = f"{SOURCE}:line:{digest(line.raw)}"
            times = conversation.occurrences[base] = conversation.occurrences.get(base, 0) + 1
            return base if times == 1 else f"{base}~{times}"
        content, first = hash(line.raw), conversation.contents.get(uuid)
        if first is None:
            conversation.contents[uuid] = content
            return record_key(uuid)
        own_digest = digest(line.raw)
        if first == content or own_digest in conversation.repeated:
            return None
        conversation.repeated.add(own_digest)
        return f"{record_key(uuid)}~{own_digest}"

    def _remember_silent(self, conversation: Conversation, record: dict[str, Any]) -> None:
        """A record that gave nothing passes its parent on to its children."""
        if uuid := text(record.get("uuid")):
            parent = _parent_uuid(record)
            known = conversation.last_key.get(parent, record_key(parent)) if parent and parent != uuid else None
            conversation.last_key.setdefault(uuid, known)

    def _parent_key(self, conversation: Conversation, record: dict[str, Any], key: str) -> str | None:
        """The last interaction of the parent; where the file has not shown it, the key of its first."""
        parent = _parent_uuid(record)
        if not parent:
            return None
        if parent in conversation.last_key:
            known = conversation.last_key[parent]
            return known if known != key else None
        return guess if (guess := record_key(parent)) != key else None


def _folder_above(path: Path, name: str) -> str | None:
    folders = path.parts[:-1]
    for index in range(len(folders) - 1, 0, -1):
        if folders[index] == name:
            return folders[index - 1]
    return None


def _parent_uuid(record: dict[str, Any]) -> str:
    """After a compaction the chain starts anew; its logical parent is what was said before."""
    return text(record.get("parentUuid")) or text(record.get("logicalParentUuid"))


def _common_metadata(record: dict[str, Any], moment: datetime | None) -> dict[str, JSON]:
    metadata: dict[str, JSON] = {}
    if record.get("isSidechain") is True:
        metadata["sidechain"] = True
    if agent := text(record.get("agentId")):
        metadata["agent_id"] = agent
    message = mapping(record.get("message"))
    if message_id := text(message.get("id")):
        metadata["message_id"] = message_id
    if message.get("model") == SYNTHETIC_MODEL:
        metadata["synthetic"] = True
    if moment is None and (stated := record.get("timestamp")) is not None:
        metadata["unreadable_time"] = clip(str(stated), 100)
    return metadata


def _draft(
    conversation: Conversation,
    record: dict[str, Any],
    part: Part,
    common: dict[str, JSON],
    *,
    extra: dict[str, JSON] | None = None,
    **fields: Any,
) -> InteractionDraft:
    tool_name = part.tool_name
    call_id = text(part.metadata.get("tool_use_id"))
    if part.kind is InteractionKind.TOOL_CALL:
        conversation.tool_names[call_id or fields["idempotency_key"]] = tool_name
    elif part.kind is InteractionKind.TOOL_RESPONSE:
        # Calls without an ID are answered by their child.
        tool_name = tool_name or conversation.tool_names.get(call_id or fields["parent_key"] or "", "")
    if part.execution_time_ms is not None:
        fields["execution_time_ms"] = part.execution_time_ms
    return InteractionDraft(
        kind=part.kind,
        prompt=part.prompt,
        response=part.response,
        reasoning=part.reasoning,
        tool_name=tool_name,
        tool_parameters=part.tool_parameters,
        model=_model(record),
        status=part.status,
        error_message=part.error_message,
        metadata=common | part.metadata | (extra or {}),
        # A record without a time happened after the one before it, and certainly not at the import.
        occurred_at=conversation.time,
        **fields,
    )


def _model(record: dict[str, Any]) -> str:
    model = text(mapping(record.get("message")).get("model"))
    return "" if model == SYNTHETIC_MODEL else clip(model, MAX_NAME)


def _spending(conversation: Conversation, record: dict[str, Any]) -> dict[str, Any]:
    """Tokens, price and duration, for the record's first interaction.

    The lines of one API message all repeat its usage, and the numbers of the early ones may be smaller; each line
    is given what it adds, so that the sum over the message is what the message cost.
    """
    message = mapping(record.get("message"))
    spent: dict[str, Any] = {"execution_time_ms": milliseconds(record.get("durationMs"))}
    usage = mapping(message.get("usage"))
    stated = count(usage.get("input_tokens")), count(usage.get("output_tokens"))
    message_id = text(message.get("id"))
    before = conversation.usage.get(message_id)
    if message_id:
        earlier = before or (0, 0)
        conversation.usage[message_id] = max(stated[0] or 0, earlier[0]), max(stated[1] or 0, earlier[1])
    if before is None:
        spent["input_tokens"], spent["output_tokens"] = stated
        spent["extra"] = _cache_usage(usage)
        if (price := milliseconds(record.get("costUSD"))) is not None:
            spent["cost_microusd"] = round(price * 1_000_000)
    else:
        spent["input_tokens"] = max(0, (stated[0] or 0) - before[0]) or None
        spent["output_tokens"] = max(0, (stated[1] or 0) - before[1]) or None
    return spent


def _cache_usage(usage: dict[str, Any]) -> dict[str, JSON]:
    names = ("cache_creation_input_tokens", "cache_read_input_tokens")
    known = {name: tokens for name in names if (tokens := count(usage.get(name)))}
    return {"usage": known} if known else {}
