"""Every verb that programs can call, with its scope and a call of it that names something of one user's."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sessions import agents
from sessions.actions import LATEST_FIRST, SessionFilters
from sessions.agents.shapes import ContextEdit, SessionBatch
from sessions.records import Caller, Scope

from .estate import Estate, said, start

type Call = Callable[[Caller, Estate], Any]
READ, WRITE, ADMIN = Scope


@dataclass(frozen=True)
class Verb:
    """The scope that it needs, and a call of it."""

    needs: Scope
    call: Call


def _everybodys(estate: Estate) -> SessionFilters:
    return SessionFilters(user_id=estate.user_id, state="all")


SAID = said(idempotency_key="once")

VERBS: dict[str, Verb] = {
    "start_session": Verb(
        WRITE, lambda by, of: agents.start_session(by, start(session_id=of.main, if_exists="resume"))
    ),
    "list_sessions": Verb(READ, lambda by, of: agents.list_sessions(by, _everybodys(of), order=LATEST_FIRST)),
    "get_session": Verb(READ, lambda by, of: agents.get_session(by, of.main)),
    "context_of": Verb(READ, lambda by, of: agents.context_of(by, of.main)),
    "context_pack": Verb(READ, lambda by, of: agents.context_pack(by, of.main)),
    "resume": Verb(WRITE, lambda by, of: agents.resume(by, of.trashed)),
    "update_context": Verb(WRITE, lambda by, of: agents.update_context(by, of.main, ContextEdit(title="New"))),
    "add_tag": Verb(WRITE, lambda by, of: agents.add_tag(by, of.main, "new")),
    "remove_tag": Verb(WRITE, lambda by, of: agents.remove_tag(by, of.main, "kept")),
    "hold": Verb(WRITE, lambda by, of: agents.hold(by, of.main, "needed")),
    "release": Verb(ADMIN, lambda by, of: agents.release(by, of.main)),
    "trash": Verb(ADMIN, lambda by, of: agents.trash(by, of.main)),
    "restore": Verb(WRITE, lambda by, of: agents.restore(by, of.trashed)),
    "append": Verb(WRITE, lambda by, of: agents.append(by, of.main, [SAID])),
    "append_batches": Verb(
        WRITE, lambda by, of: agents.append_batches(by, [SessionBatch(session_id=of.main, interactions=[SAID])])
    ),
    "list_interactions": Verb(READ, lambda by, of: agents.list_interactions(by, of.main)),
    "get_interaction": Verb(READ, lambda by, of: agents.get_interaction(by, of.main, 1)),
    "pin": Verb(WRITE, lambda by, of: agents.pin(by, of.main, of.interaction_id)),
    "unpin": Verb(WRITE, lambda by, of: agents.unpin(by, of.main, of.interaction_id)),
    "search": Verb(READ, lambda by, of: agents.search(by, f"request user:{of.user_id}")),
    "export_session": Verb(READ, lambda by, of: list(agents.export_session(by, of.main).chunks)),
    "export_sessions": Verb(READ, lambda by, of: list(agents.export_sessions(by, _everybodys(of)).pieces)),
    "export_part": Verb(READ, lambda by, of: agents.export_part(by, of.main)),
    "history": Verb(READ, lambda by, of: agents.history(by, of.main)),
    "transcript": Verb(READ, lambda by, of: agents.transcript(by, of.main)),
    "conversation_summary": Verb(READ, lambda by, of: agents.conversation_summary(by, of.main)),
    "plan_merge": Verb(WRITE, lambda by, of: agents.plan_merge(by, of.main, [of.other])),
    "apply_merge": Verb(WRITE, lambda by, of: agents.apply_merge(by, of.merge_token)),
    "merge": Verb(WRITE, lambda by, of: agents.merge(by, of.main, [of.other])),
    "get_merge": Verb(READ, lambda by, of: agents.get_merge(by, of.merge_id)),
    "unmerge": Verb(WRITE, lambda by, of: agents.unmerge(by, of.merge_id)),
    "plan_cleanup": Verb(ADMIN, lambda by, of: agents.plan_cleanup(by, user_id=of.user_id)),
    "apply_cleanup": Verb(ADMIN, lambda by, of: agents.apply_cleanup(by, of.cleanup_token)),
    "get_cleanup": Verb(ADMIN, lambda by, of: agents.get_cleanup(by, of.run_id)),
    "undo_cleanup": Verb(ADMIN, lambda by, of: agents.undo_cleanup(by, of.run_id)),
    "start_import": Verb(WRITE, lambda by, of: agents.start_import(by, "f", [b"{}"], user_id=of.user_id)),
    "list_imports": Verb(READ, lambda by, of: agents.list_imports(by)),
    "get_import": Verb(READ, lambda by, of: agents.get_import(by, of.import_id)),
    "confirm_import": Verb(WRITE, lambda by, of: agents.confirm_import(by, of.import_id)),
    "cancel_import": Verb(WRITE, lambda by, of: agents.cancel_import(by, of.import_id)),
    "undo_import": Verb(ADMIN, lambda by, of: agents.undo_import(by, of.done_import_id)),
    "list_users": Verb(READ, lambda by, of: agents.list_users(by, prefix=of.user_id)),
    "get_user": Verb(READ, lambda by, of: agents.get_user(by, of.user_id)),
    "preferences_of": Verb(READ, lambda by, of: agents.preferences_of(by, of.user_id)),
    "set_preferences": Verb(WRITE, lambda by, of: agents.set_preferences(by, of.user_id, {"tone": "plain"})),
    "remove_preference": Verb(WRITE, lambda by, of: agents.remove_preference(by, of.user_id, "tone")),
    "suggest_session_ids": Verb(READ, lambda by, of: agents.suggest_session_ids(by, of.user_id)),
    "suggest_user_ids": Verb(READ, lambda by, of: agents.suggest_user_ids(by, of.user_id)),
}
