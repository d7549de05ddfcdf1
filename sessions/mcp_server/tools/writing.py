"""Conversations begun, gone on with and written down."""

from typing import Annotated, Any

from pydantic import Field

from sessions import agents
from sessions.agents.shapes import (
    DATA_NOTE,
    Context,
    ContextEdit,
    Identifier,
    InteractionIn,
    Logged,
    Resumed,
    SessionOut,
    SessionStart,
)
from sessions.agents.shapes.incoming import Incoming
from sessions.errors import InvalidInput
from sessions.packing import MAX_TOKENS, MIN_TOKENS
from sessions.records import Caller, Scope

from .base import ADDS, SETTLES, Answer, tool
from .words import SessionId, counted


class StartedSession(SessionOut):
    """The session as it stands; `created` is absent where one that was there was resumed."""

    created: bool = False


@tool(Scope.WRITE, ADDS, title="Start a session")
def start_session(caller: Caller, wanted: SessionStart) -> Answer[StartedSession]:
    """Begin a new conversation in the store and get its session_id. Call it once at the start of a conversation that
    shall be kept, then log every turn with log_interaction under that session_id.

    To go on with an earlier conversation, call resume_session instead. Where you choose the session_id yourself and it
    may exist already, if_exists="resume" makes this call safe to repeat; otherwise an existing ID is refused.
    """
    session, created = agents.start_session(caller, wanted)
    values = {name: getattr(session, name) for name in SessionOut.model_fields}
    how = "Started" if created else "Resumed"
    return Answer(
        StartedSession.model_construct(**values, created=created),
        f"{how} session {session.session_id} of user {session.user_id}. Log its turns with log_interaction.",
    )


class ResumeSession(Incoming):
    session_id: SessionId
    user_id: str | None = Field(
        None, description="Whose session it must be; one of somebody else's is answered as unknown."
    )
    max_tokens: int = Field(
        agents.DEFAULT_TOKENS,
        ge=MIN_TOKENS,
        le=MAX_TOKENS,
        description="The budget of the context pack; it is never exceeded.",
    )


class ResumedSession(Resumed):
    """The session, brought back to life, and what to go on from."""

    note: str


@tool(Scope.WRITE, SETTLES, title="Resume a session")
def resume_session(caller: Caller, wanted: ResumeSession) -> Answer[ResumedSession]:
    """Go on with an earlier conversation by its session_id. Returns a context pack within a budget of tokens: summary,
    topics, project context, preferences, pinned interactions and the latest turns, and a list of what was left out.

    Works from every state: an expired session, or one in the trash, is brought back; the ID of a session that was
    merged leads to the one that absorbed it, whose session_id is in the answer and is the one to use from then on. Adds
    no interaction, so it is safe to repeat. Turns that did not fit are fetched with get_interaction_history
    (before = the first sequence in context_pack.latest; where none fitted, context_pack.left_out.ranges tells which
    there are). If you do not know the ID, find it with list_sessions or search_sessions.
    """
    found = agents.resume(caller, wanted.session_id, user_id=wanted.user_id, max_tokens=wanted.max_tokens)
    pack = found.context_pack
    left = sum(gap.count for gap in pack.left_out.ranges)
    text = (
        f"Resumed session {found.session.session_id} of user {found.session.user_id}: "
        f"{counted(pack.session.interactions, 'interaction')}, {len(pack.latest)} of the latest in this pack"
        f"{f', {left:,} more left out' if left else ''}. {DATA_NOTE}"
    )
    values = {name: getattr(found, name) for name in Resumed.model_fields}
    return Answer(ResumedSession.model_construct(**values, note=DATA_NOTE), text)


class LogInteraction(InteractionIn):
    """One interaction by its members, or several as `interactions`; never both."""

    session_id: SessionId
    interactions: Annotated[list[InteractionIn], Field(min_length=1, max_length=agents.MAX_BATCH)] | None = Field(
        None, description="Several interactions in their order, stored together: all of them or none."
    )

    def all(self) -> list[InteractionIn]:
        """What is to be logged. Raises InvalidInput."""
        alone = self.model_fields_set - {"session_id", "interactions"}
        if self.interactions is None:
            if not alone:
                raise InvalidInput("interactions", "there is nothing to log.", hint="Give prompt and response.")
            return [InteractionIn.model_construct(**{name: getattr(self, name) for name in InteractionIn.model_fields})]
        if alone:
            raise InvalidInput(
                "interactions", "stands beside members of a single one.", hint="Put all of them into the list."
            )
        return self.interactions


@tool(Scope.WRITE, ADDS, title="Log interactions")
def log_interaction(caller: Caller, wanted: LogInteraction) -> Answer[Logged]:
    """Store what was said and done in a conversation. When this answers, both copies have it, and it can be searched.

    Log one interaction by its members (usually prompt and response; kind defaults to conversation_turn), or several at
    once as `interactions`, in their order. Give each an idempotency_key, such as the turn's number or your message ID:
    a repeated call with the same keys adds nothing, so a call whose answer was lost can simply be sent again.
    Tool use: kind="tool_call" with tool_name and tool_parameters, then kind="tool_response" with response.
    """
    logged = agents.append(caller, wanted.session_id, wanted.all())
    places = [one.sequence for one in logged.interactions]
    known = len(places) - logged.added
    text = (
        f"Stored {counted(logged.added, 'new interaction')} in session {logged.session_id}"
        f"{f'; {known:,} were there already' if known else ''} (sequence {_range(places)})."
    )
    return Answer(logged, text)


def _range(places: list[int]) -> str:
    first, last = min(places), max(places)
    return str(first) if first == last else f"{first} to {last}"


class UpdateContext(ContextEdit):
    """Which session, and what of its context to replace."""

    session_id: SessionId
    version: str = Field(
        "", description="The context's `version` that you read; the edit is refused where it changed since."
    )

    def changes(self) -> dict[str, Any]:
        mine = super().changes()
        return {name: value for name, value in mine.items() if name in ContextEdit.model_fields}


@tool(Scope.WRITE, SETTLES, title="Update a session's context")
def update_context(caller: Caller, wanted: UpdateContext) -> Answer[Context]:
    """Change what is known around a conversation: title, context_summary, active_topics, preferences of this session,
    project_context, semantic_context, metadata, tags. Members that you give replace what was there, whole; those that
    you leave out stay. Keep context_summary and active_topics up to date: whoever resumes reads them first.
    """
    context = agents.update_context(caller, wanted.session_id, wanted, version=wanted.version)
    changed = ", ".join(sorted(wanted.changes()))
    return Answer(context, f"Changed {changed} of session {context.session_id}.")


class PinInteraction(Incoming):
    session_id: SessionId
    interaction_id: Identifier = Field(description="The `id` of the interaction.")
    pinned: bool = Field(True, description="False takes the pin away.")


@tool(Scope.WRITE, SETTLES, title="Pin an interaction")
def pin_interaction(caller: Caller, wanted: PinInteraction) -> Answer[SessionOut]:
    """Pin an interaction that matters, such as a decision, or take its pin away. Pinned interactions are handed to
    everyone who resumes the session, however long ago they were said.
    """
    turn = agents.pin if wanted.pinned else agents.unpin
    session = turn(caller, wanted.session_id, wanted.interaction_id)
    done = "Pinned" if wanted.pinned else "Unpinned"
    return Answer(session, f"{done}. Session {session.session_id} has {counted(len(session.pins), 'pin')}.")
