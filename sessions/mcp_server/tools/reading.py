"""Conversations found, read and given out."""

from typing import Annotated, Literal, get_args

from pydantic import Field, WithJsonSchema

from sessions import agents
from sessions.actions import SORTS, STATES, Order, SessionFilters
from sessions.agents.shapes import (
    DATA_NOTE,
    ConversationSummary,
    ExportPart,
    Found,
    History,
    Moment,
    SessionList,
)
from sessions.agents.shapes.incoming import Count, Incoming
from sessions.records import Caller, Scope

from .base import READS, Answer, tool
from .words import Cursor, Page, SessionId, counted

type State = Literal["active", "expired", "held", "trashed", "merged", "all"]
type Sort = Literal["activity", "created", "user", "interactions", "tokens", "cost", "errors"]
# Which there are is known by the exporters; that it is one of them is checked further down.
type Form = Annotated[str, WithJsonSchema({"type": "string", "enum": list(agents.FORMATS)})]
assert get_args(State.__value__) == STATES  # noqa: S101  (one list of each)
assert get_args(Sort.__value__) == tuple(SORTS)  # noqa: S101

_HISTORY_CHARACTERS = 40_000
_EXPORT_CHARACTERS = 100_000


class ListSessions(Incoming):
    user_id: str = Field("", description="Only this user's sessions.")
    state: State = Field("active", description="Where in its life a session is; 'all' for every state.")
    source: str = Field("", description="Only those held with this program, such as claude-code.")
    model: str = Field("", description="Only those in which this model took part.")
    tag: str = Field("", description="Only those with this tag.")
    active_since: Moment | None = Field(None, description="Last activity at this time or later; ISO 8601 with zone.")
    active_before: Moment | None = Field(None, description="Last activity before this time; ISO 8601 with zone.")
    has_errors: bool = Field(False, description="Only those in which something failed.")
    least_interactions: Count | None = Field(None, description="At least so many interactions.")
    most_interactions: Count | None = Field(None, description="At most so many interactions.")
    sort: Sort = Field("activity", description="What the list is sorted by.")
    descending: bool = Field(True, description="The latest, or largest, first.")
    cursor: Cursor = ""
    limit: Page = 20


@tool(Scope.READ, READS, title="List sessions")
def list_sessions(caller: Caller, wanted: ListSessions) -> Answer[SessionList]:
    """List stored conversations, the latest active first: session_id, user, title, state, figures, tags. Narrow it by
    user, state, source, model, tag, time or number of interactions. Only active sessions are listed unless `state` says
    otherwise: idle ones are 'expired' after some days and can still be resumed. To find what was said, use
    search_sessions; to read on in one, resume_session or get_conversation_summary.
    """
    known = SessionFilters.__dataclass_fields__
    filters = SessionFilters(**{name: value for name, value in wanted if name in known})
    order = Order(wanted.sort, wanted.descending)
    found = agents.list_sessions(caller, filters, order=order, cursor=wanted.cursor, limit=wanted.limit)
    more = "; more with next_cursor" if found.next_cursor else ""
    return Answer(found, f"{counted(len(found.sessions), 'session')}{more}.")


class SearchSessions(Incoming):
    query: str = Field(
        description='Words that must all occur; "a phrase"; -word excludes; filters such as user:, tag:, tool:, kind:.'
    )
    cursor: Cursor = ""
    limit: Page = 20


class SearchHits(Found):
    """Hits with the session of each; what was found stands between « and » in a snippet."""

    note: str


@tool(Scope.READ, READS, title="Search conversations")
def search_sessions(caller: Caller, wanted: SearchSessions) -> Answer[SearchHits]:
    """Find what was said in any stored conversation, in every state of it: prompts, responses, tool calls, errors,
    titles, summaries. Each hit names its session and the sequence of the interaction; read around it with
    get_interaction_history (after = sequence - 3), or go on there with resume_session.
    """
    found = agents.search(caller, wanted.query, cursor=wanted.cursor, limit=wanted.limit)
    values = {name: getattr(found, name) for name in Found.model_fields}
    more = "; more with next_cursor" if found.next_cursor else ""
    text = f"{counted(len(found.hits), 'hit')}{more}. {DATA_NOTE}"
    return Answer(SearchHits.model_construct(**values, note=DATA_NOTE), text)


