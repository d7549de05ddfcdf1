"""The plain Python face: code written for the old session manager runs unchanged but for its import.

    from sessions.session_manager import session_manager

    session_id = session_manager.create_or_resume_session(user_id="alice")
    session_manager.log_conversation_turn(session_id, "What is a journal?", "A file that only grows.")

`interaction_logger` has the old logger's verbs, which name no session: it keeps to one of its own. Times are aware
and in UTC, where the old manager's were naive.

Django is set up on import where nobody did it before, from the environment as everywhere.
"""

import asyncio
import functools
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import django
from django.apps import apps

if not apps.ready:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sessionsite.settings")
    django.setup()

from sessions import actions
from sessions.actions import CleanupResult, SessionFilters
from sessions.errors import Conflict, InvalidInput, NotFound, SessionsiteError, SessionTrashed
from sessions.models import Session
from sessions.records import ANONYMOUS, JSON, Actor, Face, InteractionDraft, InteractionKind

_ACTOR = Actor("session_manager", Face.PYTHON)
_PAGE = 500


@functools.cache
def _thread_of(process: int) -> ThreadPoolExecutor:
    """One thread, with its one connection, for calls from event loops; a forked process does not inherit it."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"session-manager-{process}")


def _from_anywhere[**P, R](verb: Callable[P, R]) -> Callable[P, R]:
    """A verb that may be called inside an event loop too, as the old manager's could.

    The loop waits for it, as it waited for the old manager; only Django's connection may not be used in the loop's
    own thread.
    """

    @functools.wraps(verb)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return verb(*args, **kwargs)
        return _thread_of(os.getpid()).submit(verb, *args, **kwargs).result()

    return call


@dataclass
class PersistentSession:
    """A session as the old manager handed it out; a snapshot, refreshed by asking for it again."""

    session_id: str
    user_id: str
    created_at: datetime
    last_activity: datetime
    total_interactions: int = 0
    session_file_path: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    context_summary: str | None = None
    active_topics: list[str] | None = None
    user_preferences: dict[str, Any] | None = None

    @classmethod
    def of(cls, session: Session) -> "PersistentSession":
        """The snapshot of a row."""
        return cls(
            session_id=session.pk,
            user_id=session.user_id,
            created_at=session.created_at,
            last_activity=session.last_activity_at,
            total_interactions=session.total_interactions,
            session_file_path=str(actions.journal_path(session.pk)),
            metadata=dict(session.metadata),
            context_summary=session.context_summary or None,
            active_topics=list(session.active_topics) or None,
            user_preferences=dict(session.user_preferences) or None,
        )

    def to_dict(self) -> dict[str, Any]:
        """The old flat document's fields, times in ISO 8601."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**values, "created_at": self.created_at.isoformat(), "last_activity": self.last_activity.isoformat()}


