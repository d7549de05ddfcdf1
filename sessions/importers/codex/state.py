"""What is remembered of a session while its file is read, and what that makes of a record: its key and its tokens."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sessions.records import JSON, InteractionKind, SessionDraft

from ..jsonl import Line
from ..threads import Thread, canonical
from ..values import digest, mapping, name_of, text
from .items import Reading

SOURCE = "codex-cli"
MAX_KEPT_BYTES = 64 * 1024
MADE = (InteractionKind.AGENT_RESPONSE, InteractionKind.TOOL_CALL)


@dataclass(slots=True)
class Entry:
    """A record that waits for its batch to be whole."""

    line: Line
    payload: dict[str, Any]
    reading: Reading
    moment: datetime | None
    model: str = ""

    @property
    def is_answer(self) -> bool:
        return any(part.kind in MADE for part in self.reading.parts)


@dataclass(slots=True)
class Session:
    """What is remembered of one session while its file is read."""

    thread: Thread
    original_id: str
    created_at: datetime | None = None
    title: str = ""
    model: str = ""
    total: JSON = None
    project: dict[str, JSON] = field(default_factory=dict)
    metadata: dict[str, JSON] = field(default_factory=dict)
    told: SessionDraft | None = None
    spoken: dict[int, int] = field(default_factory=dict)
    heard: dict[int, int] = field(default_factory=dict)
    contents: dict[str, str] = field(default_factory=dict)
    occurrences: dict[str, int] = field(default_factory=dict)
    turns: list[str | None] = field(default_factory=list)

    def draft(self) -> SessionDraft:
        return SessionDraft(
            session_id=self.thread.session_id,
            title=self.title or None,
            source=SOURCE,
            created_at=self.created_at or self.thread.first_time,
            last_activity_at=self.thread.last_time,
            project_context=dict(self.project) or None,
            metadata=dict(self.metadata) or None,
        )

    def count_spoken(self, reading: Reading) -> None:
        for said in reading.said:
            self.spoken[hash(said)] = self.spoken.get(hash(said), 0) + 1

    def repeats(self, reading: Reading) -> bool:
        """Whether an event says what items say, each kind of event once for every time that it was said."""
        for said in reading.said:
            by_kind = hash((reading.reason, *said))
            self.heard[by_kind] = self.heard.get(by_kind, 0) + 1
            if self.heard[by_kind] > self.spoken.get(hash(said), 0):
                return False
        return True

    def key_of(self, entry: Entry) -> str | None:
        """The item's own ID; without one its call's ID, what it says, or its bytes, and which of those alike it is."""
        item = mapping(entry.payload.get("item")) or entry.payload
        own = text(item.get("id")) or text(item.get("call_id"))
        if not own:
            said = entry.reading.said
            key = digest(canonical(said) if said else entry.line.raw)
            times = self.occurrences[key] = self.occurrences.get(key, 0) + 1
            return key if times == 1 else f"{key}~{times}"
        key = own if item.get("id") else f"{own}:{name_of(item.get('type'))}"
        content = _content_digest(entry)
        first = self.contents.setdefault(key, "")
        if first == content or f"{key}~{content}" in self.contents:
            return None
        if first:
            key = f"{key}~{content}"
        self.contents[key] = content
        return key


def _content_digest(entry: Entry) -> str:
    payload = {name: value for name, value in entry.payload.items() if name != "timestamp"}
    return hashlib.sha256(canonical(payload).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def is_origin(session: Session, original: str, created_at: datetime | None) -> bool:
    """A fork's file has the header of its origin behind its own; that one is the older."""
    if original == session.metadata.get("forked_from"):
        return True
    return created_at is not None and session.created_at is not None and created_at < session.created_at


def note_header(session: Session, payload: dict[str, Any]) -> None:
    if cwd := text(payload.get("cwd")):
        session.project.setdefault("cwd", cwd)
    git = mapping(payload.get("git"))
    for name, known_as in (
        ("branch", "git_branch"),
        ("commit_hash", "git_commit"),
        ("repository_url", "git_repository"),
    ):
        if value := text(git.get(name)):
            session.project.setdefault(known_as, value)
    for name, known_as in (("cli_version", "codex_version"), ("forked_from_id", "forked_from")):
        if value := text(payload.get(name)):
            session.metadata.setdefault(known_as, value)
    rest = {name: value for name, value in payload.items() if name not in ("instructions", "base_instructions")}
    if len(canonical(rest)) <= MAX_KEPT_BYTES:
        session.metadata.setdefault("session_meta", rest)


def spend(count: Entry, answer: Entry) -> None:
    """An answer's tokens stand with its first interaction; those from the cache are among those that went in."""
    if count.reading.usage is None:
        return
    part = answer.reading.parts[0]
    part.input_tokens, part.output_tokens, details = count.reading.usage
    if details:
        part.metadata["usage"] = details
