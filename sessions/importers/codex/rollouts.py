"""Which session, key, parent, model and tokens each record of a rollout gets: what depends on those around it.

Records are looked at in the batches between one input of the model and the next, for two reasons: an event may repeat
an item that comes after it, and the tokens of an answer are told before or after what was answered.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sessions.records import ImportEvent, InteractionKind, SetAside

from ..chat import turn_part
from ..formats import Input, set_aside
from ..jsonl import Line
from ..threads import Message, Part, Thread
from ..values import clip, digest, mapping, parse_time, safe_session_id, text
from .items import Reading, read_item
from .records import opened, read_record
from .state import MADE, MAX_KEPT_BYTES, SOURCE, Entry, Session, is_origin, note_header, spend

MAX_BATCH = 1_000
MAX_BATCH_BYTES = 8 * 1024 * 1024

_ROLLOUT = re.compile(r"rollout-.*([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


class Rollouts:
    """The sessions of one file, from its first record to its last."""

    def __init__(self, source: Input) -> None:
        self._source = source
        self._session: Session | None = None
        self._batch: list[Entry] = []
        self._batch_bytes = 0
        self._usage: list[Entry] = []

    def take(self, line: Line) -> Iterator[ImportEvent]:
        """The events of one record and of those that waited for it."""
        self._source.records_read += 1
        try:
            yield from list(self._take(line))
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
            yield set_aside(line.place, "a shape this importer does not know", damaged=True, raw=line.raw)

    def close(self) -> Iterator[ImportEvent]:
        yield from self._flush()
        session = self._session
        may_follow = session is not None and bool(session.contents or session.occurrences)
        for entry in self._usage:
            yield from self._left_over(entry, may_follow=may_follow)
        self._usage = []
        if session and session.told is not None and (draft := session.draft()) != session.told:
            yield draft

    def _left_over(self, entry: Entry, *, may_follow: bool) -> Iterator[ImportEvent]:
        """Tokens without an answer. It may still come, in a longer version of the file, where there are messages."""
        if may_follow:
            yield set_aside(entry.line.place, entry.reading.reason, damaged=False, raw=entry.line.raw)
            return
        entry.reading.parts = [Part(InteractionKind.AGENT_RESPONSE)]
        spend(entry, entry)
        yield from self._say(entry)

    # --- records ----------------------------------------------------------------------------------------------

    def _take(self, line: Line) -> Iterator[ImportEvent]:
        kind, payload = opened(line.record)
        moment = parse_time(line.record.get("timestamp")) or parse_time(payload.get("timestamp"))
        if kind == "session_meta":
            yield from self._begin(line, payload, moment)
        elif kind == "turn_context":
            self._surroundings(line, payload)
        elif payload.get("type") == "thread_rolled_back":
            yield from self._roll_back(line, payload)
        else:
            entry = Entry(line, payload, read_record(kind, payload), moment)
            if kind == "compacted":
                self._restore(entry, payload)
            is_full = len(self._batch) >= MAX_BATCH or self._batch_bytes >= MAX_BATCH_BYTES
            if is_full or (entry.reading.is_input and not self._is_awaited(entry)):
                yield from self._flush()
            self._add(entry)

    def _is_awaited(self, entry: Entry) -> bool:
        """Whether an event in the batch told of this item already."""
        return any(other.reading.is_echo and other.reading.said == entry.reading.said for other in self._batch)

    def _add(self, entry: Entry) -> None:
        session = self._known(entry.line)
        if title := text(entry.payload.get("thread_name")):
            session.title = clip(title, 1000)
        entry.model = session.model
        if not entry.reading.is_echo:
            session.count_spoken(entry.reading)
        self._batch.append(entry)
        self._batch_bytes += len(entry.line.raw)

    def _known(self, line: Line) -> Session:
        """The session at hand; in a file without a header one named after the file, or after its first record."""
        if self._session is None:
            stem = self._source.path.stem
            if found := _ROLLOUT.fullmatch(stem):
                original = found[1]
            else:
                is_telling = "timestamp" in line.record
                name = b"" if is_telling else stem.encode("utf-8", "surrogateescape")
                original = f"{SOURCE}-{digest(name + line.raw)}"
            self._session = Session(Thread(SOURCE, safe_session_id(original, SOURCE)), original)
        return self._session

    # --- sessions -------------------------------------------------------------------------------------------

    def _begin(self, line: Line, payload: dict[str, Any], moment: datetime | None) -> Iterator[ImportEvent]:
        """A header: of the file's session, of one that follows in the same file, or of the one it was forked from."""
        original = text(payload.get("id")) or text(payload.get("session_id"))
        created_at = parse_time(payload.get("timestamp")) or moment
        if self._session and original not in ("", self._session.original_id):
            yield from self._flush()
            if is_origin(self._session, original, created_at):
                self._session.metadata["forked_from"] = original
                self._source.records_noted += 1
                return
            yield from self.close()
            self._session = None
        if self._session is None:
            original = original or self._known(line).original_id
            self._session = Session(Thread(SOURCE, safe_session_id(original, SOURCE)), original)
            if self._session.thread.session_id != original:
                self._session.metadata["original_session_id"] = clip(original, 1000)
        session = self._session
        session.created_at = session.created_at or created_at
        session.thread.see_time(created_at)
        note_header(session, payload)
        if not session.told:
            session.told = session.draft()
            yield session.told
        instructions = payload.get("instructions") or mapping(payload.get("base_instructions")).get("text")
        if isinstance(instructions, str):
            part = turn_part(instructions, "")
            part.metadata["subtype"] = "instructions"
            self._add(
                Entry(
                    line,
                    {"id": "session_meta", "text": instructions},
                    Reading([part], said=[("", instructions)]),
                    created_at,
                )
            )
        else:
            self._source.records_noted += 1

    def _surroundings(self, line: Line, payload: dict[str, Any]) -> None:
        """What a turn ran with: its model, and the folder and the rest of the latest turn."""
        session = self._known(line)
        session.model = text(payload.get("model")) or session.model
        if cwd := text(payload.get("cwd")):
            session.project.setdefault("cwd", cwd)
        if session.model:
            session.metadata["model"] = session.model
        if len(line.raw) <= MAX_KEPT_BYTES:
            session.metadata["turn_context"] = payload
        self._source.records_noted += 1

    def _restore(self, entry: Entry, payload: dict[str, Any]) -> None:
        """A compaction repeats what stays; what it says and no item has said, stands there alone."""
        session = self._known(entry.line)
        history = payload.get("replacement_history")
        for item in history if isinstance(history, list) else []:
            reading = read_item(mapping(item))
            if reading.said and not all(hash(said) in session.spoken for said in reading.said):
                for part in reading.parts:
                    part.metadata["replacement"] = True
                entry.reading.parts += reading.parts
                entry.reading.said += reading.said

    def _roll_back(self, line: Line, payload: dict[str, Any]) -> Iterator[ImportEvent]:
        """The last turns were taken back: what follows is said in their place, as another branch."""
        yield from self._flush()
        session = self._known(line)
        turns = payload.get("num_turns")
        if type(turns) is int and 0 < turns <= len(session.turns):
            session.thread.tip = session.turns[-turns]
            del session.turns[-turns:]
        yield set_aside(line.place, "event: thread_rolled_back", damaged=False, raw=line.raw)

    # --- batches ----------------------------------------------------------------------------------------------

    def _flush(self) -> Iterator[ImportEvent]:
        """What waited, without the echoes, and with its tokens."""
        session, batch = self._session, self._batch
        self._batch, self._batch_bytes = [], 0
        if session is None:
            return
        spared = {id(entry) for entry in batch if entry.reading.is_echo and session.repeats(entry.reading)}
        for entry in batch:
            if id(entry) in spared:
                entry.reading.parts = []
            elif entry.reading.is_echo:
                session.count_spoken(entry.reading)
        repeated = self._share_out_usage(session, batch)
        for entry in batch:
            if entry.reading.parts:
                yield from self._say(entry)
            elif entry.reading.usage is None or id(entry) in repeated:
                yield set_aside(entry.line.place, entry.reading.reason, damaged=False, raw=entry.line.raw)

    def _share_out_usage(self, session: Session, batch: list[Entry]) -> set[int]:
        """Give each count of tokens to the answer around it. The same total told again is the same count."""
        waiting: list[Entry] = []
        repeated: set[int] = set()
        for entry in batch:
            if entry.is_answer:
                if self._usage:
                    self._give(self._usage.pop(0), entry)
                else:
                    waiting.append(entry)
            elif entry.reading.usage is not None:
                total = entry.reading.total
                if total is not None and total == session.total:
                    repeated.add(id(entry))
                    continue
                session.total = total if total is not None else session.total
                if waiting:
                    self._give(entry, waiting[0])
                    waiting.clear()
                else:
                    self._usage.append(entry)
        return repeated

    def _give(self, count: Entry, answer: Entry) -> None:
        spend(count, answer)
        self._source.records_noted += 1

    def _say(self, entry: Entry) -> Iterator[ImportEvent | SetAside]:
        session = self._known(entry.line)
        key = session.key_of(entry)
        if key is None:
            yield set_aside(entry.line.place, "a record that stands twice", damaged=False, raw=entry.line.raw)
            return
        thread, parts = session.thread, entry.reading.parts
        for part in parts:
            if part.kind in MADE and not part.model:
                part.model = entry.model
        if session.told is None:
            thread.see_time(entry.moment)
            session.told = session.draft()
            yield session.told
        if any(part.kind is InteractionKind.CLIENT_REQUEST and "is_meta" not in part.metadata for part in parts):
            session.turns.append(thread.tip)
        yield from thread.say(Message(key, entry.line.place, parts, thread.tip, entry.moment, entry.line.raw))