class SessionManager:
    """The old manager's verbs, over the actions. What it answered with None, False or {} still is."""

    def __init__(self, actor: Actor = _ACTOR) -> None:
        self._actor = actor

    # --- Sessions ---

    @_from_anywhere
    def create_or_resume_session(self, user_id: str | None = None, session_id: str | None = None) -> str:
        """The same ID when it could be resumed, from expired or trash too; a new session's ID when it could not."""
        if session_id is not None:
            try:
                return str(actions.resume_session(session_id, user_id=user_id, actor=self._actor).pk)
            except NotFound:
                pass
        session = actions.create_session(user_id=user_id or ANONYMOUS, source="python", actor=self._actor)
        return str(session.pk)

    @_from_anywhere
    def get_session(self, session_id: str) -> PersistentSession | None:
        """A session's snapshot, None for an unknown ID."""
        try:
            return PersistentSession.of(actions.get_session(session_id))
        except NotFound:
            return None

    @_from_anywhere
    def get_user_sessions(self, user_id: str) -> list[PersistentSession]:
        """All of a user's sessions outside the trash, latest activity first."""
        if not user_id:
            # To the filter below, no name means everybody.
            return []
        states = ("active", "expired")
        return [PersistentSession.of(one) for state in states for one in _all(state, user_id)]

    @_from_anywhere
    def list_active_sessions(self) -> list[dict[str, Any]]:
        """The active sessions, latest activity first, as the old flat documents' fields."""
        return [PersistentSession.of(session).to_dict() for session in _all("active")]

    @_from_anywhere
    def update_session_activity(self, session_id: str, interaction_count: int = 1) -> bool:
        """Count now as the session's last activity. Interactions are counted as they are logged, not by this."""
        return self._succeeds(lambda: actions.resume_session(session_id, actor=self._actor))

    @_from_anywhere
    def update_session_context(
        self,
        session_id: str,
        context_summary: str | None = None,
        active_topics: list[str] | None = None,
        user_preferences: dict[str, Any] | None = None,
    ) -> bool:
        """Replace the given context fields; None leaves one as it is."""
        given: dict[str, Any] = {
            "context_summary": context_summary,
            "active_topics": active_topics,
            "user_preferences": user_preferences,
        }
        changes = {name: value for name, value in given.items() if value is not None}
        return self._succeeds(lambda: actions.update_context(session_id, actor=self._actor, **changes))

    @_from_anywhere
    def export_session_data(self, session_id: str) -> dict[str, Any] | None:
        """`session_info`, `interactions` (all of them), `context`, `export_timestamp` and `export_version`.

        What the old export called otherwise stands there under both names.
        """
        try:
            document = actions.export_document(session_id)
            session = PersistentSession.of(actions.get_session(session_id))
        except NotFound:
            return None
        document["session_info"] |= session.to_dict()
        document["context"]["key_topics"] = document["context"]["active_topics"]
        for interaction in document["interactions"]:
            interaction |= {"type": interaction["kind"], "timestamp": interaction["occurred_at"]}
        return document

    @_from_anywhere
    def merge_sessions(self, primary_session_id: str, secondary_session_id: str) -> bool:
        """Merge the second session into the first; False where that cannot be."""
        return self._succeeds(
            lambda: actions.merge_sessions(primary_session_id, absorbed=secondary_session_id, actor=self._actor)
        )

    @_from_anywhere
    def cleanup_expired_sessions(self) -> int:
        """Put expired sessions into the trash; returns how many. Raises BrakePulled for a large part of the store."""
        plan = actions.plan_cleanup()
        result: CleanupResult = actions.apply_cleanup(plan.token, actor=self._actor)
        return result.trashed

    # --- Interactions ---

    def log_client_request(self, session_id: str, request: str, **details: Any) -> str:
        """Log what a client asked; returns the interaction's ID. See `log` for `details`."""
        return self.log(session_id, InteractionKind.CLIENT_REQUEST, prompt=request, **details)

    def log_agent_response(self, session_id: str, response: str, **details: Any) -> str:
        """Log what the agent answered."""
        return self.log(session_id, InteractionKind.AGENT_RESPONSE, response=response, **details)

    def log_conversation_turn(self, session_id: str, client_request: str, agent_response: str, **details: Any) -> str:
        """Log a request and its answer as one."""
        return self.log(
            session_id, InteractionKind.CONVERSATION_TURN, prompt=client_request, response=agent_response, **details
        )

    def log_tool_call(self, session_id: str, tool_name: str, parameters: JSON = None, **details: Any) -> str:
        """Log that a tool was called."""
        return self.log(
            session_id, InteractionKind.TOOL_CALL, tool_name=tool_name, tool_parameters=parameters, **details
        )

    def log_tool_response(self, session_id: str, tool_name: str, response: str, **details: Any) -> str:
        """Log what a tool gave back."""
        return self.log(session_id, InteractionKind.TOOL_RESPONSE, tool_name=tool_name, response=response, **details)

    def log_error(self, session_id: str, error_message: str, **details: Any) -> str:
        """Log a failure."""
        return self.log(
            session_id, InteractionKind.ERROR, error_message=error_message, **{"status": "error", **details}
        )

    @_from_anywhere
    def log(self, session_id: str, kind: InteractionKind | str, **details: Any) -> str:
        """Log an interaction of any kind; `details` are the fields of `InteractionDraft`. Returns its ID.

        When this returns, the interaction is on disk twice. Raises the errors of `actions.log_interaction`.
        """
        unknown = details.keys() - InteractionDraft.__dataclass_fields__.keys()
        if unknown:
            raise InvalidInput(min(unknown), "is not a field of an interaction.")
        draft = InteractionDraft(**{**details, "kind": kind})
        return str(actions.log_interaction(session_id, draft, actor=self._actor).pk)

    def _succeeds(self, act: Any) -> bool:
        """Whether an act went through; an ID or a state that does not fit is an answer, anything else an error."""
        try:
            act()
        except (NotFound, Conflict):
            return False
        return True