class OfSession(Incoming):
    session_id: SessionId


@tool(Scope.READ, READS, title="Get a conversation's summary")
def get_conversation_summary(caller: Caller, wanted: OfSession) -> Answer[ConversationSummary]:
    """What a conversation is about, in little room: its figures, how it began, the stored summary and topics, pinned
    interactions and the last turns, long ones shortened. Changes nothing, unlike resume_session, and brings nothing
    back to life. For the words themselves use get_interaction_history.
    """
    summary = agents.conversation_summary(caller, wanted.session_id)
    line = summary.session
    text = (
        f"Session {line.session_id} of user {line.user_id}, {line.state}, "
        f"{counted(line.total_interactions, 'interaction')}, last active {line.last_activity_at:%Y-%m-%d %H:%M} UTC. "
        f"{DATA_NOTE}"
    )
    return Answer(summary, text)


class GetHistory(Incoming):
    session_id: SessionId
    after: int | None = Field(None, ge=0, description="Only interactions behind this sequence, the oldest first.")
    before: int | None = Field(None, ge=0, description="The last interactions ahead of this sequence; not with after.")
    limit: int = Field(50, ge=1, le=500, description="How many at most.")
    max_characters: int = Field(
        _HISTORY_CHARACTERS,
        ge=agents.LEAST_CHARACTERS,
        le=agents.MAX_CHARACTERS,
        description="Fewer interactions are returned where they would be longer than this together.",
    )


@tool(Scope.READ, READS, title="Get a conversation's interactions")
def get_interaction_history(caller: Caller, wanted: GetHistory) -> Answer[History]:
    """Read a conversation word for word, in pages: every interaction with its kind, texts, tool call, model, time and,
    where a merge brought it, the session that it came from (`origins`). Without after and before it begins with the
    first interaction; the answer's `after` and `before` are the places to go on from in either direction, absent at the
    ends. The latest page: before = total_interactions + 1.
    """
    found = agents.history(
        caller,
        wanted.session_id,
        after=wanted.after,
        before=wanted.before,
        limit=wanted.limit,
        most_characters=wanted.max_characters,
    )
    shown = found.interactions
    where = f", sequence {shown[0].sequence} to {shown[-1].sequence}" if shown else ""
    text = f"{counted(len(shown), 'interaction')} of session {found.origin.session_id}{where}. {DATA_NOTE}"
    return Answer(found, text)


class ExportSession(Incoming):
    session_id: SessionId
    format: Form = Field("json", description="'json' and 'jsonl' are complete, 'markdown' is for people.")
    offset: int = Field(0, ge=0, description="`next_offset` of the answer before, for the next stretch.")
    max_characters: int = Field(
        _EXPORT_CHARACTERS,
        ge=agents.LEAST_CHARACTERS,
        le=agents.MAX_CHARACTERS,
        description="So much of the document at most.",
    )


@tool(Scope.READ, READS, title="Export a session")
def export_session(caller: Caller, wanted: ExportSession) -> Answer[ExportPart]:
    """Give out a whole conversation as one document: 'json' (complete, can be imported again), 'jsonl' (one interaction
    a line) or 'markdown'. A document that is longer than max_characters comes in stretches: while the answer has a
    next_offset, call again with it and join the contents. To read a conversation yourself, prefer
    get_interaction_history.
    """
    part = agents.export_part(
        caller, wanted.session_id, form=wanted.format, offset=wanted.offset, most_characters=wanted.max_characters
    )
    rest = f"; it goes on at offset {part.next_offset}" if part.next_offset is not None else "; this is its end"
    text = f"{part.file_name}: {counted(len(part.content), 'character')} from offset {part.offset:,}{rest}. {DATA_NOTE}"
    return Answer(part, text)
