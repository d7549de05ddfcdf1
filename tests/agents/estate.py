"""Programs that call, and what is one user's of everything that a verb may be asked for."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sessions import actions
from sessions.agents.shapes import InteractionIn, SessionStart
from sessions.models import AuditEvent, Session
from sessions.records import Actor, Caller, Face, Scope
from tests.builders import ALICE, make_session

ROBOT = Actor("token:robot", Face.REST)


def caller(scope: Scope = Scope.ADMIN, user_id: str = "") -> Caller:
    """A program with a scope, bound to a user where one is named."""
    return Caller(ROBOT, scope, user_id)


@dataclass(frozen=True)
class Estate:
    """One user's: two sessions with interactions, one idle, one in the trash, a merge, a cleanup, and plans."""

    user_id: str
    main: str
    other: str
    idle: str
    trashed: str
    interaction_id: UUID
    merge_id: str
    merge_token: str
    run_id: UUID
    cleanup_token: str
    import_id: UUID
    done_import_id: UUID


def start(**fields: Any) -> SessionStart:
    """A session as a program asks for it."""
    return SessionStart(**fields)


def said(**fields: Any) -> InteractionIn:
    """An interaction as a program sends it, a conversation turn unless `kind` says otherwise."""
    return InteractionIn(**{"prompt": "said", "response": "heard", **fields})


def settle(user_id: str) -> Estate:
    main = make_session(session_id=f"{user_id}-main", user_id=user_id, turns=2, tags=["kept"])
    other = make_session(session_id=f"{user_id}-other", user_id=user_id, turns=1)
    actions.update_profile(user_id, replace={"tone": f"{user_id}'s own"}, actor=ALICE)
    make_session(session_id=f"{user_id}-cleaned", user_id=user_id, idle_days=40)
    run = actions.begin_cleanup(actions.plan_cleanup(user_id=user_id).token, actor=ALICE)
    while run.finished_at is None:
        run = actions.continue_cleanup(run.pk, actor=ALICE)
    make_session(session_id=f"{user_id}-idle", user_id=user_id, idle_days=30)
    make_session(session_id=f"{user_id}-trashed", user_id=user_id, turns=1)
    actions.trash_session(f"{user_id}-trashed", actor=ALICE)
    for name in ("kept", "absorbed"):
        make_session(session_id=f"{user_id}-{name}", user_id=user_id, turns=1)
    merge = actions.merge_sessions(f"{user_id}-kept", absorbed=f"{user_id}-absorbed", actor=ALICE)
    return Estate(
        user_id=user_id,
        main=main.pk,
        other=other.pk,
        idle=f"{user_id}-idle",
        trashed=f"{user_id}-trashed",
        interaction_id=actions.list_interactions(main.pk).interactions[0].pk,
        merge_id=str(merge.pk),
        merge_token=actions.plan_merge(main.pk, absorbed=[other.pk]).token,
        run_id=run.pk,
        cleanup_token=actions.plan_cleanup(user_id=user_id).token,
        done_import_id=_taken_in(user_id),
        import_id=actions.stage_import([("f", [b"{}"])], options={"owner": user_id}, actor=ALICE).pk,
    )


def _taken_in(user_id: str) -> UUID:
    """An import that is over, and added nothing."""
    options = actions.checked_options({"owner": user_id})
    recorded = actions.record_import(["f"], size_bytes=2, options=options, actor=ALICE)
    recorded.finish("done")
    return recorded.run.pk


def whole_store() -> tuple[Any, ...]:
    """All that any verb could change, as one comparable value."""
    marks = list(Session.objects.order_by("pk").values_list("pk", "revision", "last_activity_at", "trashed_at"))
    return actions.store_digest(), marks, AuditEvent.objects.count()
