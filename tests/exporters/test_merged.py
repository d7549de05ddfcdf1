"""What was merged, in other tools' files: there an ID names one message, so what came under one key comes under two."""

import json
import zlib
from collections import Counter
from pathlib import Path

import pytest

from sessions import actions
from sessions.models import Interaction, Session
from sessions.records import INTERACTION_CONTENT, InteractionDraft, InteractionKind
from tests.builders import ALICE, make_session

from .round_trips import FIXTURES, back_in, out, take_in

pytestmark = pytest.mark.django_db(transaction=True)

SAMPLES = {
    "chatgpt": "chatgpt/ragaeeb__sample_chatgpt_conversation.json",
    "claude-code": "claude-code/simonw__sample_session.jsonl",
    "librechat": "librechat/librechat-linear.json",
    "openai": "openai/toy_chat_fine_tuning.jsonl",
    "openwebui": "openwebui/librechat__openwebui-export.json",
    "sharegpt": "sharegpt/hiyouga__glaive_toolcall_en_demo.first3.json",
}


def said_again(session_id: str) -> str:
    """Another session that said the same in other words, each under the same key, as its source wrote it too."""
    twin: str = make_session(session_id=f"{session_id}-again").pk
    drafts = []
    for row in Interaction.objects.of(session_id):
        values = {name: getattr(row, name) for name in INTERACTION_CONTENT if name != "kind"}
        source = zlib.decompress(row.source_record).decode() if row.source_record else ""
        for name in ("prompt", "response"):
            if told := values[name]:
                values[name] = f"Again: {told}"
                source = source.replace(json.dumps(told)[1:-1], json.dumps(values[name])[1:-1])
        drafts.append(
            InteractionDraft(
                kind=InteractionKind(row.kind),
                **values,
                occurred_at=row.occurred_at,
                idempotency_key=row.idempotency_key,
                source_record=source.encode() or None,
            )
        )
    actions.log_interactions(twin, drafts, actor=ALICE)
    return twin


def told() -> Counter[str]:
    rows = Interaction.objects.all()
    return Counter(text for row in rows for text in (row.prompt, row.response) if text)


@pytest.mark.parametrize("form", SAMPLES)
def test_nothing_is_lost_where_two_had_one_key(form: str, tmp_path: Path) -> None:
    take_in(FIXTURES / SAMPLES[form])
    for session in list(Session.objects.filter(interaction_count__gt=0)):
        twin = said_again(session.pk)
        actions.merge_sessions(session.pk, absorbed=twin, actor=ALICE)
    before = told()
    assert sum(text.startswith("Again: ") for text in before) > 1
    Session.objects.exclude(merged_into=None).delete()
    back_in(out(tmp_path, form))
    assert told() == before
