"""Places in a session, its newest state, its records, and the whole as Markdown."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sessions import actions
from sessions.errors import InvalidInput, NotFound
from sessions.records import InteractionKind
from tests.builders import ALICE, log, make_session

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_it_finds_the_first_since_a_time() -> None:
    session = make_session()
    for days in range(4):
        log(session, prompt="x", occurred_at=NOON + timedelta(days=days))
    assert actions.first_since(session.pk, NOON + timedelta(days=1, hours=1)) == 3
    assert actions.first_since(session.pk, NOON - timedelta(days=9)) == 1
    assert actions.first_since(session.pk, NOON + timedelta(days=9)) is None
    with pytest.raises(InvalidInput):
        actions.first_since(session.pk, datetime(1900, 1, 1, tzinfo=UTC))


def test_it_feels_the_pulse_by_one_query() -> None:
    session = make_session(turns=2)
    with CaptureQueriesContext(connection) as queries:
        pulse = actions.pulse(session.pk)
    assert (pulse.last_sequence, pulse.is_here, len(queries)) == (2, True, 1)
    assert not actions.pulse("nobody").is_here


def test_a_merge_changes_the_pulse_and_an_append_does_not() -> None:
    session, other = make_session(turns=1), make_session(turns=1)
    before = actions.pulse(session.pk).rewrite_revision
    log(session, prompt="x")
    assert actions.pulse(session.pk).rewrite_revision == before
    actions.merge_sessions(session.pk, absorbed=other.pk, actor=ALICE)
    assert actions.pulse(session.pk).rewrite_revision != before
    assert not actions.pulse(other.pk).is_here


def test_it_hands_out_records() -> None:
    session = make_session(title="Title", turns=1, tags=["ci"])
    assert actions.interaction_document(session.pk, 1)["prompt"] == "request 1"
    assert actions.session_document(session.pk)["session_info"]["title"] == "Title"


@pytest.mark.parametrize("sequence", [0, 2, 10**30])
def test_it_knows_no_interaction_that_is_not_there(sequence: int) -> None:
    with pytest.raises(NotFound):
        actions.get_interaction(make_session(turns=1).pk, sequence)


def test_it_writes_the_whole_as_markdown() -> None:
    session = make_session(title="A *title*\nover two lines", tags=["ci"], user_id="alice")
    log(session, kind=InteractionKind.CLIENT_REQUEST, prompt="Do **this**")
    log(session, kind=InteractionKind.TOOL_CALL, tool_name="Bash", tool_parameters={"command": "ls"})
    log(session, kind=InteractionKind.TOOL_RESPONSE, response="a\n```\nb", error_message="no")
    log(session, kind=InteractionKind.AGENT_RESPONSE, reasoning="hm\n\nwell", response="Done.", model="m-1")
    text = "".join(actions.export_session(session.pk, "markdown"))
    assert text.startswith("# A *title* over two lines\n\n- Session: `")
    assert "\n## 1. Request\n" in text
    assert "\nDo **this**\n" in text
    assert "\n## 2. Tool call · Bash\n" in text
    assert '```json\n{\n  "command": "ls"\n}\n```' in text
    assert "\n````\na\n```\nb\n````\n" in text
    assert "\n**Error:**\n\n```\nno\n```\n" in text
    assert "\n> hm\n>\n> well\n\nDone.\n" in text
