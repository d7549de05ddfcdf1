"""Conversations in many scripts, with code and long output: what both databases must give the same answers about."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sessions import actions
from sessions.actions import ContextChanges
from sessions.models import Session
from sessions.records import InteractionDraft, InteractionKind
from tests.builders import ALICE, draft, make_session

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
REQUEST, REPLY, CALL, RESULT, ERROR = (
    InteractionKind.CLIENT_REQUEST,
    InteractionKind.AGENT_RESPONSE,
    InteractionKind.TOOL_CALL,
    InteractionKind.TOOL_RESPONSE,
    InteractionKind.ERROR,
)
LONG_OUTPUT = (
    "".join(f"line {number}: status ok, value {number * 7919 % 100_003}\n" for number in range(1, 2_200))
    + "the needle at the end: quarantined_segment_42\n"
)

DRAFTS: dict[str, list[InteractionDraft]] = {
    "ferry": [
        draft(REQUEST, prompt="Why does createOrResume fail with seat_hold_expired_during_checkout?"),
        draft(
            CALL, tool_name="Bash", tool_parameters={"command": "grep -rn seat_hold src/app/views.py", "lines": [1, 2]}
        ),
        draft(RESULT, tool_name="Bash", response="src/app/views.py:42: raise SeatHoldExpired(hold.id)\n" * 3),
        draft(
            REPLY,
            response="The hold on the seat expired. See views.py; call create_or_resume again.",
            model="claude-opus-4-5",
        ),
        draft(ERROR, error_message="psycopg.errors.DeadlockDetected: deadlock detected on table seat", status="error"),
    ],
    "words": [
        draft(prompt="Un café crème, s'il vous plaît", response="Le cafe\u0301 est prêt. Straße und STRASSE."),
        draft(prompt="İstanbul'da hava nasıl?", response="Istanbul: güneşli, ΕΛΛΆΔΑ και Ελλάδα."),
        draft(prompt="日本語の全文検索は難しいですか", response="全文検索には形態素解析か N-gram が必要です。ﾊﾝｶｸも。"),
        draft(prompt="한국어 검색 엔진을 만들자", response="สวัสดีครับ ค้นหาข้อความภาษาไทย"),
        draft(prompt="שלום עולם", response="مَرْحَبًا بالعالم 🎉 done ✅"),
    ],
    "long": [
        draft(REQUEST, prompt="show me the whole log"),
        draft(RESULT, tool_name="Read", response=LONG_OUTPUT),
        draft(REPLY, response="It ends well.", reasoning="The needle was hidden in the output; nothing else matters."),
    ],
    "shed": [
        draft(REQUEST, prompt="seat belt or bench seat in the garden shed, which is the better seat"),
        draft(REPLY, response="A bench. We spoke of the hold of a ship once, and of a seat elsewhere."),
    ],
}
FIELDS: dict[str, dict[str, Any]] = {
    "ferry": {"title": "Ferry double booking", "tags": ["ci", "needs review"], "user_id": "alice"},
    "words": {"title": "Words of the world", "user_id": "bob"},
    "long": {"title": "", "user_id": "bob"},
    "shed": {"title": "Garden seat", "user_id": "carol", "tags": ["garden"]},
}
CONTEXTS: dict[str, ContextChanges] = {
    "words": {"active_topics": ["Übersetzung"]},
    "long": {"context_summary": "A long log was read to its end."},
}


def make_corpus() -> None:
    """The sessions, each interaction at its own fixed time, a session's last activity with its last one."""
    for place, (session_id, drafts) in enumerate(DRAFTS.items()):
        make_session(session_id=session_id, source="corpus", **FIELDS[session_id])
        if session_id in CONTEXTS:
            actions.update_context(session_id, actor=ALICE, **CONTEXTS[session_id])
        begun = START + timedelta(days=40 * place)
        timed = [_at(one, begun + timedelta(minutes=number)) for number, one in enumerate(drafts)]
        actions.log_interactions(session_id, timed, actor=ALICE)
        last = begun + timedelta(minutes=len(drafts))
        Session.objects.filter(pk=session_id).update(created_at=begun, last_activity_at=last)


def _at(one: InteractionDraft, moment: datetime) -> InteractionDraft:
    return replace(one, occurred_at=moment)
