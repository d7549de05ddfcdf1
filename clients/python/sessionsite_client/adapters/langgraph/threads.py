"""The threads of a checkpointer: what is known of each, kept up to date with what others write."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ...requests import Steps, ask
from ...shapes import Interaction, Logged
from ...verbs.sessions import SessionStart, get_session
from ..history import session_id_of
from ..records import Writer
from ..texts import text_of_id_part
from ..threads import Thread, base_and_generation, read_after, sessions_beginning
from .contents import CHANNELS, CHECKPOINT, Contents, Renumbered

ADAPTER = "langgraph"


@dataclass
class Known:
    """One thread: its session, and what was read of it so far."""

    thread: Thread
    writer: Writer
    contents: Contents | None = None

    def look(self) -> Steps[Contents | None]:
        """What it holds now; None where there is nothing of it."""
        place = yield from self.thread.locate()
        if place.session is None:
            # Empty, and told which session it is by the first that is stored.
            self.contents = Contents("", self.writer)
            return None
        contents, count = self.contents, place.session.interaction_count
        # Fewer than we know: a merge was undone.
        if contents is None or contents.session_id != place.session_id or count < contents.count:
            contents = Contents(place.session_id, self.writer)
        if contents.count != count:
            contents = yield from self._caught_up(contents)
        self.contents = contents
        return contents

    def _caught_up(self, contents: Contents) -> Steps[Contents]:
        # From the last known one on: that it is still the last one shows that nothing was moved.
        news = yield from read_after(contents.session_id, max(0, contents.through - 1))
        try:
            contents.extend(news)
        except Renumbered:
            contents = Contents(contents.session_id, self.writer)
            contents.extend((yield from read_after(contents.session_id)))
        return contents

    def append(self, interactions: Sequence[dict[str, Any]]) -> Steps[Logged]:
        """Store, and know what was stored without reading it again."""
        logged = yield from self.thread.append(interactions)
        if self.contents is not None:
            self.contents.extend_own(interactions, logged)
        return logged


@dataclass
class Threads:
    """All of a namespace; at most `most_known` are remembered, those that were used last."""

    namespace: str
    start: SessionStart
    most_known: int
    _known: "OrderedDict[str, Known]" = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, thread_id: str) -> Known:
        with self._lock:
            known = self._known.get(thread_id)
            if known is None:
                start: SessionStart = {"source": ADAPTER, "metadata": {"thread_id": thread_id}, **self.start}
                thread = Thread(session_id_of(self.namespace, thread_id), start)
                known = self._known[thread_id] = Known(thread, Writer(ADAPTER, thread_id))
                if len(self._known) > self.most_known:
                    self._known.popitem(last=False)
            self._known.move_to_end(thread_id)
            return known

    def ids(self) -> Steps[list[str]]:
        """All threads there are, by the IDs of their sessions. Raises ValueError without a namespace."""
        if not self.namespace:
            raise ValueError("Without a namespace nobody knows which sessions are threads.")
        prefix = f"{self.namespace}."
        found: dict[str, None] = {}
        for line in (yield from sessions_beginning(prefix)):
            base, _ = base_and_generation(line.session_id)
            name = text_of_id_part(base.removeprefix(prefix))
            if name is None:
                name = yield from _stated_name(line.session_id)
            found[name] = None
        return list(found)


def _stated_name(session_id: str) -> Steps[str]:
    session = yield from ask(get_session(session_id))
    return str(session.context.metadata.get("thread_id", session_id))


def copied(interactions: Sequence[Interaction], source: Known, target: Known) -> list[dict[str, Any]]:
    """What one thread holds as another's: all but what was forgotten, of which later lists may still need a part."""
    hidden = source.contents.hidden if source.contents is not None else set()
    copies = []
    for one in interactions:
        if not source.writer.wrote(one) or "marks" in one.metadata:
            continue
        metadata = {**one.metadata, "thread": target.writer.thread}
        if metadata.get("record") == CHECKPOINT and (metadata["ns"], metadata["id"]) in hidden:
            metadata["record"] = CHANNELS
        told = {name: value for name in _COPIED if (value := getattr(one, name)) not in (None, "")}
        if "of" in metadata:
            metadata["of"] = _copied_key(metadata["of"], source, target)
        if one.idempotency_key is not None:
            told["idempotency_key"] = _copied_key(one.idempotency_key, source, target)
        copies.append({**told, "metadata": metadata})
    return copies


def _copied_key(key: str, source: Known, target: Known) -> str:
    return key.replace(f".{source.writer.mark}", f".{target.writer.mark}")


_COPIED = (
    "kind",
    "prompt",
    "response",
    "reasoning",
    "tool_name",
    "tool_parameters",
    "model",
    "input_tokens",
    "output_tokens",
    "status",
    "error_message",
    "occurred_at",
    "source_record",
)
