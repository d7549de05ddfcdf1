"""The five steps of a session's life on the live configuration, with a scratch user, leaving nothing behind."""

import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from sessions.analytics import tally
from sessions.mirror import drain, journal, quarantine, replay
from sessions.models import AuditEvent, Interaction, Merge, Session, SessionTag, Tombstone
from sessions.records import Actor, InteractionDraft, InteractionKind

from .begin import create_session, new_session_id
from .context import update_context
from .copies import verify_session_now
from .find import get_session
from .log import log_interaction
from .merging import merge_sessions

_RESTART_SECONDS = 60


class SelfTestFailed(Exception):
    """A step did not do what it promises; the message says which promise."""


class SelfTest:
    """A run: `steps()` yields each step's name and the call that walks it; `clear()` removes every trace."""

    def __init__(self, actor: Actor) -> None:
        self._actor = actor
        self._user_id = f"selftest-{secrets.token_hex(4)}"
        self._ids: list[str] = []

    def steps(self) -> Iterator[tuple[str, Callable[[], str]]]:
        yield "create", self._create
        yield "update", self._update
        yield "persist", self._persist
        yield "resume after a restart", self._resume
        yield "merge", self._merge

    def clear(self) -> None:
        """Remove the scratch sessions from both copies, without tombstones: they were nobody's."""
        for session_id in self._ids:
            with transaction.atomic(durable=True):
                tally.subtract(Interaction.objects.filter(session_id=session_id))
                Interaction.objects.filter(session_id=session_id).unordered_delete()
                SessionTag.objects.filter(session_id=session_id).delete()
                Merge.objects.filter(Q(survivor_id=session_id) | Q(absorbed_id=session_id)).delete()
                Session.objects.filter(merged_into_id=session_id).update(merged_into=None)
                Session.objects.filter(pk=session_id).delete()
                Tombstone.objects.filter(pk=session_id).delete()
                AuditEvent.objects.filter(session_id=session_id).delete()
            places = drain.layout()
            with journal.hold(places, session_id):
                journal.remove(places.journal(session_id))
                journal.remove(places.document(session_id))
                quarantine.purge(places, session_id)

    def _create(self) -> str:
        session_id = self._new_session()
        self._turn(session_id, "first")
        return f"session {session_id} of {self._user_id}"

    def _update(self) -> str:
        update_context(self._ids[0], actor=self._actor, context_summary="a self-test", active_topics=["self-test"])
        _demand(get_session(self._ids[0]).context_summary == "a self-test", "the context reads as it was written")
        return "context written and read"

    def _persist(self) -> str:
        image = replay.read_image(drain.layout().journal(self._ids[0]))
        _demand(image.sound and len(image.interactions) == 1, "the journal verifies and holds the interaction")
        _demand(not verify_session_now(self._ids[0]), "both copies agree")
        return f"{image.lines} journal lines verified against the database"

    def _resume(self) -> str:
        """A new process knows nothing but the configuration and the ID."""
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-c", _RESUME, self._ids[0], self._user_id],
            cwd=settings.BASE_DIR,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": os.environ["DJANGO_SETTINGS_MODULE"]},
            capture_output=True,
            text=True,
            timeout=_RESTART_SECONDS,
            check=False,
        )
        _demand(done.returncode == 0, f"a new process resumes the session ({done.stderr.strip()[-300:]})")
        _demand(done.stdout.strip() == f"{self._ids[0]} 1", "the resumed session has its ID and its one interaction")
        return "resumed by its ID in a new process, nothing added"

    def _merge(self) -> str:
        other_id = self._new_session()
        self._turn(other_id, "second")
        merge_sessions(self._ids[0], absorbed=other_id, actor=self._actor)
        survivor = get_session(other_id)
        _demand(survivor.pk == self._ids[0] and survivor.interaction_count == 2, "the absorbed ID leads to both turns")
        _demand(not verify_session_now(survivor.pk), "both copies agree after the merge")
        return "two sessions made one, the absorbed ID leads to it"

    def _new_session(self) -> str:
        # Noted before it is made: one that is committed and not acknowledged must be cleared as well.
        session_id = new_session_id()
        self._ids.append(session_id)
        create_session(session_id=session_id, user_id=self._user_id, source="selftest", actor=self._actor)
        return session_id

    def _turn(self, session_id: str, word: str) -> None:
        draft = InteractionDraft(kind=InteractionKind.CONVERSATION_TURN, prompt=f"{word} request", response="answer")
        log_interaction(session_id, draft, actor=self._actor)


def _demand(holds: bool, promise: str) -> None:
    if not holds:
        raise SelfTestFailed(f"Broken promise: {promise}.")


_RESUME = """
import sys
from sessions.session_manager import session_manager as manager
resumed = manager.create_or_resume_session(user_id=sys.argv[2], session_id=sys.argv[1])
print(resumed, manager.get_session(resumed).total_interactions)
"""
