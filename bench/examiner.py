"""What `bench.fuzz_importers` asks of an importer, for one input after the other."""

import contextlib
import io
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sessions.errors import InvalidInput

MOST_SECONDS = 2.0
MOST_BYTES = 200 * 1024 * 1024
_UNFORESEEN = "a shape this importer does not know"
_TWICE = "a record that stands twice"


class Wrong(Exception):
    """An input that an importer did not treat as it should."""


class Examiner:
    """One format's importer, asked about one input after the other; `folder` is for those that must be files."""

    def __init__(self, name: str, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        # Not before atheris has had its chance to watch them.
        from sessions import validation
        from sessions.importers import open_sources
        from sessions.importers.formats import HEAD_BYTES, Input
        from sessions.importers.sources import FORMATS

        self._formats = FORMATS
        self._format = next((format for format in FORMATS if format.name == name), None)
        self._open_sources = open_sources
        self._path = folder / f"input-{os.getpid()}"
        self._validation = validation
        self._input = Input
        self._head_bytes = HEAD_BYTES

    def examine(self, data: bytes) -> None:
        """Raises Wrong, or whatever the importer raises, for an input that is not treated as it should be."""
        began = time.process_time()
        for format in self._formats:
            format.recognises(data[: self._head_bytes])
        source, events = self._read(data)
        if time.process_time() - began > MOST_SECONDS:
            raise Wrong("too slow")
        if self._read(data)[1] != events:
            raise Wrong("it tells something else the second time")
        self._look_at(events)
        self._account_for(data, source, events)
        if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 > self._most_bytes:
            raise Wrong("too much memory")

    def _read(self, data: bytes) -> tuple[Any, list[Any]]:
        if self._format is None:
            self._path.write_bytes(data)
            sources = list(self._open_sources(self._path))
            events = [event for source in sources for event in source.read()]
            # The manifest of our own archives says nothing where nothing was left out.
            is_silent = any(source.format_name == "sessionsite-manifest" for source in sources)
            return None, events or [None] * is_silent
        stream = io.BufferedReader(io.BytesIO(data))
        source = self._input(Path("fuzz"), stream, data[: self._head_bytes], is_file=False)
        return source, list(self._format.read(source))

    def _look_at(self, events: list[Any]) -> None:
        opened: set[str] = set()
        known: dict[tuple[str, str], Any] = {}
        for event in events:
            match type(event).__name__:
                case "SetAside":
                    if event.reason == _UNFORESEEN or not event.place.isprintable():
                        raise Wrong(f"set aside as {event.reason!r} at {event.place!r}")
                case "SessionDraft":
                    self._session(event)
                    opened.add(event.session_id)
                case "ImportedInteraction":
                    self._interaction(event, opened, known)
                case "ExportedSession":
                    self._exported(self._validation.stored_session, event.record)
                case "ExportedInteraction":
                    self._exported(self._validation.stored_interaction, event.record)

    def _exported(self, check: Callable[[Any], None], record: Any) -> None:
        """What an export of our own claims is looked at by the store, which names what it refuses."""
        with contextlib.suppress(InvalidInput):
            check(record)

    def _session(self, draft: Any) -> None:
        checks = self._validation
        checks.identifier("session_id", draft.session_id, longest=128)
        if not draft.session_id.isascii() or not draft.session_id.isprintable() or "/" in draft.session_id:
            raise Wrong("a session ID that is no file's name")
        checks.identifier("user_id", draft.user_id or "anonymous")
        checks.count("stated_interactions", draft.stated_interactions)
        checks.tags(checks.storable_tags(draft.tags or []))
        for name in ("user_preferences", "project_context", "semantic_context", "metadata"):
            checks.json_object(name, checks.storable_json(dict(getattr(draft, name) or {})))
        for moment in (draft.created_at, draft.last_activity_at):
            if moment is not None:
                checks.moment("time", moment)

    def _interaction(self, event: Any, opened: set[str], known: dict[tuple[str, str], Any]) -> None:
        key = (event.session_id, event.draft.idempotency_key)
        if event.session_id not in opened:
            raise Wrong("an interaction of a session that was not opened")
        if not event.draft.idempotency_key:
            raise Wrong("an interaction without a key")
        if key in known and known[key].place == event.place:
            raise Wrong("two interactions of one place with one key: the second would be lost")
        if event.draft.parent_key == event.draft.idempotency_key:
            raise Wrong("an interaction that follows itself")
        known[key] = event
        self._validation.interaction(self._validation.storable(event.draft))

    def _account_for(self, data: bytes, source: Any, events: list[Any]) -> None:
        """A place may be told of twice: several things said there, and a record that stands there once more."""
        kinds = {type(event).__name__ for event in events}
        if self._format is None:
            if not events:
                raise Wrong("nothing is told of a file")
            return
        if not events and self._format.name != "sessionsite-manifest" and self._format.recognises(data):
            raise Wrong("nothing is told of a file of this format")
        if kinds & {"ExportedSession", "ExportedInteraction"} or self._format.name == "legacy":
            return
        asides = [event for event in events if type(event).__name__ == "SetAside"]
        is_on_one_line = self._format.name == "claude-code-log"
        repeated = sum(event.damaged or event.reason == _TWICE or is_on_one_line for event in asides)
        places = {event.place for event in asides if not event.damaged and event.reason != _TWICE}
        said = [event for event in events if type(event).__name__ == "ImportedInteraction"]
        if is_on_one_line:
            places |= {f"{event.session_id} {event.draft.idempotency_key.partition('#')[0]}" for event in said}
        else:
            places |= {event.place for event in said}
        told = len(places) + repeated + source.records_noted
        if told < source.records_read:
            raise Wrong(f"{source.records_read} records read, {told} accounted for")
