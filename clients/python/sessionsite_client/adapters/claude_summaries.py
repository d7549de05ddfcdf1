"""The SDK's summary of a transcript, kept in the session's metadata and never behind what was said."""

from dataclasses import dataclass, replace
from typing import Any

from claude_agent_sdk import fold_session_summary
from claude_agent_sdk.types import SessionKey, SessionStoreEntry, SessionSummaryEntry

from ..errors import Changed
from ..requests import Steps, ask
from ..shapes import Session
from ..verbs import sessions as session_verbs
from ..verbs.sessions import ContextEdit
from .claude_keys import entry_of, milliseconds, writer_of
from .records import records_of
from .texts import short
from .threads import read_after

_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Summary:
    """What the SDK sums up, the last interaction that it knows of, and what the server has of it."""

    session_id: str
    data: dict[str, Any] | None
    through: int
    stored: dict[str, Any] | None
    mtime: int

    def is_followed_by(self, sequences: list[int]) -> bool:
        """Whether these come right behind, and nobody else's in between."""
        return bool(sequences) and sequences == list(range(self.through + 1, self.through + 1 + len(sequences)))

    def withentries_of(self, key: SessionKey, entries: list[SessionStoreEntry], through: int) -> "Summary":
        before: SessionSummaryEntry | None = None
        if self.data is not None:
            before = {"session_id": key["session_id"], "mtime": 0, "data": self.data}
        return replace(self, data=fold_session_summary(before, key, entries)["data"], through=through)


def folded(key: SessionKey, session_id: str) -> Steps[Summary]:
    """What the server has of it, and what was said since."""
    session = yield from ask(session_verbs.get_session(session_id))
    kept = session.context.metadata.get(_member(key), {})
    data = kept.get("data")
    summary = Summary(session.session_id, data, kept.get("through", 0), data, milliseconds(session))
    if summary.through == session.interaction_count:
        return summary
    interactions = yield from read_after(session_id, summary.through)
    entries = [entry_of(record) for record in records_of(interactions, writer_of(key).wrote)]
    return summary.withentries_of(key, entries, interactions[-1].sequence) if entries else summary


def stored(key: SessionKey, summary: Summary) -> Steps[Summary]:
    """Write it where it is another one by now; where somebody was quicker, it is folded anew."""
    for _ in range(_ATTEMPTS):
        if summary.data == summary.stored:
            break
        session = yield from ask(session_verbs.get_session(summary.session_id))
        edit = _edit(key, session, summary)
        try:
            yield from ask(session_verbs.update_context(session.session_id, session.context.version, edit))
        except Changed:
            summary = yield from folded(key, summary.session_id)
        else:
            return replace(summary, stored=summary.data)
    return summary


def _member(key: SessionKey) -> str:
    """Where it stands: after a merge, a session's metadata holds the summaries of several transcripts."""
    return f"claude_agent_summary.{writer_of(key).mark}"


def _edit(key: SessionKey, session: Session, summary: Summary) -> ContextEdit:
    data, before = summary.data or {}, summary.stored or {}
    kept = {"data": data, "through": summary.through}
    edit: ContextEdit = {"metadata": {**session.context.metadata, _member(key): kept}}
    title, known = _title(data), _title(before)
    # Whoever gave it another one here means it.
    if title and title != known and session.context.title in ("", known):
        edit["title"] = title
    return edit


def _title(data: dict[str, Any]) -> str:
    return short(data.get("custom_title") or data.get("ai_title") or "")