def _all(state: str, user_id: str = "") -> list[Session]:
    found: list[Session] = []
    cursor = ""
    while True:
        page = actions.list_sessions(SessionFilters(state=state, user_id=user_id), cursor=cursor, limit=_PAGE)
        found.extend(page.sessions)
        cursor = page.next_cursor
        if not cursor:
            return found


session_manager = SessionManager()


class InteractionLogger:
    """The old logger's verbs, on one session: the first that it is given, or one that it begins.

    Each returns its interaction's ID. A session that was trashed meanwhile is brought back, a purged one replaced.
    """

    def __init__(self, manager: SessionManager = session_manager) -> None:
        self._manager = manager
        self._session_id = ""
        self._user_id: str | None = None
        self._lock = threading.Lock()

    def get_or_create_session(self, user_id: str | None = None, session_id: str | None = None) -> str:
        """The logger's session. Only the first call may choose: later ones are answered with what it chose."""
        with self._lock:
            if not self._session_id:
                self._user_id = user_id
                self._session_id = self._manager.create_or_resume_session(user_id, session_id)
            return self._session_id

    def log_interaction(
        self,
        interaction_type: str,
        client_request: str | None = None,
        agent_response: str | None = None,
        error_message: str | None = None,
        status: str = "success",
        metadata: dict[str, Any] | None = None,
        tool_name: str | None = None,
        parameters: dict[str, Any] | None = None,
        execution_time_ms: float | None = None,
    ) -> str:
        """Log an interaction of a type named in `InteractionKind`. Raises the errors of `actions.log_interaction`."""
        fields: dict[str, Any] = {
            "prompt": client_request or "",
            "response": agent_response or "",
            "error_message": error_message or "",
            "status": status,
            "metadata": metadata or {},
            "tool_name": tool_name or "",
            "tool_parameters": parameters,
            "execution_time_ms": execution_time_ms,
        }
        session_id = self.get_or_create_session()
        try:
            return self._manager.log(session_id, interaction_type, **fields)
        except (NotFound, SessionTrashed):
            return self._manager.log(self._instead_of(session_id), interaction_type, **fields)

    def log_client_request(self, request: str, metadata: dict[str, Any] | None = None) -> str:
        """Log what a client asked."""
        return self.log_interaction("client_request", client_request=request, metadata=metadata)

    def log_agent_response(self, response: str, metadata: dict[str, Any] | None = None) -> str:
        """Log what the agent answered."""
        return self.log_interaction("agent_response", agent_response=response, metadata=metadata)

    def log_conversation_turn(
        self, client_request: str, agent_response: str, metadata: dict[str, Any] | None = None
    ) -> str:
        """Log a request and its answer as one."""
        return self.log_interaction("conversation_turn", client_request, agent_response, metadata=metadata)

    def log_tool_call(
        self,
        tool_name: str,
        parameters: dict[str, Any],
        execution_time_ms: float | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> str:
        """Log that a tool was called."""
        return self.log_interaction(
            "tool_call",
            tool_name=tool_name,
            parameters=parameters,
            execution_time_ms=execution_time_ms,
            metadata=metadata,
        )

    def log_tool_response(
        self,
        tool_name: str,
        response: str,
        execution_time_ms: float | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> str:
        """Log what a tool gave back."""
        return self.log_interaction(
            "tool_response",
            agent_response=response,
            tool_name=tool_name,
            execution_time_ms=execution_time_ms,
            metadata=metadata,
        )

    def log_error(
        self, error_message: str, interaction_type: str = "error", metadata: dict[str, Any] | None = None
    ) -> str:
        """Log a failure."""
        return self.log_interaction(interaction_type, error_message=error_message, status="error", metadata=metadata)

    def _instead_of(self, session_id: str) -> str:
        """The session of an ID that could not be logged to, brought back, or a new one in its place."""
        with self._lock:
            if self._session_id == session_id:
                self._session_id = self._manager.create_or_resume_session(self._user_id, session_id)
            return self._session_id


interaction_logger = InteractionLogger()

__all__ = [
    "InteractionLogger",
    "PersistentSession",
    "SessionManager",
    "SessionsiteError",
    "interaction_logger",
    "session_manager",
]
